"""A conversation: the senders, turns, and what is known of them.  The plumbing is elsewhere.

::

    send_…  ─▶ sending (checks) ─▶ codec ─▶ connection ─▶ transport
    message ─▶ _observe (on the reader: tally, transcript, the answer to ask) ─▶ callbacks, inbox

Rows of ``DESIGN`` §4: ``_lock`` around what the reader and callers both know, ``_uplink`` around
the odd byte of raw audio.  Neither is held while anything waits or is called.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional, Union

import attrs

from . import codec, sending
from ._firebase_names import FirebaseNames, content_in, pieces_in
from ._log import get_logger
from .calls import Calls
from .connection import Connection, Options, Service
from .dispatch import LiveCallbacks
from .endpoint import Access
from .errors import ConfigError, LiveError
from .families import family_of
from .lifecycle import Lifecycle
from .pcm import Alignment
from .protocol import completes_interaction
from .streaming import Progress, stream_media
from .tally import Tally, tokens_by_modality
from .tools import FunctionTool, ToolCounts, split_tools
from .transcript import Transcript, Utterance
from .turn import Answer, Turn
from .types.messages import LiveServerMessage, LiveServerSetupComplete, UsageMetadata
from .types.requests import LiveClientMessage, LiveClientSetup

__all__ = ["Session", "SessionStats"]

_log = get_logger(__name__)

_Frame = Union[sending.Media, LiveClientMessage, None]

SEND_TIMEOUT = 30.0
_TOOL_TICK = 0.02
"""Seconds between two looks at whether the model still waits for a function."""


@attrs.define(kw_only=True)
class SessionStats:
    """Counters of a session, as of the moment they were asked for.

    Attributes:
        messages_sent: Messages handed over to be sent, media that was dropped later included.
        messages_received: Messages that arrived, the answer to the setup included.
        bytes_sent: Bytes on the wire after the upgrade, TLS aside.
        bytes_received: The same, received.
        turns: Answers of the model that are complete.
        interruptions: How often the model was interrupted.
        reconnects: Connections that took over from the first one.
        time_to_first_audio: Seconds from the last input to the first audio, of each turn that had
            both; of the last thousand.  While a microphone streams on, each chunk is an input.
        media_dropped_ms: Realtime media that was dropped because the network was too slow.
        media_queued_ms: Realtime media that waits for room.
        media_held_back_ms: Realtime media that was not sent because a BLOCKING call was open.
        callbacks_queued_bytes: What waits for slow callbacks.
        inbox_queued_bytes: What waits for ``receive()``.
        tokens: Billed tokens by modality, over all turns.
        tools: What became of the calls of functions that run themselves.
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
    media_held_back_ms: float = 0.0
    callbacks_queued_bytes: int = 0
    inbox_queued_bytes: int = 0
    tokens: dict[str, int] = attrs.Factory(dict)
    tools: ToolCounts = attrs.Factory(ToolCounts)


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
        functions: Sequence[FunctionTool] = (),
        tool_audio: str = "drop",
    ) -> None:
        super().__init__()
        self._access = access
        self._alignment = Alignment()
        self._uplink = threading.Lock()  # around the alignment
        self._lock = threading.Lock()  # around the four below
        self._sent = 0
        self._tally = Tally()
        self._transcript = Transcript()
        self._answer: Optional[Answer] = None
        self._setup_complete: Optional[LiveServerSetupComplete] = None
        # see every message on the reader, before callbacks; must neither block nor raise
        self._observers: tuple[Callable[[LiveServerMessage], None], ...] = ()
        self._conversation_factory: Optional[Callable[..., Any]] = None  # given by the doors
        self._conversation: Any = None
        service = Service(
            message=LiveServerMessage,
            dial=dial,
            setup=codec.encode(LiveClientMessage(setup=setup)),
            observe=self._observe,
            ended=self._ended,
            is_tool=lambda: self._calls.runs_here,
        )
        self._connection = Connection(service, callbacks, self, options=options)
        family = family_of(setup.model or "")
        self._calls = Calls(
            self,
            name=f"livesdk-tool-{self._connection.number}",
            send=self.send_tool_response,
            report=self._connection.report,
            on_settled=self._calls_settled,
            blocks_by_default=bool(family and family.blocking_by_default),
            tool_audio=tool_audio,
        )
        self._calls.use(setup.tools, functions)

    # ----------------------------------------------------------------------------------- sending

    def send_client_content(
        self,
        turns: Any = None,
        turn_complete: Optional[bool] = True,
        *,
        timeout: float = SEND_TIMEOUT,
    ) -> None:
        """Add turns to the conversation, and with ``turn_complete`` ask for an answer.

        Interrupts what the model is saying (Protocol §4).

        Args:
            turns: A string, part, content, dict, or a list of them; strings and parts in a row are
                one turn of the user.  ``None``: nothing is added.  Or the one object that the JS
                client takes, ``{"turns": …, "turnComplete": …}``.
            turn_complete: True: answer now.  False: more will come.  ``None``: say nothing of it,
                which means the same as False.
            timeout: Seconds to wait for the network to take it.
        """
        if isinstance(turns, Mapping):
            turns, turn_complete = content_in(turns, turn_complete)
        message = sending.client_content(turns, turn_complete, self._access)
        self._send(message, timeout, asks=bool(turn_complete))

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
        timeout: float = SEND_TIMEOUT,
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
        pieces = [given]
        if realtime_input is not None:
            if any(value is not None for value in given.values()):
                raise ConfigError("send_realtime_input: give one object, or one argument by name")
            pieces = pieces_in(realtime_input)
        elif isinstance(media, list) and media:
            pieces = [{**given, "media": item} for item in media]
        self._send_realtime(pieces, rate_hz, timeout)

    def _send_realtime(
        self, pieces: Iterable[Mapping[str, Any]], rate_hz: Optional[int], timeout: float
    ) -> None:
        """Send pieces, each with one argument of ``send_realtime_input``; all or none are right."""
        for frame in self._frames(list(pieces), rate_hz):
            if isinstance(frame, sending.Media):
                self._send_media(frame)
            elif frame is not None:
                given = frame.realtime_input
                self._send(frame, timeout, asks=given is None or given.activity_start is None)

    def _frames(self, pieces: Sequence[Mapping[str, Any]], rate_hz: Optional[int]) -> list[_Frame]:
        """Make the frames; if one piece is wrong, nothing has happened to the odd byte."""
        frames: list[_Frame] = [
            None if _is_raw(piece) else sending.realtime_input(piece, Alignment(), rate_hz)
            for piece in pieces  # not under the lock: a picture takes its time to be packed
        ]
        with self._uplink:
            alignment = copy.copy(self._alignment)
            for index, piece in enumerate(pieces):
                if _is_raw(piece):
                    frames[index] = sending.realtime_input(piece, alignment, rate_hz)
                elif _ends_speech(piece):
                    alignment.flush()
            self._alignment = alignment
        return frames

    def send_tool_response(self, function_responses: Any, *, timeout: float = SEND_TIMEOUT) -> None:
        """Answer one or more function calls (Protocol §6).

        Args:
            function_responses: A :class:`FunctionResponse`, a dict, or a list of them; each with
                the ``id`` and ``name`` of the call, and an object as ``response``.
            timeout: Seconds to wait for the network to take it.
        """
        message = sending.tool_response(function_responses, self._access)
        assert message.tool_response is not None  # just made
        responses = message.tool_response.function_responses or []
        with self._lock:
            answer = self._answer
            if answer is not None:  # before it is sent: the turn may end at once
                answer.responded(responses, time.monotonic())
        try:
            self._send(message, timeout)
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
        timeout: float = SEND_TIMEOUT,
    ) -> None:
        """Replace the system instruction, the tools, or both, from here on (Protocol §7).

        Args:
            system_instruction: As in the config.
            tools: As in the config, functions included; an empty list removes all, ``None`` keeps
                them.  Calls that are running finish.
            timeout: Seconds to wait for the network to take it.
        """
        plain, functions = split_tools(tools)
        message = sending.context_update(system_instruction, plain, self._access)
        self._send(message, timeout)
        update = message.context_update
        if update is not None and update.tools is not None:
            self._calls.use(update.tools.tools, functions)

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
                audio nor a picture.
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

    def _send_chunk(self, chunk: Any, rate_hz: int, *, droppable: bool) -> Optional[sending.Media]:
        """Send a chunk of a stream; ``None`` if it was but half a sample."""
        [frame] = self._frames([{"media": chunk}], rate_hz)
        if not isinstance(frame, sending.Media):
            return None
        if droppable:
            self._send_media(frame)
        else:
            while self._calls.must_wait and not self.wait_ended(_TOOL_TICK):
                pass
            self._note_media()
            self._connection.send(frame.payload, SEND_TIMEOUT)
            self._count_sent()
        return frame

    def _send(self, message: LiveClientMessage, timeout: float, *, asks: bool = False) -> None:
        """Send what must not be lost; ``asks``: it lets the model answer."""
        self._awaits_more = False
        if asks:  # before it is sent: the answer may be here sooner than this thread goes on
            with self._lock:
                self._tally.prompted(time.monotonic())
        self._connection.send(codec.encode(message), timeout)
        self._count_sent()

    def _send_media(self, frame: sending.Media) -> None:
        if self._calls.hold_back(frame.duration_ms) and not self.is_closed:
            return
        self._note_media()
        self._connection.send_media(frame.payload, frame.duration_ms)
        self._count_sent()

    def _note_media(self) -> None:
        with self._lock:
            self._tally.fed(time.monotonic())

    def _count_sent(self) -> None:
        with self._lock:
            self._sent += 1

    # ------------------------------------------------------------------------------------- turns

    def ask(self, prompt: Any, *, timeout: float = 60.0) -> Turn:
        """Say something, and return the model's whole turn.

        Callbacks get the messages as well.  Messages that were waiting stay for ``receive()``, and
        so do those after the turn; its own are in the :class:`Turn`.  In a callback it works too,
        unless callbacks run on the reading thread (``dispatch="reader"``).

        Args:
            prompt: As ``turns`` of :meth:`send_client_content`.
            timeout: Seconds for the whole turn.

        Returns:
            The turn; ``ended_by`` is ``"closed"`` if the session ended cleanly before the turn did,
            and ``None`` if ``stop_receiving()`` cut it off.

        Raises:
            LiveTimeout: The turn did not end in time.  The session lives; what came of the turn is
                given up.
            SessionClosed: The session ended, abnormally, before the turn did.
            ConcurrentReceiveError: Another thread receives already.
            LocalProtocolError: It would wait for the thread it is called in.
        """
        deadline = time.monotonic() + timeout
        connection = self._connection
        with self._receiving():
            had_inbox, connection.fills_inbox = connection.fills_inbox, True
            waiting = connection.inbox.take_all()
            try:
                answer = self._expect_answer()
                self.send_client_content(prompt, turn_complete=True, timeout=timeout)
                self._await_answer(answer, deadline, waiting)
            finally:
                with self._lock:
                    self._answer = None
                connection.fills_inbox = had_inbox
                if had_inbox:
                    connection.inbox.put_back(waiting)
                else:
                    connection.inbox.take_all()
        return answer.turn(self.close_info)

    def _expect_answer(self) -> Answer:
        """From here on the reader hands messages to the answer, before anybody else sees them."""
        tally = self._tally
        with self._lock:
            self._answer = Answer(time.monotonic(), mid_turn=tally.mid_turn, busy=tally.busy)
            return self._answer

    def _await_answer(
        self, answer: Answer, deadline: float, waiting: list[tuple[LiveServerMessage, int]]
    ) -> None:
        """Take the answer's messages out of the inbox, and keep those that came before them."""
        reached = False
        while True:
            message = self._next(deadline, lambda: answer.is_settled)
            reached = reached or message is answer.first
            if message is None or message is answer.last:
                return
            if not reached:
                waiting.append((message, 0))

    def receive_turn(self, *, timeout: Optional[float] = None) -> Iterator[LiveServerMessage]:
        """Iterate over the messages of one turn: until the model and its tools are done.

        Raises:
            LiveTimeout: ``timeout`` seconds have passed.
            SessionClosed: The session ended abnormally.
            ConcurrentReceiveError: Another thread receives already.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._receiving():
            self._connection.fills_inbox = True
            message = self._next(deadline)
            while message is not None:
                yield message
                done = completes_interaction(message)
                if done and not self._calls.keep_turn_open:
                    return
                # where a tool of this turn still runs, its end may be that of the turn as well
                message = self._next(deadline, self._tools_are_done if done else _never)

    def _tools_are_done(self) -> bool:
        return not self._calls.keep_turn_open

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
        return self._tally.interrupted_at

    @property
    def transcripts(self) -> list[Utterance]:
        """The utterances so far, of both sides, in order; the last thousand.

        One a speaker and turn, the user's before the model's.  An utterance is here once it is
        complete, or the session has ended.
        """
        ended = self.is_closed
        with self._lock:
            return self._transcript.utterances(ended=ended)

    @property
    def usage(self) -> UsageMetadata:
        """What the session was billed so far: the last usage message of each turn, added up."""
        with self._lock:
            return self._tally.usage

    @property
    def stats(self) -> SessionStats:
        """Counters, as of now."""
        wire = self._connection.transport.stats
        with self._lock:
            tally = self._tally
            return SessionStats(
                messages_sent=self._sent,
                messages_received=wire.messages_received,
                bytes_sent=wire.bytes_sent,
                bytes_received=wire.bytes_received,
                turns=tally.turns,
                interruptions=tally.interruptions,
                time_to_first_audio=list(tally.first_audio),
                media_dropped_ms=wire.media_dropped_ms,
                media_queued_ms=wire.media_queued_ms,
                media_held_back_ms=self._calls.held_back_ms,
                callbacks_queued_bytes=self._connection.dispatcher.size,
                inbox_queued_bytes=self._connection.inbox.size,
                tokens=tokens_by_modality(tally.usage),
                tools=attrs.evolve(self._calls.counts),
            )

    def _observe(self, message: LiveServerMessage) -> None:
        """Take a message into account: on the reader, before callbacks and consumers."""
        if self._access.vertex_rules:
            codec.read_as_vertex(message)
        self._connection.memory.received(message)
        calls = self._calls.received(message)
        if message.setup_complete is not None or (
            # asked once only: raw of a message with audio is parsed when asked for
            self._setup_complete is None and "setupComplete" in (message.raw or ())
        ):
            self._setup_complete = message.setup_complete or LiveServerSetupComplete()
        now = time.monotonic()
        tools_run = self._calls.keep_turn_open
        with self._lock:
            self._tally.received(message, now)
            self._transcript.add(message)
            # what answers the setup never reaches the inbox, where ask() takes its messages out
            if self._answer is not None and message.setup_complete is None:
                self._answer.take(message, now, tools_run=tools_run)
        if calls:
            self._calls.run(calls)  # from here on a response may be on its way
        if tools_run and not self._calls.keep_turn_open:
            self._calls_settled()  # it settled while the message was taken
        for observer in self._observers:
            observer(message)

    def _ended(self) -> None:
        """The session is over: on the reader, before anybody is told."""
        self._calls.close()

    def _calls_settled(self) -> None:
        """No tool runs any more, and the model owes nothing: a turn that waited for it is over."""
        with self._lock:
            answer = self._answer
            if answer is not None:
                answer.tools_settled()
        self._connection.inbox.wake()


def _never() -> bool:
    return False


def _is_raw(piece: Mapping[str, Any]) -> bool:
    """Tell whether a piece is raw audio, whose samples may be cut."""
    values = (piece.get("audio"), piece.get("media"))
    return any(isinstance(value, sending.Bytes) or hasattr(value, "dtype") for value in values)


def _ends_speech(piece: Mapping[str, Any]) -> bool:
    """Tell whether the audio ends here: half a sample does not wait any longer then."""
    return bool(piece.get("audio_stream_end")) or piece.get("activity_end") is not None
