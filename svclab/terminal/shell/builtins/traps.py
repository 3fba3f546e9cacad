"""Commands that `trap` keeps for a signal, an error or the end of the shell. Source: bash 5.2 manual, 4.1."""

from typing import TYPE_CHECKING

from svclab.terminal.shell.builtins.table import builtin, write
from svclab.terminal.shell.quoting import quoted

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter

SIGNALS = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip
_OWN = ("EXIT", "DEBUG", "ERR", "RETURN")


def signal_name(word: str) -> str | None:
    """INT for `2`, `INT`, `SIGINT`; None for what is no signal."""
    if word.isdigit():
        number = int(word)
        return "EXIT" if number == 0 else SIGNALS[number - 1] if number <= len(SIGNALS) else None
    name = word.upper().removeprefix("SIG")
    return name if name in SIGNALS or name in _OWN else None


def signal_number(name: str) -> int:
    """2 for INT."""
    return SIGNALS.index(name) + 1 if name in SIGNALS else 0


@builtin("trap")
def trap(shell: "Interpreter", arguments: list[str]) -> int:
    """Keeps commands for a signal, lists them, or forgets them."""
    words = arguments[1:] if arguments[:1] == ["--"] else arguments
    if words[:1] == ["-l"]:
        return write(shell, signal_table())
    if not words or words[0] == "-p":
        return _list(shell, words[1:])
    if len(words) == 1 and signal_name(words[0]) is None:
        shell.say("trap: usage: trap [-lp] [[arg] signal_spec ...]")
        return 2
    action, names = ("-", words) if len(words) == 1 else (words[0], words[1:])
    status = 0
    for word in names:
        name = signal_name(word)
        if name is None:
            status = shell.complain(f"trap: {word}: invalid signal specification")
        elif action == "-":
            shell.state.traps.pop(name, None)
        else:
            shell.state.traps[name] = action
    return status


def _list(shell: "Interpreter", names: list[str]) -> int:
    wanted = {signal_name(name) for name in names}
    order = ["EXIT", *SIGNALS, *_OWN[1:]]
    for name in sorted(shell.state.traps, key=order.index):
        if not names or name in wanted:
            shown = name if name in _OWN else f"SIG{name}"
            write(shell, f"trap -- {quoted(shell.state.traps[name], always=True)} {shown}\n")
    return 0


def signal_table() -> str:
    """What `kill -l` prints."""
    cells = [f"{number:2d}) SIG{name}" for number, name in enumerate(SIGNALS, 1)]
    for number in range(34, 65):
        from_start, from_end = number - 34, 64 - number
        end = "" if not from_end else f"-{from_end}"
        name = f"RTMIN{f'+{from_start}' if from_start else ''}" if number < 50 else f"RTMAX{end}"
        cells.append(f"{number:2d}) SIG{name}")
    rows = [cells[i : i + 5] for i in range(0, len(cells), 5)]
    return "".join("\t".join(row) + "\n" for row in rows)


def run_trap(shell: "Interpreter", name: str) -> None:
    """Run what is kept for `name`; `$?` is afterwards what it was."""
    action = shell.state.traps.get(name)
    if not action:
        return
    status = shell.state.status
    kept = shell.state.traps.pop(name)  # not within itself
    try:
        shell.run_text(action)
    finally:
        shell.state.traps.setdefault(name, kept)
    shell.state.status = status


def before_command(shell: "Interpreter") -> None:
    """A command is about to run."""
    if "DEBUG" in shell.state.traps:
        run_trap(shell, "DEBUG")


def after_failure(shell: "Interpreter") -> None:
    """A command has failed, and nothing tests that."""
    if "ERR" in shell.state.traps:
        run_trap(shell, "ERR")


def at_exit(shell: "Interpreter", status: int) -> None:
    """The shell ends."""
    if "EXIT" in shell.state.traps:
        shell.state.status = status
        run_trap(shell, "EXIT")
        shell.state.traps.pop("EXIT", None)
