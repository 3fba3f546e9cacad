"""One CoreDNS process: its server blocks, of which the most specific answers a question."""

from collections.abc import Mapping
from datetime import datetime

from svclab.dns.message import Edns, Message, Question, Rcode
from svclab.dns.name import is_at_or_below
from svclab.kube.coredns.cache import Cache
from svclab.kube.coredns.corefile import server_blocks
from svclab.kube.coredns.internet import STANDARD_INTERNET
from svclab.kube.coredns.options import Upstream
from svclab.kube.coredns.server import CoreDns
from svclab.kube.snapshot import Snapshot
from svclab.linux.dice import Dice


class NameServer:
    """The servers that the cluster's Corefile makes; `local_ips` and `upstream` as in `server_blocks`."""

    def __init__(
        self,
        snapshot: Snapshot,
        local_ips: tuple[str, ...] | None = None,
        upstream: Upstream = STANDARD_INTERNET,
        cache: Cache | None = None,
    ) -> None:
        options = server_blocks(snapshot, local_ips, upstream)
        self.blocks: Mapping[str, CoreDns] = {
            zone: CoreDns(snapshot, each, cache, self._asked_by_itself) for zone, each in options.items()
        }

    def answer(
        self,
        question: Question,
        *,
        edns: Edns | None = None,
        tcp: bool = False,
        now: datetime | None = None,
        dice: Dice | None = None,
    ) -> Message:
        """The reply of the longest zone that the name lies in; REFUSED for a name in none of them."""
        block = self._block(question)
        if block is None:
            return Message(question, Rcode.REFUSED)
        return block.answer(question, edns=edns, tcp=tcp, now=now, dice=dice)

    def _block(self, question: Question) -> CoreDns | None:
        zones = [zone for zone in self.blocks if is_at_or_below(question.name, zone)]
        return self.blocks[max(zones, key=len)] if zones else None

    def _asked_by_itself(self, question: Question, now: datetime | None) -> Message:
        """The end of an ExternalName that leaves the cluster: any server block may have it."""
        block = self._block(question)
        return block.through_cache(question, now) if block else Message(question, Rcode.REFUSED)
