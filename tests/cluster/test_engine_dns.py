"""`manage.py engine dns`: what it prints, and what it says to input that it cannot use."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from svclab.cluster.enginedns import dns_text
from svclab.cluster.importing import BadFile
from svclab.kube.snapshot import Snapshot
from tests.kube.dns_world import standard_objects
from tests.recordings.dns_cases import FOLDER, recording

ROOT = Path(__file__).resolve().parents[2]


def engine(*arguments: str, stdin: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "engine", "dns", *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)


def test_the_command_answers_as_recorded() -> None:
    recorded = [row for row in recording("headless-externalname")["dns"] if row["type"] != "SOA"]
    questions = json.dumps([{"name": row["name"], "type": row["type"]} for row in recorded])

    done = engine(str(FOLDER / "headless-externalname.json"), stdin=questions)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == recorded


def typed(*names: str, pod: str = "shop/debug") -> list[dict[str, Any]]:
    items = json.dumps([{"name": name} for name in names])
    return json.loads(dns_text(Snapshot.of(standard_objects()), pod, items))


def test_with_a_pod_each_name_has_its_query_sequence() -> None:
    web, outside = typed("web", "example.com")

    assert [query["name"] for query in web["queries"]] == ["web.shop.svc.cluster.local."] * 2
    assert len(outside["queries"]) == 8
    assert outside["result"]["addresses"] == ["2001:db8::80", "203.0.113.80"]


def test_bad_input_is_one_line_and_exit_code_2() -> None:
    done = engine(str(FOLDER / "headless-externalname.json"), stdin="[{")

    assert done.returncode == 2
    assert done.stderr.startswith("engine: standard input: not JSON")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("pod", "questions", "words"),
    [
        (None, "{}", "expected a JSON list"),
        (None, '[{"name": "a..b", "type": "A"}]', "empty label"),
        (None, '[{"name": "a", "type": "X"}]', "no record type"),
        (None, "[7]", "has no name"),
        ("shop/gone", '["web"]', "there is no pod shop/gone"),
        ("gone", '["web"]', "there is no pod gone"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_in_words(
    pod: str | None, questions: str, words: str
) -> None:
    with pytest.raises(BadFile, match=words):
        dns_text(Snapshot.of(standard_objects()), pod, questions)
