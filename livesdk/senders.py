"""Everything a session says to the model: each sender checks, then sends, and notes that it did.

::

    send_…  ─▶ sending (checks, pure) ─▶ codec ─▶ connection ─▶ transport

A class of its own only because :class:`livesdk.session.Session` would be too long; it knows no
plumbing either.  Row of ``DESIGN`` §4: ``_uplink`` around the odd byte of raw audio.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Optional, Union

import attrs

from . import codec, sending
from ._log import get_logger
from .calls import Calls
from .endpoint import Access
from .errors import ConfigError, LiveError
from .history import History
from .lifecycle import Lifecycle
from .older_forms import content_in, pieces_in
from .pcm import Alignment
from .streaming import Progress, stream_media
from .tally import Tally
from .tools import split_tools
from .turn import Answer
from .types.messages import LiveServerMessage
from .types.requests import (
    LiveClientContextUpdate,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
)

__all__ = ["SEND_TIMEOUT", "Senders"]

_log = get_logger(__name__)

_Frame = Union[sending.Media, LiveClientMessage, None]

SEND_TIMEOUT = 30.0
_TOOL_TICK = 0.02
"""Seconds between two looks at whether the model still waits for a function."""


class Senders(Lifecycle[LiveServerMessage]):
    """The sending half of :class:`livesdk.session.Session`."""

    _access: Access
    _calls: Calls
    _answer: Optional[Answer]
    _history: Optional[History]
    _setup: LiveClientSetup
    _tally: Tally

    def __init__(self) -> None:
        super().__init__()
        self._alignment = Alignment()
        self._uplink = threading.Lock()  # around the alignment
        self._lock = threading.Lock()  # around _sent, and what Session says
        self._sent = 0
        self._in_activity = False  # the user speaks, as far as the program said so itself

    def _forked(self) -> None:
        """In the child of a fork nobody holds a lock: who did is not here."""
        self._uplink = threading.Lock()
        self._lock = threading.Lock()
        self._calls.forked()

    def send_client_content(
        self,
        turns: Any = None,
        turn_complete: Optional[bool] = True,
        *,
        timeout: Optional[float] = SEND_TIMEOUT,
    ) -> None:
        """Add turns to the conversation, and with ``turn_complete`` ask for an answer.

        Interrupts what the model is saying (Protocol §4).

        Args:
            turns: A string, part, content, dict, or a list of them; strings and parts in a row are
                one turn of the user.  ``None``: nothing is added.  Or the one object that the JS
                client takes, ``{"turns": …, "turnComplete": …}``.
            turn_complete: True: answer now.  False: more will come.  ``None``: say nothing of it,
                which means the same as False.
            timeout: Seconds to wait for the network to take it, and for a connection if there is
                none at the moment.

        Raises:
            ConfigError: The turns are none; nothing was sent.
            LiveTimeout: The network took nothing in time; nothing was sent.
            SessionReconnecting: No connection came back in time; nothing was sent.
            SessionClosed: The session is over.
        """
        self._send_content(turns, turn_complete, timeout)

    def _send_content(
        self,
        turns: Any,
        turn_complete: Optional[bool],
        timeout: Optional[float],
        before: Optional[Callable[[], None]] = None,
    ) -> None:
        if type(turns) is str and type(turn_complete) is bool:  # by far the most
            payload = codec.encode_user_text(turns, turn_complete=turn_complete)
        else:
            if isinstance(turns, Mapping):
                turns, turn_complete = content_in(turns, turn_complete)
            payload = codec.encode(sending.client_content(turns, turn_complete, self._access))
        history = self._history
        if history is None or not history.is_due:
            self._send_payload(payload, timeout, asks=bool(turn_complete), before=before)
        else:  # it triggers no answer (Protocol §3.11)
            self._send_payload(payload, timeout, asks=False)
            history.sent(payload, is_last=bool(turn_complete))

    def send_realtime_input(
        self,
        realtime_input: Optional[Mapping[str, Any]] = None,
        *,
        audio: Any = None,
        video: Any = None,
        text: Optional[str] = None,
        audio_stream_end: Optional[bool] = None,
        activity_start: Any = None,
        activity_end: Any = None,
        media: Any = None,
        rate_hz: Optional[int] = None,
        timeout: Optional[float] = SEND_TIMEOUT,
    ) -> None:
        """Send one piece of what the user says or shows at this moment (Protocol §5).

        Give exactly one of ``audio`` to ``media``.  Audio and video never wait: what the network
        does not take within a second is dropped, oldest first, and counted in ``stats``.

        Args:
            realtime_input: The one object that the JS client takes, in place of all else:
                ``{"audio": …}``.
            audio: PCM, 16-bit little-endian, mono: bytes, a NumPy array (int16, or float in -1 to
                1; mono or stereo), a blob, or ``(mime_type, bytes)``.  Bytes may be cut anywhere:
                half a sample waits for the next call, or is forgotten where the stream ends.
            video: One picture: a blob, a PIL image, ``(mime_type, bytes)``, or JPEG, PNG or WEBP
                bytes.  About one a second.  PIL images travel as PNG; for a smaller JPEG save one
                yourself, and give its bytes.
            text: What the user typed.
            audio_stream_end: True: the microphone is off for now.
            activity_start: ``{}``: the user begins to speak (automatic detection disabled).
            activity_end: ``{}``: the user has spoken.
            media: A blob of audio or a picture, or a list of them; older name.
            rate_hz: Of raw audio; 16 000 unless given.
            timeout: Seconds to wait for the network, or for a connection, for all but audio and
                video; those are kept while there is none, the newest second of them.

        Raises:
            ConfigError: Not exactly one argument, or it is not of its kind; nothing was sent.
            LiveTimeout: The network took nothing in time; nothing was sent.
            SessionReconnecting: No connection came back in time; nothing was sent.
            SessionClosed: The session is over.
        """
        if (
            type(audio) is bytes
            and realtime_input is None
            and video is None
            and text is None
            and audio_stream_end is None
            and activity_start is None
            and activity_end is None
            and media is None
        ):
            self._send_pcm(audio, rate_hz)
            return
        given = {
            "audio": audio,
            "video": video,
            "text": text,
            "audio_stream_end": audio_stream_end,
            "activity_start": activity_start,
            "activity_end": activity_end,
            "media": media,
        }
        pieces = [given]
        if realtime_input is not None:
            if any(value is not None for value in given.values()):
                raise ConfigError("send_realtime_input: give one object, or one argument by name")
            pieces = pieces_in(realtime_input)
        elif isinstance(media, list) and media:
            pieces = [{**given, "media": item} for item in media]
        self._send_realtime(pieces, rate_hz, timeout)

    @property
    def _detects_activity(self) -> Optional[bool]:
        """The server notices by itself when the user speaks (Protocol §3.7).

        ``None`` where nobody here knows: a token's maker, or a gateway, may have settled it.
        """
        if self._access.is_token or self._access.is_gateway:
            return None
        config = self._setup.realtime_input_config
        detection = config.automatic_activity_detection if config else None
        return not (detection and detection.disabled)

    def _send_pcm(self, samples: bytes, rate_hz: Optional[int]) -> None:
        """Send what a microphone gives, fifty times a second: the straight way through."""
        self._connection.notice_fork()
        with self._uplink:
            frame = sending.pcm_frame(samples, self._alignment, rate_hz)
        if frame is not None:
            self._send_media(frame)

    def _send_realtime(
        self, pieces: Iterable[Mapping[str, Any]], rate_hz: Optional[int], timeout: Optional[float]
    ) -> None:
        """Send pieces, each with one argument of ``send_realtime_input``; all or none are right."""
        for frame in self._frames(list(pieces), rate_hz):
            if isinstance(frame, sending.Media):
                self._send_media(frame)
            elif frame is not None:
                self._send_mark_or_text(frame, timeout)

    def _send_mark_or_text(self, frame: LiveClientMessage, timeout: Optional[float]) -> None:
        given = frame.realtime_input or LiveClientRealtimeInput()  # a media chunk of no known kind
        begins = given.activity_start is not None
        if given.audio_stream_end:
            if self._calls.hold_back(0.0) and not self.is_closed:
                return  # as the sound that it would end
            self._tally.fed(time.monotonic())  # whether there was speech is for the server to say
        self._send(frame, timeout, asks=not (begins or given.audio_stream_end))
        if begins:
            self._in_activity = True
        elif given.activity_end is not None:
            self._in_activity = False

    def _frames(self, pieces: Sequence[Mapping[str, Any]], rate_hz: Optional[int]) -> list[_Frame]:
        """Make the frames; if one piece is wrong, nothing has happened to the odd byte."""
        frames: list[_Frame] = [
            None if _is_raw(piece) else sending.realtime_input(piece, Alignment(), rate_hz)
            for piece in pieces  # not under the lock: a picture takes its time to be packed
        ]
        self._connection.notice_fork()
        with self._uplink:
            alignment = copy.copy(self._alignment)
            for index, piece in enumerate(pieces):
                if _is_raw(piece):
                    frames[index] = sending.realtime_input(piece, alignment, rate_hz)
                elif _ends_speech(piece):
                    alignment.flush()
            self._alignment = alignment
        return frames

    def send_tool_response(
        self, function_responses: Any, *, timeout: Optional[float] = SEND_TIMEOUT
    ) -> None:
        """Answer one or more function calls (Protocol §6).

        Args:
            function_responses: A :class:`FunctionResponse`, a dict, or a list of them; each with
                the ``id`` and ``name`` of the call, and an object as ``response``.  Those to calls
                that the model took back are left out (Protocol §13.5).
            timeout: Seconds to wait for the network to take it, or for a connection.

        Raises:
            ConfigError: A response is not of its kind, or lacks its id; nothing was sent.
            LiveTimeout: The network took nothing in time; nothing was sent.
            SessionReconnecting: No connection came back in time; nothing was sent.
            SessionClosed: The session is over.
        """
        self._respond(function_responses, timeout=timeout)

    def _respond(
        self,
        function_responses: Any,
        is_wanted: Optional[Callable[[], bool]] = None,
        *,
        timeout: Optional[float] = SEND_TIMEOUT,
    ) -> None:
        message = sending.tool_response(function_responses, self._access)
        assert message.tool_response is not None  # just made
        responses = message.tool_response.function_responses or []
        self._connection.notice_fork()
        cancelled = self._connection.memory.cancelled
        wanted = [response for response in responses if response.id not in cancelled]
        if len(wanted) < len(responses):
            late = ", ".join(str(response.id) for response in responses if response.id in cancelled)
            _log.info("not sent: what was said to calls that are cancelled: %s", late)
            responses = wanted
            message = sending.tool_response(responses, self._access) if wanted else message
        if not responses:
            return
        with self._lock:
            answer = self._answer
            if answer is not None:  # before it is sent: the turn may end at once
                answer.responded(responses, time.monotonic())
        try:
            self._send(message, timeout, is_wanted=is_wanted)
        except LiveError:
            with self._lock:
                if answer is not None:
                    answer.withdrawn(responses)
            raise
        self._calls.responded(responses)
        for response in responses:
            if not response.will_continue:
                self._connection.memory.responded(response.id)

    def send_context_update(
        self,
        *,
        system_instruction: Any = None,
        tools: Any = None,
        timeout: Optional[float] = SEND_TIMEOUT,
    ) -> None:
        """Replace the system instruction, the tools, or both, from here on (Protocol §7).

        Args:
            system_instruction: As in the config.
            tools: As in the config, functions included; an empty list removes all, ``None`` keeps
                them.  Calls that are running finish.
            timeout: Seconds to wait for the network to take it, or for a connection.

        Raises:
            ConfigError: Neither is given, or it is not of its kind; nothing was sent.
            LiveTimeout: The network took nothing in time; nothing was sent.
            SessionReconnecting: No connection came back in time; nothing was sent.
            SessionClosed: The session is over.
        """
        plain, functions = split_tools(tools)
        message = sending.context_update(system_instruction, plain, self._access)
        self._send(message, timeout)
        update = message.context_update
        if update is not None:
            self._updated(update)
        if update is not None and update.tools is not None:
            self._calls.use(update.tools.tools, functions)

    def _updated(self, update: LiveClientContextUpdate) -> None:
        """From here on the setup of another connection says the same."""
        changes: dict[str, Any] = {}
        if update.system_instruction is not None:
            changes["system_instruction"] = update.system_instruction
        if update.tools is not None:
            changes["tools"] = update.tools.tools or None
        with self._lock:
            self._setup = attrs.evolve(self._setup, **changes)

    def send_media_chunks(self, chunks: Any) -> None:
        """Send one blob or several, each as audio or video by its type; never waits."""
        pieces = [{"media": chunk} for chunk in sending.blobs_of(chunks)]
        self._send_realtime(pieces, None, SEND_TIMEOUT)

    def send_media_stream(
        self,
        stream: Any,
        *,
        realtime: bool = True,
        rate_hz: Optional[int] = None,
        chunk_ms: int = 20,
        end: bool = True,
        on_progress: Optional[Progress] = None,
    ) -> None:
        """Send a WAV file, PCM or an iterable of chunks as if it were spoken; blocks meanwhile.

        Stops at once when the session ends.

        Args:
            stream: The path of a WAV file, an open file, WAV or PCM bytes, a NumPy array; or an
                iterable of chunks: whatever ``send_realtime_input`` takes as ``audio``, and
                pictures, which take no time.
            realtime: True: no faster than it is spoken; what a slow network does not take is
                dropped, as with a microphone.  False: as fast as the network takes it, and all of
                it.
            rate_hz: Of raw PCM; 16 000 unless given.  A WAV file brings its own.
            chunk_ms: How files, bytes and arrays are cut.
            end: Say ``audioStreamEnd`` at the end, so that the server answers without waiting for
                silence.  Not allowed where automatic detection is disabled.
            on_progress: Called after each chunk with the milliseconds of audio sent so far, and
                those of the whole or ``None``.

        Raises:
            ConfigError: No such file, no WAV file of 16-bit samples, or a chunk that is neither
                audio nor a picture; or ``end`` in a session without automatic detection.
            SessionClosed: The session ended on the way.
        """
        stream_media(
            self,
            stream,
            realtime=realtime,
            rate_hz=rate_hz,
            chunk_ms=chunk_ms,
            end=end,
            on_progress=on_progress,
        )

    def _send_chunk(
        self, chunk: Any, rate_hz: Optional[int], *, droppable: bool
    ) -> Optional[sending.Media]:
        """Send a chunk of a stream; ``None`` if it was but half a sample."""
        [frame] = self._frames([{"media": chunk}], rate_hz)
        if not isinstance(frame, sending.Media):
            return None
        if droppable:
            self._send_media(frame)
        else:
            while self._calls.must_wait and not self.wait_ended(_TOOL_TICK):
                pass
            self._tally.fed(time.monotonic())
            self._connection.send(frame.payload, SEND_TIMEOUT, media_ms=frame.duration_ms)
            self._count_sent()
        return frame

    def _send(
        self,
        message: LiveClientMessage,
        timeout: Optional[float],
        *,
        asks: bool = False,
        before: Optional[Callable[[], None]] = None,
        is_wanted: Optional[Callable[[], bool]] = None,
    ) -> None:
        """Send what must not be lost; ``asks``: it lets the model answer."""
        payload = codec.encode(message)
        self._send_payload(payload, timeout, asks=asks, before=before, is_wanted=is_wanted)

    def _send_payload(
        self,
        payload: bytes,
        timeout: Optional[float],
        *,
        asks: bool,
        before: Optional[Callable[[], None]] = None,
        is_wanted: Optional[Callable[[], bool]] = None,
    ) -> None:
        self._awaits_more = False
        # before it is sent: the answer may be here sooner than this thread goes on
        before = before or (self._prompted if asks else None)
        in_vain = self._withdrawn if asks else None
        try:
            self._connection.send(
                payload, timeout, before=before, in_vain=in_vain, is_wanted=is_wanted
            )
        except BaseException:
            if asks:  # nothing was asked
                self._withdrawn()
            raise
        self._count_sent()

    def _prompted(self) -> None:
        with self._lock:
            self._tally.prompted(time.monotonic())

    def _withdrawn(self) -> None:
        with self._lock:
            self._tally.withdrawn()

    def _send_media(self, frame: sending.Media) -> None:
        if self._calls.hold_back(frame.duration_ms) and not self.is_closed:
            return
        self._tally.fed(time.monotonic())
        self._connection.send_media(frame.payload, frame.duration_ms)
        with self._lock:
            self._sent += 1

    def _count_sent(self) -> None:
        with self._lock:
            self._sent += 1


def _is_raw(piece: Mapping[str, Any]) -> bool:
    """Tell whether a piece is raw audio, whose samples may be cut."""
    values = (piece.get("audio"), piece.get("media"))
    return any(isinstance(value, sending.Bytes) or hasattr(value, "dtype") for value in values)


def _ends_speech(piece: Mapping[str, Any]) -> bool:
    """Tell whether the audio ends here: half a sample does not wait any longer then."""
    return bool(piece.get("audio_stream_end")) or piece.get("activity_end") is not None
