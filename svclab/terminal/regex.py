"""POSIX regular expressions (basic and extended, with GNU's `\\w \\b \\s \\+ \\?`) that cannot hang.

A pattern is parsed here. Where it cannot take long on a text it runs on Python's `re`; else on a simulation
of
its automaton, whose time grows with text times pattern only. Matches are the leftmost; among
those the one that Python's order of alternatives gives (POSIX would give the longest). Back-references
inside a
pattern are refused. Source: POSIX.1-2017, chapter 9; grep(1) of GNU grep 3.8.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic

TIME_LIMIT_SECONDS = 2.0
_MAX_PATTERN = 2000
_MAX_REPEAT = 255
_MAX_PROGRAM = 20_000
_BACKTRACKING_STEPS = 4_000_000  # what Python's `re` may take at worst: some milliseconds
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
    "space": r"\s", "blank": r" \t", "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
    "xdigit": "0-9A-Fa-f", "print": r"\x20-\x7e", "graph": r"\x21-\x7e", "cntrl": r"\x00-\x1f",
}  # fmt: skip


class BadRegex(Exception):
    """The pattern is not a regular expression, or takes too long; the message is GNU grep's where it has
    one.
    """


# The parsed pattern: what Python's `re` would be given, piece by piece.
@dataclass(frozen=True, slots=True)
class _One:
    text: str  # a Python expression that matches exactly one character


@dataclass(frozen=True, slots=True)
class _At:
    text: str  # a Python expression that matches no character: ^ $ \b \B


@dataclass(frozen=True, slots=True)
class _Concat:
    items: tuple["_Tree", ...]


@dataclass(frozen=True, slots=True)
class _Either:
    items: tuple["_Tree", ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    item: "_Tree"
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class _Group:
    item: "_Tree"
    number: int


_Tree = _One | _At | _Concat | _Either | _Repeat | _Group


class _Parser:
    def __init__(self, pattern: str, *, extended: bool) -> None:
        self._text, self._extended = pattern, extended
        self._i, self._groups = 0, 0
        self._open = 0

    def parse(self) -> tuple[_Tree, int]:
        if len(self._text) > _MAX_PATTERN:
            raise BadRegex("Regular expression too big")
        tree = self._either()
        if self._i < len(self._text):
            raise BadRegex("Unmatched ) or \\)")
        return tree, self._groups

    def _at(self, *operators: str) -> str:
        """The operator at the cursor, in this dialect's spelling (`(` or `\\(`), or ""."""
        for operator in operators:
            spelled = operator if self._extended else "\\" + operator
            if self._text.startswith(spelled, self._i):
                return spelled
        return ""

    def _either(self) -> _Tree:
        branches = [self._concat()]
        while spelled := self._at("|"):
            self._i += len(spelled)
            branches.append(self._concat())
        return branches[0] if len(branches) == 1 else _Either(tuple(branches))

    def _concat(self) -> _Tree:
        items: list[_Tree] = []
        while self._i < len(self._text) and not self._at("|"):
            if self._at(")") and (self._open or not self._extended):
                break
            items.append(self._repeated(self._atom(first=not items)))
        return _Concat(tuple(items))

    def _repeated(self, item: _Tree) -> _Tree:
        while self._i < len(self._text):
            if self._text[self._i] == "*":
                self._i += 1
                least, most = 0, None
            elif spelled := self._at("+", "?"):
                self._i += len(spelled)
                least, most = (1, None) if spelled.endswith("+") else (0, 1)
            elif self._at("{") and (found := self._interval()):
                least, most = found
            else:
                break
            if isinstance(item, _Repeat) and (item.least, item.most) == (least, most) == (0, None):
                continue  # a** is a*
            item = _Repeat(item, least, most)
        return item

    def _interval(self) -> tuple[int, int | None] | None:
        close = r"\}" if self._extended else r"\\\}"
        start = self._i + (1 if self._extended else 2)
        match = re.compile(r"(\d*)(,?)(\d*)" + close).match(self._text, start)
        if not match or not (match[1] or match[2]):
            if self._extended:
                return None  # a literal brace
            raise BadRegex("Invalid content of \\{\\}")
        least = int(match[1] or 0)
        most = None if match[2] and not match[3] else int(match[3] or least)
        if least > _MAX_REPEAT or (most is not None and (most > _MAX_REPEAT or most < least)):
            raise BadRegex("Regular expression too big" if least <= (most or least) else "Invalid range end")
        self._i = match.end()
        return least, most

    def _atom(self, *, first: bool) -> _Tree:
        text, char = self._text, self._text[self._i]
        if spelled := self._at("("):
            self._i += len(spelled)
            return self._group()
        self._i += 1
        match char:
            case "\\":
                return self._escape()
            case "[":
                return _One(self._bracket())
            case ".":
                return _One(r"[^\n]")
            case "^" if self._extended or first:
                return _At("^")
            case "$" if self._extended or self._i == len(text) or self._at("|", ")"):
                return _At(r"\Z")
            case _:
                return _One(re.escape(char))

    def _group(self) -> _Tree:
        self._groups += 1
        number = self._groups
        self._open += 1
        if self._open > 50:
            raise BadRegex("Regular expression too big")
        tree = self._either()
        self._open -= 1
        spelled = self._at(")")
        if not spelled:
            raise BadRegex("Unmatched ( or \\(")
        self._i += len(spelled)
        return _Group(tree, number)

    def _escape(self) -> _Tree:
        if self._i >= len(self._text):
            raise BadRegex("Trailing backslash")
        char = self._text[self._i]
        self._i += 1
        if char in "wWsS":
            return _One("\\" + char)
        if char in "bB<>":
            return _At({"b": r"\b", "B": r"\B", "<": r"\b(?=\w)", ">": r"\b(?<=\w)"}[char])
        if char in "nt":
            return _One("\\" + char)
        if char.isdigit():
            raise BadRegex("back-references inside a pattern are not available here")
        return _One(re.escape(char))

    def _bracket(self) -> str:
        text, i = self._text, self._i
        negated = text[i : i + 1] == "^"
        i += negated
        start, parts = i, []
        while True:
            if i >= len(text):
                raise BadRegex("Unmatched [, [^, [:, [., or [=")
            if text[i] == "]" and i > start:
                break
            if match := re.compile(r"\[:(\w+):\]").match(text, i):
                if match[1] not in _CLASSES:
                    raise BadRegex("Invalid character class name")
                parts.append(_CLASSES[match[1]])
                i = match.end()
            elif text[i + 1 : i + 2] == "-" and text[i + 2 : i + 3] not in ("", "]"):
                if text[i] > text[i + 2]:
                    raise BadRegex("Invalid range end")
                parts.append(f"{re.escape(text[i])}-{re.escape(text[i + 2])}")
                i += 3
            else:
                parts.append(re.escape(text[i]))
                i += 1
        self._i = i + 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"


def _python(tree: _Tree) -> str:
    match tree:
        case _One(text) | _At(text):
            return text
        case _Concat(items):
            return "".join(_python(item) for item in items)
        case _Either(items):
            return "(?:" + "|".join(_python(item) for item in items) + ")"
        case _Group(item, _):
            return f"({_python(item)})"
        case _Repeat(item, least, most):
            inner = _python(item) if isinstance(item, _One | _Group) else f"(?:{_python(item)})"
            return f"{inner}{{{least},{'' if most is None else most}}}"


def _loops(tree: _Tree, inside: bool = False) -> int:
    """How many repetitions of open or large number there are; a nested one counts as many."""
    match tree:
        case _Repeat(item, _, most):
            large = most is None or most > 1
            nested = 100 if large and inside else 0
            return nested + large + _loops(item, inside or large)
        case _Concat(items) | _Either(items):
            return sum(_loops(item, inside) for item in items)
        case _Group(item, _):
            return _loops(item, inside)
        case _:
            return 0


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern matched: `spans[0]` is the whole, (-1, -1) stands for a group that took no part."""

    text: str
    spans: tuple[tuple[int, int], ...]

    def group(self, number: int = 0) -> str:
        """The text of a group, "" for one that took no part or does not exist."""
        start, end = self.spans[number] if number < len(self.spans) else (-1, -1)
        return self.text[start:end] if start >= 0 else ""

    @property
    def start(self) -> int:
        """Where the match begins."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """The index after the match."""
        return self.spans[0][1]


class Regex:
    """A compiled pattern. `search` raises BadRegex when a match takes longer than two seconds."""

    def __init__(self, pattern: str, *, extended: bool, ignore_case: bool) -> None:
        self._tree, self.groups = _Parser(pattern, extended=extended).parse()
        self._loops = _loops(self._tree)
        self._flags = re.IGNORECASE if ignore_case else 0
        self._program: _Program | None = None
        try:
            self._fast = re.compile(_python(self._tree), self._flags)
        except (re.error, OverflowError, RecursionError):
            raise BadRegex("Invalid regular expression") from None

    def search(self, text: str, start: int = 0) -> Match | None:
        """The leftmost match at or after `start`."""
        if len(text) ** min(self._loops + 1, 50) <= _BACKTRACKING_STEPS or not self._loops:
            found = self._fast.search(text, start)
            return Match(text, tuple(found.span(i) for i in range(self.groups + 1))) if found else None
        if self._program is None:
            self._program = _Program(self._tree, self.groups, self._flags)
        return self._program.search(text, start)


class _Program:
    """A Pike machine: threads of the automaton in step with the text, each with its groups' places."""

    def __init__(self, tree: _Tree, groups: int, flags: int) -> None:
        self._code: list[tuple[str, object, int, int]] = []  # operation, argument, next, other next
        self._slots = 2 * (groups + 1)
        self._flags = flags
        self._emit_tree(_Group(tree, 0))
        self._emit("match")

    def _emit(self, operation: str, argument: object = None) -> int:
        if len(self._code) > _MAX_PROGRAM:
            raise BadRegex("Regular expression too big")
        self._code.append((operation, argument, len(self._code) + 1, -1))
        return len(self._code) - 1

    def _patch(self, place: int, following: int, other: int = -1) -> None:
        operation, argument, _, _ = self._code[place]
        self._code[place] = (operation, argument, following, other)

    def _emit_tree(self, tree: _Tree) -> None:
        match tree:
            case _One(text):
                self._emit("one", lru_cache(maxsize=512)(re.compile(text, self._flags).fullmatch))
            case _At(text):
                self._emit("at", re.compile(text, self._flags))
            case _Concat(items):
                for item in items:
                    self._emit_tree(item)
            case _Group(item, number):
                self._emit("save", 2 * number)
                self._emit_tree(item)
                self._emit("save", 2 * number + 1)
            case _Either(items):
                self._emit_either(items)
            case _Repeat(item, least, most):
                self._emit_repeat(item, least, most)

    def _emit_either(self, items: tuple[_Tree, ...]) -> None:
        ends: list[int] = []
        for item in items[:-1]:
            fork = self._emit("fork")
            self._emit_tree(item)
            ends.append(self._emit("jump"))
            self._patch(fork, fork + 1, len(self._code))
        self._emit_tree(items[-1])
        for end in ends:
            self._patch(end, len(self._code))

    def _emit_repeat(self, item: _Tree, least: int, most: int | None) -> None:
        for _ in range(least):
            self._emit_tree(item)
        if most is None:
            fork = self._emit("fork")
            self._emit_tree(item)
            self._patch(self._emit("jump"), fork)
            self._patch(fork, fork + 1, len(self._code))
            return
        forks: list[int] = []
        for _ in range(most - least):
            forks.append(self._emit("fork"))
            self._emit_tree(item)
        for fork in forks:
            self._patch(fork, fork + 1, len(self._code))

    def search(self, text: str, start: int) -> Match | None:
        deadline = monotonic() + TIME_LIMIT_SECONDS
        empty = (-1,) * self._slots
        threads: list[tuple[int, tuple[int, ...]]] = []
        best: tuple[int, ...] | None = None
        for i in range(start, len(text) + 1):
            if monotonic() > deadline:
                raise BadRegex(f"the pattern takes too long (limit {TIME_LIMIT_SECONDS:.0f} s)")
            following: list[tuple[int, tuple[int, ...]]] = []
            seen: set[int] = set()
            current: list[tuple[int, tuple[int, ...]]] = []
            for place, slots in threads:
                self._follow(place, slots, text, i, seen, current)
            if best is None:
                self._follow(0, empty, text, i, seen, current)
            for place, slots in current:
                operation, argument, following_place, _ = self._code[place]
                if operation == "match":
                    best = slots
                    break  # threads after this one have lower priority
                if i < len(text) and argument(text[i]):  # type: ignore[operator]
                    following.append((following_place, slots))
            threads = following
            if best is not None and not threads:
                break
        if best is None:
            return None
        return Match(text, tuple((best[2 * g], best[2 * g + 1]) for g in range(self._slots // 2)))

    def _follow(
        self, place: int, slots: tuple[int, ...], text: str, i: int, seen: set[int],
        into: list[tuple[int, tuple[int, ...]]],
    ) -> None:  # fmt: skip
        """Adds to `into` the threads that wait for a character, reached from `place` without one."""
        stack = [(place, slots)]
        while stack:
            place, slots = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            operation, argument, following, other = self._code[place]
            match operation:
                case "jump":
                    stack.append((following, slots))
                case "fork":
                    stack.append((other, slots))
                    stack.append((following, slots))
                case "save":
                    assert isinstance(argument, int)
                    stack.append((following, (*slots[:argument], i, *slots[argument + 1 :])))
                case "at":
                    if argument.match(text, i):  # type: ignore[attr-defined]
                        stack.append((following, slots))
                case _:
                    into.append((place, slots))


@lru_cache(maxsize=256)
def compile_regex(pattern: str, *, extended: bool = True, ignore_case: bool = False) -> Regex:
    """The pattern, ready to search. Raises BadRegex."""
    return Regex(pattern, extended=extended, ignore_case=ignore_case)


def substitute(
    regex: Regex, replace: Callable[[Match], str], text: str, *, nth: int = 1, every: bool = True
) -> str:
    """`text` with matches replaced: the `nth`, and with `every` all after it."""
    parts: list[str] = []
    done = place = count = 0
    last_end = -1
    while place <= len(text) and (match := regex.search(text, place)):
        if match.end == match.start == last_end:
            place = match.end + 1  # an empty match right after a match does not count
            continue
        count += 1
        if count >= nth:
            parts += [text[done : match.start], replace(match)]
            done = match.end
            if not every:
                break
        last_end = match.end
        place = match.end if match.end > match.start else match.end + 1
    return "".join(parts) + text[done:]
