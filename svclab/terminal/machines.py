"""What a shell finds at a place: user, home, environment, prompt, and the files that the system provides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from svclab.kube import poddns, podenv
from svclab.kube.pods import is_terminal
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.terminal.files import HOME
from svclab.terminal.places import LAPTOP_USER, Location

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SECRET_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a directory's name)
_USERS = {0: "root", 101: "nginx", 1000: "user", 65534: "nobody"}
_RELEASES = {
    "busybox": ("busybox", "BusyBox v1.36.1"),
    "alpine": ("alpine", "Alpine Linux v3.20"),
    "curl": ("alpine", "Alpine Linux v3.20"),
    "netshoot": ("alpine", "Alpine Linux v3.20"),
}
_PROMPTS = {
    "laptop": "\\u@\\h:\\w\\$ ",
    "node": "\\u@\\h:\\w\\$ ",
    "netshoot": "\\h:\\w\\$ ",
    "bash": "\\u@\\h:\\w\\$ ",
    "ash": "\\w \\$ ",
    "dash": "\\$ ",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """One place as its programs see it."""

    hostname: str
    uid: int
    home: str
    cwd: str
    environment: dict[str, str]
    toolset: str

    @property
    def user(self) -> str:
        """The user's name, as `whoami` has it."""
        if self.toolset == "laptop":
            return LAPTOP_USER
        return _USERS.get(self.uid, "I have no name!")

    def prompt(self, flavour: str) -> str:
        """The first PS1 of a shell of this flavour ("bash", "ash", "dash")."""
        return _PROMPTS[self.toolset if self.toolset in _PROMPTS and flavour == "bash" else flavour]


def machine_at(location: Location, snapshot: Snapshot, found: Iterable[Manifest] | None = None) -> Machine:
    """The machine of a place; `found`: the Services that its container found when it started, where known.

    Raises KeyError for a pod or container that does not exist.
    """
    match location.kind:
        case "laptop":
            env = {"HOME": HOME, "USER": LAPTOP_USER, "PATH": _PATH, "SHELL": "/bin/bash"}
            env |= {
                "EDITOR": "vi",
                "TERM": "xterm-256color",
                "LANG": "C.UTF-8",
                "KUBECONFIG": f"{HOME}/.kube/config",
            }
            return Machine("laptop", 1000, HOME, HOME, env, "laptop")
        case "node":
            env = {
                "HOME": "/root",
                "USER": "root",
                "PATH": _PATH,
                "SHELL": "/bin/bash",
                "TERM": "xterm-256color",
            }
            return Machine(location.name, 0, "/root", "/root", env, "node")
        case _:
            return _container(location, pod_of(location, snapshot), snapshot, found)


def pod_of(location: Location, snapshot: Snapshot) -> Manifest:
    """The pod of a place. Raises KeyError when it is gone."""
    pod = snapshot.get("Pod", location.namespace, location.name)
    if pod is None:
        raise KeyError(str(location))
    return pod


def is_there(location: Location, snapshot: Snapshot) -> bool:
    """Whether processes can run in a place: not in a pod that was deleted or has ended."""
    if location.kind != "pod":
        return True
    pod = snapshot.get("Pod", location.namespace, location.name)
    return pod is not None and not is_terminal(pod)


def _container(
    location: Location, pod: Manifest, snapshot: Snapshot, found: Iterable[Manifest] | None
) -> Machine:
    spec = pod["spec"]
    containers = [
        c for part in ("containers", "ephemeralContainers", "initContainers") for c in spec.get(part) or ()
    ]
    container = next(c for c in containers if c["name"] == location.container)
    uid = _first(
        (container.get("securityContext") or {}).get("runAsUser"),
        (spec.get("securityContext") or {}).get("runAsUser"),
        101 if "unprivileged" in location.image else 0,
    )
    home = "/root" if uid == 0 else "/"
    env = {"PATH": _PATH, "HOME": home, "TERM": "xterm"}
    env |= podenv.environment(pod, location.container, snapshot, found)
    cwd = container.get("workingDir") or ("/root" if location.toolset == "netshoot" else "/")
    name = location.name if not spec.get("hostNetwork") else spec.get("nodeName", location.name)
    return Machine(
        name if spec.get("hostNetwork") else poddns.hostname(pod), uid, home, cwd, env, location.toolset
    )


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def system_files(location: Location, snapshot: Callable[[], Snapshot]) -> Callable[[], dict[str, str]]:
    """The files that a place has of itself, by absolute path, as of each call."""

    def files() -> dict[str, str]:
        now = snapshot()
        if location.kind != "pod":
            return _host_files(location, now)
        try:
            return _pod_files(location, pod_of(location, now), now)
        except KeyError:
            return {}

    return files


def _host_files(location: Location, snapshot: Snapshot) -> dict[str, str]:
    name = location.name or "laptop"
    hosts = f"127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n"
    for node in snapshot.list("Node"):
        addresses = (node.get("status") or {}).get("addresses") or ()
        hosts += "".join(
            f"{a['address']}\t{node['metadata']['name']}\n" for a in addresses if a["type"] == "InternalIP"
        )
    return {
        "/etc/hostname": name + "\n",
        "/etc/hosts": hosts,
        "/etc/resolv.conf": poddns.NODE_RESOLV_CONF.print(),
        "/etc/os-release": _release("debian", "Debian GNU/Linux 12 (bookworm)"),
        "/proc/sys/net/ipv4/ip_forward": "1\n" if location.kind == "node" else "0\n",
    }


def _pod_files(location: Location, pod: Manifest, snapshot: Snapshot) -> dict[str, str]:
    namespace = pod["metadata"]["namespace"]
    name, pretty = _RELEASES.get(location.toolset, ("debian", "Debian GNU/Linux 12 (bookworm)"))
    files = {
        "/etc/hostname": poddns.hostname(pod) + "\n",
        "/etc/hosts": poddns.hosts_text(pod),
        "/etc/resolv.conf": poddns.resolv_conf(pod).print(),
        "/etc/os-release": _release(name, pretty),
        f"{_SECRET_PATH}/namespace": namespace,
        f"{_SECRET_PATH}/token": "(the simulated cluster signs no tokens)\n",
    }
    for volume in pod["spec"].get("volumes") or ():
        files |= _mounted(location, pod, volume, snapshot)
    return files


def _mounted(location: Location, pod: Manifest, volume: Manifest, snapshot: Snapshot) -> dict[str, str]:
    """The files of a ConfigMap volume, at each of its mounts in this container."""
    source = volume.get("configMap")
    config = snapshot.get("ConfigMap", pod["metadata"]["namespace"], source["name"]) if source else None
    if config is None:
        return {}
    container = next((c for c in pod["spec"]["containers"] if c["name"] == location.container), {})
    mounts = [m["mountPath"] for m in container.get("volumeMounts") or () if m["name"] == volume["name"]]
    return {
        f"{mount.rstrip('/')}/{key}": text
        for mount in mounts
        for key, text in (config.get("data") or {}).items()
    }


def _release(name: str, pretty: str) -> str:
    return f'PRETTY_NAME="{pretty}"\nID={name}\n'
