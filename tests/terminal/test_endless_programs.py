"""Programs of containers that do not end: load generators, counters, and those that wait for a Service."""

import re
import time
from datetime import timedelta

import pytest

from svclab.apiserver.dispatch import handle
from svclab.apiserver.messages import ApiRequest
from svclab.cluster import dataplane, models, programs, quota, settle
from svclab.cluster.clock import real_now
from svclab.kube.request import Request
from svclab.terminal.programs import Allowances
from svclab.terminal.session import Session
from tests.terminal.running import cluster_that_runs_programs

pytestmark = pytest.mark.django_db(transaction=True)

LOAD = "while true; do wget -qO- -T 2 http://web | grep title; sleep 1; done"
COUNTER = "i=0; while true; do echo count $i; i=$((i+1)); sleep 1; done"


@pytest.fixture
def cluster():
    with cluster_that_runs_programs() as found:
        yield found


def says(cluster, line):
    shown = []
    Session(cluster, "test").run(line, shown.append)
    return "".join(shown)


def start(cluster, script, name="load"):
    says(cluster, f"kubectl run {name} -n hello --image=busybox:1.36 -- /bin/sh -c '{script}'")
    says(cluster, f"kubectl wait pod/{name} -n hello --for=condition=Ready")


def log(cluster, options=""):
    return handle(
        cluster, ApiRequest("GET", f"/api/v1/namespaces/hello/pods/load/log?{options}")
    ).body.decode()


def looked_at(cluster, until, seconds=120):
    """Look at the cluster now and then, as an open page does, until something is so."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, log(cluster)
        cluster.advance()
        time.sleep(0.02)


def requests(cluster):
    return [record for record in dataplane.traces(cluster) if record.trace["source"] == "pod/hello/load"]


def threads(cluster):
    return len(programs._programs_of(cluster.id))


def test_a_load_generators_log_grows_and_its_packets_are_traces(cluster):
    start(cluster, LOAD)

    looked_at(cluster, lambda: log(cluster).count("\n") >= 4)

    assert set(log(cluster).splitlines()) == {"<title>Welcome to nginx!</title>"}
    assert len(requests(cluster)) >= 4
    assert {record.origin for record in requests(cluster)} == {"background"}


def test_each_line_of_its_log_has_its_own_time(cluster):
    start(cluster, COUNTER)
    looked_at(cluster, lambda: log(cluster).count("\n") >= 5)

    lines = log(cluster, "timestamps=true").splitlines()
    stamps = [line.split()[0] for line in lines]

    assert [line.split(" ", 1)[1] for line in lines[:3]] == ["count 0", "count 1", "count 2"]
    assert stamps == sorted(set(stamps))
    assert log(cluster, f"sinceTime={stamps[-1]}").splitlines()[0] == lines[-1].split(" ", 1)[1]
    assert log(cluster, "tailLines=1").count("\n") == 1


def test_a_followed_log_goes_on_although_its_oldest_lines_are_gone(cluster, monkeypatch):
    monkeypatch.setattr("svclab.cluster.programs.MOST_LOG", 200)
    start(cluster, COUNTER)
    following = handle(cluster, ApiRequest("GET", "/api/v1/namespaces/hello/pods/load/log?follow=true"))
    told = []

    def hear():
        told.extend(b"".join(following.news()).decode().splitlines())
        return "count 12" in told

    looked_at(cluster, hear)

    assert told[-3:] == [f"count {int(told[-1].split()[1]) - back}" for back in (2, 1, 0)]
    assert len(models.ContainerRun.objects.get(container="load").text) <= 200


def test_without_endpoints_its_requests_are_refused_and_later_answered_again(cluster):
    start(cluster, "while sleep 1; do wget -qO- -T 2 http://web | grep title; done")
    looked_at(cluster, lambda: "title" in log(cluster))

    says(cluster, "kubectl scale deploy web -n hello --replicas=0")
    looked_at(cluster, lambda: "Connection refused" in log(cluster, "tailLines=1"))
    says(cluster, "kubectl scale deploy web -n hello --replicas=3")

    looked_at(cluster, lambda: "title" in log(cluster, "tailLines=1"))


def test_a_paused_clock_pauses_it_even_without_a_sleep(cluster):
    start(cluster, "while true; do wget -q -O /dev/null -T 2 http://web; done")
    looked_at(cluster, lambda: requests(cluster))
    cluster.set_clock(lambda clock, real: clock.pause(real))
    looked_at(cluster, lambda: waits(cluster))
    sent = cluster.state().trace_count

    for _ in range(20):
        cluster.advance()
        time.sleep(0.02)

    assert cluster.state().trace_count == sent
    cluster.set_clock(lambda clock, real: clock.resume(real))
    looked_at(cluster, lambda: cluster.state().trace_count > sent)


def waits(cluster):
    (program,) = programs._programs_of(cluster.id).values()
    return program.next_due() is not None


def test_in_a_cluster_that_nobody_looks_at_nothing_runs(cluster):
    start(cluster, LOAD)
    looked_at(cluster, lambda: requests(cluster) and waits(cluster))
    sent = cluster.state().trace_count

    time.sleep(0.5)  # five seconds of the cluster's: five requests, if anybody looked

    assert cluster.state().trace_count == sent
    looked_at(cluster, lambda: cluster.state().trace_count > sent)


def test_who_sleeps_until_something_is_due_wakes_for_it(cluster):
    start(cluster, "while true; do date; sleep 30; done")
    looked_at(cluster, lambda: log(cluster) and waits(cluster))

    assert cluster.now() < settle.next_due(cluster) < cluster.now() + timedelta(seconds=31)
    assert settle.is_quiet(cluster.id, cluster.state(), real_now())


def test_it_ends_with_its_pod(cluster):
    start(cluster, LOAD)
    looked_at(cluster, lambda: requests(cluster))

    says(cluster, "kubectl delete pod load -n hello --now")

    looked_at(cluster, lambda: threads(cluster) == 0)


def test_after_a_kill_it_begins_again_and_its_log_goes_on(cluster):
    start(cluster, COUNTER)
    looked_at(cluster, lambda: "count 3" in log(cluster))
    programs.forget()  # the process is gone, and its lease has not ended
    cluster.advance()
    assert threads(cluster) == 0

    models.ContainerRun.objects.update(held_until=real_now() - timedelta(seconds=1))

    looked_at(cluster, lambda: log(cluster).count("count 1\n") == 2)
    assert re.match(r"(?:count \d+\n){4,}count 0\ncount 1\n", log(cluster))


def test_a_finite_one_that_was_cut_off_is_run_again_to_its_end(cluster):
    says(
        cluster,
        "kubectl run load -n hello --restart=Never --image=busybox -- sh -c 'wget -qO- -T 2 http://web | grep title; sleep 40; exit 7'",
    )
    looked_at(cluster, lambda: "title" in log(cluster))
    programs.forget()
    models.ContainerRun.objects.update(held_until=real_now() - timedelta(seconds=1))

    looked_at(cluster, lambda: phase(cluster) == "Failed")

    assert log(cluster).count("title") == 4  # two runs, each with an opening and a closing tag in one line
    (container,) = cluster.snapshot().get("Pod", "hello", "load")["status"]["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == 7


def phase(cluster):
    return cluster.snapshot().get("Pod", "hello", "load")["status"]["phase"]


def test_one_process_runs_it_and_the_one_that_has_lost_it_ends_it(cluster):
    start(cluster, COUNTER)
    looked_at(cluster, lambda: log(cluster))

    models.ContainerRun.objects.update(holder="another process", held_until=real_now() + timedelta(hours=1))

    looked_at(cluster, lambda: threads(cluster) == 0)
    text = models.ContainerRun.objects.get(container="load").text
    cluster.advance()
    assert threads(cluster) == 0
    assert models.ContainerRun.objects.get(container="load").text == text


def test_what_runs_in_the_background_pushes_out_none_of_the_learners_traces(cluster, monkeypatch):
    monkeypatch.setattr(dataplane, "QUOTA", quota.Quota(background_events=300))
    mine = dataplane.send(cluster, Request("pod/hello/visitor", "http://web"), "terminal")
    start(cluster, LOAD)

    looked_at(cluster, lambda: cluster.state().trace_count >= 8)

    assert dataplane.trace(cluster, mine.id) is not None
    assert len(requests(cluster)) < 4


def test_a_web_servers_log_is_followed_although_the_traces_behind_it_make_room(cluster, monkeypatch):
    monkeypatch.setattr(dataplane, "QUOTA", quota.Quota(background_events=300))
    says(
        cluster, "kubectl scale deploy web -n hello --replicas=1; kubectl rollout status deploy web -n hello"
    )
    looked_at(cluster, lambda: len(webs(cluster)) == 1)
    path = f"/api/v1/namespaces/hello/pods/{webs(cluster)[0]}/log?follow=true&tailLines=0"
    start(cluster, LOAD)
    following = handle(cluster, ApiRequest("GET", path))
    told = []

    def hear():
        told.extend(b"".join(following.news()).decode().splitlines())
        return len(told) >= 6

    looked_at(cluster, hear)

    assert len(requests(cluster)) < 6
    assert len(set(told)) == len(told)  # each second has its own


def webs(cluster):
    names = [pod["metadata"]["name"] for pod in cluster.snapshot().list("Pod", "hello")]
    return [name for name in names if name.startswith("web-")]


def test_a_pod_that_waits_for_a_service_is_initialised_once_it_is_there(cluster):
    manifest = """
apiVersion: v1
kind: Pod
metadata: {name: load, namespace: hello}
spec:
  initContainers:
  - {name: wait, image: "busybox:1.28", command: [sh, -c, "until nslookup late.hello.svc.cluster.local; do echo waiting; sleep 2; done"]}
  containers: [{name: load, image: "busybox:1.28", command: [sleep, infinity]}]
"""
    says(cluster, f"kubectl apply -f - <<EOF{manifest}EOF")
    looked_at(cluster, lambda: "waiting" in log(cluster, "container=wait"))
    assert phase(cluster) == "Pending"

    says(cluster, "kubectl expose deploy web -n hello --name=late --port=80")

    looked_at(cluster, lambda: phase(cluster) == "Running")


def test_a_job_in_the_background_of_a_script_goes_on_as_long(cluster):
    start(cluster, "(while true; do echo beat; sleep 1; done) & wait")

    looked_at(cluster, lambda: log(cluster).count("beat") >= 3)
    says(cluster, "kubectl delete pod load -n hello --now")

    looked_at(cluster, lambda: threads(cluster) == 0)


def test_more_requests_than_ten_a_second_are_held_back(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("svclab.terminal.programs.monotonic", lambda: now)
    allowances = Allowances()
    at_once = 0
    while allowances.take(1, 0) == 0:
        at_once += 1
    assert at_once == 100  # what was saved up in ten seconds

    now += 10
    later = sum(allowances.take(1, 0) == 0 for _ in range(200))

    assert later == 99
    assert allowances.take(0, 0) > 9
