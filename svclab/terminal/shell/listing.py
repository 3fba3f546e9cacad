"""Functions written out as `declare -f` and `type` print them. Source: bash 5.2, print_cmd.c."""

from svclab.terminal.shell import syntax
from svclab.terminal.shell.syntax import Node

_STEP = "    "


def listing(name: str, body: Node) -> str:
    """A function's definition, indented as bash does it."""
    if isinstance(body, syntax.Group) and not body.subshell:
        return f"{name} () \n{{ \n{_STEP}{_lines(body.body, 1)}\n}}\n"
    return f"{name} () \n{_text(body, 0)}\n"


def command_text(node: Node) -> str:
    """A command as `jobs` shows it."""
    return _text(node, 0)


def _lines(node: Node, depth: int) -> str:
    """The commands of a list, one below the other, each but the last with its semicolon."""
    if not isinstance(node, syntax.Sequence):
        return _text(node, depth)
    shown = [_text(item, depth) + (" &" if background else ";") for item, background in node.items]
    return ("\n" + _STEP * depth).join(shown).removesuffix(";")


def _inline(node: Node, depth: int) -> str:
    items = node.items if isinstance(node, syntax.Sequence) else ((node, False),)
    return "; ".join(_text(item, depth) for item, _ in items)


def _block(node: Node, depth: int) -> str:
    """A body one step further in, with the semicolon that its keyword's line wants."""
    return _STEP * (depth + 1) + _lines(node, depth + 1) + ";\n" + _STEP * depth


def _text(node: Node, depth: int) -> str:
    match node:
        case syntax.Simple():
            return _simple(node)
        case syntax.Sequence():
            return _inline(node, depth)
        case syntax.AndOr(first, rest):
            return _text(first, depth) + "".join(f" {sign} {_text(each, depth)}" for sign, each in rest)
        case syntax.Pipeline(commands):
            start = ("time " if node.timed else "") + ("! " if node.negated else "")
            return start + " | ".join(_text(each, depth) for each in commands)
        case syntax.Redirected(command, redirects):
            return _text(command, depth) + "".join(f" {_redirect(each)}" for each in redirects)
        case syntax.Conditional(words):
            return f"[[ {' '.join(words)} ]]"
        case syntax.Arithmetic(expression):
            return f"(( {expression.strip()} ))"
        case syntax.Function(name, body):
            return f"function {listing(name, body)}".rstrip("\n").replace("\n", "\n" + _STEP * depth)
        case _:
            return _compound(node, depth)


def _simple(node: syntax.Simple) -> str:
    """Words with one blank between them, as written, and the redirections after them."""
    if any(redirect.document for redirect in node.redirects):
        return node.source.strip()
    given = [_assignment(each) for each in node.assignments]
    return " ".join([*given, *node.words, *map(_redirect, node.redirects)])


def _assignment(node: syntax.Assignment) -> str:
    index = "" if node.index is None else f"[{node.index}]"
    return f"{node.name}{index}{'+' if node.append else ''}={node.word}"


def _redirect(redirect: syntax.Redirect) -> str:
    descriptor = "" if redirect.descriptor is None else str(redirect.descriptor)
    space = "" if redirect.operator in (">&", "<&") else " "
    return f"{descriptor}{redirect.operator}{space}{redirect.target}"


def _compound(node: Node, depth: int) -> str:
    pad = _STEP * depth
    match node:
        case syntax.Group(body, subshell):
            if subshell:
                return f"( {_inline(body, depth)} )"
            return "{ \n" + _STEP * (depth + 1) + _lines(body, depth + 1) + f"\n{pad}}}"
        case syntax.If(branches, otherwise):
            text = ""
            for number, (condition, body) in enumerate(branches):
                start = "el" if number else ""
                text += f"{start}if {_inline(condition, depth)}; then\n{_block(body, depth)}"
            return text + (f"else\n{_block(otherwise, depth)}" if otherwise is not None else "") + "fi"
        case syntax.Loop(condition, body, until):
            word = "until" if until else "while"
            return f"{word} {_inline(condition, depth)}; do\n{_block(body, depth)}done"
        case syntax.For(name, words, body):
            start = "select" if node.menu else "for"
            shown = '"$@"' if words is None else " ".join(words)
            inner = _block(body, depth + 1)
            return f"{start} {name} in {shown};\n{pad}do\n{inner.removesuffix(_STEP)}done"
        case syntax.ArithmeticFor(start, condition, step, body):
            inner = _block(body, depth + 1).removesuffix(_STEP)
            return f"for (({start}; {condition}; {step}))\n{pad}do\n{inner}done"
        case syntax.Case(word, items):
            shown = "".join(_item(item, depth + 1) for item in items)
            return f"case {word} in \n{shown}{pad}esac"
        case _:
            raise AssertionError(node)


def _item(item: tuple[tuple[str, ...], Node, str], depth: int) -> str:
    """One branch of a `case`."""
    pad = _STEP * depth
    patterns, body, ending = item
    return f"{pad}{' | '.join(patterns)})\n{pad}{_STEP}{_lines(body, depth + 1)}\n{pad}{ending}\n"
