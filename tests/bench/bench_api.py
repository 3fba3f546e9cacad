"""The API against a bare ASGI reply on the same server, its watchers, and fifty terminals at work."""

import asyncio
import json
import statistics
import time
from urllib.parse import urlsplit

import websockets

from tests.bench import servers
from tests.bench.print import figure

SECONDS, ROUNDS, CONNECTIONS = 1.5, 5, 20
TERMINALS, KEYS = 50, 12


def main() -> None:
    """Print the figures."""
    with servers.svclab() as (url, _):
        host = urlsplit(url).netloc
        cookie, path = asyncio.run(_visitor(host))
        service = f"{path}/api/v1/namespaces/default/services/kubernetes"
        with servers.other(servers.BARE_APP) as (bare, _):
            ours, floor = _rates((host, service), (urlsplit(bare).netloc, "/"))
        detail = f"{ours:,.0f} against {floor:,.0f} a second"
        figure(
            "GET of a Service / bare ASGI reply, requests",
            ours / floor,
            0.6,
            detail=detail,
            more_is_better=True,
        )
        few = asyncio.run(_watchers(host, 100))
        many = asyncio.run(_watchers(host, 1000))
        detail = f"{many * 1000:.0f} ms against {few * 1000:.0f} ms"
        figure("last of 1,000 watchers / last of 100", many / few, 10, detail=detail)
        echo = asyncio.run(_terminals(host))
        figure("keystroke echo in 50 busy terminals, ms (95th percentile)", echo * 1000, 50)


async def _visitor(host: str) -> tuple[str, str]:
    """A new visitor's cookie, and the path of her cluster's API."""
    head, _ = await _get(host, "/")
    cookie = next(
        line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("set-cookie: svclab")
    )
    cookie = cookie.split(";")[0]
    _, text = await _get(host, "/lab/kubeconfig", cookie)
    server = next(line for line in text.splitlines() if "server:" in line).split("server:")[1].strip()
    return cookie, urlsplit(server).path


async def _get(host: str, path: str, cookie: str = "") -> tuple[str, str]:
    name, port = host.split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.decode(), body.decode(errors="replace")


def _rates(*pages: tuple[str, str]) -> list[float]:
    """Of pages in turn, the best of each: what else the machine does meanwhile hits all alike, and in the
    first round a server imports what nobody had asked for.
    """
    rounds = [[asyncio.run(_rate(*page)) for page in pages] for _ in range(ROUNDS)]
    return [max(page) for page in zip(*rounds, strict=True)]


async def _rate(host: str, path: str) -> float:
    """Requests a second over keep-alive connections."""
    name, port = host.split(":")
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode()
    end, count = time.perf_counter() + SECONDS, 0

    async def client() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(name, int(port))
        while time.perf_counter() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await _body(reader, head)
            count += 1
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - begun)


async def _body(reader: asyncio.StreamReader, head: bytes) -> None:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
            return
    while size := int((await reader.readline()).strip(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


async def _watchers(host: str, count: int) -> float:
    """Seconds from an object's creation until the last of `count` watchers has its event.

    A cluster has 20 watches at most, so the watchers are spread over clusters; each cluster gets one object.
    """
    per_cluster = 20
    paths = [(await _visitor(host))[1] for _ in range(-(-count // per_cluster))]
    name, port = host.split(":")
    got: list[float] = []

    async def watch(path: str, ready: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection(name, int(port))
        request = (
            f"GET {path}/api/v1/namespaces/default/configmaps?watch=true HTTP/1.1\r\nHost: {host}\r\n\r\n"
        )
        writer.write(request.encode())
        await reader.readuntil(b"\r\n\r\n")
        ready.set()
        while b'"bench"' not in await reader.readline():
            pass
        got.append(time.perf_counter())
        writer.close()

    events = [asyncio.Event() for _ in range(count)]
    tasks = [asyncio.create_task(watch(paths[n // per_cluster], events[n])) for n in range(count)]
    await asyncio.gather(*(event.wait() for event in events))
    await asyncio.sleep(1)
    begun = time.perf_counter()
    await asyncio.gather(*(_create(host, path) for path in paths))
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    return max(got) - begun


async def _create(host: str, path: str) -> None:
    name, port = host.split(":")
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bench"}})
    reader, writer = await asyncio.open_connection(name, int(port))
    head = f"POST {path}/api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
    answer = await reader.read()
    assert b" 201 " in answer.split(b"\r\n")[0], answer[:300]
    writer.close()


async def _terminals(host: str) -> float:
    """95th percentile of seconds from a key to its echo, while all terminals run commands in between."""
    cookies = [(await _visitor(host))[0] for _ in range(TERMINALS)]
    waits: list[float] = []
    await asyncio.gather(*(_type(host, cookie, waits) for cookie in cookies))
    return statistics.quantiles(waits, n=20)[-1]


async def _type(host: str, cookie: str, waits: list[float]) -> None:
    headers = {"Cookie": cookie}
    async with websockets.connect(
        f"ws://{host}/ws/lab/", origin=f"http://{host}", additional_headers=headers, max_size=None
    ) as socket:
        await socket.send(json.dumps({"type": "hello"}))
        await socket.send(json.dumps({"type": "term.open", "session": "t1"}))
        await _until(socket, "$ ")
        for number in range(KEYS):
            letter = "abcdefghijklmnop"[number]
            begun = time.perf_counter()
            await socket.send(json.dumps({"type": "term.input", "session": "t1", "data": letter}))
            await _until(socket, letter)
            waits.append(time.perf_counter() - begun)
            if number % 4 == 3:
                data = "\x15kubectl get pods -A\r"
                await socket.send(json.dumps({"type": "term.input", "session": "t1", "data": data}))
                await _until(socket, "kube-proxy")
            await asyncio.sleep(0.3)


async def _until(socket: websockets.ClientConnection, text: str) -> None:
    async with asyncio.timeout(60):
        async for message in socket:
            found = json.loads(message)
            if found["type"] == "term.output" and text in found["data"]:
                return
