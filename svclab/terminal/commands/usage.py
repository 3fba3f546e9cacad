"""What a program says of a wrong command line, in the words of the system that it belongs to.

GNU's programs name themselves, say what is wrong and where to look; busybox's (and everybody else's) end with
the first. Source: GNU coreutils 9.1, grep 3.8, sed 4.9, findutils 4.9, diffutils 3.8.
"""

import re

from svclab.terminal.commands.registry import BadOption, Usage

_GNU_PLACES = frozenset({"laptop", "node", "debian", "debian-curl", "dnsutils"})
_COREUTILS = frozenset({
    "base64", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "env", "expr", "fold", "head", "id",
    "ls", "mkdir", "mv", "nl", "paste", "printenv", "rm", "rmdir", "seq", "sleep", "sort", "tac", "tail",
    "tee", "timeout", "touch", "tr", "uname", "uniq", "wc", "whoami",
})  # fmt: skip
_OTHERS = frozenset({"grep", "egrep", "fgrep", "diff", "cmp", "xargs"})
_TROUBLE = dict.fromkeys(("ls", "sort", "grep", "egrep", "fgrep", "diff", "cmp"), 2)
_TROUBLE |= {"env": 125, "timeout": 125}
_GREP_USAGE = "Usage: grep [OPTION]... PATTERNS [FILE]...\n"


def complaint(name: str, usage: Usage, toolset: str, language: str) -> tuple[str, int]:
    """The text and the exit code."""
    if toolset not in _GNU_PLACES or name not in _COREUTILS | _OTHERS:
        return f"{name}: {usage}\n", usage.status
    text = f"{name}: {usage}\n"
    is_option = isinstance(usage, BadOption)
    status = _TROUBLE.get(name, 1) if is_option else usage.status
    if not is_option and "UTF-8" in language:
        text = re.sub(r"(?<!\w)(?<!range-endpoints of )'([^'\n]*)'", "\u2018\\1\u2019", text)
    if not (is_option or usage.hint):
        return text, status
    before = _GREP_USAGE if name in ("grep", "egrep", "fgrep") else ""
    return f"{text}{before}Try '{name} --help' for more information.\n", status
