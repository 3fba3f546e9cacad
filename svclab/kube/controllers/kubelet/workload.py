"""What a container's process does with its life: how long it runs, how it ends, how it takes a SIGTERM.

Read off image, command and arguments. Of an image that we do not know it is believed that it is a server.
"""

import re
import shlex
from dataclasses import dataclass
from typing import Any

from svclab.kube.listeners import image_name
from svclab.kube.snapshot import Manifest

_SHELLS = ("sh", "bash", "ash", "dash", "zsh")
_TOOLS = ("busybox", "alpine", "debian", "ubuntu", "nicolaka/netshoot", "curlimages/curl", "bash")
_ROOT_IMAGES = (
    "nginx",
    "httpd",
    "busybox",
    "alpine",
    "debian",
    "ubuntu",
    "nicolaka/netshoot",
    "redis",
    "bash",
)
_DAEMON = re.compile(
    r"\bnginx\s+-g\b|\bexec\s+nginx\b|\bsleep\s+inf(inity)?\b|\btail\s+-[fF]|\bwhile\s+(true|:|\[\s*1)|\bhttpd\s+-f"
    r"|http\.server|\bnc\s+-\S*l|\buntil\s+false|\bapache2-foreground|\btop\b|\bcat\s*$|\bwait\s*$"
)
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)([smhd]?)\b")
_EXIT = re.compile(r"(?:^|[;&|\n]\s*)exit\s+(\d+)\s*$")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_WEB_ROOT = "/usr/share/nginx/html"
_UNPRIVILEGED_NGINX = (
    '2026/01/01 00:00:00 [warn] 1#1: the "user" directive makes sense only if the master process runs with '
    "super-user privileges, ignored in /etc/nginx/nginx.conf:2\n"
    'nginx: [warn] the "user" directive makes sense only if the master process runs with super-user '
    "privileges, ignored in /etc/nginx/nginx.conf:2\n"
    'nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (13: Permission denied)\n'
)


# Programs whose output and exit code come from the network, or from where they run.
CLIENTS = frozenset(
    {
        *("curl", "wget", "nslookup", "dig", "host", "getent", "ping", "ip", "ss"),
        *("echo", "printf", "date", "env", "printenv", "hostname", "ls"),
    }
)
_COMMAND = r"(?:^|[;&|(`\n!]|\$\(|\b(?:do|then|else|if|while|until|exec)\b)\s*"  # a command begins after this
_CLIENT = re.compile(_COMMAND + r"(?:curl|wget|nslookup|dig|host|getent|ping|nc)\b")
_TELLING_LOOP = re.compile(r"\b(?:while|until|for)\b.*\bdo\b.*\b(?:echo|printf|date|hostname)\b", re.DOTALL)
_SERVER = re.compile(  # what listens, and what only the image has
    _COMMAND + r"(?:\S*/)?(?:nginx|busybox httpd|httpd|apache2\S*|socat|python[\d.]*|node|java|ruby|perl|php"
    r"|(?:nc|ncat|netcat)\b[^;|&\n]*\s-\w*l)\b"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a container's process. `seconds` None: until it is stopped. `log` is what it leaves
    behind.
    """

    seconds: float | None = None
    exit_code: int = 0
    log: str = ""


def run_of(pod: Manifest, container: Manifest, *, strict: bool) -> Run:
    """How the container's process runs in this pod; `strict` minds file permissions as a real node does."""
    name = image_name(container.get("image", ""))
    if strict and name == "nginx" and _user(pod, container) not in (None, 0):
        return _unprivileged_nginx(container)
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    if not argv:
        return _default_run(name, container)
    if not container.get("command"):
        argv = _with_entrypoint(name, argv)
    return _of_argv(argv, container)


def client_program(container: Manifest) -> list[str] | None:
    """The command of a container of which only a run can tell the outcome: a client, or a script with one in
    it or with a loop that prints. None for servers, and for what waits for somebody to attach.
    """
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    if not argv or container.get("stdin"):
        return None
    if not container.get("command"):
        argv = _with_entrypoint(image_name(container.get("image", "")), argv)
    program = argv[0].rpartition("/")[2]
    script = _script(argv) if program in _SHELLS else None
    return argv if program in CLIENTS or (script is not None and _is_client(script)) else None


def _is_client(script: str) -> bool:
    asks = _CLIENT.search(script) or _TELLING_LOOP.search(script)
    return bool(asks) and not _SERVER.search(script)


def _default_run(name: str, container: Manifest) -> Run:
    if name == "curlimages/curl":
        return Run(0.2, 2, "curl: try 'curl --help' or 'curl --manual' for more information\n")
    return _shell(container) if name in _TOOLS else Run()


def _with_entrypoint(name: str, args: list[str]) -> list[str]:
    if name == "curlimages/curl" and args[0] != "curl":
        return ["curl", *args]
    return args


def _shell(container: Manifest) -> Run:
    """A shell without a script: it lives as long as its standard input."""
    return Run() if container.get("stdin") else Run(0.2)


def _of_argv(argv: list[str], container: Manifest) -> Run:
    if client_program(container) is not None:
        return Run()  # whoever runs it says when it has ended
    program = argv[0].rpartition("/")[2]
    if program in _SHELLS:
        script = _script(argv)
        return _shell(container) if script is None else _of_script(script)
    if program in ("sleep", "exit", "true", "false", "tail", "nc", "cat"):
        return _of_script(shlex.join(argv)) if program != "false" else Run(0.1, 1)
    return Run()


def _script(argv: list[str]) -> str | None:
    """The script after a shell's -c; None when there is none."""
    for place, argument in enumerate(argv[1:], 1):
        if argument.startswith("-") and argument.endswith("c"):
            return argv[place + 1] if place + 1 < len(argv) else ""
    return None


def _of_script(script: str) -> Run:
    plain = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#")).strip()
    log = _echoed(plain)
    if _DAEMON.search(plain):
        return Run(log=log)
    slept = sum(float(number) * _UNITS[unit] for number, unit in _SLEEP.findall(plain))
    left = _EXIT.search(plain)
    code = int(left.group(1)) % 256 if left else 1 if re.search(r"(^|[;&\n]\s*)false\s*$", plain) else 0
    return Run(slept + 0.3, code, log)


def _echoed(script: str) -> str:
    """What a script prints by plain `echo`: words without variables and substitutions, into no file."""
    printed = []
    for statement in re.split(r"[\n;]|&&", script):
        if re.search(r"[$`>|]", statement):
            continue
        try:
            words = shlex.split(statement)
        except ValueError:  # a quote that spans statements
            continue
        if words[:1] == ["echo"]:
            printed.append(" ".join(words[1:]))
    return "".join(f"{line}\n" for line in printed)


def _unprivileged_nginx(container: Manifest) -> Run:
    """nginx:1.25 as another user than root: the web root and the cache belong to root, so it ends at once."""
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    script = _script(argv) if argv else None
    denied = ""
    for number, line in enumerate((script or "").splitlines(), 1):
        written = re.search(rf">\s*({_WEB_ROOT}/\S+)", line)
        if written:
            denied += f"/bin/sh: {number}: cannot create {written.group(1)}: Permission denied\n"
    return Run(0.4, 1, denied + _UNPRIVILEGED_NGINX)


def _user(pod: Manifest, container: Manifest) -> int | None:
    for context in (container.get("securityContext"), pod["spec"].get("securityContext")):
        if context and context.get("runAsUser") is not None:
            return context["runAsUser"]
    return None


def config_error(snapshot_get: Any, pod: Manifest, container: Manifest) -> str:
    """Why the container cannot even be made: root where it is forbidden, a missing ConfigMap or Secret."""
    contexts = [container.get("securityContext") or {}, pod["spec"].get("securityContext") or {}]
    non_root = next((c["runAsNonRoot"] for c in contexts if c.get("runAsNonRoot") is not None), False)
    user, name = _user(pod, container), container["name"]
    metadata = pod["metadata"]
    full_name = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
    who = f'(pod: "{full_name}", container: {name})'
    if non_root and user == 0:
        return f"container's runAsUser breaks non-root policy {who}"
    if non_root and user is None and image_name(container.get("image", "")) in _ROOT_IMAGES:
        return f"container has runAsNonRoot and image will run as root {who}"
    for kind, wanted, key in _references(container):
        found = snapshot_get(kind, pod["metadata"]["namespace"], wanted)
        if found is None:
            return f'{kind.lower()} "{wanted}" not found'
        if key and key not in {**(found.get("data") or {}), **(found.get("binaryData") or {})}:
            return f"couldn't find key {key} in {kind} {pod['metadata']['namespace']}/{wanted}"
    return ""


def _references(container: Manifest) -> list[tuple[str, str, str]]:
    found = []
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = source.get(field)
            if reference and not reference.get("optional"):
                found.append((kind, reference["name"], ""))
    for variable in container.get("env") or ():
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            reference = (variable.get("valueFrom") or {}).get(field)
            if reference and not reference.get("optional"):
                found.append((kind, reference["name"], reference["key"]))
    return found


def stop_seconds(container: Manifest) -> float | None:
    """How long the process takes to end after a SIGTERM; None when it ignores it, as a PID 1 without
    handler.
    """
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    program = argv[0].rpartition("/")[2] if argv else ""
    name = image_name(container.get("image", ""))
    if program in _SHELLS:
        script = _script(argv) or ""
        if container.get("stdinOnce") and not script:
            return (
                0.4  # its one session has ended: the shell that was started again reads the end of its input
            )
        return (
            0.4
            if re.search(r"\bexec\s+\S+(?!.*\bsleep\b)", script) or re.search(r"\btrap\b", script)
            else None
        )
    if program in ("sleep", "tail", "cat") or (not argv and name in _TOOLS):
        return None
    return 0.4


def pre_stop_seconds(container: Manifest) -> float:
    """How long the container's preStop hook holds up its end: a sleep, as a hook or in a command."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if hook.get("sleep"):
        return float(hook["sleep"].get("seconds", 0))
    command = " ".join((hook.get("exec") or {}).get("command") or ())
    return sum(float(number) * _UNITS[unit] for number, unit in _SLEEP.findall(command))
