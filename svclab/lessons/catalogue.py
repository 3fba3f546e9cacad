"""The lessons that there are, read when somebody first asks for one."""

from functools import cache

from svclab.lessons.schema import Lesson


@cache
def lessons() -> dict[str, Lesson]:
    """All lessons by id, in order of number."""
    from svclab.lessons import loader  # noqa: PLC0415 (late: YAML, which the first page does without)

    return loader.load_all(loader.CONTENT)
