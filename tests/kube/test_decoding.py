"""Request bodies are read as Go reads them: the same errors, the same conversions."""

from typing import Any

import pytest

from svclab.apiserver import openapi
from svclab.kube.decoding import convert, decode, json_value
from svclab.kube.decoding_json import JsonError, parse
from svclab.kube.resources import Resource, by_kind
from svclab.kube.status import Refusal


def _resource(kind: str) -> Resource:
    found = by_kind(kind)
    assert found is not None
    return found


def _decoded(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return decode(body, _resource(kind), openapi.schemas()).manifest


def _refusal(kind: str, body: Any) -> str:
    with pytest.raises(Refusal) as caught:
        decode(body, _resource(kind), openapi.schemas())
    assert caught.value.code == 400
    return caught.value.message.partition(f"cannot be handled as a {kind}: ")[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected end of JSON input"),
        ('{"a"', "unexpected end of JSON input"),
        ("{'a': 1}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("{}{", "invalid character '{' after top-level value"),
        ("nul", "unexpected end of JSON input"),
        ("nulx", "invalid character 'x' in literal null (expecting 'l')"),
        ("[-]", "invalid character ']' in numeric literal"),
        ("[1.]", "invalid character ']' after decimal point in numeric literal"),
        ("[1e]", "invalid character ']' in exponent of numeric literal"),
        ('["\\x"]', "invalid character 'x' in string escape code"),
        ('["\\u12g4"]', "invalid character 'g' in \\u hexadecimal character escape"),
        ('["a\nb"]', "invalid character '\\n' in string literal"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
    ],
)
def test_a_syntax_error_is_told_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(JsonError) as caught:
        parse(text.encode())
    assert str(caught.value) == message


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert parse(b'{"\\ud83d": "\\ud83d\\ude00 \\udc00"}') == {"�": "\U0001f600 �"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ports": [80]}, "cannot unmarshal number into Go struct field ServiceSpec.spec.ports of type v1.ServicePort"),
        ({"externalIPs": "1.2.3.4"}, "cannot unmarshal string into Go struct field ServiceSpec.spec.externalIPs of type []string"),
        ({"publishNotReadyAddresses": "yes"}, "cannot unmarshal string into Go struct field ServiceSpec.spec.publishNotReadyAddresses of type bool"),
        ({"type": 4}, "cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType"),
        ({"ports": [{"port": 80, "targetPort": True}]}, "cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32"),
        ("none", "cannot unmarshal string into Go struct field Service.spec of type v1.ServiceSpec"),
        ({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": "1h"}}}, "cannot unmarshal string into Go struct field ClientIPConfig.spec.sessionAffinityConfig.clientIP.timeoutSeconds of type int32"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_names_struct_path_and_type(spec: Any, message: str) -> None:
    assert _refusal("Service", {"metadata": {"name": "x"}, "spec": spec}) == f"json: {message}"


def test_the_first_of_several_type_errors_is_told() -> None:
    body = {"metadata": {"name": 1, "labels": []}, "spec": 2}
    assert _refusal("Service", body).endswith("ObjectMeta.metadata.name of type string")


def test_an_error_of_a_value_that_reads_itself_comes_before_all_others() -> None:
    body = {"metadata": {"name": 1}, "spec": {"type": 2, "ports": [{"targetPort": True, "port": "x"}]}}
    where = "Go struct field ServicePort.spec.ports.targetPort of type int32"
    assert _refusal("Service", body).endswith(f"json: cannot unmarshal bool into {where}")


def test_empty_values_go_as_in_go_but_pointers_keep_their_zero() -> None:
    body = {
        "metadata": {"name": "x", "labels": {}, "annotations": None},
        "spec": {
            "replicas": 0,
            "minReadySeconds": 0,
            "paused": False,
            "template": {"spec": {"hostNetwork": False}},
        },
    }

    decoded = _decoded("Deployment", body)

    assert decoded["metadata"] == {"name": "x"}
    assert decoded["spec"]["replicas"] == 0
    assert "minReadySeconds" not in decoded["spec"]
    assert "paused" not in decoded["spec"]
    assert "hostNetwork" not in decoded["spec"]["template"]["spec"]


def test_quantities_are_stored_in_their_canonical_form() -> None:
    container = {"name": "a", "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}

    decoded = _decoded("Pod", {"metadata": {"name": "x"}, "spec": {"containers": [container]}})

    assert decoded["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}


def test_unknown_and_repeated_fields_are_kept_apart_from_type_errors() -> None:
    value = json_value(
        b'{"spec":{"a":1,"selector":{"x":"1","x":"2"}},"spec":{"b":[{}]}}', _resource("Service")
    )

    found = convert(value, openapi.schemas().of_kind("v1", "Service"))

    assert not isinstance(found, str)
    assert found.strict_errors == ('unknown field "spec.b"', 'duplicate field "spec"')


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("Service", {"kind": "Deployment", "apiVersion": "apps/v1"}, "converting (v1.Deployment) to (core.Service): unknown conversion"),
        ("Deployment", {"kind": "Service", "apiVersion": "v1"}, "converting (v1.Service) to (apps.Deployment): unknown conversion"),
        ("Service", {"kind": "Service", "apiVersion": "v2"}, 'no kind "Service" is registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30"'),
    ],
)  # fmt: skip
def test_another_kind_than_the_urls_is_refused(kind: str, body: dict[str, Any], message: str) -> None:
    assert _refusal(kind, body) == message


def test_base64_that_is_none_is_refused_at_its_byte() -> None:
    assert _refusal("Secret", {"data": {"a": "not base64!"}}) == "illegal base64 data at input byte 3"


def test_no_more_than_a_hundred_strict_errors_are_told() -> None:
    """sigs.k8s.io/json, saveStrictError"""
    body = {"kind": "ConfigMap", "apiVersion": "v1", **{f"x{n}": 1 for n in range(150)}}

    assert len(decode(body, _resource("ConfigMap"), openapi.schemas()).strict_errors) == 100
