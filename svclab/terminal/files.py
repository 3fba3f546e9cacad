"""The files that a place shows: the learner's own on the laptop, a container's or a node's elsewhere.

Paths are absolute. The laptop's home directory is stored with the cluster; everything else lives as long as
the session does, as a container's writable layer does.
"""

import re
from collections.abc import Callable
from typing import Protocol

MAX_FILE_BYTES = 1024 * 1024
HOME = "/home/learner"


class FileError(Exception):
    """A file operation that fails; the message is the operating system's (`No such file or directory`)."""


class Store(Protocol):
    """Where the learner's files are kept: names are relative to the home directory."""

    def list_files(self) -> list[str]:
        """All names."""

    def read_file(self, name: str) -> str | None:
        """A file's text, None where there is none."""

    def write_file(self, name: str, text: str) -> None:
        """Create or replace a file."""

    def delete_file(self, name: str) -> None:
        """Forget a file."""


class Files:
    """A tree of text files. `fixed` gives those that the system provides; they are made anew at each look."""

    def __init__(
        self,
        fixed: Callable[[], dict[str, str]],
        store: Store | None = None,
        directories: tuple[str, ...] = (),
    ) -> None:
        self._fixed, self._store = fixed, store
        self._written: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._executable: dict[str, bool] = {}  # of files made here, and those that chmod has changed
        self._writers: dict[str, list[Callable[[], None]]] = {}
        self._directories = {"/", "/tmp", "/dev", "/etc", "/proc", "/root", "/usr", "/var", *directories}  # noqa: S108

    def _stored_name(self, path: str) -> str | None:
        if self._store is not None and path.startswith(HOME + "/"):
            return path.removeprefix(HOME + "/")
        return None

    def _paths(self) -> set[str]:
        stored = {f"{HOME}/{name}" for name in self._store.list_files()} if self._store else set()
        return ({*self._fixed(), *self._written} - self._deleted) | {
            path for path in stored if path[-1] != "/"
        }

    def _kept_directories(self) -> set[str]:
        kept = (
            {f"{HOME}/{n[:-1]}" for n in self._store.list_files() if n[-1:] == "/"} if self._store else set()
        )
        return self._directories | kept

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory."""
        return self._text(path) is not None or self.is_directory(path)

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory."""
        if path in self._directories:
            return True
        prefix = path.rstrip("/") + "/"
        if self._stored_name(path) is not None:  # below the home directory: what is stored says all
            assert self._store is not None
            return any(f"{HOME}/{name}".startswith(prefix) for name in self._store.list_files())
        return path in self._kept_directories() or any(other.startswith(prefix) for other in self._paths())

    def _text(self, path: str) -> str | None:
        if path == "/dev/null":
            return ""
        if (name := self._stored_name(path)) is not None:
            assert self._store is not None
            return self._store.read_file(name)
        if path in self._deleted:
            return None
        return self._written[path] if path in self._written else self._fixed().get(path)

    def open_for_writing(self, path: str, store: Callable[[], None]) -> None:
        """A program writes to a file; `store` keeps what it has written so far."""
        self._writers.setdefault(path, []).append(store)

    def closed(self, path: str, store: Callable[[], None]) -> None:
        """The program has closed it."""
        self._writers[path].remove(store)
        if not self._writers[path]:
            del self._writers[path]

    def find(self, path: str) -> str | None:
        """A file's text; None where there is none."""
        for store in self._writers.get(path, ()):
            store()
        return self._text(path)

    def read(self, path: str) -> str:
        """A file's text. Raises FileError."""
        text = self.find(path)
        if text is not None:
            return text
        raise FileError("Is a directory" if self.is_directory(path) else "No such file or directory")

    def is_executable(self, path: str) -> bool:
        """Whether a file may be run or a directory entered. Of files kept from before only scripts may."""
        if self.is_directory(path):
            return True
        text = self._text(path)
        return text is not None and self._executable.get(path, text.startswith("#!"))

    def make_executable(self, path: str, *, executable: bool) -> None:
        """What `chmod +x` and `chmod -x` do; it lasts as long as the session."""
        self._executable[path] = executable

    def size(self, path: str) -> int:
        """Bytes in a file, 0 where there is none."""
        return len((self._text(path) or "").encode())

    def check_size(self, length: int) -> None:
        """Raises FileError for a text longer than a file may be."""
        if length > MAX_FILE_BYTES:
            raise FileError("File too large (a file here may hold 1 MiB)")

    def write(self, path: str, text: str) -> None:
        """Create or replace a file. Raises FileError."""
        self.check_size(len(text))
        parent = path.rpartition("/")[0] or "/"
        if self.is_directory(path):
            raise FileError("Is a directory")
        if not self.is_directory(parent):
            raise FileError("Not a directory" if self.exists(parent) else "No such file or directory")
        if not self.exists(path):
            self._executable[path] = False
        if path.startswith(("/dev/", "/proc/", "/sys/")):
            if path not in ("/dev/null", "/dev/tty", "/dev/stdout", "/dev/stderr"):
                raise FileError("Permission denied")
            return
        if (name := self._stored_name(path)) is not None:
            _check_name(name)
            assert self._store is not None
            self._store.write_file(name, text)
        elif self._store is not None and not path.startswith("/tmp/"):  # noqa: S108
            raise FileError("Permission denied")
        else:
            self._deleted.discard(path)
            self._written[path] = text

    def provide(self, path: str, text: str) -> None:
        """Put a file where the learner could not: the output behind `<(…)`."""
        self._written[path] = text

    def delete(self, path: str) -> None:
        """Delete a file. Raises FileError."""
        self.read(path)
        if (name := self._stored_name(path)) is not None:
            assert self._store is not None
            self._store.delete_file(name)
        else:
            self._written.pop(path, None)
            self._deleted.add(path)

    def make_directory(self, path: str) -> None:
        """Make a directory. Raises FileError."""
        if self.exists(path):
            raise FileError("File exists")
        if not self.is_directory(path.rpartition("/")[0] or "/"):
            raise FileError("No such file or directory")
        if (name := self._stored_name(path)) is not None:
            _check_name(name)
            assert self._store is not None
            self._store.write_file(name + "/", "")
        else:
            self._directories.add(path)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory. Raises FileError."""
        if not self.is_directory(path):
            raise FileError("Not a directory" if self.exists(path) else "No such file or directory")
        if self.names(path):
            raise FileError("Directory not empty")
        self._directories.discard(path)
        if (name := self._stored_name(path)) is not None:
            assert self._store is not None
            self._store.delete_file(name + "/")

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted; [] for what is none."""
        prefix = path.rstrip("/") + "/"
        below = {other.removeprefix(prefix) for other in self._paths() if other.startswith(prefix)}
        below |= {
            d.removeprefix(prefix) for d in self._kept_directories() if d.startswith(prefix) and d != prefix
        }
        return sorted({name.split("/")[0] for name in below if name})

    def tree(self, path: str) -> list[str]:
        """All files below a directory, sorted."""
        prefix = path.rstrip("/") + "/"
        return sorted(other for other in self._paths() if other.startswith(prefix))


def _check_name(name: str) -> None:
    if len(name) > 200:
        raise FileError("File name too long")
    if re.search(r"[\x00-\x1f\x7f]", name):
        raise FileError("Invalid argument")
