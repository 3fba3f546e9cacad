"""Shells as programs: `bash -c '…'`, `sh script`, `echo … | sh`, and a shell within the shell."""

from svclab.terminal.commands.registry import EVERYWHERE, Context, command
from svclab.terminal.files import FileError
from svclab.terminal.places import BASH_TOOLSETS
from svclab.terminal.session import Session
from svclab.terminal.shell import calls
from svclab.terminal.shell.interpreter import Interpreter
from svclab.terminal.shells import is_interactive_shell


@command("bash", places=BASH_TOOLSETS)
def bash(context: Context, argv: list[str]) -> int:
    """The Bourne-again shell."""
    return _shell(context, "bash", argv)


@command("sh", places=EVERYWHERE)
def sh(context: Context, argv: list[str]) -> int:
    """The POSIX shell of this place: dash on Debian, busybox's ash, bash in netshoot."""
    return _shell(context, "sh", argv)


@command("ash", places={"busybox", "alpine", "curl", "netshoot"})
def ash(context: Context, argv: list[str]) -> int:
    """Busybox's shell."""
    return _shell(context, "ash", argv)


@command("zsh", places={"netshoot"})
def zsh(context: Context, argv: list[str]) -> int:
    """Netshoot's default shell; here it speaks bash's language."""
    return _shell(context, "zsh", argv)


def _shell(context: Context, name: str, argv: list[str]) -> int:
    if is_interactive_shell([name, *argv]) and context.stdin.isatty():
        return context.enter(context.location, [name, *argv])
    return _script(context, context.session, name, argv)


def _script(context: Context, session: Session, name: str, argv: list[str]) -> int:
    state = session.new_state(context.location, name)
    state.cwd = context.cwd
    state.variables |= context.env
    state.exported |= set(context.env)
    words = list(argv)
    while words and words[0].startswith("-") and not words[0].lstrip("-").endswith("c"):
        state.options |= set(words.pop(0).lstrip("-"))
    if words and words[0].startswith("-"):
        state.options |= set(words[0][1:-1])
        words = words[1:]
        if not words:
            return context.fail(f"{name}: -c: option requires an argument", 2)
        text, state.name, state.origin = words[0], words[1] if len(words) > 1 else name, "-c"
        state.positional = words[2:]
    elif words:
        try:
            text = context.files.read(context.path(words[0]))
        except FileError as error:
            return context.fail(f"{name}: {words[0]}: {error}", 127)
        state.name, state.positional = words[0], words[1:]
    else:
        text = context.stdin.read()
    streams = {0: context.stdin, 1: context.stdout, 2: context.stderr}
    shell = Interpreter(session, context.location, state, context.process, streams)
    return calls.ended(lambda: shell.run_text(text), shell)
