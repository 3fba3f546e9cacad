"""What each key is called: readline's emacs bindings."""

import re

KEYS = re.compile(
    r"\x1b\x1b?\[[0-9;]*[A-Za-z~]|\x1b\x1b?O[A-Za-z]|\x18.|[\x1d\x16\x11].|\x1b.|.", re.DOTALL
)  # fmt: skip
UNFINISHED = re.compile(r"(\x1b\x1b?(\[[0-9;]*|O)?|[\x16\x11\x18\x1d])\Z")
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"

NAMES = {
    "\x01": "home", "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home", "\x1b[7~": "home",
    "\x05": "end", "\x1b[F": "end", "\x1bOF": "end", "\x1b[4~": "end", "\x1b[8~": "end",
    "\x02": "left", "\x1b[D": "left", "\x1bOD": "left",
    "\x06": "right", "\x1b[C": "right", "\x1bOC": "right",
    "\x10": "older", "\x1b[A": "older", "\x1bOA": "older",
    "\x0e": "newer", "\x1b[B": "newer", "\x1bOB": "newer",
    "\x1b<": "oldest", "\x1b>": "newest", "\x0f": "enter and next",
    "\x1bb": "word left", "\x1b[1;5D": "word left", "\x1b[1;3D": "word left", "\x1b\x1b[D": "word left",
    "\x1bf": "word right", "\x1b[1;5C": "word right", "\x1b[1;3C": "word right", "\x1b\x1b[C": "word right",
    "\x7f": "backspace", "\x08": "backspace", "\x1b[3~": "delete",
    "\x15": "kill to start", "\x0b": "kill to end", "\x17": "kill word",
    "\x1b\x7f": "kill word back", "\x1b\x08": "kill word back",
    "\x1bd": "kill word forward", "\x1b[3;5~": "kill word forward", "\x18\x7f": "kill to start",
    "\x19": "yank", "\x1by": "yank older", "\x14": "transpose", "\x1bt": "transpose words",
    "\x1bu": "upper", "\x1bl": "lower", "\x1bc": "capital", "\x1b\\": "delete blanks",
    "\x1b.": "last word", "\x1b_": "last word", "\x0c": "clear", "\x12": "search",
    "\x1f": "undo", "\x18\x15": "undo", "\x1br": "revert", "\x1b#": "comment",
    "\x18\x18": "exchange mark", "\x1b ": "set mark", "\x1b\x00": "set mark", "\x00": "set mark",
    "\x1b?": "list", "\x1b=": "list", "\x1b*": "insert all", "\t": "complete",
    "\r": "enter", "\n": "enter", "\x03": "interrupt", "\x04": "end of input", "\x07": "abort",
}  # fmt: skip
