"""The volumes of a pod and what of it containers mount.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidateVolumes, ValidateVolumeMounts,
ValidateVolumeDevices).
"""

from collections.abc import Callable
from typing import Any

from svclab.kube.quantity import parse
from svclab.kube.status import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_claim import claim_template
from svclab.kube.validation_env import VOLUME_FIELDS, validate_field_ref, validate_resource_ref
from svclab.kube.validation_meta import label_name, subdomain_name, wrong

Manifest = dict[str, Any]
Volumes = dict[str, Manifest]

_SOURCES_TEXT = """
    emptyDir hostPath gitRepo gcePersistentDisk awsElasticBlockStore secret nfs iscsi glusterfs flocker
    persistentVolumeClaim rbd cinder cephfs quobyte downwardAPI fc flexVolume configMap azureFile
    vsphereVolume photonPersistentDisk portworxVolume azureDisk storageos projected scaleIO csi ephemeral
    image
"""
_SOURCES = tuple(_SOURCES_TEXT.split())  # in the order in which the server looks for them
# How the server spells these when it says that there is one too many.
_SPELT = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
_MODE_RULE = "must be a number between 0 and 0777 (octal), both inclusive"
_TEN_MINUTES, _LONGEST_TOKEN_SECONDS = 600, 2**32


def validate_volumes(
    field: str, volumes: list[Manifest], pod_name: str = ""
) -> tuple[Volumes, list[FieldError]]:
    """The good volumes by name, and everything wrong with the others."""
    good: Volumes = {}
    errors: list[FieldError] = []
    created = {f"{pod_name}-{v.get('name', '')}" for v in volumes if pod_name and "ephemeral" in v}
    for index, volume in enumerate(volumes):
        inner, name = f"{field}[{index}]", volume.get("name", "")
        found = _source(inner, volume, pod_name)
        found += wrong(f"{inner}.name", name, label_name(name)) if name else [required(f"{inner}.name")]
        if name in good:
            found.append(duplicate(f"{inner}.name", name))
        if not found:
            good[name] = volume
        errors += found
        claim = volume.get("persistentVolumeClaim", {}).get("claimName", "")
        if claim and claim in created:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(f"{inner}.persistentVolumeClaim.claimName", claim, why))
    return good, errors


def _source(field: str, volume: Manifest, pod_name: str) -> list[FieldError]:
    given = [name for name in _SOURCES if name in volume]
    if not given:
        return [required(field, "must specify a volume type")]
    check = _CHECKS.get(given[0])
    errors = check(f"{field}.{given[0]}", volume[given[0]]) if check else []
    if given[0] == "ephemeral" and pod_name and volume.get("name"):
        claim = f"{pod_name}-{volume['name']}"
        problems = [f'PVC name "{claim}": {problem}' for problem in subdomain_name(claim)]
        errors += wrong(f"{field}.name", volume["name"], problems)
    for name in given[1:]:
        why = "may not specify more than 1 volume type"
        errors.append(forbidden_field(f"{field}.{_SPELT.get(name, name)}", why))
    return errors


def _empty_dir(field: str, source: Manifest) -> list[FieldError]:
    limit = source.get("sizeLimit")
    if limit is None or parse(limit).amount >= 0:
        return []
    return [forbidden_field(f"{field}.sizeLimit", "SizeLimit field must be a valid resource quantity")]


def _host_path(field: str, source: Manifest) -> list[FieldError]:
    path, type_ = source.get("path", ""), source.get("type")
    if not path:
        return [required(f"{field}.path")]
    errors = _no_backsteps(f"{field}.path", path)
    if type_ is not None and type_ not in _HOST_PATH_TYPES:
        errors.append(not_supported(f"{field}.type", type_, _HOST_PATH_TYPES))
    return errors


def _named(key: str) -> Callable[[str, Manifest], list[FieldError]]:
    """The check of a ConfigMap or Secret as a volume; `key` holds its name."""

    def check(field: str, source: Manifest) -> list[FieldError]:
        errors = [] if source.get(key) else [required(f"{field}.{key}")]
        errors += _mode(f"{field}.defaultMode", source.get("defaultMode"))
        return errors + _items(f"{field}.items", source.get("items", ()))

    return check


def _items(field: str, items: list[Manifest]) -> list[FieldError]:
    return [error for index, item in enumerate(items) for error in _item(f"{field}[{index}]", item)]


def _item(field: str, item: Manifest) -> list[FieldError]:
    errors = [required(f"{field}.{name}") for name in ("key", "path") if not item.get(name)]
    errors += _local_path(f"{field}.path", item.get("path", ""))
    return errors + _mode(f"{field}.mode", item.get("mode"))


def _mode(field: str, mode: int | None) -> list[FieldError]:
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(field, mode, _MODE_RULE)]


def _nfs(field: str, source: Manifest) -> list[FieldError]:
    path = source.get("path", "")
    errors = [required(f"{field}.{name}") for name in ("server", "path") if not source.get(name)]
    if not path.startswith("/"):
        errors.append(invalid(f"{field}.path", path, "must be an absolute path"))
    return errors


def _needs(*names: str) -> Callable[[str, Manifest], list[FieldError]]:
    return lambda field, source: [required(f"{field}.{name}") for name in names if not source.get(name)]


def _downward_api(field: str, source: Manifest) -> list[FieldError]:
    errors = _mode(f"{field}.defaultMode", source.get("defaultMode"))
    for file in source.get("items", ()):
        errors += _downward_file(field, file)  # the server does not say which
    return errors


def _downward_file(field: str, file: Manifest) -> list[FieldError]:
    errors = [] if file.get("path") else [required(f"{field}.path")]
    errors += _local_path(f"{field}.path", file.get("path", ""))
    if "fieldRef" in file:
        errors += validate_field_ref(f"{field}.fieldRef", file["fieldRef"], VOLUME_FIELDS)
        if "resourceFieldRef" in file:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(field, "resource", why))
    elif "resourceFieldRef" in file:
        inner = f"{field}.resourceFieldRef"
        errors += validate_resource_ref(inner, file["resourceFieldRef"], needs_container=True)
    else:
        errors.append(required(field, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(f"{field}.mode", file.get("mode"))


def _projected(field: str, source: Manifest) -> list[FieldError]:
    errors, paths = _mode(f"{field}.defaultMode", source.get("defaultMode")), set[str]()
    for index, projection in enumerate(source.get("sources", ())):
        inner = f"{field}.sources[{index}]"
        for name in ("secret", "configMap"):
            if name in projection:
                errors += _projected_items(field, f"{inner}.{name}", projection[name], paths)
        for file in projection.get("downwardAPI", {}).get("items", ()):
            errors += _downward_file(f"{inner}.downwardAPI", file)
            errors += _path_once(field, file.get("path", ""), file.get("path", ""), paths)
        if "serviceAccountToken" in projection:
            errors += _token(field, f"{inner}.serviceAccountToken", projection["serviceAccountToken"])
        if len(projection) > 1:
            errors.append(forbidden_field(inner, "may not specify more than 1 volume type per source"))
    return errors


def _projected_items(field: str, inner: str, source: Manifest, paths: set[str]) -> list[FieldError]:
    errors = [] if source.get("name") else [required(f"{inner}.name")]
    for index, item in enumerate(source.get("items", ())):
        errors += _item(f"{inner}.items[{index}]", item)
        errors += _path_once(field, item.get("path", ""), source.get("name", ""), paths)
    return errors


def _path_once(field: str, path: str, named: str, paths: set[str]) -> list[FieldError]:
    if not path:
        return []
    again = path in paths
    paths.add(path)
    return [invalid(field, named, "conflicting duplicate paths")] if again else []


def _token(field: str, inner: str, token: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds = token.get("expirationSeconds", 0)
    if seconds < _TEN_MINUTES:
        why = "may not specify a duration less than 10 minutes"
        errors.append(invalid(f"{inner}.expirationSeconds", seconds, why))
    if seconds > _LONGEST_TOKEN_SECONDS:
        why = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(f"{inner}.expirationSeconds", seconds, why))
    if not token.get("path"):
        return [*errors, required(f"{field}.path")]
    return errors + _local_path(f"{field}.path", token["path"])


def _ephemeral(field: str, source: Manifest) -> list[FieldError]:
    field, template = f"{field}.volumeClaimTemplate", source.get("volumeClaimTemplate")
    return [required(field)] if template is None else claim_template(field, template)


def _no_backsteps(field: str, path: str) -> list[FieldError]:
    return [invalid(field, path, "must not contain '..'")] if ".." in path.split("/") else []


def descending_path(field: str, path: str) -> list[FieldError]:
    """A path that stays below where it starts."""
    errors = [invalid(field, path, "must be a relative path")] if path.startswith("/") else []
    return errors + _no_backsteps(field, path)


def _local_path(field: str, path: str) -> list[FieldError]:
    errors = descending_path(field, path)
    if path.startswith("..") and not path.startswith("../"):
        errors.append(invalid(field, path, "must not start with '..'"))
    return errors


_CHECKS: dict[str, Callable[[str, Manifest], list[FieldError]]] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "secret": _named("secretName"),
    "configMap": _named("name"),
    "nfs": _nfs,
    "persistentVolumeClaim": _needs("claimName"),
    "downwardAPI": _downward_api,
    "projected": _projected,
    "csi": _needs("driver"),
    "ephemeral": _ephemeral,
    "image": _needs("reference"),
}


def validate_mounts(field: str, container: Manifest, volumes: Volumes) -> list[FieldError]:
    """Where a container mounts its pod's volumes."""
    errors, paths = [], set[str]()
    devices = {d.get("name", ""): d.get("devicePath", "") for d in container.get("volumeDevices", ())}
    for index, mount in enumerate(container.get("volumeMounts", ())):
        inner, name, path = f"{field}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{inner}.name"))
        if name not in volumes:
            errors.append(FieldError("NotFound", f"{inner}.name", name))
        if not path:
            errors.append(required(f"{inner}.mountPath"))
        if path in paths:
            errors.append(invalid(f"{inner}.mountPath", path, "must be unique"))
        paths.add(path)
        if name in devices:
            errors.append(invalid(f"{inner}.name", name, "must not already exist in volumeDevices"))
        if path in devices.values():
            why = "must not already exist as a path in volumeDevices"
            errors.append(invalid(f"{inner}.mountPath", path, why))
        errors += _mount_options(field, inner, mount, container)
    return errors


def _mount_options(field: str, inner: str, mount: Manifest, container: Manifest) -> list[FieldError]:
    """The server names the list, not the mount, for most of these."""
    errors: list[FieldError] = []
    if path := mount.get("subPath"):
        errors += descending_path(f"{field}.subPath", path)
    if expression := mount.get("subPathExpr"):
        if mount.get("subPath"):
            why = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid(f"{inner}.subPathExpr", expression, why))
        errors += descending_path(f"{field}.subPathExpr", expression)
    if (propagation := mount.get("mountPropagation")) is not None:
        errors += _propagation(f"{field}.mountPropagation", propagation, container)
    return errors + _recursive(f"{field}.recursiveReadOnly", mount)


def _propagation(field: str, propagation: str, container: Manifest) -> list[FieldError]:
    if propagation not in _PROPAGATIONS:
        return [not_supported(field, propagation, _PROPAGATIONS)]
    if propagation == "Bidirectional" and not container.get("securityContext", {}).get("privileged"):
        why = "Bidirectional mount propagation is available only to privileged containers"
        return [forbidden_field(field, why)]
    return []


def _recursive(field: str, mount: Manifest) -> list[FieldError]:
    mode = mount.get("recursiveReadOnly")
    if mode in (None, "Disabled"):
        return []
    if mode not in _RECURSIVE:
        return [not_supported(field, mode, _RECURSIVE)]
    errors: list[FieldError] = []
    if not mount.get("readOnly"):
        errors.append(forbidden_field(field, "may only be specified when readOnly is true"))
    if mount.get("mountPropagation", "None") != "None":
        why = "may only be specified when mountPropagation is None or not specified"
        errors.append(forbidden_field(field, why))
    return errors


def validate_devices(field: str, container: Manifest, volumes: Volumes) -> list[FieldError]:
    """The block devices of a container."""
    errors, paths, names = [], set[str](), set[str]()
    mounts = {m.get("name", ""): m.get("mountPath", "") for m in container.get("volumeMounts", ())}
    for index, device in enumerate(container.get("volumeDevices", ())):
        inner, name, path = f"{field}[{index}]", device.get("name", ""), device.get("devicePath", "")
        if not name:
            errors.append(required(f"{inner}.name"))
        if name in names:
            errors.append(invalid(f"{inner}.name", name, "must be unique"))
        errors += _device_volume(f"{inner}.name", name, volumes)
        errors += _device_path(f"{inner}.devicePath", path, paths)
        if name in mounts:
            errors.append(invalid(f"{inner}.name", name, "must not already exist in volumeMounts"))
        if path in mounts.values():
            why = "must not already exist as a path in volumeMounts"
            errors.append(invalid(f"{inner}.devicePath", path, why))
        names |= {name} - {""}
    return errors


def _device_volume(field: str, name: str, volumes: Volumes) -> list[FieldError]:
    if name not in volumes:
        return [FieldError("NotFound", field, name)]
    if {"persistentVolumeClaim", "ephemeral"} & set(volumes[name]):
        return []
    why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
    return [invalid(field, name, why)]


def _device_path(field: str, path: str, paths: set[str]) -> list[FieldError]:
    errors = [] if path else [required(field)]
    if path in paths:
        errors.append(invalid(field, path, "must be unique"))
    if _no_backsteps(field, path):
        errors.append(invalid(field, path, "can not contain backsteps ('..')"))
    else:
        paths.add(path)
    return errors
