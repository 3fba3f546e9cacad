"""How one request and its answer went: its end, what was noted on the way, and its steps when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from svclab.linux.iptables.traverse_log import Log
from svclab.linux.notes import Notes
from svclab.linux.trace import Outcome, Step, Verdict


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended. `endpoint`: "IP:PORT" of the socket that answered; `source_seen`: by it."""

    code: Outcome
    verdict: Verdict
    endpoint: str | None = None
    listener: str | None = None
    server_host: str | None = None
    source_seen: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What all exchanges on one course have in common: the end, and the notes but for the numbers drawn."""

    ending: Ending
    notes: Notes


class Exchange:
    """See the module."""

    def __init__(self, flow: int, part: Part, numbers: Sequence[float] = ()) -> None:
        self.flow = flow
        self._part = part
        self._numbers = numbers

    @property
    def ending(self) -> Ending:
        """How it ended."""
        return self._part.ending

    @cached_property
    def log(self) -> Log:
        """What was noted, in order: every rule compared, each header as it was, what tables said."""
        return self._part.notes.log(self._numbers)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step in order and in words, without the closing End, which is the client program's."""
        return self._part.notes.steps(self.flow, self._numbers)

    def as_json(self) -> list[dict[str, Any]]:
        """The steps in JSON's types."""
        return self._part.notes.as_json(self.flow, self._numbers)

    @property
    def code(self) -> Outcome:
        """Which of the ways in which a request can end."""
        return self.ending.code

    @property
    def verdict(self) -> Verdict:
        """What the client can tell."""
        return self.ending.verdict

    @property
    def endpoint(self) -> str | None:
        """ "IP:PORT" of the socket that answered."""
        return self.ending.endpoint

    @property
    def listener(self) -> str | None:
        """The program that answered."""
        return self.ending.listener

    @property
    def server_host(self) -> str | None:
        """The host on which it runs."""
        return self.ending.server_host

    @property
    def source_seen(self) -> str | None:
        """The client's address as it saw it."""
        return self.ending.source_seen
