"""Runs an awk program over lines. Values are str, float, or Text: a str from input that may be a number."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from svclab.terminal.commands.awk.language import Expression, Program, Statement
from svclab.terminal.commands.registry import Usage
from svclab.terminal.regex import Regex, compile_regex, substitute
from svclab.terminal.shell.formatting import formatted

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?)")
_MAX_TEXT = 1_000_000


class Text(str):
    """A field or other input: it compares as a number where it looks like one."""

    __slots__ = ()


Value = str | float


class Next(Exception):
    """`next`: on to the next line."""


class Break(Exception):
    """`break`."""


class Continue(Exception):
    """`continue`."""


class Return(Exception):
    """`return` with its value."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Exit(Exception):
    """`exit` with its status."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def number(value: Value) -> float:
    """A value as a number: what a text begins with."""
    if isinstance(value, float):
        return value
    match = _NUMBER.match(value)
    return float(match[0]) if match else 0.0


def text(value: Value, form: str = "%.6g") -> str:
    """A value as text: whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if value == int(value) if math.isfinite(value) else False:
        return str(int(value))
    return form % value


def _numeric(value: Value) -> bool:
    if isinstance(value, float):
        return True
    return isinstance(value, Text) and bool(re.fullmatch(_NUMBER.pattern + r"\s*", value))


def truth(value: Value) -> bool:
    """Whether a value counts as true."""
    return number(value) != 0 if _numeric(value) else value != ""


class Machine:
    """A running program. `write` gets its output; `check` is called often and may raise."""

    def __init__(
        self,
        program: Program,
        write: Callable[[str], object],
        check: Callable[[], object],
        settings: dict[str, str],
    ) -> None:
        self._program, self._write, self._check = program, write, check
        self._vars: dict[str, Value] = {
            "FS": " ",
            "OFS": " ",
            "ORS": "\n",
            "NR": 0.0,
            "NF": 0.0,
            "SUBSEP": "\x1c",
        }
        self._vars |= {"FNR": 0.0, "FILENAME": "", "RS": "\n", "OFMT": "%.6g", "CONVFMT": "%.6g"}
        self._vars |= {name: Text(value) for name, value in settings.items()}
        self._arrays: dict[str, dict[str, Value]] = {}
        self._fields: list[Value] = [""]
        self._within: set[int] = set()  # ranges that have begun
        self._depth = 0

    def run(self, files: Iterable[tuple[str, Iterable[str]]]) -> int:
        """Run over the lines of all files; gives the exit status."""
        status = 0
        try:
            self._special("begin")
            rules = [(p, a) for p, a in self._program.rules if p is None or p[0] != "begin"]
            for name, lines in files if rules else ():
                self._vars["FILENAME"], self._vars["FNR"] = name, 0.0
                for line in lines:
                    self._line(line.removesuffix("\n"))
        except Exit as ended:
            status = ended.status
        try:
            self._special("end")
        except Exit as ended:
            status = ended.status
        return status

    def _special(self, kind: str) -> None:
        for pattern, action in self._program.rules:
            if pattern == (kind,):
                self._block(action or [])

    def _line(self, line: str) -> None:
        self._check()
        self._vars["NR"] = number(self._vars["NR"]) + 1
        self._vars["FNR"] = number(self._vars["FNR"]) + 1
        self._set_line(line)
        try:
            for place, (pattern, action) in enumerate(self._program.rules):
                if self._selected(place, pattern):
                    if action is None:
                        self._write(text(self._fields[0]) + text(self._vars["ORS"]))
                    else:
                        self._block(action)
        except Next:
            pass

    def _selected(self, place: int, pattern: Expression | None) -> bool:
        if pattern is None:
            return True
        if pattern[0] in ("begin", "end"):
            return False
        if pattern[0] != "range":
            return truth(self._value(pattern))
        if place not in self._within and not truth(self._value(pattern[1])):
            return False
        self._within.add(place)
        if truth(self._value(pattern[2])):
            self._within.discard(place)
        return True

    def _set_line(self, line: str) -> None:
        self._fields = [Text(line), *map(Text, self._split(line, text(self._vars["FS"])))]
        self._vars["NF"] = float(len(self._fields) - 1)

    def _split(self, line: str, separator: str) -> list[str]:
        if separator == " ":
            return line.split()
        if not line:
            return []
        if len(separator) == 1 and separator not in "\\[.^$*+?{|(":
            return line.split(separator)
        parts, place = [], 0
        regex = compile_regex(separator if len(separator) > 1 else "\\" + separator)
        while (match := regex.search(line, place)) and match.end > match.start:
            parts.append(line[place : match.start])
            place = match.end
        return [*parts, line[place:]]

    # -- statements ------------------------------------------------------------------------------------------

    def _block(self, statements: list[Statement]) -> None:
        for statement in statements:
            self._check()
            self._run(statement)

    def _run(self, statement: Statement) -> None:
        match statement:
            case ("do it", expression):
                self._value(expression)
            case ("print", arguments):
                parts = [text(self._value(a), text(self._vars["OFMT"])) for a in arguments] or [
                    text(self._fields[0])
                ]
                self._write(text(self._vars["OFS"]).join(parts) + text(self._vars["ORS"]))
            case ("printf", arguments):
                self._write(self._formatted(arguments))
            case ("if", condition, yes, no):
                self._block(yes if truth(self._value(condition)) else no)
            case ("while", condition, body):
                self._loop(condition, body)
            case ("do", body, condition):
                if self._turn(body):
                    self._loop(condition, body)
            case ("for", start, condition, step, body):
                if start:
                    self._run(start)
                self._loop(condition, body, step)
            case ("for in", name, array, body):
                for key in list(self._arrays.get(array, {})):
                    self._vars[name] = Text(key)
                    if not self._turn(body):
                        return
            case ("block", body):
                self._block(body)
            case ("delete", name, None):
                self._arrays.pop(name, None)
            case ("delete", name, keys):
                self._arrays.get(name, {}).pop(self._key(keys), None)
            case ("next",):
                raise Next
            case ("break",):
                raise Break
            case ("continue",):
                raise Continue
            case ("exit", value):
                raise Exit(int(number(self._value(value))) & 255 if value else 0)
            case ("return", value):
                raise Return(self._value(value) if value else "")

    def _turn(self, body: list[Statement]) -> bool:
        try:
            self._block(body)
        except Break:
            return False
        except Continue:
            pass
        return True

    def _loop(
        self, condition: Expression | None, body: list[Statement], step: Statement | None = None
    ) -> None:
        while condition is None or truth(self._value(condition)):
            self._check()
            if not self._turn(body):
                return
            if step:
                self._run(step)

    # -- expressions -----------------------------------------------------------------------------------------

    def _key(self, keys: list[Expression]) -> str:
        return text(self._vars["SUBSEP"]).join(text(self._value(key)) for key in keys)

    def _value(self, expression: Expression) -> Value:
        match expression:
            case ("number" | "string", value):
                return value
            case ("regex", pattern):
                return float(compile_regex(pattern).search(text(self._fields[0])) is not None)
            case ("var", name):
                return self._vars.get(name, Text(""))
            case ("field", operand):
                place = int(number(self._value(operand)))
                return self._fields[place] if 0 <= place < len(self._fields) else Text("")
            case ("index", name, keys):
                return self._arrays.setdefault(name, {}).setdefault(self._key(keys), Text(""))
            case ("assign", op, target, operand):
                return self._assign(op, target, operand)
            case ("step", target, by, prefix):
                before = number(self._value(target))
                self._store(target, before + by)
                return before + by if prefix else before
            case ("call", name, arguments):
                return self._call(name, arguments)
            case ("grouping", items):
                return [self._value(item) for item in items][-1]
            case _:
                return self._operation(expression)

    def _operation(self, expression: Expression) -> Value:
        match expression:
            case ("binary", op, left, right):
                return self._binary(op, self._value(left), self._value(right))
            case ("and", left, right):
                return float(truth(self._value(left)) and truth(self._value(right)))
            case ("or", left, right):
                return float(truth(self._value(left)) or truth(self._value(right)))
            case ("not", operand):
                return float(not truth(self._value(operand)))
            case ("negate", operand):
                return -number(self._value(operand))
            case ("plus", operand):
                return number(self._value(operand))
            case ("match", negated, left, right):
                found = self._regex(right).search(text(self._value(left)))
                return float((found is not None) != negated)
            case ("ternary", condition, yes, no):
                return self._value(yes if truth(self._value(condition)) else no)
            case ("in", keys, name):
                return float(self._key(keys) in self._arrays.get(name, {}))
            case _:
                raise Usage(f"cannot work out {expression[0]}")

    def _regex(self, expression: Expression) -> Regex:
        return compile_regex(expression[1] if expression[0] == "regex" else text(self._value(expression)))

    def _binary(self, op: str, left: Value, right: Value) -> Value:
        if op == "":
            joined = text(left) + text(right)
            if len(joined) > _MAX_TEXT:
                raise Usage("a text longer than a million characters")
            return joined
        if op in ("<", "<=", "==", "!=", ">", ">="):
            return float(_compared(op, left, right))
        a, b = number(left), number(right)
        if op in ("/", "%") and b == 0:
            raise Usage("division by zero")
        try:
            return {
                "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b,
                "%": lambda: math.fmod(a, b), "^": lambda: float(a**b),
            }[op]()  # fmt: skip
        except (OverflowError, TypeError):
            return math.inf

    def _assign(self, op: str, target: Expression, operand: Expression) -> Value:
        value = self._value(operand)
        if op != "=":
            value = self._binary("^" if op in ("^=", "**=") else op[:-1], self._value(target), value)
        self._store(target, value)
        return value

    def _store(self, target: Expression, value: Value) -> None:
        match target:
            case ("var", name):
                self._vars[name] = value
                if name == "NF":
                    self._fields = (self._fields + [Text("")] * 1000)[: int(number(value)) + 1]
                    self._rebuild()
            case ("index", name, keys):
                self._arrays.setdefault(name, {})[self._key(keys)] = value
            case ("field", operand):
                self._store_field(int(number(self._value(operand))), value)
            case _:
                raise Usage("cannot assign to this")

    def _store_field(self, place: int, value: Value) -> None:
        if not 0 <= place <= 10_000:
            raise Usage(f"trying to access out of range field {place}")
        if place == 0:
            self._set_line(text(value))
            return
        self._fields += [Text("")] * (place + 1 - len(self._fields))
        self._fields[place] = value
        self._vars["NF"] = float(len(self._fields) - 1)
        self._rebuild()

    def _rebuild(self) -> None:
        self._fields[0] = text(self._vars["OFS"]).join(text(f) for f in self._fields[1:])

    # -- functions -------------------------------------------------------------------------------------------

    def _formatted(self, arguments: list[Expression]) -> str:
        if not arguments:
            raise Usage("printf: no format")
        template, *values = [self._value(argument) for argument in arguments]
        shown = [text(value) for value in values]
        whole = re.sub(r"%[-+ #0]*\d*(?:\.\d+)?[di]", lambda m: m[0], text(template))
        places = [m[1] for m in re.finditer(r"%[-+ #0]*\*?\d*(?:\.\d+)?([a-zA-Z%])", whole) if m[1] != "%"]
        for place, kind in enumerate(places[: len(values)]):
            if kind in "dixXo":
                shown[place] = str(int(number(values[place])))
            elif kind in "feEgG":
                shown[place] = repr(number(values[place]))
            elif kind == "c" and isinstance(values[place], float):
                shown[place] = chr(int(number(values[place])) % 0x110000)
        return formatted(whole.replace("\\", "\\\\"), shown[: len(places)])[0]

    def _call(self, name: str, arguments: list[Expression]) -> Value:
        if name in self._program.functions:
            return self._call_own(name, arguments)
        if name in ("split", "sub", "gsub"):
            return self._changing(name, arguments)
        if name == "length" and arguments and arguments[0][0] == "var" and arguments[0][1] in self._arrays:
            return float(len(self._arrays[arguments[0][1]]))
        if name == "sprintf":
            return self._formatted(arguments)
        if name == "match" and len(arguments) == 2:
            found = self._regex(arguments[1]).search(text(self._value(arguments[0])))
            self._vars["RSTART"] = float(found.start + 1) if found else 0.0
            self._vars["RLENGTH"] = float(found.end - found.start) if found else -1.0
            return self._vars["RSTART"]
        return _builtin(name, [self._value(argument) for argument in arguments] or [self._fields[0]])

    def _call_own(self, name: str, arguments: list[Expression]) -> Value:
        names, body = self._program.functions[name]
        values = [self._value(argument) for argument in arguments]
        saved = {n: self._vars.get(n) for n in names}
        self._depth += 1
        if self._depth > 50:
            raise Usage("function calls nested too deeply")
        for place, n in enumerate(names):
            self._vars[n] = values[place] if place < len(values) else Text("")
        try:
            self._block(body)
        except Return as returned:
            return returned.value
        finally:
            self._depth -= 1
            self._vars |= {n: v for n, v in saved.items() if v is not None}
        return ""

    def _changing(self, name: str, arguments: list[Expression]) -> Value:
        if name == "split":
            separator = self._vars["FS"] if len(arguments) < 3 else self._separator(arguments[2])
            parts = self._split(text(self._value(arguments[0])), text(separator))
            self._arrays[arguments[1][1]] = {str(i): Text(part) for i, part in enumerate(parts, 1)}
            return float(len(parts))
        regex, new = self._regex(arguments[0]), text(self._value(arguments[1]))
        target = arguments[2] if len(arguments) > 2 else ("field", ("number", 0.0))
        count = 0

        def replacement(found: Any) -> str:
            nonlocal count
            count += 1
            return re.sub(r"\\&|&", lambda m: "&" if m[0] != "&" else found.group(), new)

        changed = substitute(regex, replacement, text(self._value(target)), every=name == "gsub")
        if count:
            self._store(target, changed)
        return float(count)

    def _separator(self, expression: Expression) -> Value:
        return expression[1] if expression[0] == "regex" else self._value(expression)


def _compared(op: str, left: Value, right: Value) -> bool:
    a: Any
    b: Any
    if _numeric(left) and _numeric(right):
        a, b = number(left), number(right)
    else:
        a, b = text(left), text(right)
    return {"<": a < b, "<=": a <= b, "==": a == b, "!=": a != b, ">": a > b, ">=": a >= b}[op]


def _builtin(name: str, values: list[Value]) -> Value:
    first = values[0]
    match name:
        case "length":
            return float(len(text(first)))
        case "substr":
            start = round(number(values[1])) if len(values) > 1 else 1
            end = start + round(number(values[2])) if len(values) > 2 else len(text(first)) + 1
            return text(first)[max(start - 1, 0) : max(end - 1, 0)]
        case "index":
            return float(text(first).find(text(values[1])) + 1)
        case "tolower":
            return text(first).lower()
        case "toupper":
            return text(first).upper()
        case "int":
            return float(int(number(first))) if math.isfinite(number(first)) else number(first)
        case "sqrt":
            return math.sqrt(max(number(first), 0))
        case "exp":
            return math.exp(min(number(first), 700))
        case "log":
            return math.log(number(first)) if number(first) > 0 else -math.inf
        case "sin":
            return math.sin(number(first))
        case "cos":
            return math.cos(number(first))
        case _:
            raise Usage(f"function {name} is not available here")
