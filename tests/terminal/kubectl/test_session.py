"""kubectl in a learner's terminal: pipes, the shell inside a pod, the editor, completion, what lasts."""

import re

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)


class Learner:
    """Types lines into a terminal and reads what comes back."""

    def __init__(self, cluster: ClusterHandle) -> None:
        self.session = Session(cluster, "test", columns=200)

    def types(self, line: str) -> str:
        shown: list[str] = []
        self.status = self.session.run(line, shown.append)
        return "".join(shown)


@pytest.fixture
def learner() -> Learner:
    cluster = new_cluster("learner", random_seed="kubectl")
    cluster.set_clock(lambda clock, real: clock.with_rate(10, real))
    return Learner(cluster)


def test_a_manifest_from_a_here_document_is_applied_and_then_unchanged(learner):
    line = "cat <<EOF | kubectl apply -f -\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: notes\nEOF"

    assert learner.types(line) == "configmap/notes created\n"
    assert learner.types(line) == "configmap/notes unchanged\n"


def test_every_command_works_by_its_alias(learner):
    assert learner.types("k get svc kubernetes -o jsonpath='{.spec.clusterIP}'") == "10.96.0.1"


def test_run_it_leads_into_the_pod_and_exit_leads_out_again(learner):
    assert "try pressing enter" in learner.types(
        "kubectl run debug --image=nicolaka/netshoot --rm -it -- bash"
    )
    assert str(learner.session.location) == "pod/default/debug"
    assert learner.types("hostname") == "debug\n"

    left = learner.types("exit")

    assert "Session ended, resume using 'kubectl attach debug -c debug -i -t'" in left
    assert 'pod "debug" deleted' in left
    assert str(learner.session.location) == "laptop"


def test_a_one_shot_command_gives_its_exit_code(learner):
    learner.types("kubectl create deployment web --image=nginx:1.25; kubectl rollout status deploy/web")

    assert learner.types("kubectl exec deploy/web -- hostname").startswith("web-")
    assert (
        learner.types("kubectl exec deploy/web -- sh -c 'exit 3'") == "command terminated with exit code 3\n"
    )
    assert learner.status == 3


def test_chroot_leads_from_a_nodes_debugging_pod_onto_the_node(learner):
    learner.types("kubectl debug node/node1 -it --image=busybox")
    assert "No such file or directory" in learner.types("chroot /elsewhere")

    learner.types("chroot /host")

    assert str(learner.session.location) == "node/node1"
    assert "KUBE-SERVICES" in learner.types("iptables-save -t nat | grep -m 1 KUBE-SERVICES")
    learner.types("exit")
    assert str(learner.session.location).startswith("pod/default/node-debugger-node1-")


def test_what_runs_in_a_pod_is_killed_with_it(learner):
    learner.types(
        "kubectl run x --image=nicolaka/netshoot --command -- sleep 3600; kubectl wait pod/x --for=condition=Ready"
    )

    shown = learner.types(
        "(sleep 1; kubectl delete pod x --now) & kubectl exec x -- sh -c 'sleep 6; curl -s 10.96.0.1; echo on'; echo code $?"
    )

    assert "command terminated with exit code 137\ncode 137\n" in shown


def test_a_forwarded_port_goes_past_the_service_to_one_pod(learner):
    learner.types(
        "kubectl create deployment web --image=nginx:1.25 --port=80; kubectl rollout status deploy/web"
    )
    learner.types("kubectl expose deployment web --port=8080 --target-port=80")

    learner.types("kubectl port-forward svc/web 9000:8080 &")
    learner.types("until curl -s -o /dev/null localhost:9000; do sleep 1; done")

    (forward,) = learner.session.listeners.values()
    assert (forward.namespace, forward.port) == ("default", 80)
    learner.types("kill %1; wait")
    assert learner.session.listeners == {}


def test_edit_sends_what_the_learner_changed(learner):
    learner.types("kubectl create configmap notes --from-literal=a=b")
    learner.session.editor.on_event = lambda event: learner.session.editor.finish(
        event["id"], event["text"].replace("a: b", "a: c")
    )

    assert learner.types("kubectl edit configmap notes") == "configmap/notes edited\n"
    assert learner.types("kubectl get configmap notes -o jsonpath='{.data}'") == '{"a":"c"}'


def test_an_editor_closed_without_a_change_changes_nothing(learner):
    learner.types("kubectl create configmap notes --from-literal=a=b")
    learner.session.editor.on_event = lambda event: learner.session.editor.finish(event["id"], None)

    assert learner.types("kubectl edit configmap notes") == "Edit cancelled, no changes made.\n"


def test_what_is_refused_comes_back_with_the_reason_and_is_kept_when_given_up(learner):
    learner.types("kubectl create configmap notes --from-literal=a=b")
    shown: list[str] = []

    def closes_the_second(event):
        shown.append(event["text"])
        changed = event["text"].replace("a: b", "a: 5") if len(shown) == 1 else None
        learner.session.editor.finish(event["id"], changed)

    learner.session.editor.on_event = closes_the_second
    printed = learner.types("kubectl edit configmap notes; echo $?")

    assert len(shown) == 2
    assert "reopened with the relevant failures.\n#\n# " in shown[1]
    assert "a: 5" in shown[1]
    found = re.fullmatch(
        r'error: configmaps "notes" is invalid\n'
        r'A copy of your changes has been stored to "(/tmp/kubectl-edit-\d+\.yaml)"\n'
        r"error: Edit cancelled, no valid changes were saved\.\n1\n",
        printed,
    )
    assert found
    assert "a: 5" in learner.types(f"cat {found[1]}")


def test_an_editor_of_the_learners_own_is_run_on_a_file(learner):
    learner.types("kubectl create configmap notes --from-literal=a=b")

    assert (
        learner.types("KUBE_EDITOR='sed -i s/b$/c/' kubectl edit configmap notes")
        == "configmap/notes edited\n"
    )
    assert learner.types("kubectl get configmap notes -o jsonpath='{.data.a}'") == "c"
    assert learner.types("KUBE_EDITOR=true kubectl edit cm notes") == "Edit cancelled, no changes made.\n"
    assert (
        learner.types("EDITOR=false kubectl edit cm notes")
        == 'error: there was a problem with the editor "false"\n'
    )


def test_a_recorded_command_is_the_cause_of_its_revision(learner):
    learner.types("kubectl create deployment web --image=nginx:1.25")

    shown = learner.types("kubectl set image deploy/web nginx=nginx:1.26 --record")

    assert shown == (
        "Flag --record has been deprecated, --record will be removed in the future\n"
        "deployment.apps/web image updated\n"
    )
    cause = "jsonpath={.metadata.annotations.kubernetes\\.io/change-cause}"
    assert learner.types(f"kubectl get deploy web -o '{cause}'") == (
        "kubectl set image deploy/web nginx=nginx:1.26 --record=true"
    )


def test_a_namespace_chosen_once_is_remembered(learner):
    assert learner.types("kubectl config set-context --current --namespace=kube-system") == (
        'Context "svclab" modified.\n'
    )
    assert "coredns" in learner.types("kubectl get pods")
    assert Learner(learner.session.cluster).types("kubectl get pods -o name").startswith("pod/coredns")


def test_a_watch_shows_changes_until_its_time_is_over(learner):
    learner.types("kubectl create deployment web --image=nginx:1.25 --replicas=0")

    learner.types("kubectl get deploy web -w --request-timeout=30s > seen &")
    learner.types("until grep -q web seen; do sleep 0.1; done; kubectl scale deploy web --replicas=1; wait")

    shown = learner.types("cat seen").splitlines()
    assert shown[0].split()[:2] == ["NAME", "READY"]
    assert shown[1].split()[1] == "0/0"
    assert "0/1" in [line.split()[1] for line in shown]
    assert shown[-1].split()[1] == "1/1"


def test_deleting_a_deployment_does_not_wait_for_its_pods_but_a_namespace_waits_for_everything(learner):
    learner.types("kubectl create ns shop; kubectl create deployment web --image=nginx:1.25 -n shop")
    learner.types("kubectl rollout status deploy/web -n shop")

    assert learner.types("kubectl delete ns shop") == 'namespace "shop" deleted\n'
    assert "not found" in learner.types("kubectl get ns shop")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("kubectl get endp", ["endpoints", "endpointslices"]),
        ("kubectl rollout re", ["restart", "resume"]),
        ("kubectl describe svc kube", ["kubernetes"]),
        ("kubectl get pods -n kube-s", ["kube-system"]),
        ("kubectl cordon node", ["node1", "node2"]),
        ("kubectl get svc/ku", ["svc/kubernetes"]),
        ("kubectl get pods --show-l", ["--show-labels"]),
        ("kubectl get pods -o y", ["yaml"]),
        ("kubectl get pods --output=y", ["--output=yaml"]),
        ("kubectl -n kube-system get svc kube", ["kube-dns"]),
        ("kubectl get pods,endpointsl", ["pods,endpointslices"]),
        ("kubectl describe nodes node1 no", ["node2"]),
    ],
)
def test_the_tab_key_offers(learner, typed, offered):
    assert learner.session.complete(typed) == offered


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("kubectl gte pods", 'error: unknown command "gte" for "kubectl"\n\nDid you mean this?\n\tget\n'),
        (
            "kubectl get pods -z",
            "error: unknown shorthand flag: 'z' in -z\nSee 'kubectl get --help' for usage.\n",
        ),
        (
            "kubectl get pods -n",
            "error: flag needs an argument: 'n' in -n\nSee 'kubectl get --help' for usage.\n",
        ),
        (
            "kubectl scale deploy x --replicas=abc",
            'error: invalid argument "abc" for "--replicas" flag: strconv.ParseInt: parsing "abc": invalid syntax\n'
            "See 'kubectl scale --help' for usage.\n",
        ),
        (
            "kubectl get pods --server=http://localhost:9 2>&1 | tail -1",
            "The connection to the server localhost:9 was refused - did you specify the right host or port?\n",
        ),
        (
            "kubectl get pods --context=nosuch",
            "Error in configuration: context was not found for specified context: nosuch\n",
        ),
        ("kubectl get pods --cluster=nosuch", 'error: no server found for cluster "nosuch"\n'),
        (
            "kubectl -n shop nosuch",
            "Error: flags cannot be placed before plugin name: -n\n",
        ),
        ("kubectl cp a b", "error: one of src or dest must be a remote file specification\n"),
        ("kubectl top pods", "error: Metrics API not available\n"),
        (
            "kubectl apply -k .",
            "error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
            "'/home/learner'\n",
        ),
        ("kubectl wait pod/x", 'error: unrecognized condition: ""\n'),
    ],
)
def test_a_wrong_command_is_answered_as_kubectl_answers_it(learner, line, complaint):
    assert learner.types(line) == complaint
    assert learner.status == (0 if "|" in line else 1)


def test_what_get_prints_can_be_put_in_again(learner):
    learner.types("kubectl run web --image=nginx:1.25; kubectl wait --for=condition=ready pod/web")
    changed = "kubectl get pod web -o yaml | sed 's/nginx:1.25/nginx:1.27/'"

    assert (
        learner.types(f"{changed} | kubectl replace --force -f -") == 'pod "web" deleted\npod/web replaced\n'
    )

    image = learner.types("kubectl get pod web -o jsonpath='{.spec.containers[0].image}'")
    assert image == "nginx:1.27"
