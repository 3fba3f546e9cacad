"""Server-side apply: fields have managers, values of others are conflicts, what is let go of disappears."""

import json
from datetime import UTC, datetime

import pytest

from svclab.kube.apply import ApplyConflict, server_side_apply, track_update

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def service(**spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": "lab"},
        "spec": spec,
    }


def managers(manifest):
    return {entry["manager"]: entry["fieldsV1"] for entry in manifest["metadata"]["managedFields"]}


def test_a_first_apply_owns_exactly_what_it_names():
    applied = server_side_apply(None, service(ports=[{"port": 80}], selector={"app": "shop"}), "alice", NOW)

    assert managers(applied) == {
        "alice": {
            "f:spec": {
                "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}},
                "f:selector": {},
            }
        }
    }


def test_a_value_of_another_manager_is_a_conflict_in_the_servers_words():
    live = server_side_apply(None, service(ports=[{"port": 80}], selector={"app": "shop"}), "alice", NOW)

    with pytest.raises(ApplyConflict) as refused:
        server_side_apply(live, service(ports=[{"port": 80}], selector={"app": "other"}), "bob", NOW)

    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "alice": .spec.selector'
    assert refused.value.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "alice"', "field": ".spec.selector"}
    ]


def test_several_conflicts_are_listed_by_manager():
    live = track_update(None, service(type="ClusterIP", sessionAffinity="None"), "kubectl-edit", NOW)

    with pytest.raises(ApplyConflict) as refused:
        server_side_apply(live, service(type="NodePort", sessionAffinity="ClientIP"), "bob", NOW)

    assert refused.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using v1:\n'
        "- .spec.sessionAffinity\n- .spec.type"
    )


def test_a_field_is_listed_before_those_that_lie_deeper():
    ports = [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    live = track_update(None, service(type="ClusterIP", ports=ports), "edit", NOW)
    wanted = service(type="NodePort", ports=[{**ports[0], "targetPort": 81}])

    with pytest.raises(ApplyConflict) as refused:
        server_side_apply(live, wanted, "bob", NOW)

    fields = [cause["field"] for cause in refused.value.causes]
    assert fields == [".spec.type", '.spec.ports[port=80,protocol="TCP"].targetPort']


def test_a_status_in_an_apply_is_nobodys_and_changes_nothing():
    live = track_update(None, service(type="LoadBalancer"), "edit", NOW)
    live["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.100"}]}}

    applied = server_side_apply(
        live, {**service(type="LoadBalancer"), "status": {"loadBalancer": {}}}, "bob", NOW
    )

    assert applied["status"] == live["status"]
    assert managers(applied)["bob"] == {"f:spec": {"f:type": {}}}


def test_force_takes_the_field_over():
    live = server_side_apply(None, service(selector={"app": "shop"}), "alice", NOW)

    forced = server_side_apply(live, service(selector={"app": "other"}), "bob", NOW, force=True)

    assert forced["spec"]["selector"] == {"app": "other"}
    assert managers(forced) == {"bob": {"f:spec": {"f:selector": {}}}}


def test_the_same_value_is_shared_without_conflict():
    live = server_side_apply(None, service(selector={"app": "shop"}), "alice", NOW)

    shared = server_side_apply(live, service(selector={"app": "shop"}), "bob", NOW)

    assert set(managers(shared)) == {"alice", "bob"}


def test_a_port_that_its_only_manager_leaves_out_is_removed():
    live = server_side_apply(None, service(ports=[{"port": 80}, {"port": 443}]), "alice", NOW)

    again = server_side_apply(live, service(ports=[{"port": 80}]), "alice", NOW)

    assert again["spec"]["ports"] == [{"port": 80}]


def test_a_port_that_somebody_else_applies_too_stays():
    live = server_side_apply(None, service(ports=[{"port": 80}, {"port": 443}]), "alice", NOW)
    live = server_side_apply(live, service(ports=[{"port": 443}]), "bob", NOW)

    again = server_side_apply(live, service(ports=[{"port": 80}]), "alice", NOW)

    assert [port["port"] for port in again["spec"]["ports"]] == [80, 443]


def test_ports_of_one_number_differ_by_protocol():
    live = server_side_apply(None, service(ports=[{"port": 53, "protocol": "TCP"}]), "alice", NOW)

    both = server_side_apply(live, service(ports=[{"port": 53, "protocol": "UDP"}]), "bob", NOW)

    assert [port["protocol"] for port in both["spec"]["ports"]] == ["TCP", "UDP"]


def test_an_update_that_changes_nothing_keeps_the_entries():
    live = track_update(None, service(type="ClusterIP"), "kubectl-create", NOW)

    assert track_update(live, live, "kubectl-edit", NOW.replace(year=2027)) == live


def test_nobody_is_credited_with_a_structure_that_is_always_there() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"b": "c"}}}

    made = track_update(None, {**namespace, "spec": {}, "status": {}}, "kubectl", NOW)

    fields = {"f:metadata": {"f:labels": {".": {}, "f:b": {}}}}
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == fields


@pytest.mark.parametrize(
    "entry",
    [
        {"fieldsType": "FieldsV2", "fieldsV1": {}},
        {"fieldsType": "FieldsV1", "fieldsV1": "x"},
        {"fieldsType": "FieldsV1", "fieldsV1": {"g:spec": {}}},
        {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"k:{": {}}}},
    ],
)
def test_a_record_that_a_client_wrote_and_nobody_can_read_is_passed_over(entry):
    live = track_update(None, service(selector={"app": "shop"}), "alice", NOW)
    written = service(selector={"app": "shop"})
    written["metadata"]["managedFields"] = [entry]

    assert managers(track_update(live, written, "bob", NOW)) == managers(live)


def deployment(*containers):
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "lab"},
        "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": template},
    }


def config_map(data, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", **metadata}, "data": data}


def containers(manifest):
    return manifest["spec"]["template"]["spec"]["containers"]


def test_with_a_map_that_is_left_out_go_the_defaults_in_it():
    probe = {"httpGet": {"path": "/", "port": 80}}
    live = server_side_apply(None, deployment({"name": "web", "livenessProbe": probe}), "alice", NOW)
    containers(live)[0]["livenessProbe"] = {
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "periodSeconds": 10,
    }

    again = server_side_apply(live, deployment({"name": "web"}), "alice", NOW)

    assert containers(again) == [{"name": "web"}]


def test_an_item_goes_with_its_applier_whoever_has_changed_a_field_of_it():
    live = server_side_apply(None, deployment({"name": "web", "image": "nginx:1"}), "alice", NOW)
    live = track_update(live, deployment({"name": "web", "image": "nginx:2"}), "kubectl-set", NOW)

    renamed = server_side_apply(live, deployment({"name": "site", "image": "nginx:1"}), "alice", NOW)

    assert containers(renamed) == [{"name": "site", "image": "nginx:1"}]
    assert set(managers(renamed)) == {"alice"}


# structured-merge-diff typed/merge.go, visitListItems
@pytest.mark.parametrize(
    ("live", "applied", "merged"),
    [
        ([80, 443], [8080, 80, 443], [8080, 80, 443]),
        ([80, 443], [443, 80, 8080], [443, 80, 8080]),
        ([80, 443, 53], [53, 8080], [80, 443, 53, 8080]),
        ([80, 443, 53], [8080, 443], [80, 8080, 443, 53]),
    ],
)
def test_items_stand_in_the_order_in_which_they_are_applied(live, applied, merged):
    before = server_side_apply(None, service(ports=[{"port": port} for port in live]), "alice", NOW)

    after = server_side_apply(before, service(ports=[{"port": port} for port in applied]), "bob", NOW)

    assert [port["port"] for port in after["spec"]["ports"]] == merged


def test_another_order_alone_changes_nothing():
    before = server_side_apply(None, service(ports=[{"port": 80}, {"port": 443}]), "alice", NOW)

    after = server_side_apply(
        before, service(ports=[{"port": 443}, {"port": 80}]), "alice", NOW.replace(year=2027)
    )

    assert after == before


def test_nothing_in_place_of_a_map_lets_its_fields_go_and_touches_no_others():
    live = server_side_apply(None, config_map({"a": "1"}), "alice", NOW)
    live = server_side_apply(live, config_map({"b": "2"}), "bob", NOW)

    after = server_side_apply(live, config_map(None), "bob", NOW)

    assert after["data"] == {"a": "1"}


def test_an_apply_that_names_no_field_leaves_no_entry():
    live = server_side_apply(None, config_map({"a": "1"}), "alice", NOW)
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}}
    assert set(managers(server_side_apply(live, bare, "bob", NOW))) == {"alice"}


def test_who_wrote_an_object_without_a_record_is_called_before_first_apply():
    with pytest.raises(ApplyConflict) as refused:
        server_side_apply(config_map({"a": "1"}), config_map({"a": "2"}), "alice", NOW)

    words = 'conflict with "before-first-apply" using v1: .data.a'
    assert refused.value.message == f"Apply failed with 1 conflict: {words}"


@pytest.mark.parametrize("thrown_away", [[], [{}]])
def test_a_client_can_throw_the_record_away(thrown_away):
    live = server_side_apply(None, config_map({"a": "1"}), "alice", NOW)

    new = track_update(live, config_map({"a": "1"}, managedFields=thrown_away), "bob", NOW)

    assert "managedFields" not in new["metadata"]


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _applied_by_the_client(data):
    text = json.dumps(config_map(data))
    return track_update(
        None, config_map(data, annotations={LAST_APPLIED: text}), "kubectl-client-side-apply", NOW
    )


def test_kubectl_takes_over_without_conflict_what_it_applied_on_the_clients_side():
    live = _applied_by_the_client({"a": "1"})

    after = server_side_apply(live, config_map({"a": "2"}), "kubectl", NOW)

    assert after["data"] == {"a": "2"}
    told = '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"shop"}}\n'
    assert after["metadata"]["annotations"] == {LAST_APPLIED: told}
    with pytest.raises(ApplyConflict):
        server_side_apply(live, config_map({"a": "2"}), "alice", NOW)


def test_what_somebody_else_has_changed_since_is_a_conflict_for_kubectl_too():
    live = _applied_by_the_client({"a": "1", "b": "1"})
    changed = {**live, "data": {"a": "1", "b": "2"}}
    live = track_update(live, changed, "kubectl-edit", NOW)

    with pytest.raises(ApplyConflict) as refused:
        server_side_apply(live, config_map({"a": "3", "b": "3"}), "kubectl", NOW)

    assert [cause["field"] for cause in refused.value.causes] == [".data.b"]


def test_a_map_that_is_taken_away_is_nobodys_any_more():
    live = track_update(None, config_map({"a": "1"}, labels={"b": "c"}), "alice", NOW)

    new = track_update(live, {key: live[key] for key in live if key != "data"}, "bob", NOW)

    assert managers(new) == {"alice": {"f:metadata": {"f:labels": {".": {}, "f:b": {}}}}}
