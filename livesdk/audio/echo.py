"""Keeping the model's own voice off the wire.

A microphone beside a loudspeaker hears the model, and the service takes that for the user.  Three
remedies: headphones (``echo="none"``), silence while the model speaks (:class:`HalfDuplex`), and
a canceller (:class:`WebRtcCanceller`, or a callable of your own), with which the user can cut in.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Optional

from .. import pcm
from ..errors import AudioError, ConfigError
from .base import AudioOutput

__all__ = ["Canceller", "HalfDuplex", "WebRtcCanceller"]

Canceller = Callable[[bytes, bytes], bytes]
"""Takes a captured chunk and what was played since the last call, both PCM, 16-bit little-endian,
mono, at the input's rate; returns the chunk without the echo, in the same length."""

_TAIL_MS = 250.0
_FRAME_MS = 10
_RATES_HZ = (8_000, 16_000, 32_000, 48_000)
_LAST_WORDS_S = 0.1


class HalfDuplex:
    """Silence while the output sounds, for its latency after that, and for the room's echo."""

    def __init__(self, output: AudioOutput, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._until = 0.0

    def __call__(self, captured: bytes) -> bytes:
        """Return the chunk, or as much silence."""
        now = self._clock()
        if self._output.active:
            self._until = now + (self._output.latency_ms + _TAIL_MS) / 1000
        return bytes(len(captured)) if now < self._until else captured


class WebRtcCanceller:
    """The echo canceller of WebRTC, from the package ``livekit`` (extra ``aec``).

    Finds the delay between loudspeaker and microphone by itself.  The package imports asyncio;
    none is run.  One thread at a time.

    Args:
        rate_hz: Of both sounds: 8 000, 16 000, 32 000 or 48 000.
        noise_suppression: Take steady noise away too.

    Raises:
        AudioError: The package is not installed.
        ConfigError: Another rate.
    """

    def __init__(self, rate_hz: int = 16_000, *, noise_suppression: bool = True) -> None:
        if rate_hz not in _RATES_HZ:
            raise ConfigError(f"rate_hz={rate_hz!r}; one of {_RATES_HZ} is expected")
        try:
            from livekit import rtc  # pyright: ignore[reportMissingImports]  # an extra
        except ImportError as error:
            raise AudioError(
                'echo="webrtc" needs the package livekit: pip install "livesdk[aec]"'
            ) from error
        _let_it_end()
        self._rtc: Any = rtc
        self._module: Any = rtc.AudioProcessingModule(
            echo_cancellation=True, noise_suppression=noise_suppression, high_pass_filter=True
        )
        self._rate_hz = rate_hz
        size = 2 * rate_hz * _FRAME_MS // 1000
        self._near, self._far = pcm.Chunker(size), pcm.Chunker(size)
        self._clean: Optional[bytes] = None

    def __call__(self, captured: bytes, played: bytes) -> bytes:
        """Return the captured chunk without what was played."""
        for block in self._far.feed(played):
            self._module.process_reverse_stream(self._frame(block))
        clean = [self._cleaned(block) for block in self._near.feed(captured)]
        # chunks that are no whole frames: one frame of silence goes before, and the rest is kept
        held = bytes(self._near.pending) if self._clean is None else self._clean
        ready = held + b"".join(clean)
        self._clean = ready[len(captured) :]
        return ready[: len(captured)].ljust(len(captured), b"\0")

    def _cleaned(self, block: bytes) -> bytes:
        frame = self._frame(block)
        self._module.process_stream(frame)
        return bytes(memoryview(frame.data).cast("B"))

    def _frame(self, block: bytes) -> Any:
        return self._rtc.AudioFrame(
            data=bytearray(block),
            sample_rate=self._rate_hz,
            num_channels=1,
            samples_per_channel=len(block) // 2,
        )


@cache  # once a process
def _let_it_end() -> None:
    """At the exit, give the package's own threads a moment between its end and Python's.

    It hands its log to Python from a thread of its own, also while it ends, and a thread that still
    waits for the interpreter when that is gone takes the process down with it.  What is registered
    before the package begins to work runs after its own.
    """
    atexit.register(time.sleep, _LAST_WORDS_S)
