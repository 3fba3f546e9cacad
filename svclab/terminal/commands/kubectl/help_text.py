"""Help for kubectl and its commands: written from the table of commands and flags."""

from svclab.terminal.commands.kubectl.flags import GLOBAL_FLAGS, Flag
from svclab.terminal.commands.kubectl.verbs import Verb, aliases_of, below

_FOOTER = 'Use "kubectl options" for a list of global command-line options (applies to all commands).\n'
GROUPS = (
    ("Basic Commands (Beginner)", ("create", "expose", "run", "set")),
    ("Basic Commands (Intermediate)", ("explain", "get", "edit", "delete")),
    ("Deploy Commands", ("rollout", "scale", "autoscale")),
    (
        "Cluster Management Commands",
        ("certificate", "cluster-info", "top", "cordon", "uncordon", "drain", "taint"),
    ),
    (
        "Troubleshooting and Debugging Commands",
        ("describe", "logs", "attach", "exec", "port-forward", "proxy", "cp", "auth", "debug", "events"),
    ),
    ("Advanced Commands", ("diff", "apply", "patch", "replace", "wait", "kustomize")),
    ("Settings Commands", ("label", "annotate", "completion")),
    ("Other Commands", ("api-resources", "api-versions", "config", "plugin", "version")),
)


def overview() -> str:
    """What `kubectl` alone prints."""
    known = {verb.name: verb for verb in below("")}
    lines = ["kubectl talks to the cluster's API server. Every command here is a request or a few.\n"]
    for title, names in GROUPS:
        lines.append(f"{title}:")
        lines += [f"  {name:<15} {known[name].summary}" for name in names if name in known]
        lines.append("")
    lines.append("Usage:\n  kubectl [flags] [options]\n")
    lines.append('Use "kubectl <command> --help" for more information about a given command.')
    return "\n".join(lines) + "\n" + _FOOTER


def of_command(verb: Verb) -> str:
    """What `kubectl COMMAND --help` prints."""
    lines = [verb.summary + "."]
    if names := aliases_of(verb.name):
        lines += ["", "Aliases:", ", ".join([_last(verb.name), *map(_last, names)])]
    if verb.examples:
        lines += ["", "Examples:", *(f"  {example}" for example in verb.examples)]
    subcommands = below(verb.name)
    if subcommands:
        width = max(11, *(len(_last(sub.name)) for sub in subcommands)) + 3
        lines += ["", "Available Commands:"]
        lines += [f"  {_last(sub.name):<{width}}{sub.summary}" for sub in subcommands]
    if verb.flags:
        lines += ["", "Options:", *(_flag(flag) for flag in sorted(verb.flags, key=lambda flag: flag.name))]
    lines += ["", "Usage:", f"  kubectl {verb.usage or verb.name + ' [options]'}", ""]
    if subcommands:
        lines.append(
            f'Use "kubectl {verb.name} <command> --help" for more information about a given command.'
        )
    return "\n".join(lines) + "\n" + _FOOTER


def options() -> str:
    """What `kubectl options` prints."""
    lines = ["The following options can be passed to any command:", ""]
    lines += [_flag(flag) for flag in sorted(GLOBAL_FLAGS, key=lambda flag: flag.name)]
    return "\n".join(lines) + "\n"


def _flag(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else ""
    zero = flag.zero
    match flag.kind:
        case "bool":
            shown = str(zero).lower()
        case "string":
            shown = f"'{zero}'"
        case "duration":
            shown = f"{zero:g}s"
        case _:
            shown = str(zero)
    return f"    {short}--{flag.name}={shown}:\n\t{flag.help}\n"


def _last(name: str) -> str:
    return name.rpartition(" ")[2]
