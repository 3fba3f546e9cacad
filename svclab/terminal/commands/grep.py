"""grep, with its -E, -F and egrep, fgrep spellings. Source: GNU grep 3.8; never coloured, as in a pipe."""

import re
from dataclasses import dataclass

from svclab.terminal.commands.arguments import Inputs, options, whole_number
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.regex import BadRegex, Regex, compile_regex
from svclab.terminal.streams import Input

_LONG = {
    "ignore-case": "-i", "invert-match": "-v", "extended-regexp": "-E", "fixed-strings": "-F",
    "basic-regexp": "-G", "perl-regexp": "-P", "only-matching": "-o", "count": "-c", "line-number": "-n",
    "after-context=": "-A", "before-context=": "-B", "context=": "-C", "quiet": "-q", "silent": "-q",
    "word-regexp": "-w", "line-regexp": "-x", "files-with-matches": "-l", "files-without-match": "-L",
    "max-count=": "-m", "regexp=": "-e", "file=": "-f", "no-filename": "-h", "with-filename": "-H",
    "no-messages": "-s", "recursive": "-r", "color=": "", "colour=": "", "line-buffered": "", "color": "",
    "include=": "",
}  # fmt: skip


@dataclass(slots=True)
class _Search:
    context: Context
    flags: dict[str, str]
    regexes: list[Regex]
    named: bool
    after: int = 0
    before: int = 0
    most: float = float("inf")

    def matches(self, line: str) -> bool:
        """Whether a line is to be printed."""
        return any(regex.search(line) for regex in self.regexes) != ("-v" in self.flags)

    def found_in(self, name: str, stream: Input) -> int:
        """Print what matches in one file; gives how many lines did."""
        count, number, last_printed = 0, 0, -1
        held: list[tuple[int, str]] = []  # lines before, in case one matches
        wanted_until = -1
        for line in stream:
            self.context.check()
            number += 1
            text = line.removesuffix("\n")
            if count < self.most and self.matches(text):
                count += 1
                if "-q" in self.flags or {"-l", "-L"} & self.flags.keys():
                    return count
                if "-c" in self.flags:
                    continue
                first = held[0][0] if held else number
                if (self.after or self.before) and last_printed >= 0 and first > last_printed + 1:
                    self.context.print("--")
                for place, earlier in held:
                    self._print(name, place, earlier, "-")
                held = []
                self._print_match(name, number, text)
                last_printed, wanted_until = number, number + self.after
            elif number <= wanted_until:
                self._print(name, number, text, "-")
                last_printed = number
            else:
                if count >= self.most:
                    break
                held = [*held, (number, text)][-self.before :] if self.before else []
        return count

    def _print_match(self, name: str, number: int, text: str) -> None:
        if "-o" not in self.flags:
            self._print(name, number, text, ":")
            return
        place = 0
        while "-v" not in self.flags and place <= len(text):
            found = [match for regex in self.regexes if (match := regex.search(text, place))]
            if not found:
                return
            match = min(found, key=lambda m: (m.start, -m.end))
            if match.end > match.start:
                self._print(name, number, match.group(), ":")
            place = max(match.end, match.start + 1)

    def _print(self, name: str, number: int, text: str, mark: str) -> None:
        prefix = f"{'(standard input)' if name == '-' else name}{mark}" if self.named else ""
        prefix += f"{number}{mark}" if "-n" in self.flags else ""
        self.context.print(prefix + text)


def _patterns(
    flags: dict[str, str], given: list[tuple[str, str]], words: list[str], context: Context
) -> list[str]:
    patterns = [value for name, value in given if name == "-e"]
    for name, value in given:
        if name == "-f":
            patterns += context.files.read(context.path(value)).splitlines()
    if not patterns and "-f" not in flags:
        if not words:
            raise Usage("usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.")
        patterns = [words.pop(0)]
    return [part for pattern in patterns for part in pattern.split("\n")]


def _compiled(pattern: str, flags: dict[str, str], *, extended: bool) -> Regex:
    if "-F" in flags:
        pattern, extended = re.sub(r"([][\\.^$*+?(){}|])", r"\\\1", pattern), True
    elif "-P" in flags:
        pattern, extended = pattern.replace("\\d", "[0-9]").replace("(?:", "("), True
    if not extended and {"-w", "-x"} & flags.keys():
        pattern = f"\\<\\({pattern}\\)\\>" if "-w" in flags else f"^\\({pattern}\\)$"
    elif "-w" in flags:
        pattern = f"\\<({pattern})\\>"
    elif "-x" in flags:
        pattern = f"^({pattern})$"
    return compile_regex(pattern, extended=extended, ignore_case="-i" in flags or "-y" in flags)


@command("grep", "egrep", "fgrep")
def grep(context: Context, argv: list[str]) -> int:
    """Prints the lines that match; exit code 0 where there are some, 1 where there are none, 2 for an
    error.
    """
    argv = [re.sub(r"^-(\d+)$", r"-C\1", word) for word in argv]
    raw, words = options(argv, "ivEFGPocnqwxlLhHsryA:B:C:m:e:f:", _LONG)
    by_long = {"--" + name.rstrip("="): short for name, short in _LONG.items()}
    given = [(by_long.get(name, name), value) for name, value in raw]
    flags = dict(given)
    if context.name == "fgrep":
        flags["-F"] = ""
    extended = bool({"-E"} & flags.keys()) or context.name == "egrep"
    regexes = []
    try:
        regexes = [_compiled(p, flags, extended=extended) for p in _patterns(flags, given, words, context)]
        return _search(context, flags, regexes, words)
    except BadRegex as error:
        raise Usage(str(error)) from None


def _search(context: Context, flags: dict[str, str], regexes: list[Regex], words: list[str]) -> int:
    if "-r" in flags:
        words = _below(context, words or ["."])
    around = flags.get("-C", "0")
    search = _Search(
        context, flags, regexes,
        named="-h" not in flags and ("-H" in flags or len(words) > 1 or "-r" in flags),
        after=whole_number(flags.get("-A", around), "context length argument"),
        before=whole_number(flags.get("-B", around), "context length argument"),
        most=whole_number(flags["-m"], "max count") if "-m" in flags else float("inf"),
    )  # fmt: skip
    inputs = Inputs(context, words)
    total = 0
    for name, stream in inputs:
        count = search.found_in(name, stream)
        total += count
        label = "(standard input)" if name == "-" else name
        if "-c" in flags:
            context.print(f"{label}:{count}" if search.named else str(count))
        if ("-l" in flags and count) or ("-L" in flags and not count):
            context.print(label)
        if "-q" in flags and count:
            return 0
    return 0 if total else 2 if inputs.status else 1


def _below(context: Context, names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        path = context.path(name)
        if context.files.is_directory(path):
            found += [
                f"{name.rstrip('/')}/{p.removeprefix(path).lstrip('/')}" for p in context.files.tree(path)
            ]
        else:
            found.append(name)
    return found
