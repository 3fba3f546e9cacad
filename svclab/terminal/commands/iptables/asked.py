"""The command line of iptables, as far as it reads: -L, -S and -C. Source: iptables 1.8.9."""

import re
from dataclasses import dataclass, field

from svclab.terminal.commands.registry import Usage

VERSION = "v1.8.9 (nf_tables)"
_TRY = "Try `iptables -h' or 'iptables --help' for more information."
_COMMANDS = {"list": "L", "list-rules": "S", "check": "C"}
_FLAGS = {"numeric": "n", "verbose": "v", "exact": "x", "line-numbers": "#", "wait": "w"}


@dataclass(slots=True)
class Asked:
    """What was asked for: `command` is a letter of LSC; `rule` the words that describe a rule for -C."""

    table: str = "filter"
    command: str = ""
    chain: str | None = None
    number: int | None = None
    flags: set[str] = field(default_factory=set)
    rule: list[str] = field(default_factory=list)


class WrongWords(Usage):
    """The message stands alone on its line: iptables puts its version where others put their name."""


def read(argv: list[str]) -> Asked:
    """The arguments. Raises Usage in iptables' words."""
    asked = Asked()
    words = list(argv)
    while words:
        word = words.pop(0)
        if asked.command == "C" and asked.chain and word not in ("-t", "--table"):
            asked.rule.append(word)
        elif word.startswith("--"):
            _long(asked, word[2:], words)
        elif word.startswith("-") and len(word) > 1:
            _short(asked, word, words)
        else:
            raise WrongWords(f"Bad argument `{word}'\n{_TRY}")
    if not asked.command:
        raise WrongWords(f"iptables {VERSION}: no command specified\n{_TRY}")
    return asked


def _long(asked: Asked, text: str, words: list[str]) -> None:
    name, equals, value = text.partition("=")
    if name == "table":
        asked.table = value if equals else _value(f"--{name}", words)
    elif name in _COMMANDS:
        _command(asked, _COMMANDS[name], words)
    elif name in _FLAGS:
        asked.flags.add(_FLAGS[name])
    else:
        raise WrongWords(f'iptables {VERSION}: unknown option "--{name}"\n{_TRY}')


def _short(asked: Asked, word: str, words: list[str]) -> None:
    for place, letter in enumerate(word[1:], 2):
        if letter == "t":
            asked.table = word[place:] or _value("-t", words)
            return
        if letter in "LSC":
            _command(asked, letter, [word[place:], *words] if word[place:] else words)
            if word[place:] and asked.chain is not None and words and re.fullmatch(r"\d+", words[0]):
                asked.number = int(words.pop(0))
            return
        if letter not in "nvxw":
            raise WrongWords(f'iptables {VERSION}: unknown option "-{letter}"\n{_TRY}')
        asked.flags.add(letter)
        if letter == "w" and words and words[0].isdigit():
            words.pop(0)


def _value(option: str, words: list[str]) -> str:
    if not words:
        raise WrongWords(f'iptables {VERSION}: option "{option}" requires an argument\n{_TRY}')
    return words.pop(0)


def _command(asked: Asked, letter: str, words: list[str]) -> None:
    if asked.command:
        raise WrongWords(f"iptables {VERSION}: Cannot use -{letter} with -{asked.command}\n\n{_TRY}")
    asked.command = letter
    if words and not words[0].startswith("-"):
        asked.chain = words.pop(0)
        if letter != "C" and words and re.fullmatch(r"\d+", words[0]):
            asked.number = int(words.pop(0))
