"""`manage.py engine rules`: what it prints, what it reads, and what it says to files that it cannot read."""

import json
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from svclab.cluster.importing import BadFile, manifests, parse
from tests.recordings.cases import FOLDER, recorded_nodes, recording

ROOT = Path(__file__).resolve().parents[2]


def printed(*arguments: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("engine", "rules", *arguments, stdout=out)
    return out.getvalue()


def sections(text: str) -> dict[str, list[str]]:
    """The lines of each table, those of chains that kube-proxy fills from a map in one order."""
    tables: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line, [])
        else:
            lines.append(line.split(" [")[0] if line.startswith(":") else line)
    return {table: sorted(lines) for table, lines in tables.items()}


@pytest.mark.parametrize(("name", "node"), recorded_nodes())
def test_the_lines_of_filter_and_nat_are_those_that_iptables_save_printed(name, node):
    recorded = sections(recording(name)["iptables"][node])

    ours = sections(printed(str(FOLDER / f"{name}.json"), "--node", node))

    assert ours == {table: recorded[table] for table in ("*filter", "*nat")}


@pytest.mark.parametrize(("name", "node"), recorded_nodes())
def test_the_lines_of_the_nftables_mode_are_those_that_nft_printed(name, node):
    ours = printed(str(FOLDER / f"{name}.json"), "--node", node, "--mode", "nftables")

    assert sorted(ours.splitlines()) == sorted(recording(name)["nftables"][node].strip().splitlines())


@pytest.fixture
def as_list(tmp_path):
    """The objects of a recording as `kubectl get -o json` and `-o yaml` print them."""
    document = {"apiVersion": "v1", "kind": "List", "items": recording("lb-local")["objects"]}
    (tmp_path / "list.json").write_text(json.dumps(document))
    (tmp_path / "list.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "several.yaml").write_text("---\n" + yaml.safe_dump_all(document["items"]))
    (tmp_path / "several.json").write_text("\n".join(json.dumps(each) for each in document["items"]))
    return tmp_path


@pytest.mark.parametrize("file", ["list.json", "list.yaml", "several.yaml", "several.json"])
def test_lists_and_yaml_give_the_rules_of_the_recording_they_were_made_from(as_list, file):
    assert printed(str(as_list / file), "--node", "node2") == printed(
        str(FOLDER / "lb-local.json"), "--node", "node2"
    )


def test_the_ranges_of_services_are_those_of_the_service_cidr_objects(tmp_path):
    """Source: kube-proxy's nftables proxier, OnServiceCIDRsChanged: those of its family, whatever their state."""
    ranges = {"kubernetes": ["10.96.0.0/16", "fd00:10:96::/112"], "more": ["172.30.0.0/24"]}
    cidrs = [
        {"kind": "ServiceCIDR", "metadata": {"name": name}, "spec": {"cidrs": each}}
        for name, each in ranges.items()
    ]
    file = tmp_path / "objects.json"
    file.write_text(json.dumps([*recording("lb-local")["objects"], *cidrs]))

    text = printed(str(file), "--node", "node2", "--mode", "nftables")

    dropped = 'ip daddr { 10.96.0.0/16, 172.30.0.0/24 } drop comment "Drop traffic to unallocated ClusterIPs"'
    assert f"\t\t{dropped}\n" in text


def test_a_dash_reads_standard_input_and_no_database_is_needed(tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "SVCLAB_VAR": str(tmp_path),
        "DATABASE_URL": "sqlite:////nowhere/x.sqlite3",
    }

    run = subprocess.run(
        [sys.executable, "manage.py", "engine", "rules", "-", "--node", "node2"],
        cwd=ROOT,
        env=environment,
        input=(FOLDER / "lb-local.json").read_bytes(),
        capture_output=True,
        check=False,
    )

    assert (run.returncode, run.stderr.decode()) == (0, "")
    assert run.stdout.decode() == printed(str(FOLDER / "lb-local.json"), "--node", "node2")


SERVICE = {"kind": "Service", "metadata": {"name": "web", "namespace": "demo"}}
BAD_FILES = {
    "": "there is no object in it",
    "{": "line 1: Expecting property name enclosed in double quotes",
    "a: [": "line 2: did not find expected node content",
    "just words": 'expected Kubernetes objects, found "just words"',
    "!!python/object/apply:os.system [ls]": "line 1: could not determine a constructor for the tag"
    " 'tag:yaml.org,2002:python/object/apply:os.system'",
    '{"objects": 3}': "objects must be a list, not 3",
    '{"kind": "List", "items": [1]}': "expected a Kubernetes object, found 1",
    '{"metadata": {}}': "an object has no kind",
    '{"kind": "Service", "metadata": {}}': "a Service has no metadata.name",
    '{"kind": "Service", "metadata": {"name": "a -j DROP"}}': (
        'Service: metadata.name must be a name, not "a -j DROP"'
    ),
    json.dumps(SERVICE | {"spec": []}): "Service demo/web: spec must be an object, not a list",
    json.dumps(
        SERVICE | {"spec": {"ports": {}}}
    ): "Service demo/web: spec.ports must be a list, not an object",
    json.dumps(SERVICE | {"spec": {"ports": [{}]}}): "Service demo/web: spec.ports[0].port is missing",
    json.dumps(SERVICE | {"spec": {"ports": [{"port": 70000}]}}): (
        "Service demo/web: spec.ports[0].port must be a number from 0 to 65535, not 70000"
    ),
    json.dumps(SERVICE | {"spec": {"ports": [{"port": 1, "protocol": "ICMP"}]}}): (
        'Service demo/web: spec.ports[0].protocol must be one of TCP, UDP, SCTP, not "ICMP"'
    ),
    json.dumps(
        SERVICE | {"spec": {"clusterIPs": [1]}}
    ): "Service demo/web: spec.clusterIPs[0] must be an IP address or None, not 1",
    json.dumps(SERVICE | {"spec": {"ipFamilies": 4}}): (
        "Service demo/web: spec.ipFamilies must be a list, not 4"
    ),
    json.dumps(SERVICE | {"spec": {"externalIPs": ["1.2.3.256"]}}): (
        'Service demo/web: spec.externalIPs[0] must be an IP address, not "1.2.3.256"'
    ),
    '{"kind": "Node", "metadata": {"name": "a"}} {': "line 1: Expecting property name",
    "\x00": "unacceptable character",
    "[" * 100_000: "line 1: nested too deeply",
    "- " * 100_000: "line 1: nested too deeply",
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_refused_in_one_line(text):
    with pytest.raises(BadFile) as refused:
        manifests(parse(text))

    assert str(refused.value).startswith(BAD_FILES[text])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("subcommand", ["dns", "trace"])
def test_standard_input_cannot_hold_both_the_objects_and_the_list(subcommand, monkeypatch, capsys):
    objects = (FOLDER / "lb-local.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(objects)))

    with pytest.raises(SystemExit) as ended:
        call_command("engine", subcommand, "-")

    assert ended.value.code == 2
    said = "engine: standard input can hold the objects or the list, not both: name a file of objects\n"
    assert capsys.readouterr().err == said


def test_addresses_with_leading_zeros_are_read_as_kube_proxy_reads_them(tmp_path):
    objects = json.loads(
        json.dumps(recording("lb-local")["objects"]).replace("203.0.113.201", "203.0.113.0201")
    )
    (tmp_path / "zeros.json").write_text(json.dumps(objects))

    for mode in ("iptables", "nftables", "ipvs"):
        as_written, as_read = (
            printed(str(file), "--node", "node1", "--mode", mode)
            for file in (tmp_path / "zeros.json", FOLDER / "lb-local.json")
        )
        assert as_written == as_read


@pytest.mark.parametrize("arguments", [("missing.json", "--node", "node1"), (".", "--node", "node1")])
def test_a_file_that_cannot_be_opened_ends_with_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("engine", "rules", *arguments)

    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_node_that_does_not_exist_is_answered_with_those_that_do(capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("engine", "rules", str(FOLDER / "lb-local.json"), "--node", "node9")

    assert ended.value.code == 2
    assert (
        capsys.readouterr().err == "engine: there is no node node9 (there are: control-plane, node1, node2)\n"
    )


def test_bytes_that_are_not_text_are_refused_by_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"\xff\xfe{}")))

    with pytest.raises(SystemExit) as ended:
        call_command("engine", "rules", "-", "--node", "node1")

    assert ended.value.code == 2
    assert capsys.readouterr().err == "engine: -: not UTF-8 text (byte 0)\n"


def test_times_in_yaml_stay_text_as_in_kubernetes():
    (document,) = parse("kind: Pod\nmetadata: {name: x, creationTimestamp: 2026-11-23T14:26:09Z}")

    assert document["metadata"]["creationTimestamp"] == "2026-11-23T14:26:09Z"
