"""A memory of bounded size, shared by threads: what was used last stays, what was not goes first."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most so many values by key. Any of them may be gone at any moment: who needs one makes it again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, which counts as used now; None where there is none (any more)."""
        with self._guard:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def put(self, key: K, value: V) -> None:
        """Remember a value; the one not used for longest makes room."""
        with self._guard:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    def forget(self, key: K) -> None:
        """Remember nothing under this key."""
        with self._guard:
            self._values.pop(key, None)

    def clear(self) -> None:
        """Remember nothing at all."""
        with self._guard:
            self._values.clear()
