"""Warnings of pods and templates: cases of TestWarnings of pkg/api/pod/warnings_test.go, 1.35."""

from typing import Any

import pytest

from svclab.kube.admission_warnings_pod import pod_warnings

_ON_NAMES = "services and probes that select ports by name will use"
_NO_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'


def _container(name: str, *ports: tuple[int, str], **fields: Any) -> dict[str, Any]:
    listed = [{"containerPort": port, "protocol": "TCP", "name": called} for port, called in ports]
    return {"name": name, "ports": listed, **fields}


def _files(*paths: str) -> list[dict[str, str]]:
    return [{"key": "foo", "path": path} for path in paths]


def _volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "foo", **source}]}


def _projected(*sources: dict[str, Any]) -> dict[str, Any]:
    return _volume(projected={"sources": list(sources)})


_CONFIG = {"configMap": {"name": "Test", "items": _files("test")}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"containers": [_container("a", (80, "test")), _container("b", (81, "other"), (82, "test"))]},
            [
                'spec.containers[1].ports[1]: duplicate port name "test" with spec.containers[0].ports[0], '
                f"{_ON_NAMES} spec.containers[0].ports[0]"
            ],
        ),
        (
            {
                "initContainers": [_container("a", (80, "test"), restartPolicy="Always")],
                "containers": [_container("b", (81, "test"))],
            },
            [
                'spec.containers[0].ports[0]: duplicate port name "test" with spec.initContainers[0].ports[0], '
                f"{_ON_NAMES} spec.initContainers[0].ports[0]"
            ],
        ),
        (
            {
                "initContainers": [_container("a", (80, "test"))],
                "containers": [_container("b", (81, "test"))],
            },
            [],
        ),
        (
            _volume(configMap={"name": "c", "items": _files("a", "a/b", "ab")}),
            ['volume "foo" (ConfigMap "c"): overlapping paths: "a/b" with "a"'],
        ),
        (
            _volume(secret={"secretName": "s", "items": _files("a/", "a")}),
            ['volume "foo" (Secret "s"): overlapping paths: "a" with "a"'],
        ),
        (
            _volume(downwardAPI={"items": _files("a/b", "a")}),
            ['volume "foo" (DownwardAPI): overlapping paths: "a" with "a/b"'],
        ),
        (
            _projected(_CONFIG, {"serviceAccountToken": {"path": "test"}}),
            [
                'volume "foo" (Projected): overlapping paths: "test" (ServiceAccountToken) with '
                '"test" (ConfigMap "Test")'
            ],
        ),
        (_projected({}), ['volume "foo" (Projected) has no sources provided']),
        (
            _volume(gitRepo={"repository": "r"}),
            ["spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"],
        ),
        (
            {"overhead": {"memory": "1.5m"}},
            ['spec.overhead[memory]: fractional byte value "1.5m" is invalid, must be an integer'],
        ),
        (
            {"hostAliases": [{"ip": "2001:db8:0:0::2"}]},
            [
                'spec.hostAliases[0].ip: IPv6 address "2001:db8:0:0::2" should be in RFC 5952 canonical '
                'format ("2001:db8::2")'
            ],
        ),
    ],
)
def test_a_pod_is_warned_of(spec: dict[str, Any], expected: list[str]) -> None:
    assert pod_warnings("", {"spec": spec}) == expected


def test_annotations_that_fields_replaced() -> None:
    """SeccompPodAnnotationKey and the prefixes of containers; AppArmor's only in templates."""
    annotations = {
        "seccomp.security.alpha.kubernetes.io/pod": "runtime/default",
        "container.seccomp.security.alpha.kubernetes.io/foo": "runtime/default",
        "container.apparmor.security.beta.kubernetes.io/foo": "unconfined",
    }
    pod = {"metadata": {"annotations": annotations}, "spec": {"containers": [_container("foo")]}}

    seccomp = [
        f"metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: {_NO_SECCOMP}",
        f"metadata.annotations[container.seccomp.security.alpha.kubernetes.io/foo]: {_NO_SECCOMP}",
    ]
    assert pod_warnings("", pod) == seccomp
    assert pod_warnings("spec.template.", pod) == [
        *(f"spec.template.{warning}" for warning in seccomp),
        "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/foo]: deprecated "
        'since v1.30; use the "appArmorProfile" field instead',
    ]
