"""Real sockets in the namespaces of a fabric: servers that say whom they see, and clients."""

import ctypes
import errno
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from svclab.linux.packet import Protocol
from svclab.linux.skb import address_text
from tests.kernel.namespaces import Namespaces

CLONE_NEWNET = 0x40000000
PATIENCE_SECONDS = 0.7
_LIBC = ctypes.CDLL(None, use_errno=True)
KINDS = {Protocol.TCP: socket.SOCK_STREAM, Protocol.UDP: socket.SOCK_DGRAM}
IP_RECVERR = 11
ECHO_REQUEST = b"\x08\x00" + bytes(6) + b"who"  # the kernel fills in checksum and identifier


@contextmanager
def inside(path: str) -> Iterator[None]:
    """The calling thread in another network namespace; sockets made here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(home)
        os.close(home)
        os.close(there)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@dataclass(frozen=True, slots=True)
class Result:
    """How a connection ended: "answered", "refused", "timeout" or "errno-N", by whom, and whom it saw."""

    end: str
    endpoint: str | None = None
    source_seen: str | None = None


class Servers:
    """Everything that listens in a fabric, served by one thread."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.selector = selectors.DefaultSelector()
        self.stopping = False
        for host in namespaces.fabric.hosts.values():
            if host.listeners:
                with inside(namespaces.path(host.name)):
                    self._open(host)
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _open(self, host) -> None:
        addresses = [a for a in host.routing.local if a >> 24 != 127]
        for protocol, port in host.listeners:
            if protocol not in KINDS or port is None:
                continue
            for address in (*addresses, 127 << 24 | 1):
                each = socket.socket(socket.AF_INET, KINDS[protocol])
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                each.bind((address_text(4, address), port))
                each.setblocking(False)
                if protocol is Protocol.TCP:
                    each.listen(64)
                handler = self._accept if protocol is Protocol.TCP else self._datagram
                self.selector.register(each, selectors.EVENT_READ, handler)

    def _accept(self, listening: socket.socket) -> None:
        connection, _ = listening.accept()
        connection.settimeout(PATIENCE_SECONDS)
        try:
            connection.sendall(_card(connection.getsockname(), connection.getpeername()))
        finally:
            connection.close()

    def _datagram(self, bound: socket.socket) -> None:
        _, peer = bound.recvfrom(64)
        bound.sendto(_card(bound.getsockname(), peer), peer)

    def _serve(self) -> None:
        while not self.stopping:
            for key, _ in self.selector.select(0.1):
                handler: Callable[[socket.socket], None] = key.data
                try:
                    handler(key.fileobj)
                except OSError:
                    continue  # the client has gone

    def __enter__(self) -> "Servers":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def _card(own: tuple[str, int], peer: tuple[str, int]) -> bytes:
    return f"{own[0]}:{own[1]} {peer[0]}".encode()


def connect(
    path: str, address: str, port: int, protocol: Protocol, patience_seconds: float = PATIENCE_SECONDS
) -> Result:
    """One real connection from a namespace, or one ping."""
    if protocol is Protocol.ICMP:
        return _ping(path, address, patience_seconds)
    with inside(path):
        client = socket.socket(socket.AF_INET, KINDS[protocol])
    client.settimeout(patience_seconds)
    try:
        client.connect((address, port))
        if protocol is Protocol.UDP:
            client.send(b"who")
        endpoint, source = client.recv(128).decode().split()
        return Result("answered", endpoint, source)
    except TimeoutError:
        return Result("timeout")
    except ConnectionRefusedError:
        return Result("refused")
    except OSError as error:
        return Result(f"errno-{error.errno}" if error.errno != errno.ETIMEDOUT else "timeout")
    except ValueError:
        return Result("closed without a word")
    finally:
        client.close()


def _ping(path: str, address: str, patience_seconds: float) -> Result:
    """One echo request; who was reached, and whom it saw, the answer does not say."""
    with inside(path):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    client.settimeout(patience_seconds)
    client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    try:
        client.connect((address, 0))
        client.send(ECHO_REQUEST)
        client.recv(128)
        return Result("answered")
    except TimeoutError:
        return Result("timeout")
    except ConnectionRefusedError:
        return Result("refused")
    except OSError as error:
        return Result(f"errno-{error.errno}")
    finally:
        client.close()
