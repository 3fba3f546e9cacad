"""The real kubectl walks through the tutorial against a real server of ours."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import ROOT, Server, serving

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("kubectl")]
FILES = ROOT / "svclab" / "cluster" / "seeds" / "files"
KUBECTL = shutil.which("kubectl")


@dataclass(frozen=True)
class Result:
    """How one run of kubectl ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a cluster of its own."""

    config: Path
    home: Path

    def __call__(self, *words: str, stdin: str = "", timeout: float = 60, editor: str = "") -> Result:
        environment = {**os.environ, "KUBECONFIG": str(self.config), "HOME": str(self.home)}
        if editor:
            environment["EDITOR"] = editor
        done = subprocess.run(
            [KUBECTL or "kubectl", *words],
            env=environment, input=stdin, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, stdin: str = "") -> str:
        """The output of a command that must work."""
        result = self(*words, stdin=stdin)
        assert result.code == 0, (words, result)
        return result.out


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if KUBECTL is None:
        pytest.skip("there is no kubectl on this machine: the real client was not tried")
    with serving(tmp_path_factory.mktemp("kubectl-server")) as running:
        yield running


@pytest.fixture
def kubectl(server: Server, tmp_path: Path) -> Kubectl:
    config = tmp_path / "kubeconfig"
    environment = {**os.environ, "SVCLAB_VAR": str(server.var)}
    printed = subprocess.run(
        [sys.executable, "manage.py", "kubeconfig", "--new", "--server", server.url],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    config.write_text(printed.stdout)
    return Kubectl(config, tmp_path)


def _wait_until_ready(kubectl: Kubectl) -> None:
    kubectl.ok("wait", "--for=condition=ready", "pod", "--all", "-n", "service-demo", "--timeout=60s")


def test_the_tutorial_from_namespace_to_its_deletion(kubectl: Kubectl) -> None:
    created = kubectl.ok(
        "apply", "-f", str(FILES / "demo-namespace.yaml"), "-f", str(FILES / "backend-service.yaml")
    )
    assert created.splitlines() == [
        "namespace/service-demo created",
        "deployment.apps/backend-app created",
        "deployment.apps/frontend-app created",
        "service/backend-service created",
    ]
    _wait_until_ready(kubectl)
    kubectl.ok(
        "apply", "-f", str(FILES / "frontend-nodeport.yaml"), "-f", str(FILES / "frontend-loadbalancer.yaml")
    )
    assert "80:30001/TCP" in kubectl.ok("get", "service", "frontend-nodeport", "-n", "service-demo")
    described = kubectl.ok("describe", "service", "backend-service", "-n", "service-demo")
    assert described.count(":80") >= 3

    answer = kubectl.ok(
        "run", "debug", "--image=nicolaka/netshoot", "-n", "service-demo", "--rm", "-i", "--restart=Never",
        "--", "curl", "-s", "backend-service",
    )  # fmt: skip
    assert "<h1>Backend Pod: backend-app-" in answer

    kubectl.ok("scale", "deployment", "backend-app", "--replicas=1", "-n", "service-demo")
    kubectl.ok("rollout", "status", "deployment/backend-app", "-n", "service-demo", "--timeout=60s")
    replicas = kubectl.ok(
        "get", "deployment", "backend-app", "-n", "service-demo", "-o", "jsonpath={.status.replicas}"
    )
    assert replicas == "1"

    assert 'namespace "service-demo" deleted' in kubectl.ok("delete", "namespace", "service-demo")
    assert kubectl("get", "namespace", "service-demo").code == 1


def test_typed_create_commands_send_protobuf_and_work(kubectl: Kubectl) -> None:
    kubectl.ok("create", "deployment", "web", "--image=nginx:1.25", "--replicas=2", "--port=80")
    kubectl.ok("create", "service", "nodeport", "web", "--tcp=80:80", "--node-port=30123")
    kubectl.ok("create", "configmap", "settings", "--from-literal=colour=blue")
    kubectl.ok("create", "secret", "generic", "keys", "--from-literal=pin=1234")
    kubectl.ok("create", "ingress", "web", "--rule=web.example.com/shop*=web:80")

    ports = kubectl.ok("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
    assert ports == "30123"
    assert kubectl.ok("get", "secret", "keys", "-o", "jsonpath={.data.pin}") == "MTIzNA=="
    rule = "jsonpath={.spec.rules[0].http.paths[0].backend.service.port.number}"
    assert kubectl.ok("get", "ingress", "web", "-o", rule) == "80"
    assert kubectl.ok("auth", "can-i", "create", "services") == "yes\n"
    assert kubectl("auth", "can-i", "list", "pods", "--as=student").out == "no\n"


def test_exec_gives_output_errors_and_exit_codes_apart(kubectl: Kubectl) -> None:
    kubectl.ok("run", "web", "--image=nginx:1.25")
    kubectl.ok("wait", "--for=condition=ready", "pod/web", "--timeout=30s")

    result = kubectl("exec", "web", "--", "sh", "-c", "echo good; echo bad >&2; exit 3")

    assert (result.code, result.out) == (3, "good\n")
    assert result.err == "bad\ncommand terminated with exit code 3\n"
    assert kubectl("exec", "-i", "web", "--", "cat", stdin="over the wire\n").out == "over the wire\n"
    missing = kubectl("exec", "nobody", "--", "true")
    assert missing.err == 'Error from server (NotFound): pods "nobody" not found\n'
    no_program = kubectl("exec", "web", "--", "nosuch")
    assert no_program.code == 126
    assert 'exec: "nosuch": executable file not found in $PATH' in no_program.err


def test_exec_in_a_container_that_waits_to_start_again_says_what_the_kubelet_says(kubectl: Kubectl) -> None:
    kubectl.ok("run", "broken", "--image=busybox:1.36", "--", "false")
    waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    kubectl.ok("wait", "pod/broken", f"--for={waiting}=CrashLoopBackOff", "--timeout=60s")

    result = kubectl("exec", "broken", "--", "true")

    # By the WebSocket it has become a message of the stream; a client of SPDY is refused at its handshake.
    words = 'Internal error occurred: unable to upgrade connection: container not found ("broken")\n'
    assert result.code == 1
    assert result.err in (f"error: {words}", f"Error from server (InternalError): {words}")


def test_apply_says_what_is_wrong_with_a_manifest(kubectl: Kubectl) -> None:
    spec = "{selectors: {}, ports: [{port: 80}]}"
    wrong = f"apiVersion: v1\nkind: Service\nmetadata: {{name: shop}}\nspec: {spec}\n"

    result = kubectl("apply", "-f", "-", stdin=wrong)

    assert result.code == 1
    assert 'strict decoding error: unknown field "spec.selectors"' in result.err
    assert kubectl("get", "service", "shop").code == 1


def test_server_side_apply_takes_over_from_client_side_apply(kubectl: Kubectl) -> None:
    kubectl.ok("create", "namespace", "service-demo")
    manifest = str(FILES / "backend-service.yaml")
    kubectl.ok("apply", "-f", manifest)

    taken_over = kubectl("apply", "--server-side", "-f", manifest)

    assert taken_over.code == 0
    assert "Warning" not in taken_over.err
    assert kubectl("diff", "-f", manifest).code == 0


def test_a_patch_that_makes_no_object_is_refused_in_all_three_formats(kubectl: Kubectl) -> None:
    kubectl.ok("create", "service", "clusterip", "shop", "--tcp=80")

    def refused(form: str, patch: str) -> str:
        result = kubectl("patch", "service", "shop", f"--type={form}", "-p", patch)
        assert result.code == 1
        return result.err

    strategic = refused("strategic", '{"spec":{"ports":[{"port":"x"}]}}')
    assert strategic == (
        'The request is invalid: patch: Invalid value: "map[spec:map[ports:[map[port:x]]]]": '
        "unrecognized type: int32\n"
    )
    merge = refused("merge", '{"spec":{"ports":"x"}}')
    assert merge.endswith("json: cannot unmarshal string into Go struct field ServiceSpec.spec.ports of type "
                          "[]v1.ServicePort\n")  # fmt: skip
    json = refused("json", '[{"op":"remove","path":"/spec/none"}]')
    assert json == "The request is invalid: the server rejected our request due to an error in our request\n"


def test_an_edit_with_a_mistake_opens_again_with_the_reason_on_top(kubectl: Kubectl) -> None:
    kubectl.ok("create", "service", "clusterip", "shop", "--tcp=80")
    editor, seen = kubectl.home / "editor", kubectl.home / "seen"
    editor.write_text(
        "#!/bin/sh\n"
        f'if grep -q \'was not valid\' "$1"; then cp "$1" {seen}; sed -i \'s/port: 99999$/port: 81/\' "$1"\n'
        "else sed -i 's/port: 80$/port: 99999/' \"$1\"; fi\n"
    )
    editor.chmod(0o755)

    result = kubectl("edit", "service", "shop", editor=str(editor))

    assert result.code == 0
    why = "# * spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive"
    assert why in seen.read_text().splitlines()
    assert kubectl.ok("get", "service", "shop", "-o", "jsonpath={.spec.ports[0].port}") == "81"


def test_a_drained_node_loses_its_pods_and_a_rollout_can_be_undone(kubectl: Kubectl) -> None:
    kubectl.ok("create", "deployment", "web", "--image=nginx:1.25", "--replicas=2")
    kubectl.ok("rollout", "status", "deployment/web", "--timeout=60s")

    drained = kubectl.ok("drain", "node1", "--ignore-daemonsets", "--timeout=60s")
    kubectl.ok("uncordon", "node1")
    kubectl.ok("set", "image", "deployment/web", "nginx=nginx:1.26")
    kubectl.ok("rollout", "status", "deployment/web", "--timeout=60s")
    kubectl.ok("rollout", "undo", "deployment/web")

    assert drained.endswith("node/node1 drained\n")
    history = kubectl.ok("rollout", "history", "deployment/web").splitlines()
    assert history[1:-1] == ["REVISION  CHANGE-CAUSE", "2         <none>", "3         <none>"]
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl.ok("get", "deployment", "web", "-o", image) == "nginx:1.25"


def test_selectors_that_cannot_be_read_are_refused(kubectl: Kubectl) -> None:
    label = kubectl("get", "services", "-l", "a=b=c")
    field = kubectl("get", "services", "--field-selector", "spec.foo=x")

    assert label.err.endswith("found '=', expected: ',' or 'end of string'\n")
    assert field.err.endswith("field label not supported: spec.foo\n")
