"""Builtins about variables: export, declare, set, unset, shift, let. Source: bash 5.2 manual."""

import re
from typing import TYPE_CHECKING

from svclab.terminal.shell.assignments import assign, put
from svclab.terminal.shell.builtins.table import BUILTINS, Builtin, builtin, number, write
from svclab.terminal.shell.listing import listing
from svclab.terminal.shell.quoting import double_quoted, quoted
from svclab.terminal.shell.state import OPTION_NAMES, ShellError
from svclab.terminal.shell.syntax import Assignment

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


_ATTRIBUTES = frozenset("aAilu")


def _declaration(name: str) -> Builtin:
    def run(shell: "Interpreter", arguments: list[str]) -> int:
        flags = "".join(a[1:] for a in arguments if re.fullmatch("-[a-zA-Z]+", a))
        cleared = "".join(a[1:] for a in arguments if re.fullmatch(r"\+[a-zA-Z]+", a))
        words = [a for a in arguments if not re.fullmatch("[-+][a-zA-Z]+|--", a)]
        if unknown := set(flags + cleared) - set("aAfFgiIlnprtux"):
            shell.complain(f"{name}: -{min(unknown)}: invalid option")
            return 2
        if flags and name != "local" and ("f" in flags or "F" in flags):
            return _list_functions(shell, words, names_only="F" in flags)
        if "p" in flags and words:
            return _list_named(shell, name, words)
        if not words:
            return _list_variables(shell, _wanted(name, flags))
        results = [_declare(shell, name, word, flags, cleared) for word in words]
        return max(results)

    run.__doc__ = f"The builtin `{name}`."
    return run


def _wanted(name: str, flags: str) -> str:
    """The letters that a listed variable must have."""
    letters = set(flags) & (_ATTRIBUTES | set("rx"))
    return "".join(letters | ({"x"} if name == "export" else {"r"} if name == "readonly" else set()))


def _declare(shell: "Interpreter", name: str, word: str, flags: str, cleared: str) -> int:
    state = shell.state
    variable, equals, value = word.partition("=")
    append = variable.endswith("+")
    variable = variable.removesuffix("+")
    if not re.fullmatch(r"[A-Za-z_]\w*", variable):
        return shell.complain(f"{name}: `{word}': not a valid identifier")
    if (name == "local" or (name in ("declare", "typeset") and state.locals)) and "g" not in flags:
        state.make_local(variable)
    letters = (set(state.attributes.get(variable, "")) | set(flags) & _ATTRIBUTES) - set(cleared)
    if letters:
        state.attributes[variable] = "".join(sorted(letters))
    if letters & set("aA") and not isinstance(state.variables.get(variable), dict):
        old = state.variables.get(variable)
        state.variables[variable] = {} if old is None else {"0": str(old)}
    if equals:
        _assign_literal(shell, Assignment(variable, value, append))
    if "x" in cleared or (name == "export" and "n" in flags):
        state.exported.discard(variable)
    elif name == "export" or "x" in flags:
        state.exported.add(variable)
    if name == "readonly" or "r" in flags:
        state.readonly.add(variable)
    return 0


def _assign_literal(shell: "Interpreter", assignment: Assignment) -> None:
    """Assign a value whose expansions have been done already (arrays are still written out)."""
    if assignment.word.startswith("(") and assignment.word.endswith(")"):
        assign(shell, assignment)
    else:
        put(shell, assignment, assignment.word)


BUILTINS.update({name: _declaration(name) for name in ("export", "readonly", "declare", "typeset", "local")})


def _letters(shell: "Interpreter", name: str) -> str:
    state = shell.state
    is_array = isinstance(state.variables.get(name), dict)
    letters = set(state.attributes.get(name, "")) - set("a")
    if is_array and "A" not in letters:
        letters.add("a")
    letters |= {"r"} if name in state.readonly else set()
    letters |= {"x"} if name in state.exported else set()
    return "".join(letter for letter in "aAilrux" if letter in letters)


def _shown(shell: "Interpreter", name: str) -> str:
    """What `declare -p` prints of a variable."""
    value = shell.state.variables.get(name)
    start = f"declare -{_letters(shell, name) or '-'} {name}"
    if value is None or value == {}:
        return start
    if isinstance(value, str):
        return f"{start}={double_quoted(value)}"
    elements = " ".join(
        f"[{key if re.fullmatch(r'[A-Za-z0-9_.-]+', key) else double_quoted(key)}]={double_quoted(text)}"
        for key, text in value.items()
    )
    return f"{start}=({elements}{' ' if 'A' in _letters(shell, name) else ''})"


def _list_variables(shell: "Interpreter", wanted: str) -> int:
    state = shell.state
    for name in sorted(set(state.variables) | state.exported):
        if set(wanted) <= set(_letters(shell, name)):
            write(shell, _shown(shell, name) + "\n")
    return 0


def _list_named(shell: "Interpreter", builtin_name: str, names: list[str]) -> int:
    status = 0
    for name in names:
        if name in shell.state.variables or name in shell.state.attributes or name in shell.state.exported:
            write(shell, _shown(shell, name) + "\n")
        else:
            status = shell.complain(f"{builtin_name}: {name}: not found")
    return status


def _list_functions(shell: "Interpreter", names: list[str], *, names_only: bool) -> int:
    status = 0
    for name in names or sorted(shell.state.functions):
        body = shell.state.functions.get(name)
        if body is None:
            status = 1
        elif names_only:
            write(shell, (name if names else f"declare -f {name}") + "\n")
        else:
            write(shell, listing(name, body))
    return status


@builtin("unset")
def unset(shell: "Interpreter", arguments: list[str]) -> int:
    """Forgets variables and functions."""
    only_functions = arguments[:1] == ["-f"]
    for name in (a for a in arguments if not a.startswith("-")):
        array, bracket, index = name.partition("[")
        if bracket:
            value = shell.state.variables.get(array)
            if isinstance(value, dict):
                value.pop(shell.expander.key(array, index.removesuffix("]")), None)
        elif name in shell.state.variables and not only_functions:
            shell.state.unset(name)
        else:
            shell.state.functions.pop(name, None)
    return 0


@builtin("set")
def set_(shell: "Interpreter", arguments: list[str]) -> int:
    """Sets options and positional parameters; alone it lists the variables."""
    state = shell.state
    if not arguments:
        for name in sorted(state.variables):
            value = state.variables[name]
            write(shell, f"{name}={quoted(value) if isinstance(value, str) and value else _literal(value)}\n")
        return 0
    rest = iter(arguments)
    for word in rest:
        if word == "-":
            state.options -= {"x", "v"}
            state.positional = list(rest) or state.positional
            break
        if word == "--" or not re.match("[-+].", word):
            state.positional = list(rest) if word == "--" else [word, *rest]
            break
        change = state.options.add if word[0] == "-" else state.options.discard
        for letter in word[1:]:
            if letter == "o":
                if not (name := next(rest, "")):
                    return _list_options(shell, as_commands=word[0] == "+")
                if name not in OPTION_NAMES and name not in _OTHER_OPTIONS:
                    return shell.complain(f"set: {name}: invalid option name") + 1
                change(OPTION_NAMES.get(name, name))
            elif letter in "abefhkmnptuvxBCEHPT":
                change(letter)
            else:
                shell.complain(f"set: {word[0]}{letter}: invalid option")
                shell.say("set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]")
                return 2
    return 0


def _literal(value: str | dict[str, str]) -> str:
    if isinstance(value, str):
        return ""
    return "(" + " ".join(f"[{key}]={double_quoted(text)}" for key, text in value.items()) + ")"


_OTHER_OPTIONS = (
    "braceexpand", "emacs", "errtrace", "functrace", "hashall", "histexpand", "history", "ignoreeof",
    "interactive-comments", "keyword", "monitor", "nolog", "notify", "onecmd", "physical", "posix",
    "privileged", "vi",
)  # fmt: skip
_ON = frozenset({"braceexpand", "hashall", "interactive-comments"})
_ON_FOR_PEOPLE = frozenset({"emacs", "histexpand", "history", "monitor"})


def _list_options(shell: "Interpreter", *, as_commands: bool) -> int:
    on = _ON | (_ON_FOR_PEOPLE if shell.state.interactive else set()) | shell.state.options
    for name in sorted([*OPTION_NAMES, *_OTHER_OPTIONS]):
        is_on = OPTION_NAMES.get(name, name) in on
        sign = "-" if is_on else "+"
        write(shell, f"set {sign}o {name}\n" if as_commands else f"{name:<15}\t{'on' if is_on else 'off'}\n")
    return 0


@builtin("shift")
def shift(shell: "Interpreter", arguments: list[str]) -> int:
    """Drops positional parameters."""
    count = number(shell, "shift", arguments, 1)
    if count < 0:
        return shell.complain(f"shift: {count}: shift count out of range")
    if count > len(shell.state.positional):
        return 1
    shell.state.positional = shell.state.positional[count:]
    return 0


@builtin("let")
def let(shell: "Interpreter", arguments: list[str]) -> int:
    """Works out arithmetic expressions."""
    if not arguments:
        return shell.complain("let: expression expected")
    value = 0
    for expression in arguments:
        try:
            value = shell.expander.arithmetic(expression)
        except ShellError as error:
            return shell.complain(f"let: {error}")
    return int(value == 0)
