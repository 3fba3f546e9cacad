"""A quick look from the event loop: the cluster that a secret opens, if memory holds it as it is right now.

The database is asked one thing, the cluster's id and revision, over a connection that only reads; with
SQLite in WAL mode that takes microseconds and waits for nobody. So a secret that another process revoked
opens nothing any more, and another process's write is noticed, exactly as in a look from a thread.
"""

import sqlite3
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from django.conf import settings

from svclab.cluster import memory, models, settle
from svclab.cluster.clock import real_now
from svclab.cluster.memory import State
from svclab.cluster.store import ClusterHandle

_QUESTION = f'SELECT id, revision FROM "{models.Cluster._meta.db_table}" WHERE api_secret = ?'  # noqa: S608 (our own name)


class Look(ClusterHandle):
    """A cluster as it was at one moment, for reading: whatever is asked of it, all is of that moment."""

    __slots__ = ("_real", "_state")

    def __init__(self, cluster_id: UUID, state: State, real: datetime) -> None:
        super().__init__(cluster_id)
        self._state, self._real = state, real

    def state(self) -> State:
        """Everything as of that moment."""
        return self._state

    def now(self) -> datetime:
        """The cluster's virtual time at that moment."""
        return self._state.now(self._real)


def at_once(secret: str) -> Look | None:
    """The cluster that the secret opens, without waiting.

    None where it takes more: for an unknown secret, a cluster that is not in memory as it is in the database,
    one in which something is due now or is being written, and databases other than a file of SQLite.
    """
    connection = _connection()
    if connection is None or not secret:
        return None
    try:
        found = connection.execute(_QUESTION, (secret,)).fetchone()
    except sqlite3.OperationalError:
        return None  # the database is just being made or checkpointed: a thread may wait for it
    if found is None:
        return None
    cluster_id, real = UUID(found[0]), real_now()
    state = memory.get(cluster_id)
    if state is None or state.revision != found[1] or not settle.is_quiet(cluster_id, state, real):
        return None
    return Look(cluster_id, state, real)


@cache
def _connection() -> sqlite3.Connection | None:
    """The event loop's own connection; None unless the database is a file of SQLite."""
    database = settings.DATABASES["default"]
    path = Path(database["NAME"])
    if database["ENGINE"] != "django.db.backends.sqlite3" or not path.is_file():
        return None
    # The loop is one thread; tests have one loop after another, each in the same thread or after the last.
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
