"""The one registry of the terminal's programs, and the Context in which a program runs.

A command is a function `(context, argv) -> exit code`; `argv` are its arguments, without its own name
(`context.name` has that). It is registered for the places in which it is installed:

    @command("curl", places={"laptop", "node", "netshoot"})
    def curl(context: Context, argv: list[str]) -> int: ...

Places are "laptop", "node" and the toolsets of images in `svclab.terminal.places`. Every module in this
package (and in its sub-packages) is imported before the first look-up: a new file is all that a command
needs.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from svclab.kube.webserver import HttpResponse, web_response
from svclab.terminal import commands as _package
from svclab.terminal.machines import is_there
from svclab.terminal.places import TOOLSETS, Location
from svclab.terminal.process import Process
from svclab.terminal.shell.state import Exit
from svclab.terminal.streams import Input, Output

if TYPE_CHECKING:
    from svclab.terminal.session import Session

Command = Callable[["Context", list[str]], int]
Completer = Callable[["Context", list[str], str], list[str]]  # words before the cursor's, the word so far

EVERYWHERE = frozenset(TOOLSETS - {"scratch"})
_commands: dict[str, dict[str, Command]] = {}
_completers: dict[str, Completer] = {}


class Usage(Exception):
    """A command was called wrongly: printed after its name; `status` is the exit code, `hint` whether GNU's
    programs say where to look (svclab.terminal.commands.usage).
    """

    def __init__(self, message: str, status: int = 2, *, hint: bool = False) -> None:
        super().__init__(message)
        self.status, self.hint = status, hint


class BadOption(Usage):
    """An option that the command does not have, or one without its value."""


def command(*names: str, places: Iterable[str] = EVERYWHERE) -> Callable[[Command], Command]:
    """Registers a function as the program of these names in these places."""
    known = frozenset(places)
    if unknown := known - TOOLSETS:
        raise ValueError(f"no such place: {', '.join(sorted(unknown))}")

    def register(function: Command) -> Command:
        for name in names:
            for place in known:
                if place in _commands.setdefault(name, {}):
                    raise ValueError(f"{name} is registered twice for {place}")
                _commands[name][place] = function
        return function

    return register


def completer(name: str) -> Callable[[Completer], Completer]:
    """Registers a function that completes the arguments of `name`.

    It gets the words before the one at the cursor (the command's name first) and the part of the word that is
    typed, and returns whole words that could stand there.
    """

    def register(function: Completer) -> Completer:
        _completers[name] = function
        return function

    return register


@cache
def load_commands() -> None:
    """Import every program: the first look-up does it, or the server before anybody types."""
    for module in pkgutil.walk_packages(_package.__path__, _package.__name__ + "."):
        importlib.import_module(module.name)


def find_command(name: str, place: str) -> Command | None:
    """The program of this name in a place, or None: "command not found"."""
    load_commands()
    return _commands.get(name, {}).get(place)


def find_completer(name: str) -> Completer | None:
    """The function that completes the arguments of `name`, if there is one."""
    load_commands()
    return _completers.get(name)


# Builtins of the shell that are programs too, so that `kubectl exec x -- echo hi` finds them.
ALSO_PROGRAMS = frozenset({"echo", "printf", "true", "false", "test", "[", "pwd", "kill"})


def is_installed(name: str, location: Location) -> bool:
    """Whether `kubectl exec … -- name` finds a program at this place."""
    if location.toolset == "scratch":
        return False
    base = name.rpartition("/")[2]
    return base in ALSO_PROGRAMS or find_command(base, location.toolset) is not None


def command_names(place: str) -> list[str]:
    """All programs of a place, in order of name."""
    load_commands()
    return sorted(name for name, places in _commands.items() if place in places)


@dataclass(slots=True)
class Context:
    """What a program has at hand. Its stdout and stderr take text; its return value is its exit code."""

    session: "Session"
    location: Location
    process: Process
    stdin: Input
    stdout: Output
    stderr: Output
    env: dict[str, str]  # exported variables
    cwd: str
    name: str = ""  # the name under which the program was called
    run: Callable[..., int] = field(default=lambda *_: 127)  # run(argv, stdin=, stdout=, stderr=, env=)

    @property
    def cluster(self) -> Any:
        """The learner's cluster (svclab.cluster.store.ClusterHandle)."""
        return self.session.cluster

    @property
    def files(self) -> Any:
        """The files of this place; paths are absolute (`path` makes them so)."""
        return self.session.files(self.location)

    @property
    def columns(self) -> int:
        """The terminal's width in characters."""
        return self.session.columns

    def path(self, name: str) -> str:
        """`name` as an absolute path, seen from the working directory."""
        parts: list[str] = []
        whole = name if name.startswith("/") else f"{self.cwd}/{name}"
        for part in whole.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)

    def print(self, text: str = "") -> None:
        """Write one line to standard output."""
        self.stdout.write(text + "\n")

    def fail(self, text: str, status: int = 1) -> int:
        """Write one line to standard error; gives `status`, so that a command can `return
        context.fail(…)`.
        """
        self.stderr.write(text + "\n")
        return status

    def now(self) -> datetime:
        """The cluster's virtual time."""
        return self.cluster.now()

    def sleep(self, seconds: float) -> None:
        """Wait `seconds` of the cluster's virtual time. Raises Stopped when cancelled."""
        until = self.now() + timedelta(seconds=seconds)
        if seconds > 0:
            self.process.wait(lambda: self.now() >= until, until)
            self.cluster.advance()

    def cancelled(self) -> bool:
        """Whether the learner pressed Ctrl-C. Long-running commands return 130 when it is so."""
        return self.process.is_cancelled()

    def check(self) -> None:
        """Raises Stopped when the command must end (cancelled, or its time is over)."""
        self.process.check()

    def send(self, request: Any, origin: str = "terminal") -> Any:
        """Perform one request (svclab.kube.request.Request, or a NameTool); gives the TraceRecord.

        The trace belongs to the flows that the command line caused. Raises Exit where the pod that the
        command runs in is gone: its processes were killed.
        """
        self.process.check()
        self.process.pace(1)
        try:
            record = self.session.wires.send(self.cluster, request, origin)
        except KeyError:
            if is_there(self.location, self.cluster.snapshot()):
                raise
            raise Exit(137) from None
        self.process.flows.append(record.id)
        return record

    def served(self, host: str, path: str, port: int, method: str) -> HttpResponse:
        """What the web server at a port of a host answers on a connection that stands."""
        found = partial(self.session.wires.services_at_start, self.cluster.id)
        snapshot = self.cluster.snapshot()
        return web_response(snapshot, host, path, port=port, now=self.now(), method=method, found=found)

    def api(self, request: Any) -> Any:
        """Ask the cluster's API server (svclab.apiserver.dispatch.ApiRequest); gives ApiResponse or Watch."""
        self.process.check()
        return self.session.wires.api(self.cluster, request)

    def enter(
        self,
        location: Location,
        argv: list[str],
        *,
        stdin: bool = True,
        tty: bool = True,
        on_exit: Callable[["Context", int], int] | None = None,
    ) -> int:
        """Run `argv` in another place (kubectl exec, kubectl run, ssh) and give its exit code.

        An interactive shell (`bash` with stdin and tty, called from the terminal) becomes the session's
        current place: this returns 0 at once, and `on_exit(context, code)` is called when the learner leaves
        it. In all other cases `on_exit` is called before this returns. What it returns is the final exit
        code.
        """
        return self.session.enter(self, location, argv, stdin=stdin, tty=tty, on_exit=on_exit)

    def edit(self, title: str, text: str) -> str | None:
        """Let the learner edit `text` in the page; gives the new text, or None when she closes the editor.

        Raises Usage where this terminal has no page (a shell opened by somebody's own kubectl).
        """
        return self.session.editor.edit(self.process, title, text)

    def with_(self, **changes: Any) -> "Context":
        """This context with some things replaced."""
        return replace(self, **changes)
