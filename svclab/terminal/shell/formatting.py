"""Backslash escapes of `echo -e` and the formats of `printf`. Source: POSIX.1-2017 `printf`; bash 5.2."""

import re
import shlex

_SIMPLE = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "v": "\v",
    "\\": "\\",
}
_ESCAPE = re.compile(r"\\(c|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|0?[0-7]{1,3}|.)", re.DOTALL)
_DIRECTIVE = re.compile(r"%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z%])|%\((.*?)\)T")
_MAX_WIDTH = 10_000


def escapes(text: str) -> tuple[str, bool]:
    """`text` with its escapes replaced, and whether output goes on (`\\c` ends it)."""
    before, stop, _ = _cut_at_c(text)

    def replace(match: re.Match[str]) -> str:
        found = match[1]
        if found[0] in "xu" and len(found) > 1:
            return chr(int(found[1:], 16))
        if found[0] in "01234567":
            return chr(int(found, 8) % 256)
        return _SIMPLE.get(found, "\\" + found)

    return _ESCAPE.sub(replace, before), not stop


def _cut_at_c(text: str) -> tuple[str, bool, str]:
    for match in _ESCAPE.finditer(text):
        if match[1] == "c":
            return text[: match.start()], True, text[match.end() :]
    return text, False, ""


def formatted(template: str, arguments: list[str]) -> tuple[str, list[str]]:
    """What `printf template arguments…` writes, and its complaints; the template is used until all are."""
    template, _ = escapes(template)
    parts: list[str] = []
    errors: list[str] = []
    waiting = list(arguments)
    takes_any = any(match[4] != "%" for match in _DIRECTIVE.finditer(template))
    while True:
        parts.append(_DIRECTIVE.sub(lambda match: _directive(match, waiting, errors), template))
        if not waiting or not takes_any:
            return "".join(parts), errors


def _directive(match: re.Match[str], waiting: list[str], errors: list[str]) -> str:
    flags, width, precision, kind = match[1] or "", match[2], match[3], match[4]
    if kind == "%":
        return "%"
    width = waiting.pop(0) if width == "*" and waiting else width
    precision = waiting.pop(0) if precision == "*" and waiting else precision
    size = min(_whole(width or "0", []), _MAX_WIDTH)
    argument = waiting.pop(0) if waiting else ""
    places = None if precision is None else min(_whole(precision, []), 100)
    text = _converted(kind, argument, flags, places, errors)
    if "-" in flags or size < 0:
        return text.ljust(abs(size))
    if "0" in flags and kind in "diouxXeEfgG":
        return text.zfill(size)
    return text.rjust(size)


def _whole(text: str, errors: list[str]) -> int:
    text = text.strip()
    if text[:1] in ("'", '"'):
        return ord(text[1:2] or "\0")
    try:
        return int(
            text or "0", 0 if re.match(r"[-+]?0[xX]", text) else 8 if re.match(r"[-+]?0\d", text) else 10
        )
    except ValueError:
        errors.append(f"{text}: invalid number")
        match = re.match(r"[-+]?\d+", text)
        return int(match[0]) if match else 0


def _converted(kind: str, argument: str, flags: str, places: int | None, errors: list[str]) -> str:
    sign = "+" if "+" in flags else " " if " " in flags else ""
    match kind:
        case "s":
            return argument if places is None else argument[:places]
        case "b":
            return escapes(argument)[0]
        case "q":
            return shlex.quote(argument) if argument else "''"
        case "c":
            return argument[:1]
        case "d" | "i" | "u":
            number = _whole(argument, errors)
            return (sign if number >= 0 else "") + str(number).zfill(places or 0)
        case "x" | "X" | "o":
            return format(_whole(argument, errors) & (1 << 64) - 1, kind)
        case "f" | "F" | "e" | "E" | "g" | "G":
            return _decimal(kind, argument, places, errors)
        case _:
            errors.append(f"`{kind}': invalid format character")
            return ""


def _decimal(kind: str, argument: str, places: int | None, errors: list[str]) -> str:
    try:
        number = float(argument or "0")
    except ValueError:
        errors.append(f"{argument}: invalid number")
        number = 0.0
    return format(number, f".{6 if places is None else places}{kind}")
