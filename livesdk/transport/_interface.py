"""What a transport is, to those who use one."""

from __future__ import annotations

import abc
from typing import Optional, Union

from attrs import define

from ._dial import Dial
from ._frames import CloseFrame, Message

__all__ = ["Lost", "Transport", "TransportStats"]


class Lost(Exception):  # an outcome; the connection makes a CloseInfo of it
    """The connection is gone.

    Attributes:
        code: 1006, or the code we failed the connection with (1002, 1007, 1009).
        reason: What happened, in a few words.
        sent: False if no byte of what was to be sent went out.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@define
class TransportStats:
    """Counters of one connection; read them any time, they only grow (queues aside)."""

    messages_received: int = 0
    bytes_received: int = 0
    frames_sent: int = 0
    bytes_sent: int = 0
    media_dropped_ms: float = 0.0
    media_queued_ms: float = 0.0
    frames_queued: int = 0


class Transport(abc.ABC):
    """What :mod:`livesdk.connection` needs of a connection.

    ``open``, ``receive`` and ``close`` belong to one thread, the reader; the others are for any.
    """

    stats: TransportStats
    last_received: float
    """When the last bytes came, by ``time.monotonic``."""

    @abc.abstractmethod
    def open(self, request: Dial, deadline: float) -> None:
        """Connect; ``ConnectError``, ``LiveTimeout``, or :class:`Lost` if aborted."""

    @abc.abstractmethod
    def receive(self, deadline: Optional[float]) -> Union[Message, CloseFrame, None]:
        """Return what arrived next, or ``None`` at the deadline or when woken; else ``Lost``."""

    @abc.abstractmethod
    def send(self, payload: bytes, deadline: float) -> None:
        """Return once the message is with the operating system.

        Raises:
            LiveTimeout: The peer took no bytes of it by the deadline; nothing was sent.
            Lost: The connection is gone; no whole message was sent.
        """

    @abc.abstractmethod
    def send_media(self, payload: bytes, duration_ms: float) -> None:
        """Queue a realtime message, in order with the others; never waits.

        Beyond one second of media the oldest that did not start to go out is dropped and counted.
        """

    @abc.abstractmethod
    def ping(self) -> None:
        """Send a ping as soon as there is room; never waits."""

    @abc.abstractmethod
    def send_close(self, code: int, reason: str) -> None:
        """Send a close frame as soon as there is room, and nothing after it; never waits."""

    @abc.abstractmethod
    def wake(self) -> None:
        """Make a ``receive`` that waits return ``None``."""

    @abc.abstractmethod
    def abort(self) -> None:
        """End the connection now, without a goodbye; every waiting thread wakes."""

    @abc.abstractmethod
    def close(self) -> None:
        """Free everything; the reader's last call."""

    def struck_from(self, text: str) -> str:
        """Return what the peer said without the secrets that it was sent, should it quote one."""
        return text

    @abc.abstractmethod
    def forget(self) -> None:
        """Drop the descriptors without a goodbye: they belong to the parent of this fork."""
