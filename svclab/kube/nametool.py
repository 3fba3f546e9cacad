"""nslookup, host, dig or getent run on a host of the simulated network: what they print, and the trace of
their packets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from svclab.dns.message import Answered, Message, Rcode, Unanswered
from svclab.dns.tools import busybox
from svclab.dns.tools.dig import dig
from svclab.dns.tools.getent import getent
from svclab.dns.tools.host import host
from svclab.dns.tools.nslookup import nslookup
from svclab.dns.tools.run import Ask, Run, Surroundings, ToolResult, finish
from svclab.kube.nameserver import Asker, ResolverSetup, Socket, resolver_setup
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.trace import End, Outcome, Trace, Verdict

TOOLS: Mapping[str, Callable[[list[str], Surroundings], Run]] = {
    "dig": dig,
    "getent": getent,
    "host": host,
    "nslookup": nslookup,
    "busybox nslookup": busybox.nslookup,
}


@dataclass(frozen=True, slots=True)
class NameTool:
    """One call of a tool from a host. `container` names the one in which it runs, by default the pod's first;
    `setup` stands in for the files that the host itself would have.
    """

    source: str
    tool: str
    argv: tuple[str, ...]
    container: str | None = None
    setup: ResolverSetup | None = None

    def perform(self, world: World, dice: Dice, now: datetime) -> "ToolRun":
        """Run the tool, each question a packet.

        Raises KeyError for an unknown tool or a pod that is not there.
        """
        setup = self.setup or resolver_setup(world.snapshot, self.source, self.container, world.kubelet)
        around = Surroundings(setup.conf, now, dice.integer, setup.hosts, setup.library)
        asker = Asker(world.fabric, world.names, self.source, dice, now)
        replies: list[Answered] = []
        sockets: dict[tuple[object, str, bool], Socket] = {}

        def send(ask: Ask) -> Answered:
            key = (ask.socket, ask.server, ask.tcp)
            if ask.socket is None or key not in sockets:
                sockets[key] = asker.socket(ask.server, ask.question.name, tcp=ask.tcp, port=ask.port)
            replies.extend(asker.put(sockets[key], [ask.question], edns=ask.edns))
            return replies[-1]

        def wait(seconds: float) -> None:
            asker.waited += timedelta(seconds=seconds)

        result = finish(TOOLS[self.tool](list(self.argv), around), send, wait)
        return ToolRun(self._trace(world, dice, asker, replies, result), result, asker.waited.total_seconds())

    def _trace(
        self, world: World, dice: Dice, asker: Asker, replies: list[Answered], result: ToolResult
    ) -> Trace:
        words = (result.stdout + result.stderr).strip("\n")
        verdict = verdict_of(replies[-1]) if replies else Verdict.ANSWERED
        end = End(asker.flow, self.source, None, outcome_of(replies), verdict, None, None, words)
        target = " ".join((self.tool.removeprefix("busybox "), *self.argv))
        parts = (*asker.parts, end)
        return Trace(dice.seed, self.source, target, world.mode, tuple(asker.flows), parts)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that has run: its trace, what it printed, and how long it waited for answers in vain."""

    trace: Trace
    result: ToolResult
    waited_seconds: float


def outcome_of(replies: list[Answered]) -> Outcome:
    """How a tool's asking ended: an answer with data anywhere is success, else the last reply decides."""
    messages = [reply for reply in replies if isinstance(reply, Message)]
    if not replies or any(message.answer for message in messages):
        return Outcome.OK
    if not isinstance(replies[-1], Message):
        return Outcome.DNS_TIMEOUT
    match replies[-1].rcode:
        case Rcode.NOERROR:
            return Outcome.NODATA
        case Rcode.NXDOMAIN:
            return Outcome.NXDOMAIN
        case _:
            return Outcome.SERVFAIL


def verdict_of(reply: Answered) -> Verdict:
    """What the tool could tell from the last reply."""
    match reply:
        case Message():
            return Verdict.ANSWERED
        case Unanswered.REFUSED:
            return Verdict.REFUSED
        case Unanswered.UNREACHABLE:
            return Verdict.ERROR
        case _:
            return Verdict.TIMEOUT
