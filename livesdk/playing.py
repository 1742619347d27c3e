"""Music on its way to a loudspeaker or a file: as much ahead as is wanted, and no more.

Runs in the thread that calls it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from . import pcm
from .audio._queued import QueuedOutput
from .audio.base import AudioOutput
from .errors import ConfigError

if TYPE_CHECKING:
    from .music import MusicSession

__all__ = ["play_music"]

_RATE_HZ = 48_000
_CHANNELS = 2
_TICK_S = 0.05


def play_music(
    session: MusicSession,
    output: AudioOutput,
    *,
    seconds: Optional[float] = None,
    ahead_ms: float = 5_000.0,
    stop: Optional[threading.Event] = None,
    on_progress: Optional[Callable[[float], Any]] = None,
) -> float:
    """Play what a music session makes, until ``seconds`` were heard, it ends, or is stopped.

    Blocks, and is the session's one consumer meanwhile.  Music is made faster than it is heard:
    what comes more than ``ahead_ms`` early waits in the session, and finally with the service.
    So a change of the prompts is heard after ``ahead_ms`` at most, and what the service made ahead.

    Args:
        session: An open session; ``play()`` was called, or will be.
        output: A started output of 48 000 Hz and two channels.
        seconds: How much to play; ``None``: all that comes.
        ahead_ms: How much the output may hold.
        stop: Ends it when set: what the output holds is thrown away.  ``output.stop()``, from
            another thread, does the same.
        on_progress: Called several times a second with the milliseconds heard.

    Returns:
        How many milliseconds were heard.

    Raises:
        ConfigError: The output has another format, or was not started.
        SessionClosed: The session ended abnormally.
        AudioError: The output is lost for good.
    """
    if (output.rate_hz, output.channels) != (_RATE_HZ, _CHANNELS):
        raise ConfigError(
            f"output: {output.rate_hz} Hz and {output.channels} channels; music is"
            f" {_RATE_HZ} Hz and {_CHANNELS}"
        )
    if not _takes(output):
        raise ConfigError("output: it was not started, and would play nothing: call start() before")
    left = None if seconds is None else 4 * round(seconds * _RATE_HZ)
    watch = _Watch(output, stop or threading.Event(), on_progress)
    resampler: Optional[pcm.Resampler] = None
    for message in session.receive():
        sound = message.audio or b""
        rate_hz = message.sample_rate_hz
        if rate_hz and rate_hz != _RATE_HZ:
            if resampler is None or resampler.from_hz != rate_hz:
                resampler = pcm.Resampler(rate_hz, _RATE_HZ, _CHANNELS)
            sound = resampler.feed(sound)
        if left is not None:
            sound = sound[:left]
            left -= len(sound)
        output.write(sound)
        if not watch.wait_below(ahead_ms):
            output.flush()
            break
        if left == 0:
            break
    output.end_of_turn()
    watch.wait_below(0.0)
    output.drain(1.0)
    return watch.played_ms


def _takes(output: AudioOutput) -> bool:
    """Tell whether what is written will be heard; of the program's own outputs nobody knows."""
    return not isinstance(output, QueuedOutput) or output._runs()


class _Watch:
    """Waits for an output to play, and tells how far it is."""

    def __init__(
        self,
        output: AudioOutput,
        stop: threading.Event,
        on_progress: Optional[Callable[[float], Any]],
    ) -> None:
        self._output = output
        self._stop = stop
        self._on_progress = on_progress
        self._began_ms = output.played_ms
        self._told_at = 0.0

    @property
    def played_ms(self) -> float:
        return self._output.played_ms - self._began_ms

    def wait_below(self, queued_ms: float) -> bool:
        """Wait until no more than so much waits; False if stopped meanwhile."""
        while True:
            self._output.poll()
            now = time.monotonic()
            if self._on_progress is not None and now - self._told_at >= _TICK_S:
                self._told_at = now
                self._on_progress(self.played_ms)
            if self._stop.is_set() or not _takes(self._output):
                return False
            if self._output.queued_ms <= queued_ms:
                return True
            self._stop.wait(_TICK_S)
