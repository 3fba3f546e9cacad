"""Starting clusters: grown from their YAML by the controllers once, at the latest when a process first needs
one, then copied for each learner.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from svclab.cluster import kept
from svclab.cluster.batch import Batch
from svclab.cluster.seeds import forms
from svclab.kube.meta import moment, timestamp
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.dice import Dice

_HERE = Path(__file__).parent
_BORN = datetime(2026, 1, 1, tzinfo=UTC)
_AGE = timedelta(minutes=10)  # how old the cluster is when its learner first sees it
_FLAVOUR = "cloud"  # whose copy is asked for what is the same in all
_TIME = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)"')

Grow = Callable[[Batch, datetime], None]


@dataclass(frozen=True, slots=True)
class Seed:
    """A cluster at rest, at the virtual time `at`: the objects as one JSON text."""

    text: str
    at: datetime
    last_addresses: tuple[tuple[str, str], ...] = ()  # by node: the pod address given out last

    def planted(self, now: datetime) -> list[Manifest]:
        """The objects of a copy whose present is `now`; all their times are moved with it."""
        shift = now.replace(microsecond=0) - self.at
        moved: dict[str, str] = {}
        for written in set(_TIME.findall(self.text)):
            then = moment(written) + shift
            moved[written] = then.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if "." in written else timestamp(then)
        return json.loads(_TIME.sub(lambda found: f'"{moved[found.group(1)]}"', self.text))


def names() -> list[str]:
    """The names of all seeds."""
    return sorted(path.stem for path in _HERE.glob("*.yaml"))


@cache
def seed(name: str, flavour: str, grow: Grow) -> Seed:
    """The seed of this name, as kept on disk or else grown: `grow(batch, until)` runs the controllers.

    Raises KeyError for an unknown name.
    """
    if name not in names():
        raise KeyError(name)
    known = kept.load(name, flavour)
    if known is None:
        return _grown(name, flavour, grow)
    addresses = tuple((node, address) for node, address in known["last_addresses"])
    return Seed(known["text"], datetime.fromisoformat(known["at"]), addresses)


def keep(name: str, flavour: str, grow: Grow) -> None:
    """Grow a seed and keep it on disk for the processes to come."""
    grown = _grown(name, flavour, grow)
    fields = {"text": grown.text, "at": grown.at.isoformat(), "last_addresses": grown.last_addresses}
    fields["manifests"] = manifests(name)
    kept.keep(name, flavour, fields)


def _grown(name: str, flavour: str, grow: Grow) -> Seed:
    content = _content(name)
    joining = sorted(content["nodes"], key=lambda spec: spec.get("joinsAfter", 0))
    batch = Batch(Snapshot({}), _BORN, name)
    _found(batch, content, joining.pop(0), flavour)
    for spec in joining:
        grow(batch, _BORN + timedelta(seconds=spec.get("joinsAfter", 0)))
        batch.create(forms.node(spec, flavour, batch.now))
    import yaml  # noqa: PLC0415 (late: a seed that is kept needs none)

    from svclab.kube.admission import prepare_create  # noqa: PLC0415 (late, for the same reason)
    from svclab.kube.resources import by_kind  # noqa: PLC0415 (late)

    for manifest in yaml.safe_load_all(content.get("manifests", "")):
        resource = by_kind(manifest["kind"])
        batch.create(prepare_create(resource, manifest, batch.snapshot, batch.now, Dice(name)))
        grow(batch, batch.now + timedelta(seconds=1))
    grow(batch, _BORN + _AGE)
    settled = [manifest for manifest in batch.snapshot if manifest["kind"] != "Event"]
    text = json.dumps(settled, ensure_ascii=False, separators=(",", ":"))
    addresses = tuple((node, memory.last_address) for node, memory in sorted(batch.hosts.items()))
    return Seed(text, _BORN + _AGE, addresses)


@cache
def files() -> dict[str, str]:
    """The tutorial's manifests, which every learner finds in her home directory: name and text."""
    return {path.name: path.read_text() for path in sorted((_HERE / "files").glob("*.yaml"))}


@cache
def manifests(name: str) -> str:
    """The text of the manifests that were applied in a seed; empty for one that is a bare cluster."""
    known = kept.load(name, _FLAVOUR)
    if known is not None:
        return known["manifests"]
    return _content(name).get("manifests", "")


def _content(name: str) -> dict[str, Any]:
    """A seed's file; one that is `like` another is that one with what stands in its own file."""
    import yaml  # noqa: PLC0415 (late: a seed that is kept needs none)

    content = yaml.safe_load((_HERE / f"{name}.yaml").read_text())
    return {**_content(content["like"]), **content} if "like" in content else content


def _found(batch: Batch, content: dict[str, Any], control_plane: dict[str, Any], flavour: str) -> None:
    """What `kubeadm init` leaves behind on the first node."""
    for namespace in content["namespaces"]:
        batch.create(forms.namespace(namespace))
    node = batch.create(forms.node(control_plane, flavour, batch.now))
    for spec in content.get("staticPods", ()):
        batch.create(forms.static_pod(spec, node))
    for manifest in content["objects"]:
        batch.create(manifest)
