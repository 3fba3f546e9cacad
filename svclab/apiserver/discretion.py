"""What a log may say: no secret of a cluster's address, no cookie, no token, whoever writes the line."""

import logging
import re

# A secret is long; api, version and the like stand in its place where a token opens the cluster.
_SECRET = re.compile(r"(/k8s/)[A-Za-z0-9_-]{16,}")
_COOKIE = re.compile(r"((?:svclab_learner|csrftoken|sessionid)=)[^;\s'\"]+")
_TOKEN = re.compile(r"(Bearer )[A-Za-z0-9_.~+/=-]+")


class Discreet(logging.Formatter):
    """A formatter that leaves out of the finished line, its traceback included, what would open a cluster."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with `...` in place of secrets."""
        return without_secrets(super().format(record))


def without_secrets(text: str) -> str:
    """The text with `...` in place of each secret."""
    for pattern in (_SECRET, _COOKIE, _TOKEN):
        text = pattern.sub(r"\1...", text)
    return text
