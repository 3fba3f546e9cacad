"""The tutorial's Steps 1 to 5, its deep dive and its troubleshooting, typed as they are printed there.

Everything is real but the time: whoever waits pushes the cluster's clock. What is compared is what the tutorial's
expected output shows; addresses, ages and generated names are what they are.
"""

import re

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)


class Learner:
    """Somebody who types the tutorial's commands into the page's terminal."""

    def __init__(self) -> None:
        self.cluster = new_cluster("learner")
        self.session = Session(self.cluster, hurried=True)

    def type(self, text: str) -> str:
        """Type a block of lines as it is printed; gives what the screen shows for it."""
        parts: list[str] = []
        self.session.run(text, parts.append)
        return "".join(parts)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.cluster.set_clock(lambda clock, real: clock.step(seconds, real))
        self.cluster.advance()


@pytest.fixture
def learner() -> Learner:
    return Learner()


@pytest.fixture
def after_step_2(learner: Learner) -> Learner:
    learner.type("kubectl apply -f demo-namespace.yaml -f backend-service.yaml")
    learner.wait(30)
    return learner


def rows(text: str) -> list[list[str]]:
    """A printed table's cells, without its heading."""
    return [line.split() for line in text.splitlines()[1:]]


def test_the_tutorials_manifests_are_among_the_learners_files(learner):
    assert learner.type("ls -1") == (
        "backend-service.yaml\ncomplete-service-demo.yaml\ndemo-namespace.yaml\n"
        "frontend-loadbalancer.yaml\nfrontend-nodeport.yaml\n"
    )
    assert "kind: Namespace" in learner.type("cat demo-namespace.yaml")


def test_step_1_five_pods_run_on_two_nodes(learner):
    assert learner.type("kubectl apply -f demo-namespace.yaml") == (
        "namespace/service-demo created\n"
        "deployment.apps/backend-app created\ndeployment.apps/frontend-app created\n"
    )
    waited = learner.type(
        "# Quick verification\nkubectl wait --for=condition=ready pod --all -n service-demo --timeout=60s"
    )
    assert len(re.findall(r"^pod/(backend|frontend)-app-\w+-\w{5} condition met$", waited, re.MULTILINE)) == 5
    shown = learner.type("kubectl get pods -n service-demo -o wide")
    assert shown.split("\n")[0].split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert [row[1:4] for row in rows(shown)] == [["1/1", "Running", "0"]] * 5
    assert {row[6] for row in rows(shown)} == {"node1", "node2"}
    assert all(row[5].startswith("10.244.1." if row[6] == "node1" else "10.244.2.") for row in rows(shown))


def test_step_2_the_service_has_an_address_and_three_endpoints(learner):
    learner.type("kubectl apply -f demo-namespace.yaml")
    learner.wait(30)
    assert learner.type("kubectl apply -f backend-service.yaml") == "service/backend-service created\n"
    learner.wait(2)
    service = rows(learner.type("kubectl get service backend-service -n service-demo"))[0]
    assert service[:2] == ["backend-service", "ClusterIP"]
    assert service[3:5] == ["<none>", "80/TCP"]
    endpoints = learner.type("kubectl get endpoints backend-service -n service-demo").splitlines()
    assert (
        endpoints[0] == "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    )
    assert len(re.findall(r"10\.244\.[12]\.\d+:80", endpoints[2])) == 3
    described = learner.type("kubectl describe service backend-service -n service-demo")
    assert re.search(rf"^IP: +{re.escape(service[2])}$", described, re.MULTILINE)
    assert re.search(r"^Selector: +app=backend$", described, re.MULTILINE)


def test_step_3_a_debug_pod_finds_the_service_by_its_names(after_step_2):
    learner = after_step_2
    entered = learner.type("kubectl run debug -n service-demo --image=nicolaka/netshoot --rm -it -- bash")
    assert entered == "If you don't see a command prompt, try pressing enter.\n"
    assert learner.session.prompt() == "debug:~# "
    page = r"<h1>Backend Pod: backend-app-\w+-\w{5}</h1><p>Pod IP: 10\.244\.[12]\.\d+</p>\n"
    assert re.fullmatch(
        page, learner.type("curl backend-service                    # Short name (same namespace)")
    )
    assert re.fullmatch(page, learner.type("curl backend-service.service-demo       # With namespace"))
    assert re.fullmatch(page, learner.type("curl backend-service.service-demo.svc.cluster.local"))
    assert len(learner.session.flows) == 1
    looked_up = learner.type("nslookup backend-service                # DNS resolution")
    assert "Name:\tbackend-service.service-demo.svc.cluster.local\n" in looked_up
    loop = 'for i in {1..5}; do curl -s backend-service | grep "Backend Pod"; done'
    answers = learner.type(loop)
    assert re.fullmatch(f"({page}){{5}}", answers)
    assert len(learner.session.flows) == 5
    assert learner.type("exit").endswith('pod "debug" deleted\n')
    assert learner.session.prompt() == "learner@laptop:~$ "


def test_step_4_the_node_port_answers_on_nodes_that_run_a_frontend(after_step_2):
    learner = after_step_2
    assert learner.type("kubectl apply -f frontend-nodeport.yaml") == "service/frontend-nodeport created\n"
    learner.wait(3)
    service = rows(learner.type("kubectl get service frontend-nodeport -n service-demo"))[0]
    assert (service[1], service[4]) == ("NodePort", "80:30001/TCP")
    nodes = rows(learner.type("kubectl get nodes -o wide            # Get node IPs for testing"))
    assert [row[0] for row in nodes] == ["control-plane", "node1", "node2"]
    learner.type(
        "NODE_IP=$(kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type==\"ExternalIP\")].address}')"
    )
    assert learner.type("echo $NODE_IP") == "203.0.113.10\n"
    # items[0] is the control plane, which runs no frontend: policy Local drops there, and curl hangs
    assert learner.type("curl -m 3 http://$NODE_IP:30001") == (
        "curl: (28) Connection timed out after 3000 milliseconds\n"
    )
    assert learner.type("curl -s http://203.0.113.11:30001").startswith("<h1>Frontend Pod: frontend-app-")


def test_step_5_the_load_balancer_gets_an_address_and_answers(after_step_2):
    learner = after_step_2
    learner.type("kubectl apply -f frontend-loadbalancer.yaml")
    watched = learner.type("kubectl get service frontend-loadbalancer -n service-demo -w | head -3")
    assert [row[3] for row in rows(watched)] == ["<pending>", "203.0.113.100"]
    learner.wait(3)
    learner.type(
        "EXTERNAL_IP=$(kubectl get service frontend-loadbalancer -n service-demo "
        "-o jsonpath='{.status.loadBalancer.ingress[0].ip}')"
    )
    assert learner.type("curl http://$EXTERNAL_IP").startswith("<h1>Frontend Pod: frontend-app-")


def test_deep_dive_the_rules_of_the_service_are_on_every_node(after_step_2):
    learner = after_step_2
    learner.type("ssh node1")
    listed = learner.type("sudo iptables -t nat -L KUBE-SERVICES | grep backend-service")
    assert re.fullmatch(
        r"KUBE-SVC-[A-Z2-7]{16} +tcp +-- +anywhere +10\.\d+\.\d+\.\d+ +"
        r"/\* service-demo/backend-service:http cluster IP \*/ tcp dpt:http\n",
        listed,
    )
    chain = listed.split()[0]
    saved = learner.type(f"iptables-save -t nat | grep -c -- '-A {chain} .*--probability'")
    assert saved == "2\n"


def test_counters_and_connections_show_what_passed(after_step_2):
    learner = after_step_2
    learner.type(
        "kubectl run debug -n service-demo --image=nicolaka/netshoot --restart=Never -- sleep infinity"
    )
    learner.wait(20)
    learner.type("kubectl exec -n service-demo debug -- curl -s backend-service")
    node = learner.type("kubectl get pod debug -n service-demo -o jsonpath='{.spec.nodeName}'")
    learner.type(f"ssh {node}")
    counted = learner.type("iptables -t nat -L KUBE-SERVICES -n -v | grep backend-service")
    assert counted.split()[:2] == ["1", "60"]
    assert re.search(
        r"^tcp +6 \d+ TIME_WAIT src=10\.244\.\d\.\d+ dst=10\.", learner.type("conntrack -L -p tcp")
    )


def test_troubleshooting_no_endpoints_is_refused_and_a_wrong_port_times_out(after_step_2):
    learner = after_step_2
    learner.type("kubectl scale deployment backend-app -n service-demo --replicas=0")
    learner.wait(45)
    learner.type("kubectl run debug -n service-demo --image=nicolaka/netshoot --rm -it -- bash")
    refused = learner.type("curl -v backend-service")
    assert "failed: Connection refused" in refused
    assert refused.splitlines()[-1].startswith(
        "curl: (7) Failed to connect to backend-service port 80 after "
    )
    assert learner.type("curl -m 2 backend-service:99; echo $?").splitlines()[-1] == "28"
    assert learner.type("curl nosuch; echo $?") == "curl: (6) Could not resolve host: nosuch\n6\n"
    assert learner.type("nc -zv -w 2 backend-service 80").endswith("(tcp) failed: Connection refused\n")
    assert "100% packet loss" in learner.type("ping -c 1 -W 1 backend-service")


def test_tcpdump_shows_the_packets_of_a_request_while_it_runs(after_step_2):
    learner = after_step_2
    learner.session = Session(learner.cluster)
    learner.type(
        "kubectl run debug -n service-demo --image=nicolaka/netshoot --restart=Never -- sleep infinity"
    )
    learner.wait(20)
    learner.type("kubectl exec -it -n service-demo debug -- bash")
    learner.type("tcpdump -i any -n port 80 -c 2 > dump 2>&1 &")
    learner.type(
        "until grep -q listening dump; do sleep 0.1; done; curl -s backend-service > /dev/null; wait"
    )
    shown = learner.type("cat dump")
    flags = re.findall(r"eth0 +(In|Out) +IP [\d.]+ > [\d.]+: Flags \[([S.P]+)\]", shown)
    assert flags == [("Out", "S"), ("In", "S.")]
    assert "2 packets captured" in shown


def test_a_nodes_tcpdump_knows_a_packet_again_after_its_address_was_rewritten(after_step_2):
    learner = after_step_2
    learner.session = Session(learner.cluster)
    pod = "$(kubectl get pods -n service-demo -l app=frontend -o name | head -n 1)"
    node = learner.type(f"kubectl get -n service-demo {pod} -o jsonpath='{{.spec.nodeName}}'").strip()
    learner.type(f"ssh {node} tcpdump -i any -n port 80 -c 4 > dump 2>&1 &")
    listening = "until grep -q listening dump; do sleep 0.1; done"
    learner.type(f"{listening}; kubectl exec -n service-demo {pod} -- curl -s http://backend-service; wait")
    seen = re.findall(r" (\S+)\.80: Flags \[S\], seq (\d+)", shown := learner.type("cat dump"))
    answers = re.findall(r"Flags \[S\.\], seq (\d+), ack (\d+)", shown)
    assert len({destination for destination, _ in seen}) == 2
    assert len({number for _, number in seen}) == 1
    assert {int(ack) for _, ack in answers} == {(int(seen[0][1]) + 1) % 2**32}
    assert len({number for number, _ in answers}) == 1
