"""The page's kubectl and a real one change two clusters of one seed in the same way, command by command.

Names that a cluster makes up, times and addresses are masked; what is said and what is stored is not.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl.comparing import KUBECTL, Answer, directory_for, masked, ours, real, said, terminal
from tests.serving import serving

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("kubectl")]

MANIFEST = Path(__file__).with_name("compared.yaml")
COMMANDS = [
    line for line in Path(__file__).with_name("compared_changes.txt").read_text().splitlines() if line
]
_READY = (
    "kubectl apply -f compared.yaml",
    "kubectl wait --for=condition=ready pod -l app -A --timeout=60s",
    "kubectl wait --for=jsonpath={.status.loadBalancer.ingress} svc/lb -n zoo --timeout=60s",
)
_MADE_UP = (
    (r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "<uid>"),
    (r"-[bcdfghjklmnpqrstvwxz2456789]{5}(?!\w)", "-<suffix>"),
    (r"10\.(9[6-9]|1[01]\d)\.\d+\.\d+", "<cluster-ip>"),
    (r"10\.244\.\d+\.\d+", "<pod-ip>"),
    (r'resourceVersion("?): "\d+"', r"resourceVersion\1: <version>"),
    (r"\b3[0-2]\d{3}\b", "<node-port>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
    (r"\bnode[12]\b", "<node>"),
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Answer, Answer]]]:
    """What the real one and ours answered to each command, each in its own cluster."""
    if KUBECTL is None:
        pytest.skip("there is no kubectl on this machine: the page's was not compared with it")
    directory = tmp_path_factory.mktemp("changed")
    with (
        serving(directory / "var") as server,
        terminal(server.url, server.var) as other,
        terminal(server.url, server.var) as learner,
    ):
        directory_for(directory, json.loads(said(other)))
        assert said(learner)
        shutil.copy(MANIFEST, directory / "compared.yaml")
        ours(learner, f"cat > compared.yaml <<'END'\n{MANIFEST.read_text()}END")
        found = []
        for command in (*_READY, *COMMANDS):
            found.append((real(directory, command), ours(learner, command)))
        yield found[len(_READY) :]


def _comparable(answer: Answer) -> Answer:
    out, err, code = masked(answer)
    for pattern, mark in _MADE_UP:
        out, err = re.sub(pattern, mark, out), re.sub(pattern, mark, err)
    return out, err, code


@pytest.mark.parametrize("at", range(len(COMMANDS)), ids=COMMANDS)
def test_both_do_the_same(answers: list[tuple[Answer, Answer]], at: int) -> None:
    theirs, own = answers[at]

    assert _comparable(own) == _comparable(theirs)
