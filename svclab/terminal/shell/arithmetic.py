"""Arithmetic of `$((…))`, `((…))` and `let`: 64-bit integers with C's operators. Source: bash 5.2 manual,
6.5.
"""

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|\d+#\w+|\d\w*)|([A-Za-z_]\w*(?:\[[^]]*\])?)"
    r"|(<<=|>>=|\*\*|\+\+|--|&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%&|^]=|[-+*/%<>=!~&|^?:(),]))"
)
_BINARY = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<=", ">=", "<", ">"),
    ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
_ASSIGN = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})
_MAX_NESTING = 60


class BadExpression(Exception):
    """The expression cannot be worked out; the message is bash's."""


def evaluate(text: str, get: Callable[[str], str], put: Callable[[str, str], None]) -> int:
    """The value of an expression (0 for an empty one). `get` and `put` read and assign variables."""
    return _Evaluation(text, get, put).value()


def _wrapped(number: int) -> int:
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


class _Evaluation:
    """A recursive-descent evaluation; `_live` is off in the branch that `&&`, `||` or `?` does not take."""

    def __init__(
        self, text: str, get: Callable[[str], str], put: Callable[[str, str], None], nesting: int = 0
    ) -> None:
        self._text, self._get, self._put, self._nesting = text, get, put, nesting
        self._tokens = self._split(text)
        self._i = 0
        self._live = True

    def _split(self, text: str) -> list[str]:
        found: list[str] = []
        self._starts: list[int] = []  # of the tokens
        i, end = 0, len(text.rstrip())
        while i < end:
            match = _TOKEN.match(text, i)
            if not match:
                rest = text[i:].lstrip()
                raise BadExpression(
                    f'{text.lstrip()}: syntax error: operand expected (error token is "{rest}")'
                )
            found.append(match[0].strip())
            self._starts.append(match.end() - len(found[-1]))
            i = match.end()
        return found

    def _error(self, what: str, rest: str | None = None) -> BadExpression:
        """bash's words; the token it shows reaches to the end, and is the last one where one is missing."""
        if rest is None:
            place = min(self._i, len(self._starts) - 1)
            rest = self._text[self._starts[place] :] if self._starts else ""
        return BadExpression(f'{self._text.lstrip()}: {what} (error token is "{rest}")')

    def value(self) -> int:
        if not self._tokens:
            return 0
        result = self._comma()
        if self._i < len(self._tokens):
            raise self._error("syntax error in expression")
        return result

    def _peek(self) -> str:
        return self._tokens[self._i] if self._i < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if token and token in wanted:
            self._i += 1
            return token
        return ""

    def _comma(self) -> int:
        result = self._assignment()
        while self._take(","):
            result = self._assignment()
        return result

    def _assignment(self) -> int:
        name = self._peek()
        following = self._tokens[self._i + 1] if self._i + 1 < len(self._tokens) else ""
        if following in _ASSIGN and re.match(r"[A-Za-z_]", name):
            self._i += 2
            right = self._assignment()
            if following != "=":
                right = self._apply(following[:-1], self._variable(name), right)
            return self._store(name, right)
        return self._ternary()

    def _store(self, name: str, number: int) -> int:
        number = _wrapped(number)
        if self._live:
            self._put(name, str(number))
        return number

    def _ternary(self) -> int:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self._branch(bool(condition), self._assignment)
        if not self._take(":"):
            raise self._error("`:' expected for conditional expression")
        no = self._branch(not condition, self._assignment)
        return yes if condition else no

    def _branch(self, taken: bool, parse: Callable[[], int]) -> int:
        before = self._live
        self._live = before and taken
        try:
            return parse()
        finally:
            self._live = before

    def _binary(self, level: int) -> int:
        if level == len(_BINARY):
            return self._power()
        left = self._binary(level + 1)
        while operator := self._take(*_BINARY[level]):
            if operator == "&&":
                right = self._branch(bool(left), lambda: self._binary(level + 1))
                left = int(bool(left and right))
            elif operator == "||":
                right = self._branch(not left, lambda: self._binary(level + 1))
                left = int(bool(left or right))
            else:
                place = self._i
                left = self._apply(operator, left, self._binary(level + 1), place)
        return left

    def _power(self) -> int:
        base = self._unary()
        if self._take("**"):
            exponent = self._power()
            if exponent < 0:
                raise self._error("exponent less than 0")
            return _wrapped(pow(base, exponent, 1 << 64))
        return base

    def _unary(self) -> int:
        if operator := self._take("-", "+", "!", "~", "++", "--"):
            if operator in ("++", "--"):
                name = self._name()
                return self._store(name, self._variable(name) + (1 if operator == "++" else -1))
            operand = self._unary()
            return _wrapped({"-": -operand, "+": operand, "!": int(not operand), "~": ~operand}[operator])
        return self._operand()

    def _name(self) -> str:
        token = self._peek()
        if not re.match(r"[A-Za-z_]", token):
            raise self._error("syntax error: operand expected")
        self._i += 1
        return token

    def _operand(self) -> int:
        token = self._peek()
        if self._take("("):
            result = self._comma()
            if not self._take(")"):
                raise self._error("missing `)'")
            return result
        if re.match(r"[A-Za-z_]", token):
            name = self._name()
            number = self._variable(name)
            if operator := self._take("++", "--"):
                self._store(name, number + (1 if operator == "++" else -1))
            return number
        if token[:1].isdigit():
            self._i += 1
            return self._number(token)
        raise self._error("syntax error: operand expected")

    def _number(self, token: str) -> int:
        try:
            if "#" in token:
                base, _, digits = token.partition("#")
                return int(digits, int(base))
            if token[:2].lower() == "0x":
                return int(token, 16)
            return _wrapped(int(token, 8) if token.startswith("0") and len(token) > 1 else int(token))
        except ValueError:
            raise self._error("value too great for base", token) from None

    def _variable(self, name: str) -> int:
        text = self._get(name).strip()
        if not text:
            return 0
        if self._nesting > _MAX_NESTING:
            raise self._error("expression recursion level exceeded", name)
        return _Evaluation(text, self._get, self._put, self._nesting + 1).value()

    def _apply(self, operator: str, left: int, right: int, place: int = 0) -> int:
        if operator in ("/", "%"):
            if right == 0:
                if not self._live:
                    return 0
                raise self._error("division by 0", self._text[self._starts[place] :])
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return _wrapped(quotient if operator == "/" else left - right * quotient)
        return _wrapped(_OPERATIONS[operator](left, right))


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "<<": lambda a, b: a << (b & 63),
    ">>": lambda a, b: a >> (b & 63),
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
}
