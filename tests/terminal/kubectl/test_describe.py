"""What `kubectl describe` writes where no recording shows it. Source: kubectl pkg/describe/describe.go."""

from datetime import UTC, datetime

import pytest

from svclab.terminal.commands.kubectl.describe_network import endpoints_of_port
from svclab.terminal.commands.kubectl.describe_pod import probe_words, write_pod
from svclab.terminal.commands.kubectl.describe_volumes import write_volumes
from svclab.terminal.commands.kubectl.describe_writer import Description

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _slice(ports, *ready):
    endpoints = [
        {"addresses": [f"10.0.0.{number}"], "conditions": {"ready": is_ready}}
        for number, is_ready in enumerate(ready, 1)
    ]
    return {"ports": ports, "endpoints": endpoints}


@pytest.mark.parametrize(
    ("slices", "shown"),
    [
        ([], "<none>"),
        ([_slice([{"name": "", "port": 80}], True, False)], "10.0.0.1:80"),
        ([_slice([{"name": "", "port": 80}], False)], ""),
        ([_slice([{"name": "other", "port": 80}], True)], ""),
        ([_slice([], True, True)], "10.0.0.1,10.0.0.2"),
        ([_slice([], True, True, True, True)], "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more..."),
        # that there are more is noted before readiness is looked at
        ([_slice([], True, True, True, False)], "10.0.0.1,10.0.0.2,10.0.0.3 + 0 more..."),
    ],
)
def test_the_endpoints_of_a_services_port(slices, shown):
    assert endpoints_of_port(slices, "") == shown


def _described(pod):
    out = Description(NOW)
    write_pod(out, pod, None)
    return out.text().splitlines()


def test_a_pod_tells_what_it_asks_for_as_a_whole_its_profiles_and_devices():
    profile = {"type": "Localhost", "localhostProfile": "audit.json"}
    container = {
        "name": "main",
        "image": "nginx:1.25",
        "securityContext": {"seccompProfile": profile},
        "volumeDevices": [{"name": "disk", "devicePath": "/dev/xvda"}],
    }
    spec = {
        "containers": [container],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "resources": {"limits": {"cpu": "1"}},
    }

    lines = _described({"metadata": {"name": "x"}, "spec": spec, "status": {"phase": "Running"}})

    for line in (
        "SeccompProfile:  RuntimeDefault",
        "Resources:",
        "  Limits:",
        "    cpu:  1",
        "    SeccompProfile:      Localhost",
        "      LocalhostProfile:  audit.json",
        "    Devices:             <none>",
        "      /dev/xvda from disk",
    ):
        assert " ".join(line.split()) in [" ".join(found.split()) for found in lines]


@pytest.mark.parametrize(("phase", "shown"), [("Running", "Terminating (lasts 5m)"), ("Failed", "Failed")])
def test_a_pod_that_is_over_does_not_end_any_more(phase, shown):
    metadata = {"name": "x", "deletionTimestamp": "2026-03-01T11:55:00Z", "deletionGracePeriodSeconds": 30}

    lines = _described({"metadata": metadata, "spec": {"containers": []}, "status": {"phase": phase}})

    assert next(line for line in lines if line.startswith("Status:")).split(maxsplit=1)[1] == shown


@pytest.mark.parametrize(
    ("handler", "shown"),
    [
        ({"httpGet": {"path": "/healthz?full=1", "port": 80}}, "http-get http://:80/healthz%3Ffull=1"),
        (
            {"httpGet": {"host": "fd00::1", "port": "web", "scheme": "HTTPS"}},
            "http-get https://[fd00::1]:web",
        ),
    ],
)
def test_a_probes_address_is_written_as_a_url(handler, shown):
    assert probe_words(handler).rpartition(" delay=")[0] == shown


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (
            {"nfs": {"server": "files.example.com", "path": "/b"}},
            [
                "Type:      NFS (an NFS mount that lasts the lifetime of a pod)",
                "Server:    files.example.com",
                "Path:      /b",
                "ReadOnly:  false",
            ],
        ),
        (
            {"csi": {"driver": "d.example.com", "volumeAttributes": {"b": "c", "a": "b"}}},
            [
                "Type:              CSI (a Container Storage Interface (CSI) volume source)",
                "Driver:            d.example.com",
                "FSType:            ",
                "ReadOnly:          false",
                "VolumeAttributes:      a=b",
                "                       b=c",
            ],
        ),
        (
            {"image": {"reference": "busybox:1.36", "pullPolicy": "IfNotPresent"}},
            [
                "Type:        Image (a container image or OCI artifact)",
                "Reference:   busybox:1.36",
                "PullPolicy:  IfNotPresent",
            ],
        ),
        ({"rbd": {}}, ["Type:  <unknown>"]),
    ],
)
def test_a_volume_is_told_by_its_source(source, lines):
    out = Description(NOW)

    write_volumes(out, [{"name": "data", **source}])

    assert out.text().splitlines() == ["Volumes:", "  data:", *(f"    {line}" for line in lines)]
