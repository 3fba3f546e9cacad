"""tee, yes, true streams of text. Source: GNU coreutils 9.1."""

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, command
from svclab.terminal.files import FileError


@command("tee")
def tee(context: Context, argv: list[str]) -> int:
    """Writes what it reads to standard output and to files; -a appends."""
    given, names = options(argv, "ai", ("append",))
    append = any(name in ("-a", "--append") for name, _ in given)
    kept: list[str] = []
    try:
        for line in context.stdin:
            kept.append(line)
            context.stdout.write(line)
    finally:
        status = 0
        for name in names:
            path = context.path(name)
            try:
                before = context.files.read(path) if append and context.files.exists(path) else ""
                context.files.write(path, before + "".join(kept))
            except FileError as error:
                status = context.fail(f"tee: {name}: {error}")
    return status


@command("yes")
def yes(context: Context, argv: list[str]) -> int:
    """Writes one line again and again, until nobody reads it or the terminal's limit is reached."""
    line = " ".join(argv or ["y"]) + "\n"
    block = line * max(1024 // len(line), 1)
    while True:
        context.check()
        context.stdout.write(block)
