"""A cluster's own clock: it can be paused, run at 10 times the pace, or be pushed forward; never back.

Virtual time is kept as one point (virtual and real time then) and a rate, so every process reads the same.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

RATES = (1.0, 10.0)


@dataclass(frozen=True, slots=True)
class Clock:
    """Virtual time was `virtual` when real time was `real` (both aware, UTC); `rate` virtual seconds a
    second.
    """

    virtual: datetime
    real: datetime
    rate: float = 1.0
    paused: bool = False

    def at(self, real: datetime) -> datetime:
        """Virtual time at a real time. It stands still while the machine's clock is set back."""
        if self.paused or real <= self.real:
            return self.virtual
        return self.virtual + (real - self.real) * self.rate

    def rebased(self, real: datetime) -> "Clock":
        """The same clock, counted from `real` on: also after the machine's clock was set back."""
        return replace(self, virtual=self.at(real), real=real)

    def pause(self, real: datetime) -> "Clock":
        """Stopped at the virtual time of `real`."""
        return replace(self.rebased(real), paused=True)

    def resume(self, real: datetime) -> "Clock":
        """Running again from where it stands."""
        return replace(self.rebased(real), paused=False)

    def with_rate(self, rate: float, real: datetime) -> "Clock":
        """Running at another pace, 1 or 10. Raises ValueError for any other."""
        if rate not in RATES:
            raise ValueError(
                f"the clock runs at {' or '.join(f'{r:g}' for r in RATES)} times real time, not {rate:g}"
            )
        return replace(self.rebased(real), rate=float(rate))

    def step(self, seconds: float, real: datetime) -> "Clock":
        """Pushed forward by up to an hour of virtual time. Raises ValueError for less than nothing or
        more.
        """
        if not 0 <= seconds <= 3600:
            raise ValueError(f"the clock steps by 0 to 3600 seconds, not {seconds:g}")
        based = self.rebased(real)
        return replace(based, virtual=based.virtual + timedelta(seconds=seconds))

    def real_time_of(self, virtual: datetime) -> datetime | None:
        """The real time at which virtual time will be `virtual`; None while paused."""
        if self.paused:
            return None
        return self.real + max(virtual - self.virtual, timedelta(0)) / self.rate


def real_now() -> datetime:
    """The machine's time, the only place where it is read."""
    return datetime.now(UTC)
