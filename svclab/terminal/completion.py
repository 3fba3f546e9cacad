"""Tab completion: commands in first place, then a command's own words, file names, variables."""

from typing import TYPE_CHECKING

from svclab.terminal.commands.registry import command_names, find_completer
from svclab.terminal.shell.builtins import BUILTINS, KEYWORDS
from svclab.terminal.shell.lexer import Incomplete, Token, tokens

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter

MAX_CANDIDATES = 500
_NEW_COMMAND = frozenset({";", "&", "&&", "||", "|", "|&", "(", "\n"})
_BEFORE_COMMAND = frozenset(
    {"do", "then", "else", "if", "while", "until", "!", "time", "{", "sudo", "watch", "xargs"}
)


def complete(shell: "Interpreter", text: str) -> list[str]:
    """Whole words that could stand where `text` ends, in place of the word that is begun there."""
    words, current = words_before(text)
    if current.startswith("$") and "/" not in current:
        names = sorted(n for n in shell.state.variables if n.startswith(current.lstrip("${")))
        opening, closing = ("${", "}") if current.startswith("${") else ("$", "")
        files = shell.session.files(shell.location)
        return [
            opening + n + closing + ("/" if files.is_directory(shell.state.get(n) or "") else "")
            for n in names
        ]
    if not words and "/" not in current:
        return [name for name in _commands(shell) if name.startswith(current)][:MAX_CANDIDATES]
    if not words:
        return file_names(shell, current)
    words = _without_alias(shell, words)
    completer = find_completer(words[0].rpartition("/")[2])
    if completer is None:
        return file_names(shell, current)
    found = completer(shell.context(words[0]), words, current)
    return (found or file_names(shell, current))[:MAX_CANDIDATES]


def words_before(text: str) -> tuple[list[str], str]:
    """The finished words of the command at the end of `text`, and the word that is begun ("" for none)."""
    try:
        found = list(tokens(text))
    except Incomplete as open_:
        inner = text[open_.start :]
        if inner[:1] in ("'", '"'):  # a word is begun there
            return words_before(text[: open_.start])[0], inner[1:]
        return words_before(inner[2 if inner.startswith("$(") else 1 :]) if inner else ([], "")
    start = next((i + 1 for i in range(len(found) - 1, -1, -1) if _separates(found[i])), 0)
    words = [token.text for token in found[start:] if token.kind == "word"]
    while words and (words[0] in _BEFORE_COMMAND or "=" in words[0].split("/")[0]) and len(words) > 1:
        words = words[1:]
    if found and found[-1].kind == "word" and found[-1].end == len(text) and words:
        return words[:-1], words[-1]
    return [word for word in words if word not in _BEFORE_COMMAND], ""


def _separates(token: Token) -> bool:
    return token.kind == "operator" and token.text in _NEW_COMMAND


def _commands(shell: "Interpreter") -> list[str]:
    names = {*command_names(shell.location.toolset), *BUILTINS, *shell.state.aliases, *shell.state.functions}
    return sorted((names | {word for word in KEYWORDS if word.isalpha()}) - {"["})


def _without_alias(shell: "Interpreter", words: list[str]) -> list[str]:
    value = shell.state.aliases.get(words[0], words[0])
    return [*value.split(), *words[1:]] or words


def file_names(shell: "Interpreter", begun: str) -> list[str]:
    """Paths that start with `begun`; directories end in a slash."""
    directory, slash, name = begun.rpartition("/")
    home = shell.state.get("HOME") or "/"
    place = home + directory[1:] if directory.startswith("~") else directory or ("/" if slash else ".")
    files = shell.session.files(shell.location)
    path = shell.path(place).rstrip("/")
    return [
        directory + slash + found + ("/" if files.is_directory(f"{path}/{found}") else "")
        for found in files.names(path or "/")
        if found.startswith(name)
    ]
