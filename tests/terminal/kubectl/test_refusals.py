"""What commands say of objects that they cannot do anything with. As kubectl 1.33 answers."""

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db
NO_SELECTOR = "error: couldn't retrieve selectors via --selector flag or introspection:"
REPLICA_SET = """\
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchExpressions: [{key: app, operator: Exists}]}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "nginx:1.25"}]}
"""
POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {containers: [{name: main, image: "nginx:1.25"}]}\n'


@pytest.fixture
def run():
    """(standard output, standard error) of a command, in a cluster with a ReplicaSet and a Pod."""
    session = Session(new_cluster("learner", random_seed="refusals"), "test", columns=200)

    def types(line):
        out, err = [], []
        session.run(line, out.append, err=err.append)
        return "".join(out), "".join(err)

    session.files(session.location).write("/home/learner/f.yaml", f"{REPLICA_SET}---\n{POD}")
    types("kubectl apply -f f.yaml")
    return types


@pytest.mark.parametrize(
    ("command", "err"),
    [
        ("cordon svc/kubernetes", 'error: expected resource of type node, got "/v1, Resource=services"\n'),
        ("cordon rs/web", 'error: expected resource of type node, got "apps/v1, Resource=replicasets"\n'),
        (
            "taint svc/kubernetes a=b:NoSchedule",
            'the server doesn\'t have a resource type "svc/kubernetes"\n',
        ),
        ("taint node/node1 a=b:NoSchedule", 'the server doesn\'t have a resource type "node/node1"\n'),
        (
            "expose rs/web --port=80",
            f"{NO_SELECTOR} invalid replicaset: no selectors, therefore cannot be exposed\n",
        ),
        ("rollout history pod/one", 'error: no history viewer has been implemented for "Pod"\n'),
        ("rollout undo pod/one", 'error: no rollbacker has been implemented for "Pod"\n'),
    ],
)
def test_a_command_refuses_what_is_not_for_it(run, command, err):
    assert run(f"kubectl {command}") == ("", err)


def test_a_taint_says_nothing_of_its_dry_run(run):
    assert run("kubectl taint node node1 a=b:NoSchedule --dry-run=server") == ("node/node1 tainted\n", "")


def test_can_i_doubts_the_resource_before_the_verb(run):
    assert run("kubectl auth can-i foo bar")[1].split("\n")[::2] == [
        "Warning: the server doesn't have a resource type 'bar'",
        "Warning: verb 'foo' is not a known verb",
        "",
    ]


def test_label_asks_the_server_even_where_nothing_changes(run):
    run('kubectl patch svc kubernetes -p \'{"spec":{"trafficDistribution":"PreferClose"}}\'')

    out, err = run("kubectl label svc kubernetes nosuch-")

    assert out == 'label "nosuch" not found.\nservice/kubernetes not labeled\n'
    assert err == 'Warning: spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"\n'
