"""Builtins about the working directory: cd, pwd, pushd, popd, dirs. Source: bash 5.2 manual, 4.1 and 6.8."""

from typing import TYPE_CHECKING

from svclab.terminal.shell.builtins.table import builtin, write

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


@builtin("cd")
def cd(shell: "Interpreter", arguments: list[str]) -> int:
    """Changes the working directory."""
    state = shell.state
    words = [word for word in arguments if word not in ("-P", "-L", "--")]
    if len(words) > 1 and state.flavour == "bash":
        return shell.complain("cd: too many arguments")
    if not words and state.get("HOME") is None:
        return shell.complain("cd: HOME not set")
    if not words and state.get("HOME") is None and state.flavour == "bash":
        return shell.complain("cd: HOME not set")
    target = words[0] if words else state.get("HOME") or "/"
    if target == "-":
        target = state.get("OLDPWD") or ""
        if not target:
            return shell.complain("cd: OLDPWD not set")
        write(shell, target + "\n")
    problem = _enter(shell, target)
    if not problem:
        return 0
    if state.flavour == "bash":
        return shell.complain(f"cd: {target}: {problem}")
    return shell.complain(f"cd: can't cd to {target}" + (f": {problem}" if state.flavour == "ash" else ""))


def _enter(shell: "Interpreter", target: str) -> str:
    """Makes `target` the working directory; gives what is wrong with it, or ""."""
    state = shell.state
    path = shell.path(target)
    files = shell.session.files(shell.location)
    if not files.is_directory(path):
        return "Not a directory" if files.exists(path) else "No such file or directory"
    state.set("OLDPWD", state.cwd)
    state.cwd = path
    state.set("PWD", path)
    state.exported |= {"PWD", "OLDPWD"}
    return ""


@builtin("pwd")
def pwd(shell: "Interpreter", arguments: list[str]) -> int:
    """Prints the working directory."""
    return write(shell, shell.state.cwd + "\n")


@builtin("pushd")
def pushd(shell: "Interpreter", arguments: list[str]) -> int:
    """Changes the working directory and remembers the one before."""
    state = shell.state
    if not arguments and not state.directories:
        return shell.complain("pushd: no other directory")
    target = arguments[0] if arguments else state.directories.pop(0)
    before = state.cwd
    if problem := _enter(shell, target):
        return shell.complain(f"pushd: {target}: {problem}")
    state.directories.insert(0, before)
    return dirs(shell, [])


@builtin("popd")
def popd(shell: "Interpreter", arguments: list[str]) -> int:
    """Goes back to the directory that pushd put aside."""
    if not shell.state.directories:
        return shell.complain("popd: directory stack empty")
    target = shell.state.directories.pop(0)
    if problem := _enter(shell, target):
        return shell.complain(f"popd: {target}: {problem}")
    return dirs(shell, [])


@builtin("dirs")
def dirs(shell: "Interpreter", arguments: list[str]) -> int:
    """Lists the directories, the working directory first."""
    if arguments == ["-c"]:
        shell.state.directories.clear()
        return 0
    home = shell.state.get("HOME") or "/"
    shown = [
        "~" + path[len(home) :] if home != "/" and f"{path}/".startswith(home + "/") else path
        for path in (shell.state.cwd, *shell.state.directories)
    ]
    if arguments in (["-p"], ["-v"]):
        return write(
            shell,
            "".join(f"{f'{n:2d}  ' if arguments == ['-v'] else ''}{path}\n" for n, path in enumerate(shown)),
        )
    return write(shell, " ".join(shown) + "\n")
