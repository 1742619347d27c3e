"""From the microphone to the session: echo, push-to-talk, and the pause when the user begins.

::

    input ─▶ echo taken out ─▶ detector (hybrid) ─▶ at most 16 kHz ─▶ send_realtime_input

Runs in ``livesdk-mic-<id>`` only (``DESIGN`` §4).  An echo canceller or an iterator that was given
runs here too, and may take its time: the device has a queue of its own.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Optional, Protocol

from .. import pcm
from ..audio.base import AudioInput, AudioOutput
from ..audio.echo import Canceller, HalfDuplex
from ..errors import LiveError, LiveTimeout, SessionReconnecting
from ..sending import INPUT_RATE_HZ
from ._choices import Echo, Turns
from ._player import Player

__all__ = ["Detector", "Uplink"]

_READ_S = 0.1
_SURE_MS = 600.0
_QUIET_DBFS = -50.0
_MARK_S = 1.0
"""Seconds that a mark waits for a connection, or for room, before it is looked whether it is still
wanted."""


class Detector(Protocol):
    """What finds speech: :class:`livesdk.pcm.EnergyVad`, or your own."""

    def feed(self, data: bytes) -> list[Any]:
        """Take PCM, mono, at the input's rate; return events with ``kind`` "start" or "end"."""
        ...


class Uplink:
    """Sends what the user says.

    Args:
        session: Where to.
        source: Where from.
        output: What sounds beside the microphone.
        player: Paused, and cut off, where the user begins to speak.
        echo: ``"none"``, ``"half-duplex"`` or a canceller.
        turns: ``"server"``, ``"hybrid"`` or ``"push-to-talk"``.
        detector: For ``"hybrid"``.

    Attributes:
        talking: Push-to-talk: the key is down.
        ended: Set once the input has come to its end.
        heard_at: When something was last heard, by ``time.monotonic``; 0 if never.
    """

    def __init__(
        self,
        session: Any,
        source: AudioInput,
        output: AudioOutput,
        player: Player,
        *,
        echo: Echo,
        turns: Turns,
        detector: Optional[Detector],
    ) -> None:
        self._session = session
        self._source = source
        self._output = output
        self._player = player
        self._gate = HalfDuplex(output) if echo == "half-duplex" else None
        self._canceller: Optional[Canceller] = None if isinstance(echo, str) else echo
        self._far: Optional[pcm.Resampler] = None
        self._manual = turns == "push-to-talk"
        self._detector = detector if turns == "hybrid" else None
        self._speaking_ms: Optional[float] = None  # of speech that may turn out to be a cough
        self._rate_hz = min(source.rate_hz, INPUT_RATE_HZ)
        self._resampler = pcm.Resampler(source.rate_hz, self._rate_hz)
        self._open = False  # something was sent that wants an end
        self._pressed = False  # the key, when it was last looked at
        self._left = False
        self.talking = False
        self.heard_at = 0.0
        self.ended = threading.Event()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Send until the input ends or ``is_over``; then say that the microphone is off.

        Raises:
            SessionClosed: The session is over.
            AudioError: The input is lost for good.
        """
        if self._canceller is not None:
            self._output.take_played()  # from now on
        has_ended = False
        while not is_over():
            chunk = self._source.read(_READ_S)
            if self._left:
                return
            self._follow_key()
            if chunk is None:
                has_ended = True
                break
            if chunk:
                self._take(chunk)
        self._let_go_on()
        self._say_goodbye(is_over)
        if has_ended:
            self.ended.set()

    def leave(self) -> None:
        """End in place of the thread that runs, which is held up in the input."""
        self._left = True
        self._say_goodbye(lambda: True)

    def _take(self, chunk: bytes) -> None:
        chunk = self._without_echo(chunk)
        if self._detector is not None:
            self._watch(chunk, self._detector)
        if pcm.level_dbfs(chunk) > _QUIET_DBFS:
            self.heard_at = time.monotonic()
        sound = self._resampler.feed(chunk)
        if sound and (not self._manual or (self._open and self._pressed)):
            self._open = True
            self._session.send_realtime_input(audio=sound, rate_hz=self._rate_hz)

    # -------------------------------------------------------------------------------------- echo

    def _without_echo(self, chunk: bytes) -> bytes:
        if self._gate is not None:
            return self._gate(chunk)
        if self._canceller is None:
            return chunk
        played = self._output.take_played()
        if self._output.channels != 1 or self._output.rate_hz != self._source.rate_hz:
            played = self._at_input_rate(played)
        return self._canceller(chunk, played)

    def _at_input_rate(self, played: bytes) -> bytes:
        if self._far is None:
            self._far = pcm.Resampler(self._output.rate_hz, self._source.rate_hz)
        return self._far.feed(played)

    # ------------------------------------------------------------------------------------- hybrid

    def _watch(self, chunk: bytes, detector: Detector) -> None:
        """Pause the model's voice at once; cut it off once it is sure that the user speaks."""
        for event in detector.feed(chunk):
            if event.kind == "start" and self._player.is_busy:
                self._speaking_ms = 0.0
                self._player.hold(paused=True)
            elif event.kind == "end":
                self._let_go_on()
        if self._speaking_ms is None:
            return
        self._speaking_ms += pcm.duration_ms(chunk, self._source.rate_hz)
        if self._speaking_ms >= _SURE_MS:
            self._speaking_ms = None
            self._player.interrupt()

    def _let_go_on(self) -> None:
        """Nothing is heard any more of what paused the model's voice: it was a cough."""
        if self._speaking_ms is not None:
            self._speaking_ms = None
            self._player.hold(paused=False)

    # ------------------------------------------------------------------------------- push-to-talk

    def _follow_key(self) -> None:
        self._pressed = self.talking
        if not self._manual or self._pressed == self._open:
            return
        if self._pressed:
            self._player.interrupt()  # the server may think that all was heard already
            self._open = self._mark(activity_start={})
        else:
            self._open = not self._mark(activity_end={})

    def _mark(self, **mark: Any) -> bool:
        """Send it; False if nobody takes it at the moment, so that it is tried again."""
        try:
            self._session.send_realtime_input(**mark, timeout=_MARK_S)
        except (SessionReconnecting, LiveTimeout):
            return False
        return True

    def _say_goodbye(self, is_over: Callable[[], bool]) -> None:
        """Let the server answer without waiting for silence; a session that is over needs none."""
        if not self._open:
            return
        self._open = False
        mark: dict[str, Any] = {"activity_end": {}} if self._manual else {"audio_stream_end": True}
        with contextlib.suppress(LiveError):
            while not self._mark(**mark) and not is_over():
                pass
