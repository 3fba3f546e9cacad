"""Words written so that the shell would read them back: `set -x`, `${x@Q}`, `printf %q`, `declare -p`.

Source: bash 5.2, lib/sh/shquote.c.
"""

import re

_META = re.compile(r"[ \t\n'\"\\|&;()<>!{}*\[\]?^$`]")
_ANSI = {
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\a": "\\a",
    "\b": "\\b",
    "\x1b": "\\E",
    "\f": "\\f",
    "\v": "\\v",
}


def quoted(text: str, *, always: bool = False) -> str:
    """`text` between quotes where the shell would not take it as it stands (or `always`)."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text) and (always or set(text) - {"\n", "\t"}):
        return ansi_quoted(text)
    special = not text or _META.search(text) or text[0] in "#~" or re.search("[=:]~", text)
    if not (always or special):
        return text
    return "'" + text.replace("'", "'\\''") + "'" if text != "'" else "\\'"


def ansi_quoted(text: str) -> str:
    """`$'…'`."""

    def shown(char: str) -> str:
        if char in "\\'":
            return "\\" + char
        return _ANSI.get(char) or (f"\\{ord(char):03o}" if ord(char) < 32 or ord(char) == 127 else char)

    return "$'" + "".join(map(shown, text)) + "'"


def escaped(text: str) -> str:
    """With a backslash before each character that means something: `printf %q`."""
    if not text:
        return "''"
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        return ansi_quoted(text)
    found = re.sub(r"([ '\"\\|&;()<>!{}*\[\]?^$`,])", r"\\\1", text)
    return "\\" + found if found[0] in "#~" else found


def double_quoted(text: str) -> str:
    """`"…"`, as `declare -p` prints values."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        return ansi_quoted(text)
    return '"' + re.sub(r'(["\\$`])', r"\\\1", text) + '"'
