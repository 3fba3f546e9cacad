"""What server-side apply takes over from client-side apply. Compared with kubectl 1.33."""

import json

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, namespace: default}\ndata: {a: '1'}\n"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def run():
    """(standard output, standard error) of a line, after notes was applied by the client."""
    session = Session(new_cluster("learner", random_seed="apply"), "test", columns=200)

    def types(line):
        out, err = [], []
        session.run(line, out.append, err=err.append)
        return "".join(out), "".join(err)

    types(f'printf "{MANIFEST}" > notes.yaml')
    types("kubectl apply -f notes.yaml")
    return types


def _managers(run):
    found = json.loads(run("kubectl get cm notes -o json --show-managed-fields")[0])
    return [(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]]


def test_its_fields_become_the_servers(run):
    assert run("kubectl apply -f notes.yaml --server-side") == ("configmap/notes serverside-applied\n", "")
    assert _managers(run) == [("kubectl", "Apply"), ("kubectl-last-applied", "Apply")]


def test_under_another_name_the_annotation_goes_along_with_them(run):
    run("kubectl apply -f notes.yaml --server-side --field-manager=ci")

    assert _managers(run) == [("ci", "Apply")]


def test_a_dry_run_cannot_keep_the_annotation_that_it_would_have_changed(run):
    out, err = run("kubectl apply -f notes.yaml --server-side --dry-run=server")

    assert out == "configmap/notes serverside-applied (server dry run)\n"
    assert err == (
        f"Warning: failed to migrate {LAST_APPLIED} for Server-Side Apply. This is non-fatal and will be retried "
        "next time you apply. Error: Apply failed with 1 conflict: conflict with "
        f'"kubectl-client-side-apply" using v1: .metadata.annotations.{LAST_APPLIED}\n'
    )
    assert _managers(run) == [("kubectl-client-side-apply", "Update")]
