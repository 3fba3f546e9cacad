"""Reading and writing a learner's progress; the only place that touches the lessons' tables."""

from dataclasses import dataclass

from svclab.lessons.catalogue import lessons
from svclab.lessons.models import Beginning, GreenLamp, Prediction
from svclab.lessons.schema import Lesson


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a learner is in one lesson: green checks of all."""

    lesson: Lesson
    green: int
    total: int

    @property
    def done(self) -> bool:
        """All lamps are green."""
        return self.green == self.total

    @property
    def begun(self) -> bool:
        """At least one lamp is green."""
        return self.green > 0


def beginning(learner: str, lesson: str) -> Beginning | None:
    """When and with what a lesson began for this learner; None while it has not begun."""
    return Beginning.objects.filter(learner=learner, lesson=lesson).first()


def begin(learner: str, lesson: str, after_trace: int, kept: dict[str, str]) -> Beginning:
    """The lesson begins now, unless it had begun already."""
    row, _ = Beginning.objects.get_or_create(
        learner=learner, lesson=lesson, defaults={"after_trace": after_trace, "kept": kept}
    )
    return row


def keep_anew(learner: str, lesson: str, kept: dict[str, str]) -> None:
    """A lesson's start was put in place again: its objects are others now."""
    Beginning.objects.filter(learner=learner, lesson=lesson).update(kept=kept)


def green_checks(learner: str, lesson: str) -> set[str]:
    """Ids of the checks that held once."""
    return set(GreenLamp.objects.filter(learner=learner, lesson=lesson).values_list("check_id", flat=True))


def remember_green(learner: str, lesson: str, checks: set[str]) -> None:
    """Records checks as reached; those already recorded keep their time."""
    GreenLamp.objects.bulk_create(
        [GreenLamp(learner=learner, lesson=lesson, check_id=check) for check in sorted(checks)],
        ignore_conflicts=True,
    )


def predictions(learner: str, lesson: str) -> dict[str, int]:
    """The options chosen so far, by step."""
    return dict(Prediction.objects.filter(learner=learner, lesson=lesson).values_list("step", "choice"))


def commit(learner: str, lesson: Lesson, step_id: str, choice: int) -> int:
    """Records a prediction and returns the one that counts: the first. Raises KeyError, IndexError."""
    question = lesson.step(step_id).predict
    if question is None:
        raise KeyError(step_id)
    if not 0 <= choice < len(question.options):
        raise IndexError(choice)
    row, _ = Prediction.objects.get_or_create(
        learner=learner, lesson=lesson.id, step=step_id, defaults={"choice": choice}
    )
    return row.choice


def standings(learner: str) -> list[Standing]:
    """Every lesson with this learner's progress, in order; one query."""
    reached: dict[str, set[str]] = {}
    for lesson_id, check in GreenLamp.objects.filter(learner=learner).values_list("lesson", "check_id"):
        reached.setdefault(lesson_id, set()).add(check)
    return [
        Standing(
            lesson,
            len(reached.get(lesson.id, set()) & {check.id for check in lesson.checks}),
            len(lesson.checks),
        )
        for lesson in lessons().values()
    ]
