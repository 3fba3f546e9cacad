"""Runs programs: the shell's evaluator over svclab.terminal.shell.syntax. Source: bash 5.2 manual, chapter
3.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING

from svclab.terminal.commands.registry import Context
from svclab.terminal.places import Location
from svclab.terminal.process import Process, Stopped
from svclab.terminal.shell import calls, patterns, syntax, xtrace
from svclab.terminal.shell.builtins import traps
from svclab.terminal.shell.double_bracket import DoubleBracket, FileTestsHere
from svclab.terminal.shell.expansion import Expander
from svclab.terminal.shell.jobs import BACKGROUND_LIMIT_SECONDS, Job, TooManyJobs
from svclab.terminal.shell.lexer import without_here_documents
from svclab.terminal.shell.listing import command_text
from svclab.terminal.shell.menu import select
from svclab.terminal.shell.parser import parse
from svclab.terminal.shell.redirection import Descriptors
from svclab.terminal.shell.special import value_of
from svclab.terminal.shell.state import Exit, LoopControl, ShellError, ShellState
from svclab.terminal.shell.syntax import Node, ShellSyntaxError
from svclab.terminal.streams import Input, Output, Pipe
from svclab.terminal.turns import in_thread

if TYPE_CHECKING:
    from svclab.terminal.session import Session

_MAX_CAPTURE = 4 * 1024 * 1024  # characters of a command substitution


@dataclass(slots=True)
class Interpreter:
    """Runs nodes in one shell at one place; `descriptors` are its standard streams."""

    session: "Session"
    location: Location
    state: ShellState
    process: Process
    descriptors: Descriptors
    expander: Expander = field(init=False)
    substitutions: int = 0  # command substitutions around this shell
    _process_files: int = 0
    _conditions: int = 0  # > 0: a failing command does not end a `set -e` shell

    def __post_init__(self) -> None:
        self.expander = Expander(
            self.state, self._capture, self._process_substitution, self._names_in, self._special
        )

    # -- entry points ----------------------------------------------------------------------------------------

    def run_text(self, text: str) -> int:
        """Parse and run a program; errors of syntax are printed, after the commands before them have run."""
        try:
            node = parse(text)
        except ShellSyntaxError as error:
            if error.commands_before:
                self.run(parse(text[: error.commands_before]))
            self.say(self.state.refusal(error))
            self.state.status = 2
            return 2
        self._warn_of_open_documents(text)
        return self.run(node)

    def _warn_of_open_documents(self, text: str) -> None:
        if "<<" not in text or self.state.flavour != "bash":
            return
        for start, delimiter in without_here_documents(text).unfinished:
            self.state.line = text.rstrip("\n").count("\n") + 1
            first = text.count("\n", 0, start) + 1
            self.complain(
                f"warning: here-document at line {first} delimited by end-of-file (wanted `{delimiter}')"
            )

    def run(self, node: Node) -> int:
        """Run one node; gives its status, which is `$?` too."""
        self.process.step()
        match node:
            case syntax.Simple():
                self.state.line = node.line
                traps.before_command(self)
                status = calls.run_simple(self, node)
            case syntax.Sequence(items):
                status = self._sequence(items)
            case syntax.AndOr(first, rest):
                status = self._and_or(first, rest)
            case syntax.Pipeline():
                status = self._pipeline(node)
            case syntax.Redirected(command, redirects):
                status = calls.with_redirects(self, redirects, lambda: self.run(command))
            case _:
                status = self._compound(node)
        self.state.status = status
        if status and not self._conditions and _fails(node):
            traps.after_failure(self)
            if "e" in self.state.options:
                raise Exit(status)
        return status

    def _compound(self, node: Node) -> int:
        match node:
            case syntax.If():
                return self._if(node)
            case syntax.Loop(condition, body, until):
                return self.loop(lambda: (self._test(condition) != 0) == until, body)
            case syntax.For():
                return select(self, node) if node.menu else self._for(node)
            case syntax.ArithmeticFor():
                return self._arithmetic_for(node)
            case syntax.Case():
                return self._case(node)
            case syntax.Group(body, subshell):
                return self.subshell(lambda inner: inner.run(body)) if subshell else self.run(body)
            case syntax.Function(name, body):
                self.state.functions[name] = body
                return 0
            case syntax.Conditional(words):
                if "x" in self.state.options:
                    xtrace.trace(self, xtrace.conditional(self, words))
                return self._guarded(lambda: int(not DoubleBracket(self, words).value()))
            case syntax.Arithmetic(expression):
                xtrace.trace(self, f"(( {expression} ))")
                return self._arithmetic(expression)
            case _:
                raise AssertionError(node)

    def _arithmetic(self, expression: str) -> int:
        try:
            return int(self.expander.arithmetic(expression) == 0)
        except ShellError as error:
            return self.complain(f"((: {error}")

    # -- what expansions ask ---------------------------------------------------------------------------------

    def path(self, name: str) -> str:
        """`name` as an absolute path."""
        return calls.context(self, [""]).path(name)

    def file_tests(self) -> FileTestsHere:
        """What `test -f` and its like ask."""
        return FileTestsHere(self)

    def context(self, name: str) -> Context:
        """The context in which a program of this name would run now."""
        return calls.context(self, [name])

    def _names_in(self, directory: str) -> list[str]:
        return self.session.files(self.location).names(directory)

    def _capture(self, text: str) -> str:
        parts: list[str] = []
        size = 0

        def keep(chunk: str) -> None:
            nonlocal size
            size += len(chunk)
            if size > _MAX_CAPTURE:
                raise Stopped("svclab: stopped: a value longer than 4 MiB (limit of this terminal)", 124)
            parts.append(chunk)

        def body(inner: Interpreter) -> int:
            inner.descriptors[1] = Output(keep)
            inner.substitutions = self.substitutions + 1
            inner.state.options.discard("e")
            return inner.run_text(text)

        if self.state.depth >= calls.MAX_CALLS:
            raise ShellError("maximum nesting level exceeded")
        self.state.status = self.subshell(body)
        return "".join(parts)

    def _process_substitution(self, text: str) -> str:
        path = f"/dev/fd/{63 - self._process_files % 50}"
        self._process_files += 1
        self.session.files(self.location).provide(path, self._capture(text))
        return path

    def _special(self, name: str) -> str | None:
        return value_of(self, name)

    # -- lists and compound commands -------------------------------------------------------------------------

    def _sequence(self, items: tuple[tuple[Node, bool], ...]) -> int:
        status = 0
        for node, background in items:
            status = self._background(node) if background else self.run(node)
        return status

    def _and_or(self, first: Node, rest: tuple[tuple[str, Node], ...]) -> int:
        status = self._test(first)
        for number, (operator, node) in enumerate(rest):
            if (status == 0) == (operator == "&&"):
                status = self.run(node) if number == len(rest) - 1 else self._test(node)
        return status

    def _test(self, node: Node) -> int:
        self._conditions += 1
        try:
            return self.run(node)
        finally:
            self._conditions -= 1

    def _if(self, node: syntax.If) -> int:
        for condition, body in node.branches:
            if self._test(condition) == 0:
                return self.run(body)
        return self.run(node.otherwise) if node.otherwise is not None else 0

    def loop(self, goes_on: Callable[[], bool], body: Node, after: Callable[[], object] = bool) -> int:
        """Run `body` as long as `goes_on()`; `break` and `continue` in it are obeyed."""
        self.state.loops += 1
        try:
            return self._turns(goes_on, body, after)
        finally:
            self.state.loops -= 1

    def _turns(self, goes_on: Callable[[], bool], body: Node, after: Callable[[], object]) -> int:
        status = 0
        while True:
            self.process.step()
            try:
                if not goes_on():
                    return status
                status = self.run(body)
            except LoopControl as control:
                status = 0
                if control.levels > 1 and self.state.loops > 1:
                    raise LoopControl(control.levels - 1, again=control.again) from None
                if not control.again:
                    return status
            after()

    def _for(self, node: syntax.For) -> int:
        self.state.line = node.line
        if not re.fullmatch(r"[A-Za-z_]\w*", node.name):
            return self.complain(f"`{node.name}': not a valid identifier")
        values = self.state.positional if node.words is None else self.fields(node.words)
        waiting = iter(list(values))
        shown = f"for {node.name} in " + ('"$@"' if node.words is None else " ".join(node.words))

        def next_value() -> bool:
            value = next(waiting, None)
            if value is not None:
                xtrace.trace(self, shown)
                self.state.set(node.name, value)
            return value is not None

        return self._guarded(lambda: self.loop(next_value, node.body))

    def fields(self, words: tuple[str, ...]) -> list[str]:
        """The words expanded; what fails is printed and ends the command line."""
        return calls.expanding(self, lambda: self.expander.fields(words))

    def _arithmetic_for(self, node: syntax.ArithmeticFor) -> int:
        def run() -> int:
            value = self.expander.arithmetic
            value(node.start)
            return self.loop(
                lambda: not node.condition or value(node.condition) != 0, node.body, lambda: value(node.step)
            )

        return self._guarded(run)

    def _case(self, node: syntax.Case) -> int:
        def run() -> int:
            xtrace.trace(self, f"case {node.word} in")
            word = self.expander.text(node.word)
            status, fall = 0, False
            for words, body, ending in node.items:
                if not fall and not any(patterns.matches(self.expander.pattern(p), word) for p in words):
                    continue
                status = self.run(body)
                if ending == ";;":
                    return status
                fall = ending == ";&"
            return status

        return self._guarded(run)

    def _guarded(self, body: Callable[[], int]) -> int:
        """Runs `body`; an expansion that fails is printed and ends the command line."""
        return calls.expanding(self, body)

    def complain(self, text: str) -> int:
        """Print an error as this shell words it; gives 1."""
        self.say(self.state.complaint(text))
        return 1

    def say(self, text: str) -> None:
        """Write a line to standard error."""
        stream = self.descriptors[2]
        assert isinstance(stream, Output)
        stream.write(text + "\n")

    # -- shells within this shell ----------------------------------------------------------------------------

    def child(self, descriptors: Descriptors | None = None, process: Process | None = None) -> "Interpreter":
        """An interpreter for a subshell."""
        state = self.state.copy()
        state.depth += 1
        state.subshells += 1
        inner = Interpreter(
            self.session, self.location, state, process or self.process, dict(descriptors or self.descriptors)
        )
        inner.substitutions = self.substitutions
        inner._conditions = self._conditions
        return inner

    def subshell(self, body: Callable[["Interpreter"], int]) -> int:
        """Run `body` in a subshell; gives its status."""
        inner = self.child()
        return calls.ended(lambda: body(inner), inner)

    def _background(self, node: Node) -> int:
        inner = self.child()
        inner.descriptors[0] = Input()
        inner.state.interactive = False

        def body(job: Job) -> int:
            inner.process = self.process.in_background(
                lambda: job.cancelled.is_set() or self.session.closed, BACKGROUND_LIMIT_SECONDS
            )
            try:
                return calls.ended(lambda: inner.run(node), inner)
            except Stopped as stopped:
                if stopped.message:
                    inner.complain(stopped.message)
                return 143 if job.cancelled.is_set() else stopped.status
            finally:
                self.session.background_flows += inner.process.flows

        try:
            self.session.jobs.start(command_text(node), body, self._announce)
        except TooManyJobs:
            return self.complain("svclab: no more than 4 commands in the background (limit of this terminal)")
        return 0

    def _announce(self, job: Job) -> None:
        self.state.last_job = job.pid
        if self.state.interactive:
            stream = self.descriptors[2]
            assert isinstance(stream, Output)
            stream.write(f"[{job.number}] {job.pid}\n")

    def _pipeline(self, node: syntax.Pipeline) -> int:
        if node.timed:
            return self._timed(replace(node, timed=False))
        if node.negated:
            self._conditions += 1
        try:
            statuses = [self.run(node.commands[0])] if len(node.commands) == 1 else self._piped(node)
        finally:
            self._conditions -= node.negated
        self.state.variables["PIPESTATUS"] = {
            str(place): str(status) for place, status in enumerate(statuses)
        }
        failed = next((status for status in reversed(statuses) if status), 0)
        status = failed if "pipefail" in self.state.options else statuses[-1]
        return int(status == 0) if node.negated else status

    def _timed(self, node: syntax.Pipeline) -> int:
        """Run a pipeline and say how long it took in the cluster's time."""
        virtual, real = self.session.cluster.now(), monotonic()
        status = self._pipeline(node)
        took = max((self.session.cluster.now() - virtual).total_seconds(), 0)
        spent = min(monotonic() - real, took)
        stream = self.descriptors[2]
        assert isinstance(stream, Output)
        lines = [("real", took), ("user", spent * 0.6), ("sys", spent * 0.2)]
        stream.write("\n" + "".join(f"{name}\t{int(s // 60)}m{s % 60:.3f}s\n" for name, s in lines))
        return status

    def _piped(self, node: syntax.Pipeline) -> list[int]:
        """Run the commands at the same time, each in a subshell: the first here, the others in threads."""
        count = len(node.commands)
        pipes = [Pipe(self.process.check) for _ in range(count - 1)]
        statuses = [0] * count
        stopped: list[BaseException] = []

        def stage(number: int) -> None:
            descriptors = dict(self.descriptors)
            if number > 0:
                descriptors[0] = pipes[number - 1]
            if number < count - 1:
                descriptors[1] = pipes[number].writer
                if node.merged[number]:
                    descriptors[2] = pipes[number].writer
            process = self.process
            if number < count - 1:
                process = replace(process, reader_is_gone=pipes[number].reader_is_gone)
            inner = self.child(descriptors, process)
            try:
                statuses[number] = calls.ended(lambda: inner.run(node.commands[number]), inner)
            except BaseException as error:  # carried over to the thread that waits
                stopped.append(error)
            finally:
                if number < count - 1:
                    pipes[number].end()
                if number > 0:
                    pipes[number - 1].close()

        with self.process.programs(count - 1):
            threads = [in_thread(lambda number=number: stage(number)) for number in range(1, count)]
            stage(0)
            for thread in threads:
                thread.join()
        if stopped:
            raise stopped[0]
        return statuses


def _fails(node: Node) -> bool:
    """Whether a status other than 0 of this node counts for `set -e` and the ERR trap."""
    if isinstance(node, syntax.Pipeline):
        return not node.negated
    return isinstance(node, syntax.Simple | syntax.Group | syntax.Conditional | syntax.Arithmetic)
