"""Command lines as the real bash and GNU tools answered them: status, output and errors, byte for byte."""

import json
from pathlib import Path

import pytest

from svclab.terminal.streams import Input

RECORDED = Path(__file__).parent / "recorded"
LINES = json.loads((RECORDED / "bash.json").read_text())
FILES = {path.name: path.read_text() for path in sorted((RECORDED / "files").iterdir())}


@pytest.mark.parametrize("line", LINES, ids=[line["run"][:50] for line in LINES])
def test_a_line_ends_as_it_did_in_a_real_shell(sh, line):
    sh.store.texts |= FILES
    out: list[str] = []
    err: list[str] = []

    status = sh.session.execute(["bash", "-c", line["run"]], out.append, err=err.append, stdin=Input())

    assert (status, "".join(out), "".join(err)) == (line["status"], line["stdout"], line["stderr"])
