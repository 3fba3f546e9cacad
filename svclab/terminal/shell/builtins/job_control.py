"""Builtins about commands in the background, and time. Source: bash 5.2 manual, chapter 7."""

import re
from typing import TYPE_CHECKING

from svclab.terminal.shell.builtins.table import builtin, write
from svclab.terminal.shell.builtins.traps import signal_name, signal_number, signal_table
from svclab.terminal.shell.state import Exit

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


@builtin("jobs")
def jobs(shell: "Interpreter", arguments: list[str]) -> int:
    """Lists the background commands."""
    if arguments == ["-p"]:
        return write(shell, "".join(f"{job.pid}\n" for job in shell.session.jobs.running))
    return write(shell, "".join(line + "\n" for line in shell.session.jobs.listed()))


@builtin("wait", "fg")
def wait(shell: "Interpreter", arguments: list[str]) -> int:
    """Waits for background commands."""
    names = [name for name in arguments if name not in ("-n", "-f")]
    jobs = shell.session.jobs
    if not names:
        for job in jobs.running[:]:
            shell.process.wait(job.finished.is_set)
        return 0
    status = 0
    for name in names:
        job = jobs.find(name)
        if job is None:
            shell.complain(f"wait: {_no_job(name)}")
            status = 127
            continue
        shell.process.wait(job.finished.is_set)
        status = job.status
        job.announced = True
    return status


def _no_job(name: str) -> str:
    if name.startswith("%"):
        return f"{name}: no such job"
    if name.isdigit():
        return f"pid {name} is not a child of this shell"
    return f"`{name}': not a pid or valid job spec"


@builtin("shopt")
def shopt(shell: "Interpreter", arguments: list[str]) -> int:
    """Switches the shell's other options."""
    flags = "".join(word[1:] for word in arguments if word.startswith("-"))
    for name in (word for word in arguments if not word.startswith("-")):
        if name not in _SHOPT:
            return shell.complain(f"shopt: {name}: invalid shell option name")
        if "s" in flags:
            shell.state.options.add(name)
        elif "u" in flags:
            shell.state.options.discard(name)
        elif "q" in flags:
            return int(name not in shell.state.options)
        else:
            is_on = name in shell.state.options
            write(shell, f"{name:<15}\t{'on' if is_on else 'off'}\n")
            return int(not is_on)
    return 0


_SHOPT = frozenset(
    {
        "autocd", "cdable_vars", "cdspell", "checkhash", "checkjobs", "checkwinsize", "cmdhist", "direxpand",
        "dirspell", "dotglob", "execfail", "expand_aliases", "extdebug", "extglob", "extquote", "failglob",
        "globasciiranges", "globskipdots", "globstar", "gnu_errfmt", "histappend", "histreedit", "histverify",
        "hostcomplete", "huponexit", "inherit_errexit", "interactive_comments", "lastpipe", "lithist",
        "localvar_inherit", "login_shell", "mailwarn", "nocaseglob", "nocasematch", "nullglob", "progcomp",
        "promptvars", "sourcepath", "varredir_close", "xpg_echo",
    }
)  # fmt: skip


@builtin("umask")
def umask(shell: "Interpreter", arguments: list[str]) -> int:
    """Prints the mask of new files' permissions; files here have none to set."""
    return write(shell, "" if arguments else "0022\n")


@builtin("times")
def times(shell: "Interpreter", arguments: list[str]) -> int:
    """Prints the processor time used: a simulated shell uses none."""
    return write(shell, "0m0.000s 0m0.000s\n" * 2)


@builtin("bg", "ulimit", "hash", "disown", "stty", "enable", "complete", "compgen", "bind")
def accepted(shell: "Interpreter", arguments: list[str]) -> int:
    """Taken and without effect: what they change does not exist in this shell."""
    return 0


_KILL_USAGE = "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]"


@builtin("kill")
def kill(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends background commands, or this shell."""
    words = list(arguments)
    signal: str | None = "TERM"
    if words[:1] in (["-l"], ["-L"]):
        return _names_of_signals(shell, words[1:])
    if words[:1] in (["-s"], ["-n"]) and len(words) > 1:
        signal, words = signal_name(words[1]), words[2:]
    elif words and re.fullmatch("-[A-Za-z0-9]+", words[0]):
        signal = signal_name(words[0][1:])
        if signal is None:
            return shell.complain(f"kill: {words[0][1:]}: invalid signal specification")
        words = words[1:]
    if not words:
        shell.say(_KILL_USAGE)
        return 2
    return max(_kill_one(shell, target, signal or "TERM") for target in words)


def _kill_one(shell: "Interpreter", target: str, signal: str) -> int:
    if target == str(shell.session.pid):
        if shell.state.interactive and signal in ("TERM", "INT", "QUIT", "EXIT"):
            return 0  # which an interactive bash ignores
        raise Exit(128 + signal_number(signal) if signal != "EXIT" else shell.state.status)
    if not re.fullmatch(r"%.*|-?\d+", target):
        return shell.complain(f"kill: {target}: arguments must be process or job IDs")
    job = shell.session.jobs.find(target)
    if job is None:
        if target.startswith("%"):
            return shell.complain(f"kill: {target}: no such job")
        return shell.complain(f"kill: ({target}) - No such process")
    if signal != "EXIT":
        job.cancelled.set()
        shell.process.wait(job.finished.is_set)
    return 0


def _names_of_signals(shell: "Interpreter", words: list[str]) -> int:
    if not words:
        return write(shell, signal_table())
    status = 0
    for word in words:
        name = signal_name(str(int(word) - 128) if word.isdigit() and int(word) > 128 else word)
        if name is None:
            status = shell.complain(f"kill: {word}: invalid signal specification")
        else:
            write(shell, (name if word.isdigit() else str(signal_number(name))) + "\n")
    return status
