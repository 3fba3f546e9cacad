"""The command line of iptables and ip6tables, of what svclab knows of it: -L, -S, -C and -Z.
Source: iptables 1.8.9.
"""

import re
from dataclasses import dataclass, field

from svclab.terminal.commands.registry import Usage

VERSION = "1.8.9"
_COMMANDS = {"list": "L", "list-rules": "S", "check": "C", "zero": "Z"}
_FLAGS = {"numeric": "n", "verbose": "v", "exact": "x", "line-numbers": "#", "wait": "w"}
# All long options: each may be cut short as long as it is no other's beginning.
_LONG = (
    *_COMMANDS, *_FLAGS, "table", "append", "delete", "insert", "replace", "flush", "new-chain",
    "delete-chain", "policy", "rename-chain", "protocol", "source", "destination", "src", "dst",
    "in-interface", "out-interface", "jump", "goto", "match", "fragments", "wait-interval", "modprobe",
    "set-counters", "version", "help", "ipv4", "ipv6",
)  # fmt: skip
_OF_A_RULE = "pjsdiogf"
_ILLEGAL = {"L": "", "S": "nx#", "C": "nx#", "Z": "nx#"}  # which flags each command does not take


@dataclass(slots=True)
class Asked:
    """What was asked for: `command` is a letter of LSCZ, `zeroes` whether -Z goes with it; `rule`
    the words that describe a rule for -C.
    """

    table: str = "filter"
    command: str = ""
    chain: str | None = None
    number: int | None = None
    flags: set[str] = field(default_factory=set)
    rule: list[str] = field(default_factory=list)
    zeroes: bool = False


class WrongWords(Usage):
    """The message stands alone on its line: iptables puts its version where others put their name."""


@dataclass(frozen=True, slots=True)
class Program:
    """The program that was called, as its messages call it: "iptables", "nf_tables"."""

    name: str = "iptables"
    back_end: str = "nf_tables"

    def __str__(self) -> str:
        return f"{self.name} v{VERSION} ({self.back_end})"

    def refuse(self, message: str) -> WrongWords:
        """The message after the program's name and version, and where there is help."""
        return self.plainly(f"{self}: {message}")

    def plainly(self, message: str) -> WrongWords:
        """The message, and where there is help."""
        return WrongWords(f"{message}\nTry `{self.name} -h' or '{self.name} --help' for more information.")


def read(argv: list[str], program: Program = Program()) -> Asked:
    """The arguments. Raises WrongWords in iptables' words."""
    return _Reader(program, list(argv)).read()


class _Reader:
    """Reads one command line; `words` are those that are left."""

    def __init__(self, program: Program, words: list[str]) -> None:
        self.program, self.words = program, words
        self.asked = Asked()

    def read(self) -> Asked:
        asked = self.asked
        while self.words:
            word = self.words.pop(0)
            if asked.command == "C" and asked.chain and not self._is_ours(word):
                asked.rule.append(word)
            elif word.startswith("--"):
                self._long(word[2:])
            elif word.startswith("-") and len(word) > 1:
                self._short(word)
            else:
                raise self.program.plainly(f"Bad argument `{word}'")
        if not asked.command:
            raise self.program.refuse("no command specified")
        for flag in _ILLEGAL[asked.command]:
            if flag in asked.flags:
                shown = flag.replace("#", "0")  # the letter of an option that has none
                raise self.program.refuse(f"Illegal option `-{shown}' with this command")
        return asked

    def _is_ours(self, word: str) -> bool:
        """Whether a word among those of a rule is an option of iptables' own."""
        return word in ("-t", "--table") or (word.startswith("-") and set(word[1:]) <= set("nvxw"))

    def _long(self, text: str) -> None:
        given, equals, value = text.partition("=")
        found = [given] if given in _LONG else [name for name in _LONG if name.startswith(given)]
        name = found[0] if len(found) == 1 else ""
        if name == "table":
            self.asked.table = value if equals else self._value(f"--{given}")
        elif name in _COMMANDS:
            self._command(_COMMANDS[name])
        elif name in _FLAGS:
            self._flag(_FLAGS[name])
        else:
            raise self.program.refuse(f'unknown option "--{given}"')

    def _short(self, word: str) -> None:
        for place, letter in enumerate(word[1:], 2):
            rest = word[place:]
            if letter == "t":
                self.asked.table = rest or self._value("-t")
                return
            if letter in "LSCZ":
                self.words[:0] = [rest] if rest else []
                self._command(letter)
                return
            if letter in _OF_A_RULE:
                command = self.asked.command
                raise self.program.refuse(
                    f"Illegal option `-{letter}' with this command" if command else "no command specified"
                )
            if letter not in "nvxw46":
                raise self.program.refuse(f'unknown option "-{letter}"')
            self._flag(letter)

    def _flag(self, letter: str) -> None:
        self.asked.flags.add(letter)
        if letter == "w" and self.words and self.words[0].isdigit():
            self.words.pop(0)

    def _value(self, option: str) -> str:
        if not self.words:
            raise self.program.refuse(f'option "{option}" requires an argument')
        return self.words.pop(0)

    def _command(self, letter: str) -> None:
        asked = self.asked
        if letter == "Z" or asked.command == "Z":
            asked.zeroes = True  # goes with -L and -S
        if asked.command and (asked.command == letter or not asked.zeroes or "C" in asked.command + letter):
            raise self.program.refuse(f"Cannot use -{letter} with -{asked.command}")
        if letter != "Z" or not asked.command:
            asked.command = letter
        if letter == "C":
            asked.chain = self._value("-C")
        elif self.words and not self.words[0].startswith("-"):
            asked.chain = self.words.pop(0)
            if self.words and not self.words[0].startswith("-"):
                asked.number = self._number(self.words.pop(0))

    def _number(self, word: str) -> int:
        if not (re.fullmatch(r"\d+", word) and int(word)):
            raise self.program.refuse(f"Invalid rule number `{word}'")
        return int(word)
