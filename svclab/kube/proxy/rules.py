"""The shape of what kube-proxy's iptables mode writes: rules, each with the object and field behind it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from svclab.kube.proxy.endpoints import Endpoint
from svclab.linux.trace import Origin

ChainKey = tuple[str, str]  # (table, chain)
Block = str  # a chain's rules as lines of "-A CHAIN ...", the way iptables-restore reads them
# Where rules come from. A large cluster has hundreds of thousands of them, so an endpoint stands for its
# origin, and one source for all rules of its chain.
Source = Origin | Endpoint
Sources = Source | tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ProxyRule:
    """One rule as kube-proxy hands it to iptables-restore, without the "-A CHAIN" in `text`."""

    chain: str
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ProxyTable:
    """One table as the node's kernel holds it: a block of rules for each chain, and their sources."""

    name: str
    built_in: tuple[str, ...]
    blocks: Mapping[str, Block]
    sources: Mapping[str, Sources]

    @property
    def chains(self) -> tuple[str, ...]:
        """The names of the chains as iptables-save orders them: built-in ones first, the others by name."""
        return *self.built_in, *sorted(self.blocks.keys() - set(self.built_in))

    def rules_of(self, chain: str) -> tuple[ProxyRule, ...]:
        """The rules of one chain in order. Raises KeyError if there is no such chain."""
        texts = rules_in(chain, self.blocks[chain])
        sources = self.sources.get(chain, ())
        # A tuple of sources may itself be an Endpoint, which is a NamedTuple.
        if isinstance(sources, Origin | Endpoint):
            sources = (sources,) * len(texts)
        return tuple(
            ProxyRule(chain, text, origin_of(source)) for text, source in zip(texts, sources, strict=True)
        )

    @property
    def rules(self) -> Iterator[ProxyRule]:
        """All rules, chain by chain."""
        return (rule for chain in self.chains for rule in self.rules_of(chain))


def block_of(chain: str, texts: Iterable[str]) -> Block:
    """Rules as the lines of their chain."""
    begin = f"-A {chain} "
    lines = f"\n{begin}".join(texts)
    return begin + lines if lines else ""


def rules_in(chain: str, block: Block) -> list[str]:
    """The rules of a chain, without the "-A CHAIN" before each."""
    begin = len(f"-A {chain} ")
    return [line[begin:] for line in block.split("\n")] if block else []


def origin_of(source: Source) -> Origin:
    """The object and field that a source stands for."""
    return source.origin() if isinstance(source, Endpoint) else source
