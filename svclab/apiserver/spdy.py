"""SPDY/3.1 frames, as kubectl port-forward packs them into WebSocket messages. Frozen protocol, no flow
control.

Source: the SPDY/3.1 draft; kubectl's use of it (client-go portforward, spdystream).
"""

import struct
import zlib
from dataclasses import dataclass

from svclab.apiserver.spdy_dictionary import DICTIONARY

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 9
FIN = 1
_VERSION = 3
_MAX_FRAME_BYTES = 1 << 24


class SpdyError(ValueError):
    """Bytes that are no SPDY/3.1."""


@dataclass(frozen=True, slots=True)
class DataFrame:
    """Bytes of a stream; `fin` says that its sender has no more."""

    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class ControlFrame:
    """Everything else; `headers` are those of a SYN_STREAM, `value` is a PING's id."""

    type: int
    stream: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    fin: bool = False
    value: int = 0

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return dict(self.headers).get(name, "")


class Codec:
    """One connection's frames in both directions: header blocks share one compression state each way."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._buffer = b""

    def feed(self, data: bytes) -> list[DataFrame | ControlFrame]:
        """The frames that are complete with these bytes. Raises SpdyError."""
        self._buffer += data
        frames: list[DataFrame | ControlFrame] = []
        while len(self._buffer) >= 8:
            first, second = struct.unpack(">II", self._buffer[:8])
            length = second & 0xFFFFFF
            if length > _MAX_FRAME_BYTES or len(self._buffer) < 8 + length:
                break
            body, self._buffer = self._buffer[8 : 8 + length], self._buffer[8 + length :]
            flags = second >> 24
            if first >> 31:
                frames.append(self._control(first & 0xFFFF, flags, body))
            else:
                frames.append(DataFrame(first, body, bool(flags & FIN)))
        return frames

    def _control(self, type_: int, flags: int, body: bytes) -> ControlFrame:
        if type_ == SYN_STREAM:
            if len(body) < 10:
                raise SpdyError("SYN_STREAM is too short")
            headers = self._headers(body[10:])
            return ControlFrame(type_, struct.unpack(">I", body[:4])[0], headers, bool(flags & FIN))
        number = struct.unpack(">I", body[:4])[0] if len(body) >= 4 else 0
        if type_ == PING:
            return ControlFrame(type_, value=number)
        return ControlFrame(type_, number)

    def _headers(self, block: bytes) -> tuple[tuple[str, str], ...]:
        try:
            raw = self._inflate.decompress(block, 1 << 16)
        except zlib.error as error:
            raise SpdyError(str(error)) from None
        at, words = 4, []
        while at + 4 <= len(raw):
            size = struct.unpack(">I", raw[at : at + 4])[0]
            words.append(raw[at + 4 : at + 4 + size].decode("latin-1"))
            at += 4 + size
        return tuple(zip(words[::2], words[1::2], strict=False))

    def reply(self, stream: int) -> bytes:
        """SYN_REPLY without headers: the stream is accepted."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _frame(SYN_REPLY, 0, struct.pack(">I", stream) + block)

    @staticmethod
    def data(stream: int, data: bytes, *, fin: bool = False) -> bytes:
        """A DATA frame."""
        return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(data)) + data

    @staticmethod
    def ping(number: int) -> bytes:
        """The answer to a PING: its own id."""
        return _frame(PING, 0, struct.pack(">I", number))

    @staticmethod
    def goaway(last_stream: int) -> bytes:
        """No further streams."""
        return _frame(GOAWAY, 0, struct.pack(">II", last_stream, 0))


def _frame(type_: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | _VERSION, type_, flags << 24 | len(body)) + body
