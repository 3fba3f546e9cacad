"""Editing one line in a terminal: keys in, escape sequences out. Source: the emacs mode of readline 8.2.

Pure: it knows no cluster and no socket. The caller feeds decoded text; `feed` gives what happened to it.
"""

from svclab.terminal.lineedit.display import width_of
from svclab.terminal.lineedit.editor import MAX_LINE, EndOfInput, Entered, Interrupted, LineEditor

__all__ = ["MAX_LINE", "EndOfInput", "Entered", "Interrupted", "LineEditor", "width_of"]
