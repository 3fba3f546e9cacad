"""Where words end: quoting, substitutions, operators and here-documents of the shell's language.

tree-sitter-bash gives the structure of a program (svclab.terminal.shell.parser); this module gives the exact
words within it, says whether a text is complete, and takes here-documents out before the tree is built.
Source: POSIX.1-2017, Shell Command Language 2.2, 2.3 and 2.7; bash 5.2 for `$'…'`, `<(…)`, `<<<` and `&>`.
"""

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS = (
    "<<<", "<<-", "&>>", ";;&",
    "&&", "||", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|&",
    "<", ">", "|", "&", ";", "(", ")", "\n",
)  # fmt: skip
REDIRECTIONS = frozenset({"<<<", "<<-", "&>>", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "<", ">"})
_METACHARACTERS = frozenset(" \t\n;&|<>()")
_HERE_DOCUMENT = "/dev/svclab-here-document/"


class Incomplete(Exception):
    """The text ends inside a quote or a substitution that `closing` would end: more lines are needed.

    `start` is where it opened, within the text that was looked at.
    """

    def __init__(self, closing: str, start: int) -> None:
        super().__init__(closing, start)
        self.closing, self.start = closing, start


@dataclass(frozen=True, slots=True)
class Token:
    """A word or an operator. `text` is as written, quotes included; `descriptor` is the 2 of `2>file`."""

    kind: str  # "word", "operator"
    text: str
    start: int
    end: int
    descriptor: int | None = None


@dataclass(frozen=True, slots=True)
class HereDocument:
    """The lines after `<<WORD`. Nothing in them is expanded when WORD was quoted."""

    body: str
    quoted: bool


def _end_of_single(text: str, i: int) -> int:
    end = text.find("'", i + 1)
    if end < 0:
        raise Incomplete("'", i)
    return end + 1


def _end_of_ansi(text: str, i: int) -> int:
    start = i
    i += 2
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == "'":
            return i + 1
        i += 1
    raise Incomplete("'", start)


def _end_of_backticks(text: str, i: int) -> int:
    start = i
    i += 1
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == "`":
            return i + 1
        i += 1
    raise Incomplete("`", start)


def end_of_double(text: str, i: int) -> int:
    """The index after the closing quote of the `"` at `i`."""
    start = i
    i += 1
    while i < len(text):
        if text[i] == "\\":
            i += 2
        elif text[i] == '"':
            return i + 1
        elif text[i] in "$`":
            i = end_of_dollar(text, i)
        else:
            i += 1
    raise Incomplete('"', start)


def end_of_brackets(text: str, i: int, opening: str, closing: str) -> int:
    """The index after the bracket that closes the one at `i`, quotes and nested brackets respected."""
    start = i
    depth = 0
    while i < len(text):
        char = text[i]
        if char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return i + 1
        elif char == "#" and opening == "(" and text[i - 1] in " \t\n;":
            newline = text.find("\n", i)
            i = newline if newline >= 0 else len(text)
            continue
        elif char in "'\"\\`$":
            i = _end_of_quoted(text, i)
            continue
        i += 1
    raise Incomplete(closing, start)


def _end_of_quoted(text: str, i: int) -> int:
    match text[i]:
        case "'":
            return _end_of_single(text, i)
        case '"':
            return end_of_double(text, i)
        case "\\":
            return i + 2
        case _:
            return end_of_dollar(text, i, ansi=True)


def end_of_dollar(text: str, i: int, *, ansi: bool = False) -> int:
    """The index after the expansion that starts with the `$` or backtick at `i` (i + 1 for a lone `$`)."""
    if text[i] == "`":
        return _end_of_backticks(text, i)
    following = text[i + 1 : i + 2]
    if following == "(":
        return end_of_brackets(text, i + 1, "(", ")")
    if following == "{":
        return end_of_brackets(text, i + 1, "{", "}")
    if following == "'" and ansi:
        return _end_of_ansi(text, i)
    if match := re.compile(r"\$([A-Za-z_]\w*|[0-9@*#?$!-])").match(text, i):
        return match.end()
    return i + 1


def end_of_word(text: str, i: int) -> int:
    """The index after the word that starts at `i`."""
    while i < len(text):
        char = text[i]
        if char in "'\"\\`$":
            i = min(_end_of_quoted(text, i), len(text))
        elif char in "<>" and text[i + 1 : i + 2] == "(":
            i = end_of_brackets(text, i + 1, "(", ")")
        elif char in _METACHARACTERS or char == "(":
            break
        else:
            i += 1
            if char == "=" and text[i : i + 1] == "(" and re.search(r"(^|[\s;&|(])\w+\+?=$", text[:i]):
                i = end_of_brackets(text, i, "(", ")")
    return i


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The words and operators of a text, comments left out. Raises Incomplete inside an open quote.

    Here-documents are not looked at: see `without_here_documents`.
    """
    i = start
    while i < len(text):
        char = text[i]
        if char in " \t":
            i += 1
        elif text.startswith("\\\n", i):
            i += 2
        elif char == "#":
            newline = text.find("\n", i)
            i = newline if newline >= 0 else len(text)
        elif char in "<>" and text[i + 1 : i + 2] == "(":
            end = end_of_word(text, i)
            yield Token("word", text[i:end], i, end)
            i = end
        elif match := re.compile(r"(\d*)(<<<|<<-|<<|>>|<&|>&|<>|>\||<|>)").match(text, i):
            descriptor = int(match[1][:4]) if match[1] else None
            yield Token("operator", match[2], i, match.end(), descriptor)
            i = match.end()
        elif operator := next((o for o in _OPERATORS if text.startswith(o, i)), None):
            yield Token("operator", operator, i, i + len(operator))
            i += len(operator)
        else:
            end = end_of_word(text, i)
            yield Token("word", text[i:end].replace("\\\n", ""), i, end)
            i = end


def _unquoted(word: str) -> str:
    return re.sub(r"""\\(.)|['"]""", lambda match: match[1] or "", word)


@dataclass(frozen=True, slots=True)
class Plain:
    """A text whose here-documents are read from named files instead.

    `unfinished` are the delimiters that never came, each with the offset (in the text as it was) of its
    operator; `marks` are pairs of offsets, here and in the text as it was, where a stretch of it begins.
    """

    text: str
    documents: dict[str, HereDocument]
    unfinished: tuple[tuple[int, str], ...]
    marks: tuple[tuple[int, int], ...]

    def original(self, offset: int) -> int:
        """Where a character of `text` stood in the text as it was."""
        place = bisect_right(self.marks, (offset, sys.maxsize)) - 1
        here, there = self.marks[place] if place >= 0 else (0, 0)
        return there + offset - here


def without_here_documents(text: str) -> Plain:
    """`text` with each here-document taken out. Raises Incomplete inside an open quote."""
    documents: dict[str, HereDocument] = {}
    pieces: list[str] = []
    marks: list[tuple[int, int]] = []
    unfinished: list[tuple[int, str]] = []
    done, i, size = 0, 0, 0
    pending: list[tuple[str, Token, Token]] = []  # file name, operator, delimiter
    operator: Token | None = None

    def keep(end: int, *more: str) -> None:
        nonlocal size
        marks.append((size, done))
        pieces.extend((text[done:end], *more))
        size += end - done + sum(map(len, more))

    while True:
        token = next(tokens(text, i), None)
        if operator is not None and token is not None and token.kind == "word":
            name = f"{_HERE_DOCUMENT}{len(documents) + len(pending)}"
            keep(operator.start, _descriptor(operator), "< ", name, " ")
            done = token.end
            pending.append((name, operator, token))
        elif token is None or token.text == "\n":
            keep(end := token.end if token else len(text))
            done = end
            for name, opened, word in pending:
                body, done, terminated = _document(
                    text, done, _unquoted(word.text), tabs=opened.text == "<<-"
                )
                documents[name] = HereDocument(body, quoted=any(c in word.text for c in "'\"\\"))
                unfinished += [] if terminated else [(opened.start, _unquoted(word.text))]
            pending = []
            if token is None:
                return Plain("".join(pieces), documents, tuple(unfinished), tuple(marks))
        operator = token if token.text in ("<<", "<<-") and token.kind == "operator" else None
        i = max(token.end, done)


def _descriptor(operator: Token) -> str:
    return "" if operator.descriptor is None else str(operator.descriptor)


def _document(text: str, i: int, delimiter: str, *, tabs: bool) -> tuple[str, int, bool]:
    lines: list[str] = []
    while i < len(text):
        newline = text.find("\n", i)
        end = newline if newline >= 0 else len(text)
        line = text[i:end].lstrip("\t") if tabs else text[i:end]
        i = min(end + 1, len(text))
        if line == delimiter:
            return "".join(lines), i, True
        lines.append(line + "\n")
    return "".join(lines), i, False
