"""YAML and JSON as kubectl prints them: sigs.k8s.io/yaml's order of keys, quoting and line breaks.

PyYAML's emitter and go-yaml's are both libyaml's; what differs is which scalars are quoted and how keys sort.
"""

import json
import re
from functools import cmp_to_key
from typing import Any

import yaml

_OTHER_TYPES = re.compile(
    r"|~|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?0x[0-9a-fA-F_]+|[-+]?0b[01_]+|[-+]?0o?[0-7_]+"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ]\s*[0-9]{1,2}:.*)?"
)


def to_yaml(document: Any) -> str:
    """A document as `-o yaml` prints it, with its newline."""
    return yaml.dump(
        document,
        Dumper=_Dumper,
        default_flow_style=False,
        allow_unicode=True,
        width=80,
    )


def to_json(document: Any, *, sort_keys: bool = True) -> str:
    """A document as `-o json` prints it: four spaces, sorted keys, Go's escapes."""
    text = json.dumps(document, indent=4, sort_keys=sort_keys, ensure_ascii=False)
    return escape_html(text) + "\n"


def escape_html(text: str) -> str:
    """`<`, `>` and `&` as Go's encoding/json writes them."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


class _Dumper(yaml.SafeDumper):
    """Writes plain JSON documents."""

    def ignore_aliases(self, data: Any) -> bool:
        """Shared parts are written out each time."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _OTHER_TYPES.fullmatch(text) or any(character > "\uffff" for character in text):
        style = '"'
    # A tag that the text would not get by itself makes the emitter quote it: go-yaml decides that above.
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


def _map(dumper: yaml.SafeDumper, mapping: dict[str, Any]) -> yaml.MappingNode:
    pairs = [
        (dumper.represent_data(key), dumper.represent_data(mapping[key]))
        for key in sorted(mapping, key=cmp_to_key(_compare_keys))
    ]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False if pairs else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _map)
_Dumper.yaml_implicit_resolvers = {}
for _tag, _shape in (
    ("bool", re.compile(r"(?:true|false)\Z")),
    ("int", re.compile(r"-?[0-9]+\Z")),
    ("float", re.compile(r"(?:-?[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?|-?\.inf|\.nan)\Z")),
    ("null", re.compile(r"null\Z")),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _shape, None)


def _compare_keys(left: str, right: str) -> int:
    """go-yaml's order: letters by code, digits as numbers, other characters before letters."""
    if left == right:
        return 0
    return -1 if _less(left, right) else 1


def _less(left: str, right: str) -> bool:
    digits = False
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            digits = a.isdigit()
            continue
        if a.isalpha() and b.isalpha():
            return a < b
        if a.isalpha() or b.isalpha():
            return a.isalpha() if digits else b.isalpha()
        return _numbers_less(left, right, at)
    return len(left) < len(right)


def _numbers_less(left: str, right: str, at: int) -> bool:
    lead = ""
    if left[at] == "0" or right[at] == "0":
        before = re.search(r"\d*$", left[:at])
        lead = "1" if before is not None and before[0].strip("0") else ""
    a = re.match(r"\d*", left[at:])
    b = re.match(r"\d*", right[at:])
    first, second = a[0] if a else "", b[0] if b else ""
    one, two = int((lead + first) or 0), int((lead + second) or 0)
    if one != two:
        return one < two
    if len(first) != len(second):
        return len(first) < len(second)
    return left[at] < right[at]
