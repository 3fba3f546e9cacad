"""What kubectl says when something fails, and with which exit code.

Source: kubectl 1.33 pkg/cmd/util (CheckErr, StandardErrorMessage), checked against recorded runs.
"""

import json
from typing import Any

Manifest = dict[str, Any]


class KubectlError(Exception):
    """A failure on the client's side. `text` is printed after `error: `, or as it is when `bare`."""

    def __init__(self, text: str, code: int = 1, *, bare: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.bare = bare


class UsageError(KubectlError):
    """Wrong arguments; the message points to the command's help."""

    def __init__(self, text: str, command: str) -> None:
        super().__init__(f"{text}\nSee 'kubectl {command} -h' for help and examples")


class ApiError(Exception):
    """The API server refused; `status` is its metav1.Status."""

    def __init__(self, status: Manifest) -> None:
        super().__init__(status.get("message", ""))
        self.status = status

    @property
    def reason(self) -> str:
        """`NotFound`, `Invalid`, ..."""
        return self.status.get("reason", "")

    @property
    def message(self) -> str:
        """The server's own words."""
        return self.status.get("message", "")

    def while_doing(self, verb: str, source: str) -> "ApiError":
        """The same failure, with the file that it came from in its message."""
        return ApiError({**self.status, "message": f'error when {verb} "{source}": {self.message}'})


def status_in(answer: str) -> Manifest:
    """The Status in a refusal; some paths answer in plain text, for which kubectl has words of its own."""
    try:
        return json.loads(answer)
    except json.JSONDecodeError:
        return {"reason": "NotFound", "message": "the server could not find the requested resource"}


class Failures(Exception):
    """Several failures, printed one after the other."""

    def __init__(self, errors: list[Exception]) -> None:
        super().__init__(f"{len(errors)} failures")
        self.errors = errors


def raise_all(errors: list[Exception]) -> None:
    """Raise what was collected: nothing, the one error, or all together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Failures(errors)


def describe(error: Exception) -> tuple[str, int]:
    """The text for standard error (with its newline) and the exit code."""
    if isinstance(error, Failures):
        return "".join(f"{_plain_words(one)}\n" for one in error.errors), 1
    if isinstance(error, ApiError):
        return _lines(_api_words(error)), 1
    if isinstance(error, KubectlError):
        if not error.text:
            return "", error.code
        prefix = "" if error.bare or error.text.startswith("error: ") else "error: "
        return _lines(prefix + error.text), error.code
    raise error


def _plain_words(error: Exception) -> str:
    """One of several errors: without the causes that a single invalid object is explained by."""
    if isinstance(error, ApiError):
        return _status_words(error)
    return error.text if isinstance(error, KubectlError) else describe(error)[0]


def _api_words(error: ApiError) -> str:
    return _invalid_words(error.status) if error.reason == "Invalid" else _status_words(error)


def _status_words(error: ApiError) -> str:
    if error.reason == "Unauthorized":
        return f"error: You must be logged in to the server ({error.message})"
    if error.reason:
        return f"Error from server ({error.reason}): {error.message}"
    return f"Error from server: {error.message}"


def _invalid_words(status: Manifest) -> str:
    details = status.get("details")
    message = status.get("message", "")
    words = "The request is invalid"
    if details is None:
        return f"{words}: {message}" if message else words
    if details.get("kind") or details.get("name"):
        words = f'The {details.get("kind", "")} "{details.get("name", "")}" is invalid'
    elif message and not details.get("causes"):
        words += f": {message}"
    causes = [
        f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in details.get("causes") or []
    ]
    distinct = list(dict.fromkeys(causes))
    if not distinct:
        return words
    if len(distinct) == 1:
        return f"{words}: {distinct[0]}\n"
    return f"{words}: \n" + "\n".join(f"* {cause}" for cause in distinct)


def _lines(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
