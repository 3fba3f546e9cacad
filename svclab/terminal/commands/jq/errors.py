"""How a jq filter fails or ends early."""

import json
from typing import Any


class JqError(Exception):
    """A filter fails; `value` is what `catch` gets, mostly a message."""

    def __init__(self, value: Any) -> None:
        super().__init__(value if isinstance(value, str) else json.dumps(value))
        self.value = value


class NotDefined(JqError):
    """The filter names a function or variable that there is not: jq finds that before it runs."""


class Halt(Exception):
    """`halt_error`: the program ends with a value, which is printed, and an exit code."""

    def __init__(self, value: Any, status: int) -> None:
        super().__init__(status)
        self.value, self.status = value, status
