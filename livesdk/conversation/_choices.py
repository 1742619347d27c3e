"""What a conversation may be given, and what becomes of it."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

from .._log import words_of
from ..audio.base import AudioInput, AudioOutput
from ..audio.echo import Canceller
from ..errors import AudioError, ConfigError, LiveError, SessionClosed

__all__ = ["Echo", "Turns", "as_canceller", "as_input", "as_output", "check", "reason"]

Echo = Union[Literal["none", "half-duplex", "webrtc"], Canceller]
Turns = Literal["server", "hybrid", "push-to-talk"]

_ECHOES = ("none", "half-duplex", "webrtc")
_TURNS = ("server", "hybrid", "push-to-talk")


def check(echo: Any, turns: Any, detects_activity: Optional[bool]) -> None:
    """Raise :class:`ConfigError` unless both are known words, or the echo a callable.

    Push-to-talk is not possible beside a server that detects by itself when the user speaks;
    hybrid not where nobody hears the user while the model speaks.
    """
    if not (echo in _ECHOES if isinstance(echo, str) else callable(echo)):
        raise ConfigError(f"echo={echo!r:.40}; one of {_ECHOES} or a callable is expected")
    if turns not in _TURNS:
        raise ConfigError(f"turns={turns!r:.40}; one of {_TURNS} is expected")
    if turns == "hybrid" and echo == "half-duplex":
        raise ConfigError(
            f"turns={turns!r} listens while the model speaks, which echo={echo!r} does not let it:"
            ' say echo="none" where there are headphones, or echo="webrtc" (extra aec)'
        )
    if turns == "push-to-talk" and detects_activity:
        raise ConfigError(
            f"turns={turns!r} needs a session without automatic detection: connect with"
            ' realtime_input_config={"automatic_activity_detection": {"disabled": True}}'
        )


def as_input(given: Union[AudioInput, int, str, None]) -> AudioInput:
    """Return the input itself, or a microphone."""
    if isinstance(given, AudioInput):
        return given
    if given is None or isinstance(given, (int, str)):
        from ..audio.microphone import Microphone

        return Microphone(given)
    raise ConfigError(f"microphone: an AudioInput or a device is expected, not {given!r:.60}")


def as_output(given: Union[AudioOutput, int, str, None]) -> AudioOutput:
    """Return the output itself, or a speaker."""
    if isinstance(given, AudioOutput):
        return given
    if given is None or isinstance(given, (int, str)):
        from ..audio.speaker import Speaker

        return Speaker(given)
    raise ConfigError(f"speaker: an AudioOutput or a device is expected, not {given!r:.60}")


def as_canceller(echo: Echo, rate_hz: int) -> Echo:
    """Make the canceller that ``"webrtc"`` asks for."""
    if echo != "webrtc":
        return echo
    from ..audio.echo import WebRtcCanceller

    return WebRtcCanceller(rate_hz)


def reason(error: Optional[BaseException]) -> Optional[BaseException]:
    """Return what is worth telling: the end of the session is no error if it was in order."""
    if isinstance(error, SessionClosed):
        return None if error.info.clean else error
    if error is None or isinstance(error, LiveError):
        return error
    wrapped = AudioError(f"the conversation failed: {words_of(error)}")
    wrapped.__cause__ = error
    return wrapped
