"""Every message of the page is of a known type with known fields, or it is refused."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.lab import protocol
from svclab.lab.consumers import LabConsumer
from svclab.lab.protocol import BadMessage, Send, SetClock, encode, parse


def test_a_message_names_its_fields_and_gets_the_defaults_of_the_rest():
    found = parse('{"type": "send", "source": "pod/default/a", "target": "http://web"}')
    assert found == Send("pod/default/a", "http://web", None, "TCP", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "unknown message type"),
        ('{"type": 5}', "unknown message type"),
        ('{"type": "state"}', "unknown message type"),
        ('{"type": "send"}', "source is missing"),
        ('{"type": "send", "source": "pod/a/b", "target": "x", "extra": 1}', "unknown field 'extra'"),
        ('{"type": "send", "source": 5, "target": "x"}', "source must be str"),
        ('{"type": "send", "source": "pod/../b", "target": "x"}', "source must be client/NAME"),
        ('{"type": "send", "source": "pod/a/b", "target": "a b"}', "target must be a name"),
        (
            '{"type": "send", "source": "pod/a/b", "target": "x", "port": 70000}',
            "port must be from 1 to 65535",
        ),
        ('{"type": "send", "source": "pod/a/b", "target": "x", "port": true}', "port must be int"),
        ('{"type": "send", "source": "pod/a/b", "target": "x", "protocol": "ICMP"}', "must be one of"),
        (
            '{"type": "send.many", "source": "pod/a/b", "target": "x", "count": 101}',
            "count must be from 1 to 100",
        ),
        ('{"type": "clock", "action": "stop"}', "action must be one of pause"),
        ('{"type": "clock", "action": "step", "value": NaN}', "value must be from 0 to 3600"),
        ('{"type": "clock", "action": "step", "value": 1e99}', "value must be from 0 to 3600"),
        ('{"type": "term.input", "session": "t1", "data": "\\ud800"}', "not valid Unicode"),
        ('{"type": "term.open", "session": "../../x"}', "session must be 1 to 40 letters"),
        ('{"type": "trace.get", "id": -1}', "id must be from 0"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_message_that_says_nothing_known_is_refused_with_words(text, words):
    with pytest.raises(BadMessage) as refusal:
        parse(text)
    assert words in str(refusal.value)


@given(
    st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps)
)
def test_no_text_does_anything_but_parse_or_be_refused(text):
    try:
        parse(text)
    except BadMessage:
        return
    raise AssertionError("random text was taken for a message")


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(sorted(protocol.FROM_PAGE))},
        optional={
            name: st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=20)
            | st.lists(st.none())
            for name in (
                "source",
                "target",
                "port",
                "count",
                "action",
                "value",
                "session",
                "data",
                "id",
                "rows",
                "yaml",
            )
        },
    )
)
def test_wrong_types_in_any_field_are_refused_and_never_an_error_of_ours(message):
    try:
        found = parse(json.dumps(message))
    except BadMessage:
        return
    assert found.type == message["type"]


def test_every_message_of_the_page_has_a_method_that_answers_it():
    missing = [
        kind for kind in protocol.FROM_PAGE if not hasattr(LabConsumer, f"on_{kind.replace('.', '_')}")
    ]
    assert missing == []


def test_every_message_says_in_its_docstring_what_it_is():
    for cls in (*protocol.FROM_PAGE.values(), *protocol.TO_PAGE.values()):
        assert cls.__doc__, cls.type
        assert cls.type


def test_a_message_to_the_page_carries_type_and_number_beside_its_fields():
    body = json.loads(encode(protocol.Error("no", "send"), 7))
    assert body == {"type": "error", "seq": 7, "message": "no", "about": "send", "request": ""}
    assert {item.name for item in fields(SetClock)} == {"action", "value"}
