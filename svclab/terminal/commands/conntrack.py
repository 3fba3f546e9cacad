"""conntrack: a node's connection table. Source: conntrack-tools 1.4.7."""

from svclab.linux.conntrack import Entry
from svclab.linux.packet import Protocol
from svclab.linux.skb import Key, address_text
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.registry import Context, Usage, command

_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.ICMP: 1, Protocol.SCTP: 132}


@command("conntrack", places={"node", "netshoot"})
def conntrack(context: Context, argv: list[str]) -> int:
    """Lists connections (-L), or counts them (-C); -p, -s, -d, --dport, --sport, -n choose some."""
    given, _ = options(
        argv, "LCEDFp:s:d:r:q:f:no:", ("proto=", "src=", "dst=", "dport=", "sport=", "orig-src=", "orig-dst=",
        "reply-src=", "reply-dst=", "orig-port-dst=", "src-nat", "dst-nat", "state="),
    )  # fmt: skip
    settings = dict(given)
    host = host_of(context)
    now = context.now().timestamp()
    found = [e for e in host.state.conntrack.all() if e.expires >= now and _wanted(e, settings)]
    if "-C" in settings:
        context.print(str(len(found)))
        return 0
    if "-D" in settings or "-F" in settings or "-E" in settings:
        return context.fail("conntrack: svclab lets you read the table (-L, -C)")
    if "-L" not in settings:
        raise Usage("v1.4.7 (conntrack-tools): You need to supply parameters to conntrack")
    for entry in found:
        context.print(entry_text(entry, now))
    context.fail(f"conntrack v1.4.7 (conntrack-tools): {len(found)} flow entries have been shown.")
    return 0


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
        "-n": entry.snat, "--src-nat": entry.snat, "--dst-nat": entry.dnat,
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
