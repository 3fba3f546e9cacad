"""Parameters that the shell keeps itself: `$?`, `$RANDOM`, `$LINENO`, … Source: bash 5.2 manual, 5.2."""

import secrets
from time import monotonic
from typing import TYPE_CHECKING

from svclab.terminal.machines import machine_at

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter

VERSION = "5.2.15(1)-release"
SPECIAL_NAMES = frozenset(
    {
        "RANDOM", "SECONDS", "PWD", "LINENO", "BASH_VERSION", "BASH_VERSINFO", "UID", "EUID", "PPID",
        "BASHPID", "HOSTNAME", "HOSTTYPE", "OSTYPE", "MACHTYPE", "FUNCNAME", "BASH_SUBSHELL", "SHLVL",
        "EPOCHSECONDS", "_",
        "BASH", "COLUMNS", "LINES",
    }
)  # fmt: skip


def value_of(shell: "Interpreter", name: str) -> str | None:
    """A special parameter's value; None where it has none now."""
    state, session = shell.state, shell.session
    match name:
        case "?":
            return str(state.status)
        case "#":
            return str(len(state.positional))
        case "$":
            return str(session.pid)
        case "BASHPID":
            return str(session.pid + state.subshells)
        case "PPID":
            return str(max(session.pid - 1, 1))
        case "!":
            return str(state.last_job or "")
        case "-":
            return _letters(shell)
        case "RANDOM":
            return str(secrets.randbelow(32768))
        case "SECONDS":
            return str(int(monotonic() - session.started))
        case "EPOCHSECONDS":
            return str(int(session.cluster.now().timestamp()))
        case "PWD":
            return state.cwd
        case "LINENO":
            return str(state.line)
        case "_":
            return state.last_word
        case "BASH_SUBSHELL":
            return str(state.subshells)
        case "FUNCNAME":
            return state.calls[-1] if state.calls else None
        case "COLUMNS" | "LINES":
            return str(session.columns if name == "COLUMNS" else session.rows) if state.interactive else None
        case _:
            return _constant(shell, name)


def _letters(shell: "Interpreter") -> str:
    state = shell.state
    options = "".join(sorted(o for o in state.options if len(o) == 1))
    return options + ("himBHs" if state.interactive else "hBc" if state.origin == "-c" else "hB")


def _constant(shell: "Interpreter", name: str) -> str | None:
    if name == "SHLVL":
        return "1"
    if shell.state.flavour != "bash":
        return None
    if name in ("UID", "EUID", "HOSTNAME"):
        machine = machine_at(shell.location, shell.session.cluster.snapshot())
        return machine.hostname if name == "HOSTNAME" else str(machine.uid)
    return {
        "BASH": "/bin/bash",
        "BASH_VERSION": VERSION,
        "BASH_VERSINFO": "5",
        "HOSTTYPE": "x86_64",
        "OSTYPE": "linux-gnu",
        "MACHTYPE": "x86_64-pc-linux-gnu",
    }.get(name)
