"""ps, top: the processes of a container (what its command started) or of a node (its daemons)."""

from svclab.terminal.commands.registry import Context, command
from svclab.terminal.machines import machine_at, pod_of

_NODE_DAEMONS = (
    "/sbin/init",
    "/usr/bin/containerd",
    "/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml",
    "/usr/local/bin/kube-proxy --config=/var/lib/kube-proxy/config.conf",
    "/usr/sbin/sshd -D",
)
_IMAGE_COMMANDS = {
    "nginx": "nginx: master process nginx -g daemon off;",
    "netshoot": "/bin/bash",
    "busybox": "sh",
    "redis": "redis-server *:6379",
    "coredns": "/coredns -conf /etc/coredns/Corefile",
}


def _processes(context: Context) -> list[tuple[int, str]]:
    place = context.location
    shell = (context.session.pid, context.session.places[-1].state.name)
    if place.kind == "laptop":
        return [shell]
    if place.kind == "node":
        return [(1 if i == 0 else 600 + 41 * i, text) for i, text in enumerate(_NODE_DAEMONS)] + [shell]
    pod = pod_of(place, context.cluster.snapshot())
    container = next(c for c in pod["spec"]["containers"] if c["name"] == place.container)
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    image = next((text for name, text in _IMAGE_COMMANDS.items() if name in place.image), "/pause")
    first = " ".join(" ".join(words).split()) if words else image
    if "exec nginx" in first or ("nginx" in place.image and not words):
        first = _IMAGE_COMMANDS["nginx"]
    workers = (
        [(29, "nginx: worker process"), (30, "nginx: worker process")] if first.startswith("nginx:") else []
    )
    return [(1, first), *workers, shell]


@command("ps", places={"laptop", "node", "netshoot", "busybox", "alpine"})
def ps(context: Context, argv: list[str]) -> int:
    """Lists processes."""
    user = machine_at(context.location, context.cluster.snapshot()).user
    rows = [*_processes(context), (context.session.pid + 9, "ps " + " ".join(argv) if argv else "ps")]
    if context.location.toolset in ("busybox", "alpine", "netshoot"):
        context.print("PID   USER     TIME  COMMAND")
        for pid, text in rows:
            context.print(f"{pid:5d} {user:<8} {'0:00':<5} {text}"[: context.columns])
        return 0
    flags = "".join(argv)
    if "u" in flags:
        _resources(context, user, rows)
    elif "f" in flags:
        _full(context, user, rows)
    else:
        context.print("    PID TTY          TIME CMD")
        shown = rows if flags else rows[-2:]
        for pid, text in shown:
            program = text.split()[0].rpartition("/")[2].rstrip(":")
            context.print(f"{pid:7d} {_terminal(context, pid, '?'):<8} 00:00:00 {program}")
    return 0


def pid_of(context: Context, program: str) -> int:
    """The process that a program runs in here."""
    return next((pid for pid, text in _processes(context) if program in text.split()[0]), 1)


def _terminal(context: Context, pid: int, none: str) -> str:
    return "pts/0" if pid >= context.session.pid else none


def _full(context: Context, user: str, rows: list[tuple[int, str]]) -> None:
    context.print("UID          PID    PPID  C STIME TTY          TIME CMD")
    started = context.now().strftime("%H:%M")
    for pid, text in rows:
        parent = 0 if pid == 1 else context.session.pid if pid > context.session.pid else 1
        terminal = _terminal(context, pid, "?")
        context.print(f"{user:<8} {pid:7d} {parent:7d}  0 {started} {terminal:<8} 00:00:00 {text}")


def _resources(context: Context, user: str, rows: list[tuple[int, str]]) -> None:
    context.print("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND")
    started = context.now().strftime("%H:%M")
    for pid, text in rows:
        state = "Ss" if pid in (1, context.session.pid) else "R+" if pid > context.session.pid else "Ssl"
        size, resident = 4000 + 7 * len(text) * 40, 1000 + 3 * len(text) * 40
        terminal = _terminal(context, pid, "?")
        usage = f"{user:<8} {pid:7d}  0.0  0.1 {size:6d} {resident:5d} {terminal:<8} {state:<4}"
        context.print(f"{usage} {started:>5}   0:00 {text}")
