"""base64, and checksums: md5sum, sha1sum, sha256sum. Source: GNU coreutils 9.1."""

import base64 as codec
import binascii
import hashlib
import re
from textwrap import wrap

from svclab.terminal.commands.arguments import Inputs, options, whole_number
from svclab.terminal.commands.registry import Context, command


@command("base64")
def base64(context: Context, argv: list[str]) -> int:
    """Encodes, or with -d decodes; -w 0 writes one line."""
    given, names = options(argv, "diw:", ("decode", "ignore-garbage", "wrap="))
    settings = dict(given)
    inputs = Inputs(context, names[:1])
    text = "".join(inputs.lines())
    if {"-d", "--decode"} & settings.keys():
        cleaned = "".join(text.split())
        try:
            data = codec.b64decode(cleaned, validate=True)
        except binascii.Error:
            context.stdout.write(_beginning(cleaned).decode(errors="replace"))
            return context.fail("base64: invalid input")
        context.stdout.write(data.decode(errors="replace"))
        return inputs.status
    encoded = codec.b64encode(text.encode(errors="replace")).decode()
    width = whole_number(settings.get("-w", settings.get("--wrap", "76")), "wrap size")
    context.stdout.write("\n".join(wrap(encoded, width)) + "\n" if width else encoded)
    return inputs.status


def _beginning(text: str) -> bytes:
    """What the letters before the first wrong one stand for; one that is left over stands for nothing."""
    letters = re.match(r"[A-Za-z0-9+/]*", text)[0]  # type: ignore[index]
    letters = letters[: -1 if len(letters) % 4 == 1 else None]
    return codec.b64decode(letters + "=" * (-len(letters) % 4))


@command("md5sum", "sha1sum", "sha256sum", "sha512sum")
def checksum(context: Context, argv: list[str]) -> int:
    """Prints a checksum for each file."""
    inputs = Inputs(context, options(argv, "bt")[1])
    algorithm = context.name.removesuffix("sum")
    for name, stream in inputs:
        digest = hashlib.new(algorithm, stream.read().encode(errors="replace"), usedforsecurity=False)
        context.print(f"{digest.hexdigest()}  {name}")
    return inputs.status
