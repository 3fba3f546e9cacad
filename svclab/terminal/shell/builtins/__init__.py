"""The commands that are part of the shell itself; importing this package fills the table."""

from svclab.terminal.shell.builtins import control, job_control, output, variables
from svclab.terminal.shell.builtins.table import BUILTINS, KEYWORDS

__all__ = ["BUILTINS", "KEYWORDS", "control", "job_control", "output", "variables"]
