"""watch, clear. Source: procps-ng 4.0."""

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.streams import Input, Output

_CLEAR = "\x1b[H\x1b[2J"
_OWN_SCREEN, _OLD_SCREEN = "\x1b[?1049h", "\x1b[?1049l"  # what was there before comes back at the end


@command("watch", places={"laptop", "node", "netshoot", "busybox", "alpine"})
def watch(context: Context, argv: list[str]) -> int:
    """Runs a command every two seconds (-n) of the cluster's time and shows its output on a fresh screen."""
    given, words = options(
        argv, "n:dtgcx", ("interval=", "differences", "no-title", "chgexit", "exec"), permute=False
    )
    settings = dict(given)
    if not words:
        raise Usage("usage: watch [options] command", 1)
    try:
        interval = max(float(settings.get("-n", settings.get("--interval", "2"))), 0.1)
    except ValueError:
        raise Usage("failed to parse argument: '-n'", 1) from None
    own = context.stdout.isatty() and context.location.kind != "pod"  # BusyBox's has no screen of its own
    context.stdout.write(_OWN_SCREEN if own else "")
    try:
        return _repeat(context, words, interval, settings)
    finally:
        context.stdout.write(_OLD_SCREEN if own else "")


def _repeat(context: Context, words: list[str], interval: float, settings: dict[str, str]) -> int:
    before = None
    while True:
        text = _output_of(context, words)
        if {"-g", "--chgexit"} & settings.keys() and before not in (None, text):
            return 0
        before = text
        title = "" if {"-t", "--no-title"} & settings.keys() else _title(context, interval, words)
        rows = max(context.session.rows - (2 if title else 0), 1)
        shown = "".join(line[: context.columns] + "\n" for line in text.splitlines()[:rows])
        context.stdout.write(_CLEAR + title + shown)
        context.sleep(interval)


def _output_of(context: Context, words: list[str]) -> str:
    parts: list[str] = []
    line = " ".join(words)
    context.run(["sh", "-c", line], stdin=Input(), stdout=Output(parts.append), stderr=Output(parts.append))
    return "".join(parts)


def _title(context: Context, interval: float, words: list[str]) -> str:
    left = f"Every {interval:.1f}s: {' '.join(words)}"
    host = context.location.name or "laptop"
    right = f"{host}: {context.now().strftime('%a %b %e %H:%M:%S %Y')}"
    return (
        left[: max(context.columns - len(right) - 1, 0)].ljust(context.columns - len(right)) + right + "\n\n"
    )


@command("clear", "reset")
def clear(context: Context, argv: list[str]) -> int:
    """Clears the screen."""
    context.stdout.write(_CLEAR + "\x1b[3J")
    return 0
