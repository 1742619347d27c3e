"""Frames out and in (RFC 6455 §5), without a socket: bytes are fed in, events come out.

Nearly all that this service sends is one final data frame that lies whole in what was read: it is
taken in place.  Everything else (fragments, control frames, frames of which a part is yet to come)
goes step by step.  What is wrong is told as soon as the bytes that show it are there; which close
codes are right is websocket-client's to know.
"""

from __future__ import annotations

import codecs
import struct
import sys
from typing import Any, Optional, Union

from attrs import define
from websocket import ABNF, WebSocketProtocolException

from .._records import frozen
from ._mask import masked

__all__ = [
    "CloseFrame",
    "FrameReader",
    "Message",
    "Payload",
    "Violation",
    "client_frame",
    "lasting",
]

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset((CONT, TEXT, BINARY, CLOSE, PING, PONG))
_FINAL = 0x80
_RESERVED = 0x70
_MASKED = 0x80
_SHORT, _MEDIUM = 125, 0xFFFF
_LARGE = 4 * 1024
"""Bytes of a message that is worth not being copied."""


_MEDIUM_HEAD = struct.Struct("!BBH4s")


def client_frame(opcode: int, payload: bytes, key: bytes) -> bytes:
    """Return one final frame, masked with the key (RFC 6455 §5.2)."""
    size = len(payload)
    if _SHORT < size <= _MEDIUM:
        head = _MEDIUM_HEAD.pack(_FINAL | opcode, _MASKED | 126, size, key)
    elif size <= _SHORT:
        head = bytes((_FINAL | opcode, _MASKED | size)) + key
    else:
        head = bytes((_FINAL | opcode, _MASKED | 127)) + size.to_bytes(8, "big") + key
    return head + masked(payload, key)


Payload = Union[str, bytes, memoryview]
"""Of a message: ``str`` from text frames, ``bytes`` from binary ones.

A large one may be a view of what was read, good until more is read: who keeps it copies it.
"""


def lasting(payload: Payload) -> Union[str, bytes]:
    """Return a payload that may be kept."""
    return bytes(payload) if isinstance(payload, memoryview) else payload


@define(eq=False, repr=False)  # not frozen, which would cost more to make
class Message:
    """A whole message."""

    payload: Payload


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


class FrameReader:
    """Bytes in, events out; one thread.

    Args:
        limit: Bytes of a message at most; a head that announces more is a violation, before any
            of it is kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ahead: Union[bytes, bytearray] = b""  # what arrived lies in it,
        self._position = 0  # from here on
        self._stop = 0  # up to here
        self._view: Optional[memoryview] = None  # of it, while it is memory of our own
        self._is_partly = False  # a message is there in part, and there is room for the rest
        self._opcode = 0  # of the message that is put together; 0 between messages
        self._payload = bytearray()  # of that message, so far
        self._left: Optional[int] = None  # bytes the present frame lacks; None between frames
        self._is_last = False  # the present frame ends the message
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        rest = bytes(self._ahead[self._position : self._stop])
        self._ahead = rest + data if rest else data
        self._position, self._stop = 0, len(self._ahead)
        self._view = None

    def room(self, size: int) -> memoryview:
        """Return room for bytes that are about to arrive: then tell :meth:`filled` how many.

        It lies in memory of so many bytes, the same each time until :meth:`feed` or
        :meth:`forget_room`: where much arrives, new memory costs more than what is done with it.
        """
        rest = memoryview(self._ahead)[self._position : self._stop]
        if self._view is None or len(self._view) < size:
            self._ahead = bytearray(size)
            self._view = memoryview(self._ahead)
        self._view[: len(rest)] = rest
        self._position, self._stop = 0, len(rest)
        return self._view[self._stop :]

    def filled(self, size: int) -> None:
        """So many bytes arrived in the room."""
        self._stop += size

    def forget_room(self) -> None:
        """Let that memory go, if there is any."""
        self.feed(b"")

    def next(self) -> Optional[Event]:
        """Return the next event, or ``None`` when more bytes are needed.

        Raises:
            Violation: The peer broke the protocol, or its message is too big.
        """
        if self._position >= self._stop:
            if self._view is None:  # an idle connection keeps nothing
                self._ahead, self._position, self._stop = b"", 0, 0
            return None
        if not self._opcode:
            whole = self._whole(1)
            if whole:
                return Message(whole[0])
            if self._is_partly:
                return None
        while True:
            if self._left is None:
                head = self._head()
                if head is None:
                    return None
                if head[0] >= CLOSE:
                    return self._control(*head)
                self._begin(*head)
            if not self._take():
                return None
            if self._is_last:
                return self._end()

    def more(self) -> list[Payload]:
        """Take all messages that are here as a whole, up to anything else: quicker than one by one.

        Nothing is raised: what is wrong with the next one, :meth:`next` will tell.
        """
        try:
            return [] if self._opcode else self._whole(sys.maxsize)
        except Violation:
            return []

    def _whole(self, most: int) -> list[Payload]:
        """Take final, unmasked data frames that are here as a whole, so many at most.

        A violation is raised only by the first one.
        """
        taken: list[Payload] = []
        data, view, at, stop = self._ahead, self._view, self._position, self._stop
        self._is_partly = False
        while stop - at >= 4 and len(taken) < most:  # some are shorter, but they are rare
            opcode, size, start = data[at] ^ _FINAL, data[at + 1], at + 2
            if opcode not in (BINARY, TEXT) or size >= _MASKED:
                break
            if size == 126:  # RFC 6455 §5.2
                size, start = data[start] << 8 | data[at + 3], at + 4
            elif size == 127:
                size, start = int.from_bytes(data[start : at + 10], "big"), at + 10
            end = start + size
            if size > self._limit:
                break
            if end > stop:  # left where it is, if there is room for the rest of it
                self._is_partly = opcode == BINARY and view is not None and end - at <= len(view)
                break
            payload: Any = data[start:end] if view is None else view[start:end]
            if opcode == TEXT:
                try:
                    payload = str(payload, "utf-8")
                except UnicodeDecodeError:
                    if taken:
                        break
                    raise Violation(1007, "text that is not UTF-8") from None
            elif view is not None and size < _LARGE:
                payload = bytes(payload)
            taken.append(payload)
            at = end
        self._position = at
        return taken

    def _bytes(self, start: int, end: int) -> bytes:
        if self._view is None:
            return self._ahead[start:end]  # type: ignore[return-value]  # bytes, then
        return bytes(self._view[start:end])

    def _head(self) -> Optional[tuple[int, bool, int, int]]:
        """Judge the head at the position, and leave it there; ``None`` if it is cut.

        Returns:
            Opcode, whether the frame is final, the size of its payload, and where that starts.
        """
        data, at = self._ahead, self._position
        if self._stop - at < 2:
            return None
        first, size = data[at], data[at + 1]
        opcode, is_final = first & 0x0F, first >= _FINAL
        if first & _RESERVED or opcode not in _OPCODES:
            raise Violation(1002, "reserved bits or an unknown opcode")
        if size >= _MASKED:
            raise Violation(1002, "masked frame from a server")
        if opcode >= CLOSE:
            if size > _SHORT or not is_final:
                raise Violation(1002, "control frame too long or in pieces")
        elif (self._opcode == 0) is (opcode == CONT):
            raise Violation(1002, "fragments out of order")
        start = at + 2
        if size > _SHORT:
            start += 2 if size == 126 else 8
            if start > self._stop:
                return None
            size = int.from_bytes(data[at + 2 : start], "big")
        return opcode, is_final, size, start

    def _control(self, opcode: int, _: bool, size: int, start: int) -> Optional[Event]:
        if start + size > self._stop:
            return None
        payload = self._bytes(start, start + size)
        self._position = start + size
        if opcode == CLOSE:
            return _close(payload)
        return Ping(payload) if opcode == PING else Pong(payload)

    def _begin(self, opcode: int, is_final: bool, size: int, start: int) -> None:
        if len(self._payload) + size > self._limit:
            raise Violation(1009, "message too big")
        self._opcode = self._opcode or opcode
        self._is_last = is_final
        self._left = size
        self._position = start

    def _take(self) -> bool:
        """Take what is here of the present frame; True if that is the rest of it."""
        assert self._left is not None
        until = min(self._position + self._left, self._stop)
        piece = self._bytes(self._position, until)
        self._position = until
        self._left -= len(piece)
        self._payload += piece
        is_whole = not self._left
        if is_whole:
            self._left = None
        if self._opcode == TEXT:
            self._check_text(piece, final=is_whole and self._is_last)
        return is_whole

    def _check_text(self, piece: bytes, *, final: bool) -> None:
        try:
            self._utf8.decode(piece, final)
        except UnicodeDecodeError:
            raise Violation(1007, "text that is not UTF-8") from None

    def _end(self) -> Message:
        opcode, payload = self._opcode, self._payload
        self._opcode, self._payload = 0, bytearray()
        return Message(str(payload, "utf-8") if opcode == TEXT else bytes(payload))


def _close(payload: bytes) -> CloseFrame:
    if not payload:
        return CloseFrame(1005, "")
    try:
        ABNF(1, 0, 0, 0, CLOSE, 0, payload).validate(True)
        return CloseFrame(int.from_bytes(payload[:2], "big"), str(payload[2:], "utf-8"))
    except WebSocketProtocolException as error:
        raise Violation(1002, str(error)) from None
    except UnicodeDecodeError:
        raise Violation(1007, "a close reason that is not UTF-8") from None
