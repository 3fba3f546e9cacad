"""A real kubectl and the page's terminal side by side, for tests that compare what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.serving import ROOT

Answer = tuple[str, str, int]  # standard output, standard error, exit code


def _kubectl() -> str | None:
    """The kubectl to compare with: 1.33 if it is there, for others differ in a word here and there."""
    found = shutil.which("kubectl")
    if found is None:
        return None
    beside = Path(found).resolve().with_name("kubectl.1.33")
    return str(beside) if beside.exists() else found


KUBECTL = _kubectl()


def terminal(url: str, var: Path) -> subprocess.Popen[str]:
    """A terminal at a cluster of its own; the first thing that it says is a kubeconfig for that."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kubectl.page_terminal", url],
        cwd=ROOT, env={**os.environ, "SVCLAB_VAR": str(var)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def said(terminal: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert terminal.stdout
    return terminal.stdout.readline()


def ours(terminal: subprocess.Popen[str], command: str) -> Answer:
    """What the page's terminal answers."""
    assert terminal.stdin
    terminal.stdin.write(json.dumps(command) + "\n")
    terminal.stdin.flush()
    out, err, code = json.loads(said(terminal))
    return out, err, code


def real(directory: Path, command: str) -> Answer:
    """What bash and the real kubectl answer, with the kubeconfig and the files of a directory."""
    path = f"{directory / 'bin'}:{os.environ['PATH']}"
    environment = {
        **os.environ, "KUBECONFIG": str(directory / "config"), "HOME": str(directory), "PATH": path,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def masked(answer: Answer) -> Answer:
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


def directory_for(directory: Path, kubeconfig: str) -> Path:
    """A directory for the real kubectl, which has to be called so: some messages have its name."""
    assert KUBECTL
    (directory / "config").write_text(kubeconfig)
    (directory / "bin").mkdir()
    (directory / "bin" / "kubectl").symlink_to(KUBECTL)
    return directory
