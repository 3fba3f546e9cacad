"""What a lesson is: frozen values, read from YAML by `loader`. Content is data; a check kind is code."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Manifest:
    """A YAML file that the learner reads, edits and applies. `file` is its name among her files."""

    file: str
    text: str

    @property
    def apply_line(self) -> str:
        """What applies it in the terminal."""
        return f"kubectl apply -f {self.file}"


@dataclass(frozen=True, slots=True)
class Command:
    """One line for the terminal, and what to look for in its output."""

    run: str
    note: str = ""

    @property
    def words(self) -> list[str]:
        """Its parts, between which a narrow page may break the line."""
        return self.run.split(" ")

    @property
    def enters(self) -> str:
        """Where the terminal is after it: "pod" or "node" if it opens a shell there, else ""."""
        if self.run.startswith("ssh ") and self.run.count(" ") == 1:
            return "node"
        return "pod" if self.run.endswith("-- bash") else ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A question asked before the first run. `answer` counts options from 0; `because` explains it."""

    question: str
    options: tuple[str, ...]
    answer: int
    because: str


@dataclass(frozen=True, slots=True)
class Correction:
    """Something the tutorial says that is not so: what it says, and what is true."""

    said: str
    true: str


@dataclass(frozen=True, slots=True)
class Step:
    """One panel of a lesson: words, then perhaps a question, a manifest, commands, what to expect."""

    id: str
    title: str
    words: str
    predict: Prediction | None = None
    manifest: Manifest | None = None
    commands: tuple[Command, ...] = ()
    expect: str = ""
    watch: str = ""
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One lamp. Exactly one of the kinds of curriculum 0.2 says when it turns green.

    `standing` marks a check that counts when the others are reached (something to keep, not to reach); every
    `keep` and every `shake` is one. `question` is what to ask next while the lamp is dark.
    """

    id: str
    title: str
    kind: str
    what: dict[str, Any]
    question: str = ""
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Cheat:
    """A lazy repair, as it is typed. A test plays it and sees that at least the lamps `red` stay red."""

    title: str
    run: tuple[str, ...]
    red: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """How a fresh cluster becomes this lesson's: other lessons' solutions first, then files and commands.

    `without` names what must not be there, as "Kind namespace/name".
    """

    after: tuple[str, ...] = ()
    files: tuple[Manifest, ...] = ()
    without: tuple[str, ...] = ()
    flavour: str = "cloud"
    runtime: str = "lenient"
    run: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson. A test plays its solution, which turns every lamp green, and its cheats, which must not."""

    id: str
    number: int
    title: str
    module: str
    minutes: int
    covers: str
    goal: str
    words: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    hints: tuple[str, ...]
    solution: tuple[str, ...]
    cheats: tuple[Cheat, ...]
    aha: str = ""
    start: Start = field(default_factory=Start)

    def places(self) -> list[list[tuple[Command, str]]]:
        """The commands of each step with the place they run at: "laptop", "pod" or "node".

        A command that opens a shell moves those after it there, until `exit`.
        """
        place, found = "laptop", []
        for step in self.steps:
            found.append([])
            for command in step.commands:
                found[-1].append((command, place))
                place = "laptop" if command.run == "exit" else command.enters or place
        return found

    def step(self, step_id: str) -> Step:
        """The step of that id; KeyError if there is none."""
        return {step.id: step for step in self.steps}[step_id]
