"""The learner's files as the terminal's file tree keeps them: stored with her cluster."""

from uuid import UUID

from svclab.cluster import lifecycle
from svclab.cluster.files import FileError as StoredFileError
from svclab.terminal.files import FileError


class LearnerFiles:
    """svclab.terminal.files.Store over one cluster's stored files."""

    def __init__(self, cluster_id: UUID) -> None:
        self._cluster_id = cluster_id

    def list_files(self) -> list[str]:
        """All names."""
        return lifecycle.list_files(self._cluster_id)

    def read_file(self, name: str) -> str | None:
        """A file's text, None where there is none."""
        try:
            return lifecycle.read_file(self._cluster_id, name)
        except StoredFileError:
            return None

    def write_file(self, name: str, text: str) -> None:
        """Create or replace a file. Raises FileError."""
        try:
            lifecycle.write_file(self._cluster_id, name, text)
        except StoredFileError as error:
            raise FileError(str(error).partition(": ")[2] or str(error)) from None

    def delete_file(self, name: str) -> None:
        """Forget a file. Raises FileError."""
        try:
            lifecycle.delete_file(self._cluster_id, name)
        except StoredFileError as error:
            raise FileError(str(error).partition(": ")[2] or str(error)) from None
