"""jq's grammar: from a filter's text to nested tuples. Source: jq 1.7 manual.

("identity",) ("recurse",) ("field", target, name filter) ("slice", target, from, to) ("iterate", target)
("literal", value) ("text", format, [str | filter]) ("array", filter | None) ("object", [(key, value)])
("pipe", a, b) ("comma", a, b) ("binary", op, a, b) ("assign", op, a, b) ("negate", a) ("try", a, b | None)
("if", [(condition, body)], otherwise | None) ("as", source, pattern, body) ("reduce", source, name, init,
update)
("foreach", source, name, init, update, extract) ("call", name, args) ("variable", name) ("format", name)
("def", name, parameters, body, rest)
"""

import json
import re
from typing import Any

from svclab.terminal.commands.registry import Usage

Filter = tuple[Any, ...]
_TOKEN = re.compile(
    r"(?P<space>\s+|#[^\n]*)|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?)|(?P<field>\.[A-Za-z_]\w*)|(?P<format>@\w+)"
    r"|(?P<variable>\$[A-Za-z_]\w*|\$__loc__)|(?P<name>[A-Za-z_]\w*(?:::\w+)?)"
    r'|(?P<quote>")|(?P<op>\.\.|\?//|//=|\|=|\+=|-=|\*=|/=|%=|==|!=|<=|>=|//|[-.\[\]{}()|,:;=<>+*/%?])'
)
_LEVELS = (("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))
_ASSIGN = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")
_KEYWORDS = frozenset({
    "if", "then", "elif", "else", "end", "as", "def", "reduce", "foreach", "try", "catch", "and", "or",
    "import", "include", "label",
})  # fmt: skip
_MAX_DEPTH = 80


def _bad(what: str) -> Usage:
    return Usage(f"error: syntax error, {what}\njq: 1 compile error", 3)


class Parser:
    """Recursive descent: `|` binds loosest, then `,`, `//`, assignment, `or`, `and`, comparison,
    arithmetic.
    """

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, Any]] = []
        self._split(text, 0, whole=True)
        self._tokens.append(("end", ""))
        self._i = 0
        self._depth = 0

    def parse(self) -> Filter:
        """The whole filter. Raises Usage."""
        if self._tokens[0][0] == "end":
            return ("identity",)
        found = self._pipe()
        if self._tokens[self._i][0] != "end":
            raise _bad(f"unexpected {self._shown()} (Unix shell quoting issues?) at <top-level>")
        return found

    # -- tokens ----------------------------------------------------------------------------------------------

    def _split(self, text: str, i: int, *, whole: bool = False) -> int:
        """Cut `text` from `i` into tokens; up to the `)` that ends an interpolation when not `whole`."""
        depth = 0
        while i < len(text):
            match = _TOKEN.match(text, i)
            if not match:
                raise _bad(f"unexpected INVALID_CHARACTER {text[i]!r}")
            kind, found = str(match.lastgroup), match[0]
            if not whole and found == ")" and depth == 0:
                return i
            depth += {"(": 1, ")": -1}.get(found, 0)
            i = match.end()
            if kind == "quote":
                i = self._string(text, i)
            elif kind != "space":
                self._tokens.append((kind, found))
        if not whole:
            raise _bad("unterminated string literal")
        return i

    def _string(self, text: str, i: int) -> int:
        parts: list[Any] = [""]
        while True:
            match = re.compile(r'[^"\\]+').match(text, i)
            if match:
                parts[-1] += match[0]
                i = match.end()
            elif text[i : i + 1] == '"':
                self._tokens.append(("string", parts))
                return i + 1
            elif text.startswith("\\(", i):
                inner, self._tokens = self._tokens, []
                i = self._split(text, i + 2) + 1
                filter_tokens, self._tokens = self._tokens, inner
                parts += [_from_tokens(filter_tokens), ""]
            elif escape := re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])').match(text, i):
                parts[-1] += json.loads(f'"{escape[0]}"')
                i = escape.end()
            else:
                raise _bad("unterminated string literal" if i >= len(text) else "invalid escape in string")

    def _text(self) -> str:
        kind, text = self._tokens[self._i]
        return text if kind in ("op", "name") else ""

    def _shown(self) -> str:
        return str(self._tokens[self._i][1]) or "end of filter"

    def _take(self, *texts: str) -> str:
        text = self._text()
        if text and text in texts:
            self._i += 1
            return text
        return ""

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise _bad(f"unexpected {self._shown()}, expecting {text}")

    def _kind(self, kind: str) -> Any:
        """The next token's text if it is of this kind (it is taken), else None."""
        if self._tokens[self._i][0] != kind:
            return None
        self._i += 1
        return self._tokens[self._i - 1][1]

    # -- grammar ---------------------------------------------------------------------------------------------

    def _pipe(self) -> Filter:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _bad("the filter is nested too deeply")
        try:
            if self._take("def"):
                return self._definition()
            left = self._comma()
            if self._take("as"):
                name = self._variable()
                self._expect("|")
                return ("as", left, name, self._pipe())
            return ("pipe", left, self._pipe()) if self._take("|") else left
        finally:
            self._depth -= 1

    def _definition(self) -> Filter:
        name = self._kind("name")
        parameters: list[str] = []
        if self._take("("):
            while not self._take(")"):
                parameters.append(self._kind("name") or self._variable_parameter())
                self._take(";")
        self._expect(":")
        body = self._pipe()
        self._expect(";")
        return ("def", name, parameters, body, self._pipe())

    def _variable_parameter(self) -> str:
        return "$" + self._variable()

    def _variable(self) -> str:
        name = self._kind("variable")
        if name is None:
            raise _bad(f"unexpected {self._shown()}, expecting a variable")
        return name[1:]

    def _comma(self) -> Filter:
        left = self._alternative()
        while self._take(","):
            left = ("comma", left, self._alternative())
        return left

    def _alternative(self) -> Filter:
        left = self._assignment()
        if self._take("//"):
            return ("binary", "//", left, self._alternative())
        return left

    def _assignment(self) -> Filter:
        left = self._binary(0)
        if op := self._take(*_ASSIGN):
            return ("assign", op, left, self._alternative())
        return left

    def _binary(self, level: int) -> Filter:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while op := self._take(*_LEVELS[level]):
            left = ("binary", op, left, self._binary(level + 1))
        return left

    def _unary(self) -> Filter:
        if self._take("-"):
            return ("negate", self._unary())
        return self._postfix()

    def _postfix(self) -> Filter:
        found = self._term()
        while True:
            if (name := self._kind("field")) is not None:
                found = ("field", found, ("literal", name[1:]))
            elif self._take("["):
                found = self._subscript(found)
            elif self._take("?"):
                found = ("try", found, None)
            elif self._text() == "." and self._tokens[self._i + 1][0] in ("string",):
                self._i += 1
                found = ("field", found, ("text", None, self._kind("string")))
            elif self._text() == "." and self._tokens[self._i + 1][1] == "[":
                self._i += 1
            elif self._text() == "as":
                return found
            else:
                return found

    def _subscript(self, target: Filter) -> Filter:
        if self._take("]"):
            return ("iterate", target)
        start = None if self._text() == ":" else self._pipe()
        if self._take(":"):
            end = None if self._text() == "]" else self._pipe()
            self._expect("]")
            return ("slice", target, start, end)
        self._expect("]")
        return ("field", target, start)

    def _term(self) -> Filter:
        if (name := self._kind("field")) is not None:
            return ("field", ("identity",), ("literal", name[1:]))
        if (number := self._kind("number")) is not None:
            return ("literal", json.loads(number) if not number.endswith(".") else float(number))
        if (parts := self._kind("string")) is not None:
            return ("text", None, parts)
        if (name := self._kind("format")) is not None:
            parts = self._kind("string")
            return ("format", name) if parts is None else ("text", name, parts)
        if (name := self._kind("variable")) is not None:
            return ("variable", name[1:])
        if self._take(".."):
            return ("recurse",)
        if self._take("."):
            parts = self._kind("string")
            return ("identity",) if parts is None else ("field", ("identity",), ("text", None, parts))
        if self._take("("):
            found = self._pipe()
            self._expect(")")
            return found
        if self._take("["):
            inner = None if self._text() == "]" else self._pipe()
            self._expect("]")
            return ("array", inner)
        if self._take("{"):
            return self._object()
        return self._word()

    def _word(self) -> Filter:
        if self._take("if"):
            return self._if()
        if self._take("try"):
            body = self._postfix()
            return ("try", body, self._postfix() if self._take("catch") else None)
        if self._take("reduce"):
            source, name = self._source()
            first = self._pipe()
            self._expect(";")
            update = self._pipe()
            self._expect(")")
            return ("reduce", source, name, first, update)
        if self._take("foreach"):
            source, name = self._source()
            first = self._pipe()
            self._expect(";")
            update = self._pipe()
            extract = self._pipe() if self._take(";") else ("identity",)
            self._expect(")")
            return ("foreach", source, name, first, update, extract)
        name = self._kind("name")
        if name is None or name in _KEYWORDS:
            raise _bad(f"unexpected {name or self._shown()}")
        if name in ("true", "false", "null"):
            return ("literal", {"true": True, "false": False, "null": None}[name])
        arguments: list[Filter] = []
        if self._take("("):
            arguments.append(self._pipe())
            while self._take(";"):
                arguments.append(self._pipe())
            self._expect(")")
        return ("call", name, arguments)

    def _source(self) -> tuple[Filter, str]:
        source = self._postfix()
        self._expect("as")
        name = self._variable()
        self._expect("(")
        return source, name

    def _if(self) -> Filter:
        branches: list[tuple[Filter, Filter]] = []
        while True:
            condition = self._pipe()
            self._expect("then")
            branches.append((condition, self._pipe()))
            if not self._take("elif"):
                break
        otherwise = self._pipe() if self._take("else") else None
        self._expect("end")
        return ("if", branches, otherwise)

    def _object(self) -> Filter:
        entries: list[tuple[Filter, Filter]] = []
        while not self._take("}"):
            entries.append(self._entry())
            if not self._take(",") and self._text() != "}":
                raise _bad(f"unexpected {self._shown()} in an object")
        return ("object", entries)

    def _entry(self) -> tuple[Filter, Filter]:
        if (variable := self._kind("variable")) is not None:
            return ("literal", variable[1:]), ("variable", variable[1:])
        if (parts := self._kind("string")) is not None:
            key: Filter = ("text", None, parts)
        elif self._take("("):
            key = self._pipe()
            self._expect(")")
        elif (name := self._kind("name")) is not None:
            key = ("literal", name)
        elif (name := self._kind("format")) is not None:
            key = ("format", name)
        else:
            raise _bad(f"unexpected {self._shown()} in an object")
        if not self._take(":"):
            return key, ("field", ("identity",), key)
        value = self._alternative_without_comma()
        return key, value

    def _alternative_without_comma(self) -> Filter:
        left = self._alternative()
        while self._take("|"):
            left = ("pipe", left, self._alternative())
        return left


def _from_tokens(tokens: list[tuple[str, Any]]) -> Filter:
    parser = Parser("")
    parser._tokens = [*tokens, ("end", "")]
    return parser.parse()
