"""ss and netstat: what listens at this place. Source: iproute2 6.1, net-tools 2.10."""

from svclab.linux.packet import Protocol
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.registry import Context, command


def _listening(context: Context, flags: str) -> list[tuple[Protocol, int, str]]:
    wanted = {Protocol.TCP} if "t" in flags and "u" not in flags else {Protocol.TCP, Protocol.UDP}
    wanted = {Protocol.UDP} if "u" in flags and "t" not in flags else wanted
    found = [
        (p, port, name) for (p, port), name in host_of(context).listeners.items() if p in wanted and port
    ]
    return sorted(found, key=lambda each: (each[0].value, each[1]))


@command("ss", places={"node", "netshoot", "laptop"})
def ss(context: Context, argv: list[str]) -> int:
    """Lists listening sockets: -t TCP, -u UDP, -l listening, -n numbers, -p programs."""
    given, _ = options(argv, "tulnpaesH46", ("listening", "tcp", "udp", "numeric", "processes", "all"))
    flags = "".join(name.lstrip("-")[0] for name, _ in given)
    show_programs = "p" in flags
    heading = "State  Recv-Q Send-Q Local Address:Port Peer Address:Port"
    both = ("t" in flags) == ("u" in flags)
    context.print(("Netid " if both else "") + heading + (" Process" if show_programs else ""))
    for protocol, port, name in _listening(context, flags) if set(flags) & {"l", "a"} else ():
        state, queue = ("LISTEN", 511) if protocol is Protocol.TCP else ("UNCONN", 0)
        local = f"0.0.0.0:{port}"
        program = f' users:(("{name}",pid=1,fd=6))' if show_programs else ""
        kind = f"{protocol.value.lower():<6}" if both else ""
        context.print(f"{kind}{state:<6} 0      {queue:<6} {local:>18} {'0.0.0.0:*':>17}{program}".rstrip())
    return 0


@command("netstat", places={"node", "netshoot", "busybox", "laptop"})
def netstat(context: Context, argv: list[str]) -> int:
    """Lists listening sockets (-l) in net-tools' form."""
    given, _ = options(argv, "tulnpaers")
    flags = "".join(name.lstrip("-")[0] for name, _ in given)
    context.print("Active Internet connections (only servers)")
    program_title = "    PID/Program name" if "p" in flags else ""
    context.print(
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State  " + program_title
    )
    for protocol, port, name in _listening(context, flags):
        state = "LISTEN" if protocol is Protocol.TCP else ""
        program = f"      1/{name}" if "p" in flags else ""
        kind = protocol.value.lower()
        context.print(
            f"{kind:<5} {0:>6} {0:>6} {f'0.0.0.0:{port}':<23} {'0.0.0.0:*':<23} {state:<10}{program}".rstrip()
        )
    return 0
