"""When Python looks for garbage: a pass stops everything, so seldom, and not through what stays for good."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def seldom() -> None:
    """Look seldom from now on, and never again through what has been loaded so far."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@contextmanager
def paused() -> Iterator[None]:
    """Not while much is made that stays: each pass would look through all of it in vain.

    The first pass after it would do so too, so what there is counts as old from then on; not in a process
    that has frozen its own objects, which would thaw.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if was_enabled:
            gc.enable()
