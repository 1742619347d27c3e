"""A conversation: the senders, turns, and what is known of them.  The plumbing is elsewhere.

::

    send_…  ─▶ sending (checks) ─▶ codec ─▶ connection ─▶ transport
    message ─▶ _observe (on the reader: memory, counters, transcripts) ─▶ callbacks, inbox
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Optional, Union

import attrs

from . import codec, sending
from ._firebase_names import FirebaseNames
from ._log import get_logger
from .connection import Connection, Options, Service
from .dispatch import LiveCallbacks
from .endpoint import Access
from .lifecycle import Lifecycle
from .pcm import Alignment
from .protocol import completes_interaction
from .streaming import stream_media
from .turn import Transcript, Turn, TurnBuilder, Utterance, sum_usage
from .types.messages import LiveServerMessage, LiveServerSetupComplete, UsageMetadata
from .types.requests import LiveClientMessage, LiveClientSetup

__all__ = ["Session", "SessionStats"]

_log = get_logger(__name__)

SEND_TIMEOUT = 30.0
_UTTERANCES = 1000


@attrs.define(kw_only=True)
class SessionStats:
    """Counters of a session, as of the moment they were asked for.

    Attributes:
        time_to_first_audio: Of each turn that had audio: seconds from the last input to it.
        media_dropped_ms: Realtime media that was dropped because the network was too slow.
        media_queued_ms: Realtime media that waits for room.
        callbacks_queued_bytes: What waits for slow callbacks.
        inbox_queued_bytes: What waits for ``receive()``.
        tokens: Billed tokens by modality, over all turns.
    """

    messages_sent: int = 0
    messages_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    turns: int = 0
    interruptions: int = 0
    reconnects: int = 0
    time_to_first_audio: list[float] = attrs.Factory(list)
    media_dropped_ms: float = 0.0
    media_queued_ms: float = 0.0
    callbacks_queued_bytes: int = 0
    inbox_queued_bytes: int = 0
    tokens: dict[str, int] = attrs.Factory(dict)


class Session(FirebaseNames, Lifecycle[LiveServerMessage]):
    """A live conversation; made by ``client.live.connect(...)`` or ``model.connect()``.

    Every method may be called from any thread.  Senders raise :class:`SessionClosed` once the
    session is over, and :class:`ConfigError` before anything is sent if an argument is wrong.
    """

    def __init__(
        self,
        *,
        access: Access,
        setup: LiveClientSetup,
        dial: Any,
        callbacks: LiveCallbacks,
        options: Options,
    ) -> None:
        super().__init__()
        self._access = access
        self._alignment = Alignment()
        self._lock = threading.Lock()  # around the counters below; nothing is called under it
        self._sent = 0
        self._turns = 0
        self._interruptions = 0
        self._interrupted_at: Optional[float] = None
        self._input_at = time.monotonic()
        self._heard_audio = False
        self._first_audio: list[float] = []
        self._usages: list[UsageMetadata] = []
        self._usage_open = False
        self._transcript = Transcript()
        self._utterances: deque[Utterance] = deque(maxlen=_UTTERANCES)
        self._builder: Optional[TurnBuilder] = None
        self._setup_complete: Optional[LiveServerSetupComplete] = None
        service = Service(
            message=LiveServerMessage,
            dial=dial,
            setup=codec.encode(LiveClientMessage(setup=setup)),
            observe=self._observe,
        )
        self._connection = Connection(service, callbacks, self, options=options)

    # ----------------------------------------------------------------------------------- sending

    def send_client_content(
        self, turns: Any = None, turn_complete: bool = True, *, timeout: float = SEND_TIMEOUT
    ) -> None:
        """Add turns to the conversation, and with ``turn_complete`` ask for an answer.

        Interrupts what the model is saying (Protocol §4).

        Args:
            turns: A string, part, content, dict, or a list of them; strings and parts in a row are
                one turn of the user.  ``None``: nothing is added.
            turn_complete: True: answer now.  False: more will come.
            timeout: Seconds to wait for the network to take it.
        """
        message = sending.client_content(turns, turn_complete, self._access)
        self._send(message, timeout)
        if turn_complete:
            self._note_input()

    def send_realtime_input(
        self,
        *,
        audio: Any = None,
        video: Any = None,
        text: Optional[str] = None,
        audio_stream_end: Optional[bool] = None,
        activity_start: Any = None,
        activity_end: Any = None,
        media: Any = None,
        rate_hz: Optional[int] = None,
        timeout: float = SEND_TIMEOUT,
    ) -> None:
        """Send one piece of what the user says or shows at this moment (Protocol §5).

        Give exactly one of the first seven.  Audio and video never wait: what the network does not
        take within a second is dropped, oldest first, and counted in ``stats``.

        Args:
            audio: PCM, 16-bit little-endian, mono: bytes, a NumPy array (int16, or float in -1 to
                1; mono or stereo), a blob, or ``(mime_type, bytes)``.
            video: One picture: a blob, a PIL image, ``(mime_type, bytes)``, or JPEG, PNG or WEBP
                bytes.  About one a second.
            text: What the user typed.
            audio_stream_end: True: the microphone is off for now.
            activity_start: ``{}``: the user begins to speak (automatic detection disabled).
            activity_end: ``{}``: the user has spoken.
            media: A blob of audio or a picture; older name.
            rate_hz: Of raw audio; 16 000 unless given.
            timeout: Seconds to wait for the network, for all but audio and video.
        """
        given = {
            "audio": audio,
            "video": video,
            "text": text,
            "audio_stream_end": audio_stream_end,
            "activity_start": activity_start,
            "activity_end": activity_end,
            "media": media,
        }
        if isinstance(media, list):
            self.send_media_chunks(media)
            return
        frame = sending.realtime_input(given, self._alignment, rate_hz)
        if isinstance(frame, LiveClientMessage):
            self._send(frame, timeout)
            self._note_input()
        else:
            self._send_media(frame)

    def send_tool_response(self, function_responses: Any, *, timeout: float = SEND_TIMEOUT) -> None:
        """Answer one or more function calls (Protocol §6).

        Args:
            function_responses: A :class:`FunctionResponse`, a dict, or a list of them; each with
                the ``id`` and ``name`` of the call, and an object as ``response``.
            timeout: Seconds to wait for the network to take it.
        """
        message = sending.tool_response(function_responses, self._access)
        self._send(message, timeout)
        assert message.tool_response is not None  # just made
        responses = message.tool_response.function_responses or []
        for response in responses:
            if not response.will_continue:
                self._connection.memory.responded(response.id)
        builder = self._builder
        if builder is not None:
            builder.responded(responses, time.monotonic())

    def send_context_update(
        self,
        *,
        system_instruction: Any = None,
        tools: Any = None,
        timeout: float = SEND_TIMEOUT,
    ) -> None:
        """Replace the system instruction, the tools, or both, from here on (Protocol §7).

        Args:
            system_instruction: As in the config.
            tools: As in the config; an empty list removes all, ``None`` keeps them.
            timeout: Seconds to wait for the network to take it.
        """
        self._send(sending.context_update(system_instruction, tools, self._access), timeout)

    def send_media_chunks(self, chunks: Any) -> None:
        """Send blobs one after another, each as audio or video by its type."""
        for chunk in sending.blobs_of(chunks):
            self._send_media(sending.media_frame(chunk, self._alignment))

    def send_media_stream(self, stream: Any, **options: Any) -> None:
        """Send an iterable of chunks or a WAV file; see :func:`livesdk.streaming.stream_media`."""
        stream_media(self, stream, **options)

    def _send(self, message: LiveClientMessage, timeout: float) -> None:
        self._awaits_more = False
        self._connection.send(codec.encode(message), timeout)
        with self._lock:
            self._sent += 1

    def _send_media(self, frame: Union[sending.Media, LiveClientMessage, None]) -> None:
        if isinstance(frame, sending.Media):
            self._connection.send_media(frame.payload, frame.duration_ms)
            with self._lock:
                self._sent += 1
                self._input_at = time.monotonic()

    def _note_input(self) -> None:
        with self._lock:
            self._input_at = time.monotonic()

    # ------------------------------------------------------------------------------------- turns

    def ask(self, prompt: Any, *, timeout: float = 60.0) -> Turn:
        """Say something, and return the model's whole turn.

        Callbacks get the messages as well.  Messages that were waiting stay for ``receive()``.

        Args:
            prompt: As ``turns`` of :meth:`send_client_content`.
            timeout: Seconds for the whole turn.

        Raises:
            LiveTimeout: The turn did not end in time.
            SessionClosed: The session ended, abnormally, before the turn did.
            ConcurrentReceiveError: Another thread receives already.
        """
        deadline = time.monotonic() + timeout
        connection = self._connection
        with self._receiving():
            had_inbox, connection.fills_inbox = connection.fills_inbox, True
            waiting = connection.inbox.take_all()
            # the end of a turn that this prompt interrupts is not the end of the one asked for
            stale = connection.memory.generating
            try:
                self._builder = TurnBuilder(time.monotonic())
                self.send_client_content(prompt, turn_complete=True, timeout=timeout)
                return self._collect(deadline, stale=stale)
            finally:
                self._builder = None
                connection.fills_inbox = had_inbox
                if not had_inbox:
                    connection.inbox.take_all()
                connection.inbox.put_back(waiting)

    def _collect(self, deadline: float, *, stale: bool) -> Turn:
        builder = self._builder
        assert builder is not None  # ask has set it
        while True:
            message = self._next(deadline)
            if message is None:
                info = self.close_info
                if info is not None:
                    builder.closed(info)
                return builder.result()
            if not builder.add(message, time.monotonic()):
                continue
            if not stale:
                return builder.result()
            stale = False
            builder = self._builder = TurnBuilder(self._input_at)

    def receive_turn(self, *, timeout: Optional[float] = None) -> Iterator[LiveServerMessage]:
        """Iterate over the messages of one turn: until the model is done (Protocol §13.3).

        Raises:
            LiveTimeout: ``timeout`` seconds have passed.
            SessionClosed: The session ended abnormally.
            ConcurrentReceiveError: Another thread receives already.
        """
        self._connection.fills_inbox = True
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._receiving():
            while True:
                message = self._next(deadline)
                if message is None:
                    return
                yield message
                if completes_interaction(message):
                    return

    # ------------------------------------------------------------------------------ what is known

    @property
    def setup_complete(self) -> Optional[LiveServerSetupComplete]:
        """The server's answer to the setup."""
        return self._setup_complete

    @property
    def session_id(self) -> Optional[str]:
        """As the server names the session; ``None`` on the Developer API."""
        return self._connection.memory.session_id

    @property
    def resumption_handle(self) -> Optional[str]:
        """The newest handle this session can be resumed with, in ``session_resumption``."""
        return self._connection.memory.handle

    @property
    def interrupted_at(self) -> Optional[float]:
        """When the model was last interrupted, by ``time.monotonic``; ``None`` if never."""
        return self._interrupted_at

    @property
    def transcripts(self) -> list[Utterance]:
        """The utterances so far, of both sides, in order; the last thousand."""
        with self._lock:
            return list(self._utterances)

    @property
    def usage(self) -> UsageMetadata:
        """What the session was billed so far: the last usage message of each turn, added up."""
        with self._lock:
            return sum_usage(self._usages)

    @property
    def stats(self) -> SessionStats:
        """Counters, as of now."""
        wire = self._connection.transport.stats
        usage = self.usage
        details = (*(usage.prompt_tokens_details or ()), *(usage.response_tokens_details or ()))
        tokens: dict[str, int] = {}
        for item in details:
            tokens[str(item.modality)] = tokens.get(str(item.modality), 0) + (item.token_count or 0)
        with self._lock:
            return SessionStats(
                messages_sent=self._sent,
                messages_received=wire.messages_received,
                bytes_sent=wire.bytes_sent,
                bytes_received=wire.bytes_received,
                turns=self._turns,
                interruptions=self._interruptions,
                time_to_first_audio=list(self._first_audio),
                media_dropped_ms=wire.media_dropped_ms,
                media_queued_ms=wire.media_queued_ms,
                callbacks_queued_bytes=self._connection.dispatcher.size,
                inbox_queued_bytes=self._connection.inbox.size,
                tokens=tokens,
            )

    def _observe(self, message: LiveServerMessage) -> None:
        """Take a message into account: on the reader, before callbacks and consumers."""
        if self._access.vertex_rules:
            codec.read_as_vertex(message)
        self._connection.memory.received(message)
        if message.setup_complete is not None or (
            # asked once only: raw of a message with audio is parsed when asked for
            self._setup_complete is None and "setupComplete" in (message.raw or ())
        ):
            self._setup_complete = message.setup_complete or LiveServerSetupComplete()
        now = time.monotonic()
        content = message.server_content
        with self._lock:
            if content and content.interrupted:
                self._interrupted_at = now
                self._interruptions += 1
            if not self._heard_audio and message.audio:
                self._heard_audio = True
                self._first_audio.append(now - self._input_at)
            self._utterances.extend(self._transcript.add(message))
            self._count_usage(message)

    def _count_usage(self, message: LiveServerMessage) -> None:
        """Keep the last usage message of each turn; the caller holds the lock."""
        if message.usage_metadata:
            if self._usage_open:
                self._usages[-1] = message.usage_metadata
            else:
                self._usages.append(message.usage_metadata)
                self._usage_open = True
        content = message.server_content
        if content and content.turn_complete:
            self._turns += 1
            self._usage_open = False
            self._heard_audio = False
