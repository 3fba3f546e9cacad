"""From text to a program: tree-sitter-bash gives the structure, our lexer the words.

The tree is read with three corrections. A redirection binds to the last command of a list (the grammar gives
it
to the whole list: `a && b > f`); chains of `&&`, `||` and `|` are flattened and built up again by precedence;
and here-documents are taken out first, because the grammar loses words in front of them.
"""

import re
import sys
from bisect import bisect_right
from functools import lru_cache

import tree_sitter_bash
from tree_sitter import Language, Parser
from tree_sitter import Node as TreeNode

from svclab.terminal.shell import syntax
from svclab.terminal.shell.grammar import fault
from svclab.terminal.shell.lexer import (
    REDIRECTIONS,
    HereDocument,
    Plain,
    Token,
    tokens,
    without_here_documents,
)
from svclab.terminal.shell.syntax import Node, ShellSyntaxError

_LANGUAGE = Language(tree_sitter_bash.language())
_SIMPLE = frozenset(
    {
        "command",
        "variable_assignment",
        "variable_assignments",
        "declaration_command",
        "unset_command",
        "test_command",
    }
)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:\[([^]]*)\])?(\+?)=(.*)", re.DOTALL)
_PLAIN = re.compile(r"[\w./:@%,+=-]+|[{}!]|\[\[|\]\]")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_BEFORE_COMMAND = frozenset(
    {"\n", ";", "&", "&&", "||", "|", "(", "{", "do", "then", "else", "!", "if", "while"}
)
_MAX_DEPTH = 200

Item = str | Node  # of a flattened chain: an operator, or a command


@lru_cache(maxsize=512)
def parse(text: str) -> Node:
    """The program in `text`. Raises ShellSyntaxError."""
    try:
        if (wrong := fault(text)) is not None:
            raise wrong
        return _parsed(text)
    except RecursionError:
        raise ShellSyntaxError("syntax error: commands nested too deeply") from None


def _parsed(text: str) -> Node:
    plain = without_here_documents(text)
    source = plain.text.encode(errors="replace")
    root = Parser(_LANGUAGE).parse(_masked(plain.text).encode(errors="replace")).root_node
    found = list(tokens(plain.text))
    timed = {
        len(plain.text[: found[place + 1].start].encode(errors="replace"))
        for place in range(len(found))
        if _is_timed(found, place)
    }
    return _Builder(source, plain.documents, timed, _lines(text, plain)).program(root)


def _lines(text: str, plain: Plain) -> list[tuple[int, int]]:
    """For each line of the text without here-documents: its first byte, and its number in `text`."""
    found: list[tuple[int, int]] = []
    byte = offset = counted = 0
    number = 1
    for line in plain.text.split("\n"):
        there = plain.original(offset)
        number += text.count("\n", counted, there)
        counted = there
        found.append((byte, number))
        byte += len(line.encode(errors="replace")) + 1
        offset += len(line) + 1
    return found


def _masked(text: str) -> str:
    """`text` with each word that is not a plain one, and all within `[[ ]]`, as letters, byte for byte as
    long.

    So the grammar sees structure only, and no word (`{1..}`, `jsonpath={.items[0]}`) can mislead it.
    """
    parts: list[str] = []
    done = 0
    found = list(tokens(text))
    for place, token in enumerate(found):
        if token.start < done:
            continue
        if token.kind != "word":
            if token.text in REDIRECTIONS:  # the grammar does not know each of them in each place
                parts += [text[done : token.start], ">".ljust(token.end - token.start)]
                done = token.end
            continue
        if _is_timed(found, place):
            parts += [text[done : token.start], "    "]
            done = token.end
            continue
        if token.text == "in" and found[place - 1 : place] and _names_nothing(found, place):
            parts += [text[done : token.start], "  "]  # `for x in;`, which the grammar does not know
            done = token.end
            continue
        if token.text == "[[" and (end := next((t for t in found[place:] if t.text == "]]"), None)):
            start, stop = token.end + 1, end.start - 1
        elif _PLAIN.fullmatch(token.text):
            continue
        else:
            assigned = _ASSIGNED.match(token.text)
            start, stop = token.start + (assigned.end() if assigned else 0), token.end
        if stop > start:
            parts += [text[done:start], "w" * len(text[start:stop].encode(errors="replace"))]
            done = stop
    return "".join(parts) + text[done:]


def _is_timed(found: list[Token], place: int) -> bool:
    """Whether a token is the keyword `time` (with a command after it), which the grammar does not know."""
    if found[place].text != "time" or place + 1 == len(found) or found[place + 1].text in ("\n", ";", "|"):
        return False
    return place == 0 or found[place - 1].text in _BEFORE_COMMAND


def _names_nothing(found: list[Token], place: int) -> bool:
    """Whether the `in` at `place` is that of a loop over no words."""
    following = found[place + 1].text if place + 1 < len(found) else ""
    return found[max(place - 2, 0)].text in ("for", "select") and following in (";", "\n")


class _Builder:
    """Turns one tree into nodes."""

    def __init__(
        self,
        source: bytes,
        documents: dict[str, HereDocument],
        timed: set[int],
        lines: list[tuple[int, int]],
    ) -> None:
        self._source = source
        self._documents = documents
        self._timed = timed  # where a command starts that stands after the keyword `time`
        self._lines = lines
        self._depth = 0

    def program(self, root: TreeNode) -> Node:
        if root.has_error:
            raise self._complaint(root)
        return self._sequence(root.children)

    def _text(self, start: int, end: int) -> str:
        return self._source[start:end].decode(errors="replace")

    def _line(self, byte: int) -> int:
        """The number of the line, in the text as it was, in which a byte stands."""
        return self._lines[bisect_right(self._lines, (byte, sys.maxsize)) - 1][1]

    def _complaint(self, root: TreeNode) -> ShellSyntaxError:
        """What is said of text that our grammar takes and tree-sitter's does not."""
        node = root
        while not node.is_error and (
            wrong := next((c for c in node.children if c.is_error or c.is_missing or c.has_error), None)
        ):
            node = wrong
        word = next(iter(tokens(self._text(node.start_byte, len(self._source)))), None)
        shown = "newline" if word is None or word.text == "\n" else word.text
        message = f"syntax error near unexpected token `{shown}'"
        return ShellSyntaxError(message, self._line(node.start_byte), token=shown)

    def _sequence(self, children: list[TreeNode]) -> Node:
        items: list[tuple[Node, bool]] = []
        for child in children:
            if child.type == "&" and items:
                items[-1] = (items[-1][0], True)
            elif child.is_named and child.type not in ("comment", "heredoc_body"):
                items.append((self._statement(child), False))
        return items[0][0] if len(items) == 1 and not items[0][1] else syntax.Sequence(tuple(items))

    def _statement(self, node: TreeNode) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ShellSyntaxError("syntax error: commands nested too deeply")
        try:
            return _chain(self._flatten(node))
        finally:
            self._depth -= 1

    def _flatten(self, node: TreeNode, end: int | None = None) -> list[Item]:
        """The commands and operators below `node`; the last command reaches to `end` (its redirections)."""
        end = node.end_byte if end is None else end
        match node.type:
            case "redirected_statement":
                body = node.children[0]
                if body.type in ("file_redirect", "herestring_redirect"):
                    return [self._simple(node.start_byte, end)]
                return self._flatten(body, end)
            case "list" | "pipeline" | "negated_command":
                items: list[Item] = []
                children = [child for child in node.children if child.type != "comment"]
                for child in children:
                    if not child.is_named:
                        items += [] if child.type == "\n" else [child.type]
                    else:
                        items += self._flatten(child, end if child == children[-1] else None)
                return items
            case _:
                timed: list[Item] = ["time"] if node.start_byte in self._timed else []
                return [*timed, self._command(node, end)]

    def _command(self, node: TreeNode, end: int) -> Node:
        text = self._text(node.start_byte, node.end_byte)
        if node.type == "test_command" and text.startswith("[["):
            return self._redirected(self._conditional(node), node.end_byte, end)
        if node.type in _SIMPLE and not text.startswith("(("):
            return self._simple(node.start_byte, end)
        return self._redirected(self._compound(node), node.end_byte, end)

    def _redirected(self, command: Node, start: int, end: int) -> Node:
        redirects = _redirects(list(tokens(self._text(start, end))), self._documents)[1]
        return syntax.Redirected(command, redirects) if redirects else command

    def _simple(self, start: int, end: int) -> Node:
        source = self._text(start, end)
        words, redirects = _redirects(list(tokens(source)), self._documents)
        assignments: list[syntax.Assignment] = []
        while words and (match := _ASSIGNMENT.fullmatch(words[0])):
            assignments.append(syntax.Assignment(match[1], match[4], bool(match[3]), match[2]))
            words = words[1:]
        return syntax.Simple(tuple(assignments), tuple(words), redirects, source, self._line(start))

    def _conditional(self, node: TreeNode) -> Node:
        inner = self._text(node.start_byte, node.end_byte).removeprefix("[[").removesuffix("]]")
        words: list[str] = []
        end = -1
        regex = False  # the word after `=~` reaches to the next blank, brackets and bars included
        for token in tokens(inner):
            if regex and token.start == end:
                words[-1] += token.text
            elif token.text != "\n":
                regex = words[-1:] == ["=~"]
                words.append(token.text)
            end = token.end
        return syntax.Conditional(tuple(words))

    def _compound(self, node: TreeNode) -> Node:
        match node.type:
            case "if_statement":
                return self._if(node)
            case "while_statement":
                return self._while(node)
            case "for_statement":
                return self._for(node)
            case "c_style_for_statement":
                return self._arithmetic_for(node)
            case "case_statement":
                return self._case(node)
            case "function_definition":
                return self._function(node)
            case "subshell":
                return syntax.Group(self._sequence(node.children[1:-1]), subshell=True)
            case "compound_statement" | "test_command":
                text = self._text(node.start_byte, node.end_byte)
                if text.startswith("(("):
                    return syntax.Arithmetic(text[2:-2])
                return syntax.Group(self._sequence(node.children[1:-1]), subshell=False)
            case _:
                word = self._text(node.start_byte, node.end_byte).split()[:1]
                raise ShellSyntaxError(f"syntax error near unexpected token `{''.join(word)}'")

    def _if(self, node: TreeNode) -> Node:
        branches: list[tuple[Node, Node]] = []
        otherwise: Node | None = None
        condition, body = _split(node.children[1:], "then")
        clauses = [c for c in body if c.type in ("elif_clause", "else_clause")]
        body = [c for c in body if c not in clauses and c.type != "fi"]
        branches.append((self._sequence(condition), self._sequence(body)))
        for clause in clauses:
            if clause.type == "else_clause":
                otherwise = self._sequence(clause.children[1:])
            else:
                condition, body = _split(clause.children[1:], "then")
                branches.append((self._sequence(condition), self._sequence(body)))
        return syntax.If(tuple(branches), otherwise)

    def _body(self, node: TreeNode) -> Node:
        """The commands of a `do … done` or `{ … }`."""
        return self._sequence(node.children[1:-1])

    def _while(self, node: TreeNode) -> Node:
        *condition, body = node.children[1:]
        return syntax.Loop(self._sequence(condition), self._body(body), node.children[0].type == "until")

    def _for(self, node: TreeNode) -> Node:
        body = node.children[-1]
        head = [token.text for token in tokens(self._text(node.start_byte, body.start_byte))]
        words = None
        if "in" in head[2:3]:
            words = tuple(word for word in head[3:] if word not in (";", "\n"))
        return syntax.For(head[1], words, self._body(body), head[0] == "select", self._line(node.start_byte))

    def _arithmetic_for(self, node: TreeNode) -> Node:
        body = node.children[-1]
        head = self._text(node.start_byte, body.start_byte)
        inner = head[head.index("((") + 2 : head.rindex("))")]
        start, condition, step = (part.strip() for part in inner.split(";", 2))
        return syntax.ArithmeticFor(start, condition, step, self._body(body))

    def _case(self, node: TreeNode) -> Node:
        items = []
        first = next((c for c in node.children if c.type == "case_item"), None)
        head = self._text(node.start_byte, first.start_byte if first else node.end_byte)
        word = next(token.text for token in tokens(head[4:]))
        for item in (c for c in node.children if c.type == "case_item"):
            bracket = next(i for i, c in enumerate(item.children) if c.type == ")")
            patterns = self._text(item.start_byte, item.children[bracket].start_byte)
            words = tuple(t.text for t in tokens(patterns) if t.kind == "word")
            ending = item.children[-1].type if item.children[-1].type in (";;", ";&", ";;&") else ";;"
            body = [c for c in item.children[bracket + 1 :] if c.type not in (";;", ";&", ";;&")]
            items.append((words, self._sequence(body), ending))
        return syntax.Case(word, tuple(items))

    def _function(self, node: TreeNode) -> Node:
        name = next(child for child in node.children if child.type == "word")
        body = next(
            child for child in reversed(node.children) if child.type.endswith(("statement", "subshell"))
        )
        return syntax.Function(
            self._text(name.start_byte, name.end_byte),
            self._redirected(self._compound(body), body.end_byte, node.end_byte),
        )


def _split(children: list[TreeNode], keyword: str) -> tuple[list[TreeNode], list[TreeNode]]:
    place = next(i for i, child in enumerate(children) if child.type == keyword)
    return children[:place], children[place + 1 :]


def _redirects(
    found: list[Token], documents: dict[str, HereDocument]
) -> tuple[list[str], tuple[syntax.Redirect, ...]]:
    words: list[str] = []
    redirects: list[syntax.Redirect] = []
    rest = iter(found)
    for token in rest:
        if token.kind == "operator" and token.text in REDIRECTIONS:
            target = next(rest, None)
            if target is None or target.kind != "word":
                shown = "newline" if target is None else target.text
                raise ShellSyntaxError(f"syntax error near unexpected token `{shown}'")
            document = documents.get(target.text)
            redirects.append(syntax.Redirect(token.text, target.text, token.descriptor, document))
        elif token.kind == "word":
            words.append(token.text)
        elif token.text not in (";", "\n", "&"):
            raise ShellSyntaxError(f"syntax error near unexpected token `{token.text}'")
    return words, tuple(redirects)


def _chain(items: list[Item]) -> Node:
    """Builds `a && b | c || d` by precedence: `!` and `|` bind closer than `&&` and `||`."""
    parts: list[tuple[str, list[Item]]] = [("", [])]
    for item in items:
        if item in ("&&", "||"):
            parts.append((str(item), []))
        else:
            parts[-1][1].append(item)
    pipelines = [(operator, _pipeline(part)) for operator, part in parts]
    return pipelines[0][1] if len(pipelines) == 1 else syntax.AndOr(pipelines[0][1], tuple(pipelines[1:]))


def _pipeline(items: list[Item]) -> Node:
    negated = timed = False
    commands: list[Node] = []
    merged: list[bool] = []
    for item in items:
        if item == "!":
            negated = not negated
        elif item == "time":
            timed = True
        elif isinstance(item, str):
            merged[-1] = item == "|&"
        else:
            commands.append(item)
            merged.append(False)
    if not commands:
        raise ShellSyntaxError("syntax error: unexpected end of file")
    if len(commands) == 1 and not (negated or timed):
        return commands[0]
    return syntax.Pipeline(tuple(commands), tuple(merged), negated, timed)
