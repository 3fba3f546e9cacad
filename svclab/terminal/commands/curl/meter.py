"""curl's progress meter, which it shows where the body does not go to a terminal. Source: curl 7.88.1."""

from svclab.terminal.commands.curl.transfer import Transfer
from svclab.terminal.commands.registry import Context

_HEAD = """\
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
"""


def begin(context: Context) -> None:
    """The two lines of titles, and a first row, which the next one overwrites."""
    context.stderr.write(_HEAD + _row(0, 0, 0, 0, "--:--:--"))


def end(context: Context, found: Transfer) -> None:
    """The last row."""
    size = len(found.response.body) if found.response and found.status == 0 and found.method != "HEAD" else 0
    seconds = max(found.duration.total_seconds(), 0.001)
    whole = int(seconds)
    time = "--:--:--" if not whole else f"{whole // 3600:2d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    sent = len(found.data) if found.response else 0
    context.stderr.write("\r" + _row(size, int(size / seconds), sent, int(sent / seconds), time) + "\n")


def _row(size: int, speed: int, sent: int, sending: int, time: str) -> str:
    whole = 100 if size + sent else 0
    received = f"{100 if size else 0:3d} {size:5d}"
    uploaded = f"{100 if sent else 0:3d} {sent:5d}"
    speeds = f"{speed:6d} {sending:6d}"
    return f"{whole:3d} {size + sent:5d}  {received}  {uploaded} {speeds} --:--:-- {time} --:--:-- {speed:5d}"
