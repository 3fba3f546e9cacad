"""tr. Source: GNU coreutils 9.1."""

import re

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command

_CLASSES = {
    "alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "lower": "abcdefghijklmnopqrstuvwxyz",
    "digit": "0123456789",
    "space": " \t\n\r\f\v",
    "blank": " \t",
    "punct": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "xdigit": "0123456789ABCDEFabcdef",
}
_CLASSES["alnum"] = _CLASSES["digit"] + _CLASSES["alpha"]
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "\\": "\\",
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}
_ITEM = re.compile(r"\[:(\w+):\]|(\\.|[^\\]|\\$)-(\\.|[^\\])|(\\.|.)", re.DOTALL)


def _characters(text: str) -> str:
    def plain(item: str) -> str:
        return _ESCAPES.get(item[1:], item[1:]) if item.startswith("\\") and len(item) > 1 else item

    found: list[str] = []
    for match in _ITEM.finditer(text):
        if match[1]:
            if match[1] not in _CLASSES:
                raise Usage(f"invalid character class '{match[1]}'", 1)
            found.append(_CLASSES[match[1]])
        elif match[2]:
            first, last = plain(match[2]), plain(match[3])
            if first > last:
                raise Usage(f"range-endpoints of '{first}-{last}' are in reverse collating sequence order", 1)
            found.append("".join(map(chr, range(ord(first), ord(last) + 1))))
        else:
            found.append(plain(match[4]))
    return "".join(found)


@command("tr")
def tr(context: Context, argv: list[str]) -> int:
    """Translates, squeezes (-s) or deletes (-d) characters; -c takes all others."""
    given, words = options(argv, "cCds", ("complement", "delete", "squeeze-repeats"), permute=False)
    flags = {name for name, _ in given}
    complement = bool(flags & {"-c", "-C", "--complement"})
    delete, squeeze = bool(flags & {"-d", "--delete"}), bool(flags & {"-s", "--squeeze-repeats"})
    if not words or (len(words) < 2 and not (delete or squeeze)):
        raise Usage("missing operand" + (f" after '{words[0]}'" if words else ""), 1)
    first = _characters(words[0])
    second = _characters(words[1]) if len(words) > 1 else ""
    squeezed = second if len(words) > 1 else first
    last = ""
    for line in context.stdin:
        out: list[str] = []
        for char in line:
            within = (char in first) != complement
            if within and delete:
                continue
            if within and second and not delete:
                place = len(second) - 1 if complement else min(first.rindex(char), len(second) - 1)
                char = second[place]
            if squeeze and char == last and ((char in squeezed) != (complement and len(words) == 1)):
                continue
            last = char
            out.append(char)
        context.stdout.write("".join(out))
    return 0
