"""The commands that are part of the shell itself; importing this package fills the table."""

from svclab.terminal.shell.builtins import (
    control,
    directories,
    job_control,
    output,
    reading,
    traps,
    variables,
)
from svclab.terminal.shell.builtins.table import BUILTINS, KEYWORDS

__all__ = [
    "BUILTINS",
    "KEYWORDS",
    "control",
    "directories",
    "job_control",
    "output",
    "reading",
    "traps",
    "variables",
]
