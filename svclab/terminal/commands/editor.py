"""vi, vim, nano: the page's editor, opened for one of the learner's files."""

from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.files import FileError


@command(
    "vi", "vim", "nano", "emacs", "edit", "code", places={"laptop", "node", "netshoot", "busybox", "alpine"}
)
def editor(context: Context, argv: list[str]) -> int:
    """Opens a file in the page's editor and waits until it is saved or closed."""
    names = [word for word in argv if not word.startswith(("-", "+"))]
    if not names:
        raise Usage("say which file to edit", 1)
    path = context.path(names[0])
    try:
        text = context.files.read(path) if context.files.exists(path) else ""
    except FileError as error:
        return context.fail(f"{context.name}: {names[0]}: {error}")
    edited = context.edit(names[0], text)
    if edited is None:
        return 0
    try:
        context.files.write(path, edited)
    except FileError as error:
        return context.fail(f"{context.name}: {names[0]}: {error}")
    return 0
