"""Time passes when somebody looks: whatever controllers owe since the last look is done now."""

from datetime import datetime

from svclab.cluster.batch import Batch


def grow(batch: Batch, until: datetime) -> None:
    """Run a seed's controllers until nothing is due before `until`."""
    batch.now = until
