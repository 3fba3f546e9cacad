"""ping and traceroute. Source: iputils 20221126 (Debian, netshoot), BusyBox 1.36 (Alpine, busybox)."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from svclab.cluster import dataplane
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
    size: int = 56  # bytes after the ICMP header
    interval_seconds: float = 1.0
    sent: int = 0
    times: list[float] = field(default_factory=list)  # milliseconds


@command("ping", "ping4", places=_PLACES)
def ping(context: Context, argv: list[str]) -> int:
    """Sends an echo request a second until Ctrl-C, or as many as -c says."""
    given, words = options(argv, "c:W:i:qnw:s:I:t:46V")
    settings = dict(given)
    if "-V" in settings:
        context.print("ping from iputils 20221126")
        return 0
    if not words:
        raise Usage("usage error: Destination address required", 1)
    busybox = context.location.toolset in ("busybox", "alpine")
    count = _count(settings["-c"]) if "-c" in settings else None
    interval = seconds_of(settings.get("-i", "1")) or 1.0
    patience = seconds_of(settings.get("-W", "10")) or 10.0
    tally = _Tally(size=whole_number(settings.get("-s", "56"), "argument"), interval_seconds=interval)
    address = ""
    try:
        while count is None or tally.sent < count:
            sent = _echo(context, words[0])
            if sent.trace.end.code in LOOKUP_FAILURES:
                raise _unknown(context, words[0], busybox)
            tally.sent += 1
            address = sent.address or ""
            if tally.sent == 1:
                _title(context, words[0], address, tally.size, busybox)
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


def _count(text: str) -> int:
    if not text.lstrip("-").isdigit():
        raise Usage(f"invalid argument: '{text}'", 1)
    if int(text) < 1:
        raise Usage(f"invalid argument: '{text}': out of range: 1 <= value <= 9223372036854775807", 1)
    return int(text)


def _unknown(context: Context, host: str, busybox: bool) -> Usage:
    """What ping says of a name that is none: busybox, or iputils over musl or glibc."""
    if busybox:
        return Usage(f"bad address '{host}'", 1)
    musl = context.location.toolset == "netshoot"
    return Usage(f"{host}: " + ("Name does not resolve" if musl else "Name or service not known"), 2)


def _echo(context: Context, host: str) -> Sent:
    try:
        return ask(context, host, protocol=Protocol.ICMP, timeout_seconds=0.001, wait=False)
    except BadTarget:
        raise Usage(f"{host}: Name or service not known", 2) from None


def _title(context: Context, host: str, address: str, size: int, busybox: bool) -> None:
    context.print(
        f"PING {host} ({address}): {size} data bytes"
        if busybox
        else f"PING {host} ({address}) {size}({size + 28}) bytes of data."
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
            ttl = 64 - max(crossed - 1, 0)
            context.print(f"{tally.size + 8} bytes from {source}: {name} ttl={ttl} time={time:.3f} ms")
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
    end = "" if busybox else f", time {round(max(tally.sent - 1, 0) * tally.interval_seconds * 1000)}ms"
    context.print(f"\n--- {host} ping statistics ---")
    context.print(
        f"{tally.sent} packets transmitted, {len(tally.times)} {received}, {lost}% packet loss{end}"
    )
    if not (tally.times or busybox):
        context.print()
    if tally.times:
        low, high, mean = min(tally.times), max(tally.times), sum(tally.times) / len(tally.times)
        if busybox:
            context.print(f"round-trip min/avg/max = {low:.3f}/{mean:.3f}/{high:.3f} ms")
        else:
            spread = (sum((t - mean) ** 2 for t in tally.times) / len(tally.times)) ** 0.5
            context.print(f"rtt min/avg/max/mdev = {low:.3f}/{mean:.3f}/{high:.3f}/{spread:.3f} ms")


@command("traceroute", "tracepath", places={"laptop", "node", "netshoot", "busybox"})
def traceroute(context: Context, argv: list[str]) -> int:
    """Shows the hosts that an echo request crosses; a line of stars for each that stays silent."""
    given, words = options(argv, "nm:w:q:IiTp:")
    settings = dict(given)
    if not words:
        raise Usage('Specify "host" missing argument.', 2)
    sent = _echo(context, words[0])
    if sent.trace.end.code in LOOKUP_FAILURES:
        raise Usage(f"bad address '{words[0]}'", 1)
    gnu = context.location.toolset in ("laptop", "node")
    most = whole_number(settings.get("-m", "30"), "max hops")
    probes = min(max(whole_number(settings.get("-q", "3"), "probes"), 1), 10)
    patience = seconds_of(settings.get("-w", "5")) or 5.0
    size = 60 if gnu else 46
    context.print(f"traceroute to {words[0]} ({sent.address}), {most} hops max, {size} byte packets")
    answered = sent.trace.end.code is Outcome.OK
    crossed = _crossed(context, sent)[:most]
    for number, address in enumerate(crossed, 1):
        times = "  ".join(f"{0.021 * number + 0.004 * probe:.3f} ms" for probe in range(probes))
        shown = address if "-n" in settings else f"{address} ({address})"
        context.print(f"{number:2d}  {shown}  {times}")
    for number in range(len(crossed) + 1, most + 1) if not answered else ():
        context.stdout.write(f"{number:2d}  ")
        for probe in range(probes):
            context.sleep(patience)
            context.stdout.write("*" + ("\n" if probe == probes - 1 else " " if gnu else "  "))
    return 0


def _crossed(context: Context, sent: Sent) -> list[str]:
    """The addresses from which an answer would come: of the interface by which each host was reached."""
    flow = sent.trace.end.flow
    hosts = dataplane.world(context.cluster).fabric.hosts
    found: list[str] = []
    for step in sent.trace.steps:
        if isinstance(step, Hop) and not step.reply and step.flow == flow:
            own = hosts[step.host].routing.interfaces[step.interface].addresses
            found.append(str(IPv4Address(own[0].address)) if own else step.host.rpartition("/")[2])
    if found and sent.trace.end.code is Outcome.OK:
        found[-1] = sent.address or found[-1]
    return found
