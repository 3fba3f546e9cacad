"""The store: versions, conflicts, uniqueness, and the log that watches read."""

import pytest

from svclab.cluster import lifecycle, memory, models
from svclab.cluster.errors import Expired, NoSuchCluster
from svclab.cluster.store import open_cluster
from svclab.kube.status import Refusal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cluster():
    return lifecycle.new_cluster("alice", random_seed="alice")


def config_map(name="notes", **data):
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(name, cluster_ip, node_port=None):
    port = {"port": 80, "protocol": "TCP", "targetPort": 80}
    if node_port:
        port["nodePort"] = node_port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "clusterIP": cluster_ip,
            "clusterIPs": [cluster_ip],
            "ports": [port],
            "type": "NodePort" if node_port else "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    }


def test_a_created_object_has_a_uid_a_creation_time_and_a_resource_version(cluster):
    before = cluster.snapshot().resource_version

    created = cluster.create(config_map(key="value"))

    metadata = created["metadata"]
    assert metadata["resourceVersion"] == str(before + 1)
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"].endswith("Z")
    assert cluster.snapshot().get("ConfigMap", "default", "notes") == created


def test_generate_name_gives_a_name_of_five_more_characters(cluster):
    manifest = config_map()
    manifest["metadata"] = {"generateName": "web-", "namespace": "default"}

    first, second = cluster.create(dict(manifest)), cluster.create(dict(manifest))

    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert all(len(made["metadata"]["name"]) == len("web-") + 5 for made in (first, second))


def test_a_second_object_of_a_name_already_exists(cluster):
    cluster.create(config_map())

    with pytest.raises(Refusal) as refusal:
        cluster.create(config_map())

    assert (refusal.value.code, refusal.value.reason) == (409, "AlreadyExists")
    assert refusal.value.message == 'configmaps "notes" already exists'


def test_an_update_from_an_old_resource_version_is_a_conflict(cluster):
    first = cluster.create(config_map(key="1"))
    cluster.update({**first, "data": {"key": "2"}})

    with pytest.raises(Refusal) as refusal:
        cluster.update({**first, "data": {"key": "3"}})

    assert refusal.value.reason == "Conflict"
    assert cluster.snapshot().get("ConfigMap", "default", "notes")["data"] == {"key": "2"}


def test_an_update_that_changes_nothing_writes_nothing(cluster):
    first = cluster.create(config_map(key="1"))

    assert cluster.update(config_map(key="1") | {"metadata": first["metadata"]}) == first
    assert cluster.snapshot().resource_version == int(first["metadata"]["resourceVersion"])


def test_taking_the_last_finalizer_of_a_deleted_object_removes_it(cluster):
    made = cluster.create(
        config_map()
        | {"metadata": {"name": "held", "namespace": "default", "finalizers": ["example.com/hold"]}}
    )
    with cluster.writing() as batch:
        marked = batch.delete("ConfigMap", "default", "held")
    assert marked["metadata"]["deletionTimestamp"]
    assert cluster.snapshot().get("ConfigMap", "default", "held") == marked

    cluster.update({**marked, "metadata": {**marked["metadata"], "finalizers": []}})

    assert cluster.snapshot().get("ConfigMap", "default", "held") is None
    assert (
        made["metadata"]["uid"]
        == cluster.events_since(0 + int(marked["metadata"]["resourceVersion"]))[-1].object["metadata"]["uid"]
    )


def test_what_raises_within_a_transaction_writes_nothing(cluster):
    before = cluster.snapshot()

    def write_twice():
        with cluster.writing() as batch:
            batch.create(config_map("one"))
            batch.create(config_map("one"))

    with pytest.raises(Refusal):
        write_twice()

    memory.forget_all()
    assert cluster.snapshot().resource_version == before.resource_version
    assert cluster.snapshot().get("ConfigMap", "default", "one") is None


@pytest.mark.parametrize(
    "other",
    [service("other", "10.96.7.7", 30080), service("other", "10.96.7.8", 30081)],
    ids=["cluster IP", "node port"],
)
def test_the_database_refuses_a_second_holder_even_when_memory_does_not_know_better(cluster, other):
    cluster.create(service("web", "10.96.7.7", 30081 if other["spec"]["clusterIP"] == "10.96.7.8" else 30079))

    with pytest.raises(Refusal) as refusal:
        cluster.create(other)

    assert refusal.value.code == 409
    memory.forget_all()
    assert cluster.snapshot().get("Service", "default", "other") is None


def test_a_deleted_service_gives_its_address_and_port_back(cluster):
    cluster.create(service("web", "10.96.7.7", 30080))
    cluster.delete("Service", "default", "web")

    cluster.create(service("again", "10.96.7.7", 30080))

    assert models.IpAllocation.objects.filter(cluster_id=cluster.id, address="10.96.7.7").count() == 1


def test_two_clusters_may_use_the_same_names_addresses_and_ports(cluster):
    other = lifecycle.new_cluster("bob")

    for each in (cluster, other):
        each.create(service("web", "10.96.7.7", 30080))

    cluster.delete("Service", "default", "web")
    assert other.snapshot().get("Service", "default", "web") is not None


def test_the_log_tells_every_write_after_a_version_with_what_was_there_before(cluster):
    start = cluster.snapshot().resource_version
    one = cluster.create(config_map(key="1"))
    two = cluster.update({**one, "data": {"key": "2"}})
    cluster.delete("ConfigMap", "default", "notes")

    told = [(e.rv - start, e.type, e.previous) for e in cluster.events_since(start)]

    assert told == [(1, "ADDED", None), (2, "MODIFIED", one), (3, "DELETED", two)]


def test_another_process_reads_the_same_log(cluster):
    start = cluster.snapshot().resource_version
    cluster.create(config_map(key="1"))
    cluster.delete("ConfigMap", "default", "notes")
    told = cluster.events_since(start)

    memory.forget_all()

    again = open_cluster(cluster.id).events_since(start)
    assert [(e.rv, e.type, e.object) for e in again] == [(e.rv, e.type, e.object) for e in told]


def test_a_version_from_before_the_cluster_s_log_has_expired(cluster):
    with pytest.raises(Expired):
        cluster.events_since(0)


def test_the_log_is_compacted(cluster, monkeypatch):
    monkeypatch.setattr("svclab.cluster.store.LOG_LENGTH", 10)
    made = cluster.create(config_map(key="0"))
    start = cluster.snapshot().resource_version
    for n in range(1, 30):
        made = cluster.update({**made, "data": {"key": str(n)}})

    with pytest.raises(Expired):
        cluster.events_since(start)
    assert models.WatchEvent.objects.filter(cluster_id=cluster.id).count() <= 16
    memory.forget_all()
    last = cluster.events_since(cluster.snapshot().resource_version - 5)
    assert [e.object["data"]["key"] for e in last] == ["25", "26", "27", "28", "29"]


def test_a_write_of_another_process_is_seen_at_the_next_look(cluster):
    mine = cluster.snapshot()
    known = memory.get(cluster.id)
    cluster.create(config_map())
    memory.put(cluster.id, known)  # as in the process that did not write

    assert cluster.snapshot().resource_version == mine.resource_version + 1
    assert cluster.snapshot().get("ConfigMap", "default", "notes") is not None


def test_an_unknown_cluster_is_no_cluster():
    for unknown in ("5b0c6a54-4f0e-4d0c-9a57-3a4b1d2f6c77", "robert'); --", ""):
        with pytest.raises(NoSuchCluster):
            open_cluster(unknown)


def test_the_quota_of_objects_names_itself_and_leaves_the_cluster_usable(cluster):
    with cluster.writing(quota=None) as batch:
        counted = sum(len(batch.snapshot.of_kind(kind)) for kind in batch.snapshot.kinds() if kind != "Event")
        for n in range(500 - counted):
            batch.create(config_map(f"cm-{n}"))

    with pytest.raises(Refusal) as refusal:
        cluster.create(config_map("one-too-many"))

    assert refusal.value.code == 403
    assert refusal.value.message == (
        'configmaps "one-too-many" is forbidden: exceeded quota: svclab-learner, requested: count/objects=1, '
        "used: count/objects=500, limited: count/objects=500"
    )
    cluster.delete("ConfigMap", "default", "cm-0")
    cluster.create(config_map("fits-again"))


def test_the_fifty_first_service_is_refused(cluster):
    present = len(cluster.snapshot().of_kind("Service"))
    for n in range(50 - present):
        cluster.create(service(f"web-{n}", f"10.96.3.{n + 1}"))

    with pytest.raises(Refusal, match="used: services=50, limited: services=50"):
        cluster.create(service("web", "10.96.4.1"))


def test_the_quota_of_stored_data_counts_manifests_and_files(cluster):
    lifecycle.write_file(cluster.id, "notes", "x" * 19_000_000)
    cluster.create(config_map("large", text="x" * 900_000))

    with pytest.raises(Refusal, match="requested: stored-bytes="):
        cluster.create(config_map("larger", text="x" * 1_900_000))

    memory.forget_all()
    assert cluster.snapshot().get("ConfigMap", "default", "larger") is None


def test_reads_of_an_unchanged_cluster_ask_the_database_one_question(cluster, django_assert_num_queries):
    cluster.snapshot()

    with django_assert_num_queries(1):
        cluster.snapshot()
    with django_assert_num_queries(1):
        cluster.now()
