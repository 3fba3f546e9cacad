"""One learner's terminal: where she is, what her shells remember, and the running of one command line.

The session starts on the laptop. `kubectl exec -it`, `kubectl run -it` and `ssh` push a place on top; `exit`
pops it. What a pushed place hides goes on waiting: in `kubectl exec -it x -- bash; echo done` the echo runs
after the exit.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from svclab.apiserver import dispatch
from svclab.cluster import dataplane, outage, starts
from svclab.terminal import historyfile, shells
from svclab.terminal.commands.registry import Context, is_installed
from svclab.terminal.completion import complete
from svclab.terminal.files import Files, Store
from svclab.terminal.learner_files import LearnerFiles
from svclab.terminal.machines import machine_at, system_files
from svclab.terminal.pageeditor import PageEditor
from svclab.terminal.places import LAPTOP, Location
from svclab.terminal.process import Process, Stopped, a_moment
from svclab.terminal.shell import calls
from svclab.terminal.shell.grammar import needs_more, whole_commands
from svclab.terminal.shell.history import History, NotFound, expanded
from svclab.terminal.shell.interpreter import Interpreter
from svclab.terminal.shell.jobs import Jobs
from svclab.terminal.shell.lexer import without_here_documents
from svclab.terminal.shell.parser import parse
from svclab.terminal.shell.redirection import Descriptors
from svclab.terminal.shell.state import Discard, Exit, ShellState
from svclab.terminal.shell.syntax import Node, Sequence, ShellSyntaxError
from svclab.terminal.shells import NOT_EXECUTABLE, is_interactive_shell
from svclab.terminal.streams import BrokenPipe, Input, Output

MAX_PLACES = 10
MAX_LINE = 64 * 1024  # characters of one command line
_log = logging.getLogger(__name__)

OnExit = Callable[[Context, int], int]


class TerminalInput(Input):
    """What is typed while a command runs; this one is at its end at once."""

    def isatty(self) -> bool:
        return True


@dataclass(slots=True)
class Place:
    """A shell at a place, what to do when it ends, and what waits for that."""

    location: Location
    state: ShellState
    history: History
    on_exit: OnExit | None = None
    waiting: list[tuple[Node, bool]] = field(default_factory=list)
    pod_uid: str = ""


@dataclass(frozen=True, slots=True)
class Wires:
    """How a session reaches its cluster."""

    send: Callable[..., Any] = dataplane.send
    api: Callable[..., Any] = dispatch.handle
    services_at_start: Callable[..., Any] = starts.services  # (cluster id, pod, container)


WIRES = Wires()


class Session:
    """A terminal of one learner's cluster. Not for several threads at once, apart from `cancelled`."""

    def __init__(
        self,
        cluster: Any,
        session_id: str = "",
        *,
        rows: int = 24,
        columns: int = 80,
        location: Location = LAPTOP,
        shell: str = "bash",
        wires: Wires = WIRES,
        store: Store | None = None,
        hurried: bool = False,
    ) -> None:
        """`hurried`: whoever waits (sleep, kubectl wait) pushes the cluster's clock instead."""
        self.hurried = hurried
        self.cluster, self.session_id = cluster, session_id
        self.rows, self.columns = rows, columns
        self.wires = wires
        self.started = monotonic()
        self.pid = 1 + secrets.randbelow(30000)
        self.jobs = Jobs()
        self.closed = False
        self._history_kept = threading.Lock()
        self._discarded = False  # the rest of the line is not to be run
        self.flows: list[Any] = []  # ids of the traces that the last command line caused
        self.background_flows: list[Any] = []
        self.editor = PageEditor()
        # ports of the laptop that kubectl port-forward listens on, with the namespace, pod and port behind
        self.listeners: dict[int, Any] = {}
        self._store = store or LearnerFiles(cluster.id)
        self._files: dict[Location, Files] = {}
        self.places = [self._place(location, shell)]

    # -- what the page asks ----------------------------------------------------------------------------------

    @property
    def location(self) -> Location:
        """Where commands run now; `str()` of it is "laptop", "pod/NS/NAME" or "node/NAME"."""
        return self.places[-1].location

    @property
    def status(self) -> int:
        """`$?` of the current shell."""
        return self.places[-1].state.status

    def prompt(self) -> str:
        """The text before the cursor."""
        machine = machine_at(self.location, self.cluster.snapshot())
        return shells.prompt(self.places[-1].state, machine, self.cluster.now())

    @property
    def history(self) -> list[str]:
        """The lines typed into the current shell, the newest last."""
        return self.places[-1].history.lines

    @property
    def pastes(self) -> bool:
        """Whether the current shell asks the terminal to mark what is pasted."""
        return self.places[-1].state.flavour == "bash"

    def needs_more(self, text: str) -> bool:
        """Whether `text` is not yet a whole command (an open quote, loop or here-document)."""
        return needs_more(text)

    def complete(self, line: str, cursor: int | None = None) -> list[str]:
        """Whole words that could stand at the cursor in place of the word there."""
        at = len(line) if cursor is None else cursor
        shell = self._interpreter(Process(time_limit_seconds=2.0), _silent())
        return complete(shell, line[:at])

    def run(
        self,
        line: str,
        out: Callable[[str], object],
        *,
        cancelled: Callable[[], bool] = bool,
        err: Callable[[str], object] | None = None,
        stdin: Input | None = None,
        tty: bool = True,
    ) -> int:
        """Run what was typed (one line or several); blocks until it has ended, and gives `$?`.

        Output streams to `out` (errors to `err`, by default to `out` too). `cancelled` is asked often.
        """
        with self._streams(out, err, stdin, cancelled, tty=tty) as (process, descriptors):
            return self._run_typed(line, process, descriptors)

    def execute(
        self,
        argv: list[str],
        out: Callable[[str], object],
        *,
        cancelled: Callable[[], bool] = bool,
        err: Callable[[str], object] | None = None,
        stdin: Input | None = None,
        tty: bool = False,
        process: Process | None = None,
    ) -> int:
        """Run one program with its arguments, as `kubectl exec POD -- argv…` does; gives its exit code."""
        with self._streams(out, err, stdin, cancelled, tty=tty, process=process) as (process, descriptors):
            self.places[-1].state.interactive = False
            self._guarded(lambda shell: calls.call(shell, argv), process, descriptors)
            return self.status

    @contextmanager
    def _streams(
        self,
        out: Callable[[str], object],
        err: Callable[[str], object] | None,
        stdin: Input | None,
        cancelled: Callable[[], bool],
        *,
        tty: bool,
        process: Process | None = None,
    ) -> Iterator[tuple[Process, Descriptors]]:
        """A process with its standard streams; afterwards `flows` are the traces that it caused."""
        process = process or Process(cancelled, idle=self._push_clock if self.hurried else a_moment)
        self.cluster.advance()

        def sink(write: Callable[[str], object]) -> Output:
            def counted(text: str) -> None:
                process.count_output(text)
                write(text)

            return Output(counted, tty=tty)

        try:
            yield process, {0: stdin or TerminalInput(), 1: sink(out), 2: sink(err or out)}
        finally:
            self.flows = [*process.flows, *self.background_flows]
            self.background_flows = []

    def _push_clock(self, _: object) -> None:
        self.cluster.set_clock(lambda clock, real: clock.step(0.5, real))
        self.cluster.advance()

    def close(self) -> None:
        """The learner is gone: background commands end, and the places are left."""
        self.closed = True
        self.jobs.end_all()
        while len(self.places) > 1:
            self._leave(137, Process(), _silent())
        self.keep_history()

    # -- running ---------------------------------------------------------------------------------------------

    def _run_typed(self, text: str, process: Process, descriptors: Descriptors) -> int:
        if len(text) > MAX_LINE:
            return self._say(descriptors, f"svclab: a command may have {MAX_LINE:,} characters", 1)
        try:
            lines = whole_commands(text)
        except RecursionError:
            return self._say(descriptors, "bash: syntax error: nested too deeply", 2)
        for line in lines:
            try:
                found = expanded(line, self.history)
            except NotFound as missing:
                return self._say(descriptors, f"bash: {missing}", 1)
            if found.text != line:
                self._say(descriptors, found.text, 0)
            self._note(found.text)
            if found.only_shown:
                continue
            self._run_whole(found.text, process, descriptors)
            if process.is_cancelled() or self.closed:
                break
        for news in self.jobs.news():
            self._say(descriptors, news, 0)
        return self.status

    def _note(self, line: str) -> None:
        place = self.places[-1]
        place.history.note(line, place.state.get("HISTCONTROL") or "")

    def _say(self, descriptors: Descriptors, text: str, status: int) -> int:
        stream = descriptors[2]
        assert isinstance(stream, Output)
        stream.write(text + "\n")
        self.places[-1].state.status = status or self.places[-1].state.status
        return status

    def _run_whole(self, line: str, process: Process, descriptors: Descriptors) -> None:
        if not self._still_there(process, descriptors):
            return
        try:
            node = parse(line)
            for at, wanted in without_here_documents(line).unfinished:
                where = f"here-document at line {1 + line.count(chr(10), 0, at)} delimited by end-of-file"
                self._say(descriptors, f"bash: warning: {where} (wanted `{wanted}')", 0)
        except ShellSyntaxError as error:
            self._say(descriptors, self.places[-1].state.refusal(error), 2)
            return
        items = list(node.items) if isinstance(node, Sequence) else [(node, False)]
        self._run_items(items, process, descriptors)

    def _run_items(self, items: list[tuple[Node, bool]], process: Process, descriptors: Descriptors) -> None:
        """Run commands one by one; when one of them enters a place, the others wait for its end."""
        while items:
            item, *items = items
            depth = len(self.places)
            self._guarded(lambda shell, item=item: shell.run(Sequence((item,))), process, descriptors)
            if self._discarded:
                return
            if len(self.places) > depth:
                self.places[-1].waiting = items
                return
            if len(self.places) < depth or self.closed:
                return

    def _guarded(
        self, body: Callable[[Interpreter], int], process: Process, descriptors: Descriptors
    ) -> None:
        """Run one command; whatever happens in it ends it alone."""
        state = self.places[-1].state
        shell = self._interpreter(process, descriptors)
        self._discarded = False
        try:
            with process.at_end:
                state.status = body(shell)
        except Discard:
            self._discarded = True
        except Exit as ended:
            self._exit(ended.status, process, descriptors)
        except Stopped as stopped:
            self._discarded = True
            state.status = stopped.status
            if stopped.message:
                self._say(descriptors, stopped.message, stopped.status)
        except BrokenPipe:
            state.status = 141
        except Exception as error:
            if words := outage.words_of(error):
                _log.warning("a command was not served: %s", error)
                self._say(descriptors, f"svclab: {words}", 75)  # EX_TEMPFAIL
                return
            number = secrets.token_hex(4)
            _log.exception("a command failed (%s)", number)
            self._say(descriptors, f"svclab: sorry, this command failed inside svclab (error {number})", 70)

    def _exit(self, status: int, process: Process, descriptors: Descriptors) -> None:
        if self.places[-1].state.flavour == "bash" and self.places[-1].state.interactive:
            self._say(descriptors, "exit", 0)
        if len(self.places) == 1:
            self.places[-1].state.status = status
            self.closed = True
            self.jobs.end_all()
            return
        self._leave(status, process, descriptors)

    def _leave(self, status: int, process: Process, descriptors: Descriptors) -> None:
        """Back to the place before; its waiting commands run now."""
        self.keep_history()
        left = self.places.pop()
        shell = self._interpreter(process, descriptors)
        if left.on_exit:
            status = left.on_exit(calls.context(shell, ["exit"]), status)
        self.places[-1].state.status = status
        if not self.closed:
            self._run_items(left.waiting, process, descriptors)

    def _still_there(self, process: Process, descriptors: Descriptors) -> bool:
        """Whether the current place exists; a shell in a pod that was deleted ends with status 137."""
        place = self.places[-1]
        if not place.pod_uid:
            return True
        pod = self.cluster.snapshot().get("Pod", place.location.namespace, place.location.name)
        if pod is not None and pod["metadata"].get("uid", "") == place.pod_uid:
            return True
        self._leave(137, process, descriptors)
        return False

    def _interpreter(self, process: Process, descriptors: Descriptors) -> Interpreter:
        place = self.places[-1]
        return Interpreter(self, place.location, place.state, process, dict(descriptors))

    # -- places ----------------------------------------------------------------------------------------------

    def files(self, location: Location) -> Files:
        """The files of a place."""
        if location not in self._files:
            store = self._store if location.kind == "laptop" else None
            home = machine_at(location, self.cluster.snapshot()).home
            self._files[location] = Files(
                system_files(location, self.cluster.snapshot), store, (home, "/home")
            )
        return self._files[location]

    def _place(self, location: Location, shell: str, on_exit: OnExit | None = None) -> Place:
        pod = self.cluster.snapshot().get("Pod", location.namespace, location.name)
        uid = pod["metadata"].get("uid", "") if pod and location.kind == "pod" else ""
        state = self.new_state(location, shell, interactive=True)
        path = state.get("HISTFILE")
        history = historyfile.load(self.files(location), path) if path else History()
        return Place(location, state, history, on_exit, pod_uid=uid)

    def keep_history(self) -> None:
        """Write down the lines that were typed since the last time."""
        place = self.places[-1]
        with self._history_kept:  # who comes second finds it written
            if (path := place.state.get("HISTFILE")) and place.history.fresh:
                historyfile.save(self.files(place.location), path, place.history)

    def new_state(self, location: Location, shell: str, *, interactive: bool = False) -> ShellState:
        """The memory of a shell that starts at a place. Raises KeyError where the place is gone."""
        snapshot = self.cluster.snapshot()
        pod = snapshot.get("Pod", location.namespace, location.name) if location.kind == "pod" else None
        found = self.wires.services_at_start(self.cluster.id, pod, location.container) if pod else None
        return shells.new_state(location, shell, snapshot, found, interactive=interactive)

    def enter(
        self,
        context: Context,
        location: Location,
        argv: list[str],
        *,
        stdin: bool,
        tty: bool,
        on_exit: OnExit | None,
    ) -> int:
        """What `Context.enter` does."""
        name = argv[0].rpartition("/")[2]
        interactive = is_interactive_shell(argv) and stdin and tty and context.stdin.isatty()
        if interactive and context.stdout.isatty() and is_installed(argv[0], location):
            if len(self.places) >= MAX_PLACES:
                return context.fail(f"svclab: no more than {MAX_PLACES} shells inside one another")
            self.places.append(self._place(location, name, on_exit))
            return 0
        if not is_installed(argv[0], location):
            context.fail(NOT_EXECUTABLE.format(argv[0]))
            return on_exit(context, 126) if on_exit else 126
        state = self.new_state(location, name)
        descriptors: Descriptors = {
            0: context.stdin if stdin else Input(),
            1: context.stdout,
            2: context.stderr,
        }
        shell = Interpreter(self, location, state, context.process, descriptors)
        state.name = "bash"
        status = calls.ended(lambda: calls.call(shell, argv))
        return on_exit(context, status) if on_exit else status


def _silent() -> Descriptors:
    return {0: Input(), 1: Output(lambda _: None), 2: Output(lambda _: None)}
