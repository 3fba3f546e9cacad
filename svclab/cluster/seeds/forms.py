"""What kubeadm, the kubelet and the API server fill in about nodes, namespaces and static pods."""

from datetime import datetime
from typing import Any

from svclab.kube.meta import timestamp
from svclab.kube.snapshot import Manifest

KUBERNETES_VERSION = "v1.36.0"


def node(spec: dict[str, Any], flavour: str, now: datetime) -> Manifest:
    """A Node, from its line in a seed file; an ExternalIP only where there is a cloud."""
    name, labels = spec["name"], _node_labels(spec)
    addresses = [{"type": "InternalIP", "address": spec["internal"]}]
    if flavour == "cloud" and spec.get("external"):
        addresses.append({"type": "ExternalIP", "address": spec["external"]})
    addresses.append({"type": "Hostname", "address": name})
    body: dict[str, Any] = {"podCIDR": spec["cidr"], "podCIDRs": [spec["cidr"]]}
    if spec.get("controlPlane"):
        body["taints"] = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    annotations = {"node.alpha.kubernetes.io/ttl": "0"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": body,
        "status": {
            "capacity": {**_RESOURCES, "memory": "4015512Ki", "ephemeral-storage": "40498184Ki"},
            "allocatable": {**_RESOURCES, "memory": "3913112Ki", "ephemeral-storage": "37323126321"},
            "conditions": _node_conditions(timestamp(now)),
            "addresses": addresses,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": _node_info(name),
        },
    }


_RESOURCES = {"cpu": "2", "hugepages-2Mi": "0", "pods": "110"}


def _node_labels(spec: dict[str, Any]) -> dict[str, str]:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": spec["name"],
        "kubernetes.io/os": "linux",
    }
    if spec.get("controlPlane"):
        labels["node-role.kubernetes.io/control-plane"] = ""
        labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
    if spec.get("zone"):
        labels["topology.kubernetes.io/zone"] = spec["zone"]
    return labels


def _node_conditions(since: str) -> list[dict[str, str]]:
    rows = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": since,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in rows
    ]


def _node_info(name: str) -> dict[str, str]:
    digits = name.encode().hex().ljust(32, "0")[:32]
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {
        "machineID": digits,
        "systemUUID": uuid,
        "bootID": uuid,
        "kernelVersion": "6.12.57+deb13-amd64",
        "osImage": "Debian GNU/Linux 13 (trixie)",
        "containerRuntimeVersion": "containerd://2.2.0",
        "kubeletVersion": KUBERNETES_VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }


def namespace(name: str) -> Manifest:
    """An active Namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def static_pod(spec: dict[str, Any], node_manifest: Manifest) -> Manifest:
    """The mirror pod of a static pod: bound to its node from the start, owned by the Node."""
    node_name = node_manifest["metadata"]["name"]
    requests = {key: spec[key] for key in ("cpu", "memory") if key in spec}
    owner = {"apiVersion": "v1", "kind": "Node", "name": node_name, "uid": node_manifest["metadata"]["uid"]}
    probe = {"host": "127.0.0.1", "path": "/livez", "port": spec["port"], "scheme": "HTTPS"}
    container = {
        "name": spec["name"],
        "image": spec["image"],
        "command": [spec["name"]],
        "resources": {"requests": requests},
        "livenessProbe": {
            "httpGet": probe,
            "initialDelaySeconds": 10,
            "timeoutSeconds": 15,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 8,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{spec['name']}-{node_name}",
            "namespace": "kube-system",
            "labels": {"component": spec["name"], "tier": "control-plane"},
            "annotations": {"kubernetes.io/config.source": "file"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {
            "containers": [container],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "nodeName": node_name,
            "hostNetwork": True,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "schedulerName": "default-scheduler",
            "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
            "priorityClassName": "system-node-critical",
            "priority": 2000001000,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }
