"""The rules of label keys and values in the words of this client, which is older than the server."""

from svclab.kube import selectors


def key_problems(key: str) -> list[str]:
    """What is wrong with a key, if anything."""
    return _in_characters(selectors.key_problems(key))


def value_problems(value: str) -> list[str]:
    """What is wrong with a value, if anything."""
    return _in_characters(selectors.value_problems(value))


def _in_characters(problems: list[str]) -> list[str]:
    return [problem.replace("63 bytes", "63 characters") for problem in problems]
