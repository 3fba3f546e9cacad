"""What a shell is when it starts at a place: which one a name means there, its memory, and its prompt."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from svclab.kube.snapshot import Manifest, Snapshot
from svclab.terminal.machines import Machine, machine_at
from svclab.terminal.places import Location
from svclab.terminal.shell.state import ShellState

NOT_EXECUTABLE = (
    "OCI runtime exec failed: exec failed: unable to start container process: "
    'exec: "{}": executable file not found in $PATH: unknown'
)
HISTORY_FILE = ".bash_history"
_LEARNERS = {"HISTCONTROL": "ignoreboth", "HISTSIZE": "1000", "HISTFILESIZE": "2000"}  # Debian's .bashrc


def is_interactive_shell(argv: list[str]) -> bool:
    """Whether these words start a shell that waits for commands."""
    name = argv[0].rpartition("/")[2]
    return name in ("bash", "sh", "ash", "zsh", "dash") and all(
        word.startswith("-") and "c" not in word.lstrip("-")[:1] for word in argv[1:]
    )


def flavour_of(location: Location, shell: str) -> str:
    """Which shell a name starts at a place: "bash", "ash" (busybox) or "dash" (Debian's sh)."""
    if location.toolset in ("busybox", "alpine", "curl"):
        return "ash"
    if shell in ("sh", "dash") and location.toolset != "netshoot":
        return "dash"
    return "ash" if shell in ("sh", "ash") else "bash"


def new_state(
    location: Location,
    shell: str,
    snapshot: Snapshot,
    found: Iterable[Manifest] | None,
    *,
    interactive: bool = False,
) -> ShellState:
    """The memory of a shell that starts at a place; `found`: the Services that its container found when it
    started, where known. Raises KeyError where the place is gone.
    """
    machine = machine_at(location, snapshot, found)
    flavour = flavour_of(location, shell)
    state = ShellState(name=shell, cwd=machine.cwd, interactive=interactive, flavour=flavour)
    state.variables |= machine.environment
    state.exported |= set(machine.environment)
    state.variables["PS1"] = machine.prompt(flavour)
    state.variables |= {"PWD": machine.cwd, "IFS": " \t\n"}
    state.exported.add("PWD")
    if interactive:
        state.options.add("expand_aliases")
    if interactive and flavour == "bash":
        state.variables["HISTFILE"] = f"{machine.home.rstrip('/')}/{HISTORY_FILE}"
    if location.kind == "laptop":
        state.aliases["k"] = "kubectl"
        if interactive:
            state.variables |= _LEARNERS
    return state


def prompt(state: ShellState, machine: Machine, now: datetime) -> str:
    """The text before the cursor: PS1 with its backslash sequences replaced."""
    home = machine.home
    cwd = (
        "~" + state.cwd[len(home) :] if f"{state.cwd}/".startswith(home + "/") and home != "/" else state.cwd
    )
    known = {
        "u": machine.user,
        "h": machine.hostname,
        "H": machine.hostname,
        "w": cwd if state.flavour == "bash" or cwd == "~" else state.cwd,
        "W": "~" if cwd == "~" else state.cwd.rpartition("/")[2] or "/",
        "$": "#" if machine.uid == 0 else "$",
        "s": "bash",
        "n": "\n",
        "t": now.astimezone(UTC).strftime("%H:%M:%S"),
        "[": "",
        "]": "",
        "\\": "\\",
        "e": "\x1b",
    }
    template = state.get("PS1") or "$ "
    return re.sub(r"\\(033|.)", lambda m: "\x1b" if m[1] == "033" else known.get(m[1], m[0]), template)
