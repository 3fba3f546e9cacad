"""What was noted of an exchange, to be told of it and of others on its course: only drawn numbers differ."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from svclab.linux.drawn import filled, has_blanks
from svclab.linux.explain import steps_of
from svclab.linux.iptables.traverse_log import Log
from svclab.linux.trace import Step, json_of

Shape = tuple[dict[str, Any], int, tuple[str, ...]]  # a step in JSON, its packet's place, its fields to fill


class Notes:
    """A log, `blank` with drawn numbers in it. Its words are made when first asked for, and once for all."""

    def __init__(self, blank: Log) -> None:
        self.blank = blank

    def log(self, numbers: Sequence[float]) -> Log:
        """Every rule compared, each header as it was, what connection tables said: with these numbers."""
        return [filled(entry, numbers) for entry in self.blank]

    def steps(self, flow: int, numbers: Sequence[float]) -> tuple[Step, ...]:
        """The same in words, as steps of this flow."""
        return steps_of(self.log(numbers), flow)

    def as_json(self, flow: int, numbers: Sequence[float]) -> list[dict[str, Any]]:
        """The same steps in JSON's types."""
        packets, shapes = self._shapes
        seen = [filled(packet, numbers) for packet in packets]
        steps = []
        for shape, packet, fields in shapes:
            step = shape.copy()
            step["flow"], step["packet"] = flow, seen[packet]
            for name in fields:
                step[name] = filled(shape[name], numbers)
            steps.append(step)
        return steps

    @cached_property
    def _shapes(self) -> tuple[list[dict[str, Any]], list[Shape]]:
        """The packets in the steps, and the steps, both still with blanks."""
        packets: list[dict[str, Any]] = []
        places: dict[int, int] = {}
        shapes: list[Shape] = []
        for step in json_of(steps_of(self.blank, 0)):
            packet = step["packet"]
            if id(packet) not in places:
                places[id(packet)] = len(packets)
                packets.append(packet)
            fields = tuple(name for name in step if name != "packet" and has_blanks(step[name]))
            shapes.append((step, places[id(packet)], fields))
        return packets, shapes
