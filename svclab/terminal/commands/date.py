"""date, sleep, seq, timeout: time is the cluster's. Source: GNU coreutils 9.1."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command, is_installed
from svclab.terminal.process import Stopped
from svclab.terminal.shell.formatting import formatted

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_NUMBERS = 100_000


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d*\.?\d+|inf\w*)([smhd]?)", text)
    if not match:
        raise Usage(f"invalid time interval '{text}'", 1, hint=True)
    return float(match[1][:3] if match[1].startswith("inf") else match[1]) * _UNITS[match[2]]


@command("sleep")
def sleep(context: Context, argv: list[str]) -> int:
    """Waits on the cluster's clock: ten times as fast at rate 10, for ever while it is paused."""
    if not argv:
        raise Usage("missing operand", 1, hint=True)
    total = sum(_seconds(word) for word in argv)
    context.sleep(min(total, timedelta(days=365).total_seconds()))
    return 0


@command("timeout")
def timeout(context: Context, argv: list[str]) -> int:
    """Runs a command and ends it after so many seconds of the cluster's time (status 124)."""
    _, words = options(argv, "k:s:", ("kill-after=", "signal="), permute=False)
    if len(words) < 2:
        raise Usage("missing operand", 125, hint=True)
    until = context.now() + timedelta(seconds=_seconds(words[0]))
    outer: Callable[[], bool] = context.process.is_cancelled
    process = context.process
    inner = replace(
        process,
        is_cancelled=lambda: outer() or context.now() >= until,
        idle=lambda end: process.idle(min(end or until, until)),
    )
    if "/" not in words[1] and not is_installed(words[1], context.location):
        return context.fail(
            f"timeout: failed to run command \u2018{words[1]}\u2019: No such file or directory", 127
        )
    try:
        return context.run(words[1:], process=inner)
    except Stopped as stopped:
        if outer() or stopped.message:
            raise
        return 124


@command("date")
def date(context: Context, argv: list[str]) -> int:
    """Prints the cluster's time; `+FORMAT`, -u, -I, -d @SECONDS."""
    argv = [re.sub("^-I(.*)$", r"--iso-8601=\1", word) for word in argv]
    given, words = options(argv, "uRd:", ("utc", "iso-8601=", "date=", "rfc-email", "rfc-3339="))
    settings = dict(given)
    if stray := next((word for word in words if not word.startswith("+")), None):
        raise Usage(f"invalid date '{stray}'", 1)
    time = context.now()
    if asked := settings.get("-d", settings.get("--date")):
        time = _moment(asked, time)
    template = next((word[1:] for word in words if word.startswith("+")), None)
    if template is None and {"--iso-8601", "--rfc-3339"} & settings.keys():
        precise = settings.get("--iso-8601", settings.get("--rfc-3339")) in ("seconds", "s", "sec")
        template = "%Y-%m-%dT%H:%M:%S+00:00" if precise else "%Y-%m-%d"
    elif template is None:
        template = "%a, %d %b %Y %H:%M:%S +0000" if "-R" in settings else "%a %b %e %H:%M:%S UTC %Y"
    context.print(_shown(template, time))
    return 0


_SPANS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400, "week": 604800}
_RELATIVE = re.compile(r"([+-]?\s*\d+|next|last|a)\s+(second|sec|minute|min|hour|day|week)s?(\s+ago)?")
_WORDS = {"now": 0, "today": 0, "yesterday": -1, "tomorrow": 1}
_FORMS = ("%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y", "%Y/%m/%d", "%m/%d/%Y", "%Y%m%d")


def _moment(text: str, now: datetime) -> datetime:
    """The time that words name: an ISO date, `@seconds`, `Jan 5 2024 12:00`, `yesterday`, `+2 hours`."""
    try:
        if text.startswith("@"):
            return datetime.fromtimestamp(float(text[1:]), tz=now.tzinfo)
        change = timedelta()
        rest = text
        for match in _RELATIVE.finditer(text):
            count = {"next": 1, "last": -1, "a": 1}.get(match[1]) or int(match[1].replace(" ", ""))
            change += timedelta(seconds=(-count if match[3] else count) * _SPANS[match[2]])
            rest = rest.replace(match[0], " ")
        rest = rest.strip().removesuffix(" UTC")
        if rest in _WORDS or not rest:
            return now + change + timedelta(days=_WORDS.get(rest, 0))
        return _absolute(rest, now) + change
    except (ValueError, OverflowError, OSError):
        raise Usage(f"invalid date '{text}'", 1) from None


def _absolute(text: str, now: datetime) -> datetime:
    """A date, with or without a time. Raises ValueError."""
    zone = now.tzinfo
    if re.fullmatch(r"\d\d?:\d\d(:\d\d)?", text):
        clock = text if text[2] == ":" else f"0{text}"
        return datetime.fromisoformat(f"{now:%Y-%m-%d}T{clock}").replace(tzinfo=zone)
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=zone)
    except ValueError:
        return _in_words(text).replace(tzinfo=zone)


def _in_words(text: str) -> datetime:
    """`Jan 5 2024 12:00`. Raises ValueError."""
    clock = re.search(r"\s+(\d\d?):(\d\d)(?::(\d\d))?$", text)
    day = (text[: clock.start()] if clock else text).replace(",", "")
    for form in _FORMS:
        try:
            found = datetime.strptime(day, form)  # noqa: DTZ007 (the caller puts the zone in)
        except ValueError:
            continue
        if clock:
            found = found.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0))
        return found
    raise ValueError(text)


def _shown(template: str, time: datetime) -> str:
    own = {
        "N": f"{time.microsecond * 1000:09d}",
        "s": str(int(time.timestamp())),
        "3N": f"{time.microsecond // 1000:03d}",
    }
    own |= {":z": "+00:00", "6N": f"{time.microsecond:06d}", "%": "%"}

    def shown(match: re.Match[str]) -> str:
        return own.get(match[1]) or (time.strftime(match[0]) if match[1] else match[0])

    return re.sub(r"%(3N|6N|N|s|:z|%|-?[a-zA-Z]|)", shown, template)


@command("seq")
def seq(context: Context, argv: list[str]) -> int:
    """Prints numbers from first to last; -w with equal width, -s with a separator, -f in a format."""
    argv = [word if re.fullmatch(r"-[\d.]\S*", word) is None else f"\0{word}" for word in argv]
    given, found = options(argv, "ws:f:", ("equal-width", "separator=", "format="), permute=False)
    words = [word.removeprefix("\0") for word in found]
    settings = dict(given)
    separator = settings.get("-s", settings.get("--separator", "\n"))
    if not words:
        raise Usage("missing operand", 1, hint=True)
    if len(words) > 3:
        raise Usage(f"extra operand '{words[3]}'", 1, hint=True)
    numbers = []
    for word in words:
        try:
            numbers.append(Decimal(word))
        except InvalidOperation:
            raise Usage(f"invalid floating point argument: '{word}'", 1, hint=True) from None
    first, step, last = {
        1: (Decimal(1), Decimal(1), numbers[0]),
        2: (numbers[0], Decimal(1), numbers[-1]),
        3: (numbers[0], numbers[min(1, len(numbers) - 1)], numbers[-1]),
    }[len(numbers)]
    if step == 0:
        raise Usage(f"invalid Zero increment value: '{words[1]}'", 1, hint=True)
    places = max(max(-int(number.as_tuple().exponent), 0) for number in (first, step))
    padded = settings.keys() & {"-w", "--equal-width"}
    width = max(len(f"{number:.{places}f}") for number in (first, last)) if padded else 0
    template = settings.get("-f", settings.get("--format", f"%0{width}.{places}f"))
    _write_numbers(context, first, step, last, separator, template)
    return 0


def _write_numbers(
    context: Context, first: Decimal, step: Decimal, last: Decimal, separator: str, template: str
) -> None:
    count = int((last - first) / step) + 1 if (last - first) / step >= 0 else 0
    if count > _MAX_NUMBERS:
        raise Usage(f"svclab prints {_MAX_NUMBERS:,} numbers at most", 1)
    for place in range(count):
        if place % 64 == 0:
            context.check()
        text = formatted(template, [str(first + step * place)])[0]
        context.stdout.write(text + (separator if place < count - 1 else "\n"))
