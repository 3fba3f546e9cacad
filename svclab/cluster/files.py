"""The learner's files: what `ls`, `cat` and the editor see; they live with the cluster and survive its
reset.
"""

from uuid import UUID

from svclab.cluster import models, rows
from svclab.cluster.store import QUOTA

_LONGEST_PATH = 255
_MOST_FILES = 200


class FileError(Exception):
    """A file that cannot be read or written; the message is what a shell prints."""


def list_files(cluster_id: UUID) -> list[str]:
    """The paths of all files, sorted."""
    found = models.LearnerFile.objects.filter(cluster_id=cluster_id)
    return list(found.order_by("path").values_list("path", flat=True))


def read_file(cluster_id: UUID, path: str) -> str:
    """A file's text. Raises FileError when there is none."""
    text = (
        models.LearnerFile.objects.filter(cluster_id=cluster_id, path=path)
        .values_list("text", flat=True)
        .first()
    )
    if text is None:
        raise FileError(f"{path}: No such file or directory")
    return text


def read_files(cluster_id: UUID, *endings: str) -> dict[str, str]:
    """The texts of all files whose paths end so, by path, sorted."""
    found = models.LearnerFile.objects.filter(cluster_id=cluster_id).order_by("path")
    return {path: text for path, text in found.values_list("path", "text") if path.endswith(endings)}


def write_file(cluster_id: UUID, path: str, text: str) -> None:
    """Make or replace a file. Raises FileError: a path that is none, NUL in the text, or too much of it."""
    if not path or len(path) > _LONGEST_PATH or "\0" in path:
        raise FileError(f"{path[:40]}: File name too long" if path else "No such file or directory")
    if "\0" in text:
        raise FileError(f"{path}: cannot hold NUL characters")
    stored = models.LearnerFile.objects.filter(cluster_id=cluster_id).exclude(path=path)
    if stored.count() >= _MOST_FILES or rows.stored_bytes(cluster_id) + len(text) > QUOTA.stored_bytes:
        raise FileError(f"{path}: No space left on device (the quota of this cluster is used up)")
    models.LearnerFile.objects.update_or_create(cluster_id=cluster_id, path=path, defaults={"text": text})


def delete_file(cluster_id: UUID, path: str) -> None:
    """Remove a file. Raises FileError when there is none."""
    deleted, _ = models.LearnerFile.objects.filter(cluster_id=cluster_id, path=path).delete()
    if not deleted:
        raise FileError(f"{path}: No such file or directory")
