"""The rewrite plugin's rules about names: another question is asked; the answer's names may be turned back.

Source: CoreDNS 1.13, plugin/rewrite (name.go, reverter.go). Only an exact rule turns names back of itself;
the others need `answer auto`, or say themselves what becomes what.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce

from svclab.dns.message import Message, Record
from svclab.dns.name import absolute

HOWS = ("exact", "prefix", "suffix", "substring", "regex")
TARGET_PLACE = {"SRV": 3, "MX": 1, "CNAME": 0, "NS": 0, "SOA": 0}  # where a record's data has a name
Change = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """`answer name|value FROM TO`: names that match a pattern become another, with the pattern's groups."""

    of_data: bool
    pattern: str
    new: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A `rewrite name` rule: how it compares, both texts, what it does with the answer, and whether the next
    rules see the new name. The new text of a regex names its groups as {1}, {2} and so on.
    """

    how: str
    old: str
    new: str
    auto: bool = False
    answers: tuple[AnswerRule, ...] = ()
    goes_on: bool = False

    def apply(self, name: str) -> str | None:
        """The name to ask instead of an absolute one, or None where the rule does not match.

        Both texts of all but a regex are names themselves, so they end at the end of a label.
        """
        name, old, new = name.lower(), absolute(self.old).lower(), absolute(self.new).lower()
        match self.how:
            case "exact" if name == old:
                return new
            case "prefix" if name.startswith(old):
                return new + name.removeprefix(old)
            case "suffix" if name.endswith(old):
                return name.removesuffix(old) + new
            case "substring" if old in name:
                return name.replace(old, new)
            case "regex" if found := re.search(self.old, name):
                return _with_groups(new, found)
            case _:
                return None

    def changes(self, asked: str, name: str) -> list[tuple[bool, Change]]:
        """What is done to the owner names (False) and the names in the data (True) of an answer's records."""
        turned: list[tuple[bool, Change]] = []
        if self.how == "exact" or self.auto:
            suffix = self.how == "suffix"
            old, new = (self.new, self.old) if suffix else (name, asked.lower())
            back = _turned_back(absolute(old).lower(), absolute(new).lower(), of_labels=not suffix)
            turned += [(False, back), (True, back)]
        return turned + [(rule.of_data, _replaced(rule)) for rule in self.answers]


def parse_rule(words: list[str]) -> Rewrite | None:
    """A rule in its words, without `rewrite`; None for one that is not about names.

    Raises ValueError with what is wrong.
    """
    goes_on = words[:1] == ["continue"]
    words = words[1:] if words[:1] in (["continue"], ["stop"]) else words
    match words:
        case ["name", old, new]:
            return Rewrite("exact", old, new, goes_on=goes_on)
        case ["name", how, old, new, *answer] if how.lower() in HOWS:
            auto, answers = _answer_rules(answer)
            if how.lower() == "regex":
                _check(old)
            return Rewrite(how.lower(), old, new, auto, answers, goes_on)
        case ["name", how, _, _, *_]:
            what = "name rule supports only exact, prefix, suffix, substring, and regex name matching"
            raise ValueError(f"{what}, received: {how.lower()}")
        case _:
            return None


def _answer_rules(words: list[str]) -> tuple[bool, tuple[AnswerRule, ...]]:
    """`answer auto`, or `answer name|value FROM TO` as often as wanted."""
    auto, rules, rest = False, list[AnswerRule](), [word for word in words if word != "answer"]
    while rest:
        match rest:
            case ["auto", *rest]:
                auto = True
            case [("name" | "value") as part, pattern, new, *rest]:
                _check(pattern)
                rules.append(AnswerRule(part == "value", pattern, new))
            case _:
                raise ValueError(f'invalid type "{rest[0]}" for answer rule')
    return auto, tuple(rules)


def _check(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"invalid regex pattern in a name rule: {pattern}: {error.msg}") from None


def _with_groups(text: str, found: re.Match[str]) -> str:
    groups = enumerate(found.groups(default=""), 1)
    return reduce(lambda done, group: done.replace(f"{{{group[0]}}}", group[1]), groups, text)


def _turned_back(old: str, new: str, *, of_labels: bool) -> Change:
    """The name itself and those below it; without `of_labels` whatever ends so."""

    def change(name: str) -> str:
        if name == old or name.endswith(f".{old}" if of_labels else old):
            return name.removesuffix(old) + new
        return name

    return change


def _replaced(rule: AnswerRule) -> Change:
    def change(name: str) -> str:
        found = re.search(rule.pattern, name)
        return _with_groups(absolute(rule.new).lower(), found) if found else name

    return change


def restored(message: Message, changes: Iterable[tuple[bool, Change]]) -> Message:
    """The message with the names in all its sections changed."""
    listed = list(changes)

    def record(found: Record) -> Record:
        for of_data, change in listed:
            if not of_data:
                found = replace(found, name=change(found.name))
            elif found.type in TARGET_PLACE:
                parts, place = found.data.split(), TARGET_PLACE[found.type]
                parts[place] = change(parts[place])
                found = replace(found, data=" ".join(parts))
        return found

    return replace(
        message,
        answer=tuple(map(record, message.answer)),
        authority=tuple(map(record, message.authority)),
        additional=tuple(map(record, message.additional)),
    )
