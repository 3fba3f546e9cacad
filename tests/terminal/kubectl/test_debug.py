"""`kubectl debug`: tools beside a pod, in its network; and a shell on a node's own network."""

import pytest

from svclab.cluster import lifecycle
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session():
    cluster = lifecycle.new_cluster("guest-alice", random_seed="debug")
    session = Session(cluster, hurried=True)
    typed(session, "kubectl create deployment web --image=nginx:1.25")
    typed(session, "kubectl rollout status deployment/web")
    return session


def typed(session, line):
    printed = []
    session.run(line, printed.append)
    return "".join(printed)


def only_pod(session):
    return session.cluster.snapshot().list("Pod", "default")[0]


def test_a_debug_container_shares_the_pods_network_and_brings_its_own_tools(session):
    pod = only_pod(session)
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    assert "dig: command not found" in typed(session, f"kubectl exec {name} -- bash -c 'dig +short x'")
    said = typed(
        session, f"kubectl debug -it {name} --image=nicolaka/netshoot --target=nginx -c tools -- bash"
    )
    assert 'Targeting container "nginx".' in said
    assert str(session.location) == f"pod/default/{name}"
    assert typed(session, "hostname -i").strip() == address
    assert typed(session, "dig +short kubernetes.default.svc.cluster.local").strip() == "10.96.0.1"
    assert "Welcome to nginx" in typed(session, "curl -s localhost")
    typed(session, "exit")
    pod = only_pod(session)
    assert [c["name"] for c in pod["spec"]["ephemeralContainers"]] == ["tools"]
    assert "running" in pod["status"]["ephemeralContainerStatuses"][0]["state"]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_a_debug_container_without_a_name_gets_one(session):
    name = only_pod(session)["metadata"]["name"]
    said = typed(session, f"kubectl debug -i {name} --image=busybox --profile=general -- hostname")
    made = only_pod(session)["spec"]["ephemeralContainers"][0]["name"]
    assert said.startswith(f"Defaulting debug container name to {made}.")
    assert made.startswith("debugger-")
    assert said.rstrip().endswith(name)


def test_a_node_is_debugged_from_a_pod_on_its_own_network(session):
    said = typed(session, "kubectl debug node/node1 -it --image=nicolaka/netshoot")
    name = next(n for _, n in session.cluster.snapshot().of_kind("Pod") if n.startswith("node-debugger-"))
    assert f"Creating debugging pod {name} with container debugger on node node1." in said
    assert typed(session, "hostname").strip() == "node1"
    typed(session, "curl -s 10.96.0.1:443")
    trace = session.flows
    assert len(trace) == 1
    typed(session, "exit")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kubectl debug web", "you must specify --image when not using --copy-to."),
        ("kubectl debug --image=busybox", "NAME or filename is required for debug"),
        ("kubectl debug nosuch --image=busybox", 'Error from server (NotFound): pods "nosuch" not found'),
        ("kubectl debug web --image=busybox --copy-to=copy", "--copy-to is not simulated"),
    ],
)
def test_what_cannot_be_debugged_is_said(session, line, said):
    assert said in typed(session, line)
    assert session.status == 1
