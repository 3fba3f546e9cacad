"""What a shell remembers: variables, functions, aliases, parameters, options, its working directory."""

from dataclasses import dataclass, field, replace

from svclab.terminal.shell.syntax import Node

MAX_VALUE = 4_000_000  # characters of a variable
Value = str | dict[str, str]  # a text, or an array: index or key -> text


class ShellError(Exception):
    """An expansion or assignment fails: the command is not run, `$?` is 1, the message is printed."""


class Exit(Exception):
    """The shell ends with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Discard(Exception):
    """An expansion failed: the rest of the command line is dropped, `$?` is 1."""


class LoopControl(Exception):
    """`break` or `continue` on its way up through `levels` loops."""

    def __init__(self, levels: int, *, again: bool) -> None:
        super().__init__()
        self.levels, self.again = levels, again


class Return(Exception):
    """`return` on its way out of a function or a sourced file."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


@dataclass(slots=True)
class ShellState:
    """A shell's memory. `copy` gives a subshell's, which changes nothing of its parent's."""

    name: str = "bash"  # $0, and the name before error messages
    variables: dict[str, Value] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    readonly: set[str] = field(default_factory=set)
    functions: dict[str, Node] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)
    options: set[str] = field(default_factory=set)
    status: int = 0
    cwd: str = "/"
    interactive: bool = False
    depth: int = 0  # of functions and sourced files
    last_job: int = 0
    expanding: frozenset[str] = frozenset()  # aliases whose text is being run: not expanded again
    locals: list[dict[str, Value | None]] = field(default_factory=list)
    flavour: str = "bash"  # "bash", "ash" (busybox) or "dash"

    def copy(self) -> "ShellState":
        """A subshell's memory."""
        return replace(
            self,
            variables={name: dict(v) if isinstance(v, dict) else v for name, v in self.variables.items()},
            exported=set(self.exported),
            readonly=set(self.readonly),
            functions=dict(self.functions),
            aliases=dict(self.aliases),
            positional=list(self.positional),
            options=set(self.options),
            locals=[dict(hidden) for hidden in self.locals],
        )

    def get(self, name: str) -> str | None:
        """A variable's text (an array's element 0), or None where it is not set."""
        value = self.variables.get(name)
        return value.get("0") if isinstance(value, dict) else value

    def set(self, name: str, value: Value) -> None:
        """Assign. Raises ShellError for a read-only variable."""
        if name in self.readonly:
            raise ShellError(f"{name}: readonly variable")
        if len(value) > MAX_VALUE:
            raise ShellError(f"{name}: a value longer than {MAX_VALUE:,} characters")
        old = self.variables.get(name)
        if isinstance(old, dict) and isinstance(value, str):
            old["0"] = value
        else:
            self.variables[name] = value

    def set_element(self, name: str, key: str, value: str) -> None:
        """Assign one element of an array. Raises ShellError for a read-only variable."""
        if name in self.readonly:
            raise ShellError(f"{name}: readonly variable")
        if len(value) > MAX_VALUE:
            raise ShellError(f"{name}: a value longer than {MAX_VALUE:,} characters")
        old = self.variables.get(name)
        if not isinstance(old, dict):
            self.variables[name] = {} if old is None else {"0": old}
        array = self.variables[name]
        assert isinstance(array, dict)
        array[key] = value

    def unset(self, name: str) -> None:
        """Forget a variable. Raises ShellError for a read-only one."""
        if name in self.readonly:
            raise ShellError(f"unset: {name}: cannot unset: readonly variable")
        self.variables.pop(name, None)
        self.exported.discard(name)

    def environment(self) -> dict[str, str]:
        """The exported variables."""
        return {n: v for n in sorted(self.exported) if (v := self.get(n)) is not None} | {"PWD": self.cwd}

    def complaint(self, text: str) -> str:
        """An error message as this shell words it."""
        if self.flavour == "dash":
            return f"{self.name}: 1: {text}"
        if self.flavour == "bash" and not self.interactive:
            return f"{self.name}: line 1: {text}"
        return f"{self.name}: {text}"

    def enter_function(self) -> None:
        """From here on, `local` variables end with this call."""
        self.locals = [*self.locals, {}]

    def leave_function(self) -> None:
        """Bring back what the function's local variables hid."""
        *self.locals, hidden = self.locals
        for name, value in hidden.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value

    def make_local(self, name: str) -> None:
        """Hide a variable until the function ends. Raises ShellError outside one."""
        if not self.locals:
            raise ShellError("local: can only be used in a function")
        self.locals[-1].setdefault(name, self.variables.get(name))
        self.variables.pop(name, None)
