"""A container's Service variables are those of its start, whatever becomes of the Services."""

import pytest

from svclab.cluster import models
from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def terminal():
    cluster = new_cluster("learner", seed="hello", random_seed="starts")
    cluster.set_clock(lambda clock, real: clock.with_rate(10, real))
    return Session(cluster, "test")


def says(terminal, line):
    shown = []
    terminal.run(line, shown.append)
    return "".join(shown).strip()


VARIABLE = "kubectl exec -n hello late -- sh -c 'echo $WEB_SERVICE_HOST:$WEB_SERVICE_PORT'"


def test_a_deleted_and_recreated_service_keeps_its_old_address_in_the_variable(terminal):
    says(terminal, "kubectl run late -n hello --image=nicolaka/netshoot -- sleep infinity")
    says(terminal, "kubectl wait pod/late -n hello --for=condition=Ready")
    old = says(terminal, "kubectl get svc web -n hello -o jsonpath={.spec.clusterIP}")

    says(
        terminal,
        "kubectl delete svc web -n hello; kubectl expose deploy web -n hello --port=8080 --target-port=8080",
    )

    assert says(terminal, "kubectl get svc web -n hello -o jsonpath={.spec.clusterIP}") != old
    assert says(terminal, VARIABLE) == f"{old}:80"


def test_a_container_that_starts_again_finds_the_services_of_now(terminal):
    line = "kubectl run late -n hello --image=nicolaka/netshoot -- sh -c 'sleep 40; exit 1'"
    says(terminal, line)
    says(terminal, "kubectl wait pod/late -n hello --for=condition=Ready")
    says(
        terminal,
        'kubectl patch svc web -n hello --type=json -p \'[{"op":"replace","path":"/spec/ports/0/port","value":81}]\'',
    )
    assert says(terminal, VARIABLE).endswith(":80")

    restarted = "kubectl wait pod/late -n hello --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 --timeout=90s"
    assert "condition met" in says(terminal, restarted)

    assert says(terminal, VARIABLE).endswith(":81")


def test_what_a_pod_found_is_forgotten_with_it(terminal):
    for name in ("first", "second"):
        says(terminal, f"kubectl run {name} -n hello --image=busybox -- sleep infinity")
        says(terminal, f"kubectl wait pod/{name} -n hello --for=condition=Ready")
        says(terminal, "kubectl delete pod first -n hello --now --ignore-not-found")
    assert models.ContainerRun.objects.count() == 1


def test_a_web_servers_page_keeps_the_service_variables_of_its_start(terminal):
    manifest = """
apiVersion: v1
kind: Pod
metadata: {name: page, namespace: hello}
spec:
  containers:
  - name: page
    image: nginx:1.25
    command: [sh, -c, 'echo "web is $WEB_SERVICE_HOST" > /usr/share/nginx/html/index.html; exec nginx -g "daemon off;"']
"""
    says(terminal, f"kubectl apply -f - <<'EOF'{manifest}EOF")
    says(terminal, "kubectl wait pod/page -n hello --for=condition=Ready")
    old = says(terminal, "kubectl get svc web -n hello -o jsonpath={.spec.clusterIP}")
    says(terminal, "kubectl delete svc web -n hello; kubectl expose deploy web -n hello --port=8080")
    assert says(terminal, "kubectl get svc web -n hello -o jsonpath={.spec.clusterIP}") != old

    address = says(terminal, "kubectl get pod page -n hello -o jsonpath={.status.podIP}")

    url, visitor = f"http://{address}", "kubectl exec -n hello visitor --"
    assert says(terminal, f"{visitor} curl -s {url}") == f"web is {old}"
    assert says(terminal, f"{visitor} curl -s {url} {url}") == f"web is {old}\nweb is {old}"
    assert (
        says(terminal, f"{visitor} sh -c 'echo GET / HTTP/1.0 | nc {address} 80 | tail -1'")
        == f"web is {old}"
    )
    logged = says(terminal, "kubectl logs -n hello page | tail -1").split('"')[2].strip()
    assert logged == f"200 {len(f'web is {old}') + 1}"
