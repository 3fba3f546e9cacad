"""What the programs share in reading their arguments: options as GNU's getopt does, and their input files."""

import getopt
from collections.abc import Iterable, Iterator

from svclab.terminal.commands.registry import BadOption, Context, Usage
from svclab.terminal.files import FileError
from svclab.terminal.streams import Input, TextInput


def options(
    argv: list[str], short: str, long: Iterable[str] = (), *, permute: bool = True
) -> tuple[list[tuple[str, str]], list[str]]:
    """The options in order, as ("-n", "5") or ("--quiet", ""), and the other arguments.

    `short` is getopt's ("n:q"), `long` as in ("lines=", "quiet"). Raises Usage in GNU's words.
    """
    try:
        return (getopt.gnu_getopt if permute else getopt.getopt)(argv, short, list(long))
    except getopt.GetoptError as error:
        if len(error.opt) == 1:
            what = "invalid option" if "not recognized" in error.msg else "option requires an argument"
            raise BadOption(f"{what} -- '{error.opt}'") from None
        if "requires argument" in error.msg:
            raise BadOption(f"option '--{error.opt}' requires an argument") from None
        raise BadOption(f"unrecognized option '--{error.opt}'") from None


def whole_number(text: str, what: str) -> int:
    """A number that an option takes. Raises Usage: "invalid number of lines: 'x'"."""
    try:
        return int(text)
    except ValueError:
        raise Usage(f"invalid {what}: '{text}'", 1) from None


_CANNOT_OPEN = {
    "head": "cannot open '{}' for reading", "tail": "cannot open '{}' for reading", "sort": "cannot read: {}",
    "sed": "can't read {}", "awk": "fatal: cannot open file `{}' for reading",
    "jq": "error: Could not open file {}",
    "tac": "failed to open '{}' for reading",
}  # fmt: skip


class Inputs:
    """The files that a program reads, standard input for none and for `-`. `status` is 1 after a missing
    one.
    """

    def __init__(self, context: Context, names: list[str], *, quiet: bool = False) -> None:
        self._context, self._names, self._quiet = context, names or ["-"], quiet
        self.status = 0

    def __iter__(self) -> Iterator[tuple[str, Input]]:
        for name in self._names:
            if name == "-":
                yield name, self._context.stdin
                continue
            try:
                text = self._context.files.read(self._context.path(name))
            except FileError as error:
                self.status = 1
                if not self._quiet:
                    self._context.fail(f"{self._context.name}: {self._words(name)}: {error}")
                continue
            yield name, TextInput(text)

    def _words(self, name: str) -> str:
        """How GNU's programs name a file that they cannot open; busybox's just name it."""
        if self._context.location.toolset not in ("laptop", "node", "debian", "debian-curl", "dnsutils"):
            return name
        return _CANNOT_OPEN.get(self._context.name, "{}").format(name)

    def lines(self) -> Iterator[str]:
        """All lines of all files, each with its newline (but for a last one without)."""
        for _, stream in self:
            for line in stream:
                self._context.check()
                yield line
