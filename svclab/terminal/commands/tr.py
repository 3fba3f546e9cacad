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
_ONE = r"\\[0-7]{1,3}|\\.|[^\\]"
_ITEM = re.compile(rf"\[:(\w+):\]|({_ONE}|\\$)-({_ONE})|({_ONE}|\\)", re.DOTALL)


def _characters(text: str) -> str:
    text = re.sub(r"\[(\\?.)\*(\d*)\]", lambda m: m[1] * min(int(m[2] or 256), 256), text, flags=re.DOTALL)

    def plain(item: str) -> str:
        if re.fullmatch(r"\\[0-7]{1,3}", item):
            return chr(int(item[1:], 8) & 255)
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
    given, words = options(
        argv, "cCdst", ("complement", "delete", "squeeze-repeats", "truncate-set1"), permute=False
    )
    flags = {name for name, _ in given}
    complement = bool(flags & {"-c", "-C", "--complement"})
    delete, squeeze = bool(flags & {"-d", "--delete"}), bool(flags & {"-s", "--squeeze-repeats"})
    if not words or (len(words) < 2 and not (delete or squeeze)):
        two = f" after '{words[0]}'\nTwo strings must be given when translating." if words else ""
        raise Usage("missing operand" + two, 1, hint=True)
    if delete and not squeeze and len(words) > 1:
        only = "Only one string may be given when deleting without squeezing repeats."
        raise Usage(f"extra operand '{words[1]}'\n{only}", 1, hint=True)
    if len(words) > 1 and not words[1] and not delete:
        raise Usage("when not truncating set1, string2 must be non-empty", 1)
    first = _characters(words[0])
    second = _characters(words[1]) if len(words) > 1 else ""
    if {"-t", "--truncate-set1"} & flags:
        first = first[: len(second)]
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
