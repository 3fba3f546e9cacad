"""Selectors in requests and manifests, and what the server says about broken ones."""

import pytest

from svclab.kube.selectors import (
    SelectorError,
    field_selector,
    format_object,
    from_object,
    label_selector,
)

LABELS = {"app": "shop", "tier": "web"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("app=shop", True),
        ("app==shop", True),
        ("app!=shop", False),
        ("zone!=a", True),
        ("app", True),
        ("!app", False),
        ("!zone", True),
        ("app in (shop, cart)", True),
        ("app notin (shop)", False),
        ("zone notin (a)", True),
        ("app=shop,tier=db", False),
        ("app=shop,tier", True),
        ("app=", False),
    ],
)
def test_a_label_selector_selects(text, selected):
    assert label_selector(text).matches(LABELS) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app in (shop", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
    ],
)
def test_a_broken_label_selector_is_refused_in_the_servers_words(text, message):
    with pytest.raises(SelectorError) as refused:
        label_selector(text)
    assert str(refused.value) == message


def test_expressions_of_a_manifest_select_as_their_text_does():
    selector = {
        "matchLabels": {"app": "shop"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "db"]}],
    }

    assert from_object(selector).matches(LABELS)
    assert not from_object(selector).matches({"app": "shop"})
    assert format_object(selector) == "app=shop,tier in (db,web)"


def test_no_selector_selects_nothing_and_an_empty_one_everything():
    assert from_object(None) is None
    assert from_object({}).matches({})


POD = {"metadata": {"name": "web"}, "spec": {"nodeName": "node1"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("spec.nodeName=node1", True),
        ("spec.nodeName=node1,status.phase!=Running", False),
        ("metadata.name==web", True),
        ("status.podIP=", True),
    ],
)
def test_a_field_selector_selects(text, selected):
    assert field_selector(text, "Pod")(POD) is selected


def test_only_some_fields_can_be_selected_by():
    with pytest.raises(SelectorError, match=r"field label not supported: spec\.image"):
        field_selector("spec.image=nginx", "Pod")
