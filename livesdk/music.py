"""Live music: prompts in, 48 kHz stereo out, on the same connection as everything else.

Protocol §11.  The wire replaces the whole generation config each time; this class keeps the present
one, so that a changed field is merged and the whole is sent.

Row of ``DESIGN`` §4: the turn of the config.  Who merges also sends before the next one merges, or
an older config could be the last to arrive.  Waiting for it has the sender's deadline, and the end
of the session ends it; nothing else is done while it is held.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Optional

import attrs

from . import codec
from ._timeout import seconds_of_timeout
from .connection import Connection
from .dispatch import LiveCallbacks
from .errors import ConfigError, LiveTimeout
from .lifecycle import Lifecycle
from .older_forms import inside
from .senders import SEND_TIMEOUT
from .service import Options, Service
from .types.enums import LiveMusicPlaybackControl, Scale
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
    "seed": (0, 2**31 - 1),
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
        self._config_turn = threading.Lock()  # of whoever merges and sends; see the module
        setup = codec.encode(LiveMusicClientMessage(setup=LiveMusicClientSetup(model=model)))
        service = Service(
            message=LiveMusicServerMessage,
            dial=dial,
            setup=lambda _: setup,
            observe=_nothing,
            is_heard=self._is_heard,
            forked=self._forked,
        )
        self._connection = Connection(service, callbacks, self, options=options)

    def _forked(self) -> None:
        """In the child of a fork nobody holds a lock: who did is not here."""
        self._config_turn = threading.Lock()

    def set_weighted_prompts(
        self,
        prompts: Any = None,
        *,
        weighted_prompts: Any = None,
        timeout: Optional[float] = SEND_TIMEOUT,
    ) -> None:
        """Replace the prompts; playing music fades over to them.

        Args:
            prompts: :class:`WeightedPrompt`, dicts, strings (weight 1), or one of them.
            weighted_prompts: Another name of ``prompts``.
            timeout: Seconds to wait for the network to take it.

        Raises:
            ConfigError: A weight of 0, a prompt without text, or no prompt; nothing was sent.
            LiveTimeout: The network took nothing in time; nothing was sent.
            SessionClosed: The session is over.
        """
        given = _one_of("prompts", prompts, weighted_prompts)
        checked = checked_prompts(inside(given, "weighted_prompts", "weightedPrompts"))
        content = LiveMusicClientContent(weighted_prompts=checked)
        self._send(LiveMusicClientMessage(client_content=content), timeout)

    def set_music_generation_config(
        self,
        config: Any = None,
        *,
        music_generation_config: Any = None,
        reset: bool = False,
        timeout: Optional[float] = SEND_TIMEOUT,
        **changes: Any,
    ) -> None:
        """Change how the music sounds: the given fields, the others stay.

        From several threads at once, each change is kept.

        Args:
            config: A :class:`LiveMusicGenerationConfig` or dict with the fields to change; an empty
                one goes back to the defaults, and a dict's ``None`` does so for one field.
            music_generation_config: Another name of ``config``.
            reset: Reset the context too where a change needs it (``bpm``, ``scale``, ``top_k``).
            timeout: Seconds to wait for the network to take it, the reset included.
            **changes: Fields by name, for example ``bpm=120``.

        Raises:
            ConfigError: A value out of its range, or a field that does not exist; nothing was sent.
            LiveTimeout: The network took nothing in time.  The config is what it was, or, if
                :attr:`music_generation_config` shows the change, only the reset is missing.
            SessionClosed: The session is over.
        """
        given = _one_of("config", config, music_generation_config)
        given = inside(given, "music_generation_config", "musicGenerationConfig")
        given = _with_changes(given, changes)
        change, cleared = checked_music_config(given), _cleared(given)
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        self._connection.notice_fork()
        with self._turn_of_config(deadline):
            before, merged = self._config, _merged(self._config, change, cleared)
            message = LiveMusicClientMessage(music_generation_config=merged)
            self._send(message, deadline - time.monotonic())
            self._config = merged
            if reset and any(getattr(merged, n) != getattr(before, n) for n in _NEED_RESET):
                self._control(LiveMusicPlaybackControl.RESET_CONTEXT, deadline - time.monotonic())

    @contextmanager
    def _turn_of_config(self, deadline: float) -> Iterator[None]:
        if not self._config_turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise LiveTimeout("another change of the config waits for the network", phase="send")
        try:
            yield
        finally:
            self._config_turn.release()

    @property
    def music_generation_config(self) -> LiveMusicGenerationConfig:
        """The config as it was last sent."""
        return self._config

    def play(self) -> None:
        """Start the music, or go on; any thread, waits up to 30 s for the network to take it.

        Raises:
            LiveTimeout: The network took nothing in time; nothing was sent.
            SessionClosed: The session is over.
        """
        self._control(LiveMusicPlaybackControl.PLAY)

    def pause(self) -> None:
        """Stop for now; ``play()`` goes on from there.  Raises as that does."""
        self._control(LiveMusicPlaybackControl.PAUSE)

    def stop(self) -> None:
        """Stop, and forget the context; raises as ``play()`` does."""
        self._control(LiveMusicPlaybackControl.STOP)

    def reset_context(self) -> None:
        """Forget what was played, keep the prompts, and go on; raises as ``play()`` does."""
        self._control(LiveMusicPlaybackControl.RESET_CONTEXT)

    def send(self, message: Any) -> None:
        """Send text turns as prompts of weight 1; an older name (Protocol §16).

        Args:
            message: Text, or ``{"clientContent": {"turns": …}}``.  Also any message of the
                protocol, in either case: ``{"clientContent": {"weightedPrompts": …}}``,
                ``{"musicGenerationConfig": …}``, ``{"playbackControl": "PLAY"}``.
        """
        kind, value = _routed(message)
        if kind == "music_generation_config":
            self.set_music_generation_config(value)
        elif kind == "playback_control":
            self._control(_checked_control(value))
        else:
            self.set_weighted_prompts(_prompts_in(value))

    def _control(
        self, control: LiveMusicPlaybackControl, timeout: Optional[float] = SEND_TIMEOUT
    ) -> None:
        self._send(LiveMusicClientMessage(playback_control=control), timeout)

    def _send(self, message: LiveMusicClientMessage, timeout: Optional[float]) -> None:
        self._connection.send(codec.encode(message), timeout)


def _nothing(_: LiveMusicServerMessage) -> None:
    """Music has no turns to remember."""


def checked_prompts(prompts: Any) -> list[WeightedPrompt]:
    """Check prompts in any accepted form."""
    many = prompts if isinstance(prompts, (list, tuple)) else [] if prompts is None else [prompts]
    if not many:
        raise ConfigError("prompts: at least one is needed")
    return [_checked_prompt(prompt, f"prompts[{index}]") for index, prompt in enumerate(many)]


def _checked_prompt(prompt: Any, where: str) -> WeightedPrompt:
    given = {"text": prompt} if isinstance(prompt, str) else prompt
    checked = codec.check(given, WeightedPrompt, where)
    if checked.weight is None:
        checked = attrs.evolve(checked, weight=1.0)
    if checked.weight == 0:
        raise ConfigError(f"{where}.weight: 0 is not allowed; leave the prompt out")
    if not checked.text:
        raise ConfigError(f"{where}.text: a prompt needs text")
    return checked


def checked_music_config(config: Any) -> LiveMusicGenerationConfig:
    """Check a generation config, its ranges included; scales of older programs are renamed."""
    checked = codec.check({} if config is None else config, LiveMusicGenerationConfig, "config")
    if checked.scale is not None and not isinstance(checked.scale, Scale):
        scale = codec.scale_of(checked.scale)
        if scale not in Scale.__members__:
            warnings.warn(f"config.scale: {scale!r:.80} is none that is known", stacklevel=3)
        checked = attrs.evolve(checked, scale=scale)
    for name, (low, high) in _RANGES.items():
        value = getattr(checked, name)
        if value is not None and not low <= value <= high:
            raise ConfigError(f"config.{name}: expected {low:g} to {high:g}, got {value:g}")
    return checked


def _one_of(name: str, given: Any, other: Any) -> Any:
    if given is not None and other is not None:
        raise ConfigError(f"{name} is given twice")
    return other if given is None else given


def _with_changes(config: Any, changes: Mapping[str, Any]) -> Any:
    if not changes:
        return config
    if config is None:
        return changes
    raise ConfigError("give either a config or single fields, not both")


def _cleared(given: Any) -> set[str]:
    """Return the fields for which a dict says ``None``, in whatever case."""
    if not isinstance(given, Mapping):
        return set()
    plain = {str(key).replace("_", "").lower() for key, value in given.items() if value is None}
    names = (attribute.name for attribute in attrs.fields(LiveMusicGenerationConfig))
    return {name for name in names if name.replace("_", "") in plain}


def _merged(
    present: LiveMusicGenerationConfig, change: LiveMusicGenerationConfig, cleared: set[str]
) -> LiveMusicGenerationConfig:
    given = {
        attribute.name: getattr(change, attribute.name)
        for attribute in attrs.fields(LiveMusicGenerationConfig)
        if attribute.name in cleared or getattr(change, attribute.name) is not None
    }
    return attrs.evolve(present, **given) if given else LiveMusicGenerationConfig()


_KINDS = {
    "clientContent": "client_content",
    "client_content": "client_content",
    "musicGenerationConfig": "music_generation_config",
    "music_generation_config": "music_generation_config",
    "playbackControl": "playback_control",
    "playback_control": "playback_control",
}


def _routed(message: Any) -> tuple[str, Any]:
    """Say what kind of message an argument of ``send`` is, and what is in it."""
    if isinstance(message, LiveMusicClientMessage):
        found = {name: getattr(message, name) for name in dict.fromkeys(_KINDS.values())}
        message = {name: value for name, value in found.items() if value is not None}
    if isinstance(message, (str, WeightedPrompt)):
        return "client_content", {"weighted_prompts": [message]}
    if not isinstance(message, Mapping) or len(message) != 1 or not set(message) <= set(_KINDS):
        raise ConfigError("send: expected text or {'clientContent': {'turns': ...}}")
    [(key, value)] = message.items()
    return _KINDS[key], value


def _checked_control(value: Any) -> LiveMusicPlaybackControl:
    try:
        return LiveMusicPlaybackControl(value)
    except ValueError:
        names = ", ".join(control.name for control in LiveMusicPlaybackControl)
        raise ConfigError(f"playback_control: expected one of {names}, got {value!r:.40}") from None


def _prompts_in(content: Any) -> list[Any]:
    """Find the prompts of ``clientContent``, or in its turns."""
    if isinstance(content, LiveMusicClientContent):
        return list(content.weighted_prompts or [])
    if not isinstance(content, Mapping):
        raise ConfigError("send: expected {'clientContent': {'turns': ...}}")
    given = content.get("weightedPrompts", content.get("weighted_prompts"))
    if given is not None:
        return list(given) if isinstance(given, (list, tuple)) else [given]
    turns = content.get("turns") or []
    texts = [_text_of(turn) for turn in (turns if isinstance(turns, (list, tuple)) else [turns])]
    return [text for text in texts if text]


def _text_of(turn: Any) -> str:
    if isinstance(turn, str):
        return turn
    parts = turn.get("parts") if isinstance(turn, Mapping) else getattr(turn, "parts", None)
    texts = [part if isinstance(part, str) else _part_text(part) for part in (parts or [turn])]
    return " ".join(text for text in texts if text)


def _part_text(part: Any) -> Optional[str]:
    text = part.get("text") if isinstance(part, Mapping) else getattr(part, "text", None)
    return text if isinstance(text, str) else None
