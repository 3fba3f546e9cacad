"""jq's operators and functions on values. Source: jq 1.7 manual."""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from svclab.terminal.commands.jq.errors import Halt, JqError, NotDefined
from svclab.terminal.regex import BadRegex, compile_regex, substitute

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_MAX_TEXT = 1_000_000


def type_of(value: Any) -> str:
    """jq's name for a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "number", float: "number", str: "string", list: "array", dict: "object"}[type(value)]


def truth(value: Any) -> bool:
    """All but null and false."""
    return value is not None and value is not False


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{type_of(value)} ({text if len(text) <= 11 else text[:10] + '...'})"


def order(value: Any) -> Any:
    """A key that sorts values as jq does: null, booleans, numbers, strings, arrays, objects."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1 + value,)
    if isinstance(value, int | float):
        return (3, value)
    if isinstance(value, str):
        return (4, value)
    if isinstance(value, list):
        return (5, [order(each) for each in value])
    return (6, sorted(value), [order(value[key]) for key in sorted(value)])


def compared(op: str, a: Any, b: Any) -> bool:
    """A comparison's result."""
    x, y = order(a), order(b)
    return {"==": x == y, "!=": x != y, "<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[op]


def arithmetic(op: str, a: Any, b: Any) -> Any:
    """`a op b`. Raises JqError for types that do not go together."""
    words = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}
    numbers = type_of(a) == type_of(b) == "number"
    match op:
        case "+" if a is None or b is None:
            return b if a is None else a
        case "+" if numbers or (type_of(a) == type_of(b) and isinstance(a, str | list)):
            return _small(a + b)
        case "+" if isinstance(a, dict) and isinstance(b, dict):
            return {**a, **b}
        case "-" if numbers:
            return a - b
        case "-" if isinstance(a, list) and isinstance(b, list):
            return [each for each in a if each not in b]
        case "*" if numbers:
            return a * b if abs(a) < 1e150 and abs(b) < 1e150 else float(a) * float(b)
        case "*" if isinstance(a, str) and type_of(b) == "number":
            return _small(a * int(b)) if 0 < b <= _MAX_TEXT // max(len(a), 1) else None
        case "*" if isinstance(a, dict) and isinstance(b, dict):
            return _merged(a, b)
        case "/" | "%" if numbers:
            return _divided(op, a, b)
        case "/" if isinstance(a, str) and isinstance(b, str):
            return a.split(b) if b else list(a)
    raise JqError(f"{_shown(a)} and {_shown(b)} cannot be {words[op]}")


def _small(value: Any) -> Any:
    if isinstance(value, str | list) and len(value) > _MAX_TEXT:
        raise JqError("a value longer than a million")
    return value


def _divided(op: str, a: Any, b: Any) -> Any:
    if b == 0 or (op == "%" and int(b) == 0):
        raise JqError(f"{_shown(a)} and {_shown(b)} cannot be divided because the divisor is zero")
    if op == "%":
        return int(math.fmod(int(a), int(b)))
    result = a / b
    return int(result) if result == int(result) else result


def _merged(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    both = {
        k: _merged(a[k], v) if isinstance(a.get(k), dict) and isinstance(v, dict) else v for k, v in b.items()
    }
    return {**a, **both}


# -- parts of values -----------------------------------------------------------------------------------------


def item(whole: Any, key: Any) -> Any:
    """`whole[key]`; null where there is none. Raises JqError where the types do not fit."""
    if whole is None and (key is None or isinstance(key, str | int | float)):
        return None
    if isinstance(whole, dict) and isinstance(key, str):
        return whole.get(key)
    if isinstance(whole, list) and type_of(key) == "number":
        place = math.floor(key)
        return whole[place] if -len(whole) <= place < len(whole) else None
    if isinstance(whole, list) and isinstance(key, list):
        return [i for i in range(len(whole)) if whole[i : i + len(key)] == key and key]
    name = f'string "{key}"' if isinstance(key, str) else type_of(key)
    raise JqError(f"Cannot index {type_of(whole)} with {name}")


def part(whole: Any, start: Any, end: Any) -> Any:
    """`whole[start:end]`."""
    if whole is None:
        return None
    if not isinstance(whole, list | str):
        raise JqError(f"Cannot index {type_of(whole)} with object")
    return whole[None if start is None else math.floor(start) : None if end is None else math.ceil(end)]


def items(whole: Any) -> Iterator[Any]:
    """What `.[]` gives."""
    if isinstance(whole, dict):
        return iter(list(whole.values()))
    if isinstance(whole, list):
        return iter(whole)
    raise JqError(f"Cannot iterate over {_shown(whole)}")


def keys(whole: Any) -> list[Any]:
    """Keys in their own order, or indices."""
    if isinstance(whole, dict):
        return list(whole)
    if isinstance(whole, list):
        return list(range(len(whole)))
    raise JqError(f"{_shown(whole)} has no keys")


def at_path(value: Any, path: list[Any]) -> Any:
    """The value at a path, null where there is none."""
    for key in path:
        value = item(value, key)
    return value


def with_path(value: Any, path: list[Any], new: Any) -> Any:
    """`value` with `new` at a path."""
    if not path:
        return new
    key, *rest = path
    inner = with_path(item(value, key), rest, new)
    if isinstance(key, str) and (value is None or isinstance(value, dict)):
        return {**(value or {}), key: inner}
    if type_of(key) == "number" and (value is None or isinstance(value, list)):
        found, place = list(value or []), int(key)
        if place > 10_000:
            raise JqError("Array index too large")
        found += [None] * (place + 1 - len(found))
        found[place] = inner
        return found
    raise JqError(f"Cannot update field at {type_of(key)} index of {type_of(value)}")


def without_path(value: Any, path: list[Any]) -> Any:
    """`value` without what is at a path."""
    if not path or value is None:
        return None
    key, *rest = path
    if rest:
        return (
            with_path(value, [key], without_path(item(value, key), rest))
            if item(value, key) is not None
            else value
        )
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k != key}
    found = list(value)
    if -len(found) <= key < len(found):
        del found[int(key)]
    return found


# -- texts ---------------------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """`tostring`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def formatted(name: str, value: Any) -> str:
    """`@base64`, `@csv` and their like."""
    match name:
        case "@text":
            return as_text(value)
        case "@json":
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case "@base64":
            return base64.b64encode(as_text(value).encode(errors="replace")).decode()
        case "@base64d":
            try:
                return base64.b64decode(as_text(value) + "===").decode(errors="replace")
            except binascii.Error:
                raise JqError(f"{_shown(value)} is not valid base64 data") from None
        case "@uri":
            return quote(as_text(value), safe="-_.~")
        case "@html":
            table = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&quot;"}
            return "".join(table.get(char, char) for char in as_text(value))
        case "@sh":
            parts = value if isinstance(value, list) else [value]
            return " ".join(
                "'" + p.replace("'", "'\\''") + "'" if isinstance(p, str) else as_text(p) for p in parts
            )
        case "@csv" | "@tsv" if isinstance(value, list):
            return _row(name, value)
        case "@csv" | "@tsv":
            raise JqError(f"{_shown(value)} cannot be {name[1:]}-formatted, only an array can be")
        case _:
            raise JqError(f"{name[1:]} is not a valid format")


def _row(name: str, values: list[Any]) -> str:
    if name == "@tsv":
        table = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
        return "\t".join("".join(table.get(c, c) for c in ("" if v is None else as_text(v))) for v in values)
    cells = [
        '"' + v.replace('"', '""') + '"' if isinstance(v, str) else "" if v is None else as_text(v)
        for v in values
    ]
    return ",".join(cells)


def _needs(value: Any, kind: str, what: str) -> None:
    if type_of(value) != kind:
        raise JqError(f"{_shown(value)} {what}")


def _length(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool):
        raise JqError(f"{_shown(value)} has no length")
    return abs(value) if isinstance(value, int | float) else len(value)


def _to_number(value: Any) -> Any:
    if type_of(value) == "number":
        return value
    if isinstance(value, str):
        try:
            return json.loads(value) if re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", value) else float(value)
        except ValueError:
            pass
    raise JqError(f"{_shown(value)} cannot be parsed as a number")


def _from_entries(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in items(value):
        key = next((entry[k] for k in ("key", "k", "name", "Name", "Key") if entry.get(k) is not None), None)
        content = next((entry[v] for v in ("value", "v", "Value") if v in entry), None)
        found[key if isinstance(key, str) else as_text(key)] = content
    return found


def _sorted(value: Any) -> list[Any]:
    _needs(value, "array", "cannot be sorted, as it is not an array")
    return sorted(value, key=order)


def _unique(value: Any) -> list[Any]:
    found: list[Any] = []
    for each in _sorted(value):
        if not found or order(found[-1]) != order(each):
            found.append(each)
    return found


def _flattened(value: Any, depth: float) -> list[Any]:
    return [
        inner
        for each in items(value)
        for inner in (_flattened(each, depth - 1) if isinstance(each, list) and depth > 0 else [each])
    ]


def _added(value: Any) -> Any:
    result: Any = None
    for each in items(value):
        result = arithmetic("+", result, each)
    return result


def _contains(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return all(k in a and _contains(a[k], v) for k, v in b.items())
    if isinstance(a, list) and isinstance(b, list):
        return all(any(_contains(x, y) for x in a) for y in b)
    if isinstance(a, str) and isinstance(b, str):
        return b in a
    return bool(order(a) == order(b))


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(key, int) and 0 <= key < _length(value)


def _regex(value: Any, pattern: Any, flags: str = "") -> Any:
    _needs(value, "string", "cannot be matched, as it is not a string")
    text = re.sub(r"\\d", "[0-9]", pattern).replace("(?:", "(")
    text = re.sub(r"\(\?<\w+>", "(", text)
    try:
        return compile_regex(text, ignore_case="i" in (flags or ""))
    except BadRegex as error:
        raise JqError(f"{pattern} (at offset 0) is not a valid regex: {error}") from None


def _capture(value: Any, pattern: str, flags: str = "") -> Any:
    found = _regex(value, pattern, flags).search(value)
    names = re.findall(r"\(\?<(\w+)>|\((?!\?)", pattern)
    return {name: found.group(i) for i, name in enumerate(names, 1) if name} if found else None


def _matches(value: Any, pattern: str, flags: str | None = None) -> list[Any]:
    """What `match` finds: the first place, or with the flag g every one."""
    regex = _regex(value, pattern, (flags or "").replace("g", ""))
    names = [name or None for name in re.findall(r"\(\?<(\w+)>|\((?!\?)", pattern)]
    found: list[Any] = []
    place = 0
    while place <= len(value) and (match := regex.search(value, place)):
        groups = [
            {"offset": s, "length": e - s, "string": value[s:e] if s >= 0 else None, "name": name}
            for (s, e), name in zip(match.spans[1:], names, strict=False)
        ]
        found.append(
            {
                "offset": match.start, "length": match.end - match.start, "string": match.group(),
                "captures": groups,
            }
        )  # fmt: skip
        place = max(match.end, match.start + 1)
        if "g" not in (flags or ""):
            break
    return found


def _split(value: Any, pattern: str, flags: str = "") -> list[str]:
    parts, place = [], 0
    regex = _regex(value, pattern, flags)
    while (found := regex.search(value, place)) and found.end > found.start:
        parts.append(value[place : found.start])
        place = found.end
    return [*parts, value[place:]]


def _indices(value: Any, wanted: Any) -> list[int]:
    if isinstance(value, str):
        return [match.start() for match in re.finditer(re.escape(wanted), value)]
    return item(value, [wanted])


def _time(value: Any) -> Any:
    return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()


_FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {
    ("length", 0): _length,
    ("utf8bytelength", 0): lambda v: len(v.encode()),
    ("keys", 0): lambda v: sorted(keys(v)),
    ("keys_unsorted", 0): keys,
    ("values", 0): lambda v: v,
    ("has", 1): _has,
    ("in", 1): lambda v, whole: _has(whole, v),
    ("type", 0): type_of,
    ("add", 0): _added,
    ("any", 0): lambda v: any(truth(each) for each in items(v)),
    ("all", 0): lambda v: all(truth(each) for each in items(v)),
    ("flatten", 0): lambda v: _flattened(v, math.inf),
    ("flatten", 1): _flattened,
    ("floor", 0): math.floor,
    ("ceil", 0): math.ceil,
    ("round", 0): lambda v: math.floor(v + 0.5),
    ("sqrt", 0): lambda v: math.sqrt(v) if v >= 0 else None,
    ("abs", 0): abs,
    ("tostring", 0): as_text,
    ("tonumber", 0): _to_number,
    ("tojson", 0): lambda v: json.dumps(v, ensure_ascii=False, separators=(",", ":")),
    ("fromjson", 0): lambda v: json.loads(v),
    ("ascii_downcase", 0): lambda v: v.lower(),
    ("ascii_upcase", 0): lambda v: v.upper(),
    ("startswith", 1): lambda v, p: v.startswith(p),
    ("endswith", 1): lambda v, p: v.endswith(p),
    ("ltrimstr", 1): lambda v, p: v.removeprefix(p) if isinstance(v, str) and isinstance(p, str) else v,
    ("rtrimstr", 1): lambda v, p: v.removesuffix(p) if isinstance(v, str) and isinstance(p, str) else v,
    ("trim", 0): lambda v: v.strip(),
    ("explode", 0): lambda v: [ord(c) for c in v],
    ("implode", 0): lambda v: "".join(map(chr, v)),
    ("split", 1): lambda v, p: v.split(p) if p else list(v),
    ("split", 2): _split,
    ("join", 1): lambda v, p: p.join("" if each is None else as_text(each) for each in v),
    ("test", 1): lambda v, p: _regex(v, p).search(v) is not None,
    ("test", 2): lambda v, p, f: _regex(v, p, f).search(v) is not None,
    ("_matches", 2): _matches,
    ("capture", 1): _capture,
    ("capture", 2): _capture,
    ("sub", 2): lambda v, p, new: substitute(_regex(v, p), lambda _: new, v, every=False),
    ("gsub", 2): lambda v, p, new: substitute(_regex(v, p), lambda _: new, v),
    ("sort", 0): _sorted,
    ("unique", 0): _unique,
    ("reverse", 0): lambda v: v[::-1] if v is not None else [],
    ("min", 0): lambda v: min(v, key=order, default=None),
    ("max", 0): lambda v: max(v, key=order, default=None),
    ("contains", 1): _contains,
    ("inside", 1): lambda v, whole: _contains(whole, v),
    ("index", 1): lambda v, p: v.find(p) if isinstance(v, str) and p in v else v.index(p) if p in v else None,
    ("indices", 1): _indices,
    ("to_entries", 0): lambda v: [{"key": k, "value": item(v, k)} for k in keys(v)],
    ("nan", 0): lambda v: None,
    ("isnan", 0): lambda v: v is None,
    ("isinfinite", 0): lambda v: v in (math.inf, -math.inf),
    ("ltrim", 0): lambda v: v.lstrip(),
    ("rtrim", 0): lambda v: v.rstrip(),
    ("pow", 2): lambda v, a, b: a**b,
    ("log", 0): math.log,
    ("log2", 0): math.log2,
    ("log10", 0): math.log10,
    ("exp", 0): math.exp,
    ("input_line_number", 0): lambda v: 0,
    ("splits", 2): lambda v, p, f: _split(v, p, f),
    ("todateiso8601", 0): lambda v: datetime.fromtimestamp(v, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    ("strftime", 1): lambda v, form: datetime.fromtimestamp(v, tz=UTC).strftime(form),
    ("rindex", 1): lambda v, p: v.rfind(p) if p in v else None,
    ("halt", 0): lambda v: (_ for _ in ()).throw(Halt(v, 0)),
    ("halt_error", 0): lambda v: (_ for _ in ()).throw(Halt(v, 5)),
    ("halt_error", 1): lambda v, code: (_ for _ in ()).throw(Halt(v, code)),
    ("debug", 0): lambda v: v,
    ("not", 0): lambda v: not truth(v),
    ("from_entries", 0): _from_entries,
    ("first", 0): lambda v: item(v, 0),
    ("last", 0): lambda v: item(v, -1),
    ("nth", 1): item,
    ("getpath", 1): at_path,
    ("setpath", 2): with_path,
    ("transpose", 0): lambda v: [[item(r, i) for r in v] for i in range(max(map(len, v), default=0))],
    ("error", 0): lambda v: (_ for _ in ()).throw(JqError(v)),
    ("null", 0): lambda v: None,
    ("infinite", 0): lambda v: math.inf,
    ("fromdateiso8601", 0): _time,
    ("fromdate", 0): _time,
    ("todate", 0): lambda v: datetime.fromtimestamp(v, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
}  # fmt: skip


def call(name: str, value: Any, arguments: list[Any]) -> Any:
    """A function's result for one input. Raises JqError, also for a function that is not known."""
    function = _FUNCTIONS.get((name, len(arguments)))
    if function is None:
        raise NotDefined(f"{name}/{len(arguments)} is not defined")
    try:
        return function(value, *arguments)
    except JqError:
        raise
    except BadRegex as error:
        raise JqError(str(error)) from None
    except (TypeError, AttributeError, ValueError, KeyError, OverflowError):
        raise JqError(f"{_shown(value)} cannot be used with {name}") from None
