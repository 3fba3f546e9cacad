"""The command jq. Source: jq 1.7 manual."""

import json
import re
from collections.abc import Iterator
from typing import Any

from svclab.terminal.commands.arguments import Inputs
from svclab.terminal.commands.jq.evaluation import Evaluation, dumped
from svclab.terminal.commands.jq.functions import JqError, as_text, truth
from svclab.terminal.commands.jq.language import Parser
from svclab.terminal.commands.registry import Context, Usage, command

_LONG = {
    "--raw-output": "r", "--compact-output": "c", "--exit-status": "e", "--null-input": "n", "--slurp": "s",
    "--join-output": "j", "--sort-keys": "S", "--raw-input": "R", "--tab": "t", "--monochrome-output": "M",
    "--color-output": "C",
}  # fmt: skip


@command("jq", places={"laptop", "node", "netshoot"})
def jq(context: Context, argv: list[str]) -> int:
    """Filters JSON: -r raw texts, -c one line each, -e exit code by result, -n no input, -s all inputs at
    once.
    """
    flags, env, words = _arguments(argv)
    if not words:
        raise Usage("Usage:\tjq [OPTIONS] FILTER [FILES...]\n\tjq [OPTIONS] -n FILTER")
    program = Parser(words[0]).parse()
    env["$ENV"] = context.env
    inputs = Inputs(context, words[1:])
    status, last = 0, None
    for value in _values(inputs, flags):
        try:
            for last in Evaluation(context.process.step).run(program, value, env):
                context.stdout.write(_shown(last, flags))
        except JqError as error:
            status = context.fail(f"jq: error (at <stdin>:0): {error}", 5)
        except RecursionError:
            status = context.fail("jq: error: the filter is nested too deeply", 5)
    if "e" in flags and not status:
        return int(not truth(last))
    return status or (2 if inputs.status else 0)


def _arguments(argv: list[str]) -> tuple[set[str], dict[str, Any], list[str]]:
    flags: set[str] = set()
    env: dict[str, Any] = {}
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word in ("--arg", "--argjson"):
            name, text = next(rest, ""), next(rest, "")
            try:
                env[f"${name}"] = text if word == "--arg" else json.loads(text)
            except ValueError:
                raise Usage(f"Invalid JSON text passed to --argjson: {text}") from None
        elif word == "--indent":
            flags.add(f"indent{next(rest, '2')}")
        elif word in _LONG:
            flags.add(_LONG[word])
        elif re.fullmatch(r"-[a-zA-Z]+", word):
            flags |= set(word[1:])
        elif word.startswith("--"):
            raise Usage(f"Unknown arguments: {word}")
        else:
            words.append(word)
    return flags, env, words


def _values(inputs: Inputs, flags: set[str]) -> Iterator[Any]:
    if "n" in flags:
        yield None
        return
    text = "".join(inputs.lines())
    if "R" in flags:
        values: list[Any] = [text] if "s" in flags else text.splitlines()
        yield from values
        return
    found = _documents(text)
    yield from [list(found)] if "s" in flags else found


def _documents(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    place = len(text) - len(text.lstrip())
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError) as error:
            line = text[:place].count("\n") + 1
            what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise Usage(
                f"parse error: Invalid numeric literal or JSON text at line {line} ({what})"
            ) from None
        yield value
        while place < len(text) and text[place].isspace():
            place += 1


def _shown(value: Any, flags: set[str]) -> str:
    if isinstance(value, str) and flags & {"r", "j"}:
        return as_text(value) + ("" if "j" in flags else "\n")
    digits = next((flag.removeprefix("indent") for flag in flags if flag.startswith("indent")), "2")
    indent: int | str = "\t" if "t" in flags else int(digits) if digits.isdigit() else 2
    return dumped(value, compact="c" in flags, sort="S" in flags, indent=indent) + (
        "" if "j" in flags else "\n"
    )
