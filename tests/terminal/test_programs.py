"""Client programs of containers are really run: their logs, exit codes and packets."""

import time

import pytest

from svclab.apiserver.dispatch import handle
from svclab.apiserver.messages import ApiRequest
from svclab.cluster import dataplane, models
from svclab.terminal.session import Session
from tests.terminal.running import cluster_that_runs_programs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cluster():
    with cluster_that_runs_programs() as found:
        yield found


def started(cluster, words):
    Session(cluster, "test").run(
        f"kubectl run job -n hello --restart=Never --image=nicolaka/netshoot {words}", print
    )


def ended(cluster, seconds=60):
    """The pod when its container has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        cluster.advance()
        pod = cluster.snapshot().get("Pod", "hello", "job")
        if pod["status"]["phase"] in ("Succeeded", "Failed"):
            return pod
        time.sleep(0.05)
    raise AssertionError(pod["status"])


def log(cluster):
    return handle(cluster, ApiRequest("GET", "/api/v1/namespaces/hello/pods/job/log")).body.decode()


def test_a_clients_output_is_its_containers_log_and_its_packets_are_traces(cluster):
    started(cluster, "-- curl -s http://web")

    pod = ended(cluster)

    assert pod["status"]["phase"] == "Succeeded"
    assert "Welcome to nginx!" in log(cluster)
    assert [trace.trace["source"] for trace in dataplane.traces(cluster)] == ["pod/hello/job"]


def test_a_followed_log_ends_with_its_container(cluster):
    started(cluster, "--command -- sh -c 'sleep 5; curl -s http://web'")
    Session(cluster, "test").run("kubectl wait pod/job -n hello --for=condition=Ready", print)
    following = handle(cluster, ApiRequest("GET", "/api/v1/namespaces/hello/pods/job/log?follow=true"))
    following.news()
    assert not following.ended

    ended(cluster)

    assert b"Welcome to nginx!" in b"".join(following.news())
    assert following.ended


def test_nothing_can_be_executed_in_a_container_that_does_not_run(cluster):
    Session(cluster, "test").run("kubectl run job -n hello --image=busybox -- false", print)
    until = time.monotonic() + 60
    while time.monotonic() < until and restarts(cluster) < 1:
        cluster.set_clock(lambda clock, real: clock.step(1, real))
        cluster.advance()
    cluster.set_clock(lambda clock, real: clock.pause(real))

    answer = handle(cluster, ApiRequest("POST", "/api/v1/namespaces/hello/pods/job/exec?command=ls"))

    assert answer.status == 500
    words = 'unable to upgrade connection: container not found ("job")'
    assert answer.json["message"] == f"Internal error occurred: {words}"


def test_a_clients_exit_code_is_the_containers(cluster):
    started(cluster, "-- curl -sS http://nobody")

    (container,) = ended(cluster)["status"]["containerStatuses"]

    assert container["state"]["terminated"]["exitCode"] == 6
    assert log(cluster) == "curl: (6) Could not resolve host: nobody\n"


def test_a_script_with_a_client_in_it_runs_to_its_end(cluster):
    started(
        cluster,
        "--command -- sh -c 'for i in 1 2 3; do curl -s -o /dev/null -w \"%{http_code} \" web; done; exit 3'",
    )

    (container,) = ended(cluster)["status"]["containerStatuses"]

    assert container["state"]["terminated"]["exitCode"] == 3
    assert log(cluster) == "200 200 200 \n"


def test_references_in_a_command_are_replaced_before_the_shell_sees_them(cluster):
    started(
        cluster,
        "--env=TARGET=web --command -- sh -c"
        " 'curl -s -o /dev/null -w \"%{http_code} \" $(TARGET); echo $(hostname)'",
    )

    ended(cluster)

    assert log(cluster) == "200 job\n"


def test_of_a_crash_loop_the_last_two_logs_are_kept_and_of_a_pod_that_is_gone_none(cluster):
    line = "kubectl run job -n hello --image=nicolaka/netshoot -- curl -s http://nobody"
    Session(cluster, "test").run(line, print)
    until = time.monotonic() + 60
    while time.monotonic() < until and restarts(cluster) < 3:
        cluster.set_clock(lambda clock, real: clock.step(2, real))
        cluster.advance()
        time.sleep(0.05)

    assert restarts(cluster) >= 3
    assert models.ContainerRun.objects.count() <= 2
    Session(cluster, "test").run("kubectl delete pod job -n hello --now", print)
    started(cluster, "-- curl -s http://web")
    ended(cluster)
    assert models.ContainerRun.objects.count() == 1


def restarts(cluster):
    pod = cluster.snapshot().get("Pod", "hello", "job")
    return max((found["restartCount"] for found in pod["status"].get("containerStatuses", ())), default=0)


def test_one_program_more_than_may_run_at_once_waits_and_says_so(cluster, monkeypatch):
    monkeypatch.setattr("svclab.cluster.programs.AT_ONCE", 0)
    started(cluster, "-- curl -s http://web")
    Session(cluster, "test").run("kubectl wait pod/job -n hello --for=condition=Ready", print)
    assert "the most there may be at once" in log(cluster)

    monkeypatch.setattr("svclab.cluster.programs.AT_ONCE", 1)

    assert ended(cluster)["status"]["phase"] == "Succeeded"
    assert "Welcome to nginx!" in log(cluster)
