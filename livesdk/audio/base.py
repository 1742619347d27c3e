"""The two interfaces: where sound comes from, and where it goes.

Write a subclass for a device, a phone line or a window of your own; everything that takes an input
or an output takes it.  All sound that crosses these interfaces is PCM: 16-bit little-endian, whole
frames.  Levels are in dBFS, times end in ``_ms``, timeouts are in seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Optional

from ..pcm import SILENCE_DBFS

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AudioInput", "AudioOutput"]


class AudioInput(ABC):
    """Where sound comes from: PCM, 16-bit little-endian, mono, at :attr:`rate_hz`.

    One thread calls :meth:`read`; :meth:`start` and :meth:`stop` may come from another one.  An
    input may be started and stopped any number of times.

    Attributes:
        rate_hz: Samples a second of what :meth:`read` returns.  16 000 is what the service likes
            best; any rate from 4 000 to 384 000 will do.
        chunk_ms: How much :meth:`read` returns at a time; 20 to 100 suits a conversation.
        muted: True: silence is read in place of the sound, in the same amount.
        level_dbfs: How loud the last chunk was, before it was muted.
    """

    rate_hz: int = 16_000
    chunk_ms: int = 20
    muted: bool = False
    level_dbfs: float = SILENCE_DBFS

    @abstractmethod
    def start(self) -> None:
        """Begin to capture; nothing happens if it has begun.

        Raises:
            AudioError: There is nothing to capture from; the text says what to do.
        """

    @abstractmethod
    def read(self, timeout: float = 1.0) -> Optional[bytes]:
        """Return the next chunk: at most ``chunk_ms`` of whole samples.

        Blocks as long as the sound takes to be made, up to ``timeout`` seconds, and no longer than
        until :meth:`stop`.

        Returns:
            The chunk; ``b""`` if there is none yet; ``None`` if there will be none any more.

        Raises:
            AudioError: The source is lost for good.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop capturing and let the source go; any thread, any number of times."""

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.stop()


class AudioOutput(ABC):
    """Where sound goes: PCM, 16-bit little-endian, ``channels`` interleaved, at ``rate_hz``.

    Sound is handed over faster than it is heard, so an output keeps what waits: minutes of it.
    One thread calls :meth:`write`; all else may come from any thread, also while :meth:`write`
    runs.  An output may be started and stopped any number of times; counters go on.

    Attributes:
        rate_hz: Frames a second of what :meth:`write` takes.  The service speaks at 24 000.
        channels: Samples a frame: 1, or 2 for music.
        latency_ms: From the moment a sample leaves the queue until it is heard.
        level_dbfs: How loud what is sounding at this moment is.
    """

    rate_hz: int = 24_000
    channels: int = 1
    latency_ms: float = 0.0
    level_dbfs: float = SILENCE_DBFS

    @abstractmethod
    def start(self) -> None:
        """Make ready to sound; nothing happens if it is.

        Raises:
            AudioError: There is nothing to sound from; the text says what to do.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Append whole frames to what is to be heard.  Does not wait for them to be heard."""

    @abstractmethod
    def end_of_turn(self) -> None:
        """Say that nothing follows for now: what waits is played out, however little it is."""

    @abstractmethod
    def flush(self, *, hard: bool = False) -> float:
        """Throw away what was not heard yet, and be silent.  Returns at once.

        Args:
            hard: Also what the device itself has taken already, where that is possible.

        Returns:
            How much was thrown away, in milliseconds.
        """

    @abstractmethod
    def drain(self, timeout: Optional[float] = None) -> bool:
        """Wait until all was heard, to the last sample; False if ``timeout`` seconds passed."""

    @abstractmethod
    def stop(self) -> None:
        """Be silent, and let the device go.  What waits is thrown away: call ``drain`` before."""

    @property
    @abstractmethod
    def queued_ms(self) -> float:
        """How much waits to be heard."""

    @property
    @abstractmethod
    def played_ms(self) -> float:
        """How much was given to the device since this object was made, silence not counted."""

    @property
    def active(self) -> bool:
        """Something is sounding, or about to."""
        return self.queued_ms > 0

    def pause(self) -> None:  # noqa: B027  # nothing to do, unless a subclass can
        """Hold what waits until :meth:`resume`; does nothing where that is not possible."""

    def resume(self) -> None:  # noqa: B027  # nothing to do, unless a subclass can
        """Go on after :meth:`pause`."""

    def poll(self) -> None:  # noqa: B027  # nothing to do, unless a subclass can
        """Look after the device; called several times a second by the thread that writes.

        Raises:
            AudioError: The device is lost for good.
        """

    def take_played(self) -> bytes:
        """Return what has gone out since the last call, silence included, for echo cancellation.

        PCM, 16-bit little-endian, mono, at ``rate_hz``; at most the last two seconds.  Empty where
        it is not known.
        """
        return b""

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if kind is None:
            self.drain()
        self.stop()
