"""The command awk (gawk, mawk). Source: POSIX.1-2017 `awk`."""

from collections.abc import Iterator

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.awk.language import Parser, Program, unescaped
from svclab.terminal.commands.awk.machine import Machine
from svclab.terminal.commands.awk.streams import MainInput, Streams
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.files import FileError
from svclab.terminal.regex import BadRegex
from svclab.terminal.streams import Input


@command("awk", "gawk", "mawk")
def awk(context: Context, argv: list[str]) -> int:
    """Runs a program over lines and their fields; -F separator, -v name=value, -f file."""
    if argv[:1] == ["--version"]:
        context.print("GNU Awk 5.2.1, API 3.2")
        return 0
    given, words = options(argv, "F:v:f:", ("field-separator=", "assign=", "file="), permute=False)
    settings: dict[str, str] = {}
    texts: list[str] = []
    for name, value in given:
        if name in ("-F", "--field-separator"):
            settings["FS"] = "\t" if value == "t" else unescaped(value)
        elif name in ("-v", "--assign"):
            variable, _, setting = value.partition("=")
            settings[variable] = unescaped(setting)
        else:
            texts.append(_program_file(context, value))
    if not texts:
        if not words:
            return context.fail("Usage: awk [POSIX or GNU style options] [--] 'program' file ...")
        texts = [words.pop(0)]
    try:
        program = Parser("\n".join(texts)).program()
        return _run(context, program, settings, words)
    except BadRegex as error:
        raise Usage(str(error)) from None
    except RecursionError:
        raise Usage("program nested too deeply") from None


def _run(context: Context, program: Program, settings: dict[str, str], words: list[str]) -> int:
    machine = Machine(program, context, settings, Streams(context))
    missing = False

    def opened(names: list[str]) -> Iterator[tuple[str, Input]]:
        nonlocal missing
        inputs = Inputs(context, names)
        for name, stream in inputs:
            yield ("" if name == "-" else name), stream
        missing = missing or bool(inputs.status)

    source = MainInput(words, opened, lambda name, value: machine.assign(name, unescaped(value)))
    status = machine.run(["awk", *words], source)
    return status or (2 if missing else 0)


def _program_file(context: Context, name: str) -> str:
    try:
        text: str = context.stdin.read() if name == "-" else context.files.read(context.path(name))
    except FileError as error:
        raise Usage(f"fatal: cannot open source file `{name}' for reading: {error}") from None
    return text
