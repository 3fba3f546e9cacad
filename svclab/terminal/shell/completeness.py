"""Whether a text is a whole command: what makes the shell print `> ` and wait for more."""

from svclab.terminal.shell.lexer import Incomplete, Token, tokens, without_here_documents

_OPENING = {"if": "fi", "for": "done", "while": "done", "until": "done", "case": "esac", "select": "done"}
_OPENING |= {"{": "}", "[[": "]]", "(": ")"}
_CLOSING = frozenset(_OPENING.values())
_COMMAND_FOLLOWS = frozenset({"then", "do", "else", "elif", "if", "while", "until", "!", "time", "{", "("})
_SEPARATORS = frozenset({"&&", "||", "|", "|&", ";", "&", "\n", ";;", ";&", ";;&", "("})


def needs_more(text: str) -> bool:
    """Whether `text` ends inside a quote, a here-document, a loop, a group, or after `|`, `&&`, `||` or
    `\\`.
    """
    try:
        plain, _, closed = without_here_documents(text)
        if not closed:
            return True
        words = list(tokens(plain))
    except Incomplete:
        return True
    if _ends_with_backslash(text):
        return True
    return _open_constructs(words) or _ends_with_operator(words)


def _ends_with_backslash(text: str) -> bool:
    body = text.removesuffix("\n") if text.endswith("\\\n") else text
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _ends_with_operator(words: list[Token]) -> bool:
    meaningful = [token for token in words if token.text != "\n"]
    if not meaningful:
        return False
    last = meaningful[-1]
    if [token.text for token in meaningful[-2:]] == ["(", ")"] and len(meaningful) == 3:
        return True  # `name()`: the function's body is to come
    return last.kind == "operator" and last.text in ("&&", "||", "|", "|&")


def _open_constructs(words: list[Token]) -> bool:
    stack: list[str] = []
    command_position = True
    in_pattern = False
    previous = ""
    for token in words:
        text = token.text
        if in_pattern:
            if text == "esac":
                stack.pop()
                in_pattern = command_position = False
            elif text == ")":
                in_pattern, command_position = False, True
        elif token.kind == "operator":
            if text == "(":
                stack.append(")")
            elif text == ")" and stack and stack[-1] == ")":
                stack.pop()
            in_pattern = text in (";;", ";&", ";;&") and "esac" in stack[-1:]
            command_position = text in _SEPARATORS or (text == ")" and previous == "(")
        elif text == "in" and stack[-1:] == ["esac"] and not command_position:
            in_pattern = True
        elif text == "]]" or (command_position and text in _CLOSING):
            if stack and stack[-1] == text:
                stack.pop()
            command_position = False
        elif command_position and text in _OPENING:
            stack.append(_OPENING[text])
            command_position = text in _COMMAND_FOLLOWS
        else:
            command_position = command_position and text in _COMMAND_FOLLOWS
        previous = text
    return bool(stack)
