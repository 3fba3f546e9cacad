"""The names of ReplicaSets are those that a real cluster gives them, to the last character."""

import json
from pathlib import Path

import pytest

from svclab.kube.names import safe_encoded
from svclab.kube.podhash import controller_revision_hash, fnv32, fnv32a, pod_template_hash

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def recorded():
    """(Deployment, pod-template-hash) of every recording."""
    for path in sorted(RECORDINGS.glob("*.json")):
        document = json.loads(path.read_text())
        objects = document.get("objects", ()) if isinstance(document, dict) else ()
        yield from pairs(path.stem, objects["items"] if isinstance(objects, dict) else objects)
    for record in json.loads((RECORDINGS / "api/api-objects.json").read_text())["records"]:
        after = record.get("after", {})
        listed = [*after.get("Deployment", ()), *after.get("ReplicaSet", ())]
        yield from pairs(record["id"], listed)


def pairs(where, objects):
    templates = {o["metadata"]["uid"]: o for o in objects if "strategy" in o.get("spec", {})}
    for found in objects:
        owner = next(iter(found["metadata"].get("ownerReferences", ())), {"uid": None})["uid"]
        if owner in templates and "pod-template-hash" in found["metadata"].get("labels", {}):
            if found.get("spec", {}).get("nodeName"):
                continue
            deployment = templates[owner]
            case_id = f"{where}-{deployment['metadata']['name']}"
            yield pytest.param(
                deployment["spec"]["template"], found["metadata"]["labels"]["pod-template-hash"], id=case_id
            )


@pytest.mark.parametrize(("template", "expected"), list(recorded()))
def test_a_pod_template_hash_is_the_recorded_one(template, expected):
    assert pod_template_hash(template) == expected


def test_a_collision_gives_another_hash():
    template = {"spec": {"containers": [{"name": "web", "image": "nginx"}]}}
    hashes = {pod_template_hash(template, collisions) for collisions in (None, 0, 1, 2)}
    assert len(hashes) == 4


def test_every_field_of_a_template_counts():
    plain = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }
    hashes = {pod_template_hash(plain)}
    for field, value in {
        "volumes": [{"name": "v", "configMap": {"name": "site"}}],
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
        },
        "serviceAccountName": "robot",
        "hostname": "web",
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
    }.items():
        hashes.add(pod_template_hash({**plain, "spec": {**plain["spec"], field: value}}))
    assert len(hashes) == 8


@pytest.mark.parametrize(
    ("function", "text", "expected"),
    [(fnv32a, b"", 0x811C9DC5), (fnv32a, b"a", 0xE40C292C), (fnv32a, b"foobar", 0xBF9CF968),
     (fnv32, b"a", 0x050C5D7E), (fnv32, b"foobar", 0x31F0B262)],
)  # fmt: skip
def test_fnv_hashes_are_those_of_the_published_vectors(function, text, expected):
    assert function(text) == expected


def test_digits_are_spelled_without_vowels():
    assert not set(safe_encoded("0123456789")) & set("aeiou013")


def test_a_stateful_set_s_revision_is_hashed_as_go_writes_json():
    template = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": "nginx"}]},
    }
    escaped = b'{"spec":{"template":{"$patch":"replace","spec":"a\\u003cb"}}}0'

    assert controller_revision_hash({"spec": "a<b"}) == safe_encoded(str(fnv32(escaped)))
    assert controller_revision_hash(template) != controller_revision_hash(template, 1)
