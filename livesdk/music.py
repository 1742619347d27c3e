"""Live music: prompts in, 48 kHz stereo out, on the same connection as everything else.

Protocol §11.  The wire replaces the whole generation config each time; this class keeps the present
one, so that a changed field is merged and the whole is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Optional, Union

import attrs

from . import codec
from .connection import Connection, Options, Service
from .dispatch import LiveCallbacks
from .errors import ConfigError
from .lifecycle import Lifecycle
from .session import SEND_TIMEOUT
from .types.enums import LiveMusicPlaybackControl
from .types.music import (
    LiveMusicClientContent,
    LiveMusicClientMessage,
    LiveMusicClientSetup,
    LiveMusicGenerationConfig,
    LiveMusicServerMessage,
    WeightedPrompt,
)

__all__ = ["MusicSession"]

_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 3),
    "top_k": (1, 1000),
    "seed": (-(2**31), 2**31 - 1),
    "guidance": (0, 6),
    "bpm": (60, 200),
    "density": (0, 1),
    "brightness": (0, 1),
}
_NEED_RESET = ("bpm", "scale", "top_k")
"""Changes of these are heard only after the context was reset (Protocol §11.1)."""


class MusicSession(Lifecycle[LiveMusicServerMessage]):
    """A stream of music; made by ``client.live.music.connect(...)``.

    Audio is PCM, 16-bit little-endian, stereo, 48 000 Hz, made faster than it plays.
    """

    def __init__(
        self,
        *,
        model: str,
        dial: Any,
        callbacks: LiveCallbacks,
        options: Options,
    ) -> None:
        super().__init__()
        self._config = LiveMusicGenerationConfig()
        self._config_lock = threading.Lock()  # around the present config
        setup = LiveMusicClientMessage(setup=LiveMusicClientSetup(model=model))
        service = Service(
            message=LiveMusicServerMessage,
            dial=dial,
            setup=codec.encode(setup),
            observe=_nothing,
        )
        self._connection = Connection(service, callbacks, self, options=options)

    def set_weighted_prompts(
        self, prompts: Any = None, *, weighted_prompts: Any = None, timeout: float = SEND_TIMEOUT
    ) -> None:
        """Replace the prompts; playing music fades over to them.

        Args:
            prompts: :class:`WeightedPrompt`, dicts, strings (weight 1), or one of them.
            weighted_prompts: Another name of ``prompts``.
            timeout: Seconds to wait for the network to take it.

        Raises:
            ConfigError: A weight of 0, or no prompt.
        """
        checked = checked_prompts(prompts if weighted_prompts is None else weighted_prompts)
        content = LiveMusicClientContent(weighted_prompts=checked)
        self._send(LiveMusicClientMessage(client_content=content), timeout)

    def set_music_generation_config(
        self,
        config: Any = None,
        *,
        music_generation_config: Any = None,
        reset: bool = False,
        timeout: float = SEND_TIMEOUT,
        **changes: Any,
    ) -> None:
        """Change how the music sounds: the given fields, the others stay.

        Args:
            config: A :class:`LiveMusicGenerationConfig` or dict with the fields to change; an empty
                one goes back to the defaults.
            music_generation_config: Another name of ``config``.
            reset: Reset the context too where a change needs it (``bpm``, ``scale``, ``top_k``).
            timeout: Seconds to wait for the network to take it.
            **changes: Fields by name, for example ``bpm=120``.
        """
        given = config if music_generation_config is None else music_generation_config
        change = checked_music_config(_with_changes(given, changes))
        with self._config_lock:
            merged = _merged(self._config, change)
            needs_reset = any(
                getattr(merged, name) != getattr(self._config, name) for name in _NEED_RESET
            )
            self._config = merged
        self._send(LiveMusicClientMessage(music_generation_config=merged), timeout)
        if reset and needs_reset:
            self.reset_context()

    @property
    def music_generation_config(self) -> LiveMusicGenerationConfig:
        """The config as it was last sent."""
        return self._config

    def play(self) -> None:
        """Start the music, or go on."""
        self._control(LiveMusicPlaybackControl.PLAY)

    def pause(self) -> None:
        """Stop for now; ``play()`` goes on from there."""
        self._control(LiveMusicPlaybackControl.PAUSE)

    def stop(self) -> None:
        """Stop, and forget the context."""
        self._control(LiveMusicPlaybackControl.STOP)

    def reset_context(self) -> None:
        """Forget what was played, keep the prompts, and go on."""
        self._control(LiveMusicPlaybackControl.RESET_CONTEXT)

    def send(self, message: Any) -> None:
        """Send text turns as prompts of weight 1; an older name (Protocol §16)."""
        self.set_weighted_prompts(_prompts_in(message))

    def _control(self, control: LiveMusicPlaybackControl) -> None:
        self._send(LiveMusicClientMessage(playback_control=control), SEND_TIMEOUT)

    def _send(self, message: LiveMusicClientMessage, timeout: float) -> None:
        self._connection.send(codec.encode(message), timeout)


def _nothing(_: LiveMusicServerMessage) -> None:
    """Music has no turns to remember."""


def checked_prompts(prompts: Any) -> list[WeightedPrompt]:
    """Check prompts in any accepted form."""
    many = prompts if isinstance(prompts, (list, tuple)) else [] if prompts is None else [prompts]
    if not many:
        raise ConfigError("prompts: at least one is needed")
    checked = [
        codec.check(
            {"text": prompt, "weight": 1.0} if isinstance(prompt, str) else prompt,
            WeightedPrompt,
            f"prompts[{index}]",
        )
        for index, prompt in enumerate(many)
    ]
    for index, prompt in enumerate(checked):
        if prompt.weight == 0:
            raise ConfigError(f"prompts[{index}].weight: 0 is not allowed; leave the prompt out")
    return checked


def checked_music_config(config: Any) -> LiveMusicGenerationConfig:
    """Check a generation config, its ranges included."""
    checked = codec.check({} if config is None else config, LiveMusicGenerationConfig, "config")
    for name, (low, high) in _RANGES.items():
        value = getattr(checked, name)
        if value is not None and not low <= value <= high:
            raise ConfigError(f"config.{name}: expected {low:g} to {high:g}, got {value:g}")
    return checked


def _with_changes(config: Any, changes: Mapping[str, Any]) -> Any:
    if not changes:
        return config
    if config is None:
        return changes
    raise ConfigError("give either a config or single fields, not both")


def _merged(
    present: LiveMusicGenerationConfig, change: LiveMusicGenerationConfig
) -> LiveMusicGenerationConfig:
    given = {
        attribute.name: getattr(change, attribute.name)
        for attribute in attrs.fields(LiveMusicGenerationConfig)
        if getattr(change, attribute.name) is not None
    }
    return attrs.evolve(present, **given) if given else LiveMusicGenerationConfig()


def _prompts_in(message: Any) -> list[Union[str, Any]]:
    """Find the prompts in ``{"clientContent": {"turns": …}}`` or plain text."""
    if isinstance(message, str):
        return [message]
    content: Optional[Any] = None
    if isinstance(message, Mapping):
        content = message.get("clientContent") or message.get("client_content")
    if not isinstance(content, Mapping):
        raise ConfigError("send: expected text or {'clientContent': {'turns': ...}}")
    given = content.get("weightedPrompts") or content.get("weighted_prompts")
    if given:
        return list(given)
    turns = content.get("turns") or []
    texts = [_text_of(turn) for turn in (turns if isinstance(turns, (list, tuple)) else [turns])]
    return [text for text in texts if text]


def _text_of(turn: Any) -> str:
    if isinstance(turn, str):
        return turn
    parts = turn.get("parts") if isinstance(turn, Mapping) else getattr(turn, "parts", None)
    texts = [
        part.get("text") if isinstance(part, Mapping) else getattr(part, "text", None)
        for part in (parts or [])
    ]
    return " ".join(text for text in texts if text)
