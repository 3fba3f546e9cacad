"""/etc/hosts: names that never reach a name server. Source: hosts(5)."""

from dataclasses import dataclass

from svclab.dns.name import Address, parse_address


@dataclass(frozen=True, slots=True)
class HostsFile:
    """Lines of an address and its names, the first of which is the canonical one."""

    entries: tuple[tuple[Address, tuple[str, ...]], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "HostsFile":
        """Read a file; comments and lines without an address or a name are passed over."""
        entries: list[tuple[Address, tuple[str, ...]]] = []
        for line in text.splitlines():
            words = line.split("#")[0].split()
            address = parse_address(words[0]) if words else None
            if address is not None and words[1:]:
                entries.append((address, tuple(words[1:])))
        return cls(tuple(entries))

    def lookup(self, name: str, *, any_case: bool = True) -> tuple[tuple[Address, str], ...]:
        """(address, canonical name) of each line that has this name, in the file's order; musl minds case."""
        wanted = name.lower() if any_case else name
        return tuple(
            (address, names[0])
            for address, names in self.entries
            if wanted in (each.lower() if any_case else each for each in names)
        )

    def names_of(self, address: Address) -> tuple[str, ...]:
        """The names on the first line with this address."""
        return next((names for each, names in self.entries if each == address), ())
