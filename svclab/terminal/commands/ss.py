"""ss and netstat: what listens at this place. Source: iproute2 6.1, net-tools 2.10."""

import re
from dataclasses import dataclass

from svclab.linux.packet import Protocol
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.ps import pid_of
from svclab.terminal.commands.registry import Context, command
from svclab.terminal.commands.service_names import SERVICE_NAMES


def _listening(context: Context, flags: str) -> list[tuple[Protocol, int, str]]:
    wanted = {Protocol.TCP} if "t" in flags and "u" not in flags else {Protocol.TCP, Protocol.UDP}
    wanted = {Protocol.UDP} if "u" in flags and "t" not in flags else wanted
    found = [
        (p, port, name) for (p, port), name in host_of(context).listeners.items() if p in wanted and port
    ]
    return sorted(found, key=lambda each: (each[0].value, each[1]))


_NUMBERS = {name: port for (port, _), name in SERVICE_NAMES.items()}
_NO_PORT = -1
_OTHER_STATES = frozenset(
    {"established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "closed", "close-wait",
     "last-ack", "closing", "connected", "synchronized", "bucket"}
)  # fmt: skip
_ANY = "0.0.0.0"  # noqa: S104 (shown, not listened on)
_GO_PROGRAMS = frozenset({"kubelet", "kube-proxy", "kube-apiserver", "coredns", "containerd", "etcd"})
_COLUMNS = (
    ("Netid", "", "<"), ("State", " ", "<"), ("Recv-Q", " ", "<"), ("Send-Q", " ", "<"),
    ("Local Address:", " ", ">"), ("Port", "", "<"), ("Peer Address:", " ", ">"), ("Port", "", "<"),
    ("Process", "", "<"),
)  # fmt: skip


@command("ss", places={"node", "netshoot", "laptop"})
def ss(context: Context, argv: list[str]) -> int:
    """Lists listening sockets: -t TCP, -u UDP, -l listening, -n numbers, -p programs."""
    argv, expression = [a for a in argv if a.startswith("-")], [a for a in argv if not a.startswith("-")]
    given, _ = options(
        argv, "tulnpaesH46oimrx",
        ("listening", "tcp", "udp", "numeric", "processes", "all", "summary", "no-header"),
    )  # fmt: skip
    flags = "".join("H" if name == "--no-header" else name.lstrip("-")[0] for name, _ in given)
    if "s" in flags:
        return _summary(context)
    asked = _Asked.read(expression)
    shown = set(flags) & {"l", "a"} or asked.state in ("listening", "listen", "all")
    listening = _listening(context, flags) if shown and asked.state not in _OTHER_STATES else ()
    rows = []
    for protocol, port, name in listening:
        if asked.port not in (None, port):
            continue
        is_tcp, is_go = protocol is Protocol.TCP, name in _GO_PROGRAMS
        address = "*" if is_go else _ANY
        users = f' users:(("{name}",pid={pid_of(context, name)},fd=6))' if "p" in flags else ""
        shown = str(port) if "n" in flags else SERVICE_NAMES.get((port, protocol.value.lower()), str(port))
        queue = ("4096" if is_go else "511") if is_tcp else "0"
        state = "LISTEN" if is_tcp else "UNCONN"
        rows.append(
            (protocol.value.lower(), state, "0", queue, f"{address}:", shown, f"{address}:", "*", users)
        )
    both = ("t" in flags) == ("u" in flags)
    left_out = (() if both else (0,)) + ((1,) if asked.state else ())
    _table(context, rows, heading="H" not in flags, left_out=left_out)
    return 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A filter, as far as it concerns sockets that listen: a state, a port of their own."""

    state: str = ""
    port: int | None = None

    @classmethod
    def read(cls, expression: list[str]) -> "_Asked":
        """Of words like `state listening sport = :80`, with or without parentheses."""
        words = re.sub(r"([()=]+)", r" \1 ", " ".join(expression)).split()
        words = [word for word in words if word not in ("(", ")", "=", "==", "eq", "and")]
        pairs = dict(zip(words, words[1:], strict=False))  # noqa: RUF007  # a look-up, not a walk
        port = pairs.get("sport", pairs.get("src", "")).rpartition(":")[2]
        number = int(port) if port.isdigit() else _NUMBERS.get(port)
        if "dport" in pairs:
            number = _NO_PORT  # what listens has no port over there
        return cls(pairs.get("state", ""), number)


def _table(
    context: Context, rows: list[tuple[str, ...]], *, heading: bool, left_out: tuple[int, ...]
) -> None:
    """Columns as wide as their contents; a terminal's width is shared out among them."""
    columns = [place for place in range(len(_COLUMNS)) if place not in left_out]
    shown = [tuple(title for title, _, _ in _COLUMNS), *rows] if heading else rows
    if not shown:
        return
    widths = {}
    for place in columns:
        ahead = _COLUMNS[place][1] if place != columns[0] else ""
        widths[place] = max(len(row[place]) for row in shown) + len(ahead)
    if context.stdout.isatty() and (room := context.columns - sum(widths.values())) > 0:
        share, rest = divmod(room, len(columns))
        for order, place in enumerate(columns):
            widths[place] += share + (order < rest)
    for row in shown:
        text = ""
        for place in columns:
            ahead = _COLUMNS[place][1] if place != columns[0] else ""
            text += ahead + format(row[place], f"{_COLUMNS[place][2]}{widths[place] - len(ahead)}")
        context.print(text if row in rows else text.rstrip())


def _summary(context: Context) -> int:
    """`ss -s`."""
    tcp = len(_listening(context, "t"))
    udp = len(_listening(context, "u"))
    context.print(f"Total: {tcp + udp}\nTCP:   {tcp} (estab 0, closed 0, orphaned 0, timewait 0)\n")
    context.print("Transport Total     IP        IPv6")
    for name, number in (("RAW", 0), ("UDP", udp), ("TCP", tcp), ("INET", tcp + udp), ("FRAG", 0)):
        context.print(f"{name}\t  {number:<10}{number:<10}{0:<9}")
    context.print()
    return 0


@command("netstat", places={"node", "netshoot", "busybox", "laptop"})
def netstat(context: Context, argv: list[str]) -> int:
    """Lists listening sockets (-l) in net-tools' form."""
    given, _ = options(argv, "tulnpaers")
    flags = "".join(name.lstrip("-")[0] for name, _ in given)
    context.print("Active Internet connections (only servers)")
    program_title = "    PID/Program name" if "p" in flags else ""
    context.print(
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       "
        + program_title.strip()
    )
    for protocol, port, name in _listening(context, flags):
        state = "LISTEN" if protocol is Protocol.TCP else ""
        program = f"{pid_of(context, name):>7}/{name}" if "p" in flags else ""
        kind = protocol.value.lower()
        context.print(
            f"{kind:<5} {0:>6} {0:>6} {f'0.0.0.0:{port}':<23} {'0.0.0.0:*':<23} {state:<11}"
            + (f" {program.strip()}" if program else "")
        )
    return 0
