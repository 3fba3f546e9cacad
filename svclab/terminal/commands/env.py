"""env, printenv, hostname, whoami, id, uname, which, basename, dirname, arch, nproc: who and where am I."""

import re

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command, find_command, is_installed
from svclab.terminal.machines import machine_at, pod_of


@command("env")
def env(context: Context, argv: list[str]) -> int:
    """Prints the environment, or runs a command with more variables."""
    given, words = options(argv, "iu:0", ("ignore-environment", "unset=", "null"), permute=False)
    flags = dict(given)
    added: dict[str, str] = {}
    if words[:1] == ["-"]:
        words, flags["-i"] = words[1:], ""
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        added[name] = value
    gone = {value for flag, value in given if flag in ("-u", "--unset")}
    if {"-i", "--ignore-environment"} & flags.keys():
        gone = set(context.env)
    if words:
        if "/" not in words[0] and not is_installed(words[0], context.location):
            return context.fail(f"env: \u2018{words[0]}\u2019: No such file or directory", 127)
        return context.run(words, env=added, without=gone - added.keys())
    for name, value in ({n: v for n, v in context.env.items() if n not in gone} | added).items():
        context.stdout.write(f"{name}={value}" + ("\0" if {"-0", "--null"} & flags.keys() else "\n"))
    return 0


@command("printenv")
def printenv(context: Context, argv: list[str]) -> int:
    """Prints the environment, or the named variables."""
    missing = False
    for name in argv or context.env:
        missing = missing or name not in context.env
        if name in context.env:
            context.print(context.env[name] if argv else f"{name}={context.env[name]}")
    return int(missing)


def addresses(context: Context) -> list[str]:
    """This place's own addresses, the loopback's left out."""
    snapshot = context.cluster.snapshot()
    match context.location.kind:
        case "pod":
            status = pod_of(context.location, snapshot).get("status") or {}
            return [each["ip"] for each in status.get("podIPs") or ()] or [status.get("podIP", "127.0.0.1")]
        case "node":
            node = snapshot.get("Node", "", context.location.name) or {}
            found = [
                a["address"]
                for a in (node.get("status") or {}).get("addresses") or ()
                if a["type"] == "InternalIP"
            ]
            cidrs = (node.get("spec") or {}).get("podCIDRs") or ()
            return found + [re.sub(r"\.\d+/\d+$", ".1", cidr) for cidr in cidrs if "." in cidr]
        case _:
            return ["192.0.2.50"]


@command("hostname")
def hostname(context: Context, argv: list[str]) -> int:
    """Prints this machine's name; -i its address, -I all of them, -f the full name."""
    given, _ = options(argv, "iIfsd", ("ip-address", "all-ip-addresses", "fqdn", "short"))
    flags = {name for name, _ in given}
    name = machine_at(context.location, context.cluster.snapshot()).hostname
    if flags & {"-I", "--all-ip-addresses"}:
        context.print(" ".join(addresses(context)) + " ")
    elif flags & {"-i", "--ip-address"}:
        context.print(" ".join(addresses(context)[:1]))
    else:
        context.print(name.partition(".")[0] if flags & {"-s", "--short"} else name)
    return 0


@command("whoami")
def whoami(context: Context, argv: list[str]) -> int:
    """Prints the user's name."""
    machine = machine_at(context.location, context.cluster.snapshot())
    if machine.user.startswith("I have"):
        return context.fail(f"whoami: cannot find name for user ID {machine.uid}")
    context.print(machine.user)
    return 0


@command("id")
def id_(context: Context, argv: list[str]) -> int:
    """Prints the user's number and groups; -u the number alone."""
    given, _ = options(argv, "ugnG")
    machine = machine_at(context.location, context.cluster.snapshot())
    flags = {name for name, _ in given}
    name = "" if machine.user.startswith("I have") else f"({machine.user})"
    if flags & {"-u", "-g", "-G"}:
        context.print(machine.user if "-n" in flags and name else str(machine.uid))
    else:
        context.print(f"uid={machine.uid}{name} gid={machine.uid}{name} groups={machine.uid}{name}")
    return 0


@command("uname")
def uname(context: Context, argv: list[str]) -> int:
    """Prints the kernel's name and version."""
    given, _ = options(argv, "asnrvmo")
    flags = {name for name, _ in given} or {"-s"}
    host = machine_at(context.location, context.cluster.snapshot()).hostname
    parts = {
        "-s": "Linux",
        "-n": host,
        "-r": "6.18.0",
        "-v": "#1 SMP PREEMPT_DYNAMIC",
        "-m": "x86_64",
        "-o": "GNU/Linux",
    }
    context.print(" ".join(text for flag, text in parts.items() if flag in flags or "-a" in flags))
    return 0


@command("which")
def which(context: Context, argv: list[str]) -> int:
    """Prints where programs are."""
    status = 0
    for name in argv:
        if find_command(name, context.location.toolset) or name in (
            "echo",
            "printf",
            "true",
            "false",
            "test",
            "pwd",
        ):
            context.print(f"/usr/bin/{name}")
        else:
            status = 1
    return status


@command("basename")
def basename(context: Context, argv: list[str]) -> int:
    """Prints the last part of a path, without a suffix if one is given."""
    if not argv:
        raise Usage("missing operand", 1, hint=True)
    name = argv[0].rstrip("/").rpartition("/")[2] or "/"
    context.print(name.removesuffix(argv[1]) if len(argv) > 1 and name != argv[1] else name)
    return 0


@command("dirname")
def dirname(context: Context, argv: list[str]) -> int:
    """Prints a path without its last part."""
    if not argv:
        raise Usage("missing operand", 1, hint=True)
    for path in argv:
        head, slash, _ = path.rstrip("/").rpartition("/")
        context.print(head or ("/" if slash else "."))
    return 0


@command("help", places={"laptop"})
def help_(context: Context, argv: list[str]) -> int:
    """Says what there is to use in this terminal."""
    context.print("This is a simulated terminal of your own cluster. Some of what works here:")
    context.print("  kubectl (also k), curl, dig, nslookup, ping, ssh node1, watch, grep, awk, sed, jq, vi")
    context.print("  pipes, loops, functions, here-documents: the language of bash")
    context.print("  kubectl run debug --image=nicolaka/netshoot --rm -it -- bash   opens a shell in a pod")
    return 0
