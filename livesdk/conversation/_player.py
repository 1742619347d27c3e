"""From the session to the loudspeaker: the model's voice, and its end when the user cuts in.

::

    reader ── offer(message) ──▶ queue ──▶ livesdk-speaker-<id> ──▶ output
               an interruption clears the queue, and goes before all else

Row of ``DESIGN`` §4: one condition around the queue; the reader puts and never waits.  The thread
converts rates, writes to the output, looks after its device and reports.  The output is touched
by this thread only, so that nothing stale can be written after a flush.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Optional

from attrs import frozen

from .. import pcm
from ..audio.base import AudioOutput
from ..protocol import completes_interaction
from ..types.messages import LiveServerContent, LiveServerMessage
from ._hooks import Hooks, Levels, Playback

__all__ = ["Player"]

_TICK_S = 0.05
_GAP_S = 1.0
_NOTHING = LiveServerContent()


@frozen
class _Sound:
    data: bytes
    rate_hz: int


@frozen
class _Cut:
    """An interruption: what it cleared from the queue, and whether it was the user's."""

    ms: float
    by_user: bool


class Player:
    """Plays what the model says.

    Args:
        output: Where to.
        hooks: Told of everything.
        hard_flush: Throw away what the device has taken, too.
        input_level: Says how loud the input is, for the meters.

    Attributes:
        interruptions: How often the user cut in.
        was_cut_off: The end came before all was heard.
    """

    def __init__(
        self,
        output: AudioOutput,
        hooks: Hooks,
        *,
        hard_flush: bool,
        input_level: Callable[[], float],
    ) -> None:
        self._output = output
        self._hooks = hooks
        self._hard_flush = hard_flush
        self._input_level = input_level
        self._condition = threading.Condition(threading.Lock())
        self._queue: deque[_Sound] = deque()
        self._cut: Optional[_Cut] = None  # one waits
        self._speaking = False  # the model has begun to speak, and will go on
        self._unwanted = False  # what it goes on to say was interrupted here
        self._over = False  # the end of a turn waits
        self._hold: Optional[bool] = None  # a pause, or its end, waits
        self._resampler: Optional[pcm.Resampler] = None
        self._told_over = False  # no sound came after the end of the turn
        self._quiet_at: Optional[float] = None
        self._began_ms: Optional[float] = None  # played before the present voice began
        self.interruptions = 0
        self.was_cut_off = False

    # ------------------------------------------------------------------------- the reader's calls

    def offer(self, message: LiveServerMessage) -> None:
        """Take what is to be heard, and what is not to be heard any more.  Never blocks."""
        content = message.server_content or _NOTHING
        if content.interrupted:
            self._silence(by_user=True)  # the audio of this very message included
        elif message.audio:
            with self._condition:
                self._speaking = True
                if not self._unwanted:
                    self._queue.append(_Sound(message.audio, message.sample_rate_hz or 24_000))
                    self._condition.notify()
        is_done = completes_interaction(message) or bool(content.waiting_for_input)
        if is_done or content.generation_complete or content.turn_complete:
            with self._condition:
                self._over = True  # also of a filler: it is heard to its end
                if is_done:
                    self._speaking = self._unwanted = False
                self._condition.notify()

    def begin_again(self) -> None:
        """The answer under way comes once more, from its beginning.  Never blocks."""
        self._silence(by_user=False)

    def cut_short(self, *, mid_turn: bool) -> None:
        """Nothing more comes of what was said so far.  Never blocks."""
        with self._condition:
            self._speaking = self._unwanted = False
            self._over = self._over or mid_turn
            self._condition.notify()

    # ------------------------------------------------------------------------------ anybody's calls

    def interrupt(self) -> None:
        """Be silent, whatever the model still has to say: any thread; returns at once."""
        self._silence(by_user=True, goes_on=True)

    def _silence(self, *, by_user: bool, goes_on: bool = False) -> None:
        with self._condition:
            self._speaking = self._speaking and goes_on
            self._unwanted = self._speaking
            earlier = self._cut or _Cut(0.0, by_user=False)
            self._cut = _Cut(earlier.ms + self._waiting_ms(), earlier.by_user or by_user)
            self._queue.clear()
            self._over = False
            self._hold = None
            self._condition.notify()

    def _waiting_ms(self) -> float:
        return sum(pcm.duration_ms(each.data, each.rate_hz) for each in self._queue)

    def hold(self, *, paused: bool) -> None:
        """Pause, or go on: any thread; returns at once."""
        with self._condition:
            self._hold = paused
            self._condition.notify()

    def wake(self) -> None:
        """Let :meth:`work` return from its wait."""
        with self._condition:
            self._condition.notify()

    @property
    def is_busy(self) -> bool:
        """Something is sounding, or about to."""
        return bool(self._queue) or self._output.active or self._began_ms is not None

    # --------------------------------------------------------------------------- the thread's calls

    def work(self) -> None:
        """Do what waits to be done; else wait for it, a twentieth of a second at most."""
        with self._condition:
            if not (self._queue or self._cut or self._over or self._hold is not None):
                self._condition.wait(_TICK_S)
            cut, self._cut = self._cut, None
            hold, self._hold = self._hold, None
            sound = self._queue.popleft() if self._queue else None
            over = self._over and not self._queue
            if over:
                self._over = False
        if cut is not None:
            self._flush(cut)
        if hold is not None:
            (self._output.pause if hold else self._output.resume)()
        if sound is not None:
            self._play(sound)
        if over:
            self._end_of_turn()
        self._output.poll()
        self._look()

    def stop(self) -> None:
        """Be silent for good, and say of a voice that was still to be heard that it was cut off."""
        with self._condition:
            waiting_ms = self._waiting_ms()
            self.was_cut_off = waiting_ms > 0 or self._began_ms is not None
            self._queue.clear()
            cut = self._cut or _Cut(0.0, by_user=False)
        self._flush(_Cut(waiting_ms + cut.ms, cut.by_user))

    def _play(self, sound: _Sound) -> None:
        self._told_over = False
        if self._began_ms is None:
            self._began_ms = self._output.played_ms
            self._hooks.post("on_playback", Playback(state="started"))
        output = self._output
        made = self._resampler
        if made is None or (made.from_hz, made.to_hz) != (sound.rate_hz, output.rate_hz):
            made = self._resampler = pcm.Resampler(sound.rate_hz, output.rate_hz)
        output.write(self._to_channels(made.feed(sound.data)))

    def _end_of_turn(self) -> None:
        if self._resampler is not None:
            self._output.write(self._to_channels(self._resampler.flush()))
            self._resampler = None
        self._output.end_of_turn()
        self._told_over = True

    def _to_channels(self, mono: bytes) -> bytes:
        return mono if self._output.channels == 1 else pcm.mono_to_stereo(mono)

    def _flush(self, cut: _Cut) -> None:
        self._resampler = None
        discarded_ms = cut.ms + self._output.flush(hard=self._hard_flush)
        if self._began_ms is None and not cut.ms:
            return  # there was nothing left to interrupt
        self.interruptions += cut.by_user
        began_ms, self._began_ms = self._began_ms, None
        played_ms = 0.0 if began_ms is None else self._output.played_ms - began_ms
        report = Playback(state="interrupted", played_ms=played_ms, discarded_ms=discarded_ms)
        self._hooks.post("on_playback", report)

    def _look(self) -> None:
        """Report what has come to its end, and the levels."""
        if self._output.active:
            self._quiet_at = None
        elif self._began_ms is not None and not self._queue and self._is_over():
            played_ms = self._output.played_ms - self._began_ms
            self._began_ms = None
            self._hooks.post("on_playback", Playback(state="finished", played_ms=played_ms))
        if self._hooks.wants("on_level"):
            levels = Levels(input_dbfs=self._input_level(), output_dbfs=self._output.level_dbfs)
            self._hooks.post("on_level", levels)

    def _is_over(self) -> bool:
        """Tell the end of what is said from a gap in it; where no end is told, time tells."""
        now = time.monotonic()
        self._quiet_at = self._quiet_at or now
        return self._told_over or now - self._quiet_at > _GAP_S
