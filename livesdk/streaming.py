"""Sending a file or a generator as if it were a microphone: in its own time, to its end.

Blocks the thread that calls; :func:`send_and_receive` has a thread for it, and receives meanwhile.
Row of ``DESIGN`` §4: ``livesdk-stream-<id>``, while ``start_stream``'s messages are iterated over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from . import codec, pcm
from ._checks import check_whole_number
from .errors import ConfigError, SessionClosed
from .sending import INPUT_RATE_HZ, Media
from .types.content import Blob

if TYPE_CHECKING:
    from .senders import Senders
    from .types.messages import LiveServerMessage

__all__ = ["Progress", "send_and_receive", "stream_media"]

Progress = Callable[[float, Optional[float]], Any]

_BEHIND = 0.2
"""Seconds by which a stream may be late and still catch up; a source that stalled does not."""

_RAW = ("audio/pcm", "audio/l16")


def stream_media(
    session: Senders,
    stream: Any,
    *,
    realtime: bool,
    rate_hz: Optional[int],
    chunk_ms: int,
    end: bool,
    on_progress: Optional[Progress],
) -> None:
    """Send audio piece by piece; see :meth:`livesdk.session.Session.send_media_stream`."""
    if rate_hz is not None:
        check_whole_number("rate_hz", rate_hz)
    check_whole_number("chunk_ms", chunk_ms)
    if end and session._detects_activity is False:
        raise ConfigError(
            "end=True says audioStreamEnd, which is for sessions with automatic detection: pass"
            " end=False, with activity_start before the stream and activity_end behind it"
        )
    chunks, total_ms, rate_hz = _chunks_of(stream, rate_hz, chunk_ms)
    pace = _Pace(session) if realtime else None
    sent_ms, pictures = 0.0, False
    for chunk in chunks:
        if pace:
            pace.wait(sent_ms)
        frame = session._send_chunk(chunk, rate_hz, droppable=realtime)
        if frame is not None and _is_sound(frame):
            sent_ms += frame.duration_ms
        elif frame is not None:
            pictures = True
        if on_progress is not None:
            on_progress(sent_ms, total_ms)
    if pace:
        pace.wait(sent_ms)
    if end and (sent_ms or not pictures):
        session.send_realtime_input(audio_stream_end=True)


def send_and_receive(session: Senders, stream: Any, mime_type: str) -> Iterator[LiveServerMessage]:
    """Receive, and send meanwhile; see :meth:`livesdk.session.Session.start_stream`."""
    if not isinstance(stream, Iterable):
        raise ConfigError(f"stream: expected an iterable of chunks, got {stream!r:.60}")
    sending = _Sending(session, stream, mime_type)
    return _beside(sending, session._receive(is_over=lambda: sending.failure is not None))


def _beside(
    sending: _Sending, messages: Iterator[LiveServerMessage]
) -> Iterator[LiveServerMessage]:
    sending.start()
    try:
        yield from messages
    finally:
        sending.stopped.set()
    if sending.failure is not None:
        raise sending.failure


class _Sending:
    """Sends chunks as they come, on a thread of its own, until they end or it is stopped.

    Attributes:
        stopped: When set, no other chunk is sent.
        failure: What ended it, if that was not the end of the session.
    """

    def __init__(self, session: Senders, chunks: Iterable[Any], mime_type: str) -> None:
        self._session = session
        self._chunks = chunks
        self._mime_type = mime_type
        self.stopped = threading.Event()
        self.failure: Optional[BaseException] = None

    def start(self) -> None:
        name = f"livesdk-stream-{self._session._connection.number}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        try:
            for chunk in self._chunks:
                if self.stopped.is_set():
                    return
                self._send(chunk)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # raised where it is iterated
            if isinstance(error, SessionClosed) and self._session.wait_ended(0.0):
                return  # who receives is told how it ended
            self.failure = error
            self._session._connection.inbox.wake()

    def _send(self, chunk: Any) -> None:
        blob = chunk if hasattr(chunk, "mime_type") else (self._mime_type, chunk)
        self._session._send_chunk(blob, None, droppable=False)


class _Pace:
    """Lets no more out than has had the time to be spoken."""

    def __init__(self, session: Senders) -> None:
        self._session = session
        self._started = time.monotonic()

    def wait(self, sent_ms: float) -> None:
        """Wait for the moment of what follows, but no longer than the session lives."""
        left = self._started + sent_ms / 1000 - time.monotonic()
        if left > 0:
            self._session.wait_ended(left)  # the next sender raises how it ended
        elif left < -_BEHIND:
            self._started -= left + _BEHIND


def _is_sound(frame: Media) -> bool:
    return frame.payload.startswith(b'{"realtimeInput":{"audio"')


def _chunks_of(
    stream: Any, rate_hz: Optional[int], chunk_ms: int
) -> tuple[Iterator[Any], Optional[float], Optional[int]]:
    """Return the chunks, how long they are altogether if known, and their rate if it was given."""
    if callable(getattr(stream, "read", None)):
        stream = stream.read()
        if not isinstance(stream, bytes):
            raise ConfigError("stream: a file opened for binary reading is expected")
    elif isinstance(stream, (str, os.PathLike)):
        stream, rate_hz = _file(stream)
    if isinstance(stream, (Blob, Mapping)) or _is_pair(stream):
        stream, rate_hz = _unpacked(stream, rate_hz)
    if isinstance(stream, (bytes, bytearray, memoryview)):
        stream, rate_hz = _sound(bytes(stream), rate_hz)
    elif hasattr(stream, "dtype"):
        stream = pcm.to_pcm16(stream)
    if isinstance(stream, bytes):
        rate = rate_hz or INPUT_RATE_HZ
        size = max(1, rate * chunk_ms // 1000) * 2
        return pcm.chunks(stream, size), pcm.duration_ms(len(stream), rate), rate_hz
    if not isinstance(stream, Iterable):
        raise ConfigError(f"stream: expected a path, bytes or an iterable, got {stream!r:.60}")
    return iter(stream), None, rate_hz


def _file(path: Union[str, os.PathLike[str]]) -> tuple[bytes, int]:
    """Read a WAV file, and no other: PCM without a header has no name for its rate."""
    try:
        samples, rate, channels = pcm.read_wav(path)
    except OSError as error:
        raise ConfigError(f"stream: {os.fspath(path)}: {error.strerror or error}") from error
    return pcm.mix_to_mono(samples, channels), rate


def _is_wav(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WAVE"


def _sound(content: bytes, rate_hz: Optional[int]) -> tuple[bytes, Optional[int]]:
    """Return PCM and its rate, a WAV file taken apart."""
    if not _is_wav(content):
        return content, rate_hz
    samples, rate, channels = pcm.read_wav(content)
    return pcm.mix_to_mono(samples, channels), rate


def _is_pair(stream: Any) -> bool:
    return isinstance(stream, tuple) and len(stream) == 2 and isinstance(stream[0], str)


def _unpacked(stream: Any, rate_hz: Optional[int]) -> tuple[Any, Optional[int]]:
    """Take raw mono sound out of its blob, so that it can be cut; other blobs are one chunk."""
    blob = codec.check(stream, Blob, "stream")
    kind = (blob.mime_type or "").lower()
    if kind.startswith(_RAW) and pcm.channels_of(kind) == 1 and blob.data is not None:
        return blob.data, pcm.rate_of(kind, rate_hz or INPUT_RATE_HZ)
    return [blob], rate_hz
