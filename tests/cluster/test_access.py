"""Whose cluster it is: the owner's page, the holder's secret, nobody else's business."""

import uuid

import pytest

from svclab.accounts.permissions import Visitor
from svclab.cluster import access, lifecycle
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.files import FileError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cluster():
    return lifecycle.new_cluster("alice")


def test_a_learner_opens_her_own_cluster_and_nobody_else_does(cluster):
    assert access.open_for(Visitor("alice"), cluster.id).id == cluster.id
    for other in (Visitor("bob"), Visitor(), Visitor(is_admin=True)):
        with pytest.raises(NoSuchCluster):
            access.open_for(other, cluster.id)
    with pytest.raises(NoSuchCluster):
        access.open_for(Visitor("alice"), uuid.uuid4())


def test_a_learner_s_cluster_is_found_by_her_key(cluster):
    assert access.cluster_of("alice").id == cluster.id
    assert access.cluster_of("bob") is None
    assert access.owner_of(cluster.id) == "alice"


def test_the_secret_opens_one_cluster_until_it_is_renewed_or_revoked(cluster):
    first = access.secret_of(cluster.id)
    assert len(first) >= 43
    assert access.cluster_of_secret(first).id == cluster.id

    second = access.renew_secret(cluster.id)
    for unknown in (first, "", "x" * 43):
        with pytest.raises(NoSuchCluster):
            access.cluster_of_secret(unknown)
    assert access.cluster_of_secret(second).id == cluster.id

    access.revoke_secret(cluster.id)
    with pytest.raises(NoSuchCluster):
        access.cluster_of_secret(second)
    assert access.secret_of(cluster.id) is None


def test_a_reset_keeps_id_secret_and_files_and_nothing_else(cluster):
    secret = access.secret_of(cluster.id)
    lifecycle.write_file(cluster.id, "web.yaml", "kind: Pod\n")
    cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}}
    )
    cluster.configure(proxy_mode="nftables", runtime="strict")
    version = cluster.snapshot().resource_version

    again = lifecycle.reset(cluster.id)

    assert again.id == cluster.id
    assert access.secret_of(cluster.id) == secret
    assert lifecycle.read_file(cluster.id, "web.yaml") == "kind: Pod\n"
    assert again.snapshot().get("ConfigMap", "default", "x") is None
    assert (again.settings().proxy_mode, again.settings().runtime) == ("iptables", "lenient")
    assert again.snapshot().resource_version > version


def test_files_are_written_read_listed_and_deleted(cluster):
    other = lifecycle.new_cluster("bob")
    lifecycle.write_file(cluster.id, "b.yaml", "2")
    lifecycle.write_file(cluster.id, "a.yaml", "1")
    lifecycle.write_file(cluster.id, "a.yaml", "3")

    assert {"a.yaml", "b.yaml"} <= set(lifecycle.list_files(cluster.id))
    assert lifecycle.read_file(cluster.id, "a.yaml") == "3"
    assert "b.yaml" not in lifecycle.list_files(other.id)
    lifecycle.delete_file(cluster.id, "a.yaml")
    for gone in (lifecycle.read_file, lifecycle.delete_file):
        with pytest.raises(FileError, match=r"a\.yaml: No such file or directory"):
            gone(cluster.id, "a.yaml")


@pytest.mark.parametrize(
    ("path", "text"), [("", "x"), ("a" * 256, "x"), ("a\0b", "x"), ("a", "x\0"), ("a", "x" * 21_000_000)]
)
def test_a_file_that_cannot_be_kept_is_refused(cluster, path, text):
    before = lifecycle.list_files(cluster.id)
    with pytest.raises(FileError):
        lifecycle.write_file(cluster.id, path, text)
    assert lifecycle.list_files(cluster.id) == before


def test_a_deleted_cluster_leaves_nothing(cluster):
    lifecycle.delete_cluster(cluster.id)

    with pytest.raises(NoSuchCluster):
        cluster.snapshot()
    assert access.cluster_of("alice") is None
