"""Every rule that an object breaks is told, in the server's order and words."""

from typing import Any

import pytest

from svclab.kube.defaults import apply_defaults
from svclab.kube.validation import validate, validate_update

Manifest = dict[str, Any]
APIS = {
    "Service": "v1", "Pod": "v1", "Namespace": "v1", "ConfigMap": "v1", "Secret": "v1", "Node": "v1",
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1",
    "Ingress": "networking.k8s.io/v1", "NetworkPolicy": "networking.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
}  # fmt: skip
_MUST_BE_DNS = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
_CONTAINER = {"name": "main", "image": "nginx:1.25"}
_SELECTOR = {"matchLabels": {"app": "a"}}
_TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [_CONTAINER]}}
_WORKLOAD = {"selector": _SELECTOR, "template": _TEMPLATE}


def _object(kind: str, spec: Manifest | None = None, **more: Any) -> Manifest:
    metadata = {"name": "shop", **more.pop("metadata", {})}
    if kind not in ("Namespace", "Node"):
        metadata.setdefault("namespace", "default")
    made = {"apiVersion": APIS[kind], "kind": kind, "metadata": metadata, **_copied(more)}
    if spec is not None:
        made["spec"] = _copied(spec)
    return apply_defaults(made)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _told(errors: list[Any]) -> list[str]:
    return [f"{error.field}: {error.message}" for error in errors]


def _pod(container: Manifest | None = None, **spec: Any) -> Manifest:
    return {"containers": [{**_CONTAINER, **(container or {})}], **spec}


def _service(**spec: Any) -> Manifest:
    given = {"ports": [{"port": 80}], "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
             "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", **spec}  # fmt: skip
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("kind", "spec", "errors"),
    [
        ("Service", _service(ports=[{"port": 0}]), [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        ]),
        ("Service", _service(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]), [
            'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP",',
        ]),
        ("Service", _service(type="ExternalName", externalName="a.b"), [
            'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
            'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
            'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
        ]),
        ("Service", _service(type="NodePort", clusterIP="None", clusterIPs=["None"]), [
            'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
        ]),
        ("Service", _service(externalIPs=["127.0.0.1"]), [
            'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        ]),
        ("Service", _service(trafficDistribution="Near"), [
            'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", '
            '"PreferSameNode"',
        ]),
        ("Pod", {"containers": []}, ["spec.containers: Required value"]),
        ("Pod", _pod({"name": "Main"}), [f'spec.containers[0].name: Invalid value: "Main": {_MUST_BE_DNS}']),
        ("Pod", _pod({"image": ""}), ["spec.containers[0].image: Required value"]),
        ("Pod", {"containers": [_CONTAINER, _CONTAINER]}, ['spec.containers[1].name: Duplicate value: "main"']),
        ("Pod", _pod({"ports": [{"containerPort": 80, "name": "Web"}]}), [
            'spec.containers[0].ports[0].name: Invalid value: "Web": must contain only alpha-numeric characters (a-z, '
            "0-9), and hyphens (-)",
        ]),
        ("Pod", _pod({"env": [{"name": "a=b"}]}), [
            'spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist only '
            "of printable ASCII characters other than '='",
        ]),
        ("Pod", _pod({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]}), [
            'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.x": error converting fieldPath:'
            " field label not supported: spec.x",
            'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        ]),
        ("Pod", _pod({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}), [
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ]),
        ("Pod", _pod({"livenessProbe": {"periodSeconds": 1}}), [
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        ]),
        ("Pod", _pod({"readinessProbe": {"httpGet": {"port": 0}}}), [
            "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ]),
        ("Pod", _pod({"volumeMounts": [{"name": "v", "mountPath": "/x"}]}), [
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ]),
        ("Pod", _pod(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]), [
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ]),
        ("Pod", _pod(restartPolicy="Sometimes"), [
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
        ]),
        ("Pod", _pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]), [
            'spec.tolerations[0].operator: Invalid value: "b": value must be empty when `operator` is \'Exists\'',
        ]),
        ("Pod", _pod(hostAliases=[{"ip": "one"}]), [
            'spec.hostAliases[0].ip: Invalid value: "one": must be a valid IP address, (e.g. 10.9.8.7 or '
            "2001:db8::ffff)",
        ]),
        ("Pod", _pod(terminationGracePeriodSeconds=-2, activeDeadlineSeconds=0), [
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ]),
        ("Deployment", {"template": _TEMPLATE}, [
            "spec.selector: Required value",
            'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
        ]),
        ("Deployment", {**_WORKLOAD, "replicas": -1}, [
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ]),
        ("Deployment", {**_WORKLOAD, "progressDeadlineSeconds": 1, "minReadySeconds": 5}, [
            "spec.progressDeadlineSeconds: Invalid value: 1: must be greater than minReadySeconds",
        ]),
        ("StatefulSet", {"selector": {"matchExpressions": [{"key": "a", "operator": "Foo"}]},
                         "template": {**_TEMPLATE, "spec": {"containers": [_CONTAINER], "restartPolicy": "Never"}}}, [
            'spec.selector.matchExpressions[0].operator: Invalid value: "Foo": not a valid selector operator',
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Foo"}]}',
            'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        ]),
        ("StatefulSet", {**_WORKLOAD, "updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}}, [
            'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for '
            "updateStrategy 'RollingUpdate'",
        ]),
        ("StatefulSet", {**_WORKLOAD, "volumeClaimTemplates": [
            {"metadata": {"name": "a"}, "spec": {}},
            {"metadata": {"name": "b"}, "spec": {
                "accessModes": ["X", "ReadWriteOncePod", "ReadWriteOnce"], "volumeMode": "Tape",
                "resources": {"requests": {"storage": "0"}}, "storageClassName": "No",
            }},
            {"metadata": {"name": "b"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            }},
        ]}, [
            "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
            "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            'spec.volumeClaimTemplates[1].spec.accessModes: Unsupported value: "X": supported values: "ReadOnlyMany", ',
            "spec.volumeClaimTemplates[1].spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
            'spec.volumeClaimTemplates[1].spec.resources[storage]: Invalid value: "0": must be greater than zero',
            'spec.volumeClaimTemplates[1].spec.storageClassName: Invalid value: "No": a lowercase RFC 1123 subdomain',
            'spec.volumeClaimTemplates[1].spec.volumeMode: Unsupported value: "Tape": supported values: "Block", ',
        ]),
        ("Pod", _pod(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {
            "metadata": {"labels": {"a": "-"}}, "spec": {"accessModes": ["ReadWriteOnce"]},
        }}}, {"name": "w", "ephemeral": {}}]), [
            'spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.labels: Invalid value: "-": a valid label must be ',
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
            "spec.volumes[1].ephemeral.volumeClaimTemplate: Required value",
        ]),
        ("Pod", _pod({"resources": {"limits": {"cpu": "1", "hugepages-2Mi": "3Mi", "hugepages-1Gi": "2Gi"}}}), [
            'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer '
            "multiple of hugepages-2Mi",
            'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer ',
        ]),
        ("DaemonSet", {**_WORKLOAD, "updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}}, [
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
        ]),
        ("Ingress", {}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
        ("Node", {"podCIDRs": ["10.0.0.0/24", "10.1.0.0/24"]}, [
            'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more than one CIDR for each IP '
            "family",
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_spec_is_told(kind: str, spec: Manifest, errors: list[str]) -> None:
    told = _told(validate(_object(kind, spec)))

    assert [known[: len(wanted)] for known, wanted in zip(told, errors, strict=False)] == errors
    assert len(told) == len(errors)


@pytest.mark.parametrize(
    ("kind", "more", "errors"),
    [
        ("Namespace", {"metadata": {"name": "a.b"}}, ['metadata.name: Invalid value: "a.b": must not contain dots']),
        ("Service", {"metadata": {"name": "Shop"}, "spec": _service()}, [
            f'metadata.name: Invalid value: "Shop": {_MUST_BE_DNS}',
        ]),        ("ConfigMap", {"data": {"a b": "c"}}, ['data[a b]: Invalid value: "a b": a valid config key must consist of']),
        ("ConfigMap", {"data": {"a": ""}, "binaryData": {"a": ""}}, ["data[a]: Invalid value: "]),
        ("Secret", {"type": "kubernetes.io/tls", "data": {}}, ["data[tls.crt]: Required value", "data[tls.key]: Req"]),
        ("ConfigMap", {"metadata": {"finalizers": ["x"]}}, [
            'metadata.finalizers[0]: Invalid value: "x": name is neither a standard finalizer name nor is it fully',
        ]),
        ("ConfigMap", {"metadata": {"annotations": {"a": "x" * 262144}}}, [
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ]),
        ("EndpointSlice", {"addressType": "IPv4", "endpoints": [{"addresses": []}]}, [
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        ]),
        ("EndpointSlice", {"addressType": "IPv6", "endpoints": [{"addresses": ["10.0.0.1"]}]}, [
            'endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be an IPv6 address',
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_names_and_data_is_told(kind: str, more: Manifest, errors: list[str]) -> None:
    told = _told(validate(_object(kind, **more)))

    assert [known[: len(wanted)] for known, wanted in zip(told, errors, strict=False)] == errors
    assert len(told) == len(errors)


@pytest.mark.parametrize(
    ("kind", "before", "after", "errors"),
    [
        ("Deployment", _WORKLOAD, {**_WORKLOAD, "selector": {"matchLabels": {"app": "a"}, "matchExpressions": [
            {"key": "app", "operator": "Exists"},
        ]}}, [
            'spec.selector: Invalid value: {"matchLabels":{"app":"a"},"matchExpressions":[{"key":"app","operator":'
            '"Exists"}]}: field is immutable',
        ]),
        ("StatefulSet", {**_WORKLOAD, "serviceName": "a"}, {**_WORKLOAD, "serviceName": "b"}, [
            "spec: Forbidden: updates to statefulset spec for fields other than",
        ]),
        ("Pod", _pod(), _pod(hostNetwork=True), ["spec: Forbidden: pod updates may not change fields other than"]),
        ("Service", _service(), _service(clusterIP="10.96.0.8", clusterIPs=["10.96.0.8"]), [
            'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set',
        ]),
        ("Service", _service(type="LoadBalancer", loadBalancerClass="a/b"), _service(type="LoadBalancer"), [
            'spec.loadBalancerClass: Invalid value: "null": may not change once set',
        ]),
    ],
)  # fmt: skip
def test_what_may_not_change_is_told(kind: str, before: Manifest, after: Manifest, errors: list[str]) -> None:
    stored = {"resourceVersion": "1", "uid": "u"}
    old, new = (_object(kind, spec, metadata=stored) for spec in (before, after))

    told = _told(validate_update(new, old))

    assert [known[: len(wanted)] for known, wanted in zip(told, errors, strict=False)] == errors
    assert len(told) == len(errors)


FOO = "should be a domain with at least two segments separated by dots"


@pytest.mark.parametrize(
    ("type_", "endpoint", "errors"),
    [
        # IsFullyQualifiedDomainName
        ("FQDN", {"addresses": ["shop.example.", "a.b"]}, []),
        ("FQDN", {"addresses": ["foo"]}, [f'endpoints[0].addresses[0]: Invalid value: "foo": {FOO}']),
        ("FQDN", {"addresses": [""]}, ["endpoints[0].addresses[0]: Required value"]),
        (
            "FQDN",
            {"addresses": ["a" * 64 + ".b"]},
            [f'endpoints[0].addresses[0]: Invalid value: "{"a" * 64}": must be no more than 63 characters'],
        ),
        # validateHints
        (
            "IPv4",
            {"addresses": ["10.0.0.1"], "hints": {"forZones": [{"name": "a"}, {"name": "a"}]}},
            ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
        ),
    ],
)
def test_an_endpoints_address_and_hints(type_: str, endpoint: Manifest, errors: list[str]) -> None:
    slice_ = _object("EndpointSlice", addressType=type_, endpoints=[endpoint])

    assert _told(validate(slice_)) == errors


def test_a_slices_ports_are_looked_at_before_its_endpoints() -> None:
    """ValidateEndpointSlice"""
    slice_ = _object("EndpointSlice", addressType="IPv4", endpoints=[{}], ports=[{"name": "A b"}])

    assert [error.field for error in validate(slice_)] == ["ports[0].name", "endpoints[0].addresses"]
