"""Images on nodes: which there are, how long a pull takes, which names lead nowhere."""

from svclab.kube.snapshot import Manifest
from svclab.linux.dice import Dice

# Official images by Docker Hub: a name without a slash that is not here does not exist there.
_OFFICIAL = frozenset(
    """
    adminer alpine amazonlinux arangodb archlinux bash busybox caddy cassandra centos clickhouse
    composer consul couchbase couchdb crate debian docker drupal eclipse-mosquitto eclipse-temurin
    elasticsearch elixir erlang fedora flink fluentd gcc ghost golang gradle groovy haproxy haskell
    hello-world httpd influxdb ironjava jetty joomla julia kibana kong logstash mariadb matomo maven
    mediawiki memcached mongo mongo-express mysql nats neo4j nextcloud nginx node odoo openjdk
    opensuse oraclelinux percona perl photon php phpmyadmin postgres pypy python r-base rabbitmq
    redis redmine registry rethinkdb rockylinux ruby rust solr sonarqube swift swipl telegraf tomcat
    traefik ubuntu unit varnish vault wordpress zookeeper
    """.split()  # noqa: SIM905 (as a list it would be 90 lines)
)


def exists(image: str) -> bool:
    """Whether a registry would know the image; only unknown official names are believed to be missing."""
    bare = image.split("@")[0]
    if "/" in bare.removeprefix("docker.io/library/"):
        return True
    return bare.removeprefix("docker.io/library/").split(":")[0] in _OFFICIAL


def full_name(image: str) -> str:
    """The image with registry and tag, as the runtime spells it in errors."""
    name = image if "/" in image else f"library/{image}"
    first = name.split("/")[0]
    if "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else f"{name}:latest"


def is_present(node: Manifest, image: str) -> bool:
    """Whether the node has the image already."""
    return any(full_name(image) in entry["names"] for entry in node["status"].get("images") or ())


def present(image: str) -> str:
    """What the kubelet says when it need not pull."""
    return f'Container image "{image}" already present on machine and can be accessed by the pod'


def with_image(node: Manifest, image: str) -> Manifest:
    """The node after a pull."""
    entry = {"names": [full_name(image)], "sizeBytes": size_bytes(image)}
    images = [*(node["status"].get("images") or ()), entry]
    return {**node, "status": {**node["status"], "images": images}}


def size_bytes(image: str) -> int:
    """A size that is always the same for the same image, 5 to 180 MB."""
    return 5_000_000 + Dice(f"size of {full_name(image)}").integer(175_000_000)


def pull_seconds(image: str) -> float:
    """How long a pull takes: about a second and its share of the size."""
    return round(0.8 + size_bytes(image) / 90_000_000, 3)


def pull_error(image: str) -> str:
    """What the runtime says of an image that no registry knows."""
    name = full_name(image)
    return (
        f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": '
        "pull access denied, repository does not exist or may require authorization: "
        "server message: insufficient_scope: authorization failed"
    )
