"""What a conversation tells the program: three records, and the thread that hands them over.

Row of ``DESIGN`` §4: ``livesdk-hooks-<id>``, only where a hook is set, from the start of a
conversation to its end.  Its queue is filled by the reader and the two audio threads, which never
wait for it; of levels only the newest is kept, so that a slow hook gets fewer of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, Optional

from attrs import frozen

from .._log import get_logger
from ..errors import CallbackError, LiveError
from ..types.content import Transcription
from ..types.messages import LiveServerMessage

__all__ = ["Hooks", "Levels", "Playback", "TranscriptPiece"]

_log = get_logger(__name__)

_Side = Literal["user", "model"]


@frozen(kw_only=True)
class TranscriptPiece:
    """A piece of what was said, as it came.

    Attributes:
        speaker: ``"user"`` or ``"model"``.
        text: To be appended to what came before, spaces included; may be empty at the end.
        finished: The utterance is complete.
    """

    speaker: _Side
    text: str
    finished: bool = False


@frozen(kw_only=True)
class Playback:
    """The model's voice began, came to its end, or was cut off.

    Attributes:
        state: ``"started"``, ``"finished"`` or ``"interrupted"``.
        played_ms: How much of it was heard.
        discarded_ms: How much was thrown away unheard, by an interruption or the end of the
            conversation.
    """

    state: Literal["started", "finished", "interrupted"]
    played_ms: float = 0.0
    discarded_ms: float = 0.0


@frozen(kw_only=True)
class Levels:
    """How loud it is, in dB of full scale: 0 is the loudest, -120 digital silence."""

    input_dbfs: float
    output_dbfs: float


class Hooks:
    """Runs the program's hooks, one at a time, in order.

    Args:
        hooks: By name; ``None`` where there is none.
        name: Of the thread.
        report: Told of a hook that raised.
    """

    def __init__(
        self,
        hooks: dict[str, Optional[Callable[..., Any]]],
        *,
        name: str,
        report: Callable[[LiveError], None],
    ) -> None:
        self._hooks = {kind: hook for kind, hook in hooks.items() if hook is not None}
        self._name = name
        self._report = report
        self._condition = threading.Condition(threading.Lock())
        self._queue: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._levels: Optional[Levels] = None
        self._ended = False
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Start the thread, if there is anything to run."""
        if self._hooks:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def wants(self, kind: str) -> bool:
        """Tell whether a hook is set."""
        return kind in self._hooks

    def post(self, kind: str, *arguments: Any) -> None:
        """Hand something over; any thread, never waits."""
        if kind in self._hooks:
            with self._condition:
                if kind == "on_level":
                    [self._levels] = arguments
                else:
                    self._queue.append((kind, arguments))
                self._condition.notify()

    def offer(self, message: LiveServerMessage) -> None:
        """Hand over what was said, and the server's goodbye; on the reader."""
        content = message.server_content
        if content is not None:
            heard, said = content.input_transcription, content.output_transcription
            self._tell_piece("user", heard)
            self._tell_piece("model", said)
            if heard is not None or said is not None:
                self.post("transcript_handler", heard, said)
        if message.go_away is not None:
            self.post("go_away_handler", message.go_away)

    def _tell_piece(self, speaker: _Side, heard: Optional[Transcription]) -> None:
        if heard is not None and (heard.text or heard.finished):
            piece = TranscriptPiece(
                speaker=speaker, text=heard.text or "", finished=bool(heard.finished)
            )
            self.post("on_transcript", piece)

    def end(self) -> None:
        """Nothing will be posted any more; the thread ends after what is queued."""
        with self._condition:
            self._ended = True
            self._condition.notify()

    def join(self, timeout: float) -> None:
        """Wait for the thread, except in a hook."""
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(timeout)

    @property
    def runs_here(self) -> bool:
        """This is the thread that runs the hooks."""
        return self._thread is threading.current_thread()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not (self._queue or self._levels or self._ended):
                    self._condition.wait()
                if self._queue:
                    kind, arguments = self._queue.popleft()
                elif self._levels:
                    kind, arguments, self._levels = "on_level", (self._levels,), None
                else:
                    return
            self._call(kind, arguments)

    def _call(self, kind: str, arguments: tuple[Any, ...]) -> None:
        hook = self._hooks[kind]
        try:
            hook(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # user code: logged and reported
            name = getattr(hook, "__qualname__", None) or type(hook).__name__
            _log.error("the hook %s raised", name, exc_info=error)
            failure = CallbackError(name)
            failure.__cause__ = error
            self._report(failure)
