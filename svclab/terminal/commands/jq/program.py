"""The command jq. Source: jq 1.7 manual."""

import json
import re
from collections.abc import Iterator
from typing import Any

from svclab.terminal.commands.arguments import Inputs
from svclab.terminal.commands.jq.errors import Halt, JqError, NotDefined
from svclab.terminal.commands.jq.evaluation import Evaluation, dumped
from svclab.terminal.commands.jq.functions import as_text, truth
from svclab.terminal.commands.jq.language import Parser
from svclab.terminal.commands.jq.prelude import prelude
from svclab.terminal.commands.registry import Context, Usage, command

_LONG = {
    "--raw-output": "r", "--compact-output": "c", "--exit-status": "e", "--null-input": "n", "--slurp": "s",
    "--join-output": "j", "--sort-keys": "S", "--raw-input": "R", "--tab": "t", "--monochrome-output": "M",
    "--color-output": "C", "--ascii-output": "a", "--version": "V", "--seq": "q", "--stream": "Z",
    "--unbuffered": "u", "--raw-output0": "0",
}  # fmt: skip


_SEE = "or see the jq manpage, or online docs  at https://stedolan.github.io/jq"


@command("jq", places={"laptop", "node", "netshoot"})
def jq(context: Context, argv: list[str]) -> int:
    """Filters JSON: -r raw texts, -c one line each, -e exit code by result, -n no input, -s all inputs at
    once.
    """
    flags, env, words = _arguments(argv)
    if "V" in flags:
        context.print("jq-1.7.1" if context.location.toolset == "netshoot" else "jq-1.6")
        return 0
    if not words:
        return context.fail("Usage:\tjq [OPTIONS] FILTER [FILES...]\n\tjq [OPTIONS] -n FILTER", 2)
    program = Parser(words[0]).parse()
    env |= {"$ENV": context.env, "now/0": ([], ("literal", context.now().timestamp()), {})}
    env = prelude() | env
    try:
        return _filtered(context, program, env, words, flags)
    except Broken as broken:
        is_new = context.location.toolset == "netshoot"  # 1.7, which puts its name before the words
        return context.fail(f"jq: {broken}" if is_new else str(broken), 2 if is_new else 4)


def _filtered(context: Context, program: Any, env: dict[str, Any], words: list[str], flags: set[str]) -> int:
    inputs = Inputs(context, words[1:])
    status, last = 0, None
    for value in _values(inputs, flags):
        try:
            for last in Evaluation(context.process.step).run(program, value, env):
                context.stdout.write(_shown(last, flags))
        except Halt as halted:
            if halted.value is not None:
                is_text = isinstance(halted.value, str)
                context.stderr.write(halted.value if is_text else _shown(halted.value, {"c"}))
            return halted.status
        except NotDefined as error:
            context.fail(f"jq: error: {error} at <top-level>, line 1:\n{words[0]}")
            return context.fail("jq: 1 compile error", 3)
        except JqError as error:
            where = "<unknown>" if "n" in flags else f"{words[1] if words[1:] else '<stdin>'}:1"
            status = context.fail(f"jq: error (at {where}): {error}", 5)
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
        elif re.fullmatch(r"-[rcensjSRtMCaVh]+", word):
            flags |= set(word[1:])
        elif word.startswith("-") and len(word) > 1:
            raise Usage(f"Unknown option {word}\nUse jq --help for help with command-line options,\n{_SEE}")
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


class Broken(Exception):
    """The input is no JSON; `place` is how far it was read."""

    def __init__(self, what: str, text: str, place: int) -> None:
        before = text[:place]
        column = len(before) - before.rfind("\n") - 1
        super().__init__(f"parse error: {what} at line {before.count(chr(10)) + 1}, column {column}")


def _documents(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    place = len(text) - len(text.lstrip())
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except RecursionError:
            raise Broken("Exceeds depth limit for parsing", text, len(text)) from None
        except json.JSONDecodeError as error:
            rest = text[error.pos :]
            word = re.compile(r"[^\s,:\[\]{}]*").match(rest)
            assert word is not None
            end = min(error.pos + word.end() + 1, len(text)) if rest.strip() else len(text)
            what = "Invalid numeric literal" if rest.strip() else "Unfinished JSON term"
            ended = not rest.strip() or word.end() == len(rest)
            raise Broken(what + (" at EOF" if ended else ""), text, end) from None
        yield value
        while place < len(text) and text[place].isspace():
            place += 1


def _shown(value: Any, flags: set[str]) -> str:
    if isinstance(value, str) and flags & {"r", "j"}:
        return as_text(value) + ("" if "j" in flags else "\n")
    digits = next((flag.removeprefix("indent") for flag in flags if flag.startswith("indent")), "2")
    indent: int | str = "\t" if "t" in flags else int(digits) if digits.isdigit() else 2
    text = dumped(value, compact="c" in flags, sort="S" in flags, indent=indent)
    if "a" in flags:
        text = "".join(c if c < "\x80" else json.dumps(c)[1:-1] for c in text)
    return text + ("" if "j" in flags else "\n")
