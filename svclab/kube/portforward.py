"""kubectl port-forward: a request through the API server and a kubelet into one pod, past every Service.

kubectl holds a connection to the API server, which holds one to the pod's kubelet; that opens the last one
inside the pod's own network namespace, to its loopback address. So no Service, rule or choice among
endpoints is on the way, and the pod sees itself as the client.

Source: Kubernetes 1.36 (kubelet's CRI streaming), KEP-4006.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from svclab.kube.request import Request, Sent, connect
from svclab.kube.snapshot import Snapshot
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.trace import End, Flow, Outcome, Step, Trace

CLIENT = "client/laptop"  # where kubectl runs
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_EMPTY = "curl: (52) Empty reply from server"  # the tunnel closes without a byte


@dataclass(frozen=True, slots=True)
class Tunnel(Step):
    """Bytes inside somebody's connection came from `source` to this host, where `carrier` has them."""

    kind: ClassVar[str] = "tunnel"
    source: str
    carrier: str
    reply: bool
    why: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One HTTP request over a port-forward to a pod's port."""

    namespace: str
    pod: str
    port: int
    path: str = "/"
    method: str = "GET"

    def perform(self, world: World, dice: Dice, now: datetime) -> Sent:
        """Make the request at `now`. Raises KeyError for an unknown pod, BadTarget for a bad path."""
        source = f"pod/{self.namespace}/{self.pod}"
        url = f"http://127.0.0.1:{self.port}{self.path}"
        sent = connect(world, Request(source, url, method=self.method), dice, now)
        return replace(sent, trace=self._through(world.snapshot, source, sent.trace))

    def _through(self, snapshot: Snapshot, source: str, inside: Trace) -> Trace:
        """The trace from within the pod, with the tunnel's legs before and after it."""
        flow = max((each.number for each in inside.flows), default=0) + 1
        legs = self._legs(snapshot, source)
        there = [Tunnel(flow, leg.end, None, leg.start, leg.far, False, leg.why) for leg in legs]
        back = [
            Tunnel(flow, leg.start, None, leg.end, leg.near, True, f"{_BACK} from {_name(leg.end)}.")
            for leg in reversed(legs)
        ]
        end = inside.end
        words = end.words if end.code is Outcome.OK else _EMPTY
        closing = End(end.flow, CLIENT, None, end.code, end.verdict, end.endpoint, end.source_seen, words)
        return replace(
            inside,
            source=CLIENT,
            target=f"port-forward {self.namespace}/{self.pod}:{self.port}",
            flows=(*inside.flows, Flow(flow, "TCP", "tunnel", "kubectl, API server, kubelet, pod")),
            parts=(*there, *inside.parts[:-1], *back, closing),
        )

    def _legs(self, snapshot: Snapshot, source: str) -> list["_Leg"]:
        pod = snapshot.get("Pod", self.namespace, self.pod)
        node = f"node/{pod['spec'].get('nodeName', '')}" if pod else source
        api = f"node/{_control_plane(snapshot) or _name(node)}"
        to_kubelet = f"The API server hands them to {_name(node)}'s kubelet."
        inside = f"The kubelet opens a connection inside the pod, to 127.0.0.1:{self.port}"
        legs = (
            _Leg(CLIENT, api, "kubectl", "API server", _TO_API),
            _Leg(api, node, "API server", "kubelet", to_kubelet),
            _Leg(node, source, "kubelet", "pod", f"{inside}: past every Service and rule."),
        )
        return [leg for leg in legs if leg.start != leg.end]


@dataclass(frozen=True, slots=True)
class _Leg:
    """One connection of the tunnel: its hosts, who has the bytes at each, what happens on the way there."""

    start: str
    end: str
    near: str
    far: str
    why: str


_TO_API = "kubectl hands the bytes to the API server, in the connection that it opened when it began."
_BACK = "The answer comes back the same way,"


def _name(host: str) -> str:
    return host.rpartition("/")[2]


def _control_plane(snapshot: Snapshot) -> str | None:
    """The node that runs the API server."""
    nodes = snapshot.list("Node")
    return next(
        (n["metadata"]["name"] for n in nodes if _CONTROL_PLANE in n["metadata"].get("labels", {})), None
    )
