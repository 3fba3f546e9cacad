"""The program `kubectl`: finds the command, reads its flags, runs it, and prints what went wrong."""

import importlib
import pkgutil
from functools import cache

from svclab.terminal.commands import kubectl as _package
from svclab.terminal.commands.kubectl import help_text
from svclab.terminal.commands.kubectl.client import Client, NamespaceMismatch
from svclab.terminal.commands.kubectl.errors import (
    ApiError,
    Failures,
    KubectlError,
    UsageError,
    describe,
    raise_all,
)
from svclab.terminal.commands.kubectl.flags import GLOBAL_FLAGS, parse
from svclab.terminal.commands.kubectl.verbs import Verb, resolve
from svclab.terminal.commands.registry import Context, command

_VALUED = {f"--{flag.name}" for flag in GLOBAL_FLAGS if flag.kind != "bool"} | {
    f"-{flag.short}" for flag in GLOBAL_FLAGS if flag.short and flag.kind != "bool"
}


@command("kubectl", places={"laptop", "node"})
def kubectl(context: Context, argv: list[str]) -> int:
    """Run one kubectl command line; returns its exit code."""
    load_verbs()
    try:
        return _run(context, argv)
    except (KubectlError, ApiError, Failures) as problem:
        text, code = describe(problem)
        context.stderr.write(text)
        return code


@cache
def load_verbs() -> None:
    """Import every module of this package, so that all commands are registered."""
    for module in pkgutil.iter_modules(_package.__path__, _package.__name__ + "."):
        importlib.import_module(module.name)


def _run(context: Context, argv: list[str]) -> int:
    positions = word_positions(argv)
    words = [argv[at] for at in positions]
    found, count = resolve(words)
    if found is None:
        return _without_command(context, argv, words)
    rest = [word for at, word in enumerate(argv) if at not in positions[:count]]
    if found.run is None:
        return _incomplete(context, found, rest, words[count:])
    flags = parse(rest, (*found.flags, *GLOBAL_FLAGS), found.name)
    if flags["help"]:
        context.stdout.write(help_text.of_command(found))
        return 0
    client = Client(context, flags, found.name)
    if flags.has("record"):
        client.note("Flag --record has been deprecated, --record will be removed in the future")
    if flags.values.get("dry-run") == "unchanged":
        replacement = "--dry-run is deprecated and can be replaced with --dry-run=client."
        client.log("W", "helpers.go:703", replacement)
    try:
        code = found.run(client, flags) or 0
    except (KubectlError, ApiError, Failures) as problem:
        found_errors = problem.errors if isinstance(problem, Failures) else [problem]
        raise_all(_with_deferred(client, [error for error in found_errors if error not in client.deferred]))
        raise
    raise_all(_with_deferred(client, []))
    return code


def _with_deferred(client: Client, errors: list[Exception]) -> list[Exception]:
    """A command's errors and those of the files it read: before them with `apply`, else after them in one."""
    if client.command in ("apply", "describe") or len(client.deferred) < 2:
        before = client.command in ("apply", "describe")
        return [*client.deferred, *errors] if before else [*errors, *client.deferred]
    if all(isinstance(error, NamespaceMismatch) for error in client.deferred):
        return [*errors, *client.deferred]
    texts = [error.text for error in client.deferred if isinstance(error, KubectlError)]
    return [*errors, KubectlError(f"[{', '.join(texts)}]")]


def word_positions(argv: list[str]) -> list[int]:
    """Where the words stand that may name the command: up to three, no flags nor values of global ones."""
    positions, at = [], 0
    while at < len(argv) and len(positions) < 3:
        word = argv[at]
        if word == "--":
            break
        if word in _VALUED:
            at += 1
        elif not word.startswith("-") or word == "-":
            positions.append(at)
        at += 1
    return positions


def _without_command(context: Context, argv: list[str], words: list[str]) -> int:
    if words and argv[0].startswith("-"):
        raise KubectlError(f"Error: flags cannot be placed before plugin name: {argv[0]}", bare=True)
    if words:
        raise KubectlError(_unknown(words[0]))
    parse(argv, GLOBAL_FLAGS, "")
    context.stdout.write(help_text.overview())
    return 0


def _unknown(word: str) -> str:
    text = f'unknown command "{word}" for "kubectl"'
    names = [name for _, group in help_text.GROUPS for name in group]
    near = [name for name in names if _distance(word, name) <= 2 or name.startswith(word.lower())]
    if near:
        text += "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in near)
    return text


def _distance(left: str, right: str) -> int:
    """How many letters differ (Levenshtein)."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left.lower(), start=1):
        row, before = [i], row
        for j, b in enumerate(right.lower(), start=1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


def _incomplete(context: Context, found: Verb, rest: list[str], words: list[str]) -> int:
    flags = parse([word for word in rest if word in ("-h", "--help")], GLOBAL_FLAGS, found.name)
    if words and not flags["help"]:
        parse(rest, GLOBAL_FLAGS, found.name)
        named = " ".join(word for word in rest if not word.startswith("-"))
        raise UsageError(f'unknown command "{named}"', found.name)
    out = context.stdout if flags["help"] or found.name in ("rollout", "certificate") else context.stderr
    out.write(help_text.of_command(found))
    return 0 if flags["help"] or found.name == "certificate" else 1
