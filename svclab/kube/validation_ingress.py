"""What Ingresses and IngressClasses may say.

Source: k8s.io/kubernetes pkg/apis/networking/validation of 1.36.
"""

from typing import Any

from svclab.kube.status import FieldError, forbidden_field, invalid, not_supported, required, too_long
from svclab.kube.validation_addresses import parsed
from svclab.kube.validation_meta import (
    label_name,
    object_meta,
    path_segment_name,
    port_name,
    port_number,
    subdomain_name,
    wrong,
)

Manifest = dict[str, Any]

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_CLASS = "kubernetes.io/ingress.class"
_MAX_CONTROLLER_BYTES = 250
_WILDCARD_RULE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
    "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. "
    r"'*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    r"(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def validate_new_ingress(ingress: Manifest) -> list[FieldError]:
    """Everything wrong with a new Ingress."""
    errors = validate_ingress(ingress)
    annotated = ingress["metadata"].get("annotations", {}).get(_CLASS)
    named = ingress.get("spec", {}).get("ingressClassName")
    if annotated is not None and named is not None and annotated != named:
        why = "must match `ingressClassName` when both are specified"
        errors.append(invalid(f"annotations.{_CLASS}", annotated, why))
    return errors


def validate_ingress(ingress: Manifest) -> list[FieldError]:
    """The part of an Ingress that is checked on every write."""
    errors = object_meta(ingress["metadata"], subdomain_name, namespaced=True)
    return errors + _spec(ingress.get("spec", {}))


def _spec(spec: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    rules = spec.get("rules", ())
    if not rules and "defaultBackend" not in spec:
        errors.append(invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if "defaultBackend" in spec:
        errors += _backend("spec.defaultBackend", spec["defaultBackend"])
    for index, rule in enumerate(rules):
        errors += _ingress_rule(f"spec.rules[{index}]", rule)
    for index, tls in enumerate(spec.get("tls", ())):
        for number, host in enumerate(tls.get("hosts", ())):
            errors += _host(f"spec.tls[{index}].hosts[{number}]", host)
        if secret := tls.get("secretName"):
            errors += wrong(f"spec.tls[{index}].secretName", secret, subdomain_name(secret))
    if (name := spec.get("ingressClassName")) is not None:
        errors += wrong("spec.ingressClassName", name, subdomain_name(name))
    return errors


def _host(field: str, host: str) -> list[FieldError]:
    if "*" not in host:
        return wrong(field, host, subdomain_name(host))
    if host.startswith("*.") and not subdomain_name(host[2:]):
        return []
    return [invalid(field, host, _WILDCARD_RULE)]


def _ingress_rule(field: str, rule: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    if host := rule.get("host"):
        if parsed(host) is not None:
            errors.append(invalid(f"{field}.host", host, "must be a DNS name, not an IP address"))
        errors += _host(f"{field}.host", host)
    if (http := rule.get("http")) is None:
        return errors
    if not http.get("paths"):
        errors.append(required(f"{field}.http.paths"))
    for index, path in enumerate(http.get("paths", ())):
        errors += _ingress_path(f"{field}.http.paths[{index}]", path)
    return errors


def _ingress_path(field: str, path: Manifest) -> list[FieldError]:
    text, type_ = path.get("path", ""), path.get("pathType")
    if type_ is None:
        return [required(f"{field}.pathType", "pathType must be specified")]
    errors: list[FieldError] = []
    if type_ not in _PATH_TYPES:
        errors.append(not_supported(f"{field}.pathType", type_, _PATH_TYPES))
    elif type_ != "ImplementationSpecific" or text:
        errors += _path_text(f"{field}.path", text, strict=type_ != "ImplementationSpecific")
    return errors + _backend(f"{field}.backend", path.get("backend", {}))


def _path_text(field: str, text: str, *, strict: bool) -> list[FieldError]:
    errors = [] if text.startswith("/") else [invalid(field, text, "must be an absolute path")]
    if not strict:
        return errors
    for part in ("//", "/./", "/../", "%2f", "%2F"):
        if part in text:
            errors.append(invalid(field, text, f"must not contain '{part}'"))
    for end in ("/..", "/."):
        if text.endswith(end):
            errors.append(invalid(field, text, f"cannot end with '{end}'"))
    return errors


def _backend(field: str, backend: Manifest) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(field, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _typed_reference(f"{field}.resource", resource)
    if service is None:
        return [invalid(field, "", "resource or service backend is required")]
    name, port = service.get("name", ""), service.get("port", {})
    errors = (
        wrong(f"{field}.service.name", name, label_name(name))
        if name
        else [required(f"{field}.service.name")]
    )
    if port.get("name") and port.get("number"):
        errors.append(invalid(field, "", "cannot set both port name & port number"))
    elif port.get("name"):
        errors += wrong(f"{field}.service.port.name", port["name"], port_name(port["name"]))
    elif port.get("number"):
        errors += port_number(f"{field}.service.port.number", port["number"])
    else:
        errors.append(required(field, "port name or number is required"))
    return errors


def _typed_reference(field: str, reference: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    if (group := reference.get("apiGroup")) is not None:
        errors += wrong(f"{field}.apiGroup", group, subdomain_name(group))
    for name in ("kind", "name"):
        word = reference.get(name, "")
        errors += (
            wrong(f"{field}.{name}", word, path_segment_name(word))
            if word
            else [required(f"{field}.{name}", f"{name} is required")]
        )
    return errors


def validate_ingress_class(ingress_class: Manifest) -> list[FieldError]:
    """Everything wrong with an IngressClass."""
    errors = object_meta(ingress_class["metadata"], subdomain_name, namespaced=False)
    spec = ingress_class.get("spec", {})
    controller = spec.get("controller", "")
    if len(controller) > _MAX_CONTROLLER_BYTES:
        errors.append(too_long("spec.controller", _MAX_CONTROLLER_BYTES))
    domain, slash, path = controller.partition("/")
    if not controller:
        errors.append(required("spec.controller"))
    elif not slash or not domain or not path:
        why = 'must be a domain-prefixed path (such as "acme.io/foo")'
        errors.append(invalid("spec.controller", controller, why))
    else:
        errors += wrong("spec.controller", domain, subdomain_name(domain))
    if (parameters := spec.get("parameters")) is not None:
        errors += _class_parameters("spec.parameters", parameters)
    return errors


def _class_parameters(field: str, parameters: Manifest) -> list[FieldError]:
    errors = _typed_reference(field, parameters)
    scope, namespace = parameters.get("scope", ""), parameters.get("namespace")
    if scope not in ("Cluster", "Namespace"):
        return [*errors, not_supported(f"{field}.scope", scope, ("Cluster", "Namespace"))]
    if scope == "Namespace" and namespace is None:
        errors.append(required(f"{field}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace":
        errors += wrong(f"{field}.namespace", namespace, label_name(namespace))
    elif namespace is not None:
        errors.append(forbidden_field(f"{field}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return errors
