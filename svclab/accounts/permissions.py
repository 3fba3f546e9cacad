"""Who may do what: the one place that answers. HTTP, websocket and API ask it, each about the visitor they
know.

The rules are a table: for each thing and each way of using it, the relations to it that allow it. What is
not in the table is not allowed. Whoever may not even see a thing is told that it is not there.
"""

from dataclasses import dataclass
from enum import StrEnum


class Relation(StrEnum):
    """How a visitor stands to a thing."""

    OWNER = "owner"  # the learner whose cluster, progress or trace it is
    HOLDER = "holder"  # whoever holds the cluster's secret, e.g. that learner's own kubectl
    LEARNER = "learner"  # any other learner
    ANONYMOUS = "anonymous"  # a visitor without a cookie of ours
    ADMIN = "admin"


_EVERYBODY = frozenset(
    {Relation.OWNER, Relation.HOLDER, Relation.LEARNER, Relation.ANONYMOUS, Relation.ADMIN}
)
_OWNER = frozenset({Relation.OWNER})

RULES: dict[tuple[str, str], frozenset[Relation]] = {
    ("cluster", "see"): _OWNER,  # its page, objects, traces and terminal output
    ("cluster", "use"): _OWNER,  # apply, send, exec, clock, reset
    ("cluster", "api"): frozenset({Relation.HOLDER}),  # cookies open no Kubernetes API
    ("kubeconfig", "read"): _OWNER,
    ("kubeconfig", "renew"): _OWNER,
    ("kubeconfig", "revoke"): _OWNER,
    ("progress", "see"): _OWNER,
    ("progress", "make"): _OWNER,
    ("lesson", "read"): _EVERYBODY,
    ("site", "administer"): frozenset({Relation.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is known of whoever asks: the learner's key out of the cookie, the cluster that a secret opens."""

    learner: str | None = None
    opened_cluster: str | None = None
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with an owner: `kind` as in RULES; `cluster` is the id of the cluster that it belongs to."""

    kind: str
    owner: str | None = None
    cluster: str | None = None


def may(visitor: Visitor, action: str, thing: Thing) -> bool:
    """Whether the visitor may do this to the thing."""
    allowed = RULES.get((thing.kind, action), frozenset())
    return any(relation in allowed for relation in relations(visitor, thing))


def relations(visitor: Visitor, thing: Thing) -> set[Relation]:
    """All the ways in which a visitor stands to a thing."""
    found = {Relation.LEARNER if visitor.learner else Relation.ANONYMOUS}
    if visitor.learner and visitor.learner == thing.owner:
        found.add(Relation.OWNER)
    if visitor.opened_cluster and visitor.opened_cluster == thing.cluster:
        found.add(Relation.HOLDER)
    if visitor.is_admin:
        found.add(Relation.ADMIN)
    return found
