"""Lesson files: strict YAML to `schema.Lesson`. Whatever is wrong is refused with file and line."""

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any

import yaml

from svclab.lessons.checks import KINDS, CheckError, validate
from svclab.lessons.schema import Check, Lesson, Manifest

CONTENT = Path(__file__).parent / "content"
# The tutorial's own manifests: every learner has them among her files, lessons quote them as "@tutorial".
TUTORIAL = Path(__file__).parent.parent / "cluster" / "seeds" / "files"


class LessonError(ValueError):
    """A lesson file says something that no lesson can say."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")


def load_all(folder: Path) -> dict[str, Lesson]:
    """The lessons of a folder by id, in order of number. Raises LessonError."""
    found: dict[str, Lesson] = {}
    for path in sorted(folder.glob("*.yaml")):
        lesson = load(path)
        if lesson.id in found or any(lesson.number == other.number for other in found.values()):
            raise LessonError(path.name, 1, f"id {lesson.id!r} or number {lesson.number} is taken")
        found[lesson.id] = lesson
    for lesson in found.values():
        for earlier in lesson.start.after:
            if earlier not in found:
                raise LessonError(f"{lesson.id}", 1, f"start.after names no lesson: {earlier!r}")
    return dict(sorted(found.items(), key=lambda item: item[1].number))


def load(path: Path) -> Lesson:
    """One lesson file. Raises LessonError."""
    reader = _Reader(path.name)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LessonError(path.name, line, str(error.problem)) from error
    lesson = reader.read(Lesson, node)
    reader.judge(lesson, node)
    return lesson


class _Reader:
    """Turns YAML nodes into the schema's dataclasses, guided by their annotations."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fail(self, node: yaml.Node, message: str) -> typing.NoReturn:
        raise LessonError(self.file, node.start_mark.line + 1, message)

    def read(self, kind: Any, node: yaml.Node) -> Any:
        if kind is Check:
            return self.check(node)
        if kind is Manifest:
            return self.manifest(node)
        if dataclasses.is_dataclass(kind):
            return self.record(kind, node)
        origin = typing.get_origin(kind)
        if origin is tuple:
            if not isinstance(node, yaml.SequenceNode):
                self.fail(node, "expected a list")
            return tuple(self.read(typing.get_args(kind)[0], item) for item in node.value)
        if origin in (types.UnionType, typing.Union):
            return self.read(typing.get_args(kind)[0], node)
        value = yaml.SafeLoader("").construct_object(node, deep=True)
        if kind in (str, int, bool) and type(value) is not kind:
            self.fail(node, f"expected {kind.__name__}, found {value!r}")
        return value.strip("\n") if kind is str else value

    def record(self, kind: Any, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode) and kind.__name__ == "Command":
            return kind(run=node.value)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        hints = typing.get_type_hints(kind)
        values = {}
        for name, (key, value) in self.mapping(node).items():
            if name not in fields:
                self.fail(key, f"unknown key {name!r} in a {kind.__name__}")
            values[name] = self.read(hints[name], value)
        for name, spec in fields.items():
            required = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
            if required and name not in values:
                self.fail(node, f"a {kind.__name__} needs {name!r}")
            if values.get(name) == "":
                self.fail(node, f"{name!r} is empty")
        return kind(**values)

    def manifest(self, node: yaml.Node) -> Manifest:
        manifest = self.record(Manifest, node)
        if manifest.text != "@tutorial":
            return dataclasses.replace(manifest, text=manifest.text.rstrip("\n") + "\n")
        path = TUTORIAL / manifest.file
        if not path.is_file():
            self.fail(node, f"the tutorial has no file {manifest.file!r}")
        return dataclasses.replace(manifest, text=path.read_text(encoding="utf-8"))

    def check(self, node: yaml.Node) -> Check:
        entries = self.mapping(node)
        kinds = [name for name in entries if name in KINDS]
        if len(kinds) != 1:
            self.fail(node, f"a check has exactly one of {', '.join(KINDS)}")
        kind = kinds[0]
        plain = {}
        for name, (key, value) in entries.items():
            if name not in (kind, "id", "title", "question", "standing"):
                self.fail(key, f"unknown key {name!r} in a check")
            plain[name] = yaml.SafeLoader("").construct_object(value, deep=True)
        what = plain.pop(kind)
        if not {"id", "title"} <= plain.keys():
            self.fail(node, "a check needs 'id' and 'title'")
        if kind in ("keep", "shake"):
            plain["standing"] = True
        if kind not in ("keep", "predict") and not plain.get("question"):
            self.fail(node, "a check needs 'question': what to ask next while it is red")
        try:
            validate(kind, what)
        except CheckError as error:
            self.fail(entries[kind][0], str(error))
        return Check(kind=kind, what=what, **plain)

    def mapping(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "expected a mapping")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if key.value in found:
                self.fail(key, f"{key.value!r} stands here twice")
            found[key.value] = (key, value)
        return found

    def judge(self, lesson: Lesson, node: yaml.Node) -> None:
        if not lesson.steps or not lesson.checks or not lesson.solution:
            self.fail(node, "a lesson has steps, checks and a solution")
        if len(lesson.hints) != 3:
            self.fail(node, "a lesson has three hints: question, tool, field")
        if len(lesson.cheats) < 3:
            self.fail(node, "a lesson has three cheats at least: lazy repairs that its checks refuse")
        for things in (lesson.steps, lesson.checks):
            ids = [thing.id for thing in things]
            if len(set(ids)) != len(ids):
                self.fail(node, f"an id stands twice among {ids}")
        checks = {check.id for check in lesson.checks}
        for cheat in lesson.cheats:
            if not cheat.red or not set(cheat.red) <= checks:
                self.fail(node, f"cheat {cheat.title!r}: 'red' names checks of this lesson")
        steps = {step.id: step for step in lesson.steps}
        for step in lesson.steps:
            if not (step.expect and step.watch):
                self.fail(node, f"step {step.id!r} needs 'expect' and 'watch'")
            if step.predict and not 0 <= step.predict.answer < len(step.predict.options):
                self.fail(node, f"step {step.id!r}: the answer is none of the options")
        for check in lesson.checks:
            if check.kind == "predict" and not getattr(steps.get(check.what["step"]), "predict", None):
                self.fail(node, f"check {check.id!r}: step {check.what['step']!r} asks nothing")
