"""The page's kubectl and a real one, on the same cluster of a running server: they print the same.

The commands only look, try (dry runs) or fail, so that both find the cluster as it was. What no two moments
share is masked: ages and the time of a dry run. Help texts are not compared: ours are in our own words.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving import ROOT, serving

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("kubectl")]

Answer = tuple[str, str, int]  # standard output, standard error, exit code

MANIFEST = Path(__file__).with_name("compared.yaml")


def _kubectl() -> str | None:
    """The kubectl to compare with: 1.33 if it is there, for others differ in a word here and there."""
    found = shutil.which("kubectl")
    if found is None:
        return None
    beside = Path(found).resolve().with_name("kubectl.1.33")
    return str(beside) if beside.exists() else found


KUBECTL = _kubectl()
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
    with serving(directory / "var") as server, _terminal(server.url, server.var) as terminal:
        config = directory / "config"
        config.write_text(json.loads(_said(terminal)))
        shutil.copy(MANIFEST, directory / "compared.yaml")
        (directory / "bin").mkdir()
        (directory / "bin" / "kubectl").symlink_to(KUBECTL)  # some messages have its name
        _ours(terminal, f"cat > compared.yaml <<'END'\n{MANIFEST.read_text()}END")
        for command in (
            "apply -f compared.yaml",
            "wait --for=condition=ready pod --all -n shop --timeout=60s",
            "wait --for=condition=ready pod -l app -n zoo --timeout=60s",
            "wait --for=jsonpath={.status.loadBalancer.ingress} svc/lb -n zoo --timeout=60s",
            "wait --for=jsonpath={.status.phase}=Failed pod/failed -n zoo --timeout=60s",
            "wait --for=jsonpath={.status.phase}=Succeeded pod/done -n zoo --timeout=60s",
        ):
            assert _real(directory, f"kubectl {command}")[2] == 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            real = list(pool.map(lambda command: _real(directory, command), COMMANDS))
        ours = [_ours(terminal, command) for command in COMMANDS]
        yield dict(zip(COMMANDS, zip(real, ours, strict=True), strict=True))


def _terminal(url: str, var: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kubectl.page_terminal", url],
        cwd=ROOT, env={**os.environ, "SVCLAB_VAR": str(var)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _said(terminal: subprocess.Popen[str]) -> str:
    assert terminal.stdout
    return terminal.stdout.readline()


def _ours(terminal: subprocess.Popen[str], command: str) -> Answer:
    assert terminal.stdin
    terminal.stdin.write(json.dumps(command) + "\n")
    terminal.stdin.flush()
    out, err, code = json.loads(_said(terminal))
    return out, err, code


def _real(directory: Path, command: str) -> Answer:
    path = f"{directory / 'bin'}:{os.environ['PATH']}"
    environment = {
        **os.environ, "KUBECONFIG": str(directory / "config"), "HOME": str(directory), "PATH": path,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def _masked(answer: Answer) -> Answer:
    """Without ages, with the padding after them, and without the times and places of a run."""
    out, err, code = answer
    for pattern, mark in (
        (r"(?<![\w.\-:])(\d+[smhd]){1,2}(?![\w.\-:]) *", "<age> "),
        (r"\bAGE +|(?<=  )Age {2,}(?=From)|(?<=  )---- +(?=----)", "<age> "),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "<date>"),
        (r'(creationTimestamp|renewTime|lastHeartbeatTime)("?): "[^"]+"', r"\1\2: <time>"),
        (r"(?m)^  Renew|^  AcquireTime", "<time>"),
        (r'("?uid"?): "?[0-9a-f-]{36}"?', r"\1: <uid>"),
        (r"/tmp/(LIVE|MERGED)-\d+/", r"/tmp/\1/"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000", "<moment>"),
        (r"(?m)^([IEWF])\d{4} [\d:.]+ +\d+ ", r"\1 "),
        (r"10\.(9[6-9]|10\d|11[01])\.\d+\.\d+(?=\n)", "<cluster-ip>"),
    ):
        out, err = re.sub(pattern, mark, out), re.sub(pattern, mark, err)
    return _DATA.sub(lambda data: "".join(sorted(_KEY.split(data[0]))), out), err, code


# The data of a ConfigMap: the real one walks a map of Go, whose order is another one in every run.
_DATA = re.compile(r"(?s)(?<=\nData\n====\n).*?(?=\nBinaryData\n)")
_KEY = re.compile(r"(?<=\n)(?=\S+:\n----\n)")


@pytest.mark.parametrize("command", COMMANDS)
def test_both_answer_the_same(answers: dict[str, tuple[Answer, Answer]], command: str) -> None:
    real, ours = answers[command]

    assert _masked(ours) == _masked(real)
