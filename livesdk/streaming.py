"""Sending a file or a generator as if it were a microphone: in its own time, to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional, Union

from . import pcm
from .errors import ConfigError
from .sending import INPUT_RATE_HZ
from .types.content import Blob

if TYPE_CHECKING:
    from .session import Session

__all__ = ["stream_media"]

Progress = Callable[[float, Optional[float]], Any]


def stream_media(
    session: Session,
    stream: Union[str, os.PathLike[str], bytes, Iterable[Any]],
    *,
    realtime: bool = True,
    rate_hz: Optional[int] = None,
    chunk_ms: int = 20,
    end: bool = True,
    on_progress: Optional[Progress] = None,
) -> None:
    """Send audio piece by piece, paced like a microphone; blocks until it is sent.

    Args:
        session: Where to.
        stream: The path of a WAV file; PCM bytes; or an iterable of chunks in any form that
            ``send_realtime_input(audio=...)`` takes.
        realtime: True: no faster than it would be spoken.  False: as fast as the network takes it;
            the service may then hear it all at once.
        rate_hz: Of raw PCM; 16 000 unless given.  A WAV file brings its own.
        chunk_ms: How a file or bytes are cut.
        end: Say ``audioStreamEnd`` at the end, so that the server answers without waiting for
            silence.
        on_progress: Called after each chunk with the milliseconds sent, and of all if known.

    Raises:
        ConfigError: Not a WAV file of 16-bit samples, or chunks that are no audio.
        SessionClosed: The session ended on the way.
    """
    chunks, total_ms, rate = _chunks_of(stream, rate_hz, chunk_ms)
    started = time.monotonic()
    sent_ms = 0.0
    for chunk in chunks:
        if realtime:
            _sleep_until(session, started + sent_ms / 1000)
        session.send_realtime_input(audio=chunk, rate_hz=rate)
        sent_ms += _duration_ms(chunk, rate)
        if on_progress is not None:
            on_progress(sent_ms, total_ms)
    if realtime:
        _sleep_until(session, started + sent_ms / 1000)
    if end:
        session.send_realtime_input(audio_stream_end=True)


def _chunks_of(
    stream: Any, rate_hz: Optional[int], chunk_ms: int
) -> tuple[Iterator[Any], Optional[float], int]:
    """Return the chunks, how long they are altogether if known, and the rate of raw ones."""
    if isinstance(stream, (str, os.PathLike)):
        try:
            data, rate, channels = pcm.read_wav(os.fspath(stream))
        except OSError as error:
            raise ConfigError(f"stream: {error.strerror or error}") from error
        stream, rate_hz = pcm.mix_to_mono(data, channels), rate
    rate = rate_hz or INPUT_RATE_HZ
    if isinstance(stream, (bytes, bytearray, memoryview)):
        size = rate * chunk_ms // 1000 * 2
        return iter(pcm.chunks(bytes(stream), size)), pcm.duration_ms(len(stream), rate), rate
    if not isinstance(stream, Iterable):
        raise ConfigError(f"stream: expected a path, bytes or an iterable, got {stream!r:.60}")
    return iter(stream), None, rate


def _duration_ms(chunk: Any, rate_hz: int) -> float:
    if isinstance(chunk, tuple):
        chunk = Blob(mime_type=chunk[0], data=chunk[1])
    if isinstance(chunk, Blob):
        rate = pcm.rate_of(chunk.mime_type, rate_hz)
        return pcm.duration_ms(len(chunk.data or b""), rate, pcm.channels_of(chunk.mime_type))
    if hasattr(chunk, "dtype"):
        return len(chunk) / rate_hz * 1000
    return pcm.duration_ms(len(chunk), rate_hz) if isinstance(chunk, (bytes, bytearray)) else 0.0


def _sleep_until(session: Session, moment: float) -> None:
    """Wait, but no longer than the session lives; the sender then raises its end."""
    left = moment - time.monotonic()
    if left > 0:
        session.wait_ended(left)
