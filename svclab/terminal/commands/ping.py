"""ping and traceroute. Source: iputils 20221126 (Debian), BusyBox 1.36 (Alpine, busybox, netshoot)."""

from dataclasses import dataclass, field

from svclab.kube.request import BadTarget, Sent
from svclab.linux.packet import Protocol
from svclab.linux.trace import Hop, Outcome
from svclab.terminal.commands.arguments import options, whole_number
from svclab.terminal.commands.connecting import LOOKUP_FAILURES, ask, seconds_of
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.process import Stopped

_PLACES = frozenset({"laptop", "node", "netshoot", "busybox", "alpine"})


@dataclass(slots=True)
class _Tally:
    sent: int = 0
    times: list[float] = field(default_factory=list)  # milliseconds


@command("ping", "ping4", places=_PLACES)
def ping(context: Context, argv: list[str]) -> int:
    """Sends an echo request a second until Ctrl-C, or as many as -c says."""
    given, words = options(argv, "c:W:i:qnw:s:I:t:46")
    settings = dict(given)
    if not words:
        raise Usage("usage error: Destination address required", 1)
    busybox = context.location.toolset not in ("laptop", "node")
    count = whole_number(settings["-c"], "argument") if "-c" in settings else None
    interval = seconds_of(settings.get("-i", "1")) or 1.0
    patience = seconds_of(settings.get("-W", "10")) or 10.0
    tally = _Tally()
    address = ""
    try:
        while count is None or tally.sent < count:
            sent = _echo(context, words[0])
            if sent.trace.end.code in LOOKUP_FAILURES:
                words_ = f"bad address '{words[0]}'" if busybox else f"{words[0]}: Name or service not known"
                raise Usage(words_, 1 if busybox else 2)
            tally.sent += 1
            address = sent.address or ""
            if tally.sent == 1:
                _title(context, words[0], address, busybox)
            _report(context, sent, tally, busybox, quiet="-q" in settings)
            if count is None or tally.sent < count:
                context.sleep(interval)
            elif not tally.times:
                context.sleep(patience)
    except Stopped:
        if tally.sent:
            _statistics(context, words[0], tally, busybox)
        raise
    _statistics(context, words[0], tally, busybox)
    return 0 if tally.times else 1


def _echo(context: Context, host: str) -> Sent:
    try:
        return ask(context, host, protocol=Protocol.ICMP, timeout_seconds=0.001, wait=False)
    except BadTarget:
        raise Usage(f"{host}: Name or service not known", 2) from None


def _title(context: Context, host: str, address: str, busybox: bool) -> None:
    context.print(
        f"PING {host} ({address}): 56 data bytes"
        if busybox
        else f"PING {host} ({address}) 56(84) bytes of data."
    )


def hops(sent: Sent) -> int:
    """How many links the answer crossed, by which its TTL is smaller than 64."""
    return sum(isinstance(step, Hop) and step.reply for step in sent.trace.steps)


def _report(context: Context, sent: Sent, tally: _Tally, busybox: bool, *, quiet: bool) -> None:
    code = sent.trace.end.code
    if code is Outcome.OK:
        crossed = hops(sent)
        time = 0.041 + 0.023 * crossed + (tally.sent * 7 % 5) / 1000
        tally.times.append(time)
        if not quiet:
            source = sent.address
            name = f"seq={tally.sent - 1}" if busybox else f"icmp_seq={tally.sent}"
            context.print(f"64 bytes from {source}: {name} ttl={64 - max(crossed - 1, 0)} time={time:.3f} ms")
    elif code is Outcome.DENIED:
        context.fail(
            "ping: sendto: Operation not permitted" if busybox else "ping: sendmsg: Operation not permitted"
        )
    elif code is Outcome.UNREACHABLE:
        raise Usage("sendto: Network unreachable" if busybox else "connect: Network is unreachable", 2)
    elif code is Outcome.REJECTED and not busybox:
        context.print(f"From {sent.address} icmp_seq={tally.sent} Destination Port Unreachable")


def _statistics(context: Context, host: str, tally: _Tally, busybox: bool) -> None:
    lost = 100 * (tally.sent - len(tally.times)) // max(tally.sent, 1)
    received = "packets received" if busybox else "received"
    end = "" if busybox else f", time {max(tally.sent - 1, 0) * 1000}ms"
    context.print(f"\n--- {host} ping statistics ---")
    context.print(
        f"{tally.sent} packets transmitted, {len(tally.times)} {received}, {lost}% packet loss{end}"
    )
    if tally.times:
        low, high, mean = min(tally.times), max(tally.times), sum(tally.times) / len(tally.times)
        if busybox:
            context.print(f"round-trip min/avg/max = {low:.3f}/{mean:.3f}/{high:.3f} ms")
        else:
            spread = (sum((t - mean) ** 2 for t in tally.times) / len(tally.times)) ** 0.5
            context.print(f"rtt min/avg/max/mdev = {low:.3f}/{mean:.3f}/{high:.3f}/{spread:.3f} ms")


@command("traceroute", "tracepath", places={"laptop", "node", "netshoot", "busybox"})
def traceroute(context: Context, argv: list[str]) -> int:
    """Shows the hosts that an echo request crosses."""
    _, words = options(argv, "nm:w:q:Iip:T")
    if not words:
        raise Usage('Specify "host" missing argument.', 2)
    sent = _echo(context, words[0])
    if sent.trace.end.code in LOOKUP_FAILURES:
        raise Usage(f"bad address '{words[0]}'", 1)
    context.print(f"traceroute to {words[0]} ({sent.address}), 30 hops max, 46 byte packets")
    crossed = [step.host for step in sent.trace.steps if isinstance(step, Hop) and not step.reply]
    for number, host in enumerate(crossed, 1):
        last = number == len(crossed) and sent.trace.end.code is Outcome.OK
        context.print(
            f"{number:2d}  {sent.address if last else host.rpartition('/')[2]}  {0.02 * number:.3f} ms"
        )
    if sent.trace.end.code is not Outcome.OK:
        context.print(f"{len(crossed) + 1:2d}  *  *  *")
    return 0
