"""`kubectl describe` of a pod's volumes, by what is behind them."""

from typing import Any

from svclab.terminal.commands.kubectl.describe_writer import Description

Manifest = dict[str, Any]


def write_volumes(out: Description, volumes: list[Manifest], space: str = "") -> None:
    """Each volume with its source."""
    if not volumes:
        out.line(f"{space}Volumes:\t<none>")
        return
    out.line(f"{space}Volumes:")
    for volume in volumes:
        out.line(f"{' ' if space else ''}{volume['name']}:", 1)
        for name, value in _source(volume):
            out.field(name, value, 2)
        if (downward := volume.get("downwardAPI")) is not None:
            _write_downward(out, downward)
        if (csi := volume.get("csi")) is not None:
            _write_attributes(out, csi.get("volumeAttributes") or {})


def _source(volume: Manifest) -> list[tuple[str, Any]]:
    if (path := volume.get("hostPath")) is not None:
        return [
            ("Type", "HostPath (bare host directory volume)"),
            ("Path", path.get("path", "")),
            ("HostPathType", path.get("type", "")),
        ]
    if (empty := volume.get("emptyDir")) is not None:
        return [
            ("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
            ("Medium", empty.get("medium", "")),
            ("SizeLimit", empty.get("sizeLimit") or "<unset>"),
        ]
    if (secret := volume.get("secret")) is not None:
        return [
            ("Type", "Secret (a volume populated by a Secret)"),
            ("SecretName", secret.get("secretName", "")),
            ("Optional", _flag(secret)),
        ]
    if (configmap := volume.get("configMap")) is not None:
        return [
            ("Type", "ConfigMap (a volume populated by a ConfigMap)"),
            ("Name", configmap.get("name", "")),
            ("Optional", _flag(configmap)),
        ]
    if (claim := volume.get("persistentVolumeClaim")) is not None:
        words = "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
        return [
            ("Type", words),
            ("ClaimName", claim.get("claimName", "")),
            ("ReadOnly", str(bool(claim.get("readOnly"))).lower()),
        ]
    if (projected := volume.get("projected")) is not None:
        return _projected(projected.get("sources") or [])
    if volume.get("downwardAPI") is not None:
        return [("Type", "DownwardAPI (a volume populated by information about the pod)")]
    for kind, describe in _DRIVERS.items():
        if (source := volume.get(kind)) is not None:
            return describe(source)
    return [("Type", "<unknown>")]


def _nfs(source: Manifest) -> list[tuple[str, Any]]:
    return [
        ("Type", "NFS (an NFS mount that lasts the lifetime of a pod)"),
        ("Server", source.get("server", "")),
        ("Path", source.get("path", "")),
        ("ReadOnly", _flag(source, "readOnly")),
    ]


def _csi(source: Manifest) -> list[tuple[str, Any]]:
    return [
        ("Type", "CSI (a Container Storage Interface (CSI) volume source)"),
        ("Driver", source.get("driver", "")),
        ("FSType", source.get("fsType", "")),
        ("ReadOnly", _flag(source, "readOnly")),
    ]


def _image(source: Manifest) -> list[tuple[str, Any]]:
    return [
        ("Type", "Image (a container image or OCI artifact)"),
        ("Reference", source.get("reference", "")),
        ("PullPolicy", source.get("pullPolicy", "")),
    ]


def _ephemeral(source: Manifest) -> list[tuple[str, Any]]:
    """The claim to be; what it will hold shows only once it is bound."""
    words = "an inline specification for a volume that gets created and deleted with the pod"
    template = source.get("volumeClaimTemplate") or {}
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    return [
        ("Type", f"EphemeralVolume ({words})"),
        ("StorageClass", spec.get("storageClassName", "")),
        ("Volume", spec.get("volumeName", "")),
        ("Labels", _pairs(metadata.get("labels"), "=")),
        ("Annotations", _pairs(metadata.get("annotations"), ": ")),
        ("Capacity", ""),
        ("Access Modes", ""),
        ("VolumeMode", spec.get("volumeMode", "")),
    ]


def _pairs(given: Manifest | None, between: str) -> str:
    """Here too the real one writes the level's spaces before each part of a line."""
    lines = [f"    {key}{between}{value}" for key, value in sorted((given or {}).items())]
    return "\n        \t".join(lines) or "    <none>"


_DRIVERS = {"nfs": _nfs, "image": _image, "ephemeral": _ephemeral, "csi": _csi}


def _write_attributes(out: Description, attributes: Manifest) -> None:
    """What a driver is told; the real one writes the level's spaces before each part of a line."""
    lines = [f"{key}={value}" for key, value in sorted(attributes.items())]
    out.line(f"VolumeAttributes:\t{'    ' + lines[0] if lines else '<none>'}", 2)
    for line in lines[1:]:
        out.line(f"    \t    {line}", 2)


def _write_downward(out: Description, downward: Manifest) -> None:
    """Which of the pod's fields become which files."""
    out.line("Items:", 2)
    for item in downward.get("items") or []:
        if field := item.get("fieldRef"):
            out.line(f"{field['fieldPath']} -> {item['path']}", 3)
        if resource := item.get("resourceFieldRef"):
            out.line(f"{resource['resource']} -> {item['path']}", 3)


def _projected(sources: list[Manifest]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [
        ("Type", "Projected (a volume that contains injected data from multiple sources)")
    ]
    for source in sources:
        if (secret := source.get("secret")) is not None:
            found += [("SecretName", secret.get("name", "")), ("Optional", _flag(secret))]
        elif source.get("downwardAPI") is not None:
            found.append(("DownwardAPI", "true"))
        elif (configmap := source.get("configMap")) is not None:
            found += [("ConfigMapName", configmap.get("name", "")), ("Optional", _flag(configmap))]
        elif (account := source.get("serviceAccountToken")) is not None:
            found.append(("TokenExpirationSeconds", account.get("expirationSeconds", 0)))
    return found


def _flag(source: Manifest, name: str = "optional") -> str:
    return str(bool(source.get(name))).lower()
