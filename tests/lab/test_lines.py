"""The line that an error is about, out of its words."""

import pytest

from svclab.lab.lines import documents, line_of

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: "three"
  template:
    spec:
      containers:
      - name: a
        image: x
      - name: b
        ports:
        - containerPort: 99999
"""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ('unknown field "spec.replicas"', 6),
        ('strict decoding error: unknown field "spec.template.spec.containers[1].image2"', 12),
        ("json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", 6),
        (
            'The Deployment "web" is invalid: spec.template.spec.containers[1].ports[0].containerPort: '
            "Invalid value: 99999: must be between 1 and 65535, inclusive",
            14,
        ),
        ("* spec.selector: Required value", 5),
        ("error converting YAML to JSON: yaml: line 8: mapping values are not allowed", 8),
        ("resource name may not be empty", 4),
        ('no matches for kind "Deploiment" in version "apps/v1"', 2),
        ('no matches for kind "Deployment" in version "apps/v9"', 1),
        (
            "json: cannot unmarshal string into Go struct field "
            "ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
            14,
        ),
        (
            'The request is invalid: patch: Invalid value: "map[metadata:map[annotations:map[last:{\\"replicas\\":'
            '\\"three\\"}]] spec:map[replicas:three]]": unrecognized type: int32',
            6,
        ),
        ("the connection was refused", None),
    ],
)
def test_field_paths_and_yaml_lines_lead_to_the_line(words, line):
    assert line_of(DEPLOYMENT, words) == line


def test_a_namespace_that_is_not_there_is_pointed_at():
    document = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: nowhere\n"
    assert line_of(document, 'Error from server (NotFound): namespaces "nowhere" not found') == 5


def test_of_several_ports_the_one_of_the_wrong_type_is_pointed_at():
    document = "spec:\n  ports:\n  - port: 80\n  - name: b\n    port: x\n"
    words = "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32"
    assert line_of(document, words) == 5


@pytest.mark.parametrize(
    ("document", "words", "line"),
    [
        (
            "spec:\n  type: NodePort\n  clusterIP: 10.96.1\n",
            'spec.clusterIPs[0]: Invalid value: "10.96.1": must be a valid IP address',
            3,
        ),
        (
            "spec:\n  loadBalancerSourceRanges:\n  - 10.0.0.0/8\n  - 1.2.3.4\n",
            'spec.LoadBalancerSourceRanges[1]: Invalid value: "1.2.3.4": must be a valid CIDR value',
            4,
        ),
        (
            "metadata:\n  labels:\n    a: b\n    x: c d\n",
            'metadata.labels: Invalid value: "c d": a valid label must be an empty string or consist of',
            4,
        ),
        (
            "data:\n  a: x\n  b: 1\n",
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
            3,
        ),
        (
            "spec:\n  containers:\n  - resources:\n      limits:\n        memory: 1Gi\n        cpu: 1x\n",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            6,
        ),
    ],
)
def test_an_entry_is_found_by_its_value_or_under_another_spelling(document, words, line):
    assert line_of(document, words) == line


def test_a_text_is_cut_at_its_document_marks_and_keeps_count_of_lines():
    text = "# only words\n---\na: 1\n--- # two\nb: 2\n---\n---\n"
    assert [(first, part.strip()) for first, part in documents(text)] == [(1, "a: 1"), (3, "b: 2")]


def test_dashes_within_a_block_of_text_are_no_document_mark():
    text = "data: |\n  ---\n  x\n"
    assert len(list(documents(text))) == 1


def test_a_bomb_of_aliases_is_not_expanded_to_find_a_line():
    bomb = "a: &a [x,x]\n" + "".join(
        f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=False)
    )
    assert line_of(bomb, 'unknown field "a"') == 1
