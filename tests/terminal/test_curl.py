"""curl's URLs, words and exit codes, and the other clients' words for the same fates."""

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.commands.curl.addresses import BadUrl, connected_to, globbed, resolved
from svclab.terminal.session import Session

MANIFESTS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: 'nginx:1.25'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: debug}
spec: {containers: [{name: debug, image: nicolaka/netshoot, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: closed, port: 81}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
"""


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("a/[1-3]", ["a/1", "a/2", "a/3"]),
        ("{a,b}.c/[08-10]", ["a.c/08", "a.c/09", "a.c/10", "b.c/08", "b.c/09", "b.c/10"]),
        ("[a-e:2]", ["a", "c", "e"]),
        ("http://[::1]:80/", ["http://[::1]:80/"]),
    ],
)
def test_sets_and_ranges_in_a_url_stand_for_several(url, urls):
    assert list(globbed(url)) == urls


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://[NODE-IP]:1", "bad range in URL position 9:\nhttp://[NODE-IP]:1\n        ^"),
        ("a{b", "unmatched brace in URL position 2:\na{b\n ^"),
        ("a}", "unmatched close brace/bracket in URL position 2:\na}\n ^"),
    ],
)
def test_a_url_that_is_no_pattern_is_marked(url, words):
    with pytest.raises(BadUrl) as refused:
        list(globbed(url))
    assert str(refused.value) == words


def test_resolve_and_connect_to_name_other_addresses():
    assert resolved(["web:80:10.0.0.1"], "web", 80) == "10.0.0.1"
    assert resolved(["web:80:10.0.0.1"], "web", 81) is None
    assert connected_to(["web:80:other:8080"], "web", 80) == ("other", 8080)
    assert connected_to([":80:other:"], "web", 80) == ("other", 80)


@pytest.fixture
def pod(db_with_threads):
    """Types into the debug pod; waiting pushes the clock."""
    cluster = new_cluster("learner")
    session = Session(cluster, hurried=True)
    session.run(
        f"kubectl apply -f - <<'EOF'\n{MANIFESTS}\nEOF\nkubectl wait --for=condition=ready pod --all", print
    )
    session.run("sleep 3; kubectl exec -it debug -- bash", print)

    def typed(line: str) -> tuple[int, str]:
        parts: list[str] = []
        return session.run(line, parts.append), "".join(parts)

    return typed


@pytest.fixture
def db_with_threads(transactional_db):
    """A database that the shell's threads see too."""


ROWS = [
    ("curl -s -o /dev/null -w '%{http_code} %{num_connects}\\n' web", 0, "200 1\n"),
    ("curl -s -w '%{http_code}\\n' -o /dev/null web/none", 0, "404\n"),
    ("curl -sf web/none; echo $?", 0, "22\n"),
    ("curl nosuch", 6, "curl: (6) Could not resolve host: nosuch\n"),
    ("curl -m 2 web:99", 28, "curl: (28) Connection timed out after 2000 milliseconds\n"),
    ("curl -s web:99 -m 1", 28, ""),
    ("curl -sS nosuch", 6, "curl: (6) Could not resolve host: nosuch\n"),
    ("curl gopher://x", 1, 'curl: (1) Protocol "gopher" not supported or disabled in libcurl\n'),
    ("curl -s --resolve any.name:80:$(dig +short web.default.svc.cluster.local) any.name | grep -c title", 0, "1\n"),
    ("curl -s https://web:80", 35, ""),
    ("curl -s https://kubernetes.default", 60, ""),
    ("curl -sk https://kubernetes.default | jq -r .reason", 0, "Forbidden\n"),
    ("curl -s -o a -o b web web/none; grep -c title a b", 0, "a:1\nb:1\n"),
    ("curl -s -o /dev/null -w '%{nosuch}%{http_code} %{size_upload} %{num_headers} %header{server}\\n' -d a=b web", 0,
     "curl: unknown --write-out variable: 'nosuch'\n405 3 5 nginx/1.25.5\n"),
    ("curl --retry 1 -m 1 web:99", 28,
     "curl: (28) Connection timed out after 1000 milliseconds\n"
     "Warning: Problem: timeout. Will retry in 1 second. 1 retry left.\n"
     "curl: (28) Connection timed out after 1000 milliseconds\n"),
    ("curl --connect-timeout 2 web:99", 28, "curl: (28) Failed to connect to web port 99 after 2000 ms: Timeout was reached\n"),
    ("curl http://web:99999", 3,
     "curl: (3) URL rejected: Port number was not a decimal number between 0 and 65535\n"),
    ("curl -x http://nosuch:3128 web", 5, "curl: (5) Could not resolve proxy: nosuch\n"),
    ("curl -sO web; curl -sSO web", 23, "curl: Remote file name has no length!\n"
     "curl: (23) Failed writing received data to disk/application\n"),
    ("curl -sv -X POST -d a=b -H 'X-A: b' -u me:pw -o /dev/null web 2>&1 | grep -v '^[<]\\|IPv\\|Trying\\|Connected\\|Agent'", 0,
     "Note: Unnecessary use of -X or --request, POST is already inferred.\n* Host web:80 was resolved.\n"
     "* Server auth using Basic with user 'me'\n> POST / HTTP/1.1\n> Host: web\n> Authorization: Basic bWU6cHc=\n"
     "> Accept: */*\n> X-A: b\n> Content-Length: 3\n> Content-Type: application/x-www-form-urlencoded\n> \n"
     "* upload completely sent off: 3 bytes\n{ [157 bytes data]\n* Connection #0 to host web left intact\n"),
    ("curl -G -d q=1 -s -w '%{url_effective}' -o /dev/null web/none", 0, "http://web/none?q=1"),
    ("wget -qO- nosuch", 1, "wget: bad address 'nosuch'\n"),
    ("wget -q web/none", 1, "wget: server returned error: HTTP/1.1 404 Not Found\n"),
    ("nc -zv nosuch 80", 1, 'nc: getaddrinfo for host "nosuch" port 80: Name does not resolve\n'),
    ("ping -c 1 nosuch", 2, "ping: nosuch: Name does not resolve\n"),
    ("nc -zn web 80", 1, "nc: getaddrinfo for host \"web\" port 80: Name does not resolve\n"),
    ("nc -z web 80 81; echo $?; nc -z web 81 81; echo $?", 0, "0\n1\n"),
    ("nc -z web http; echo $?; nc -zvu $(hostname -i) 9; echo $?", 0, "0\n1\n"),
    ("nc -h 2>&1 | head -1; nc 2>&1 | head -1", 0, "OpenBSD netcat (Debian patchlevel 1.219-1)\n"
     "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n"),
    ("ping -qc 1 -s 1472 127.0.0.1 | head -1; ping -c 1 -s 1472 127.0.0.1 | grep -o '^[0-9]* bytes'", 0,
     "PING 127.0.0.1 (127.0.0.1) 1472(1500) bytes of data.\n1480 bytes\n"),
    ("ping -c 2 -i 0.2 127.0.0.1 | grep -o 'time [0-9]*ms'", 0, "time 200ms\n"),
    ("ss -tln '( sport = :9 )' | wc -l; ss -t state listening | grep -c State; ss -tan dport = :80 | wc -l", 0,
     "1\n0\n1\n"),
    ("conntrack -V; conntrack -L expect", 0, "conntrack v1.4.7 (conntrack-tools)\n"
     "conntrack v1.4.7 (conntrack-tools): 0 expectations have been shown.\n"),
    ("ip -j addr | jq -c '[.[] | [.ifname, .mtu, .operstate]]'; ip -o link | wc -l; ip foo; ip addr nosuch", 255,
     '[["lo",65536,"UNKNOWN"],["eth0",1500,"UP"]]\n2\nObject "foo" is unknown, try "ip help".\n'
     'Command "nosuch" is unknown, try "ip address help".\n'),
    ("ip route list default | cut -d' ' -f1,2,4-; ip -j route | jq -r '.[].dst' | wc -l", 0,
     "default via dev eth0 \n2\n"),
    ("conntrack -p foo -L; conntrack -L -d x", 2,
     "conntrack v1.4.7 (conntrack-tools): `foo' unsupported protocol\n"
     "Try `conntrack -h' or 'conntrack --help' for more information.\n"
     "conntrack v1.4.7 (conntrack-tools): Invalid IP address `x'\n"
     "Try `conntrack -h' or 'conntrack --help' for more information.\n"),
    ("tcpdump -nc 2 -i any port 53 2>/dev/null > seen & until [ -s seen ]; do sleep 1; "
     "dig +short kubernetes.default.svc.cluster.local > /dev/null; done; wait; sed -E 's/.*: [0-9]+//' seen", 0,
     "[1] 4207\n+ A? kubernetes.default.svc.cluster.local. (54)\n*- 1/0/0 A 10.96.0.1 (106)\n"
     "[1]+  Done                    tcpdump -nc 2 -i any port 53 2> /dev/null > seen\n"),
    ("dig +short kubernetes.default.svc.cluster.local", 0, "10.96.0.1\n"),
    ("curl -s -D - -o /dev/null web | head -1; curl -sLD heads -o /dev/null web; grep -c . heads", 0,
     "HTTP/1.1 200 OK\r\n10\n"),
    ("curl -sS --resolve foo web; curl -sS --resolve a:b:c web", 49,
     "curl: (49) Couldn't parse CURLOPT_RESOLVE entry 'foo'\n"
     "curl: (49) Couldn't parse CURLOPT_RESOLVE entry 'a:b:c'\n"),
    ("curl -s -d @/nope -o /dev/null web", 0, ""),
    ("dig -p 99999 x; echo $?; dig -p foo x; echo $?; dig +time=x x; echo $?; dig +ndots=99999 x", 10,
     "invalid port number '99999': out of range\ndig: Couldn't parse port number\n1\n"
     "invalid port number 'foo': not a valid number\ndig: Couldn't parse port number\n1\n"
     "invalid timeout 'x': not a valid number\ndig: Couldn't parse timeout\n10\n"
     "invalid ndots '99999': out of range\ndig: Couldn't parse ndots\n"),
    ("traceroute -n -m 3 -q 1 10.244.99.1 | tail -1", 0, " 3  *\n"),
    ("printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' | nc web 80 | head -1", 0, "HTTP/1.1 200 OK\r\n"),
]  # fmt: skip


def test_clients_words_and_exit_codes(pod):
    assert {line: pod(line) for line, _, _ in ROWS} == {line: (status, words) for line, status, words in ROWS}


def test_a_nodes_curl_and_gnu_wget_check_what_they_are_given_and_tell_what_they_found(pod):
    address = pod("dig +short web.default.svc.cluster.local")[1].strip()
    pod("exit")
    pod("ssh node1")

    def said(line):
        return pod(f"{line} 2>&1 | grep -v ^--; echo ${{PIPESTATUS[0]}}")[1]

    assert pod(f"curl -sSO {address}")[1] == "curl: (23) Failed writing received data to disk/application\n"
    assert said("wget -T x a") == "wget: --timeout: Invalid time period 'x'\n2\n"
    assert said("wget foo://a") == "foo://a: Unsupported scheme 'foo'.\n1\n"
    assert said("wget -q foo://a") == "1\n"
    usage = "Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n2\n"
    assert said("wget --foo") == f"wget: unrecognized option '--foo'\n{usage}"
    found = said(f"wget --spider {address}").splitlines()
    assert found[0] == "Spider mode enabled. Check if remote file exists."
    assert found[-4:] == [
        "Remote file exists and could contain further links,", "but recursion is disabled -- not retrieving.",
        "", "0",
    ]  # fmt: skip
    missing = said(f"wget --spider {address}/nope").splitlines()
    assert missing[-3:] == ["Remote file does not exist -- broken link!!!", "", "8"]
    assert said(f"wget -qSO /dev/null {address}").splitlines()[0] == "  HTTP/1.1 200 OK"


def test_both_kinds_of_refusal_look_alike_to_curl(pod):
    for target in ("empty", "web:81"):
        status, text = pod(f"curl {target}")
        assert status == 7
        assert text.startswith(f"curl: (7) Failed to connect to {target.split(':')[0]} port ")
        assert "Connection refused" in pod(f"curl -v {target}")[1]


def test_a_second_url_on_the_same_host_reuses_the_connection(pod):
    _, text = pod("curl -sv -o /dev/null -o /dev/null web web/none")
    assert "Re-using existing connection" in text
    assert text.count("Connected to web") == 1
