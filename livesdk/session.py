"""A conversation: its turns, and what is known of it.  The plumbing is elsewhere.

::

    send_…  ─▶ senders ─▶ sending (checks) ─▶ codec ─▶ connection ─▶ transport
    message ─▶ _observe (on the reader: tally, transcript, the answer to ask) ─▶ callbacks, inbox

Row of ``DESIGN`` §4: ``_lock`` around what the reader and callers both know; nothing waits and
nothing is called under it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Optional

import attrs

from . import codec
from ._firebase_names import FirebaseNames
from ._log import get_logger, words_of
from ._timeout import seconds_of_timeout
from .calls import Calls, ToolAudio
from .connection import Connection
from .dispatch import LiveCallbacks
from .endpoint import Access
from .errors import CloseInfo, ConfigError, LocalProtocolError, SessionClosed
from .families import family_of
from .history import History
from .lifecycle import CUT, SETTLED
from .protocol import completes_interaction, shows_arrival
from .retry import ReconnectInfo
from .service import Options, Resumption, Service
from .tally import SessionStats, Tally, tokens_by_modality
from .tools import FunctionTool
from .transcript import Transcript, Utterance
from .turn import Answer, Turn
from .types.config import SessionResumptionConfig
from .types.messages import LiveServerMessage, LiveServerSetupComplete, UsageMetadata
from .types.requests import (
    ActivityStart,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
)

if TYPE_CHECKING:
    from .conversation import AudioConversation

__all__ = ["Session"]

_log = get_logger(__name__)


class Session(FirebaseNames):
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
        conversations: Callable[..., AudioConversation],
        functions: Sequence[FunctionTool] = (),
        tool_audio: ToolAudio = "drop",
        history: Optional[History] = None,
    ) -> None:
        super().__init__()
        self._access = access
        self._history = history
        # _lock of Senders is around what follows, up to the observers
        self._setup = setup
        self._tally = Tally()
        self._transcript = Transcript()
        self._answer: Optional[Answer] = None
        self._setup_complete: Optional[LiveServerSetupComplete] = None
        self._held_open: Any = None  # the message with which the model, but not its tools, was done
        # see every message on the reader, before callbacks; must neither block nor raise
        self._observers: tuple[Callable[[LiveServerMessage], None], ...] = ()
        self._conversation_factory = conversations
        self._conversation = None
        # told on the reader that another connection stands; as the observers
        self._followers: tuple[Callable[[ReconnectInfo], None], ...] = ()
        service = Service(
            message=LiveServerMessage,
            dial=dial,
            setup=self._setup_with,
            observe=self._observe,
            ended=self._ended,
            is_tool=lambda: self._calls.runs_here,
            is_heard=self._is_heard,
            forked=self._forked,
            resumption=self._resumption(setup),
        )
        self._connection = Connection(service, callbacks, self, options=options)
        # on Vertex no family blocks by default (Protocol §13.5)
        family = None if access.vertex_rules else family_of(setup.model or "")
        self._calls = Calls(
            self,
            name=f"livesdk-tool-{self._connection.number}",
            send=self._respond,
            report=self._connection.report,
            on_settled=self._calls_settled,
            on_owed=self._connection.inbox.wake,
            blocks_by_default=bool(family and family.blocking_by_default),
            in_parts=not self._access.vertex_rules,
            tool_audio=tool_audio,
        )
        self._calls.use(setup.tools, functions)

    def _has_listeners(self) -> bool:
        return bool(self._observers) or super()._has_listeners()

    # -------------------------------------------------------------------------------- resumption

    def _resumption(self, setup: LiveClientSetup) -> Resumption:
        config = setup.session_resumption
        return Resumption(
            handle=(config.handle or None) if config else None,
            transparent=bool(config and config.transparent),
            outlives_1000=self._access.vertex_rules,
            history=self._history_payloads,
            activity=self._activity_message,
            is_quiet=self._is_quiet,
            lost=self._connection_lost,
            reopened=self._reopened,
        )

    def _setup_with(self, handle: Optional[str]) -> bytes:
        """Make the first message of a connection; a resumed one has its history already."""
        with self._lock:
            setup = self._setup
        config = setup.session_resumption
        if config is not None or handle:
            config = attrs.evolve(config or SessionResumptionConfig(), handle=handle)
        announces = not handle and (self._history is None or self._history.is_announced)
        history = setup.history_config if announces else None
        setup = attrs.evolve(setup, session_resumption=config, history_config=history)
        return codec.encode(LiveClientMessage(setup=setup))

    def _history_payloads(self) -> Sequence[bytes]:
        try:
            return self._history.payloads() if self._history is not None else ()
        except Exception as error:  # noqa: BLE001  # a border: the function is the user's
            failure = ConfigError(f"history: it was not sent: {words_of(error)}")
            failure.__cause__ = error
            self._connection.report(failure)
            return ()

    def _activity_message(self) -> Optional[bytes]:
        """What is said during a gap is kept for the next connection, so this has to go before."""
        if not self._in_activity:
            return None
        given = LiveClientRealtimeInput(activity_start=ActivityStart())
        return codec.encode(LiveClientMessage(realtime_input=given))

    def _is_quiet(self) -> bool:
        """Nothing is going on that another connection would not know of; on the reader."""
        with self._lock:
            busy = self._tally.busy or self._tally.mid_turn or self._tally.hears
        return not (busy or self._connection.memory.mid_turn or self._calls.keep_turn_open)

    def _connection_lost(self) -> bool:
        """Calls that are open cannot be answered any more; on the reader."""
        calls_open = self._calls.keep_turn_open or bool(self._connection.memory.pending_calls)
        with self._lock:
            mid_turn = self._tally.busy or self._tally.mid_turn or calls_open
            # what the model would have said to the results does not come any more
            if self._answer is not None and self._answer.is_paused:
                self._answer.cut()
            was_held_open, self._held_open = self._held_open is not None, None
        if was_held_open:
            self._connection.inbox.put(CUT, 0)
        self._calls.connection_lost()
        return mid_turn

    def _reopened(self, info: ReconnectInfo) -> None:
        """Another connection stands: an answer that was under way begins anew, or never comes."""
        again = self._begins_again(info)
        with self._lock:
            was_busy = self._tally.connection_lost(again=again)
            self._transcript.connection_lost()
            answer = self._answer
            if answer is not None and again:
                answer.restart()
            elif answer is not None:
                answer.cut()
        if was_busy and not again:
            self._connection.inbox.put(CUT, 0)
        self._connection.inbox.wake()
        for follow in self._followers:
            follow(info)

    def _begins_again(self, info: ReconnectInfo) -> bool:
        """Tell whether what the new connection does not know of was sent again."""
        config = self._setup.session_resumption
        return info.state_restored and bool(config and config.transparent)

    def resume(self, handle: Any = None, *, timeout: Optional[float] = 10.0) -> ReconnectInfo:
        """Leave the connection for another one that takes the conversation up, now.

        It happens by itself where ``reconnect`` of ``connect()`` allows it.  To take up a session
        that has ended, or one of another process, connect anew with
        ``session_resumption={"handle": stored}``.

        Args:
            handle: From ``resumption_handle``, of this session or another; or a
                :class:`SessionResumptionConfig`, or a dict.  The newest of this session unless
                given.
            timeout: Seconds to wait for it.

        Returns:
            What it came to; ``state_restored`` is False if the handle was refused, and a fresh
            session took its place.

        Raises:
            LocalProtocolError: There is no handle: the config asked for none
                (``session_resumption={}``), or the service gave none yet.
            SessionClosed: The session is over, or no other connection came.
            LiveTimeout: It takes longer; the session goes on trying.
        """
        if handle is not None and not isinstance(handle, str):
            handle = codec.check(handle, SessionResumptionConfig, "handle").handle
        if not handle and self.resumption_handle is None:
            raise LocalProtocolError(
                "there is no handle to resume with: the config has to ask for one"
                " (session_resumption={}), and the service gives it when nothing is under way"
            )
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        return self._connection.resume(handle, deadline)

    # ------------------------------------------------------------------------------------- turns

    def ask(self, prompt: Any, *, timeout: Optional[float] = 60.0) -> Turn:
        """Say something, and return the model's whole turn.

        Callbacks get the messages as well.  Messages that were waiting stay for ``receive()``, and
        so do those after the turn; its own are in the :class:`Turn`.  In a callback it works too,
        unless callbacks run on the reading thread (``dispatch="reader"``).

        Args:
            prompt: As ``turns`` of :meth:`send_client_content`.
            timeout: Seconds for the whole turn; ``None``: for ever.

        Returns:
            The turn; ``ended_by`` is ``"closed"`` if the session ended cleanly before the turn did,
            ``"reconnected"`` if the connection was lost on the way (ask again), and ``None`` if
            ``stop_receiving()`` cut it off.

        Raises:
            ConfigError: The prompt is empty, or of no kind that can be sent.
            LiveTimeout: The turn did not end in time.  The session lives; what came of the turn is
                given up.
            SessionReconnecting: No connection came back in time; the prompt was not sent.
            SessionClosed: The session ended, abnormally, before the turn did.
            ConcurrentReceiveError: Another thread receives already.
            LocalProtocolError: It would wait for the thread it is called in; or the config
                announces a history that was not sent yet (Protocol §3.11).
        """
        if prompt is None or (isinstance(prompt, (str, list, tuple)) and not prompt):
            raise ConfigError(
                f"ask({prompt!r}): nothing to say; to have the model go on by itself, call"
                " send_client_content(turn_complete=True) and receive_turn()"
            )
        if self._history is not None and self._history.is_due:
            raise LocalProtocolError(
                "history_config announces a history, and the server answers nothing before it came:"
                " send it with send_client_content(turns, turn_complete=True), or give it to"
                " connect() as history="
            )
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        connection = self._connection
        with self._receiving():
            had_inbox, connection.inbox.fills = connection.inbox.fills, True
            waiting = connection.inbox.take_all()
            try:
                self._send_content(prompt, True, timeout, self._expect_answer)
                answer = self._answer
                assert answer is not None  # made before the prompt went out
                self._await_answer(answer, deadline, waiting)
            finally:
                with self._lock:
                    self._answer = None
                connection.inbox.fills = had_inbox
                if had_inbox:
                    connection.inbox.put_back(waiting)
                else:
                    connection.inbox.take_all()
        return answer.turn(self.close_info)

    def _expect_answer(self) -> None:
        """From here on the reader hands messages to the answer, before anybody else sees them."""
        tally, now = self._tally, time.monotonic()
        with self._lock:
            self._answer = Answer(now, mid_turn=tally.mid_turn, busy=tally.busy)
            tally.prompted(now)

    def _await_answer(
        self, answer: Answer, deadline: float, waiting: list[tuple[LiveServerMessage, int]]
    ) -> None:
        """Take the answer's messages out of the inbox, and keep those that came before them."""
        has_begun = False
        while True:
            message = self._next(deadline, lambda: answer.is_settled)
            has_begun = has_begun or message is answer.first
            if message is None and answer.is_settled:
                self._take_rest(answer, waiting)
            if message is None or message is answer.last:
                return
            if message is CUT and answer.was_cut:
                return
            if not has_begun:
                waiting.append((message, 0))

    def _take_rest(self, answer: Answer, waiting: list[tuple[LiveServerMessage, int]]) -> None:
        """Take out what has come of an answer that no message ended, and the mark of its cut."""
        is_cut = answer.was_cut
        for message, size in self._connection.inbox.take_all():
            if message is CUT and is_cut:
                is_cut = False
            elif message is CUT or not answer.takes(message):
                waiting.append((message, size))

    def receive_turn(self, *, timeout: Optional[float] = None) -> Iterator[LiveServerMessage]:
        """Iterate over the messages of one turn: until the model and its tools are done.

        It ends early where the session is closed in order, or where the connection is lost on the
        way and the rest of the turn with it.  What arrived before is delivered first.

        Args:
            timeout: Seconds for the whole turn, from the call on; ``None``: for ever.

        Raises:
            LiveTimeout: ``timeout`` seconds have passed.
            SessionClosed: The session ended abnormally; or it was over already, however it ended:
                there are no turns any more.
            ConcurrentReceiveError: Another thread receives already.
        """
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        self._begin_receiving()
        return self._turn_messages(deadline, self._connection.info)

    def _turn_messages(
        self, deadline: float, ended_before: Optional[CloseInfo]
    ) -> Iterator[LiveServerMessage]:
        with self._receiving():
            last: Optional[LiveServerMessage] = None
            while True:
                message: Any = self._next(deadline)
                if message is None and last is None and ended_before is not None:
                    raise SessionClosed(ended_before) from ended_before.error
                if message is None or message is CUT:
                    return
                if message is SETTLED:
                    if last is not None and completes_interaction(last):
                        return
                    continue  # of an earlier turn, or told before its message
                yield message
                if message._ends_turn:
                    return
                last = message

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
        self._connection.notice_fork()
        with self._lock:
            return self._tally.usage

    @property
    def stats(self) -> SessionStats:
        """Counters, as of now."""
        self._connection.notice_fork()
        wire = self._connection.transport.stats
        with self._lock:
            tally = self._tally
            return SessionStats(
                messages_sent=self._sent,
                messages_received=wire.messages_received,
                bytes_sent=wire.bytes_sent,
                bytes_received=wire.bytes_received,
                reconnects=self._connection.reconnects,
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
        if message._is_piece and self._setup_complete is not None:
            self._observe_piece(message)
        else:
            self._observe_all(message)
        for observer in self._observers:
            observer(message)

    def _observe_piece(self, message: LiveServerMessage) -> None:
        """Do as the next method does where it is a piece of what the model says: most are."""
        self._connection.memory.generating = True
        self._calls.model_spoke()
        if self._connection.reached.awaits_model:
            self._connection.model_spoke()
        now = time.monotonic()
        with self._lock:
            self._tally.said(message, now)
            self._transcript.said()
            if self._answer is not None:
                self._answer.take(message, now)

    def _observe_all(self, message: LiveServerMessage) -> None:
        connection = self._connection
        connection.memory.received(message)
        calls = self._calls.received(message)
        reached = connection.reached
        if reached.awaits_model and shows_arrival(message):
            connection.model_spoke()
        if message.tool_call is not None:
            reached.awaits_model = True  # what it says to the result shows that that arrived
        if message.go_away is not None and self._setup_complete is not None:
            self._connection.dispatcher.post("go_away", message.go_away)
            self._connection.going_away(message.go_away.time_left)
        update = message.session_resumption_update
        if update is not None and self._connection.memory.resumable:
            self._connection.handle_given(update.last_consumed_client_message_index)
        if message.setup_complete is not None or (
            # asked once only: raw of a message with audio is parsed when asked for
            self._setup_complete is None and "setupComplete" in (message.raw or ())
        ):
            self._setup_complete = message.setup_complete or LiveServerSetupComplete()
        now = time.monotonic()
        tools_run = self._calls.keep_turn_open
        done = completes_interaction(message)
        with self._lock:
            if done:
                self._held_open = message if tools_run else None
            message._ends_turn = self._tally.received(message, now) and not tools_run
            self._transcript.add(message)
            # what answers the setup never reaches the inbox, where ask() takes its messages out
            if self._answer is not None and message.setup_complete is None:
                self._answer.take(message, now, tools_run=tools_run)
        if calls:
            self._calls.run(calls)  # from here on a response may be on its way
        if done:
            self._connection.turn_completed()
            reached.awaits_model = True
        if tools_run and not self._calls.keep_turn_open:
            self._calls_settled()  # it settled while the message was taken

    def _look_at(self) -> Optional[float]:
        return self._calls.look_at

    def _look(self) -> None:
        self._calls.look()

    def _ended(self) -> None:
        """The session is over: on the reader, before anybody is told."""
        self._calls.close()

    def _calls_settled(self) -> None:
        """No tool runs any more, and the model has nothing to add: a turn that waited is over."""
        with self._lock:
            answer, last, self._held_open = self._answer, self._held_open, None
            if answer is not None:
                answer.tools_settled()
        if last is not None:
            last._ends_turn = True  # perhaps nobody has taken it yet
            if answer is None:
                self._connection.inbox.put(SETTLED, 0)
        self._connection.inbox.wake()
