"""The command tcpdump: packets of this host, live, from the traces that the cluster records, or from a file
that it wrote. Source: tcpdump 4.99.

It sees what happens while it runs (from another terminal, or a command in the background), until -c packets,
Ctrl-C, or the terminal's time limit.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator

from svclab.cluster import dataplane
from svclab.terminal.commands.arguments import options, whole_number
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.commands.tcpdump.capture import Captured, packets
from svclab.terminal.commands.tcpdump.expressions import Filter, read_filter
from svclab.terminal.commands.tcpdump.frames import (
    COOKED,
    ETHERNET,
    LINK_TYPES,
    SNAPSHOT,
    NotPcap,
    pcap,
    read_pcap,
)
from svclab.terminal.commands.tcpdump.printing import Printer
from svclab.terminal.files import FileError
from svclab.terminal.process import Stopped

_SUPPRESSED = "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
_VERSION = "tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)\nOpenSSL 3.0.19 27 Jan 2026"


@command("tcpdump", places={"node", "netshoot"})
def tcpdump(context: Context, argv: list[str]) -> int:
    """Prints packets: -i interface (or any), -n numbers, -c count, -v, -e, -A, -X, -w file, -r file, and a
    filter.
    """
    given, words = options(argv, "i:nc:w:vqtleAXxs:UDr:pKSN#", ("version", "immediate-mode", "number"))
    settings = dict(given)
    if "--version" in settings:
        context.print(_VERSION)
        return 0
    if "-D" in settings:
        return _devices(context)
    wanted = read_filter(" ".join(words))
    count = whole_number(settings["-c"], "packet count") if "-c" in settings else None
    flags = [name for name, _ in given]
    if "-r" in settings:
        return _read_file(context, settings["-r"], wanted, count, flags)
    interface = settings.get("-i", "eth0")
    if interface not in ("any", *_interfaces(context)):
        raise Usage(f"{interface}: No such device exists\n(No such device exists)", 1)
    link_type = COOKED if interface == "any" else ETHERNET
    where = f"listening on {interface}, link-type {LINK_TYPES[link_type]}, snapshot length {SNAPSHOT} bytes"
    if interface == "any":
        context.stderr.write("tcpdump: data link type LINUX_SLL2\n")
    quiet = "-w" in settings or "-v" in settings
    context.stderr.write(f"tcpdump: {where}\n" if quiet else f"{_SUPPRESSED}{where}\n")
    return _capture(context, _printer(context, link_type, flags), wanted, interface, count, settings)


def _printer(context: Context, link_type: int, flags: list[str]) -> Printer:
    return Printer(
        context.location.host, link_type, _interfaces(context), numeric="-n" in flags,
        verbose=flags.count("-v"), quick="-q" in flags, link_header="-e" in flags, times="-t" not in flags,
        ascii="-A" in flags, hex=2 if "-X" in flags else int("-x" in flags),
        whole=max(flags.count("-X"), flags.count("-x")) > 1,
    )  # fmt: skip


def _devices(context: Context) -> int:
    """`tcpdump -D`: the interfaces that are connected first, then the one that stands for all, then lo."""
    names = [name for name in _interfaces(context) if name != "lo"]
    texts = [f"{name} [Up, Running, Connected]" for name in names]
    texts += [
        "any (Pseudo-device that captures on all interfaces) [Up, Running]",
        "lo [Up, Running, Loopback]",
    ]
    for number, text in enumerate(texts, 1):
        context.print(f"{number}.{text}")
    return 0


def _read_file(context: Context, name: str, wanted: Filter, count: int | None, flags: list[str]) -> int:
    """`tcpdump -r`: the packets of a file that -w has written."""
    try:
        text = context.stdin.read() if name == "-" else context.files.read(context.path(name))
    except FileError as error:
        return context.fail(f"tcpdump: {name}: {error}")
    try:
        link_type, found = read_pcap(base64.b64decode(text, validate=False), _interfaces(context))
    except (NotPcap, binascii.Error):
        return context.fail("tcpdump: unknown file format")
    kind = LINK_TYPES.get(link_type, str(link_type))
    context.stderr.write(f"reading from file {name}, link-type {kind}, snapshot length {SNAPSHOT}\n")
    printer = _printer(context, link_type, flags)
    for packet in _first(filter(wanted, found), count):
        context.print(printer.text(packet))
    return 0


def _first(found: Iterable[Captured], count: int | None) -> Iterator[Captured]:
    for number, packet in enumerate(found, 1):
        yield packet
        if number == count:
            return


def _interfaces(context: Context) -> list[str]:
    host = dataplane.world(context.cluster).fabric.host(context.location.host)
    return list(host.routing.interfaces)


def _capture(
    context: Context,
    printer: Printer,
    wanted: Filter,
    interface: str,
    count: int | None,
    settings: dict[str, str],
) -> int:
    found: list[Captured] = []
    seen = (each for each in _live(context) if interface in ("any", each.interface) and wanted(each))
    try:
        for packet in _first(seen, count):
            found.append(packet)
            if "-w" not in settings:
                context.print(printer.text(packet))
    except Stopped:
        _finish(context, printer, found, settings)
        raise
    return _finish(context, printer, found, settings)


def _live(context: Context) -> Iterator[Captured]:
    """Packets at this host of every request that is made from now on."""
    seen = dataplane.newest(context.cluster)
    host = context.location.host
    while True:
        for record in dataplane.traces(context.cluster, seen):
            seen = record.id
            yield from packets(record.trace, record.virtual_time, host)
        context.process.wait(lambda last=seen: dataplane.newest(context.cluster) > last)


def _finish(context: Context, printer: Printer, found: list[Captured], settings: dict[str, str]) -> int:
    number = len(found)
    plural = "" if number == 1 else "s"
    context.stderr.write(
        f"{number} packet{plural} captured\n{number} packet{plural} received by filter\n"
        "0 packets dropped by kernel\n"
    )
    if "-w" not in settings:
        return 0
    data = pcap(found, printer.host, printer.link_type, printer.interfaces)
    text = base64.b64encode(data).decode()
    if settings["-w"] == "-":
        context.stdout.write(text + "\n")
        return 0
    try:
        context.files.write(context.path(settings["-w"]), text + "\n")
    except FileError as error:
        return context.fail(f"tcpdump: {settings['-w']}: {error}")
    context.fail(f"tcpdump: {settings['-w']} holds the pcap file in base64; decode it with base64 -d")
    return 0
