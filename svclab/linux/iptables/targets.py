"""The targets of a rule: what happens to a packet that fits. Source: iptables 1.8.9, Linux 6.18."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from svclab.linux.iptables.traverse_log import MARKED, Log
from svclab.linux.packet import Kind
from svclab.linux.skb import Skb


class Effect(IntEnum):
    """How the walk goes on after a target."""

    CONTINUE = 0  # with the next rule
    JUMP = 1  # in another chain, and back
    GOTO = 2  # in another chain, without coming back here
    RETURN = 3  # in the chain that jumped here
    VERDICT = 4  # the table has decided


class Target:
    """What all targets have: the effect on the walk and the save spelling."""

    __slots__ = ()
    effect: ClassVar[Effect] = Effect.VERDICT
    acts: ClassVar[bool] = False  # does something by itself before the walk goes on
    volatile: ClassVar[bool] = False  # does it to memory, so that it must be done each time

    def perform(self, skb: Skb, log: Log) -> "Target | None":
        """Do it; the target that decides then, None to go on with the next rule."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The word after `-j`."""
        raise NotImplementedError

    def text(self) -> str:
        """The save spelling, `-j` included."""
        return f"-j {self.name}"


@dataclass(frozen=True, slots=True)
class Accept(Target):
    """Let it go on to the next table or hook."""

    @property
    def name(self) -> str:
        return "ACCEPT"


@dataclass(frozen=True, slots=True)
class Drop(Target):
    """Discard it silently."""

    @property
    def name(self) -> str:
        return "DROP"


@dataclass(frozen=True, slots=True)
class Return(Target):
    """Back to the calling chain; in a built-in chain: its policy."""

    effect: ClassVar[Effect] = Effect.RETURN

    @property
    def name(self) -> str:
        return "RETURN"


@dataclass(frozen=True, slots=True)
class Jump(Target):
    """To a user-defined chain and back."""

    chain: str
    effect: ClassVar[Effect] = Effect.JUMP

    @property
    def name(self) -> str:
        return self.chain


@dataclass(frozen=True, slots=True)
class Goto(Target):
    """To a user-defined chain; its end returns to where this chain was jumped from."""

    chain: str
    effect: ClassVar[Effect] = Effect.GOTO

    @property
    def name(self) -> str:
        return self.chain

    def text(self) -> str:
        return f"-g {self.chain}"


REJECT_KINDS: dict[str, Kind] = {
    "icmp-port-unreachable": Kind.PORT_UNREACHABLE,
    "icmp-net-unreachable": Kind.HOST_UNREACHABLE,
    "icmp-host-unreachable": Kind.HOST_UNREACHABLE,
    "icmp-proto-unreachable": Kind.PORT_UNREACHABLE,
    "icmp-net-prohibited": Kind.ADMIN_PROHIBITED,
    "icmp-host-prohibited": Kind.ADMIN_PROHIBITED,
    "icmp-admin-prohibited": Kind.ADMIN_PROHIBITED,
    "icmp6-port-unreachable": Kind.PORT_UNREACHABLE,
    "icmp6-no-route": Kind.HOST_UNREACHABLE,
    "icmp6-addr-unreachable": Kind.HOST_UNREACHABLE,
    "icmp6-adm-prohibited": Kind.ADMIN_PROHIBITED,
    "tcp-reset": Kind.RST,
}


@dataclass(frozen=True, slots=True)
class Reject(Target):
    """Discard it and tell the sender, by an ICMP error or a TCP reset."""

    with_: str = "icmp-port-unreachable"

    @property
    def name(self) -> str:
        return "REJECT"

    @property
    def kind(self) -> Kind:
        """What the sender gets."""
        return REJECT_KINDS[self.with_]

    def text(self) -> str:
        return f"-j REJECT --reject-with {self.with_}"


@dataclass(frozen=True, slots=True)
class SetMark(Target):
    """`MARK --set-xmark VALUE/MASK`: the mark without the bits of MASK, XOR VALUE."""

    value: int
    mask: int
    effect: ClassVar[Effect] = Effect.CONTINUE
    acts: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "MARK"

    def applied(self, mark: int) -> int:
        """The mark afterwards."""
        return (mark & ~self.mask & 0xFFFFFFFF) ^ self.value

    def perform(self, skb: Skb, log: Log) -> Target | None:
        before = skb.mark
        skb.mark = self.applied(before)
        log.append((MARKED, before, skb.mark))
        return None

    def text(self) -> str:
        return f"-j MARK --set-xmark {self.value:#x}/{self.mask:#x}"


@dataclass(frozen=True, slots=True)
class Log(Target):
    """Write to the kernel log and go on."""

    prefix: str = ""
    effect: ClassVar[Effect] = Effect.CONTINUE

    @property
    def name(self) -> str:
        return "LOG"

    def text(self) -> str:
        return f'-j LOG --log-prefix "{self.prefix}"' if self.prefix else "-j LOG"


@dataclass(frozen=True, slots=True)
class NatTarget(Target):
    """A rewrite of one side. Addresses and ports are ranges with both ends; None: as they are.

    `random`: draw the port; `fully`: draw it for each connection anew.
    """

    addresses: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None
    version: int = 4
    random: bool = False
    fully: bool = False
    persistent: bool = False
    spelled: str = ""


def _flags(target: NatTarget) -> str:
    text = " --random" if target.random else ""
    text += " --random-fully" if target.fully else ""
    return text + (" --persistent" if target.persistent else "")


@dataclass(frozen=True, slots=True)
class Dnat(NatTarget):
    """`DNAT --to-destination ADDRESS[:PORT]`."""

    @property
    def name(self) -> str:
        return "DNAT"

    def text(self) -> str:
        return f"-j DNAT --to-destination {self.spelled}{_flags(self)}"


@dataclass(frozen=True, slots=True)
class Snat(NatTarget):
    """`SNAT --to-source ADDRESS[:PORT]`."""

    @property
    def name(self) -> str:
        return "SNAT"

    def text(self) -> str:
        return f"-j SNAT --to-source {self.spelled}{_flags(self)}"


@dataclass(frozen=True, slots=True)
class Masquerade(NatTarget):
    """`MASQUERADE`: SNAT to an address of the interface that the packet leaves by."""

    @property
    def name(self) -> str:
        return "MASQUERADE"

    def text(self) -> str:
        ports = f" --to-ports {self.spelled}" if self.spelled else ""
        return f"-j MASQUERADE{ports}{_flags(self)}"


@dataclass(frozen=True, slots=True)
class Redirect(NatTarget):
    """`REDIRECT`: DNAT to this host itself."""

    @property
    def name(self) -> str:
        return "REDIRECT"

    def text(self) -> str:
        ports = f" --to-ports {self.spelled}" if self.spelled else ""
        return f"-j REDIRECT{ports}{_flags(self)}"
