"""grep, with its -E, -F and egrep, fgrep spellings. Source: GNU grep 3.8; never coloured, as in a pipe."""

import re
from dataclasses import dataclass

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.regex import BadRegex, Regex, compile_regex
from svclab.terminal.shell.patterns import matches
from svclab.terminal.streams import Input

_LONG = {
    "ignore-case": "-i", "invert-match": "-v", "extended-regexp": "-E", "fixed-strings": "-F",
    "basic-regexp": "-G", "perl-regexp": "-P", "only-matching": "-o", "count": "-c", "line-number": "-n",
    "after-context=": "-A", "before-context=": "-B", "context=": "-C", "quiet": "-q", "silent": "-q",
    "word-regexp": "-w", "line-regexp": "-x", "files-with-matches": "-l", "files-without-match": "-L",
    "max-count=": "-m", "regexp=": "-e", "file=": "-f", "no-filename": "-h", "with-filename": "-H",
    "no-messages": "-s", "recursive": "-r", "dereference-recursive": "-R", "byte-offset": "-b",
    "null-data": "-z", "text": "-a", "label=": "--label", "include=": "--include", "exclude=": "--exclude",
    "exclude-dir=": "", "line-buffered": "", "initial-tab": "-T", "binary": "-U", "null": "-Z",
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
    offset: int = 0  # of the line being looked at

    def matches(self, line: str) -> bool:
        """Whether a line is to be printed."""
        return any(regex.search(line) for regex in self.regexes) != ("-v" in self.flags)

    def found_in(self, name: str, stream: Input) -> int:
        """Print what matches in one file; gives how many lines did."""
        count, number, last_printed, following = 0, 0, -1, 0
        held: list[tuple[int, str]] = []  # lines before, in case one matches
        wanted_until = -1
        for line in stream:
            self.context.check()
            number += 1
            self.offset, following = following, following + len(line)
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
                self._print(name, number, match.group(), ":", match.start)
            place = max(match.end, match.start + 1)

    def _print(self, name: str, number: int, text: str, mark: str, place: int = 0) -> None:
        prefix = f"{'(standard input)' if name == '-' else name}{mark}" if self.named else ""
        prefix += f"{number}{mark}" if "-n" in self.flags else ""
        prefix += f"{self.offset + place}{mark}" if "-b" in self.flags else ""
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
            raise _NoPattern
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
    colours = [word for word in argv if re.match("--colou?r(=|$)", word)]
    argv = [re.sub(r"^-(\d+)$", r"-C\1", word) for word in argv if word not in colours]
    raw, words = options(argv, "ivEFGPocnqwxlLhHsrRyabzITUZA:B:C:m:e:f:", _LONG)
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
    except _NoPattern:
        text = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information."
        return context.fail(text, 2)
    except BadRegex as error:
        raise Usage(str(error)) from None


class _NoPattern(Exception):
    """Nothing says what to look for."""


def _count(flags: dict[str, str], name: str, around: str, what: str) -> int:
    text = flags.get(name, around)
    if not text.isdigit():
        raise Usage(f"{text}: invalid {what}")
    return int(text)


def _search(context: Context, flags: dict[str, str], regexes: list[Regex], words: list[str]) -> int:
    recursive = bool({"-r", "-R"} & flags.keys())
    below = recursive and (not words or context.files.is_directory(context.path(words[0])))
    several = below or len(words) > 1
    if recursive:
        words = _below(context, words or [""], flags)
    around = flags.get("-C", "0")
    search = _Search(
        context, flags, regexes,
        named="-h" not in flags and ("-H" in flags or several),
        after=_count(flags, "-A", around, "context length argument"),
        before=_count(flags, "-B", around, "context length argument"),
        most=_count(flags, "-m", "", "max count") if "-m" in flags else float("inf"),
    )  # fmt: skip
    inputs = Inputs(context, words, quiet="-s" in flags)
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


def _below(context: Context, names: list[str], flags: dict[str, str]) -> list[str]:
    """The files below directories, those that --include and --exclude leave."""
    found: list[str] = []
    for name in names:
        path = context.path(name or ".")
        if not context.files.is_directory(path):
            found.append(name)
            continue
        for below in context.files.tree(path):
            base = below.rpartition("/")[2]
            if matches(flags.get("--include", "*"), base) and not matches(flags.get("--exclude", ""), base):
                rest = below.removeprefix(path).lstrip("/")
                found.append(f"{name.rstrip('/')}/{rest}" if name else rest)
    return found or ["/dev/null"]
