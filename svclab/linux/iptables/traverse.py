"""The walk of one packet through the rules of one table at one hook.

The walk only decides, and notes where it went as short entries in `log`; `explain` turns these into the
trace's steps, with words. Long chains are walked through their index: stretches that cannot fit are noted as
skipped. Source: Linux 6.18 net/ipv4/netfilter/ip_tables.c (ipt_do_table).
"""

from collections.abc import Iterator, Mapping

from svclab.linux.iptables.rules import INDEX_FROM, Chain
from svclab.linux.iptables.targets import Drop, Effect, Target
from svclab.linux.iptables.traverse_log import DRAWN, ENDED, HIT, MISSED, SKIPPED, Log
from svclab.linux.skb import Skb

DROPPED_BY_POLICY = Drop()


def walk(
    chains: Mapping[str, Chain], start: str, skb: Skb, log: Log, *, indexed: bool = True
) -> Target | None:
    """The target that decided, or None for the policy ACCEPT. `indexed=False` compares every rule plainly.

    Changes only `skb.mark` and, through volatile matches and targets, what the host remembers. Rules count
    from 0 in the log.
    """
    chain = chains[start]
    first = 0
    callers: list[tuple[Chain, int]] = []
    while True:
        number = _first_hit(chain, first, skb, log, indexed)
        if number < 0:
            log.append((ENDED, chain))
            if not callers:
                return DROPPED_BY_POLICY if chain.policy == "DROP" else None
            chain, first = callers.pop()
            continue
        target = chain.compiled[number][1]
        first = number + 1
        if target is not None and target.acts:
            target = target.perform(skb, log)
        if target is None:
            continue
        effect = target.effect
        if effect is Effect.VERDICT:
            return target
        if effect is Effect.RETURN:
            if not callers:
                return DROPPED_BY_POLICY if chain.policy == "DROP" else None
            chain, first = callers.pop()
        elif effect is not Effect.CONTINUE:
            if effect is Effect.JUMP:
                callers.append((chain, first))
            chain, first = chains[target.name], 0


def _first_hit(chain: Chain, first: int, skb: Skb, log: Log, indexed: bool) -> int:
    """The number of the next rule that fits, from `first` on; -1 if none does."""
    compiled = chain.compiled
    if indexed and len(compiled) >= INDEX_FROM:
        return _first_indexed_hit(chain, first, skb, log)
    missed_from = first
    for number in range(first, len(compiled)):
        tests, _, stateful, _ = compiled[number]
        if stateful:
            skb.note = None
        for test in tests:
            if not test.holds(skb):
                if stateful and test.stateful:
                    if missed_from < number:
                        log.append((MISSED, chain, missed_from, number))
                    log.append((DRAWN, chain, number, skb.note, test))
                    missed_from = number + 1
                break
        else:
            if missed_from < number:
                log.append((MISSED, chain, missed_from, number))
            log.append((HIT, chain, number, skb.note if stateful else None))
            return number
    if missed_from < len(compiled):
        log.append((MISSED, chain, missed_from, len(compiled)))
    return -1


def _first_indexed_hit(chain: Chain, first: int, skb: Skb, log: Log) -> int:
    compiled = chain.compiled
    at = first
    for number in chain.candidates(skb):
        if number < first:
            continue
        if at < number:
            log.append((SKIPPED, chain, at, number))
        at = number + 1
        tests, _, stateful, _ = compiled[number]
        if stateful:
            skb.note = None
        for test in tests:
            if not test.holds(skb):
                if stateful and test.stateful:
                    log.append((DRAWN, chain, number, skb.note, test))
                else:
                    log.append((MISSED, chain, number, number + 1))
                break
        else:
            log.append((HIT, chain, number, skb.note if stateful else None))
            return number
    if at < len(compiled):
        log.append((SKIPPED, chain, at, len(compiled)))
    return -1


def compared(log: Log) -> Iterator[tuple[str, int, bool]]:
    """What a log says in full: (chain, rule from 0, did it fit) for every rule, skipped ones included."""
    for entry in log:
        match entry:
            case (int(code), Chain() as chain, int(first), int(stop)) if code in (MISSED, SKIPPED):
                for number in range(first, stop):
                    yield chain.name, number, False
            case (int(code), Chain() as chain, int(number), *_) if code in (HIT, DRAWN):
                yield chain.name, number, code == HIT
            case _:
                pass
