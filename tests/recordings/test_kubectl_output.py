"""The recorded session of a real kubectl, played from its first command to its last."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.recordings.kubectl_replay import Terminal, manifests, masked, recorders_cluster, transcripts

# Commands whose output cannot be the recorder's, with the reason.
CANNOT_HOLD: dict[str, str] = {}
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
        line = transcript.command.replace("kubectl-1.36", "kubectl")
        answers[number] = terminal.run(line)
        if line == "kubectl get pods -n service-demo -o wide":
            ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80", "ipMode": "VIP"}]}}}
            terminal.patch("/api/v1/namespaces/shop/services/cart-lb2/status", ingress)
        if line.startswith(_SETTLES):
            terminal.pass_seconds(30)
    return answers


@pytest.mark.parametrize("number", range(len(_PLAYED)), ids=lambda n: f"{n}:{_PLAYED[n].command}")
def test_the_output_is_the_real_ones(played: dict[int, tuple[str, str, int]], number: int) -> None:
    recorded = _PLAYED[number]
    if recorded.command in CANNOT_HOLD:
        pytest.skip(CANNOT_HOLD[recorded.command])
    out, err, code = played[number]

    assert masked(out.split("\n"), recorded.command) == masked(recorded.stdout, recorded.command)
    assert masked(err.split("\n"), recorded.command) == masked(recorded.stderr, recorded.command)
    assert code == recorded.exit
