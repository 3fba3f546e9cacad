"""From a word as written to the fields a program gets: the shell's expansions, in their order.

Braces, tilde, parameters, commands and arithmetic, field splitting, file names, quote removal.
Source: POSIX.1-2017, Shell Command Language 2.6; bash 5.2 manual, 3.5.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from svclab.terminal.shell import patterns
from svclab.terminal.shell.arithmetic import BadExpression, evaluate
from svclab.terminal.shell.braces import expand_braces
from svclab.terminal.shell.lexer import end_of_dollar, end_of_double, end_of_word
from svclab.terminal.shell.parameters import ParameterExpansion
from svclab.terminal.shell.special import SPECIAL_NAMES
from svclab.terminal.shell.state import ShellError, ShellState

_ANSI = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "v": "\v",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word. Quoted text is neither split nor a pattern; only results of expansions are split."""

    text: str
    quoted: bool
    result: bool = False  # of an expansion


_NAME_EQUALS = re.compile(r"[A-Za-z_]\w*=")
BREAK = Piece("", quoted=False)  # between the fields of "$@"; told apart by identity


@dataclass(slots=True)
class Expander:
    """Expands words for one shell. `substitute` runs a command and gives its output; `process` names a file
    with a command's output; `names_in` lists a directory."""

    state: ShellState
    substitute: Callable[[str], str]
    process: Callable[[str], str]
    names_in: Callable[[str], list[str]]
    special: Callable[[str], str | None]

    def fields(self, words: tuple[str, ...] | list[str]) -> list[str]:
        """The arguments that these words become."""
        found: list[str] = []
        for word in words:
            for braced in expand_braces(word) if self.state.flavour == "bash" else [word]:
                found += self._file_names(self._split(self.pieces(braced)))
        return found

    def text(self, word: str, *, assignment: bool = False) -> str:
        """A word without splitting or file names. In an assignment's value a tilde may follow a colon."""
        return "".join(" " if p is BREAK else p.text for p in self.pieces(word, assignment=assignment))

    def pattern(self, word: str) -> str:
        """A word as a pattern (`case`, `[[ == ]]`, `${x#…}`): quoted text stands for itself."""
        return "".join(
            patterns.escaped(piece.text) if piece.quoted else piece.text for piece in self.pieces(word)
        )

    def document(self, body: str) -> str:
        """A here-document's text, expanded."""
        return "".join(" " if p is BREAK else p.text for p in self._double(body, in_quotes=False))

    def arithmetic(self, expression: str) -> int:
        """The value of an arithmetic expression. Raises ShellError."""
        try:
            return evaluate(self.document(expression), self._number_of, self._assign_number)
        except BadExpression as error:
            raise ShellError(str(error)) from None

    def _number_of(self, name: str) -> str:
        array, bracket, index = name.partition("[")
        if bracket:
            return self.element(array, index.removesuffix("]")) or "0"
        return self.state.get(name) or "0"

    def _assign_number(self, name: str, value: str) -> None:
        array, bracket, index = name.partition("[")
        if bracket:
            self.state.set_element(array, self.key(array, index.removesuffix("]")), value)
        else:
            self.state.set(name, value)

    def key(self, name: str, index: str) -> str:
        """The key of an array's element: a number, or the text itself for a `declare -A` array."""
        if "A" in self.state.attributes.get(name, ""):
            return self.text(index)
        return str(self.arithmetic(index))

    def element(self, name: str, index: str) -> str | None:
        """One element of an array."""
        value = self.state.variables.get(name)
        if value is None and name in SPECIAL_NAMES:
            value = self.special(name)
        if not isinstance(value, dict):
            value = {} if value is None else {"0": value}
        key = self.key(name, index)
        if key.startswith("-") and value:
            key = str(max(int(k) for k in value) + 1 + int(key))
        return value.get(key)

    def pieces(self, word: str, *, assignment: bool = False) -> list[Piece]:
        """The word's parts after the expansions of tilde, parameters, commands and arithmetic."""
        found: list[Piece] = []
        i = self._tilde(word, 0, found)
        plain = ""
        while i < len(word):
            char = word[i]
            if char not in "'\"\\$`<>":
                plain += char
                i += 1
                if word[i : i + 1] == "~" and self._tilde_may_follow(plain, found, assignment=assignment):
                    found.append(Piece(plain, quoted=False))
                    plain = ""
                    i = self._tilde(word, i, found)
                continue
            if plain:
                found.append(Piece(plain, quoted=False))
                plain = ""
            i = self._special_piece(word, i, found)
        if plain:
            found.append(Piece(plain, quoted=False))
        return found

    def _tilde_may_follow(self, plain: str, found: list[Piece], *, assignment: bool) -> bool:
        """Whether a tilde after `plain` is one: after the `=` of `name=`, or a colon in an assignment."""
        if assignment:
            return plain[-1] in ":"
        return self.state.flavour == "bash" and not found and _NAME_EQUALS.fullmatch(plain) is not None

    def _tilde(self, word: str, i: int, found: list[Piece]) -> int:
        """Expands the tilde at `i`, if it is one, into `found`; gives the index after it."""
        match = re.compile(r"~(\+|-|root)?(?=[/:]|$)").match(word, i)
        home = match and self._home(match[1])
        if not match or home is None:
            return i
        found.append(Piece(home, quoted=True))
        return match.end()

    def _home(self, name: str | None) -> str | None:
        match name:
            case "+":
                return self.state.cwd
            case "-":
                return self.state.get("OLDPWD")
            case "root":
                return "/root"
            case _:
                return self.state.get("HOME") or "/"

    def _special_piece(self, word: str, i: int, found: list[Piece]) -> int:
        """Expands the quotation or expansion at `i` into `found`; gives the index after it."""
        char = word[i]
        if char == "'":
            end = word.index("'", i + 1)
            found.append(Piece(word[i + 1 : end], quoted=True))
            return end + 1
        if char == "\\":
            found.append(Piece(word[i + 1 : i + 2], quoted=True))
            return i + 2
        if char == '"':
            end = end_of_double(word, i)
            inner = self._double(word[i + 1 : end - 1])
            found += inner if inner or end - i > 2 else [Piece("", quoted=True)]
            return end
        if char in "<>":
            end = end_of_word(word, i)
            if word[i + 1 : i + 2] == "(":
                found.append(Piece(self.process(word[i + 2 : end - 1]), quoted=True))
                return end
            found.append(Piece(char, quoted=True))
            return i + 1
        if word.startswith("$'", i):
            end = end_of_dollar(word, i, ansi=True)
            found.append(Piece(_ansi_text(word[i + 2 : end - 1]), quoted=True))
            return end
        if word.startswith('$"', i):
            return i + 1
        end = end_of_dollar(word, i)
        found += self._dollar(word[i:end], quoted=False)
        return end

    def inner(self, word: str) -> str:
        """The word of a `${x:-word}` that stands between double quotes: quotes within it open none."""
        return "".join(
            " " if p is BREAK else p.text
            for part in re.split(r'((?<!\\)"(?:\\.|[^"\\])*")', word)
            for p in self._double(part[1:-1] if part[:1] == '"' else part)
        )

    def _double(self, text: str, *, in_quotes: bool = True) -> list[Piece]:
        """The parts of what stands between double quotes, or of a here-document."""
        found: list[Piece] = []
        plain, i = "", 0
        while i < len(text):
            char = text[i]
            if char == "\\" and i + 1 < len(text):
                following = text[i + 1]
                if following == "\n":
                    pass
                elif following in ('$`"\\' if in_quotes else "$`\\"):
                    plain += following
                else:
                    plain += char + following
                i += 2
            elif char in "$`":
                if plain:
                    found.append(Piece(plain, quoted=True))
                    plain = ""
                end = end_of_dollar(text, i)
                found += self._dollar(text[i:end], quoted=True)
                i = end
            else:
                plain += char
                i += 1
        if plain:
            found.append(Piece(plain, quoted=True))
        return found

    def _dollar(self, text: str, *, quoted: bool) -> list[Piece]:
        """The value of one `$…` or `` `…` ``."""
        if text == "$":
            return [Piece("$", quoted=True)]
        if text.startswith("$((") and text.endswith("))"):
            return [Piece(str(self.arithmetic(text[3:-2])), quoted, result=True)]
        if text.startswith("$("):
            return [Piece(self.substitute(text[2:-1]).rstrip("\n"), quoted, result=True)]
        if text.startswith("`"):
            inner = re.sub(r"\\([$`\\])", r"\1", text[1:-1])
            return [Piece(self.substitute(inner).rstrip("\n"), quoted, result=True)]
        inner = text[2:-1] if text.startswith("${") else text[1:]
        values = ParameterExpansion(self, inner, quoted=quoted).value()
        if isinstance(values, str):
            return [Piece(values, quoted, result=True)]
        return self._several(values, quoted)

    def _several(self, values: list[str], quoted: bool) -> list[Piece]:
        found: list[Piece] = []
        for number, value in enumerate(values):
            found += [BREAK] if number else []
            found.append(Piece(value, quoted, result=True))
        return found

    def _split(self, pieces: list[Piece]) -> list[list[Piece]]:
        """Fields, cut at IFS characters in unquoted results."""
        ifs = self.state.get("IFS")
        ifs = " \t\n" if ifs is None else ifs
        fields: list[list[Piece]] = []
        current: list[Piece] | None = None
        for piece in pieces:
            if piece is BREAK:
                fields += [current] if current is not None else []
                current = None
            elif piece.quoted or not piece.result:
                current = [*(current or []), piece]
            else:
                parts, opens, closes = _split_text(piece.text, ifs)
                if opens and current is not None:
                    fields.append(current)
                    current = None
                for number, part in enumerate(parts):
                    if number and current is not None:
                        fields.append(current)
                        current = None
                    current = [*(current or []), Piece(part, quoted=False)]
                if closes and current is not None:
                    fields.append(current)
                    current = None
        return fields + ([current] if current is not None else [])

    def _file_names(self, fields: list[list[Piece]]) -> list[str]:
        found: list[str] = []
        for field in fields:
            plain = "".join(piece.text for piece in field)
            if "f" in self.state.options or not any(not p.quoted and set("*?[") & set(p.text) for p in field):
                found.append(plain)
                continue
            pattern = "".join(patterns.escaped(p.text) if p.quoted else p.text for p in field)
            if not patterns.is_pattern(pattern):
                found.append(plain)
                continue
            names = patterns.glob(pattern, self.state.cwd, self.names_in)
            found += names or ([] if "nullglob" in self.state.options else [plain])
        return found


def _split_text(text: str, ifs: str) -> tuple[list[str], bool, bool]:
    """The parts of an expansion's result; whether it starts and whether it ends with a separator."""
    if not text:
        return [], False, False
    if not ifs:
        return [text], False, False
    space = "".join(c for c in ifs if c in " \t\n")
    other = "".join(c for c in ifs if c not in " \t\n")
    blank = f"[{re.escape(space)}]" if space else "(?!)"
    solid = f"[{re.escape(other)}]" if other else "(?!)"
    stripped = text.strip(space) if space else text
    opens = stripped != text and text[0] in space
    closes = len(text) > 0 and (text[-1] in space or text[-1] in other)
    if not stripped:
        return [], True, True
    parts = re.split(f"{blank}*{solid}{blank}*|{blank}+", stripped)
    return (parts[:-1] if parts[-1] == "" else parts), opens, closes


def _ansi_text(text: str) -> str:
    """What `$'…'` stands for."""

    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] == "x" and len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape[0] in "uU" and len(escape) > 1:
            return chr(min(int(escape[1:], 16), 0x10FFFF))
        if escape[0] in "01234567":
            return chr(int(escape, 8) % 256)
        return _ANSI.get(escape, escape if escape in "\\'\"?" else "\\" + escape)

    return re.sub(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[0-7]{1,3}|.)", character, text)
