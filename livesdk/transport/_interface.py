"""What a transport is, to those who use one."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Optional, Union

from attrs import Factory

from .._records import define, frozen
from ._dial import Dial
from ._frames import CloseFrame, Message, Payload

__all__ = ["INTERRUPTED", "Held", "Leftover", "Lost", "Outbound", "Transport", "TransportStats"]


class Lost(Exception):  # an outcome; the connection makes a CloseInfo of it
    """The connection is gone.

    Attributes:
        code: 1006, or the code we failed the connection with (1002, 1007, 1009).
        reason: What happened, in a few words.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Held(Exception):  # never leaves the package
    """Nothing may go out at this moment: not open yet, or about to be left; it may be kept."""


@frozen
class Outbound:
    """A message on its way out, and how much realtime media it is; 0 for all that is none."""

    payload: bytes
    media_ms: float = 0.0


@define
class Leftover:
    """What a connection that is over leaves to the next one.

    Attributes:
        sent: With a journal: what went out and was not acknowledged, in the order on the wire;
            then what was given to ``release`` and did not go out.
        media: Realtime media that did not go out.
        forgotten: Messages that went out, were not acknowledged, and were too much for the journal.
    """

    sent: list[Outbound] = Factory(list)
    media: list[Outbound] = Factory(list)
    forgotten: int = 0


INTERRUPTED = 0.5
"""Seconds after which a lock that is held for microseconds must be held by this very thread: a
signal handler runs in the midst of what it guards."""


@define
class TransportStats:
    """Counters, over all connections of a session; read them any time.  All but queues grow."""

    messages_received: int = 0
    bytes_received: int = 0
    frames_sent: int = 0
    messages_sent: int = 0
    """Whole messages, realtime media and setups aside."""
    media_sent_ms: float = 0.0
    bytes_sent: int = 0
    media_dropped_ms: float = 0.0
    media_queued_ms: float = 0.0
    frames_queued: int = 0


class Transport(abc.ABC):
    """What :mod:`livesdk.connection` needs of a connection.

    ``open``, ``send_setup``, ``keep``, ``release``, ``receive``, ``next``, ``more``,
    ``acknowledged``, ``leftover`` and ``close`` belong to one thread, the reader; the others are
    for any.  Until ``release`` nothing but the setup goes out: ``send`` raises :class:`Held`, and
    media waits; likewise after ``hold``.
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
    def next(self) -> Union[Message, CloseFrame, None]:
        """Return what arrived together with what :meth:`receive` returned, if anything is left.

        Does not look at the network.
        """

    def more(self) -> Sequence[Payload]:
        """Return the messages that :meth:`next` would return before anything else, all at once."""
        return ()

    @abc.abstractmethod
    def send_setup(self, payload: bytes, deadline: float) -> None:
        """Send the first message; as ``send``."""

    @abc.abstractmethod
    def keep(self, media: Sequence[Outbound]) -> None:
        """Take what an earlier connection left of realtime media, before ``release``.

        It goes before what was given since; the bound holds for both together.
        """

    @abc.abstractmethod
    def release(self, first: Sequence[Outbound] = ()) -> None:
        """Let messages out from here on; never waits.

        Args:
            first: What goes before everything else, and is never dropped.
        """

    @abc.abstractmethod
    def hold(self) -> bool:
        """Let nothing out from here on that is not queued; the opposite of ``release``.

        Returns:
            Whether nothing is queued.
        """

    @abc.abstractmethod
    def acknowledged(self, count: int) -> None:
        """The first ``count`` messages after the setup need not be kept any longer."""

    @abc.abstractmethod
    def leftover(self) -> Leftover:
        """After the end, take out what the next connection should send; from then on refuse all."""

    @abc.abstractmethod
    def send(self, payload: bytes, deadline: float, media_ms: Optional[float] = None) -> None:
        """Return once the message is with the operating system.

        Args:
            payload: The message.
            deadline: Until when, by ``time.monotonic``.
            media_ms: How much realtime media it is, if it is any.

        Raises:
            LiveTimeout: The peer took no bytes of it by the deadline; nothing was sent.
            Held: It has to wait for ``release``; nothing was sent.
            Lost: The connection is gone; no whole message was sent.
        """

    @abc.abstractmethod
    def send_media(self, payload: bytes, duration_ms: float) -> None:
        """Queue a realtime message, in order with the others; never waits.

        Beyond one second of media the oldest that did not start to go out is dropped and counted.
        Where the session outlives the connection, media is still taken after the connection is
        lost, until ``leftover`` was called.
        """

    @abc.abstractmethod
    def ping(self) -> None:
        """Send a ping as soon as there is room; never waits."""

    @abc.abstractmethod
    def send_close(self, code: int, reason: str) -> bool:
        """Send a close frame as soon as there is room, and nothing after it; never waits.

        Returns:
            False where this thread seems to hold the lock, in whose midst a signal handler runs:
            nothing was done.
        """

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
