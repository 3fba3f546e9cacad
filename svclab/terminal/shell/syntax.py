"""The shell's programs as values: what the parser gives and the interpreter runs."""

from dataclasses import dataclass

from svclab.terminal.shell.lexer import HereDocument


class ShellSyntaxError(Exception):
    """The text is not a program; the message is bash's, without the name in front.

    `line` is the number (from 1) of the line with the `token` that cannot stand there, `shown` that line;
    the commands before the offset `commands_before` are whole, and bash has run them by then.
    """

    def __init__(
        self,
        message: str,
        line: int = 1,
        *,
        token: str = "",
        shown: str = "",
        expected: str = "",
        commands_before: int = 0,
    ) -> None:
        super().__init__(message)
        self.line, self.token, self.shown = line, token, shown
        self.expected, self.commands_before = expected, commands_before


@dataclass(frozen=True, slots=True)
class Redirect:
    """`operator` with its target word, as written, or a here-document."""

    operator: str
    target: str
    descriptor: int | None = None
    document: HereDocument | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=word`, `name+=word`, `name[index]=word`; words are as written, `(…)` for an array."""

    name: str
    word: str
    append: bool = False
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    """A command with its arguments. `source` is all of it as written, `line` the number of its line."""

    assignments: tuple[Assignment, ...]
    words: tuple[str, ...]
    redirects: tuple[Redirect, ...]
    source: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`; `merged[i]` says that command i's standard error goes along (`|&`). `timed`:
    how long it took is told at the end.
    """

    commands: tuple["Node", ...]
    merged: tuple[bool, ...]
    negated: bool = False
    timed: bool = False


@dataclass(frozen=True, slots=True)
class AndOr:
    """`first && … || …`, run from left to right."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other, each with whether it runs in the background (`&`)."""

    items: tuple[tuple["Node", bool], ...]


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with their bodies, and the `else` body."""

    branches: tuple[tuple["Node", "Node"], ...]
    otherwise: "Node | None"


@dataclass(frozen=True, slots=True)
class Loop:
    """`while` or, with `until`, its opposite."""

    condition: "Node"
    body: "Node"
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    """`for name in words`; `words` is None for the positional parameters. `menu`: it is a `select`."""

    name: str
    words: tuple[str, ...] | None
    body: "Node"
    menu: bool = False
    line: int = 1


@dataclass(frozen=True, slots=True)
class ArithmeticFor:
    """`for ((start; condition; step))`."""

    start: str
    condition: str
    step: str
    body: "Node"


@dataclass(frozen=True, slots=True)
class Case:
    """A word against patterns; each item ends with `;;`, `;&` (go on) or `;;&` (test on)."""

    word: str
    items: tuple[tuple[tuple[str, ...], "Node", str], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }` or, in a shell of its own, `( … )`."""

    body: "Node"
    subshell: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A function's definition."""

    name: str
    body: "Node"


@dataclass(frozen=True, slots=True)
class Conditional:
    """`[[ words ]]`, operators among them."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`(( expression ))`."""

    expression: str


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections."""

    command: "Node"
    redirects: tuple[Redirect, ...]


Node = (
    Simple | Pipeline | AndOr | Sequence | If | Loop | For | ArithmeticFor | Case | Group | Function
    | Conditional | Arithmetic | Redirected
)  # fmt: skip
EMPTY = Sequence(())
