"""The command awk (gawk, mawk). Source: POSIX.1-2017 `awk`."""

from collections.abc import Iterator

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.awk.language import Parser, unescaped
from svclab.terminal.commands.awk.machine import Machine
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.regex import BadRegex
from svclab.terminal.streams import Input


@command("awk", "gawk", "mawk")
def awk(context: Context, argv: list[str]) -> int:
    """Runs a program over lines and their fields; -F separator, -v name=value, -f file."""
    given, words = options(argv, "F:v:f:", permute=False)
    settings: dict[str, str] = {}
    texts: list[str] = []
    for name, value in given:
        if name == "-F":
            settings["FS"] = "\t" if value == "t" else unescaped(value)
        elif name == "-v":
            variable, _, setting = value.partition("=")
            settings[variable] = unescaped(setting)
        else:
            texts.append(context.files.read(context.path(value)))
    if not texts:
        if not words:
            raise Usage("usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]")
        texts = [words.pop(0)]
    inputs = Inputs(context, words)
    try:
        machine = Machine(
            Parser("\n".join(texts)).program(), context.stdout.write, context.process.step, settings
        )
        status = machine.run(_files(inputs))
    except BadRegex as error:
        raise Usage(str(error)) from None
    except RecursionError:
        raise Usage("program nested too deeply") from None
    return status or (2 if inputs.status else 0)


def _files(inputs: Inputs) -> Iterator[tuple[str, Input]]:
    for name, stream in inputs:
        yield ("" if name == "-" else name), stream
