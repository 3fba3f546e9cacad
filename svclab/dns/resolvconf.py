"""/etc/resolv.conf: who is asked, and which names are tried. Source: resolv.conf(5), glibc's res_init."""

from dataclasses import dataclass

from svclab.dns.name import absolute, dots

DEFAULT_NDOTS = 1
MAX_NDOTS = 15
DEFAULT_TIMEOUT_SECONDS = 5
DEFAULT_ATTEMPTS = 2
MAX_NAMESERVERS = 3


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """The three lines that matter, in the file's order. Options are as written, such as `ndots:5`."""

    search: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "ResolvConf":
        """Read a file. The last `search` or `domain` line counts; servers and options add up.

        A keyword stands at the very start of its line; a line that starts otherwise is a comment. Elsewhere
        `#` begins none: in a search list it is one more name.
        """
        search: tuple[str, ...] = ()
        nameservers: list[str] = []
        options: list[str] = []
        for line in text.splitlines():
            words = [] if line[:1].isspace() else line.split()
            match words:
                case ["nameserver", address, *_]:
                    nameservers.append(address)
                case ["search", *domains]:
                    search = tuple(domains)
                case ["domain", domain, *_]:
                    search = (domain,)
                case ["options", *more]:
                    options += more
        return cls(search, tuple(nameservers), tuple(options))

    def print(self) -> str:
        """The file as containerd and CRI-O write it: search, one line per server, options."""
        lines = [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"nameserver {address}" for address in self.nameservers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(line + "\n" for line in lines)

    def option(self, name: str, default: int) -> int:
        """The number behind `name:`, or the default where it is missing or no number."""
        for option in reversed(self.options):
            key, _, value = option.partition(":")
            if key == name and value.isdigit():
                return int(value)
        return default

    def has(self, name: str) -> bool:
        """Whether an option without a value is set."""
        return name in self.options

    @property
    def ndots(self) -> int:
        """From how many dots on a name is first tried as it is; at most 15."""
        return min(self.option("ndots", DEFAULT_NDOTS), MAX_NDOTS)

    @property
    def timeout_seconds(self) -> int:
        """How long one server is waited for."""
        return self.option("timeout", DEFAULT_TIMEOUT_SECONDS)

    @property
    def attempts(self) -> int:
        """How often the list of servers is gone through."""
        return self.option("attempts", DEFAULT_ATTEMPTS)

    @property
    def servers(self) -> tuple[str, ...]:
        """Who is asked, in order: at most three; the machine itself where none is named."""
        return self.nameservers[:MAX_NAMESERVERS] or ("127.0.0.1",)

    def searched(self, typed: str) -> tuple[str, ...]:
        """The typed name under each search domain, absolute, in the list's order; a lone dot is the root."""
        return tuple(absolute(f"{typed}.{domain.strip('.')}".rstrip(".")) for domain in self.search)

    def candidates(self, typed: str, *, search_after_dots: bool = True) -> tuple[str, ...]:
        """All names that are tried for a typed one until one answers, absolute, in order.

        A final dot means this name only. With fewer dots than ndots the search list comes first, otherwise
        the name as it is, and the search list after it only for glibc (`search_after_dots`).
        """
        if typed.endswith("."):
            return (typed,)
        if dots(typed) >= self.ndots:
            return (absolute(typed), *(self.searched(typed) if search_after_dots else ()))
        searched = self.searched(typed)
        return searched if absolute(typed) in searched else (*searched, absolute(typed))
