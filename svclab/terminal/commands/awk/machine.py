"""Runs an awk program over records. Source: POSIX.1-2017 `awk`."""

import math
import re
from typing import Any

from svclab.terminal.commands.awk.functions import builtin
from svclab.terminal.commands.awk.language import Expression, Program, Statement
from svclab.terminal.commands.awk.streams import MainInput, Streams
from svclab.terminal.commands.awk.values import Text, Value, compared, number, text, truth
from svclab.terminal.commands.registry import Context, Usage
from svclab.terminal.regex import Regex, compile_regex, substitute
from svclab.terminal.shell.formatting import formatted

_MAX_TEXT = 1_000_000


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

    def __init__(self, status: int | None) -> None:
        super().__init__()
        self.status = status


class Machine:
    """A running program; `streams` are what it opens beside its input."""

    def __init__(
        self, program: Program, context: Context, settings: dict[str, str], streams: Streams
    ) -> None:
        self._program, self._streams, self._context = program, streams, context
        self._write, self._check = context.stdout.write, context.process.step
        self._vars: dict[str, Value] = {
            "FS": " ", "OFS": " ", "ORS": "\n", "NR": 0.0, "NF": 0.0, "SUBSEP": "\x1c", "FNR": 0.0,
            "FILENAME": "", "RS": "\n", "OFMT": "%.6g", "CONVFMT": "%.6g", "RSTART": 0.0, "RLENGTH": -1.0,
        }  # fmt: skip
        for name, value in settings.items():
            self.assign(name, value)
        self._arrays: dict[str, dict[str, Value]] = {
            "ENVIRON": {name: Text(value) for name, value in context.env.items()}
        }
        self._fields: list[Value] = [""]
        self._within: set[int] = set()  # ranges that have begun
        self._depth = 0

    def assign(self, name: str, value: str) -> None:
        """`-v name=value`, or the same among the files."""
        self._vars[name] = Text(value)

    def run(self, arguments: list[str], source: MainInput) -> int:
        """Run over all records; gives the exit status. `arguments` are ARGV."""
        self._vars["ARGC"] = float(len(arguments))
        self._arrays["ARGV"] = {str(i): Text(word) for i, word in enumerate(arguments)}
        self._source = source
        status = 0
        try:
            self._special("begin")
            rules = [(p, a) for p, a in self._program.rules if p is None or p[0] != "begin"]
            while rules and (record := self._record()) is not None:
                self._line(record)
        except Exit as ended:
            status = ended.status or 0
        try:
            self._special("end")
        except Exit as ended:
            status = status if ended.status is None else ended.status
        self._streams.close_all()
        return status

    def _record(self) -> str | None:
        """The next record of the files; NR and FNR count it."""
        record = self._source.next(text(self._vars["RS"]))
        if record is not None:
            if self._source.is_new_file:
                self._vars["FILENAME"], self._vars["FNR"] = self._source.name, 0.0
            self._vars["NR"] = number(self._vars["NR"]) + 1
            self._vars["FNR"] = number(self._vars["FNR"]) + 1
        return record

    def _special(self, kind: str) -> None:
        for pattern, action in self._program.rules:
            if pattern == (kind,):
                self._block(action or [])

    def _line(self, line: str) -> None:
        self._check()
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
        if separator == "":
            return list(line)
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
            case ("print", arguments, where):
                parts = [text(self._value(a), text(self._vars["OFMT"])) for a in arguments] or [
                    text(self._fields[0])
                ]
                self._print(text(self._vars["OFS"]).join(parts) + text(self._vars["ORS"]), where)
            case ("printf", arguments, where):
                self._print(self._formatted(arguments), where)
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
                raise Exit(int(number(self._value(value))) & 255 if value else None)
            case ("return", value):
                raise Return(self._value(value) if value else "")

    def _print(self, shown: str, where: tuple[str, Expression] | None) -> None:
        if where is None:
            self._write(shown)
        else:
            self._streams.write(where[0], text(self._value(where[1])), shown)

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
            case ("getline", kind, source, target):
                return self._getline(kind, source, target)
            case ("grouping", items):
                return [self._value(item) for item in items][-1]
            case _:
                return self._operation(expression)

    def _getline(self, kind: str, source: Expression | None, target: Expression | None) -> Value:
        """1 for a record, 0 at the end, -1 for a file that cannot be read."""
        if source is None:
            record = self._record()
        else:
            records = self._streams.read(kind, text(self._value(source)))
            if records is None:
                return -1.0
            record = records.next(text(self._vars["RS"]))
            if record is not None and kind == "|":
                self._vars["NR"] = number(self._vars["NR"]) + 1
        if record is None:
            return 0.0
        if target is None:
            self._set_line(record)
        else:
            self._store(target, Text(record))
        return 1.0

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
            return float(compared(op, left, right))
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
        if len(places) > len(shown):
            raise Usage(f"fatal: not enough arguments to satisfy format string\n\t`{whole}'")
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
        values = [self._value(argument) for argument in arguments] or [self._fields[0]]
        if name == "system":
            return float(self._streams.system(text(values[0])))
        if name == "close":
            return float(self._streams.close(text(values[0])))
        if name == "gensub":
            pattern = arguments[0][1] if arguments[0][0] == "regex" else text(values[0])
            values = [pattern, *values[1:3], values[3] if len(values) > 3 else self._fields[0]]
        return builtin(name, values, self._context.now())

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
