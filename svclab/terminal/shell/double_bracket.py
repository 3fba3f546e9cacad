"""The conditional command `[[ … ]]`. Source: bash 5.2 manual, 3.2.5.2."""

from typing import TYPE_CHECKING

from svclab.terminal.commands.registry import is_installed
from svclab.terminal.regex import BadRegex, compile_regex
from svclab.terminal.shell import conditional, patterns
from svclab.terminal.shell.state import OPTION_NAMES, ShellError

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


_PROGRAM_FOLDERS = frozenset({"/bin", "/usr/bin", "/sbin", "/usr/sbin"})


class DoubleBracket:
    """Words are expanded without splitting; `==` takes a pattern, `=~` a regular expression."""

    def __init__(self, shell: "Interpreter", words: tuple[str, ...]) -> None:
        self._shell, self._words, self._i = shell, words, 0

    def value(self) -> bool:
        result = self._or()
        if self._i < len(self._words):
            raise ShellError(f"syntax error in conditional expression near `{self._words[self._i]}'")
        return result

    def _peek(self, ahead: int = 0) -> str:
        place = self._i + ahead
        return self._words[place] if place < len(self._words) else ""

    def _or(self) -> bool:
        result = self._and()
        while self._peek() == "||":
            self._i += 1
            result = self._and() or result
        return result

    def _and(self) -> bool:
        result = self._primary()
        while self._peek() == "&&":
            self._i += 1
            result = self._primary() and result
        return result

    def _primary(self) -> bool:
        expander, word = self._shell.expander, self._peek()
        if not word:
            raise ShellError("syntax error in conditional expression")
        if word == "!":
            self._i += 1
            return not self._primary()
        if word == "(":
            self._i += 1
            result = self._or()
            self._i += 1
            return result
        operator, right = self._peek(1), self._peek(2)
        if conditional.is_unary(word) and operator and operator not in ("&&", "||", ")"):
            self._i += 2
            return conditional.unary(word, expander.text(operator), FileTestsHere(self._shell))
        if not operator or operator in ("&&", "||", ")"):
            self._i += 1
            return bool(expander.text(word))
        self._i += 3
        return self._binary(expander.text(word), operator, right)

    def _binary(self, left: str, operator: str, right: str) -> bool:
        expander = self._shell.expander
        if operator in ("=", "==", "!="):
            return patterns.matches(expander.pattern(right), left) == (operator != "!=")
        if operator == "=~":
            return self._matches(left, expander.text(right))
        files = FileTestsHere(self._shell)
        try:
            if operator in ("<", ">", "-nt", "-ot", "-ef"):
                return conditional.binary(left, operator, expander.text(right), files)
            numbers = [str(expander.arithmetic(text)) for text in (left, expander.text(right))]
            return conditional.binary(numbers[0], operator, numbers[1], files)
        except conditional.BadTest as error:
            raise ShellError(str(error)) from None

    def _matches(self, text: str, pattern: str) -> bool:
        try:
            match = compile_regex(pattern).search(text)
        except BadRegex as error:
            raise ShellError(str(error)) from None
        groups = [match.group(i) for i in range(len(match.spans))] if match else []
        self._shell.state.variables["BASH_REMATCH"] = {str(i): group for i, group in enumerate(groups)}
        return match is not None


class FileTestsHere:
    """The file operators' answers at this shell's place."""

    def __init__(self, shell: "Interpreter") -> None:
        self._shell = shell
        self._files = shell.session.files(shell.location)

    def _is_program(self, path: str) -> bool:
        folder, _, name = self._shell.path(path).rpartition("/")
        return folder in _PROGRAM_FOLDERS and is_installed(name, self._shell.location)

    def exists(self, path: str) -> bool:
        return path != "" and (self._files.exists(self._shell.path(path)) or self._is_program(path))

    def is_directory(self, path: str) -> bool:
        return self._files.is_directory(self._shell.path(path))

    def size(self, path: str) -> int:
        return self._files.size(self._shell.path(path))

    def is_executable(self, path: str) -> bool:
        return self._files.is_executable(self._shell.path(path)) or self._is_program(path)

    def is_set(self, name: str) -> bool:
        array, bracket, index = name.partition("[")
        if not bracket:
            return self._shell.state.get(name) is not None
        return self._shell.expander.element(array, index.removesuffix("]")) is not None

    def has_option(self, name: str) -> bool:
        return OPTION_NAMES.get(name, name) in self._shell.state.options

    def is_terminal(self, descriptor: str) -> bool:
        stream = self._shell.descriptors.get(int(descriptor)) if descriptor.isdigit() else None
        return stream is not None and stream.isatty()
