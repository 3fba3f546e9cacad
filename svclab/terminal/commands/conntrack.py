"""conntrack: a node's connection table. Source: conntrack-tools 1.4.7."""

import re

from svclab.linux.conntrack import Entry
from svclab.linux.packet import Protocol
from svclab.linux.skb import Key, address_text
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.registry import Context, Usage, command

_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.ICMP: 1, Protocol.SCTP: 132}


_LONG = (
    "proto=", "src=", "dst=", "dport=", "sport=", "orig-src=", "orig-dst=", "reply-src=", "reply-dst=",
    "orig-port-dst=", "orig-port-src=", "reply-port-src=", "reply-port-dst=", "src-nat", "dst-nat", "any-nat",
    "state=", "version", "help",
)  # fmt: skip
_STATISTICS = (
    "found", "invalid", "insert", "insert_failed", "drop", "early_drop", "error", "search_restart",
    "clash_resolve", "chaintoolong",
)  # fmt: skip


@command("conntrack", places={"node", "netshoot"})
def conntrack(context: Context, argv: list[str]) -> int:
    """Lists connections (-L), or counts them (-C); -p, -s, -d, --dport, --sport, -n choose some."""
    try:
        given, rest = options(argv, "LCEDFSVhp:s:d:r:q:f:no:e:u:j", _LONG)
    except Usage as wrong:
        return _refused(context, f"unknown option `{str(wrong).rpartition(' ')[2].strip(chr(39))}'")
    settings = dict(given)
    if settings.keys() & {"-V", "--version"}:
        context.print("conntrack v1.4.7 (conntrack-tools)")
        return 0
    if rest == ["expect"] and "-L" in settings:
        return context.fail("conntrack v1.4.7 (conntrack-tools): 0 expectations have been shown.", 0)
    if "-S" in settings:
        for cpu in range(2):
            context.print(f"cpu={cpu}   \t" + "".join(f"{name}=0 " for name in _STATISTICS))
        return 0
    protocol = settings.get("-p", settings.get("--proto", "tcp"))
    if protocol not in ("tcp", "udp", "icmp", "sctp", "dccp", "udplite", "icmpv6", "gre", "6", "17", "1"):
        return _refused(context, f"`{protocol}' unsupported protocol")
    for name in ("-s", "--src", "-d", "--dst", "--orig-src", "--orig-dst", "-r", "--reply-src", "-q"):
        if name in settings and not re.fullmatch(r"\d+(\.\d+){3}(/\d+)?", settings[name]):
            return _refused(context, f"Invalid IP address `{settings[name]}'")
    host = host_of(context)
    now = context.now().timestamp()
    found = [e for e in host.state.conntrack.all() if e.expires >= now and _wanted(e, settings)]
    if "-C" in settings:
        context.print(str(len(found)))
        return 0
    if "-D" in settings or "-F" in settings or "-E" in settings:
        return context.fail("conntrack: svclab lets you read the table (-L, -C, -S)")
    if "-L" not in settings or settings.keys() & {"-h", "--help"}:
        context.print("Command line interface for the connection tracking system. Version 1.4.7")
        context.print("Usage: conntrack [commands] [options]")
        return 0
    extended = "ipv4     2 " if "extended" in settings.get("-o", "") else ""
    for entry in found:
        context.print(extended + entry_text(entry, now))
    context.fail(f"conntrack v1.4.7 (conntrack-tools): {len(found)} flow entries have been shown.")
    return 0


def _refused(context: Context, what: str) -> int:
    context.fail(f"conntrack v1.4.7 (conntrack-tools): {what}")
    return context.fail("Try `conntrack -h' or 'conntrack --help' for more information.", 2)


def _wanted(entry: Entry, settings: dict[str, str]) -> bool:
    protocol, source, sport, destination, dport = entry.original
    _, reply_source, _, reply_destination, _ = entry.reply
    facts = {
        "-p": protocol.value.lower(), "--proto": protocol.value.lower(),
        "-s": _dotted(source), "--src": _dotted(source), "--orig-src": _dotted(source),
        "-d": _dotted(destination), "--dst": _dotted(destination), "--orig-dst": _dotted(destination),
        "-r": _dotted(reply_source), "--reply-src": _dotted(reply_source),
        "-q": _dotted(reply_destination), "--reply-dst": _dotted(reply_destination),
        "--sport": str(sport), "--dport": str(dport), "--orig-port-dst": str(dport), "--state": entry.state,
        "--orig-port-src": str(sport), "--reply-port-src": str(entry.reply[2]),
        "--reply-port-dst": str(entry.reply[4]), "-j": entry.snat or entry.dnat,
        "--any-nat": entry.snat or entry.dnat, "-n": entry.snat, "--src-nat": entry.snat,
        "--dst-nat": entry.dnat,
    }  # fmt: skip
    return all(
        facts[name] if isinstance(facts[name], bool) else facts[name] == value
        for name, value in settings.items()
        if name in facts
    )


def _dotted(address: int) -> str:
    return address_text(4, address)


def _tuple(key: Key) -> str:
    protocol, source, sport, destination, dport = key
    text = f"src={_dotted(source)} dst={_dotted(destination)}"
    if protocol is Protocol.ICMP:
        return f"{text} type=8 code=0 id={sport}"
    return f"{text} sport={sport} dport={dport}"


def entry_text(entry: Entry, now: float) -> str:
    """One connection as `conntrack -L` prints it."""
    protocol = entry.original[0]
    state = f"{entry.state} " if entry.state and protocol is not Protocol.UDP else ""
    head = f"{protocol.value.lower():<8} {_NUMBERS[protocol]} {int(entry.expires - now)} {state}"
    unreplied = "" if entry.seen_reply else "[UNREPLIED] "
    reply = _tuple(entry.reply).replace("type=8", "type=0")
    assured = "[ASSURED] " if entry.assured else ""
    return f"{head}{_tuple(entry.original)} {unreplied}{reply} {assured}mark=0 use=1"
