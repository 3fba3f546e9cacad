"""The file in which bash keeps the lines that were typed, so that a reload of the page finds them again.

bash writes it when a shell ends; whoever holds a session here has it written now and then as well, because a
server that is killed ends no shell. Several shells append to it.
"""

from svclab.terminal.files import FileError, Files
from svclab.terminal.shell.history import MAX_LINES, History

_MAX_KEPT = 2000  # lines of the file, HISTFILESIZE


def load(files: Files, path: str) -> History:
    """The history that a new shell begins with."""
    lines = (files.find(path) or "").splitlines()
    return History([line for line in lines if line.strip()][-MAX_LINES:])


def save(files: Files, path: str, history: History) -> None:
    """Append what is new. A file that cannot be written is left alone, as bash leaves it."""
    if not history.fresh:
        return
    fresh = "\n".join(history.fresh)
    history.fresh.clear()
    kept = (files.find(path) or "").splitlines()
    try:
        files.write(path, "\n".join([*kept, fresh][-_MAX_KEPT:]) + "\n")
    except FileError:
        return
