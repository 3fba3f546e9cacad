"""Lists of addresses seen lately, which keep a client with its endpoint. Source: Linux 6.18 xt_recent.c."""

from collections import OrderedDict
from collections.abc import Iterable

ADDRESSES_PER_LIST = 100  # module parameter ip_list_tot
STAMPS_PER_ADDRESS = 20  # module parameter ip_pkt_list_tot


class RecentLists:
    """Per list an ordered memory address -> stamps (seconds), the one not refreshed for longest first."""

    __slots__ = ("lists",)

    def __init__(self) -> None:
        self.lists: dict[str, OrderedDict[int, tuple[float, ...]]] = {}

    def remember(self, name: str, address: int, now: float) -> None:
        """Put the address on the list or refresh it; a full list forgets its oldest."""
        entries = self.lists.setdefault(name, OrderedDict())
        stamps = entries.pop(address, ())
        if not stamps and len(entries) >= ADDRESSES_PER_LIST:
            entries.popitem(last=False)
        entries[address] = (*stamps, now)[-STAMPS_PER_ADDRESS:]

    def remove(self, name: str, address: int) -> bool:
        """Take it off; whether it was there."""
        return self.lists.get(name, OrderedDict()).pop(address, None) is not None

    def check(
        self, name: str, address: int, now: float, seconds: int, reap: bool, hitcount: int, update: bool
    ) -> tuple[bool, float | None]:
        """Whether the address was seen within `seconds` (0: ever), `hitcount` times; and its age, None if
        absent.

        With `reap`, the list's oldest entry goes if it is too old: one per check, and only if the address was
        found.
        """
        entries = self.lists.get(name)
        stamps = entries.get(address) if entries else None
        if entries is None or stamps is None:
            return False, None
        age = now - stamps[-1]
        hits = sum(1 for stamp in stamps if not seconds or now - stamp <= seconds)
        seen = hits >= max(hitcount, 1)
        if reap:
            oldest, its_stamps = next(iter(entries.items()))
            if now - its_stamps[-1] > seconds and not (update and seen and oldest == address):
                del entries[oldest]
        if update and seen:
            self.remember(name, address, now)
        return seen, age

    def restore(self, name: str, entries: Iterable[tuple[int, tuple[float, ...]]]) -> None:
        """Fill a list with addresses and their stamps, the oldest first."""
        self.lists[name] = OrderedDict(entries)

    def copy(self) -> "RecentLists":
        """An independent copy."""
        twin = RecentLists()
        twin.lists = {name: OrderedDict(entries) for name, entries in self.lists.items()}
        return twin

    def keep_only(self, names: set[str]) -> None:
        """Forget the lists that no rule uses any more, as the kernel does when their last rule goes."""
        for name in set(self.lists) - names:
            del self.lists[name]
