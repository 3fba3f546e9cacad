"""A pod's life on its node: starting, probes, restarts, endings."""

from itertools import pairwise

import pytest

from svclab.kube.controllers.kubelet.workload import Run, run_of
from svclab.kube.pods import is_ready
from tests.kube.controllers.simulation import Simulation, container, pod_yaml


def run(spec, seconds=60, *, strict=False, name="web"):
    cluster = Simulation(strict=strict).apply(pod_yaml(name, spec))
    cluster.wait(seconds)
    return cluster


def test_a_resolver_file_that_had_to_be_cut_is_told_once():
    spec = (
        "{nodeName: node1, dnsConfig: {nameservers: [192.0.2.1, 192.0.2.2, 192.0.2.3]},"
        " containers: [{name: c, image: nginx}]}"
    )
    cluster = Simulation().apply(pod_yaml("web", spec))
    cluster.wait(60)

    (event,) = (each for each in cluster.list("Event") if each["reason"] == "DNSConfigForming")
    assert (event["type"], event["count"], event["source"]["component"]) == ("Warning", 1, "kubelet")
    assert event["message"] == (
        "Nameserver limits were exceeded, some nameservers have been omitted, "
        "the applied nameserver line is: 10.96.0.10 192.0.2.1 192.0.2.2"
    )


def test_a_pod_without_probes_is_ready_as_soon_as_it_runs():
    pod = run("{containers: [{name: web, image: nginx}]}").get("Pod", "web")

    assert pod["status"]["phase"] == "Running"
    assert [(c["type"], c["status"]) for c in pod["status"]["conditions"]] == [
        ("Initialized", "True"),
        ("Ready", "True"),
        ("ContainersReady", "True"),
        ("PodScheduled", "True"),
    ]


def test_while_an_image_is_pulled_the_container_is_being_created():
    cluster = run("{containers: [{name: web, image: nginx}]}", 1)

    status = container(cluster.get("Pod", "web"))
    assert status["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert [reason for reason, _, _ in cluster.events("web")] == ["Scheduled", "Pulling"]


def test_an_image_is_pulled_once_on_a_node():
    cluster = run("{containers: [{name: web, image: nginx}]}")
    node = cluster.get("Pod", "web")["spec"]["nodeName"]

    cluster.apply(pod_yaml("second", f"{{nodeName: {node}, containers: [{{name: web, image: nginx}}]}}"))
    cluster.wait(10)

    assert [reason for reason, _, _ in cluster.events("second")] == ["Pulled", "Created", "Started"]
    assert "already present on machine" in cluster.events("second")[0][1]


def test_pods_of_the_host_network_have_their_node_s_address():
    pod = run("{hostNetwork: true, nodeName: node2, containers: [{name: web, image: nginx}]}").get(
        "Pod", "web"
    )

    assert (pod["status"]["podIP"], pod["status"]["hostIP"]) == ("192.168.64.12", "192.168.64.12")


def test_a_readiness_probe_for_a_path_that_is_not_there_keeps_a_pod_unready():
    spec = "{containers: [{name: web, image: nginx, readinessProbe: {httpGet: {path: /nowhere, port: 80}}}]}"
    cluster = run(spec, 35)

    pod = cluster.get("Pod", "web")
    assert (pod["status"]["phase"], is_ready(pod), container(pod)["restartCount"]) == ("Running", False, 0)
    (unhealthy,) = [e for e in cluster.events("web") if e[0] == "Unhealthy"]
    assert unhealthy[1:] == ("Readiness probe failed: HTTP probe failed with statuscode: 404", 4)


def test_a_probe_of_a_port_where_nothing_listens_is_refused():
    spec = "{containers: [{name: web, image: nginx, readinessProbe: {httpGet: {path: /, port: 8080}}}]}"
    cluster = run(spec, 20)

    address = cluster.get("Pod", "web")["status"]["podIP"]
    told = next(message for reason, message, _ in cluster.events("web") if reason == "Unhealthy")
    assert told == (
        f'Readiness probe failed: Get "http://{address}:8080/": dial tcp {address}:8080: connect: connection refused'
    )


def test_a_container_whose_liveness_probe_keeps_failing_is_restarted_again_and_again():
    spec = (
        "{containers: [{name: web, image: nginx,"
        " livenessProbe: {tcpSocket: {port: 9999}, periodSeconds: 2, failureThreshold: 2}}]}"
    )
    cluster = run(spec, 60)

    status = container(cluster.get("Pod", "web"))
    assert status["restartCount"] >= 3
    assert status["lastState"]["terminated"]["exitCode"] == 0
    killed = next(message for reason, message, _ in cluster.events("web") if reason == "Killing")
    assert killed == "Container web failed liveness probe, will be restarted"


def test_a_startup_probe_holds_the_others_back():
    spec = (
        "{containers: [{name: web, image: nginx, startupProbe: {httpGet: {path: /, port: 80},"
        " initialDelaySeconds: 20}, readinessProbe: {httpGet: {path: /, port: 80}}}]}"
    )
    cluster = run(spec, 15)
    assert (container(cluster.get("Pod", "web"))["started"], is_ready(cluster.get("Pod", "web"))) == (
        False,
        False,
    )

    cluster.wait(15)

    assert (container(cluster.get("Pod", "web"))["started"], is_ready(cluster.get("Pod", "web"))) == (
        True,
        True,
    )


def test_success_threshold_asks_for_several_successes():
    spec = (
        "{containers: [{name: web, image: nginx, readinessProbe: {httpGet: {path: /, port: 80},"
        " periodSeconds: 10, successThreshold: 3}}]}"
    )
    cluster = run(spec, 15)
    assert not is_ready(cluster.get("Pod", "web"))

    cluster.wait(15)

    assert is_ready(cluster.get("Pod", "web"))


@pytest.mark.parametrize(
    ("spec", "phase", "state", "exit_code"),
    [
        ("{restartPolicy: Never, containers: [{name: c, image: busybox, command: ['true']}]}", "Succeeded", "Completed", 0),
        ("{restartPolicy: Never, containers: [{name: c, image: busybox, command: [sh, -c, exit 3]}]}", "Failed", "Error", 3),
        ("{restartPolicy: OnFailure, containers: [{name: c, image: busybox, command: ['true']}]}", "Succeeded", "Completed", 0),
    ],
)  # fmt: skip
def test_a_program_that_ends_ends_its_pod_if_it_is_not_to_be_restarted(spec, phase, state, exit_code):
    pod = run(spec).get("Pod", "web")

    ended = container(pod)["state"]["terminated"]
    assert (pod["status"]["phase"], ended["reason"], ended["exitCode"]) == (phase, state, exit_code)
    assert container(pod)["restartCount"] == 0
    assert not is_ready(pod)


def test_a_completed_pod_stands_behind_no_service():
    cluster = run("{restartPolicy: Never, containers: [{name: c, image: busybox, command: [sleep, '5']}]}", 3)
    cluster.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {run: web}, ports: [{port: 80}]}"
    )
    assert cluster.slices("s")[0]["endpoints"] is None
    cluster.apply(
        pod_yaml(
            "job",
            "{restartPolicy: Never, containers: [{name: c, image: busybox, command: [sleep, '5']}]}",
            run="web",
        )
    )
    cluster.wait(5)
    assert len(cluster.slices("s")[0]["endpoints"]) == 1

    cluster.wait(30)

    assert cluster.slices("s")[0]["endpoints"] is None


def test_a_shell_without_a_script_lives_as_long_as_its_input():
    with_input = run("{containers: [{name: c, image: busybox, stdin: true, tty: true}]}").get("Pod", "web")
    without = run("{containers: [{name: c, image: busybox}]}").get("Pod", "web")

    assert "running" in container(with_input)["state"]
    assert container(without)["restartCount"] >= 2


def test_a_command_with_standard_input_waits_for_whoever_attaches():
    spec = "{{restartPolicy: Never, containers: [{{name: c, image: nicolaka/netshoot, {}args: [curl, -s, web]}}]}}"
    with_input = run(spec.format("stdin: true, ")).get("Pod", "web")

    assert "running" in container(with_input)["state"]


def test_back_off_grows_from_ten_seconds_to_five_minutes():
    cluster = Simulation().apply(
        pod_yaml("web", "{containers: [{name: c, image: busybox, command: ['false']}]}")
    )
    starts, last = [], 0
    for second in range(1600):
        cluster.wait(1)
        count = container(cluster.get("Pod", "web"))["restartCount"]
        if count != last:
            starts.append(second)
            last = count

    pauses = [b - a for a, b in pairwise(starts)]
    assert [round(p / 10) * 10 for p in pauses[:7]] == [10, 20, 40, 80, 160, 300, 300]
    waiting = container(cluster.get("Pod", "web"))["state"]["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert waiting["message"].startswith("back-off 5m0s restarting failed container=c pod=web_default(")


def test_as_another_user_nginx_fails_on_a_strict_runtime_only():
    spec = "{securityContext: {runAsUser: 101, runAsNonRoot: true}, containers: [{name: web, image: 'nginx:1.25'}]}"

    assert is_ready(run(spec).get("Pod", "web"))
    strict = run(spec, strict=True).get("Pod", "web")
    assert container(strict)["lastState"]["terminated"]["exitCode"] == 1
    unprivileged = spec.replace("nginx:1.25", "nginxinc/nginx-unprivileged")
    assert is_ready(run(unprivileged, strict=True).get("Pod", "web"))


def test_root_images_are_refused_where_root_is_forbidden():
    pod = run("{securityContext: {runAsNonRoot: true}, containers: [{name: web, image: nginx}]}").get(
        "Pod", "web"
    )

    waiting = container(pod)["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    assert waiting["message"].startswith("container has runAsNonRoot and image will run as root (pod: ")


def test_a_container_waits_for_its_config_map():
    spec = "{containers: [{name: web, image: nginx, envFrom: [{configMapRef: {name: settings}}]}]}"
    cluster = run(spec, 10)
    assert (
        container(cluster.get("Pod", "web"))["state"]["waiting"]["message"]
        == 'configmap "settings" not found'
    )

    cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}")
    cluster.wait(10)

    assert is_ready(cluster.get("Pod", "web"))


def test_an_official_image_that_does_not_exist_cannot_be_pulled():
    cluster = run("{containers: [{name: web, image: 'ngnix:1.25'}]}", 5)
    assert container(cluster.get("Pod", "web"))["state"]["waiting"]["reason"] == "ErrImagePull"

    cluster.wait(60)

    waiting = container(cluster.get("Pod", "web"))["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert "docker.io/library/ngnix:1.25" in waiting["message"]
    assert cluster.get("Pod", "web")["status"]["phase"] == "Pending"


def test_init_containers_run_one_after_the_other_before_the_rest():
    spec = (
        "{initContainers: [{name: one, image: busybox, command: [sleep, '5']},"
        " {name: two, image: busybox, command: ['true']}], containers: [{name: web, image: nginx}]}"
    )
    cluster = run(spec, 6)
    status = cluster.get("Pod", "web")["status"]
    assert "running" in status["initContainerStatuses"][0]["state"]
    assert status["initContainerStatuses"][1]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}

    cluster.wait(30)

    status = cluster.get("Pod", "web")["status"]
    assert [s["state"]["terminated"]["reason"] for s in status["initContainerStatuses"]] == ["Completed"] * 2
    assert is_ready(cluster.get("Pod", "web"))


@pytest.mark.parametrize(
    ("spec", "gone_after", "still_there_after"),
    [
        ("{containers: [{name: c, image: nginx}]}", 4, 0),
        ("{terminationGracePeriodSeconds: 20, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}", 24, 18),
        ("{containers: [{name: c, image: nginx, lifecycle: {preStop: {exec: {command: [sleep, '10']}}}}]}", 14, 9),
    ],
    ids=["a server stops at once", "a process that ignores SIGTERM is killed", "a preStop hook is waited for"],
)  # fmt: skip
def test_termination_takes_as_long_as_the_process_needs(spec, gone_after, still_there_after):
    cluster = run(spec, 30)

    cluster.delete("Pod", "web")

    cluster.wait(still_there_after)
    assert cluster.get("Pod", "web")["metadata"]["deletionTimestamp"]
    assert is_ready(cluster.get("Pod", "web")), "it serves until it stops"
    cluster.wait(gone_after - still_there_after)
    assert cluster.get("Pod", "web") is None


def test_addresses_are_given_out_in_turn_and_not_at_once_again():
    cluster = Simulation()
    seen = []
    for _ in range(3):
        cluster.apply(pod_yaml("web", "{nodeName: node1, containers: [{name: c, image: nginx}]}"))
        cluster.wait(10)
        seen.append(cluster.get("Pod", "web")["status"]["podIP"])
        cluster.delete("Pod", "web", grace_seconds=0)

    assert seen == ["10.244.1.2", "10.244.1.3", "10.244.1.4"]


def test_nothing_happens_on_a_node_whose_kubelet_is_not_ready():
    cluster = run("{nodeName: node1, containers: [{name: c, image: nginx}]}", 30)
    conditions = [
        {**c, "status": "Unknown"} if c["type"] == "Ready" else c
        for c in cluster.get("Node", "node1")["status"]["conditions"]
    ]
    cluster.set_status("Node", "node1", conditions=conditions)
    cluster.delete("Pod", "web")

    cluster.wait(120)

    assert cluster.get("Pod", "web")["metadata"]["deletionTimestamp"]


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"image": "busybox", "command": ["sh", "-c", "echo one; echo 'two words'\nsleep infinity"]}, Run(None, 0, "one\ntwo words\n")),
        ({"image": "busybox", "command": ["echo", "hi"]}, Run()),
        ({"image": "busybox", "command": ["sh", "-c", "echo $HOME > /tmp/x; sleep 2m; exit 4"]}, Run(120.3, 4)),
        ({"image": "nginx", "args": ["nginx", "-g", "daemon off;"]}, Run()),
        ({"image": "curlimages/curl", "args": ["http://web"]}, Run()),
        ({"image": "example.com/our/server:1"}, Run()),
    ],
)  # fmt: skip
def test_what_a_process_does_is_read_off_its_command(container, expected):
    assert run_of({"spec": {}}, container, strict=False) == expected


def test_a_sidecar_starts_before_the_others_and_keeps_running():
    spec = (
        "{initContainers: [{name: proxy, image: httpd, restartPolicy: Always},"
        " {name: setup, image: busybox, command: ['true']}], containers: [{name: web, image: nginx}]}"
    )
    status = run(spec, 40).get("Pod", "web")["status"]

    assert "running" in status["initContainerStatuses"][0]["state"]
    assert status["initContainerStatuses"][1]["state"]["terminated"]["reason"] == "Completed"
    assert [(c["type"], c["status"]) for c in status["conditions"]][:2] == [
        ("Initialized", "True"),
        ("Ready", "True"),
    ]
