"""Names that Kubernetes makes up: generated suffixes, pod-template-hash, event names, uids.

Source: apimachinery pkg/util/rand and apiserver pkg/storage/names, Kubernetes 1.36.
"""

from datetime import UTC, datetime, timedelta

from svclab.linux.dice import Dice

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_LONGEST_PREFIX = 63 - _SUFFIX_LENGTH
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def generated(prefix: str, dice: Dice) -> str:
    """A name from metadata.generateName: the prefix, cut to 58 characters, and 5 random ones."""
    return prefix[:_LONGEST_PREFIX] + dice.letters(_SUFFIX_LENGTH)


def safe_encoded(text: str) -> str:
    """Digits spelled in the alphabet of generated names, so that no bad word comes out."""
    return "".join(_ALPHABET[ord(character) % len(_ALPHABET)] for character in text)


def event_name(involved: str, moment: datetime, salt: int = 0) -> str:
    """The name of an Event: the object's name, a dot, and the nanoseconds since 1970 in hexadecimal.

    `salt` (nanoseconds, under 1000) keeps apart events of one microsecond.
    """
    nanoseconds = (moment - _EPOCH) // timedelta(microseconds=1) * 1000 + salt
    return f"{involved}.{nanoseconds:x}"


def uid(dice: Dice) -> str:
    """A random (version 4) UUID."""
    bits = dice.integer(1 << 128)
    bits = bits & ~(0xF << 76) | 4 << 76
    bits = bits & ~(0x3 << 62) | 2 << 62
    digits = f"{bits:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
