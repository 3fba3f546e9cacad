"""Runs a jq filter: each filter is a generator of results. Source: jq 1.7 manual."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from svclab.terminal.commands.jq import functions
from svclab.terminal.commands.jq.errors import JqError, NotDefined
from svclab.terminal.commands.jq.functions import order, truth, type_of
from svclab.terminal.commands.jq.language import Filter

Value = Any
Environment = dict[str, Any]  # "$name" -> value, "name/arity" -> (parameters, body, environment)


_MAX_RESULTS = 1_000_000


class Evaluation:
    """Evaluates filters; `check` is called at each step and may raise."""

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check
        self._depth = 0

    def run(self, node: Filter, value: Value, env: Environment) -> Iterator[Value]:
        """The results of a filter for one input."""
        self._check()
        match node:
            case ("identity",):
                yield value
            case ("recurse",):
                yield from _recurse(value)
            case ("literal", found):
                yield found
            case ("field", target, key):
                for whole in self.run(target, value, env):
                    for name in self.run(key, value, env):
                        yield functions.item(whole, name)
            case ("slice", target, start, end):
                for whole in self.run(target, value, env):
                    yield functions.part(whole, self._one(start, value, env), self._one(end, value, env))
            case ("iterate", target):
                for whole in self.run(target, value, env):
                    yield from functions.items(whole)
            case ("pipe", left, right):
                for middle in self.run(left, value, env):
                    yield from self.run(right, middle, env)
            case ("comma", left, right):
                yield from self.run(left, value, env)
                yield from self.run(right, value, env)
            case ("text", form, parts):
                yield from self._texts(form, parts, value, env)
            case ("array", inner):
                yield [] if inner is None else list(self._limited(self.run(inner, value, env)))
            case ("object", entries):
                yield from self._objects(entries, value, env)
            case _:
                yield from self._control(node, value, env)

    def _limited(self, results: Iterator[Value]) -> Iterator[Value]:
        """These results, one by one. Raises JqError beyond a million."""
        for number, result in enumerate(results):
            if number % 256 == 0:
                self._check()
            if number >= _MAX_RESULTS:
                raise JqError(f"more than {_MAX_RESULTS:,} values")
            yield result

    def _one(self, node: Filter | None, value: Value, env: Environment) -> Value:
        return None if node is None else next(self.run(node, value, env), None)

    def _control(self, node: Filter, value: Value, env: Environment) -> Iterator[Value]:
        match node:
            case ("binary", op, left, right):
                yield from self._binary(op, left, right, value, env)
            case ("negate", operand):
                for number in self.run(operand, value, env):
                    yield functions.arithmetic("-", 0, number)
            case ("assign", op, left, right):
                yield from self._assign(op, left, right, value, env)
            case ("if", branches, otherwise):
                yield from self._if(branches, otherwise, value, env)
            case ("try", body, handler):
                try:
                    yield from self.run(body, value, env)
                except JqError as error:
                    if handler is not None:
                        yield from self.run(handler, error.value, env)
            case ("as", source, name, body):
                for found in self.run(source, value, env):
                    yield from self.run(body, value, {**env, f"${name}": found})
            case ("reduce", source, name, first, update):
                result = self._one(first, value, env)
                for found in self.run(source, value, env):
                    results = list(self.run(update, result, {**env, f"${name}": found}))
                    result = results[-1] if results else None
                yield result
            case ("foreach", source, name, first, update, extract):
                state = self._one(first, value, env)
                for found in self.run(source, value, env):
                    inner = {**env, f"${name}": found}
                    for updated in list(self.run(update, state, inner)):
                        state = updated
                        yield from self.run(extract, state, inner)
            case ("def", name, parameters, body, rest):
                scope = dict(env)
                scope[f"{name}/{len(parameters)}"] = (parameters, body, scope)
                yield from self.run(rest, value, scope)
            case ("variable", name):
                if f"${name}" not in env:
                    raise NotDefined(f"${name} is not defined")
                yield env[f"${name}"]
            case ("format", name):
                yield functions.formatted(name, value)
            case ("call", name, arguments):
                yield from self._call(name, arguments, value, env)

    def _if(
        self, branches: list[tuple[Filter, Filter]], otherwise: Filter | None, value: Value, env: Environment
    ) -> Iterator[Value]:
        if not branches:
            yield from self.run(otherwise or ("identity",), value, env)
            return
        (condition, body), *rest = branches
        for found in self.run(condition, value, env):
            if truth(found):
                yield from self.run(body, value, env)
            else:
                yield from self._if(rest, otherwise, value, env)

    def _texts(self, form: str | None, parts: list[Any], value: Value, env: Environment) -> Iterator[str]:
        if not parts:
            yield ""
            return
        *before, last = parts
        for start in self._texts(form, before, value, env):
            if isinstance(last, str):
                yield start + last
                continue
            for found in self.run(last, value, env):
                yield start + (functions.formatted(form, found) if form else functions.as_text(found))

    def _objects(
        self, entries: list[tuple[Filter, Filter]], value: Value, env: Environment
    ) -> Iterator[Value]:
        if not entries:
            yield {}
            return
        *before, (key, content) = entries
        for start in self._objects(before, value, env):
            for name in self.run(key, value, env):
                if not isinstance(name, str):
                    raise JqError(f"Object keys must be strings, not {type_of(name)}")
                for found in self.run(content, value, env):
                    yield {**start, name: found}

    def _binary(
        self, op: str, left: Filter, right: Filter, value: Value, env: Environment
    ) -> Iterator[Value]:
        if op in ("and", "or"):
            for a in self.run(left, value, env):
                if truth(a) == (op == "or"):
                    yield op == "or"
                else:
                    yield from (truth(b) for b in self.run(right, value, env))
            return
        if op == "//":
            found = False
            try:
                for a in self.run(left, value, env):
                    if truth(a):
                        found = True
                        yield a
            except JqError:
                pass
            if not found:
                yield from self.run(right, value, env)
            return
        for b in self.run(right, value, env):
            for a in self.run(left, value, env):
                yield (
                    functions.compared(op, a, b)
                    if op in functions.COMPARISONS
                    else functions.arithmetic(op, a, b)
                )

    # -- paths and assignment --------------------------------------------------------------------------------

    def paths(self, node: Filter, value: Value, env: Environment) -> Iterator[list[Any]]:
        """The paths that a filter leads to. Raises JqError for one that leads to none."""
        self._check()
        match node:
            case ("identity",):
                yield []
            case ("recurse",):
                yield from _all_paths(value)
            case ("field", target, key):
                for path in self.paths(target, value, env):
                    for name in self.run(key, value, env):
                        yield [*path, name]
            case ("iterate", target):
                for path in self.paths(target, value, env):
                    whole = functions.at_path(value, path)
                    yield from ([*path, key] for key in functions.keys(whole))
            case ("pipe", left, right):
                for path in self.paths(left, value, env):
                    whole = functions.at_path(value, path)
                    yield from ([*path, *rest] for rest in self.paths(right, whole, env))
            case ("comma", left, right):
                yield from self.paths(left, value, env)
                yield from self.paths(right, value, env)
            case ("call", "select", [condition]):
                if any(truth(found) for found in self.run(condition, value, env)):
                    yield []
            case ("call", "recurse", []):
                yield from _all_paths(value)
            case ("call", "empty", []):
                return
            case ("try", body, _):
                try:
                    yield from self.paths(body, value, env)
                except JqError:
                    return
            case ("if", branches, otherwise):
                for condition, body in branches:
                    if any(truth(found) for found in self.run(condition, value, env)):
                        yield from self.paths(body, value, env)
                        return
                yield from self.paths(otherwise or ("identity",), value, env)
            case _:
                raise JqError("Invalid path expression")

    def _assign(
        self, op: str, left: Filter, right: Filter, value: Value, env: Environment
    ) -> Iterator[Value]:
        paths = list(self.paths(left, value, env))
        if op == "|=":
            result = value
            for path in paths:
                new = next(self.run(right, functions.at_path(result, path), env), None)
                result = functions.with_path(result, path, new)
            yield result
            return
        for operand in self.run(right, value, env):
            result = value
            for path in paths:
                old = functions.at_path(result, path)
                if op == "=":
                    new = operand
                elif op == "//=":
                    new = old if truth(old) else operand
                else:
                    new = functions.arithmetic(op[:-1], old, operand)
                result = functions.with_path(result, path, new)
            yield result

    # -- functions -------------------------------------------------------------------------------------------

    def _call(self, name: str, arguments: list[Filter], value: Value, env: Environment) -> Iterator[Value]:
        if own := env.get(f"{name}/{len(arguments)}"):
            yield from self._call_own(own, arguments, value, env)
            return
        special = getattr(
            self, "_do_bounds" if (name, len(arguments)) == ("range", 2) else f"_do_{name}", None
        )
        if special is not None and special.__code__.co_argcount == len(arguments) + 3:
            yield from special(value, env, *arguments)
            return
        yield from self._product(name, arguments, [], value, env)

    def _product(
        self, name: str, arguments: list[Filter], values: list[Value], value: Value, env: Environment
    ) -> Iterator[Value]:
        if len(values) == len(arguments):
            yield functions.call(name, value, values)
            return
        for found in self.run(arguments[len(values)], value, env):
            yield from self._product(name, arguments, [*values, found], value, env)

    def _call_own(self, own: Any, arguments: list[Filter], value: Value, env: Environment) -> Iterator[Value]:
        parameters, body, scope = own
        self._depth += 1
        if self._depth > 200:
            raise JqError("functions call one another too deeply")
        inner = dict(scope)
        for parameter, argument in zip(parameters, arguments, strict=True):
            if parameter.startswith("$"):
                inner[parameter] = self._one(argument, value, env)
            else:
                inner[f"{parameter}/0"] = ([], argument, env)
        try:
            yield from self.run(body, value, inner)
        finally:
            self._depth -= 1

    def _do_empty(self, value: Value, env: Environment) -> Iterator[Value]:
        yield from ()

    def _do_select(self, value: Value, env: Environment, condition: Filter) -> Iterator[Value]:
        for found in self.run(condition, value, env):
            if truth(found):
                yield value

    def _do_map(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        yield [found for each in functions.items(value) for found in self.run(body, each, env)]

    def _do_map_values(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        pairs = [
            (k, next(self.run(body, functions.item(value, k), env), JqError)) for k in functions.keys(value)
        ]
        kept = [(k, found) for k, found in pairs if found is not JqError]
        yield dict(kept) if isinstance(value, dict) else [found for _, found in kept]

    def _do_with_entries(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        entries = functions.call("to_entries", value, [])
        yield functions.call("from_entries", [f for each in entries for f in self.run(body, each, env)], [])

    def _do_recurse(self, value: Value, env: Environment) -> Iterator[Value]:
        yield from _recurse(value)

    def _do_any(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        yield any(truth(found) for each in functions.items(value) for found in self.run(body, each, env))

    def _do_all(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        yield all(truth(found) for each in functions.items(value) for found in self.run(body, each, env))

    def _do_first(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        for found in self.run(body, value, env):
            yield found
            return

    def _do_last(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        yield from list(self.run(body, value, env))[-1:]

    def _do_limit(self, value: Value, env: Environment, count: Filter, body: Filter) -> Iterator[Value]:
        left = self._one(count, value, env)
        for found in self.run(body, value, env) if left > 0 else ():
            yield found
            left -= 1
            if left <= 0:
                return

    def _do_range(self, value: Value, env: Environment, end: Filter) -> Iterator[Value]:
        for last in self.run(end, value, env):
            yield from range(int(last))

    def _do_bounds(self, value: Value, env: Environment, start: Filter, end: Filter) -> Iterator[Value]:
        for last in self.run(end, value, env):
            for first in self.run(start, value, env):
                yield from range(int(first), int(last))

    def _do_path(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        yield from self.paths(body, value, env)

    def _do_paths(self, value: Value, env: Environment) -> Iterator[Value]:
        yield from (path for path in _all_paths(value) if path)

    def _do_del(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        result = value
        for path in sorted(self.paths(body, value, env), key=order, reverse=True):
            result = functions.without_path(result, path)
        yield result

    def _do_error(self, value: Value, env: Environment, message: Filter) -> Iterator[Value]:
        raise JqError(self._one(message, value, env))
        yield

    def _keyed(self, value: Value, env: Environment, body: Filter) -> list[tuple[Any, Value]]:
        if not isinstance(value, list):
            raise JqError(f"Cannot index {type_of(value)} with number")
        return sorted(
            ((order(list(self.run(body, each, env))), each) for each in value), key=lambda pair: pair[0]
        )

    def _do_sort_by(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        yield [each for _, each in self._keyed(value, env, body)]

    def _do_group_by(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        groups: list[tuple[Any, list[Value]]] = []
        for key, each in self._keyed(value, env, body):
            if groups and groups[-1][0] == key:
                groups[-1][1].append(each)
            else:
                groups.append((key, [each]))
        yield [group for _, group in groups]

    def _do_unique_by(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        found: list[tuple[Any, Value]] = []
        for key, each in self._keyed(value, env, body):
            if not found or found[-1][0] != key:
                found.append((key, each))
        yield [each for _, each in found]

    def _do_min_by(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        pairs = self._keyed(value, env, body)
        yield pairs[0][1] if pairs else None

    def _do_max_by(self, value: Value, env: Environment, body: Filter) -> Iterator[Value]:
        pairs = self._keyed(value, env, body)
        yield pairs[-1][1] if pairs else None

    def _do_env(self, value: Value, env: Environment) -> Iterator[Value]:
        yield env.get("$ENV", {})


def _recurse(value: Value) -> Iterator[Value]:
    yield value
    if isinstance(value, dict | list):
        for each in functions.items(value):
            yield from _recurse(each)


def _all_paths(value: Value) -> Iterator[list[Any]]:
    yield []
    if isinstance(value, dict | list):
        for key in functions.keys(value):
            yield from ([key, *rest] for rest in _all_paths(functions.item(value, key)))


def dumped(value: Value, *, compact: bool, sort: bool, indent: int | str = 2) -> str:
    """A value as jq prints it."""
    separators = (",", ":") if compact else (",", ": ")
    if isinstance(value, float) and value == int(value) and abs(value) < 1e17:
        value = int(value)
    return json.dumps(
        value, ensure_ascii=False, sort_keys=sort, indent=None if compact else indent, separators=separators
    )
