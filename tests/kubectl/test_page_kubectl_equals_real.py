"""The page's kubectl and a real one, on the same cluster of a running server: they print the same.

The commands only look, try (dry runs) or fail, so that both find the cluster as it was. What no two moments
share is masked: ages and the time of a dry run. Help texts are not compared: ours are in our own words.
"""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kubectl.comparing import KUBECTL, Answer, directory_for, masked, ours, real, said, terminal
from tests.serving import serving

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("kubectl")]

MANIFEST = Path(__file__).with_name("compared.yaml")


COMMANDS = [
    line for line in Path(__file__).with_name("compared_commands.txt").read_text().splitlines() if line
]
_AT_ONCE = 4


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Answer, Answer]]]:
    """What the real one and ours answered to each command."""
    if KUBECTL is None:
        pytest.skip("there is no kubectl on this machine: the page's was not compared with it")
    directory = tmp_path_factory.mktemp("compared")
    with serving(directory / "var") as server, terminal(server.url, server.var) as learner:
        directory_for(directory, json.loads(said(learner)))
        shutil.copy(MANIFEST, directory / "compared.yaml")
        ours(learner, f"cat > compared.yaml <<'END'\n{MANIFEST.read_text()}END")
        for command in (
            "apply -f compared.yaml",
            "wait --for=condition=ready pod --all -n shop --timeout=60s",
            "wait --for=condition=ready pod -l app -n zoo --timeout=60s",
            "wait --for=jsonpath={.status.loadBalancer.ingress} svc/lb -n zoo --timeout=60s",
            "wait --for=jsonpath={.status.phase}=Failed pod/failed -n zoo --timeout=60s",
            "wait --for=jsonpath={.status.phase}=Succeeded pod/done -n zoo --timeout=60s",
        ):
            assert real(directory, f"kubectl {command}")[2] == 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            theirs = list(pool.map(lambda command: real(directory, command), COMMANDS))
        own = [ours(learner, command) for command in COMMANDS]
        yield dict(zip(COMMANDS, zip(theirs, own, strict=True), strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_both_answer_the_same(answers: dict[str, tuple[Answer, Answer]], command: str) -> None:
    theirs, own = answers[command]

    assert masked(own) == masked(theirs)
