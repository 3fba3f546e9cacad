"""Where a command runs: the learner's laptop, a pod's container, or a node; and what is installed there."""

from dataclasses import dataclass

LAPTOP_USER = "learner"


@dataclass(frozen=True, slots=True)
class Location:
    """One place with a shell. `kind` is "laptop", "pod" or "node"; `image` and `container` belong to pods."""

    kind: str
    namespace: str = ""
    name: str = ""
    container: str = ""
    image: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "pod":
                return f"pod/{self.namespace}/{self.name}"
            case "node":
                return f"node/{self.name}"
            case _:
                return "laptop"

    @property
    def host(self) -> str:
        """The name of this machine in the simulated network."""
        return "client/laptop" if self.kind == "laptop" else str(self)

    @property
    def toolset(self) -> str:
        """The name of the set of programs installed here: "laptop", "node", or one of an image's."""
        return self.kind if self.kind != "pod" else toolset_of(self.image)


LAPTOP = Location("laptop")

# Which programs an image brings: the first pattern whose text is in the image's name (without registry) wins.
_TOOLSETS = (
    ("netshoot", "netshoot"),
    ("busybox", "busybox"),
    ("alpine", "alpine"),
    ("curl", "curl"),
    ("dnsutils", "dnsutils"),
    ("nginx", "debian-curl"),
    ("httpd", "debian"),
    ("redis", "debian"),
    ("mysql", "debian"),
    ("postgres", "debian"),
    ("mongo", "debian"),
    ("python", "debian-curl"),
    ("node:", "debian-curl"),
    ("debian", "debian"),
    ("ubuntu", "debian"),
    ("agnhost", "netshoot"),
)
BASH_TOOLSETS = frozenset({"laptop", "node", "netshoot", "debian", "debian-curl", "dnsutils"})
TOOLSETS = BASH_TOOLSETS | {"busybox", "alpine", "curl", "scratch"}


def toolset_of(image: str) -> str:
    """The set of programs in an image: "scratch" (no shell at all) for an image that svclab does not know."""
    name = image.rpartition("/")[2]
    return next((toolset for pattern, toolset in _TOOLSETS if pattern in name), "scratch")
