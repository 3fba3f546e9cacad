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
    if any(flag in "".join(argv) for flag in ("f", "u")):
        context.print("UID          PID    PPID  C STIME TTY          TIME CMD")
        for pid, text in rows:
            context.print(
                f"{user:<8} {pid:7d} {0 if pid == 1 else 1:7d}  0 {'00:00'} {'?':<8} 00:00:00 {text}"
            )
        return 0
    context.print("    PID TTY          TIME CMD")
    for pid, text in rows:
        context.print(
            f"{pid:7d} {'pts/0':<8} 00:00:00 {text.split()[0].rpartition('/')[2] if not argv else text}"
        )
    return 0
