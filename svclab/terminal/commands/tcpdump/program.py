"""The command tcpdump: packets of this host, live, from the traces that the cluster records. Source: tcpdump
4.99.

It sees what happens while it runs (from another terminal, or a command in the background), until -c packets,
Ctrl-C, or the terminal's time limit.
"""

import base64
from collections.abc import Iterator

from svclab.cluster import dataplane
from svclab.terminal.commands.arguments import options, whole_number
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.commands.tcpdump.capture import Captured, packets
from svclab.terminal.commands.tcpdump.expressions import Filter, read_filter
from svclab.terminal.commands.tcpdump.printing import line, pcap
from svclab.terminal.files import FileError
from svclab.terminal.process import Stopped

_LINE_TYPES = "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"


@command("tcpdump", places={"node", "netshoot"})
def tcpdump(context: Context, argv: list[str]) -> int:
    """Prints packets: -i interface (or any), -n numbers, -c count, -w file, and a filter."""
    given, words = options(argv, "i:nc:w:vqtleAXs:UDr:p")
    settings = dict(given)
    flags = {name for name, _ in given}
    wanted = read_filter(" ".join(words))
    interface = settings.get("-i", "eth0")
    if "-D" in flags:
        context.print(
            "1.eth0 [Up, Running]\n2.any (Pseudo-device that captures on all interfaces) [Up, Running]\n3.lo"
        )
        return 0
    if "-r" in settings:
        return context.fail("tcpdump: svclab reads live packets only; open the file that -w wrote elsewhere")
    if interface not in ("any", *_interfaces(context)):
        raise Usage(f"{interface}: No such device exists\n(SIOCGIFHWADDR: No such device)", 1)
    count = whole_number(settings["-c"], "packet count") if "-c" in settings else None
    kind = "LINUX_SLL2 (Linux cooked v2)" if interface == "any" else "EN10MB (Ethernet)"
    where = f"listening on {interface}, link-type {kind}, snapshot length 262144 bytes"
    context.stderr.write(f"tcpdump: {where}\n" if "-w" in settings else f"{_LINE_TYPES}{where}\n")
    return _capture(context, wanted, interface, count, settings)


def _interfaces(context: Context) -> list[str]:
    host = dataplane.world(context.cluster).fabric.host(context.location.host)
    return list(host.routing.interfaces)


def _capture(
    context: Context, wanted: Filter, interface: str, count: int | None, settings: dict[str, str]
) -> int:
    found: list[Captured] = []
    try:
        for packet in _live(context):
            if interface not in ("any", packet.interface) or not wanted(packet):
                continue
            found.append(packet)
            if "-w" not in settings:
                text = line(packet, numeric="-n" in settings, any_interface=interface == "any")
                context.print(text if "-t" not in settings else text.partition(" ")[2])
            if count is not None and len(found) >= count:
                break
    except Stopped:
        _finish(context, found, settings)
        raise
    return _finish(context, found, settings)


def _live(context: Context) -> Iterator[Captured]:
    """Packets at this host of every request that is made from now on."""
    seen = dataplane.newest(context.cluster)
    host = context.location.host
    while True:
        for record in dataplane.traces(context.cluster, seen):
            seen = record.id
            yield from packets(record.trace, record.virtual_time, host)
        context.process.wait(lambda last=seen: dataplane.newest(context.cluster) > last)


def _finish(context: Context, found: list[Captured], settings: dict[str, str]) -> int:
    number = len(found)
    plural = "" if number == 1 else "s"
    context.stderr.write(
        f"{number} packet{plural} captured\n{number} packet{plural} received by filter\n"
        "0 packets dropped by kernel\n"
    )
    if "-w" not in settings:
        return 0
    text = base64.b64encode(pcap(found)).decode()
    if settings["-w"] == "-":
        context.stdout.write(text + "\n")
        return 0
    try:
        context.files.write(context.path(settings["-w"]), text + "\n")
    except FileError as error:
        return context.fail(f"tcpdump: {settings['-w']}: {error}")
    context.fail(f"tcpdump: {settings['-w']} holds the pcap file in base64; decode it with base64 -d")
    return 0
