"""curl's command line. Source: curl 7.88.1 and 8.7.1."""

from dataclasses import dataclass, field

from svclab.terminal.commands.registry import Usage

_FLAGS = {
    "s": "silent", "S": "show_error", "v": "verbose", "i": "include", "I": "head", "L": "follow",
    "k": "insecure",
    "f": "fail", "O": "remote_name", "g": "globoff", "4": "ipv4", "6": "ipv6", "N": "no_buffer",
    "#": "progress_bar", "Z": "parallel", "h": "help", "V": "version", "a": "append", "M": "manual",
    "G": "get", "j": "junk", "0": "http10", "q": "disable",
}  # fmt: skip
_VALUES = {
    "o": "output", "w": "write_out", "m": "max_time", "H": "header", "X": "request", "d": "data",
    "A": "agent",
    "u": "user", "e": "referer", "b": "cookie", "c": "cookie_jar", "x": "proxy", "T": "upload", "F": "form",
    "r": "range", "K": "config", "D": "dump_header", "y": "speed_time", "Y": "speed_limit",
}  # fmt: skip
_LONG_FLAGS = {
    "silent": "silent", "show-error": "show_error", "verbose": "verbose", "include": "include",
    "head": "head",
    "location": "follow", "insecure": "insecure", "fail": "fail", "remote-name": "remote_name",
    "globoff": "globoff",
    "ipv4": "ipv4", "ipv6": "ipv6", "no-buffer": "no_buffer", "progress-bar": "progress_bar", "get": "get",
    "compressed": "compressed", "http1.1": "http11", "http1.0": "http10", "http2": "http2",
    "no-keepalive": "no_keepalive",
    "no-progress-meter": "no_progress_meter", "fail-with-body": "fail_with_body", "show-headers": "include",
    "parallel": "parallel", "tcp-nodelay": "nodelay", "disable": "disable",
    "retry-connrefused": "retry_refused",
    "retry-all-errors": "retry_all", "help": "help", "version": "version", "raw": "raw",
    "http2-prior-knowledge": "http2", "http3": "http3", "tls-max": "tls", "tlsv1.2": "tls", "tlsv1.3": "tls",
    "styled-output": "styled", "path-as-is": "path_as_is", "create-dirs": "create_dirs",
}  # fmt: skip
_LONG_VALUES = {
    "output": "output", "write-out": "write_out", "max-time": "max_time", "header": "header",
    "request": "request",
    "data": "data", "data-raw": "data", "data-binary": "data", "data-ascii": "data",
    "json": "json", "user-agent": "agent",
    "user": "user",
    "connect-timeout": "connect_timeout", "resolve": "resolve", "connect-to": "connect_to", "url": "url",
    "retry": "retry", "retry-delay": "retry_delay", "interface": "interface", "local-port": "local_port",
    "cacert": "cacert", "cert": "cert", "key": "key", "keepalive-time": "keepalive_time", "proxy": "proxy",
    "referer": "referer", "cookie": "cookie", "form": "form", "max-redirs": "max_redirs",
    "data-urlencode": "data",
    "dns-servers": "dns_servers", "upload-file": "upload", "range": "range", "cookie-jar": "cookie_jar",
    "dump-header": "dump_header", "retry-max-time": "retry_max_time", "capath": "capath", "config": "config",
    "limit-rate": "limit_rate", "unix-socket": "unix_socket", "noproxy": "noproxy", "socks5": "proxy",
}  # fmt: skip
_REPEATED = frozenset({"header", "output", "resolve", "connect_to"})


@dataclass(slots=True)
class Options:
    """What was asked for. `values` has each option's value, lists for those that may be given often."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)  # (how it was given, text)

    def seconds(self, name: str) -> float | None:
        """A time limit in seconds, None where there is none. Raises Usage."""
        text = self.values.get(name)
        try:
            return float(text) if text else None
        except ValueError:
            shown = next((f"-{letter}" for letter, known in _VALUES.items() if known == name), None)
            shown = shown or f"--{name.replace('_', '-')}"
            raise Usage(f"option {shown}: expected a proper numerical parameter\n{_TRY}") from None

    @property
    def method(self) -> str:
        """The request's method."""
        if "request" in self.values:
            return self.values["request"]
        return self.inferred_method

    @property
    def inferred_method(self) -> str:
        """The method without -X."""
        if "head" in self.flags:
            return "HEAD"
        if "upload" in self.values:
            return "PUT"
        posting = self.data or "json" in self.values or "form" in self.values
        return "POST" if posting and "get" not in self.flags else "GET"


def read_options(argv: list[str]) -> Options:
    """curl's arguments. Raises Usage in curl's words."""
    found = Options()
    rest = iter(argv)
    for word in rest:
        if word == "--":
            found.urls += list(rest)
        elif word.startswith("--"):
            _long(found, word[2:], rest)
        elif word.startswith("-") and word != "-":
            _short(found, word, rest)
        else:
            found.urls.append(word)
    return found


def _put(found: Options, name: str, value: str) -> None:
    if name == "url":
        found.urls.append(value)
    elif name in _REPEATED:
        found.lists.setdefault(name, []).append(value)
    else:
        found.values[name] = value


def _value(rest: object, option: str) -> str:
    value = next(rest, None)  # type: ignore[call-overload]
    if value is None:
        raise Usage(f"option {option}: requires parameter\n{_TRY}")
    return str(value)


_TRY = "curl: try 'curl --help' or 'curl --manual' for more information"


def _long(found: Options, text: str, rest: object) -> None:
    name, equals, value = text.partition("=")
    if name in _LONG_FLAGS and not equals:
        found.flags.add(_LONG_FLAGS[name])
    elif name in _LONG_VALUES:
        given = value if equals else _value(rest, f"--{name}")
        if _LONG_VALUES[name] == "data":
            found.data.append((name, given))
        else:
            _put(found, _LONG_VALUES[name], given)
    elif name.removeprefix("no-") in _LONG_FLAGS:
        found.flags.discard(_LONG_FLAGS[name.removeprefix("no-")])
    else:
        raise Usage(f"option --{text}: is unknown\n{_TRY}")


def _short(found: Options, word: str, rest: object) -> None:
    for place, letter in enumerate(word[1:], 2):
        if letter in _VALUES:
            given = word[place:] or _value(rest, f"-{letter}")
            if letter == "d":
                found.data.append(("data", given))
            else:
                _put(found, _VALUES[letter], given)
            return
        if letter not in _FLAGS:
            raise Usage(f"option {word}: is unknown\n{_TRY}")
        found.flags.add(_FLAGS[letter])
