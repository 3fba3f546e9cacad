"""cat, and what prints like it here: less, more, tac. Source: GNU coreutils 9.1."""

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import Context, command


@command("cat")
def cat(context: Context, argv: list[str]) -> int:
    """Writes files one after the other; -n numbers the lines, -A shows what is invisible."""
    given, names = options(argv, "nbAETsuv", ("number", "show-all"))
    flags = {name for name, _ in given}
    inputs = Inputs(context, names)
    number = 0
    for line in inputs.lines():
        if flags & {"-n", "--number"} or ("-b" in flags and line != "\n"):
            number += 1
            line = f"{number:6d}\t{line}"
        if flags & {"-A", "-T", "--show-all"}:
            line = line.replace("\t", "^I")
        if flags & {"-A", "-E", "--show-all"} and line.endswith("\n"):
            line = line[:-1] + "$\n"
        context.stdout.write(line)
    return inputs.status


@command("less", "more", places={"laptop", "node", "netshoot", "busybox", "alpine", "debian", "debian-curl"})
def less(context: Context, argv: list[str]) -> int:
    """Writes files; there is no paging, the terminal scrolls."""
    return cat(context, [name for name in argv if not name.startswith(("-", "+"))])


@command("tac")
def tac(context: Context, argv: list[str]) -> int:
    """Writes lines in reverse order."""
    inputs = Inputs(context, options(argv, "")[1])
    for line in reversed(list(inputs.lines())):
        context.stdout.write(line.removesuffix("\n") + "\n")
    return inputs.status
