"""Backslash escapes of `echo -e` and the formats of `printf`. Source: POSIX.1-2017 `printf`; bash 5.2."""

import re
from collections.abc import Callable
from datetime import datetime

from svclab.terminal.shell.quoting import escaped

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
_DIRECTIVE = re.compile(r"%([-+ 0#']*)(\*|-?\d+)?(?:\.(\*|-?\d+)?)?(?:\((.*?)\)(T)|[hlLjzt]*(.?))", re.DOTALL)
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


class _Bad(Exception):
    """The format has a directive that is none: output ends before it."""


def formatted(
    template: str, arguments: list[str], time: Callable[[], datetime] | None = None
) -> tuple[str, list[str]]:
    """What `printf template arguments…` writes, and its complaints; the template is used until all are.

    `time()` is what `%(…)T` shows of now; awk, which has no such directive, gives none.
    """
    template, _ = escapes(template)
    parts: list[str] = []
    errors: list[str] = []
    waiting = list(arguments)
    takes_any = any(match[6] != "%" for match in _DIRECTIVE.finditer(template))
    while True:
        done = 0
        for match in _DIRECTIVE.finditer(template):
            parts.append(template[done : match.start()])
            done = match.end()
            try:
                parts.append(_directive(match, waiting, errors, time))
            except _Bad as bad:
                return "".join(parts), [*errors, str(bad)]
        parts.append(template[done:])
        if not waiting or not takes_any:
            return "".join(parts), errors


def _directive(
    match: re.Match[str], waiting: list[str], errors: list[str], time: Callable[[], datetime] | None
) -> str:
    flags, kind = match[1] or "", match[5] or match[6]
    if kind == "%":
        return "%"
    if not kind:
        raise _Bad(f"`{match[0]}': missing format character")
    if kind not in "sbqQcdiuxXofFeEgGaA" and (kind != "T" or time is None):
        raise _Bad(f"`{kind}': invalid format character")
    size = _given(match[2], waiting) or 0
    size, flags = (abs(size), flags + "-") if size < 0 else (size, flags)
    places = _given(match[3], waiting)
    if match[3] is None and "." in match[0][1 : match.start(6) - match.start()] and kind != "T":
        places = 0
    argument = waiting.pop(0) if waiting else "" if kind != "T" else "-1"
    if kind == "T" and time is not None:
        text = _moment(match[4] or "%X", argument, time, errors)
    else:
        text = _converted(kind, argument, flags, places, errors)
    return _padded(text, kind, flags, min(size, _MAX_WIDTH), places)


def _given(text: str | None, waiting: list[str]) -> int | None:
    """A width or precision: as written, or the next argument for `*`."""
    if text == "*":
        text = waiting.pop(0) if waiting else "0"
    return None if text is None else max(min(_whole(text, []), _MAX_WIDTH), -_MAX_WIDTH)


def _padded(text: str, kind: str, flags: str, size: int, places: int | None) -> str:
    if "-" in flags:
        return text.ljust(size)
    if "0" in flags and (kind in "fFeEgGaA" or (kind in "diuxXo" and places is None)):
        sign = re.match(r"[-+ ]?(0[xX](?=.))?", text)
        start = sign[0] if sign else ""
        return start + text[len(start) :].rjust(size - len(start), "0")
    return text.rjust(size)


def _moment(template: str, argument: str, time: Callable[[], datetime], errors: list[str]) -> str:
    now = time()
    number = _whole(argument, errors)
    when = now if number in (-1, -2) else datetime.fromtimestamp(min(max(number, 0), 1 << 36), tz=now.tzinfo)
    return when.strftime(template)


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
            return argument if places is None or places < 0 else argument[:places]
        case "b":
            return escapes(argument)[0]
        case "q" | "Q":
            return escaped(argument)
        case "c":
            return argument[:1]
        case "d" | "i":
            number = _whole(argument, errors)
            digits = str(abs(number)).zfill(places or 0)
            return ("-" if number < 0 else sign) + digits
        case "u" | "x" | "X" | "o":
            number = _whole(argument, errors) & (1 << 64) - 1
            start = {"x": "0x", "X": "0X", "o": "0"}.get(kind, "") if "#" in flags and number else ""
            return start + format(number, "d" if kind == "u" else kind).zfill(places or 0)
        case _:
            return _decimal(kind, argument, places, errors, sign, alternative="#" in flags)


def _decimal(
    kind: str, argument: str, places: int | None, errors: list[str], sign: str, *, alternative: bool
) -> str:
    try:
        number = float(int(argument, 16) if re.match("[-+]?0[xX]", argument) else argument or "0")
    except ValueError:
        errors.append(f"{argument}: invalid number")
        match = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)", argument)
        number = float(match[0]) if match else 0.0
    if kind in "aA":
        return number.hex()
    size = 6 if places is None or places < 0 else min(places, 100)
    return format(number, f"{sign if sign else ''}{'#' if alternative else ''}.{size}{kind}")
