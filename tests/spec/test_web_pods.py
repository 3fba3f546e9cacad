"""What web pods answer: the files that their commands and volumes put into nginx's web root."""

import pytest

from svclab.kube.request import BadTarget, Request, perform, read_target
from svclab.kube.snapshot import Snapshot
from svclab.kube.webserver import web_response
from svclab.linux.dice import Dice
from tests.builders import NOW, pod, service, slice_of, standard, world

SCRIPT = """\
mkdir -p /usr/share/nginx/html/sub
echo "OK" > /usr/share/nginx/html/health
echo "<h1>Pod: $POD_NAME</h1><p>IP: $(hostname -i)</p><p>At: $(date)</p>" > /usr/share/nginx/html/index.html
echo '$POD_NAME stays' >> /usr/share/nginx/html/sub/raw.txt
printf "a\\n" > /usr/share/nginx/html/sub/raw2.txt
exec nginx -g 'daemon off;'
"""
NAME = [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]


def get(path, method="GET", **options):
    """The answer of one pod."""
    manifest = pod("web", "10.244.1.4", "node1", **options)
    return web_response(Snapshot.of([manifest]), "pod/default/web", path, now=NOW, method=method)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, "<h1>Pod: web</h1><p>IP: 10.244.1.4</p><p>At: Sun Mar  1 11:00:00 UTC 2026</p>\n"),
        (
            "/index.html?x=1",
            200,
            "<h1>Pod: web</h1><p>IP: 10.244.1.4</p><p>At: Sun Mar  1 11:00:00 UTC 2026</p>\n",
        ),
        ("/health", 200, "OK\n"),
        ("/sub/raw.txt", 200, "$POD_NAME stays\n"),
        ("/sub/raw2.txt", 200, "a\n"),
    ],
)
def test_a_page_says_what_the_command_wrote(path, status, body):
    response = get(path, script=SCRIPT, env=NAME)

    assert (response.status, response.body.decode()) == (status, body)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing", "GET", 404), ("/sub", "GET", 301), ("/sub/", "GET", 403), ("/", "POST", 405)],
)
def test_what_is_not_there_gets_nginxs_error_pages(path, method, status):
    response = get(path, method, script=SCRIPT)

    assert response.status == status
    assert f"<center><h1>{status} {response.reason}</h1></center>" in response.body.decode()
    assert "<hr><center>nginx/1.25.5</center>" in response.body.decode()


def test_the_kubelet_replaces_references_before_the_shell_sees_them():
    script = "echo '$(POD_NAME) $$(POD_NAME) $(NOBODY)' > /usr/share/nginx/html/index.html"

    response = get("/", script=script, env=NAME)

    assert response.body.decode() == "web $(POD_NAME) $(NOBODY)\n"


def test_headers_are_those_of_nginx():
    headers = dict(get("/health", script=SCRIPT).headers)

    assert headers["Server"] == "nginx/1.25.5"
    assert headers["Date"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    assert headers["Last-Modified"] == "Sun, 01 Mar 2026 11:00:00 GMT"
    assert headers["Content-Length"] == "3"
    assert headers["Content-Type"] == "application/octet-stream"


def test_an_nginx_without_pages_welcomes():
    assert "Welcome to nginx!" in get("/").body.decode()


def test_a_config_map_over_the_web_root_replaces_its_pages():
    manifest = pod("web", "10.244.1.4", "node1")
    manifest["spec"]["volumes"] = [{"name": "pages", "configMap": {"name": "pages"}}]
    mount = {"name": "pages", "mountPath": "/usr/share/nginx/html"}
    manifest["spec"]["containers"][0]["volumeMounts"] = [mount]
    pages = {
        "kind": "ConfigMap",
        "metadata": {"name": "pages", "namespace": "default"},
        "data": {"hello.html": "hello"},
    }
    snapshot = Snapshot.of([manifest, pages])

    assert web_response(snapshot, "pod/default/web", "/hello.html", now=NOW).body == b"hello"
    assert web_response(snapshot, "pod/default/web", "/", now=NOW).status == 403


def test_the_health_check_node_port_counts_the_nodes_own_endpoints():
    here = pod("web", "10.244.1.4", "node1")
    svc = service("web", "10.96.5.5", node_port=30080, vip="203.0.113.100", externalTrafficPolicy="Local",
                  healthCheckNodePort=32000)  # fmt: skip
    where = world(standard(here, svc, slice_of(svc, [here])))

    answers = {
        node: perform(where, Request("client/laptop", f"http://{node}:32000"), Dice("s"), NOW).response.status
        for node in ("192.168.64.11", "192.168.64.12")
    }

    assert answers == {"192.168.64.11": 200, "192.168.64.12": 503}


def test_a_missing_page_is_an_answer_of_the_network():
    here = pod("web", "10.244.1.4", "node1")
    sent = perform(world(standard(here)), Request("node/node2", "http://10.244.1.4/x"), Dice("s"), NOW)

    assert (sent.trace.end.code.value, sent.trace.end.words) == ("OK", "HTTP/1.1 404 Not Found")


@pytest.mark.parametrize(
    ("text", "port", "taken"),
    [
        ("backend", None, ("http", "backend", 80, "/")),
        ("https://backend/x?y=1", None, ("https", "backend", 443, "/x?y=1")),
        ("backend.ns:8080/a", None, ("http", "backend.ns", 8080, "/a")),
        ("10.0.0.1:81", 9000, ("http", "10.0.0.1", 9000, "/")),
    ],
)
def test_targets_are_urls_names_and_addresses(text, port, taken):
    target = read_target(text, port)

    assert (target.scheme, target.host, target.port, target.path) == taken


@pytest.mark.parametrize("text", ["", "http://", "http://a:99999", "a b"])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(BadTarget):
        read_target(text)
