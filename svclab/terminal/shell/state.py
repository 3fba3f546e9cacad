"""What a shell remembers: variables, functions, aliases, parameters, options, its working directory."""

from dataclasses import dataclass, field, replace

from svclab.terminal.shell.syntax import Node, ShellSyntaxError

MAX_VALUE = 4_000_000  # characters of a variable
OPTION_NAMES = {
    "errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "verbose": "v", "noexec": "n",
    "allexport": "a", "noclobber": "C", "pipefail": "pipefail",
}  # fmt: skip
Value = str | dict[str, str]  # a text, or an array: index or key -> text


class ShellError(Exception):
    """An expansion or assignment fails: the command is not run, `$?` is 1, the message is printed."""

    status = 1


class Unset(ShellError):
    """A parameter had to be set and is not: a shell that runs a script ends with 127."""

    status = 127


class Exit(Exception):
    """The shell ends with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Discard(Exception):
    """An expansion failed: the rest of the command line is dropped; `status` is what a script ends with."""

    def __init__(self, status: int = 1) -> None:
        super().__init__(status)
        self.status = status


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
    origin: str = ""  # "-c", "eval", or the file that is sourced: where the text being run comes from
    line: int = 1  # of the command being run
    variables: dict[str, Value] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    readonly: set[str] = field(default_factory=set)
    attributes: dict[str, str] = field(default_factory=dict)  # of `declare`: letters of "aAilu"
    functions: dict[str, Node] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)
    options: set[str] = field(default_factory=set)  # of `set` (letters, "pipefail") and `shopt` (names)
    traps: dict[str, str] = field(default_factory=dict)  # signal name, EXIT, ERR or DEBUG -> commands
    directories: list[str] = field(default_factory=list)  # those that pushd put aside
    calls: list[str] = field(default_factory=list)  # the functions being run, the innermost last
    last_word: str = ""  # `$_`
    loops: int = 0  # around the command being run
    subshells: int = 0  # around this shell
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
            attributes=dict(self.attributes),
            traps={},
            directories=list(self.directories),
            calls=list(self.calls),
            locals=[dict(hidden) for hidden in self.locals],
        )

    def get(self, name: str) -> str | None:
        """A variable's text (an array's element 0), or None where it is not set."""
        value = self.variables.get(name)
        return value.get("0") if isinstance(value, dict) else value

    def set(self, name: str, value: Value) -> None:
        """Assign. Raises ShellError for a read-only variable."""
        self._check(name, value)
        old = self.variables.get(name)
        if isinstance(old, dict) and isinstance(value, str):
            self.set_element(name, "0", value)
        else:
            self.variables[name] = self._cased(name, value) if isinstance(value, str) else value

    def set_element(self, name: str, key: str, value: str) -> None:
        """Assign one element of an array. Raises ShellError for a read-only variable."""
        self._check(name, value)
        old = self.variables.get(name)
        if not isinstance(old, dict):
            self.variables[name] = {} if old is None else {"0": old}
        array = self.variables[name]
        assert isinstance(array, dict)
        is_new = key not in array
        last = next(reversed(array), None)
        array[key] = self._cased(name, value)
        if is_new and "A" in self.attributes.get(name, ""):
            newest_first = {key: array[key], **array}
            self.variables[name] = dict(sorted(newest_first.items(), key=lambda item: _bucket(item[0])))
        elif is_new and last is not None and int(key) < int(last):
            self.variables[name] = dict(sorted(array.items(), key=lambda item: int(item[0])))

    def _check(self, name: str, value: Value) -> None:
        if name in self.readonly:
            raise ShellError(f"{name}: readonly variable")
        if len(value) > MAX_VALUE:
            raise ShellError(f"{name}: a value longer than {MAX_VALUE:,} characters")

    def _cased(self, name: str, value: str) -> str:
        letters = self.attributes.get(name, "")
        return value.lower() if "l" in letters else value.upper() if "u" in letters else value

    def unset(self, name: str) -> None:
        """Forget a variable. Raises ShellError for a read-only one."""
        if name in self.readonly:
            raise ShellError(f"unset: {name}: cannot unset: readonly variable")
        self.variables.pop(name, None)
        self.attributes.pop(name, None)
        self.exported.discard(name)

    def environment(self) -> dict[str, str]:
        """The exported variables."""
        return {n: v for n in sorted(self.exported) if (v := self.get(n)) is not None}

    def complaint(self, text: str) -> str:
        """An error message as this shell words it."""
        if self.flavour == "dash":
            return f"{self.name}: {self.line}: {text}"
        if self.flavour == "bash" and not self.interactive:
            name = self.name if self.origin in ("", "-c", "eval") else self.origin
            return f"{name}: line {self.line}: {text}"
        return f"{self.name}: {text}"

    def refusal(self, error: ShellSyntaxError) -> str:
        """What this shell prints of a text that is no program."""
        if self.flavour != "bash":
            return self._short_refusal(error)
        if self.interactive and self.origin in ("", "eval"):
            return f"{self.name}: {error}"
        is_file = self.origin not in ("", "-c", "eval")
        origin = f"{self.origin}: " if self.origin else ""
        name = f"{self.name}: " if self.interactive or not is_file else ""
        place = f"{name}{origin}line {error.line}: "
        return f"{place}{error}" + (f"\n{place}`{error.shown}'" if error.token else "")

    def _short_refusal(self, error: ShellSyntaxError) -> str:
        """As dash and busybox's ash say it."""
        dash = self.flavour == "dash"
        start = f"{self.name}: {error.line}: Syntax error: " if dash else f"{self.name}: syntax error: "
        if "matching" in str(error):
            missing = 'missing "}"' if "}" in str(error) else "unterminated quoted string"
            return start + (missing[0].upper() + missing[1:] if dash else missing)
        wanted = f' (expecting "{error.expected}")' if error.expected else ""
        found = f'"{error.token}"' if error.token not in ("", "newline") else error.token or "end of file"
        return start + (f"{found} unexpected{wanted}" if dash else f"unexpected {found}{wanted}")

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


def _bucket(key: str) -> int:
    """Where bash's hash table keeps a key of an associative array, and so its place in `${!a[@]}`."""
    found = 2166136261
    for byte in key.encode(errors="replace"):
        found = (found * 16777619 & 0xFFFFFFFF) ^ byte
    return found & 1023
