"""A synchronous, thread-based SDK for the Gemini Live API.

::

    import livesdk

    client = livesdk.Client(api_key=...)
    with client.live.connect(model="gemini-3.8-live") as session:
        print(session.ask("Hello").output_transcript)

Two doors lead to the one :class:`Session`: ``client.live.connect(...)`` in the style of the
official SDKs, and :class:`LiveGenerativeModel` of Firebase AI Logic.  Names load when first used
(PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import types as types
    from .client import Client as Client, Live as Live, LiveMusic as LiveMusic
    from .conversation import (
        AudioConversation as AudioConversation,
        Levels as Levels,
        Playback as Playback,
        TranscriptPiece as TranscriptPiece,
    )
    from .dispatch import LiveCallbacks as LiveCallbacks
    from .endpoint import FirebaseOptions as FirebaseOptions
    from .errors import *  # noqa: F403  # the tree
    from .model import (
        LiveGenerativeModel as LiveGenerativeModel,
        get_live_generative_model as get_live_generative_model,
        live_model as live_model,
    )
    from .music import MusicSession as MusicSession
    from .playing import play_music as play_music
    from .retry import ReconnectInfo as ReconnectInfo, ReconnectPolicy as ReconnectPolicy
    from .session import Session as Session
    from .tally import SessionStats as SessionStats
    from .tools import (
        FunctionTool as FunctionTool,
        ToolContext as ToolContext,
        ToolCounts as ToolCounts,
        tool as tool,
    )
    from .turn import Turn as Turn, TurnCall as TurnCall, Utterance as Utterance
    from .types.choices import *  # noqa: F403
    from .types.config import *  # noqa: F403
    from .types.content import *  # noqa: F403
    from .types.enums import *  # noqa: F403
    from .types.formats import *  # noqa: F403
    from .types.grounding import *  # noqa: F403
    from .types.media import *  # noqa: F403
    from .types.messages import *  # noqa: F403
    from .types.music import *  # noqa: F403
    from .types.older import *  # noqa: F403
    from .types.requests import *  # noqa: F403
    from .types.retrieval import *  # noqa: F403
    from .types.tokens import *  # noqa: F403
    from .types.tools import *  # noqa: F403
    from .video import send_video as send_video

    AIModel = LiveGenerativeModel
    AudioConversationController = AudioConversation
    ServiceConnectionHandshakeFailedException = SetupAuthenticationError  # noqa: F405  # of errors
    LiveMusicSession = MusicSession
    LiveSession = Session

_MODULES = {
    "client": "Client Live LiveMusic",
    "conversation": "AudioConversation Levels Playback TranscriptPiece",
    "dispatch": "LiveCallbacks",
    "endpoint": "FirebaseOptions",
    "errors": (
        "AudioError AuthenticationError CallbackError CloseInfo ConcurrentReceiveError ConfigError "
        "ConnectError DecodeError LiveError LiveTimeout LocalProtocolError ProtocolError "
        "SessionClosed SessionReconnecting SetupAuthenticationError SetupError ToolError"
    ),
    "model": "LiveGenerativeModel get_live_generative_model live_model",
    "music": "MusicSession",
    "playing": "play_music",
    "retry": "ReconnectInfo ReconnectPolicy",
    "session": "Session",
    "tally": "SessionStats",
    "tools": "FunctionTool ToolContext ToolCounts tool",
    "turn": "Turn TurnCall Utterance",
    "video": "send_video",
}
"""Which module holds which name; the types are in ``livesdk.types``."""

_WHERE = {name: module for module, names in _MODULES.items() for name in names.split()}

_OLDER = {
    "AIModel": "LiveGenerativeModel",
    "AudioConversationController": "AudioConversation",
    "LiveMusicSession": "MusicSession",
    "LiveSession": "Session",
    "ServiceConnectionHandshakeFailedException": "SetupAuthenticationError",
}
"""Older names of classes (Protocol §16)."""

__all__ = ["__version__", "types", *_WHERE, *_OLDER]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]  # one table, not two


def __getattr__(name: str) -> Any:
    if name == "types":
        return importlib.import_module(".types", __name__)
    wanted = _OLDER.get(name, name)
    if wanted in _WHERE:
        value = getattr(importlib.import_module(f".{_WHERE[wanted]}", __name__), wanted)
    else:
        types_module = importlib.import_module(".types", __name__)
        if wanted not in types_module.__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(types_module, wanted)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    types_module = importlib.import_module(".types", __name__)
    return sorted({*__all__, *types_module.__all__})
