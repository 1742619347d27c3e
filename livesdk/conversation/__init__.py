"""A spoken conversation: microphone → session → loudspeaker, and the user may cut in.

**Echo first.**  By default (``echo="half-duplex"``) the service hears silence while the model
speaks, since otherwise it would hear the model and take that for the user; so the user cannot cut
in by voice.  To be able to: wear headphones and say ``echo="none"``, or use a canceller,
``echo="webrtc"`` (extra ``aec``) or one of your own.

::

    microphone ─▶ livesdk-mic-<id> ─────▶ session ─▶ (service)
    loudspeaker ◀─ livesdk-speaker-<id> ◀─ reader ◀─ (service)
    your hooks ◀── livesdk-hooks-<id> ◀── all three

Rows of ``DESIGN`` §4: the mic thread (``_uplink``), the speaker thread (``_player``), the hooks'
thread (``_hooks``), and ``livesdk-video-<id>`` where frames are sent too.  All begin with
:meth:`AudioConversation.start`; whichever fails first ends them all, once, and the session stays.
One that is held up in the program's own iterator is not waited for: it goes when that lets it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Optional, TypedDict, Union

from .. import pcm
from .._checks import check_function, check_positive
from .._log import get_logger
from .._timeout import seconds_of_timeout
from ..audio.base import AudioInput, AudioOutput
from ..errors import LiveError, LocalProtocolError, SessionClosed
from ..retry import ReconnectInfo
from ..types.content import FunctionCall
from ..video import send_video
from ._choices import Echo, Turns, as_canceller, as_input, as_output, check, reason
from ._hooks import Hooks, Levels, Playback, TranscriptPiece
from ._last_turn import LastTurn
from ._player import Player
from ._uplink import Detector, Uplink

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..session import Session

__all__ = ["AudioConversation", "Levels", "Playback", "TranscriptPiece"]

_log = get_logger(__name__)

Hook = Callable[..., Any]
_Body = Callable[[threading.Event], None]

_TICK_S = 0.05
_MODEL_HZ = 24_000
_GRACE_S = 0.5
"""How long a thread that ends waits for another one that is held up outside."""


class ConversationOptions(TypedDict, total=False):
    """The arguments of :class:`AudioConversation` beside the session, for type checkers."""

    microphone: Union[AudioInput, int, str, None]
    speaker: Union[AudioOutput, int, str, None]
    echo: Echo
    turns: Turns
    detector: Optional[Detector]
    video: Optional[Iterable[Any]]
    video_fps: float
    hard_flush: bool
    on_transcript: Optional[Callable[[TranscriptPiece], Any]]
    on_playback: Optional[Callable[[Playback], Any]]
    on_level: Optional[Callable[[Levels], Any]]
    on_end: Optional[Callable[[Optional[BaseException]], Any]]


class AudioConversation:
    """Talks with the model through a microphone and a loudspeaker.

    ::

        with livesdk.AudioConversation(session, echo="none") as conversation:
            conversation.wait()

    It only uses the session: turns, callbacks and senders go on beside it, and the session stays
    open when it ends.  Hooks run on a thread of their own, one at a time, in order.

    Args:
        session: An open session, with audio as its response modality.
        microphone: An :class:`AudioInput`, or a device's index or part of its name; the default
            device unless given.
        speaker: An :class:`AudioOutput`, or a device likewise.
        echo: ``"half-duplex"``: silence is sent while the model speaks.  ``"none"``: everything is
            sent; for headphones.  ``"webrtc"``: the echo is cancelled (extra ``aec``).  Or a
            callable: gets a captured chunk and what was played since the last call, both PCM,
            16-bit little-endian, mono, at the microphone's rate, and returns the cleaned chunk.
        turns: Who notices that the user speaks.  ``"server"``.  ``"hybrid"``: the server, and the
            model's voice pauses here as soon as the user is heard, and goes on if that was a cough;
            not with half-duplex, which hears nobody meanwhile.
            ``"push-to-talk"``: :attr:`talking`; the session's config must disable the automatic
            detection (``realtime_input_config``).
        detector: What finds speech for ``"hybrid"``; by default an energy detector.
        video: Pictures to be sent beside the sound, in any form ``send_realtime_input(video=...)``
            takes; the iterable runs on a thread of its own.
        video_fps: Pictures a second.
        hard_flush: Let an interruption drop what the device itself holds, some 35 to 60 ms, too.
        on_transcript: Called with each :class:`TranscriptPiece`.
        on_playback: Called with a :class:`Playback` when the model's voice begins, has come to its
            end, or was cut off.
        on_level: Called with :class:`Levels`, up to 20 times a second.
        on_end: Called once, last, with the exception that ended the conversation, or ``None``.

    Raises:
        ConfigError: An argument is none of those named; or push-to-talk in a session with automatic
            detection; or hybrid with ``echo="half-duplex"``.
        AudioError: ``echo="webrtc"`` without the extra ``aec``.
    """

    def __init__(
        self,
        session: Session,
        *,
        microphone: Union[AudioInput, int, str, None] = None,
        speaker: Union[AudioOutput, int, str, None] = None,
        echo: Echo = "half-duplex",
        turns: Turns = "server",
        detector: Optional[Detector] = None,
        video: Optional[Iterable[Any]] = None,
        video_fps: float = 1.0,
        hard_flush: bool = False,
        on_transcript: Optional[Callable[[TranscriptPiece], Any]] = None,
        on_playback: Optional[Callable[[Playback], Any]] = None,
        on_level: Optional[Callable[[Levels], Any]] = None,
        on_end: Optional[Callable[[Optional[BaseException]], Any]] = None,
    ) -> None:
        check(echo, turns, session._detects_activity)
        self.session = session
        self.microphone = as_input(microphone)
        self.speaker = as_output(speaker)
        self._echo: Echo = as_canceller(echo, self.microphone.rate_hz)
        self._turns: Turns = turns
        self._detector = detector or pcm.EnergyVad(self.microphone.rate_hz, silence_ms=200)
        self._video = video
        self._video_fps = video_fps
        self._hard_flush = hard_flush
        self._given: dict[str, Optional[Hook]] = {
            "on_transcript": on_transcript,
            "on_playback": on_playback,
            "on_level": on_level,
            "on_end": on_end,
        }
        for name, hook in self._given.items():
            if hook is not None:
                check_function(name, hook)
        check_positive("video_fps", video_fps)
        self._call_handler: Optional[Callable[[FunctionCall], Any]] = None
        self._condition = threading.Condition(threading.Lock())  # around what follows
        self._stopping = threading.Event()  # another one for each start
        self._done = threading.Event()
        self._done.set()
        self._threads: list[threading.Thread] = []
        self._running: set[threading.Thread] = set()
        self._end_is_taken = True  # somebody sees to it
        self._error: Optional[BaseException] = None
        self._make_parts()

    # ------------------------------------------------------------------------------------ its life

    def start(self) -> None:
        """Open the devices and begin; after an end, begin anew.

        Raises:
            LocalProtocolError: It is running.
            SessionClosed: The session is over.
            AudioError: A device is missing, busy or of no use; the text says what to do.
        """
        self._prepare()
        self._open()

    def _prepare(self) -> None:
        """Do the first half of :meth:`start`: from here on it runs, and may be stopped."""
        info = self.session.close_info
        if info is not None:
            raise SessionClosed(info)
        with self._condition:
            if not self._done.is_set():
                raise LocalProtocolError("the conversation is running already")
            self._stopping = threading.Event()
            self._error, self._end_is_taken = None, False
            self._threads, self._running = [], set()
            self._done.clear()

    def _open(self) -> None:
        """Do the second half of :meth:`start`."""
        try:
            self.speaker.start()
            # loads NumPy if it is needed: in the midst of the first words it would be late
            pcm.Resampler(_MODEL_HZ, self.speaker.rate_hz).feed(bytes(2))
            self.microphone.start()
            self._make_parts()
            self._run()
        except BaseException:  # Ctrl-C too
            self._undo()
            raise

    def _undo(self) -> None:
        """Let nothing run on of a start that failed on the way."""
        self._stopping.set()
        with self._condition:
            self._running = {thread for thread in self._running if thread.is_alive()}
            is_running = bool(self._running)  # then they see to the end
        try:
            _stop(self.speaker)
            _stop(self.microphone)
        finally:  # whatever else: a second Ctrl-C
            if not is_running:
                self._stop_listening()
                self._hooks.end()
                self._done.set()

    def _run(self) -> None:
        number = self.session._connection.number
        bodies: dict[str, _Body] = {"speaker": self._play, "mic": self._listen}
        if self._video is not None:
            bodies["video"] = self._show
        threads = [
            threading.Thread(
                target=self._guard,
                args=(body, self._stopping),
                name=f"livesdk-{name}-{number}",
                daemon=True,
            )
            for name, body in bodies.items()
        ]
        self._running = set(threads)
        self._threads = threads
        # in this order: a transcript before the "started" of the same message
        self.session._observers += (self._hooks.offer, self._player.offer, self._last_turn.offer)
        self.session._followers += (self._follow,)
        if self._call_handler is not None:
            self.session._calls.use_handler(self._call_handler)
        self._hooks.start()
        for thread in threads:
            thread.start()

    def stop(self, timeout: Optional[float] = 2.0) -> None:
        """Be silent, close the devices and end; any thread, any number of times.

        The session stays open.  In a hook it only asks.  A thread that is held up in an iterator of
        the program's own, given as microphone or video, is left alone after half a second; it goes
        when the iterator goes on.

        Args:
            timeout: Seconds until it returns in any case.
        """
        seconds = seconds_of_timeout(timeout)
        deadline = time.monotonic() + seconds
        self._stopping.set()
        self._player.wake()
        if self._hooks.runs_here or threading.current_thread() in self._threads:
            return
        self._done.wait(seconds)
        for thread in self._threads:
            if thread not in self._running:
                thread.join(max(0.0, deadline - time.monotonic()))
        self._hooks.join(max(0.0, deadline - time.monotonic()))

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Wait until the conversation has ended; False if ``timeout`` seconds passed before."""
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        while not self._done.wait(min(1.0, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:  # by the second, for Ctrl-C on Windows
                return False
        return True

    def finish(self, timeout: Optional[float] = None) -> bool:
        """Wait until the input has ended and the answer to it was heard, to the last sample.

        For inputs that end, such as a WAV file.  The answer is over when the model waits for the
        user: after what it says to the results of its functions, and not after a filler.  Returns
        at once if the conversation ends.

        Returns:
            True if it was heard.  False if ``timeout`` seconds passed before, or the conversation
            ended before: then :attr:`running` is False, and :attr:`error` says why, if there is
            a reason.
        """
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        while not self._done.wait(_TICK_S):
            if time.monotonic() >= deadline:
                return False
            self.session._look()
            if self._has_said_all():
                return True
        return self._has_said_all() and self._error is None and not self._player.was_cut_off

    def _has_said_all(self) -> bool:
        return self._uplink.ended.is_set() and self._is_answered() and not self._player.is_busy

    def _is_answered(self) -> bool:
        """A turn of the model has ended since the user was last heard."""
        return self._last_turn.is_after(self._uplink.heard_at)

    def __enter__(self) -> Self:
        """Start, unless it runs already."""
        if not self.running:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ------------------------------------------------------------------------------ what it can do

    @property
    def talking(self) -> bool:
        """Push-to-talk: set to True while the user speaks, to False to get an answer."""
        return self._uplink.talking

    @talking.setter
    def talking(self, pressed: bool) -> None:
        if self._turns != "push-to-talk":
            raise LocalProtocolError('talking needs turns="push-to-talk"')
        self._uplink.talking = bool(pressed)

    @property
    def muted(self) -> bool:
        """Silence is sent in place of the microphone's sound."""
        return self.microphone.muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self.microphone.muted = bool(muted)

    def interrupt(self) -> None:
        """Throw away what is left of the model's voice; any thread, returns at once."""
        self._player.interrupt()

    @property
    def running(self) -> bool:
        """It has been started, and has not ended."""
        return not self._done.is_set()

    @property
    def error(self) -> Optional[BaseException]:
        """What ended it; ``None`` if it runs, was stopped, or the session was closed in order."""
        return self._error

    @property
    def interruptions(self) -> int:
        """How often the user cut in, since the last start."""
        return self._player.interruptions

    # ---------------------------------------------------------------------------------- its threads

    def _listen(self, stopping: threading.Event) -> None:
        try:
            self._uplink.run(lambda: self._is_over(stopping))
        finally:
            if stopping is self._stopping:  # else it was given up on, and this is another's
                self.microphone.stop()
        self._outlast(stopping)

    def _play(self, stopping: threading.Event) -> None:
        try:
            while not stopping.is_set():
                self._player.work()
                if self.session.is_closed and not self._may_play_on():
                    break
            self._player.stop()
        finally:
            if stopping is self._stopping:
                self.speaker.stop()

    def _may_play_on(self) -> bool:
        """After a goodbye of the server what it said is heard to the end."""
        info = self.session.close_info
        orderly = info is not None and info.clean and info.initiated_by != "local"
        return orderly and self._player.is_busy

    def _follow(self, info: ReconnectInfo) -> None:
        """Another connection stands: on the reader."""
        if not self.session._begins_again(info):
            self._last_turn.cut_short(time.monotonic() - info.gap)
            self._player.cut_short(mid_turn=info.mid_turn)
        elif info.mid_turn:
            self._player.begin_again()

    def _show(self, stopping: threading.Event) -> None:
        send_video(self.session, self._video or (), fps=self._video_fps, stop=stopping)
        self._outlast(stopping)

    def _outlast(self, stopping: threading.Event) -> None:
        """An input has ended: the conversation goes on without it."""
        while not self._is_over(stopping):
            stopping.wait(_TICK_S)

    def _is_over(self, stopping: threading.Event) -> bool:
        return stopping.is_set() or self.session.is_closed

    def _guard(self, body: _Body, stopping: threading.Event) -> None:
        """Run a thread's body; its failure ends them all, and one of them sees to the end."""
        error: Optional[BaseException] = None
        try:
            body(stopping)
        except (Exception, SystemExit) as caught:  # noqa: BLE001  # the program's own code
            error = caught
        with self._condition:
            if stopping is not self._stopping:
                return  # it was given up on, and started anew since
            self._running.discard(threading.current_thread())
            if error is not None and self._error is None and not stopping.is_set():
                self._error = reason(error)
            self._condition.notify_all()
        # after the end of the session the loudspeaker decides: a goodbye is heard to the end
        if body == self._play or not (isinstance(error, SessionClosed) or self.session.is_closed):
            stopping.set()
            self._player.wake()
        if self._is_last(stopping):
            self._ended()

    def _is_last(self, stopping: threading.Event) -> bool:
        """Wait until the others are gone, or held up for too long; True for one of them all."""
        give_up_at: Optional[float] = None
        with self._condition:
            while self._running and not self._end_is_taken:
                now = time.monotonic()
                if stopping.is_set():
                    give_up_at = give_up_at or now + _GRACE_S
                if give_up_at is not None and now >= give_up_at:
                    break
                self._condition.wait(_TICK_S)
            if self._end_is_taken or stopping is not self._stopping:
                return False
            self._end_is_taken = True
            self._condition.notify_all()
        return True

    def _stop_listening(self) -> None:
        session = self.session
        ours = (self._hooks.offer, self._player.offer, self._last_turn.offer, self._follow)
        session._observers = tuple(each for each in session._observers if each not in ours)
        session._followers = tuple(each for each in session._followers if each not in ours)
        if self._call_handler is not None:
            session._calls.use_handler(None)

    def _ended(self) -> None:
        self._stop_listening()
        if self._running:
            self._leave_held_up()
        error = self._error
        info = self.session.close_info
        if error is None and info is not None and not info.clean:
            error = self._error = SessionClosed(info)
        if error is not None:
            _log.warning("the conversation ended: %s", error)
            if isinstance(error, LiveError) and not isinstance(error, SessionClosed):
                self.session._connection.report(error)
        self._done.set()
        self._hooks.post("on_end", error)
        self._hooks.end()

    def _leave_held_up(self) -> None:
        """Do what the microphone's thread would, which is held up in the program's iterator."""
        names = ", ".join(thread.name for thread in self._running)
        _log.warning("the conversation ends without %s: the program's code holds it up", names)
        self._uplink.leave()
        _stop(self.microphone)

    # --------------------------------------------------------------------------------------- parts

    def _make_parts(self) -> None:
        connection = self.session._connection
        self._hooks = Hooks(
            self._given, name=f"livesdk-hooks-{connection.number}", report=connection.report
        )
        self._player = Player(
            self.speaker,
            self._hooks,
            hard_flush=self._hard_flush,
            input_level=lambda: self.microphone.level_dbfs,
        )
        self._last_turn = LastTurn(lambda: self.session._calls.keep_turn_open)
        self._uplink = Uplink(
            self.session,
            self.microphone,
            self.speaker,
            self._player,
            echo=self._echo,
            turns=self._turns,
            detector=self._detector,
        )


def _stop(device: Union[AudioInput, AudioOutput]) -> None:
    """Stop what may be the program's own, at an end that has its reason already."""
    try:
        device.stop()
    except Exception:  # noqa: BLE001  # a border: the device is the program's
        side = "input" if isinstance(device, AudioInput) else "output"
        _log.exception("the %s could not be stopped", side)
