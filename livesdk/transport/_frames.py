"""Frames out and in: masking, and the reading of what is not a plain, final, whole frame.

Most frames of this service are one final frame, read in place by :class:`FrameReader`; all else
(fragments, control frames, frames larger than the read-ahead) goes through websocket-client's
``frame_buffer``, which knows the rules.  No socket here: bytes are fed in.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable
from typing import Optional, Union

from attrs import frozen
from websocket import ABNF, WebSocketProtocolException
from websocket._abnf import frame_buffer

__all__ = ["CloseFrame", "FrameReader", "Message", "Violation", "client_frame"]

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL = 0x80
_MASKED = 0x80
_SHORT, _MEDIUM = 125, 0xFFFF
_NUMPY_FROM = 32 * 1024
_IN_PLACE = 1024 * 1024
"""The largest frame that is collected by joining; above, that would be quadratic."""


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Return one final, masked frame (RFC 6455 §5.2)."""
    size = len(payload)
    if size <= _SHORT:
        head = bytes((_FINAL | opcode, _MASKED | size))
    elif size <= _MEDIUM:
        head = bytes((_FINAL | opcode, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FINAL | opcode, _MASKED | 127)) + size.to_bytes(8, "big")
    key = os.urandom(4)
    return b"%b%b%b" % (head, key, _masked(payload, key))


def _masked(payload: bytes, key: bytes) -> bytes:
    """XOR with the repeated key: as one big integer, or by NumPy where that is loaded already."""
    size = len(payload)
    if size >= _NUMPY_FROM and "numpy" in sys.modules:
        numpy = sys.modules["numpy"]
        whole = size & ~3
        words = numpy.frombuffer(payload, "u4", whole // 4) ^ numpy.frombuffer(key, "u4")
        rest = bytes(a ^ b for a, b in zip(payload[whole:], key))
        return words.tobytes() + rest  # type: ignore[no-any-return]  # sys.modules is untyped
    mask = (key * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, sys.byteorder) ^ int.from_bytes(mask, sys.byteorder)
    return mixed.to_bytes(size, sys.byteorder)


@frozen
class Message:
    """A whole message: ``str`` from text frames, ``bytes`` from binary ones."""

    payload: Union[str, bytes]


@frozen
class CloseFrame:
    """The peer's close frame; 1005 where it carried no code (RFC 6455 §7.1.5)."""

    code: int
    reason: str


@frozen
class Ping:
    """A ping; answer it with a pong of the same payload."""

    payload: bytes


@frozen
class Pong:
    """A pong."""

    payload: bytes


Event = Union[Message, CloseFrame, Ping, Pong]


class Violation(Exception):  # never leaves the transport
    """The peer broke RFC 6455; ``code`` is what to close with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _NeedMore(Exception):  # steers, and is no error
    """The bytes so far end inside a frame."""


class _LimitedBuffer(frame_buffer):
    """websocket-client's reader, which learns here when a frame is too long or masked."""

    def __init__(self, recv: Callable[[int], bytes], limit: Callable[[], int]) -> None:
        super().__init__(recv, skip_utf8_validation=True)
        self._limit = limit

    def recv_length(self) -> None:
        super().recv_length()
        if (self.length or 0) > self._limit():
            raise Violation(1009, "message too big")
        if self.has_mask():
            raise Violation(1002, "masked frame from a server")


class FrameReader:
    """Bytes in, events out; one thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ahead = b""
        self._position = 0
        self._stock = _LimitedBuffer(self._recv, self._room)
        self._in_frame = False
        self._ahead_is_short = False  # a plain frame has begun, and the rest is yet to come
        self._opcode = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._text: list[str] = []

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        rest = self._ahead[self._position :]
        self._ahead = rest + data if rest else data
        self._position = 0

    def next(self) -> Optional[Event]:
        """Return the next event, or ``None`` when more bytes are needed.

        Raises:
            Violation: The peer broke the protocol, or its message is too big.
        """
        while True:
            if not (self._in_frame or self._opcode):
                plain = self._plain()
                if plain is not None:
                    return plain
                if self._ahead_is_short:
                    return None
            try:
                self._in_frame = True
                frame = self._stock.recv_frame()
            except _NeedMore:
                return None
            except WebSocketProtocolException as error:
                raise Violation(1002, str(error)) from None
            self._in_frame = False
            event = self._event(frame)
            if event is not None:
                return event

    def _plain(self) -> Optional[Message]:
        """Read one final, unmasked data frame in place; ``None`` for anything else."""
        data, at = self._ahead, self._position
        self._ahead_is_short = False
        if len(data) - at < 2:  # the shortest head
            return None
        opcode, size = data[at] ^ _FINAL, data[at + 1]
        if opcode not in (TEXT, BINARY) or size > 127:  # masked, or not plain
            return None
        start = at + 2
        if size == 126:  # RFC 6455 §5.2
            start = at + 4
            size = int.from_bytes(data[at + 2 : start], "big")
        elif size == 127:
            start = at + 10
            size = int.from_bytes(data[at + 2 : start], "big")
        end = start + size
        if end > len(data) or size > self._limit:
            self._ahead_is_short = size <= min(_IN_PLACE, self._limit) and start <= len(data)
            return None
        payload = data[start:end]
        self._position = end
        return Message(_text(payload) if opcode == TEXT else payload)

    def _recv(self, size: int) -> bytes:
        data = self._ahead[self._position : self._position + size]
        if not data:
            raise _NeedMore
        self._position += len(data)
        return data

    def _room(self) -> int:
        return self._limit - self._size

    def _event(self, frame: ABNF) -> Optional[Event]:
        data = frame.data
        assert isinstance(data, bytes)  # text is decoded here, not by the library
        if frame.opcode == CLOSE:
            return _close(data)
        if frame.opcode == PING:
            return Ping(data)
        if frame.opcode == PONG:
            return Pong(data)
        return self._assemble(frame, data)

    def _assemble(self, frame: ABNF, data: bytes) -> Optional[Message]:
        """Collect fragments; joined once, because adding bytes to bytes is quadratic."""
        if bool(self._opcode) is not (frame.opcode == ABNF.OPCODE_CONT):
            raise Violation(1002, "fragments out of order")
        self._opcode = self._opcode or frame.opcode
        self._size += len(data)
        if self._opcode == TEXT:
            self._text.append(self._decoded(data, final=bool(frame.fin)))
        else:
            self._pieces.append(data)
        if not frame.fin:
            if len(self._pieces) + len(self._text) > _MAX_FRAGMENTS:
                raise Violation(1009, "too many fragments")
            return None
        payload: Union[str, bytes]
        payload = "".join(self._text) if self._opcode == TEXT else b"".join(self._pieces)
        self._opcode, self._size, self._pieces, self._text = 0, 0, [], []
        return Message(payload)

    def _decoded(self, data: bytes, *, final: bool) -> str:
        try:
            text = self._utf8.decode(data, final)
        except UnicodeDecodeError:
            raise Violation(1007, "text that is not UTF-8") from None
        return text


_MAX_FRAGMENTS = 1 << 20
"""Empty fragments cost memory too."""


def _text(payload: bytes) -> str:
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError:
        raise Violation(1007, "text that is not UTF-8") from None


def _close(payload: bytes) -> CloseFrame:
    if not payload:
        return CloseFrame(1005, "")
    try:
        return CloseFrame(int.from_bytes(payload[:2], "big"), str(payload[2:], "utf-8"))
    except UnicodeDecodeError:
        raise Violation(1007, "a close reason that is not UTF-8") from None
