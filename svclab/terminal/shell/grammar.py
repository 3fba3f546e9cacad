"""What is wrong with a program's text, in bash's words: the grammar of commands over the lexer's tokens.

svclab.terminal.shell.parser builds the program; this module says beforehand whether there is one, where the
first token stands that cannot, and whether more lines would make it whole. Source: POSIX.1-2017, Shell
Command Language 2.10; the messages are bash 5.2's, dash's and busybox's.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from svclab.terminal.shell.lexer import (
    REDIRECTIONS,
    Incomplete,
    Token,
    end_of_brackets,
    tokens,
    without_here_documents,
)
from svclab.terminal.shell.syntax import ShellSyntaxError

_RESERVED = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})
_ENDINGS = frozenset({";;", ";&", ";;&"})
_COMPOUND = frozenset({"if", "while", "until", "for", "select", "case", "{", "[[", "("})
_MAX_DEPTH = 200


class EndOfText(ShellSyntaxError):
    """The text ends before its last command does: more lines are needed."""


@lru_cache(maxsize=512)
def fault(text: str) -> ShellSyntaxError | None:
    """The first thing that is wrong with `text`, or None for a program."""
    try:
        plain = without_here_documents(text)
        _Grammar(plain.text, list(tokens(plain.text))).program()
    except Incomplete as incomplete:
        return _unclosed(text, incomplete)
    except _Unexpected as wrong:
        return _worded(text, wrong, plain.original)
    return None


class _Unexpected(Exception):
    """A token (None: the end of the text) that cannot stand where it does; `line_start`: of its command."""

    def __init__(self, token: Token | None, expected: str, line_start: int) -> None:
        super().__init__(token, expected, line_start)
        self.token, self.expected, self.line_start = token, expected, line_start


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _unclosed(text: str, incomplete: Incomplete) -> ShellSyntaxError:
    message = f"unexpected EOF while looking for matching `{incomplete.closing}'"
    last = _line(text, len(text.rstrip("\n"))) + 1
    line = last if incomplete.closing == ")" else _line(text, incomplete.start)
    return EndOfText(message, line, commands_before=_whole_lines(text, incomplete.start))


def _whole_lines(text: str, offset: int) -> int:
    """Where the last line begins that the commands before `offset` leave whole."""
    start = text.rfind("\n", 0, offset) + 1
    while start and fault(text[:start]) is not None:
        start = text.rfind("\n", 0, start - 1) + 1
    return start


def _worded(text: str, wrong: _Unexpected, original: Callable[[int], int]) -> ShellSyntaxError:
    start = original(wrong.line_start)
    if wrong.token is None:
        line = _line(text, len(text.rstrip("\n"))) + 1
        message = "syntax error: unexpected end of file"
        return EndOfText(message, line, expected=wrong.expected, commands_before=start)
    token = "newline" if wrong.token.text == "\n" else wrong.token.text
    offset = original(wrong.token.start)
    line = _line(text, offset)
    message = f"syntax error near unexpected token `{token}'"
    shown = text.split("\n")[line - 1]
    return ShellSyntaxError(
        message, line, token=token, shown=shown, expected=wrong.expected, commands_before=start
    )


class _Grammar:
    """One method per production; each leaves `_i` at the first token that is not its own."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._text, self._tokens, self._i = text, found, 0
        self._line_start = 0
        self._depth = 0

    def program(self) -> None:
        while self._peek() is not None:
            self._skip_newlines()
            self._line_start = token.start if (token := self._peek()) else len(self._text)
            self._list(frozenset(), lines=False)
            if self._peek() is not None and not self._is("\n"):
                self._refuse()

    # -- tokens ----------------------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._i + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _is(self, *texts: str) -> bool:
        token = self._peek()
        return token is not None and token.text in texts

    def _take(self, *texts: str) -> bool:
        if not self._is(*texts):
            return False
        self._i += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            self._refuse(text)

    def _refuse(self, expected: str = "") -> None:
        raise _Unexpected(self._peek(), expected, self._line_start)

    def _skip_newlines(self) -> None:
        while self._take("\n"):
            pass

    def _word(self) -> None:
        token = self._peek()
        if token is None:  # no word may stand on the next line, so the end of this one is what is wrong
            end = len(self._text)
            raise _Unexpected(Token("operator", "\n", end, end), "", self._line_start)
        if token.kind != "word":
            self._refuse()
        self._i += 1

    def _skip_to(self, offset: int) -> None:
        while (token := self._peek()) and token.start < offset:
            self._i += 1

    # -- lists -----------------------------------------------------------------------------------------------

    def _list(self, until: frozenset[str], *, lines: bool = True, required: bool = True) -> None:
        """Commands up to one of `until`, which is not taken; without `lines`, up to the line's end."""
        if lines:
            self._skip_newlines()
        count = 0
        expected = "fi" if "fi" in until else min(until, default="")
        while self._peek() is not None and not self._is(*until):
            self._and_or()
            count += 1
            if self._take(";", "&"):
                if lines:
                    self._skip_newlines()
            elif lines and self._is("\n"):
                self._skip_newlines()
            else:
                break
            if not lines and self._is("\n"):
                break
        if until and (self._peek() is None or (required and not count)):
            self._refuse(expected)

    def _and_or(self) -> None:
        self._pipeline()
        while self._take("&&", "||"):
            self._skip_newlines()
            self._pipeline()

    def _pipeline(self) -> None:
        while self._is("!", "time"):
            self._i += 1
            if self._is("-p"):
                self._i += 1
            if self._peek() is None or self._is("\n", ";", "&", "|", ")"):
                return
        self._command()
        while self._take("|", "|&"):
            self._skip_newlines()
            self._command()

    def _command(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RecursionError
        token = self._peek()
        if token is None:
            self._refuse()
        elif token.text in _COMPOUND:
            self._compound(token)
        elif token.kind == "word" and token.text == "function":
            self._function()
        elif (token.kind == "word" and token.text in _RESERVED) or (
            token.kind == "operator" and token.text not in REDIRECTIONS
        ):
            self._refuse()
        else:
            self._simple()
        self._depth -= 1

    def _simple(self) -> None:
        words = 0
        while token := self._peek():
            if token.kind == "word":
                self._i += 1
                words += 1
            elif token.text in REDIRECTIONS:
                self._i += 1
                self._word()
            elif token.text == "(":
                if words == 1:
                    self._definition()
                    return
                self._refuse()
            else:
                return

    def _definition(self) -> None:
        """A function's `()` and body, after its name."""
        self._expect("(")
        self._expect(")")
        self._body()

    def _body(self) -> None:
        self._skip_newlines()
        token = self._peek()
        if token is None or token.text not in _COMPOUND:
            self._refuse()
        else:
            self._compound(token)

    def _function(self) -> None:
        self._i += 1
        self._word()
        if self._take("("):
            self._expect(")")
        self._body()

    # -- compound commands -----------------------------------------------------------------------------------

    def _compound(self, token: Token) -> None:
        match token.text:
            case "(":
                self._brackets(token)
            case "{":
                self._i += 1
                self._list(frozenset("}"))
                self._expect("}")
            case "[[":
                self._conditional()
            case "if":
                self._if()
            case "while" | "until":
                self._i += 1
                self._list(frozenset({"do"}))
                self._do()
            case "case":
                self._case()
            case _:
                self._for()
        while (token_after := self._peek()) and token_after.text in REDIRECTIONS:
            self._i += 1
            self._word()

    def _brackets(self, token: Token) -> None:
        following = self._peek(1)
        if following and following.text == "(" and following.start == token.end:
            end = end_of_brackets(self._text, token.start, "(", ")")
            if self._text[end - 2 : end] == "))":
                self._skip_to(end)
                return
        self._i += 1
        self._list(frozenset(")"))
        self._expect(")")

    def _conditional(self) -> None:
        while not self._is("]]"):
            if self._peek() is None:
                self._refuse("]]")
            self._i += 1
        self._i += 1

    def _if(self) -> None:
        self._i += 1
        self._branch()
        while self._take("elif"):
            self._branch()
        if self._take("else"):
            self._list(frozenset({"fi"}))
        self._expect("fi")

    def _branch(self) -> None:
        self._list(frozenset({"then"}))
        self._expect("then")
        self._list(frozenset({"fi", "elif", "else"}))

    def _do(self) -> None:
        self._expect("do")
        self._list(frozenset({"done"}))
        self._expect("done")

    def _for(self) -> None:
        self._i += 1
        token = self._peek()
        if token is not None and token.text == "(":
            self._skip_to(end_of_brackets(self._text, token.start, "(", ")"))
            self._take(";")
        else:
            self._word()
            self._skip_newlines()
            if self._take("in"):
                while (token := self._peek()) and token.kind == "word":
                    self._i += 1
                if not self._take(";", "\n"):
                    self._refuse("do")
            else:
                self._take(";")
        self._skip_newlines()
        if self._is("{"):
            self._i += 1
            self._list(frozenset("}"))
            self._expect("}")
        else:
            self._do()

    def _case(self) -> None:
        self._i += 1
        self._word()
        self._skip_newlines()
        self._expect("in")
        self._skip_newlines()
        while not self._take("esac"):
            if self._peek() is None:
                self._refuse("esac")
            self._take("(")
            self._word()
            while self._take("|"):
                self._word()
            self._expect(")")
            self._list(_ENDINGS | {"esac"}, required=False)
            if not self._take(*_ENDINGS):
                self._expect("esac")
                return
            self._skip_newlines()


def needs_more(text: str) -> bool:
    """Whether `text` ends inside a quote, a here-document, a loop, a group, or after `|`, `&&` or `\\`."""
    if re.search(r"(?<!\\)(\\\\)*\\\n?\Z", text):
        return True
    try:
        return isinstance(fault(text), EndOfText) or bool(without_here_documents(text).unfinished)
    except RecursionError:
        return False


def whole_commands(text: str) -> list[str]:
    """The text as pasted, cut into whole commands: each may have several lines."""
    found: list[str] = []
    current: list[str] = []
    for line in text.split("\n"):
        current.append(line)
        whole = "\n".join(current)
        if not needs_more(whole):
            if whole.strip():
                found.append(whole)
            current = []
    return found + (["\n".join(current)] if any(line.strip() for line in current) else [])
