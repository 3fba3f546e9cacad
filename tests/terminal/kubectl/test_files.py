"""What kubectl says of files that are empty, unreadable or of unknown kinds. As kubectl 1.33 answers."""

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db
UNKNOWN = "apiVersion: v1\nkind: Servize\nmetadata: {name: bad}\n"
NO_MATCH = 'no matches for kind "Servize" in version "v1"'
NOT_FOUND = f'resource mapping not found for name: "bad" namespace: "" from "f.yaml": {NO_MATCH}'
NAMELESS = "apiVersion: v1\nkind: ConfigMap\n"
LIST = (
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
    "- {apiVersion: v1, kind: Servize, metadata: {name: b}}\n"
)
JSON = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s"}}'


@pytest.fixture
def run():
    """(standard output, standard error) of a command that reads f.yaml."""
    session = Session(new_cluster("learner", random_seed="files"), "test", columns=200)

    def types(text, command):
        session.files(session.location).write("/home/learner/f.yaml", text)
        out, err = [], []
        session.run(f"kubectl {command}", out.append, err=err.append)
        return "".join(out), "".join(err)

    return types


@pytest.mark.parametrize(
    ("text", "command", "out", "err"),
    [
        ("", "apply -f f.yaml", "", "error: no objects passed to apply\n"),
        ("", "replace -f f.yaml", "", ""),
        ("", "label -f f.yaml a=b", "", ""),
        ("", "get -f f.yaml", "", "No resources found in default namespace.\n"),
        ("", "delete -f f.yaml", "No resources found\n", ""),
        (UNKNOWN, "apply -f f.yaml", "", f"error: {NOT_FOUND}\nensure CRDs are installed first\n"),
        # commands that only look take it for one error of several
        (UNKNOWN, "get -f f.yaml", "", f"{NOT_FOUND}\nensure CRDs are installed first\n"),
        (UNKNOWN, "describe -f f.yaml", "", f"{NOT_FOUND}\nensure CRDs are installed first\n"),
        (
            UNKNOWN,
            "scale -f f.yaml --replicas=1",
            "",
            f"error: no objects passed to scale {NOT_FOUND}\nensure CRDs are installed first\n",
        ),
        (LIST, "apply -f f.yaml", "configmap/a created\n", f"unable to recognize {NO_MATCH}\n"),
        (
            NAMELESS,
            "delete -f f.yaml",
            "",
            'error: error when deleting "f.yaml": resource name may not be empty\n',
        ),
        (NAMELESS, "describe -f f.yaml", "", "error: resource name may not be empty\n"),
        (NAMELESS, "label -f f.yaml a=b", "", "error: resource name may not be empty\n"),
        (NAMELESS, "wait -f f.yaml --for=delete", "", "error: resource name must be provided\n"),
        (NAMELESS, "create -f f.yaml --dry-run=client", "configmap/<unknown> created (dry run)\n", ""),
        (
            NAMELESS + "metadata: {generateName: x-}\n",
            "apply -f f.yaml --server-side",
            "",
            "error: from x-: cannot use generate name with apply\n",
        ),
        (
            JSON % "a" + "\n" + JSON % "b",
            "create -f f.yaml --dry-run=client",
            "configmap/a created (dry run)\nconfigmap/b created (dry run)\n",
            "",
        ),
        (
            "{a: [}\n",
            "apply -f f.yaml",
            "",
            "error: error parsing f.yaml: json: offset 2: invalid character 'a' looking for beginning of object key "
            "string\n",
        ),
        (
            JSON % "a" + " x",
            "create -f f.yaml --dry-run=client",
            "configmap/a created (dry run)\n",
            "error: error parsing f.yaml: json: offset 70: invalid character 'x' looking for beginning of value\n",
        ),
        ((JSON % "a")[:-1], "apply -f f.yaml", "", "error: error parsing f.yaml: unexpected EOF\n"),
    ],
)
def test_what_a_command_says_of_its_file(run, text, command, out, err):
    assert run(text, command) == (out, err)


def test_a_patch_of_several_objects_goes_on_after_one_that_is_missing(run):
    both = "".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n---\n" for name in "ab")

    assert run(both, "patch -f f.yaml -p '{}'")[1] == (
        'Error from server (NotFound): configmaps "a" not found\n'
        'Error from server (NotFound): configmaps "b" not found\n'
    )


def test_describing_a_files_object_does_not_look_for_longer_names(run):
    made = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes-2}\n"
    run(made, "apply -f f.yaml")

    assert run(made.replace("-2", ""), "describe -f f.yaml") == (
        "",
        'Error from server (NotFound): configmaps "notes" not found\n',
    )
