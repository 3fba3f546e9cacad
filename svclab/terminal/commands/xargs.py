"""xargs. Source: GNU findutils 4.9."""

import shlex

from svclab.terminal.commands.arguments import options, whole_number
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.streams import Input

_MAX_RUNS = 1000


@command("xargs")
def xargs(context: Context, argv: list[str]) -> int:
    """Runs a command with what it reads as arguments; -n as many at a time, -I {} one line in place of {}."""
    given, words = options(argv, "n:I:L:P:rt0d:", ("max-args=", "no-run-if-empty"), permute=False)
    settings = dict(given)
    program = words or ["echo"]
    text = context.stdin.read()
    if "-I" in settings:
        batches = [[line.strip()] for line in text.splitlines() if line.strip()]
        commands = [[word.replace(settings["-I"], batch[0]) for word in program] for batch in batches]
    else:
        found = _words(text, settings)
        size = (
            whole_number(settings.get("-n", settings.get("--max-args", settings.get("-L", "0"))), "number")
            or None
        )
        batches = [found[i : i + size] for i in range(0, len(found), size)] if size else [found]
        if not found:
            batches = [] if {"-r", "--no-run-if-empty"} & settings.keys() else [[]]
        commands = [[*program, *batch] for batch in batches]
    if len(commands) > _MAX_RUNS:
        raise Usage(f"svclab runs a command {_MAX_RUNS:,} times at most", 1)
    return _all(context, commands, verbose="-t" in settings)


def _words(text: str, settings: dict[str, str]) -> list[str]:
    if "-0" in settings:
        return [part for part in text.split("\0") if part]
    if "-d" in settings:
        separator = settings["-d"].replace("\\n", "\n").replace("\\t", "\t")
        return text.removesuffix("\n").split(separator)
    try:
        return shlex.split(text)
    except ValueError:
        raise Usage(
            "unmatched single quote; by default quotes are special to xargs unless you use the -0 option", 1
        ) from None


def _all(context: Context, commands: list[list[str]], *, verbose: bool) -> int:
    failed = 0
    for words in commands:
        if verbose:
            context.fail(" ".join(words))
        status = context.run(words, stdin=Input())
        if status in (126, 127, 255):
            return 124 if status == 255 else status
        failed = failed or int(bool(status))
    return 123 if failed else 0
