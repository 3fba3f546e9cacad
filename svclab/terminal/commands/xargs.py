"""xargs. Source: GNU findutils 4.9."""

import re
import shlex

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command, is_installed
from svclab.terminal.files import FileError
from svclab.terminal.streams import Input

_MAX_RUNS = 1000
_LONG = (
    "max-args=", "no-run-if-empty", "null", "replace=", "delimiter=", "max-lines=", "max-procs=", "verbose",
    "arg-file=", "exit", "max-chars=",
)  # fmt: skip
_SHORT = {
    "--max-args": "-n", "--no-run-if-empty": "-r", "--null": "-0", "--replace": "-I", "--delimiter": "-d",
    "--max-lines": "-L", "--max-procs": "-P", "--verbose": "-t", "--arg-file": "-a", "--exit": "-x",
    "--max-chars": "-s",
}  # fmt: skip


@command("xargs")
def xargs(context: Context, argv: list[str]) -> int:
    """Runs a command with what it reads as arguments; -n as many at a time, -I {} one line in place of {}."""
    argv = [re.sub(r"^-i$", "-I{}", word) for word in argv]
    given, words = options(argv, "n:I:L:P:rt0d:a:xs:p", _LONG, permute=False)
    settings = {_SHORT.get(name, name): value for name, value in given}
    program = words or ["echo"]
    text = _input(context, settings)
    if "-I" in settings:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        commands = [[word.replace(settings["-I"], line) for word in program] for line in lines]
    elif "-L" in settings:
        size = _number(settings, "-L")
        lines = [line for line in text.splitlines() if line.strip()]
        batches = [lines[i : i + size] for i in range(0, len(lines), size)]
        commands = [[*program, *(word for line in batch for word in _split(line))] for batch in batches]
    else:
        found = _words(text, settings)
        batches = _batches(found, settings, program)
        if not found:
            batches = [] if "-r" in settings else [[]]
        commands = [[*program, *batch] for batch in batches]
    if len(commands) > _MAX_RUNS:
        raise Usage(f"svclab runs a command {_MAX_RUNS:,} times at most", 1)
    return _all(context, commands, verbose="-t" in settings)


def _input(context: Context, settings: dict[str, str]) -> str:
    if "-a" not in settings:
        return context.stdin.read()
    try:
        text: str = context.files.read(context.path(settings["-a"]))
    except FileError as error:
        raise Usage(f"Cannot open input file '{settings['-a']}': {error}", 1) from None
    return text


def _number(settings: dict[str, str], name: str) -> int:
    text = settings[name]
    if not re.fullmatch(r"-?\d+", text):
        raise Usage(f'invalid number "{text}" for {name} option', 1, hint=True)
    if int(text) < 1:
        raise Usage(f"value {text} for {name} option should be >= 1", 1, hint=True)
    return int(text)


def _batches(found: list[str], settings: dict[str, str], program: list[str]) -> list[list[str]]:
    """As many words at a time as -n allows, and -s characters in all."""
    most = _number(settings, "-n") if "-n" in settings else len(found) or 1
    room = _number(settings, "-s") if "-s" in settings else 131072
    batches: list[list[str]] = []
    size = 0
    for word in found:
        if not batches or len(batches[-1]) == most or size + len(word) + 1 > room:
            batches.append([])
            size = sum(len(part) + 1 for part in program)
        batches[-1].append(word)
        size += len(word) + 1
    return batches


def _words(text: str, settings: dict[str, str]) -> list[str]:
    if "-0" in settings:
        return [part for part in text.split("\0") if part]
    if "-d" in settings:
        separator = settings["-d"].replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")
        parts = text.split(separator)
        return parts[:-1] if parts[-1] == "" else parts
    return _split(text)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        kind = "double" if text.count('"') % 2 and "closing" in str(error) else "single"
        what = f"unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
        raise Usage(what, 1) from None


def _all(context: Context, commands: list[list[str]], *, verbose: bool) -> int:
    failed = 0
    for words in commands:
        if verbose:
            context.fail(" ".join(words))
        if "/" not in words[0] and not is_installed(words[0], context.location):
            return context.fail(f"xargs: {words[0]}: No such file or directory", 127)
        status = context.run(words, stdin=Input())
        if status in (126, 127):
            return status
        if status == 255:
            return context.fail(f"xargs: {words[0]}: exited with status 255; aborting", 124)
        failed = failed or int(bool(status))
    return 123 if failed else 0
