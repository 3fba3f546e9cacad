"""Object metadata: timestamps as the API writes them, ages as kubectl shows them, owners."""

from datetime import UTC, datetime
from typing import Any

Manifest = dict[str, Any]

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def timestamp(moment: datetime) -> str:
    """An RFC 3339 time in UTC with whole seconds, as metav1.Time is written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(moment: datetime) -> str:
    """The same with microseconds, as metav1.MicroTime is written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str | None) -> datetime | None:
    """The time that an API timestamp (metav1.Time or MicroTime) says; None for no timestamp."""
    if not text:
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def age(since: str | None, now: datetime) -> str:
    """The AGE of something that began at `since`, e.g. `45s`, `2m5s`, `3d4h`; `<unknown>` without a time."""
    start = moment(since)
    return "<unknown>" if start is None else duration((now - start).total_seconds())


def duration(seconds: float) -> str:
    """A span of time in kubectl's short form. Source: apimachinery duration.HumanDuration."""
    if seconds < -1:
        return "<invalid>"
    whole = max(int(seconds), 0)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    minutes, hours, days, years = whole // _MINUTE, whole // _HOUR, whole // _DAY, whole // _YEAR
    if minutes < 10:
        return _two(minutes, "m", whole % _MINUTE, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if years < 8:
        return _two(years, "y", days % 365, "d")
    return f"{years}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")


def controller_of(manifest: Manifest) -> Manifest | None:
    """The owner reference marked as controller, or None."""
    owners = manifest["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def is_controlled_by(manifest: Manifest, owner: Manifest) -> bool:
    """Whether `owner` is this object's controller, by uid."""
    controller = controller_of(manifest)
    return controller is not None and controller.get("uid") == owner["metadata"].get("uid")


def condition(manifest: Manifest, kind: str) -> Manifest | None:
    """The condition of a type in an object's status, or None."""
    conditions = (manifest.get("status") or {}).get("conditions") or []
    return next((found for found in conditions if found.get("type") == kind), None)


def is_true(manifest: Manifest, kind: str) -> bool:
    """Whether the object's condition of this type has status "True"."""
    found = condition(manifest, kind)
    return found is not None and found.get("status") == "True"
