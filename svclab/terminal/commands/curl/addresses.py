"""curl's URLs: sets `{a,b}` and ranges `[1-5]` written in them, and `--resolve`. Source: curl 7.88.1, URL
globbing.
"""

import re
from collections.abc import Iterator

MAX_URLS = 1000
_RANGE = re.compile(r"\[(?:(\d+)-(\d+)|([a-zA-Z])-([a-zA-Z]))(?::(\d+))?\]")
_SET = re.compile(r"\{([^{}\[\]]*)\}")
_IPV6 = re.compile(r"\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%[^\]]*)?\]")


class BadUrl(Exception):
    """The URL cannot be used; `text` is what curl prints, exit code 3."""


def globbed(url: str) -> Iterator[str]:
    """The URLs that one argument stands for. Raises BadUrl."""
    found = re.compile(r"[\[{]").search(url)
    if not found:
        if stray := re.search(r"[\]}]", url):
            raise _bad("unmatched close brace/bracket", url, stray.start())
        yield url
        return
    start = found.start()
    if literal := _IPV6.match(url, start):
        for rest in globbed(url[literal.end() :]):
            yield url[: literal.end()] + rest
        return
    alternatives, end = _set(url, start) if url[start] == "{" else _range(url, start)
    if len(alternatives) > MAX_URLS:
        raise _bad("range overflow", url, start)
    for middle in alternatives:
        for rest in globbed(url[end:]):
            yield url[:start] + middle + rest


def _bad(what: str, url: str, place: int) -> BadUrl:
    return BadUrl(f"{what} in URL position {place + 1}:\n{url}\n{' ' * place}^")


def _set(url: str, start: int) -> tuple[list[str], int]:
    match = _SET.match(url, start)
    if not match:
        raise _bad("unmatched brace", url, start)
    if not match[1]:
        raise _bad("empty string within braces", url, start + 1)
    return match[1].split(","), match.end()


def _range(url: str, start: int) -> tuple[list[str], int]:
    match = _RANGE.match(url, start)
    if not match:
        raise _bad("bad range", url, start + 1)
    step = max(int(match[5] or 1), 1)
    if match[1]:
        first, last, width = int(match[1]), int(match[2]), len(match[1]) if match[1].startswith("0") else 0
        if first > last or (last - first) // step > MAX_URLS:
            raise _bad("bad range", url, start + 1)
        return [f"{n:0{width}d}" for n in range(first, last + 1, step)], match.end()
    if match[3] > match[4]:
        raise _bad("bad range", url, start + 1)
    return [chr(n) for n in range(ord(match[3]), ord(match[4]) + 1, step)], match.end()


def malformed(entries: list[str]) -> str | None:
    """The first `--resolve` that is not HOST:PORT:ADDRESS, nor -HOST:PORT."""
    wanted = re.compile(r"-[^:]+:\d+|\+?[^:]+:\d+:.+")
    return next((entry for entry in entries if not wanted.fullmatch(entry)), None)


def resolved(entries: list[str], host: str, port: int) -> str | None:
    """The address that `--resolve HOST:PORT:ADDRESS` gives for a host and port."""
    for entry in entries:
        name, _, rest = entry.removeprefix("+").partition(":")
        number, _, address = rest.partition(":")
        if name in (host, "*") and number == str(port):
            return address.split(",")[0].strip("[]")
    return None


def connected_to(entries: list[str], host: str, port: int) -> tuple[str, int]:
    """Where `--connect-to HOST1:PORT1:HOST2:PORT2` makes curl connect."""
    for entry in entries:
        parts = entry.split(":")
        if len(parts) == 4 and parts[0] in ("", host) and parts[1] in ("", str(port)):
            return parts[2] or host, int(parts[3]) if parts[3].isdigit() else port
    return host, port
