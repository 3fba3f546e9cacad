"""When the database cannot serve: told apart from our own mistakes, in words for the learner.

What was being written is not written then, and was not acknowledged; the next request may find all well.
"""

import sqlite3

from django.db import InterfaceError, OperationalError

RETRY_SECONDS = 2
_FULL = "The server's disk is full: nothing was changed. What is there can still be read."
_AWAY = "svclab's database does not answer at the moment: nothing was changed. Try again shortly."


def words_of(error: BaseException) -> str | None:
    """What to tell the learner, if the error says that the database is away, busy or full; else None."""
    if not isinstance(error, InterfaceError | OperationalError):
        return None
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_ERROR:  # a statement that SQLite does not understand is our mistake
        return None
    is_full = code == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", None) == "53100"
    return _FULL if is_full else _AWAY
