"""Simple commands: words and assignments expanded, then a function, a builtin or a program called."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from svclab.terminal.commands.registry import Context, Usage, find_command
from svclab.terminal.commands.usage import complaint
from svclab.terminal.files import FileError
from svclab.terminal.process import Process
from svclab.terminal.shell import builtins, xtrace
from svclab.terminal.shell.assignments import assign
from svclab.terminal.shell.lexer import Incomplete, tokens
from svclab.terminal.shell.redirection import redirected
from svclab.terminal.shell.state import Discard, Exit, LoopControl, Return, ShellError
from svclab.terminal.shell.syntax import Assignment, Redirect, Simple
from svclab.terminal.streams import BrokenPipe, Input, Output

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter

Result = TypeVar("Result")
MAX_CALLS = 60
_PIPE_STATUS = 141  # ended by SIGPIPE


def ended(body: Callable[[], int], shell: "Interpreter | None" = None) -> int:
    """The status with which a shell or subshell that runs `body` ends, after what it keeps for its exit."""
    status = _ending(body)
    if shell is not None and shell.state.traps:
        return _ending(lambda: builtins.traps.at_exit(shell, status) or status)
    return status


def _ending(body: Callable[[], int]) -> int:
    try:
        return body()
    except (Exit, Return) as end:
        return end.status
    except LoopControl:
        return 0
    except Discard as discard:
        return discard.status
    except BrokenPipe:
        return _PIPE_STATUS


def with_redirects(shell: "Interpreter", redirects: tuple[Redirect, ...], body: Callable[[], int]) -> int:
    """Run `body` with the shell's streams redirected; files are closed afterwards."""
    if not redirects:
        return body()
    before = shell.descriptors
    with ExitStack() as opened:
        files = shell.session.files(shell.location)
        try:
            shell.descriptors = redirected(before, redirects, shell.expander, files, shell.path, opened)
        except (ShellError, FileError) as error:
            return shell.complain(str(error))
        try:
            return body()
        finally:
            shell.descriptors = before


def run_simple(shell: "Interpreter", node: Simple, used: frozenset[str] = frozenset()) -> int:
    """Run one simple command; `used` are the aliases that it came from."""
    used |= shell.state.expanding
    expands = "expand_aliases" in shell.state.options
    if expands and node.words and node.words[0] in shell.state.aliases and node.words[0] not in used:
        return _aliased(shell, node, used)
    try:
        status = _expanded(shell, node)
    except (ShellError, FileError) as error:
        status = shell.complain(str(error))
    shell.state.variables["PIPESTATUS"] = {"0": str(status)}
    return status


def _aliased(shell: "Interpreter", node: Simple, used: frozenset[str]) -> int:
    name = node.words[0]
    value = shell.state.aliases[name]
    try:
        found = list(tokens(value))
    except Incomplete:
        return shell.complain("unexpected EOF while looking for matching quote in alias")
    if all(token.kind == "word" for token in found):
        words = (*(token.text for token in found), *node.words[1:])
        return run_simple(shell, Simple(node.assignments, words, node.redirects, node.source), used | {name})
    before = shell.state.expanding
    shell.state.expanding = used | {name}
    try:
        return shell.run_text(value + node.source[node.source.index(name) + len(name) :])
    finally:
        shell.state.expanding = before


def _expanded(shell: "Interpreter", node: Simple) -> int:
    before = shell.state.status
    words = expanding(shell, lambda: shell.expander.fields(node.words))
    if words:
        if not node.assignments:
            xtrace.trace(shell, xtrace.words(words))
            if words[0] == "exec" and len(words) == 1:
                return _redirect_for_good(shell, node.redirects)
            return with_redirects(shell, node.redirects, lambda: call(shell, words))
        return _with_temporary(shell, node, words)
    shell.state.status = 0
    for assignment in node.assignments:
        expanding(shell, lambda assignment=assignment: _assigned(shell, assignment))
    status = shell.state.status if node.assignments or node.words else before
    return with_redirects(shell, node.redirects, lambda: status)


def _assigned(shell: "Interpreter", assignment: Assignment) -> None:
    assign(shell, assignment)
    if "x" in shell.state.options:
        xtrace.trace(shell, xtrace.assignment(shell, assignment))


def expanding(shell: "Interpreter", body: Callable[[], Result]) -> Result:
    """What `body` gives; an expansion or assignment that fails is printed and ends the command line."""
    try:
        return body()
    except ShellError as error:
        shell.complain(str(error))
        shell.state.status = 1
        raise Discard(error.status) from None


def _redirect_for_good(shell: "Interpreter", redirects: tuple[Redirect, ...]) -> int:
    """`exec > file`: the shell's own streams from now on; files are stored when the session's line ends."""
    files = shell.session.files(shell.location)
    shell.descriptors = redirected(
        shell.descriptors, redirects, shell.expander, files, shell.path, shell.process.at_end
    )
    return 0


def _with_temporary(shell: "Interpreter", node: Simple, words: list[str]) -> int:
    """`X=1 command`: the assignment lasts as long as the command."""
    state = shell.state
    saved = {assignment.name: state.variables.get(assignment.name) for assignment in node.assignments}
    exported = set(state.exported)
    for assignment in node.assignments:
        expanding(shell, lambda assignment=assignment: _assigned(shell, assignment))
    xtrace.trace(shell, xtrace.words(words))
    state.exported |= set(saved)
    try:
        return with_redirects(shell, node.redirects, lambda: call(shell, words))
    finally:
        state.exported = exported
        for name, value in saved.items():
            if value is None:
                state.variables.pop(name, None)
            else:
                state.variables[name] = value


def call(shell: "Interpreter", argv: list[str], *, functions: bool = True) -> int:
    """Run a function, a builtin or a program with these arguments."""
    name = argv[0]
    shell.state.last_word = argv[-1]
    if functions and name in shell.state.functions:
        return _function(shell, name, argv[1:])
    if builtin := builtins.BUILTINS.get(name):
        return builtin(shell, argv[1:])
    return _program(shell, argv)


def _function(shell: "Interpreter", name: str, arguments: list[str]) -> int:
    state = shell.state
    body = state.functions[name]
    if state.depth >= MAX_CALLS:
        return shell.complain(f"maximum function nesting level exceeded ({MAX_CALLS})")
    saved, loops = state.positional, state.loops
    state.positional, state.loops = arguments, 0
    state.depth += 1
    state.calls.append(name)
    state.enter_function()
    try:
        return shell.run(body)
    except Return as returned:
        return returned.status
    finally:
        state.leave_function()
        state.positional, state.loops = saved, loops
        state.calls.pop()
        state.depth -= 1


def context(shell: "Interpreter", argv: list[str]) -> Context:
    """The context in which a program would run now."""
    stdin, stdout, stderr = (shell.descriptors[number] for number in (0, 1, 2))
    assert isinstance(stdin, Input)
    assert isinstance(stdout, Output)
    assert isinstance(stderr, Output)

    def run(
        words: list[str],
        *,
        stdin: Input | None = None,
        stdout: Output | None = None,
        stderr: Output | None = None,
        env: dict[str, str] | None = None,
        without: frozenset[str] | set[str] = frozenset(),
        process: Process | None = None,
    ) -> int:
        inner = shell.child(process=process)
        inner.state.exported -= without
        for number, stream in ((0, stdin), (1, stdout), (2, stderr)):
            if stream is not None:
                inner.descriptors[number] = stream
        for name, value in (env or {}).items():
            inner.state.set(name, value)
            inner.state.exported.add(name)
        return ended(lambda: call(inner, words, functions=False), inner)

    return Context(
        session=shell.session,
        location=shell.location,
        process=shell.process,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=shell.state.environment(),
        cwd=shell.state.cwd,
        name=argv[0],
        run=run,
    )


def _program(shell: "Interpreter", argv: list[str]) -> int:
    name = argv[0]
    if "/" in name:
        return _by_path(shell, argv)
    program = find_command(name, shell.location.toolset)
    if program is None:
        shell.complain(
            f"{name}: command not found" if shell.state.flavour == "bash" else f"{name}: not found"
        )
        return 127
    shell.process.step()
    try:
        return program(context(shell, argv), argv[1:])
    except Usage as usage:
        stream = shell.descriptors[2]
        assert isinstance(stream, Output)
        language = shell.state.get("LC_ALL") or shell.state.get("LANG") or ""
        text, status = complaint(name, usage, shell.location.toolset, language)
        stream.write(text)
        return status
    except BrokenPipe:
        return _PIPE_STATUS


def _by_path(shell: "Interpreter", argv: list[str]) -> int:
    directory, _, name = argv[0].rpartition("/")
    if directory.endswith("bin") and find_command(name, shell.location.toolset):
        return _program(shell, [name, *argv[1:]])
    if directory.endswith("bin") and name in builtins.BUILTINS:
        return builtins.BUILTINS[name](shell, argv[1:])
    path = shell.path(argv[0])
    files = shell.session.files(shell.location)
    if files.is_directory(path):
        shell.complain(f"{argv[0]}: Is a directory")
        return 126
    try:
        text = files.read(path)
    except FileError as error:
        shell.complain(f"{argv[0]}: {error}")
        return 127
    if not files.is_executable(path):
        shell.complain(f"{argv[0]}: Permission denied")
        return 126
    return run_script(shell, text, argv[0], argv[1:])


def run_script(shell: "Interpreter", text: str, name: str, arguments: list[str]) -> int:
    """Run a script in a shell of its own, which inherits the exported variables only."""
    inner = shell.child()
    state = inner.state
    state.interactive = False
    state.name = name
    state.positional = arguments
    state.functions, state.aliases, state.options, state.locals = {}, {}, set(), []
    state.attributes, state.calls, state.origin, state.subshells = {}, [], "", 0
    state.variables = {n: state.variables[n] for n in shell.state.exported if n in state.variables}
    return ended(lambda: inner.run_text(text), inner)
