"""date, sleep, seq, timeout: time is the cluster's. Source: GNU coreutils 9.1."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command, is_installed
from svclab.terminal.process import Stopped

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_NUMBERS = 100_000


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d*\.?\d+|inf\w*)([smhd]?)", text)
    if not match:
        raise Usage(f"invalid time interval '{text}'", 1)
    return float(match[1][:3] if match[1].startswith("inf") else match[1]) * _UNITS[match[2]]


@command("sleep")
def sleep(context: Context, argv: list[str]) -> int:
    """Waits on the cluster's clock: ten times as fast at rate 10, for ever while it is paused."""
    if not argv:
        raise Usage("missing operand", 1)
    total = sum(_seconds(word) for word in argv)
    context.sleep(min(total, timedelta(days=365).total_seconds()))
    return 0


@command("timeout")
def timeout(context: Context, argv: list[str]) -> int:
    """Runs a command and ends it after so many seconds of the cluster's time (status 124)."""
    _, words = options(argv, "k:s:", ("kill-after=", "signal="), permute=False)
    if len(words) < 2:
        raise Usage("missing operand", 125)
    until = context.now() + timedelta(seconds=_seconds(words[0]))
    outer: Callable[[], bool] = context.process.is_cancelled
    process = context.process
    inner = replace(process, is_cancelled=lambda: outer() or context.now() >= until)
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


def _moment(text: str, now: datetime) -> datetime:
    try:
        if text.startswith("@"):
            return datetime.fromtimestamp(float(text[1:]), tz=now.tzinfo)
        if match := re.fullmatch(r"([+-]?\d+) (second|minute|hour|day)s?( ago)?", text):
            change = timedelta(
                seconds=int(match[1]) * {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[match[2]]
            )
            return now - change if match[3] else now + change
        if text == "now":
            return now
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
    except (ValueError, OverflowError, OSError):
        raise Usage(f"invalid date '{text}'", 1) from None


def _shown(template: str, time: datetime) -> str:
    own = {
        "N": f"{time.microsecond * 1000:09d}",
        "s": str(int(time.timestamp())),
        "3N": f"{time.microsecond // 1000:03d}",
    }
    template = re.sub(r"%(3N|N|s)", lambda match: own[match[1]], template)
    return time.strftime(re.sub(r"%(?![a-zA-Z%-])", "%%", template)) if template else ""


@command("seq")
def seq(context: Context, argv: list[str]) -> int:
    """Prints numbers from first to last; -w with equal width, -s with a separator."""
    words = [word for word in argv if not re.match("-[a-z]", word)]
    flags = [word for word in argv if re.match("-[a-z]", word)]
    separator = "\n"
    if any(flag.startswith("-s") for flag in flags):
        flag = next(flag for flag in flags if flag.startswith("-s"))
        separator = flag[2:] or words.pop(0)
    try:
        numbers = [Decimal(word) for word in words]
    except InvalidOperation:
        raise Usage(f"invalid floating point argument: '{words[-1]}'", 1) from None
    if not 1 <= len(numbers) <= 3:
        raise Usage("missing operand" if not numbers else f"extra operand '{words[3]}'", 1)
    first, step, last = {
        1: (Decimal(1), Decimal(1), numbers[0]),
        2: (numbers[0], Decimal(1), numbers[-1]),
        3: (numbers[0], numbers[min(1, len(numbers) - 1)], numbers[-1]),
    }[len(numbers)]
    if step == 0:
        raise Usage("invalid Zero increment value: '0'", 1)
    _write_numbers(context, first, step, last, separator, padded="-w" in flags)
    return 0


def _write_numbers(
    context: Context, first: Decimal, step: Decimal, last: Decimal, separator: str, *, padded: bool
) -> None:
    width = max(len(str(first)), len(str(last))) if padded else 0
    count = int((last - first) / step) + 1 if (last - first) / step >= 0 else 0
    if count > _MAX_NUMBERS:
        raise Usage(f"svclab prints {_MAX_NUMBERS:,} numbers at most", 1)
    for place in range(count):
        if place % 64 == 0:
            context.check()
        text = str(first + step * place).zfill(width)
        context.stdout.write(text + (separator if place < count - 1 else "\n"))
