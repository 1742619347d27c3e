"""What outputs with a queue have in common: conversion on the way in, counters, draining."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from typing import Optional

from .. import pcm
from ._playback import Playback
from .base import AudioOutput

__all__ = ["QueuedOutput"]

_POLL_S = 0.1


class QueuedOutput(AudioOutput):
    """An output in front of a :class:`Playback`, in whatever format its device has.

    Row of ``DESIGN`` §4: ``_write_lock`` is held while a chunk is converted, so that chunks of two
    writers do not mix; the device never takes it.
    """

    def __init__(self, *, rate_hz: int, channels: int, prebuffer_ms: float) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self._playback = Playback(rate_hz, channels, prebuffer_ms)
        self._write_lock = threading.Lock()
        self._resampler: Optional[pcm.Resampler] = None
        self._tap_resampler: Optional[pcm.Resampler] = None
        self._converting = -1  # the generation that the resampler holds a piece of
        self._aligned = pcm.Alignment(2 * channels)

    # ------------------------------------------------------------------------------ the interface

    def write(self, data: bytes, *, generation: Optional[int] = None) -> None:
        """Append sound to what is to be heard.  Any thread; converts, and never waits.

        Args:
            data: PCM, 16-bit little-endian, at ``rate_hz`` and ``channels``.
            generation: What :attr:`generation` was when the sound was made: if it was flushed
                meanwhile, this sound is thrown away too.
        """
        with self._write_lock:
            wanted = self._playback.generation if generation is None else generation
            self._playback.write(self._converted(data, wanted), wanted)

    def end_of_turn(self) -> None:
        """Play out what waits, the resampler's look-ahead included."""
        with self._write_lock:
            if self._converting == self._playback.generation and self._resampler is not None:
                self._playback.write(self._to_channels(self._resampler.flush()), self._converting)
            self._playback.end()

    def flush(self, *, hard: bool = False) -> float:
        """Throw away what waits; see :meth:`AudioOutput.flush`."""
        dropped = self._playback.flush()
        if hard:
            self._drop_taken()
        return dropped

    def drain(self, timeout: Optional[float] = None) -> bool:
        """Wait until all was heard, to the last sample; False if ``timeout`` seconds passed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self.end_of_turn()
        while not self._playback.wait_idle(_POLL_S):
            self.poll()
            if not self._runs() or (deadline is not None and time.monotonic() >= deadline):
                return False
        left = (self.latency_ms + self._block_ms()) / 1000
        if deadline is not None:
            left = min(left, max(0.0, deadline - time.monotonic()))
        return not self._wait_stopped(left)

    def pause(self) -> None:
        """Hold what waits until :meth:`resume`."""
        self._playback.hold(paused=True)

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._playback.hold(paused=False)

    def take_played(self) -> bytes:
        """Return what has gone out since the last call; see :meth:`AudioOutput.take_played`."""
        played = self._playback.take_tapped()
        if self._playback.rate_hz == self.rate_hz:
            return played
        made = self._tap_resampler
        if made is None or made.from_hz != self._playback.rate_hz:
            made = self._tap_resampler = pcm.Resampler(self._playback.rate_hz, self.rate_hz)
        return made.feed(played)

    # ------------------------------------------------------------------------------ what is known

    @property
    def active(self) -> bool:
        """Something is sounding, or about to."""
        return self._playback.active

    @property
    def generation(self) -> int:
        """How often it was flushed."""
        return self._playback.generation

    @property
    def queued_ms(self) -> float:
        """How much waits to be heard."""
        return self._playback.queued_ms

    @property
    def played_ms(self) -> float:
        """How much was given to the device, silence not counted."""
        return self._playback.played_ms

    @property
    def discarded_ms(self) -> float:
        """How much was thrown away by ``flush`` and ``stop``."""
        return self._playback.discarded_ms

    @property
    def underruns(self) -> int:
        """How often the queue was empty in the middle of a turn: a gap was heard."""
        return self._playback.underruns

    @property
    def began_at(self) -> Optional[float]:
        """When the sound that plays, or played last, began; by ``time.monotonic``."""
        return self._playback.began_at

    @property
    def level_dbfs(self) -> float:  # type: ignore[override]  # computed where others keep it
        """How loud what is sounding at this moment is."""
        return self._playback.level_dbfs

    # ------------------------------------------------------------------------------- conversion

    def _converted(self, data: bytes, generation: int) -> bytes:
        """Turn frames of ours into frames of the device; the caller holds the write lock."""
        if self._converting != generation:
            self._converting = generation
            self._aligned.flush()
            self._resampler = None
        if self._playback.rate_hz != self.rate_hz and self._resampler is None:
            self._resampler = pcm.Resampler(self.rate_hz, self._playback.rate_hz, self.channels)
        whole = self._aligned.feed(data)
        return self._to_channels(self._resampler.feed(whole) if self._resampler else whole)

    def _to_channels(self, data: bytes) -> bytes:
        if self._playback.channels == self.channels:
            return data
        return pcm.mono_to_stereo(data) if self.channels == 1 else pcm.mix_to_mono(data, 2)

    # ------------------------------------------------------------------------------ for subclasses

    @abstractmethod
    def _runs(self) -> bool:
        """Whether something takes from the queue."""

    @abstractmethod
    def _wait_stopped(self, seconds: float) -> bool:
        """Wait, but no longer than it runs; True if it was stopped meanwhile."""

    @abstractmethod
    def _block_ms(self) -> float:
        """How much the device takes at a time."""

    def _drop_taken(self) -> None:
        """Throw away what the device has taken already, where that is possible."""
