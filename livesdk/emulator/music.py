"""One music session: prompts, config and playback control in, 48 kHz stereo out (§11)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from .. import pcm
from . import melody
from .base import Guest, House, SessionBase, refuse
from .output import Output
from .stage import LineLike
from .tasks import Pause, Task

__all__ = ["MusicSession"]

_MIME = f"audio/l16;rate={melody.RATE_HZ};channels=2"
_LEAD_MS = 4000.0
_MOST_BACKLOG = 4 << 20
_NEED_RESET = ("bpm", "scale", "topK")  # §11.1
_FILTERED = "forbidden"
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 3),
    "topK": (1, 1000),
    "seed": (0, 2**31 - 1),
    "guidance": (0, 6),
    "bpm": (60, 200),
    "density": (0, 1),
    "brightness": (0, 1),
}


class MusicSession(SessionBase):
    """Plays for one client: quickly up to a lead of four seconds, then as fast as it sounds."""

    def __init__(self, line: LineLike, output: Output, house: House, guest: Guest) -> None:
        super().__init__(line, output, house, guest)
        self._prompts: list[dict[str, Any]] = []
        self._config: dict[str, Any] = {}
        self._in_force: dict[str, Any] = {}  # what waits for a reset keeps its old value here
        self._beat = 0
        self._task: Task | None = None

    def ended(self) -> None:
        """See the base."""
        super().ended()
        self._halt()

    def _prepare(self, setup: dict[str, Any]) -> None:
        """The model alone was given, and has been checked."""

    def _handle(self, frame: dict[str, Any]) -> None:
        if len(frame) != 1:
            refuse("Exactly one message kind must be set.")
        if "clientContent" in frame:
            self._set_prompts(frame["clientContent"].get("weightedPrompts", []))
        elif "musicGenerationConfig" in frame:
            self._set_config(frame["musicGenerationConfig"])
        elif "playbackControl" in frame:
            self._control(str(frame["playbackControl"]))

    def _set_prompts(self, prompts: list[dict[str, Any]]) -> None:
        if not prompts:
            refuse("At least one weighted prompt is required.")
        if not all(prompt.get("weight") for prompt in prompts):
            refuse("The weight of a prompt must not be 0.")
        self._prompts = [prompt for prompt in prompts if not self._filter(prompt)]

    def _filter(self, prompt: Mapping[str, Any]) -> bool:
        text = str(prompt.get("text", ""))
        if _FILTERED not in text.lower():
            return False
        reason = "The prompt was filtered for safety."
        self._output.message({"filteredPrompt": {"text": text, "filteredReason": reason}})
        return True

    def _set_config(self, config: dict[str, Any]) -> None:
        for name, (low, high) in _RANGES.items():
            value = config.get(name)
            if value is not None and not low <= value <= high:
                refuse(f"musicGenerationConfig.{name} must be in [{low}, {high}], got {value}.")
        self._config = config
        kept = {name: self._in_force[name] for name in _NEED_RESET if name in self._in_force}
        fresh = {name: value for name, value in config.items() if name not in _NEED_RESET}
        self._in_force = {**fresh, **kept} if self._beat else dict(config)

    def _control(self, control: str) -> None:
        if control == "PLAY":
            self._play()
        elif control in ("PAUSE", "STOP"):
            self._halt()
            self._beat = self._beat if control == "PAUSE" else 0
        elif control == "RESET_CONTEXT":
            self._beat = 0
        if control in ("STOP", "RESET_CONTEXT"):
            self._in_force = dict(self._config)

    def _play(self) -> None:
        if not self._prompts:
            refuse("Set weighted prompts before playing.")
        if self._task is None:
            self._task = Task(self._line, self._music())
            self._task.start()

    def _halt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _music(self) -> Iterator[Pause]:
        ahead_ms = 0.0
        while True:
            while self._line.backlog > _MOST_BACKLOG:
                yield 0.02
            beat_ms = self._send_beat()
            ahead_ms += beat_ms
            interval = self._house.script.scenario.chunk_interval
            yield interval if ahead_ms < _LEAD_MS else beat_ms / 1000

    def _send_beat(self) -> float:
        sound = melody.beat(self._prompts, self._in_force, self._beat)
        self._beat += 1
        chunk = {
            "data": base64.b64encode(sound).decode("ascii"),
            "mimeType": _MIME,
            "sourceMetadata": {
                "clientContent": {"weightedPrompts": self._prompts},
                "musicGenerationConfig": self._in_force,
            },
        }
        self._output.content(audioChunks=[chunk])
        return pcm.duration_ms(len(sound), melody.RATE_HZ, channels=2)
