"""awk's grammar: from a program's text to nested tuples. Source: POSIX.1-2017 `awk`.

Expressions: ("number", 1.0) ("string", s) ("regex", r) ("var", name) ("field", e) ("index", name, [e])
("assign", op, target, e) ("binary", op, a, b) ("and"/"or", a, b) ("not"/"negate"/"plus", e) ("match",
negated, a, b)
("ternary", c, a, b) ("call", name, args) ("in", [e], name) ("step", target, by, prefix)
("getline", "<" or "|", source, target).
"""

import re
from dataclasses import dataclass, field
from typing import Any

from svclab.terminal.commands.registry import Usage

Expression = tuple[Any, ...]
Statement = tuple[Any, ...]
_KEYWORDS = frozenset({
    "BEGIN", "END", "if", "else", "while", "for", "do", "in", "print", "printf", "next", "exit",
    "break", "continue", "delete", "function", "return", "getline",
})  # fmt: skip
FUNCTIONS = frozenset({
    "length", "substr", "index", "split", "sub", "gsub", "match", "tolower", "toupper", "sprintf",
    "int", "sqrt", "exp", "log", "sin", "cos", "atan2", "rand", "srand", "system", "close", "fflush",
    "strftime", "systime", "gensub",
})  # fmt: skip
_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|\\\n|#[^\n]*)|(?P<newline>\n)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<name>[A-Za-z_]\w*)'
    r"|(?P<op>\*\*=|\*\*|\+\+|--|\+=|-=|\*=|/=|%=|\^=|==|<=|>=|!=|!~|&&|\|\||>>|[-+*/%^!<>|?:~$=,;(){}\[\]])",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "/": "/", "a": "\a", "b": "\b", "f": "\f"}
_BEFORE_OPERAND = frozenset({"number", "string", "name", "regex"})


@dataclass(slots=True)
class Program:
    """Rules are (pattern, action): pattern None, ("begin",), ("end",), ("range", a, b) or an expression."""

    rules: list[tuple[Expression | None, list[Statement] | None]] = field(default_factory=list)
    functions: dict[str, tuple[list[str], list[Statement]]] = field(default_factory=dict)


def unescaped(text: str) -> str:
    """A string constant's text."""
    known = {"\n": "", **_ESCAPES}
    return re.sub(
        r"\\([0-7]{1,3}|.)",
        lambda m: chr(int(m[1], 8)) if m[1][0] in "01234567" else known.get(m[1], "\\" + m[1]),
        text,
        flags=re.DOTALL,
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    i = 0
    while i < len(text):
        last = found[-1] if found else ("", "")
        is_word = last[0] in _BEFORE_OPERAND and last[1] not in _KEYWORDS
        operand_before = is_word or last[1] in (")", "]", "$")
        if text[i] == "/" and not operand_before:
            match = re.compile(r"/((?:\\.|\[[^]]*\]|[^/\\\n])*)/").match(text, i)
            if not match:
                raise Usage("unterminated regexp", 1)
            found.append(("regex", match[1].replace("\\/", "/")))
        else:
            match = _TOKEN.match(text, i)
            if not match:
                raise Usage(f"syntax error at source line {text[:i].count(chr(10)) + 1}: {text[i]}", 1)
            kind = str(match.lastgroup)
            if kind == "string":
                found.append((kind, unescaped(match[0][1:-1])))
            elif kind != "space":
                found.append((kind, match[0]))
        i = match.end()
    return [*found, ("end", "")]


def _constant(text: str) -> float:
    """gawk's number: hexadecimal after 0x, octal after 0."""
    if text[:2] in ("0x", "0X"):
        return float(int(text, 16))
    return float(int(text, 8)) if re.fullmatch("0[0-7]+", text) else float(text)


class Parser:
    """Recursive descent, loosest operator first."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._i = 0
        self._no_in = 0
        self._no_greater = 0
        self._depth = 0

    def program(self) -> Program:
        """The whole program. Raises Usage."""
        found = Program()
        self._skip_ends()
        while self._kind() != "end":
            if self._at("function"):
                self._function(found)
            else:
                found.rules.append(self._rule())
            self._skip_ends()
        return found

    # -- tokens ----------------------------------------------------------------------------------------------

    def _kind(self) -> str:
        return self._tokens[self._i][0]

    def _text(self) -> str:
        kind, text = self._tokens[self._i]
        return text if kind in ("op", "name", "newline") else ""

    def _at(self, *texts: str) -> bool:
        return self._text() in texts and self._text() != ""

    def _take(self, *texts: str) -> str:
        if self._at(*texts):
            self._i += 1
            return self._tokens[self._i - 1][1]
        return ""

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise Usage(f"syntax error at or near {self._tokens[self._i][1] or 'end of program'}", 1)

    def _skip_newlines(self) -> None:
        while self._take("\n"):
            pass

    def _skip_ends(self) -> None:
        while self._take("\n", ";"):
            pass

    # -- rules and statements --------------------------------------------------------------------------------

    def _function(self, found: Program) -> None:
        self._i += 1
        name = self._name()
        self._expect("(")
        names: list[str] = []
        while not self._take(")"):
            names.append(self._name())
            self._take(",")
        self._skip_newlines()
        found.functions[name] = (names, self._block())

    def _name(self) -> str:
        if self._kind() != "name":
            raise Usage(f"syntax error at or near {self._tokens[self._i][1]}", 1)
        self._i += 1
        return self._tokens[self._i - 1][1]

    def _rule(self) -> tuple[Expression | None, list[Statement] | None]:
        pattern: Expression | None = None
        if self._take("BEGIN"):
            pattern = ("begin",)
        elif self._take("END"):
            pattern = ("end",)
        elif not self._at("{"):
            pattern = self._expression()
            if self._take(","):
                self._skip_newlines()
                pattern = ("range", pattern, self._expression())
        return pattern, self._block() if self._at("{") else None

    def _block(self) -> list[Statement]:
        self._expect("{")
        found: list[Statement] = []
        self._skip_ends()
        while not self._take("}"):
            if self._kind() == "end":
                raise Usage("syntax error: unexpected end of program", 1)
            found.append(self._statement())
            self._skip_ends()
        return found

    def _body(self) -> list[Statement]:
        self._skip_newlines()
        if self._at("{"):
            return self._block()
        if self._take(";"):
            return []
        return [self._statement()]

    def _statement(self) -> Statement:
        self._depth += 1
        if self._depth > 100:
            raise Usage("program nested too deeply")
        try:
            return self._one_statement()
        finally:
            self._depth -= 1

    def _one_statement(self) -> Statement:
        if self._at("{"):
            return ("block", self._block())
        if self._take("if"):
            return self._if()
        if self._take("while"):
            self._expect("(")
            condition = self._expression()
            self._expect(")")
            return ("while", condition, self._body())
        if self._take("do"):
            body = self._body()
            self._skip_ends()
            self._expect("while")
            self._expect("(")
            condition = self._expression()
            self._expect(")")
            return ("do", body, condition)
        if self._take("for"):
            return self._for()
        return self._simple_statement()

    def _if(self) -> Statement:
        self._expect("(")
        condition = self._expression()
        self._expect(")")
        yes = self._body()
        before = self._i
        self._skip_ends()
        if self._take("else"):
            return ("if", condition, yes, self._body())
        self._i = before
        return ("if", condition, yes, [])

    def _for(self) -> Statement:
        self._expect("(")
        if (
            self._kind() == "name"
            and self._tokens[self._i + 1][1] == "in"
            and self._tokens[self._i + 3][1] == ")"
        ):
            name = self._name()
            self._i += 1
            array = self._name()
            self._expect(")")
            return ("for in", name, array, self._body())
        start = None if self._at(";") else self._simple_statement()
        self._expect(";")
        condition = None if self._at(";") else self._expression()
        self._expect(";")
        step = None if self._at(")") else self._simple_statement()
        self._expect(")")
        return ("for", start, condition, step, self._body())

    def _simple_statement(self) -> Statement:
        if word := self._take("next", "break", "continue"):
            return (word,)
        if word := self._take("exit", "return"):
            return (word, None if self._at(";", "\n", "}") or self._kind() == "end" else self._expression())
        if self._take("delete"):
            name = self._name()
            return ("delete", name, self._subscript() if self._at("[") else None)
        if word := self._take("print", "printf"):
            return self._print(word)
        return ("do it", self._expression())

    def _print(self, word: str) -> Statement:
        if self._at(";", "\n", "}", ">", "|") or self._kind() == "end":
            arguments: list[Expression] = []
        else:
            self._no_greater += 1
            arguments = self._arguments()
            self._no_greater -= 1
        if len(arguments) == 1 and arguments[0][0] == "grouping":
            arguments = list(arguments[0][1])
        if op := self._take(">", ">>", "|"):
            return (word, arguments, (op, self._concatenation()))
        return (word, arguments, None)

    def _arguments(self) -> list[Expression]:
        found = [self._expression()]
        while self._take(","):
            self._skip_newlines()
            found.append(self._expression())
        return found

    def _subscript(self) -> list[Expression]:
        self._expect("[")
        found = self._arguments()
        self._expect("]")
        return found

    # -- expressions -----------------------------------------------------------------------------------------

    def _expression(self) -> Expression:
        self._depth += 1
        if self._depth > 100:
            raise Usage("program nested too deeply")
        try:
            return self._ternary()
        finally:
            self._depth -= 1

    def _ternary(self) -> Expression:
        condition = self._or()
        if self._take("?"):
            self._skip_newlines()
            yes = self._ternary()
            self._expect(":")
            self._skip_newlines()
            return ("ternary", condition, yes, self._ternary())
        if (op := self._text()) in ("=", "+=", "-=", "*=", "/=", "%=", "^=", "**=") and self._kind() == "op":
            if condition[0] not in ("var", "field", "index"):
                raise Usage(f"syntax error at or near {op}", 1)
            self._i += 1
            return ("assign", op, condition, self._ternary())
        return condition

    def _or(self) -> Expression:
        left = self._and()
        while self._take("||"):
            self._skip_newlines()
            left = ("or", left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._in()
        while self._take("&&"):
            self._skip_newlines()
            left = ("and", left, self._in())
        return left

    def _in(self) -> Expression:
        left = self._match()
        while self._at("in") and not self._no_in:
            self._i += 1
            keys = list(left[1]) if left[0] == "grouping" else [left]
            left = ("in", keys, self._name())
        return left

    def _target(self) -> Expression | None:
        """The variable that `getline` fills, if one is named."""
        kind, text = self._tokens[self._i]
        if (kind == "name" and text not in _KEYWORDS) or self._at("$"):
            return self._primary()
        return None

    def _match(self) -> Expression:
        left = self._comparison()
        while op := self._take("~", "!~"):
            left = ("match", op == "!~", left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._concatenation()
        allowed = ("<", "<=", "==", "!=", ">=") if self._no_greater else ("<", "<=", "==", "!=", ">", ">=")
        if op := self._take(*allowed):
            return ("binary", op, left, self._concatenation())
        return left

    def _concatenation(self) -> Expression:
        left = self._additive()
        while self._starts_operand():
            left = ("binary", "", left, self._additive())
        while self._at("|") and self._tokens[self._i + 1] == ("name", "getline"):
            self._i += 2
            left = ("getline", "|", left, self._target())
        return left

    def _starts_operand(self) -> bool:
        kind, text = self._tokens[self._i]
        if kind in ("number", "string"):
            return True
        return (kind == "name" and text not in _KEYWORDS) or (
            kind == "op" and text in ("$", "!", "(", "-", "+", "++", "--")
        )

    def _additive(self) -> Expression:
        left = self._multiplicative()
        while op := self._take("+", "-"):
            left = ("binary", op, left, self._multiplicative())
        return left

    def _multiplicative(self) -> Expression:
        left = self._unary()
        while op := self._take("*", "/", "%"):
            left = ("binary", op, left, self._unary())
        return left

    def _unary(self) -> Expression:
        if op := self._take("!", "-", "+"):
            return ({"!": "not", "-": "negate", "+": "plus"}[op], self._unary())
        return self._power()

    def _power(self) -> Expression:
        base = self._postfix()
        if self._take("^", "**"):
            return ("binary", "^", base, self._unary())
        return base

    def _postfix(self) -> Expression:
        if op := self._take("++", "--"):
            return ("step", self._postfix(), 1 if op == "++" else -1, True)
        found = self._primary()
        if found[0] in ("var", "field", "index") and (op := self._take("++", "--")):
            return ("step", found, 1 if op == "++" else -1, False)
        return found

    def _primary(self) -> Expression:
        kind, text = self._tokens[self._i]
        if kind == "number":
            self._i += 1
            return ("number", _constant(text))
        if kind in ("string", "regex"):
            self._i += 1
            return (kind, text)
        if self._take("$"):
            return ("field", self._field_operand())
        if self._take("("):
            return self._grouped()
        if kind == "name" and (text not in _KEYWORDS or text == "getline"):
            return self._named()
        raise Usage(f"syntax error at or near {text or 'end of program'}", 1)

    def _field_operand(self) -> Expression:
        if op := self._take("++", "--"):
            return ("step", self._primary(), 1 if op == "++" else -1, True)
        if self._take("-"):
            return ("negate", self._primary())
        return self._primary()

    def _grouped(self) -> Expression:
        before, self._no_greater = self._no_greater, 0
        items = self._arguments()
        self._no_greater = before
        self._expect(")")
        return items[0] if len(items) == 1 else ("grouping", tuple(items))

    def _named(self) -> Expression:
        name = self._name()
        if name == "getline":
            target = self._target()
            return ("getline", "<", self._postfix() if self._take("<") else None, target)
        if self._at("(") and (name in FUNCTIONS or self._tokens[self._i - 1][0] == "name"):
            self._i += 1
            arguments: list[Expression] = []
            before, self._no_greater = self._no_greater, 0
            if not self._at(")"):
                arguments = self._arguments()
            self._no_greater = before
            self._expect(")")
            return ("call", name, arguments)
        if name == "length":
            return ("call", "length", [])
        if self._at("["):
            return ("index", name, self._subscript())
        return ("var", name)
