"""Lesson files are checked like code: whatever no lesson can say is refused with file and line."""

from pathlib import Path

import pytest

from svclab.lessons.loader import CONTENT, LessonError, load, load_all

GOOD = """\
id: a-lesson
number: 1
title: A lesson
module: A module
minutes: 3
covers: "Step 1"
goal: Know one thing.
words: Some words.
steps:
- id: first
  title: First
  words: Do it.
  predict: {question: "Which?", options: [this, that], answer: 1, because: So it is.}
  commands:
  - kubectl get pods
  expect: A list.
  watch: The stage.
checks:
- id: said
  title: You said it
  predict: {step: first}
- id: there
  title: The namespace is there
  object: {kind: Namespace, name: shop}
  question: What is there?
hints: [a question, a tool, a field]
solution:
- kubectl create namespace shop
cheats:
- {title: Call it something else, run: [kubectl create namespace shopp], red: [there]}
- {title: Say nothing, run: [kubectl create namespace shop], red: [said]}
- {title: Do nothing, run: ["true"], red: [said, there]}
"""


def lesson_file(folder: Path, text: str) -> Path:
    path = folder / "01-a-lesson.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_becomes_a_lesson(tmp_path):
    lesson = load(lesson_file(tmp_path, GOOD))
    assert lesson.id == "a-lesson"
    assert lesson.steps[0].commands[0].run == "kubectl get pods"
    assert [check.kind for check in lesson.checks] == ["predict", "object"]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("goal: Know", "goel: Know", 7, "unknown key 'goel'"),
        ("minutes: 3", "minutes: three", 5, "expected int"),
        ("words: Some words.", 'words: ""', 1, "'words' is empty"),
        ("title: A lesson", "title: A lesson\ntitle: Again", 4, "stands here twice"),
        ("object: {kind", "thing: {kind", 22, "exactly one of"),
        ("{kind: Namespace, name: shop}", "{kind: Namespace, nmae: shop}", 24, "does not know 'nmae'"),
        ("{kind: Namespace, name: shop}", "{name: shop}", 24, "needs 'kind'"),
        ("  question: What is there?\n", "", 22, "needs 'question'"),
        ("  watch: The stage.\n", "", 1, "needs 'expect' and 'watch'"),
        ("- {title: Do nothing,", "# {title: Do nothing,", 1, "three cheats"),
        ("red: [there]", "red: [nowhere]", 1, "names checks of this lesson"),
        ("answer: 1", "answer: 2", 1, "the answer is none of the options"),
        ("predict: {step: first}", "predict: {step: second}", 1, "asks nothing"),
        ("hints: [a question, a tool, a field]", "hints: [a question]", 1, "three hints"),
        ("solution:\n- kubectl create namespace shop\n", "", 1, "needs 'solution'"),
        ("- id: there", "- id: said", 1, "stands twice"),
        ("id: a-lesson", "id: [a", 2, "expected"),
    ],
)
def test_a_mistake_is_refused_with_file_and_line(tmp_path, old, new, line, message):
    assert old in GOOD
    with pytest.raises(LessonError) as refusal:
        load(lesson_file(tmp_path, GOOD.replace(old, new, 1)))
    assert str(refusal.value).startswith(f"01-a-lesson.yaml:{line}:"), refusal.value
    assert message in str(refusal.value)


def test_two_lessons_cannot_share_a_number(tmp_path):
    lesson_file(tmp_path, GOOD)
    (tmp_path / "02-b.yaml").write_text(GOOD.replace("id: a-lesson", "id: b-lesson"), encoding="utf-8")
    with pytest.raises(LessonError, match="is taken"):
        load_all(tmp_path)


def test_a_start_names_lessons_that_exist(tmp_path):
    lesson_file(tmp_path, GOOD + "start: {after: [nowhere]}\n")
    with pytest.raises(LessonError, match="nowhere"):
        load_all(tmp_path)


def test_every_lesson_that_ships_loads_and_teaches_the_tutorials_five_steps():
    lessons = load_all(CONTENT)
    covered = " ".join(lesson.covers for lesson in lessons.values())
    for step in ("Step 1", "Step 2", "Step 3", "Step 4", "Step 5", "Deep dive", "Connection Refused"):
        assert step in covered
