"""Parameter expansion: `$x`, `${x:-word}`, `${#x}`, `${x%pattern}`, `${x/a/b}`, `${x:1:2}`, arrays.

Source: bash 5.2 manual, 3.5.3.
"""

import re
from typing import TYPE_CHECKING

from svclab.terminal.shell import patterns
from svclab.terminal.shell.quoting import quoted
from svclab.terminal.shell.special import SPECIAL_NAMES
from svclab.terminal.shell.state import ShellError, Unset

if TYPE_CHECKING:
    from svclab.terminal.shell.expansion import Expander

_NAME = re.compile(r"([A-Za-z_]\w*|[0-9]+|[@*#?$!-])(?:\[((?:[^][]|\[[^]]*\])*)\])?")
_DEFAULTS = ("-", "=", "?", "+")
_CASES = {"^": str.upper, ",": str.lower, "~": str.swapcase}


class ParameterExpansion:
    """One `${…}`; `text` is what stands between the braces (or after `$`)."""

    def __init__(self, expander: "Expander", text: str, *, quoted: bool) -> None:
        self._expander, self._state = expander, expander.state
        self._text, self._quoted = text, quoted

    def value(self) -> str | list[str]:
        """A text, or a list for what becomes several fields (`$@`, `"${a[@]}"`). Raises ShellError."""
        text = self._text
        if text.startswith("#") and len(text) > 1 and _NAME.fullmatch(text[1:]):
            return self._length(text[1:])
        if text.startswith("!") and len(text) > 1:
            return self._indirect(text[1:])
        match = _NAME.match(text)
        if not match:
            raise ShellError(f"${{{text}}}: bad substitution")
        name, index, rest = match[1], match[2], text[match.end() :]
        values = self._values(name, index)
        if rest:
            return self._operation(name, index, values, rest)
        if values is None:
            if "u" in self._state.options and name not in ("@", "*"):
                shown = name if index is None else f"{name}[{index}]"
                raise Unset(f"{shown}: unbound variable")
            return ""
        return values

    def _values(self, name: str, index: str | None) -> str | list[str] | None:
        state = self._state
        if name in ("@", "*") or index in ("@", "*"):
            if name in ("@", "*"):
                found = list(state.positional)
            else:
                array = state.variables.get(name, {})
                found = list(array.values()) if isinstance(array, dict) else [array]
            if (name == "*" or index == "*") and self._quoted:
                ifs = state.get("IFS")
                return (" " if ifs is None else ifs[:1]).join(found)
            return found
        if index is not None:
            return self._expander.element(name, index)
        if name.isdigit():
            number = int(name)
            if number == 0:
                return state.name
            return state.positional[number - 1] if number <= len(state.positional) else None
        if name in "?$!#-":
            return self._expander.special(name)
        value = state.get(name)
        return self._expander.special(name) if value is None and name in SPECIAL_NAMES else value

    def _length(self, text: str) -> str:
        match = _NAME.fullmatch(text)
        assert match is not None
        values = self._values(match[1], match[2])
        if match[1] in ("@", "*") or match[2] in ("@", "*"):
            return str(len(values) if isinstance(values, list) else len(self._list(match[1])))
        return str(len(values or ""))

    def _list(self, name: str) -> list[str]:
        array = self._state.variables.get(name, {})
        return (
            self._state.positional if name in ("@", "*") else list(array if isinstance(array, dict) else "1")
        )

    def _indirect(self, text: str) -> str | list[str]:
        match = re.fullmatch(r"([A-Za-z_]\w*)\[[@*]\]", text)
        if match:
            array = self._state.variables.get(match[1], {})
            return list(array) if isinstance(array, dict) else ["0"]
        if re.fullmatch(r"[A-Za-z_]\w*[@*]", text):
            names = sorted(name for name in self._state.variables if name.startswith(text[:-1]))
            return " ".join(names) if self._quoted and text[-1] == "*" else names
        name = self._state.get(text) or ""
        return self._state.get(name) or ""

    def _operation(
        self, name: str, index: str | None, values: str | list[str] | None, rest: str
    ) -> str | list[str]:
        operator = rest.removeprefix(":")[:1]
        if operator in _DEFAULTS and (rest.startswith(":") or rest[0] in _DEFAULTS):
            return self._default(name, values, rest)
        if isinstance(values, list):
            if rest.startswith(":"):
                return self._slice_list(values, rest[1:])
            return [self._changed(value, rest) for value in values]
        if rest.startswith(":"):
            return self._slice(values or "", rest[1:])
        return self._changed(values or "", rest)

    def _default(self, name: str, values: str | list[str] | None, rest: str) -> str | list[str]:
        colon = rest.startswith(":")
        operator, word = rest[colon], rest[colon + 1 :]
        missing = values is None or values == [] or (colon and not values)
        if operator == "+":
            return "" if missing else self._word(word)
        if not missing:
            assert values is not None
            return values
        if operator == "?":
            missing_words = "parameter null or not set" if colon else "parameter not set"
            raise Unset(f"{name}: {self._word(word) or missing_words}")
        text = self._word(word)
        if operator == "=":
            self._state.set(name, text)
        return text

    def _word(self, word: str) -> str:
        return self._expander.inner(word) if self._quoted else self._expander.text(word)

    def _slice_bounds(self, text: str, length: int) -> tuple[int, int]:
        offset_text, _, length_text = text.partition(":")
        offset = self._expander.arithmetic(offset_text)
        start = max(length + offset, 0) if offset < 0 else min(offset, length)
        if ":" not in text:
            return start, length
        size = self._expander.arithmetic(length_text)
        return start, max(length + size if size < 0 else start + size, start)

    def _slice(self, value: str, text: str) -> str:
        start, end = self._slice_bounds(text, len(value))
        return value[start:end]

    def _slice_list(self, values: list[str], text: str) -> list[str]:
        whole = [self._state.name, *values] if self._text[:1] in "@*" else values
        start, end = self._slice_bounds(text, len(whole))
        return whole[start:end]

    def _changed(self, value: str, rest: str) -> str:
        if rest[0] in "#%":
            longest = rest[1:2] == rest[0]
            pattern = self._expander.pattern(rest[1 + longest :])
            return (
                _without_prefix(value, pattern, longest)
                if rest[0] == "#"
                else _without_suffix(value, pattern, longest)
            )
        if rest[0] == "/":
            return self._replaced(value, rest[1:])
        if rest[0] in _CASES:
            return self._recased(value, rest)
        if re.fullmatch("@[QULuEPAa]", rest):
            return self._transformed(value, rest[1])
        raise ShellError(f"${{{self._text}}}: bad substitution")

    def _recased(self, value: str, rest: str) -> str:
        """`^`, `,` and `~`, doubled for every character; a pattern says which characters are meant."""
        change, every = _CASES[rest[0]], rest[1:2] == rest[0]
        pattern = self._expander.pattern(rest[1 + every :]) or "?"
        end = len(value) if every else 1
        return "".join(change(c) if patterns.matches(pattern, c) else c for c in value[:end]) + value[end:]

    def _transformed(self, value: str, letter: str) -> str:
        match letter:
            case "Q":
                return quoted(value, always=True)
            case "U":
                return value.upper()
            case "L":
                return value.lower()
            case "u":
                return value[:1].upper() + value[1:]
            case "E":
                return self._expander.text("$'" + value.replace("'", "\\'") + "'")
            case _:
                return value

    def _replaced(self, value: str, text: str) -> str:
        kind = text[:1] if text[:1] in ("/", "#", "%") else ""
        match = re.compile(r"((?:\\.|'[^']*'|\"[^\"]*\"|[^/\\])*)(?:/(.*))?", re.DOTALL).fullmatch(
            text, len(kind)
        )
        if not match:
            return value
        pattern, new = self._expander.pattern(match[1]), self._word(match[2] or "")
        if not pattern:
            return new + value if kind == "#" else value + new if kind == "%" else value
        return patterns.replace(value, pattern, new, every=kind == "/", at=kind if kind in ("#", "%") else "")


def _without_prefix(value: str, pattern: str, longest: bool) -> str:
    lengths = range(len(value) + 1)
    for length in reversed(lengths) if longest else lengths:
        if patterns.matches(pattern, value[:length]):
            return value[length:]
    return value


def _without_suffix(value: str, pattern: str, longest: bool) -> str:
    starts = range(len(value) + 1)
    for start in starts if longest else reversed(starts):
        if patterns.matches(pattern, value[start:]):
            return value[:start]
    return value
