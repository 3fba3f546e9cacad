"""Command-line flags as kubectl reads them (pflag): anywhere between arguments, long, short, joined.

Source: spf13/pflag's rules and error texts.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from svclab.terminal.commands.kubectl.errors import KubectlError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_TRUE, _FALSE = {"1", "t", "T", "true", "TRUE", "True"}, {"0", "f", "F", "false", "FALSE", "False"}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `kind` is bool, string, int, strings (repeatable, split at commas), array (repeatable) or
    duration (seconds); `bare` is the value when it is given without one.
    """

    name: str
    kind: str = "string"
    default: Any = None
    short: str = ""
    help: str = ""
    bare: str | None = None

    @property
    def zero(self) -> Any:
        """The value of a flag that is not given."""
        if self.default is not None:
            return self.default
        return {"bool": False, "int": 0, "string": "", "duration": 0.0}.get(self.kind, [])


@dataclass(slots=True)
class Parsed:
    """Arguments and flag values; `dash` is the index in `args` at which `--` stood, or None."""

    args: list[str]
    values: dict[str, Any]
    given: set[str]
    dash: int | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def has(self, name: str) -> bool:
        """Whether the flag was on the command line."""
        return name in self.given


def parse(argv: list[str], flags: Iterable[Flag], command: str) -> Parsed:
    """Read a command's arguments.

    Raises KubectlError: unknown flag, flag needs an argument, invalid argument; each points to the help.
    """
    known: dict[str, Flag] = {}
    for flag in flags:  # a command's own flag hides a global one of its name
        known.setdefault(flag.name, flag)
    short: dict[str, Flag] = {}
    for flag in known.values():
        short.setdefault(flag.short, flag)
    short.pop("", None)
    parsed = Parsed([], {name: _copy(flag.zero) for name, flag in known.items()}, set())
    try:
        _read(list(argv), known, short, parsed)
    except ValueError as problem:
        words = f"kubectl {command}".strip()
        raise KubectlError(f"{problem}\nSee '{words} --help' for usage.") from None
    return parsed


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


def _read(words: list[str], known: Mapping[str, Flag], short: Mapping[str, Flag], parsed: Parsed) -> None:
    while words:
        word = words.pop(0)
        if word == "--":
            parsed.dash = len(parsed.args)
            parsed.args += words
            return
        if word.startswith("--"):
            _long(word, words, known, parsed)
        elif word.startswith("-") and word != "-":
            _shorthands(word, words, short, parsed)
        else:
            parsed.args.append(word)


def _long(word: str, words: list[str], known: Mapping[str, Flag], parsed: Parsed) -> None:
    name, equals, value = word[2:].partition("=")
    flag = known.get(name)
    if not name or flag is None:
        raise ValueError(f"unknown flag: --{name}")
    if not equals:
        value = _bare_value(flag, words, f"flag needs an argument: --{name}")
    _set(flag, value, parsed, f"--{name}" if not flag.short else f"-{flag.short}, --{name}")


def _shorthands(word: str, words: list[str], short: Mapping[str, Flag], parsed: Parsed) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = short.get(letter)
        if flag is None:
            raise ValueError(f"unknown shorthand flag: '{letter}' in {word}")
        label = f"-{letter}, --{flag.name}"
        if letters.startswith("="):
            _set(flag, letters[1:], parsed, label)
            return
        if flag.kind == "bool" or flag.bare is not None:
            _set(flag, "true" if flag.kind == "bool" else flag.bare or "", parsed, label)
            continue
        value = letters or _bare_value(flag, words, f"flag needs an argument: '{letter}' in {word}")
        _set(flag, value, parsed, label)
        return


def _bare_value(flag: Flag, words: list[str], complaint: str) -> str:
    if flag.kind == "bool":
        return "true"
    if flag.bare is not None:
        return flag.bare
    if not words:
        raise ValueError(complaint)
    return words.pop(0)


def _set(flag: Flag, text: str, parsed: Parsed, label: str) -> None:
    try:
        value = _value(flag, text)
    except ValueError as problem:
        raise ValueError(f'invalid argument "{text}" for "{label}" flag: {problem}') from None
    if flag.kind in ("strings", "array"):
        first = flag.name not in parsed.given
        value = value if first else parsed.values[flag.name] + value
    parsed.values[flag.name] = value
    parsed.given.add(flag.name)


def _value(flag: Flag, text: str) -> Any:
    match flag.kind:
        case "bool":
            if text not in _TRUE | _FALSE:
                raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
            return text in _TRUE
        case "int":
            if not re.fullmatch(r"[-+]?\d+", text):
                raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
            return int(text)
        case "duration":
            return duration(text)
        case "strings":
            return text.split(",") if text else []
        case "array":
            return [text]
    return text


def duration(text: str) -> float:
    """Seconds of a Go duration such as `1m30s` or `500ms`. Raises ValueError with Go's words."""
    shape = re.fullmatch(r"([+-]?)((?:\d+\.?\d*(?:ns|us|µs|ms|s|m|h))+|0)", text)
    if shape is None:
        word = "missing unit in duration" if re.fullmatch(r"[+-]?\d+\.?\d*", text) else "invalid duration"
        raise ValueError(f'time: {word} "{text}"')
    parts = re.findall(r"(\d+\.?\d*)(ns|us|µs|ms|s|m|h)", shape.group(2))
    seconds = sum(float(number) * _UNITS[unit.replace("µ", "u")] for number, unit in parts)
    return -seconds if shape.group(1) == "-" else seconds


GLOBAL_FLAGS = (
    Flag("namespace", short="n", help="the namespace to work in"),
    Flag("as", help="act as this user"),
    Flag("as-group", "array", help="act as a member of this group"),
    Flag("cluster", help="the kubeconfig cluster to use"),
    Flag("context", help="the kubeconfig context to use"),
    Flag("user", help="the kubeconfig user to use"),
    Flag("kubeconfig", help="path of the kubeconfig file"),
    Flag("server", short="s", help="address of the API server"),
    Flag("token", help="bearer token for the API server"),
    Flag("request-timeout", default="0", help="give up on a request after this time"),
    Flag("insecure-skip-tls-verify", "bool", help="do not check the server's certificate"),
    Flag("cache-dir", help="directory of kubectl's cache"),
    Flag("as-uid", help="act as the user of this uid"),
    Flag("certificate-authority", help="file with the certificate of the server's authority"),
    Flag("client-certificate", help="file with the client's certificate"),
    Flag("client-key", help="file with the client's key"),
    Flag("disable-compression", "bool", help="ask for answers that are not compressed"),
    Flag("tls-server-name", help="the name that the server's certificate should have"),
    Flag("username", help="user for basic authentication"),
    Flag("password", help="password for basic authentication"),
    Flag("log-flush-frequency", "duration", default=5.0, help="how often the log is written out"),
    Flag("vmodule", help="how much to log, file by file"),
    Flag("profile", default="none", help="a profile of kubectl itself to take"),
    Flag("profile-output", default="profile.pprof", help="file for that profile"),
    Flag("match-server-version", "bool", help="require the server's version to match"),
    Flag("warnings-as-errors", "bool", help="treat warnings of the server as errors"),
    Flag("v", "int", short="v", help="how much to log"),
    Flag("help", "bool", short="h", help="help for this command"),
)
