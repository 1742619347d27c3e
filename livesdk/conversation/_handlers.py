"""What ``session.start_audio_conversation`` takes besides: the handlers of Firebase on Android.

Protocol §16.  They hold while the conversation runs.  Two are hooks among hooks; functions are run
as ``tools=[...]`` are, in the threads of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from .._checks import check_function, meant
from ..errors import ConfigError
from . import AudioConversation, ConversationOptions

if TYPE_CHECKING:
    from ..session import Session

__all__ = ["make_conversation"]


def make_conversation(
    session: Session,
    /,
    *,
    function_call_handler: Any = None,
    transcript_handler: Any = None,
    go_away_handler: Any = None,
    enable_interruptions: Optional[bool] = None,
    **options: Any,
) -> AudioConversation:
    """Make a conversation; see :meth:`livesdk.Session.start_audio_conversation`.

    Raises:
        ConfigError: An argument is unknown, or not of its kind.
    """
    handlers = {"transcript_handler": transcript_handler, "go_away_handler": go_away_handler}
    functions = {"function_call_handler": function_call_handler, **handlers}
    for name in options:
        _check_name(name, [*ConversationOptions.__annotations__, *functions])
    for name, handler in functions.items():
        if handler is not None:
            check_function(name, handler)
    if enable_interruptions is not None:
        options["echo"] = _echo_of(enable_interruptions, options)
    conversation = AudioConversation(session, **options)
    conversation._given.update(handlers)
    conversation._call_handler = function_call_handler
    return conversation


def _check_name(name: str, known: list[str]) -> None:
    if name not in known:
        advice = meant(name, [*known, "enable_interruptions"])
        raise ConfigError(f"start_audio_conversation has no argument {name[:60]!r}{advice}")


def _echo_of(enable_interruptions: Any, options: Mapping[str, Any]) -> str:
    """Return what is meant: the microphone is on, or off, while the model speaks (Protocol §17)."""
    if not isinstance(enable_interruptions, bool):
        raise ConfigError(
            f"enable_interruptions: expected True or False, got {enable_interruptions!r:.40}"
        )
    if "echo" in options:
        raise ConfigError("enable_interruptions and echo say the same thing: give one of them")
    return "none" if enable_interruptions else "half-duplex"
