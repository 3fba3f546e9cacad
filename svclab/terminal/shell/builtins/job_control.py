"""Builtins about commands in the background, and time. Source: bash 5.2 manual, chapter 7."""

import re
from typing import TYPE_CHECKING

from svclab.terminal.shell.builtins.table import builtin, write

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


@builtin("jobs")
def jobs(shell: "Interpreter", arguments: list[str]) -> int:
    """Lists the background commands."""
    for job in shell.session.jobs.running:
        if not job.finished.is_set():
            write(shell, f"[{job.number}]+  {'Running':<24}{job.text} &\n")
    for line in shell.session.jobs.news():
        write(shell, line + "\n")
    return 0


@builtin("wait", "fg")
def wait(shell: "Interpreter", arguments: list[str]) -> int:
    """Waits for background commands."""
    found = (
        [shell.session.jobs.find(name) for name in arguments] if arguments else shell.session.jobs.running[:]
    )
    status = 0
    for job in found:
        if job is None:
            shell.complain(f"wait: {arguments[0]}: no such job")
            return 127
        shell.process.wait(job.finished.is_set)
        status = job.status
        job.announced = True
    return status if arguments else 0


@builtin("bg", "trap", "umask", "ulimit", "hash", "shopt", "disown", "stty", "enable", "complete", "bind")
def accepted(shell: "Interpreter", arguments: list[str]) -> int:
    """Taken and without effect: what they change does not exist in this shell."""
    return 0


@builtin("kill")
def kill(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends background commands."""
    targets = [a for a in arguments if not re.fullmatch(r"-(\d+|[A-Z]+|s)", a)]
    if not targets:
        shell.complain("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ...")
        return 2
    status = 0
    for target in targets:
        job = shell.session.jobs.find(target)
        if job is None:
            what = "no such job" if target.startswith("%") else "(" + target + ") - No such process"
            status = shell.complain(f"kill: {target + ': ' if target.startswith('%') else ''}{what}")
        else:
            job.cancelled.set()
            shell.process.wait(job.finished.is_set)
    return status
