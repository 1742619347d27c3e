"""Older names of types, as data: what programs written for other clients say (Protocol §16).

New programs use the names on the right.
"""

from __future__ import annotations

from typing import Any, Optional, Union

from ._base import Model, frozen
from .choices import MusicGenerationMode
from .config import LiveConnectConfig
from .content import Blob
from .enums import Modality, Scale
from .messages import (
    LiveServerMessage,
    LiveServerSetupComplete,
    LiveServerToolCallCancellation,
)
from .music import LiveMusicGenerationConfig
from .requests import LiveClientRealtimeInput, LiveClientToolResponse
from .tools import Tool

__all__ = [
    "GenerativeContentBlob",
    "LiveConnectParameters",
    "LiveContentResponse",
    "LiveGenerationConfig",
    "LiveMusicConfig",
    "LiveMusicConnectParameters",
    "LiveSendRealtimeInputParameters",
    "LiveSendToolResponseParameters",
    "LiveSetupComplete",
    "MediaChunk",
    "RealtimeInput",
    "ResponseModality",
    "ToolCallCancellation",
    "ToolListUnion",
]

GenerativeContentBlob = Blob
MediaChunk = Blob
LiveContentResponse = LiveServerMessage
LiveGenerationConfig = LiveConnectConfig
LiveSetupComplete = LiveServerSetupComplete
ToolCallCancellation = LiveServerToolCallCancellation
RealtimeInput = LiveClientRealtimeInput
LiveSendRealtimeInputParameters = LiveClientRealtimeInput
LiveSendToolResponseParameters = LiveClientToolResponse
ResponseModality = Modality
ToolListUnion = list[Union[Tool, Any]]


@frozen(kw_only=True, eq=False, repr=False)
class LiveConnectParameters(Model):
    """The one object that the JS client's ``connect`` takes."""

    model: Optional[str] = None
    config: Optional[Any] = None
    callbacks: Optional[Any] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveMusicConnectParameters(Model):
    """The one object that the JS client's ``music.connect`` takes."""

    model: Optional[str] = None
    config: Optional[Any] = None
    callbacks: Optional[Any] = None


def LiveMusicConfig(  # noqa: N802  # named like the class it stands in for
    *,
    tempo: Optional[int] = None,
    scale: Union[Scale, str, None] = None,
    mode: Union[MusicGenerationMode, str, None] = None,
    **fields: Any,
) -> LiveMusicGenerationConfig:
    """Make a :class:`LiveMusicGenerationConfig`; ``tempo`` is ``bpm`` there, ``mode`` its mode."""
    older = {"bpm": tempo, "scale": scale, "music_generation_mode": mode}
    given: dict[str, Any] = {name: value for name, value in older.items() if value is not None}
    return LiveMusicGenerationConfig(**given, **fields)
