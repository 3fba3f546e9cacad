"""The recorded session of a real kubectl, played from its first command to its last."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.recordings.kubectl_replay import Terminal, manifests, masked, recorders_cluster, transcripts

pytestmark = pytest.mark.django_db  # else pytest-django makes no tables for this module alone

# Commands whose output cannot be the recorder's, with the reason.
_NO_NAMESPACE = "the real client, too, reports objects whose namespace is missing; the recorder left that out"
CANNOT_HOLD: dict[str, str] = {
    "kubectl apply -f demo.yaml --dry-run=server": _NO_NAMESPACE,
    "kubectl diff -f extra.yaml": _NO_NAMESPACE,
    "kubectl cluster-info": "the API server has another address",
    "kubectl config current-context": "the context has another name",
    "kubectl version": "the recorder's server had no version of its own; the second recording is compared",
    "kubectl auth whoami": "the user has another name",
}
_PLAYED = [t for t in transcripts() if not t.command.startswith("kubectl-1.27")]
_SETTLES = ("kubectl apply -f", "kubectl rollout undo", "kubectl run", "kubectl create", "kubectl replace")


class _Undo(Exception):
    pass


@pytest.fixture(scope="module")
def played(django_db_setup: Any, django_db_blocker: Any) -> Iterator[dict[int, tuple[str, str, int]]]:
    """What each command printed here, by its place in the session."""
    with django_db_blocker.unblock():
        try:
            with transaction.atomic():
                yield _play()
                raise _Undo
        except _Undo:
            pass


def _play() -> dict[int, tuple[str, str, int]]:
    terminal = Terminal(recorders_cluster())
    for name, text in manifests().items():
        terminal.put(name, text)
    answers = {}
    for number, transcript in enumerate(_PLAYED):
        line = _with_our_names(terminal, transcript.command.replace("kubectl-1.36", "kubectl"))
        answers[number] = terminal.run(line)
        if line == "kubectl get pods -n service-demo -o wide":
            ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80", "ipMode": "VIP"}]}}}
            terminal.patch("/api/v1/namespaces/shop/services/cart-lb2/status", ingress)
        if line.startswith(_SETTLES):
            terminal.pass_seconds(30)
    return answers


def _with_our_names(terminal: Terminal, line: str) -> str:
    """A recorded pod's name replaced by that of a pod of the same replica set here."""
    found = re.search(r" pod ([a-z-]+-[0-9a-f]+-)[a-z0-9]{5} ", line)
    if not found:
        return line
    names = [pod["metadata"]["name"] for pod in terminal.cluster.snapshot().list("Pod")]
    ours = next(name for name in names if name.startswith(found[1]))
    return line.replace(found[0], f" pod {ours} ")


@pytest.mark.parametrize("number", range(len(_PLAYED)), ids=lambda n: f"{n}:{_PLAYED[n].command}")
def test_the_output_is_the_real_ones(played: dict[int, tuple[str, str, int]], number: int) -> None:
    recorded = _PLAYED[number]
    if recorded.command in CANNOT_HOLD and not (recorded.command == "kubectl version" and recorded.exit == 0):
        pytest.skip(CANNOT_HOLD[recorded.command])
    out, err, code = played[number]

    assert masked(out.split("\n"), recorded.command) == masked(recorded.stdout, recorded.command)
    assert masked(err.split("\n"), recorded.command) == masked(recorded.stderr, recorded.command)
    assert code == recorded.exit
