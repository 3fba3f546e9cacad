"""Who may do what: the whole matrix, and what is not in it is forbidden."""

import pytest

from svclab.accounts.permissions import RULES, Thing, Visitor, may

CLUSTER = "c1"
OWNER, HOLDER = Visitor("alice"), Visitor(opened_cluster=CLUSTER)
OTHER, ANONYMOUS, ADMIN = Visitor("bob", opened_cluster="c2"), Visitor(), Visitor("root", is_admin=True)
EVERYBODY = {"owner": OWNER, "holder": HOLDER, "other": OTHER, "anonymous": ANONYMOUS, "admin": ADMIN}

MATRIX = {
    ("cluster", "see"): {"owner"},
    ("cluster", "use"): {"owner"},
    ("cluster", "api"): {"holder"},
    ("kubeconfig", "read"): {"owner"},
    ("kubeconfig", "renew"): {"owner"},
    ("kubeconfig", "revoke"): {"owner"},
    ("progress", "see"): {"owner"},
    ("progress", "make"): {"owner"},
    ("lesson", "read"): set(EVERYBODY),
    ("site", "administer"): {"admin"},
}


@pytest.mark.parametrize(("kind", "action"), MATRIX)
@pytest.mark.parametrize("who", EVERYBODY)
def test_each_visitor_may_do_what_the_matrix_says_and_nothing_else(kind, action, who):
    thing = Thing(kind, "alice", CLUSTER)

    assert may(EVERYBODY[who], action, thing) is (who in MATRIX[kind, action])


def test_every_rule_is_in_the_matrix():
    assert set(RULES) == set(MATRIX)


@pytest.mark.parametrize("who", EVERYBODY)
def test_what_no_rule_names_is_forbidden_to_everybody(who):
    assert not may(EVERYBODY[who], "delete", Thing("lesson"))
    assert not may(EVERYBODY[who], "see", Thing("elsewhere", "alice", CLUSTER))


def test_nobody_owns_what_has_no_owner():
    assert not may(ANONYMOUS, "see", Thing("cluster"))
    assert not may(Visitor(opened_cluster=None), "api", Thing("cluster"))
