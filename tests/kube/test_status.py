"""How values stand in the server's messages."""

import pytest

from svclab.kube.selectors import SelectorError, key_problems, label_selector
from svclab.kube.status import go_quote, go_value


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain ü 🚀 <b>", '"plain ü 🚀 <b>"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("\u00a0\u200b\u202e\U000e0001", r'"\u00a0\u200b\u202e\U000e0001"'),
    ],
)
def test_a_string_is_quoted_as_by_go(text: str, quoted: str) -> None:
    assert go_quote(text) == quoted


def test_other_values_are_go_json_which_html_cannot_mistake() -> None:
    assert go_value({"app": "<b>&"}) == r'{"app":"\u003cb\u003e\u0026"}'
    assert go_value(["None", 1, None]) == '["None",1,null]'


def test_a_selectors_message_quotes_what_it_quotes() -> None:
    with pytest.raises(SelectorError, match=r'<nil>: Invalid value: "\\"app\\"": name part must consist'):
        label_selector('"app"=a')


def test_a_label_keys_prefix_has_a_length_too() -> None:
    """content.IsLabelKey"""
    assert key_problems("a" * 254 + "/x") == ["prefix part must be no more than 253 bytes"]
    assert key_problems("a" * 253 + "/x") == []
