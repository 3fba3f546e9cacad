"""What curl, wget, nc and ping share: one request into the simulated network, and the wait for its end."""

import re

from svclab.kube.request import BadTarget, Request, Sent
from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome
from svclab.terminal.commands.registry import Context

LOOKUP_FAILURES = frozenset({Outcome.NXDOMAIN, Outcome.NODATA, Outcome.SERVFAIL, Outcome.DNS_TIMEOUT})
REFUSALS = frozenset({Outcome.REJECTED, Outcome.RESET})
SILENCES = frozenset({Outcome.DROPPED, Outcome.UNROUTED, Outcome.ASYMMETRIC})


def ask(
    context: Context,
    target: str,
    *,
    port: int | None = None,
    protocol: Protocol = Protocol.TCP,
    method: str = "GET",
    timeout_seconds: float | None = None,
    limits_lookup: bool = False,
    resolver: str | None = None,
    address: str | None = None,
    wait: bool = True,
) -> Sent:
    """Send one request from where the learner is; with `wait` it takes as long as its answer takes to come,
    in the cluster's time. Raises svclab.kube.request.BadTarget.
    """
    place = context.location
    request = Request(
        place.host, target, port, protocol, container=place.container or None, method=method,
        timeout_seconds=timeout_seconds, limits_lookup=limits_lookup, resolver=resolver, address=address,
    )  # fmt: skip
    sent: Sent = context.send(request).sent
    if wait and sent.duration.total_seconds() > 0.01:
        context.sleep(sent.duration.total_seconds())
    return sent


def milliseconds(sent: Sent) -> int:
    """How long the request took, as programs print it."""
    return max(round(sent.duration.total_seconds() * 1000), 1)


def seconds_of(text: str) -> float | None:
    """A number of seconds that an option takes; None for what is none."""
    return float(text) if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) else None


__all__ = [
    "LOOKUP_FAILURES",
    "REFUSALS",
    "SILENCES",
    "BadTarget",
    "ask",
    "milliseconds",
    "seconds_of",
]
