"""The entries by which a walk through rules notes what it did; `explain` makes the trace's steps of them.

(MISSED, chain, first, stop), (SKIPPED, chain, first, stop): rules that did not fit, compared or proved by an
index; (HIT, chain, number, note): one that did; (DRAWN, chain, number, note, match): a miss by chance or
memory; (MARKED, before, after); (ENDED, chain): no rule decided. Rules count from 0.
"""

from typing import Any

MISSED, SKIPPED, HIT, DRAWN, MARKED, ENDED = range(6)
Log = list[tuple[Any, ...]]
