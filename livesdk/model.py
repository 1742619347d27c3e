"""The second door: the classes of Firebase AI Logic, on the same session.

``LiveGenerativeModel`` is a frozen description; ``connect()`` opens a :class:`Session`, and may be
called any number of times.  Protocol §16, §17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

import attrs
from attrs import field

from ._records import frozen
from .calls import ToolAudio
from .client import Client
from .configure import checked_config
from .dispatch import LiveCallbacks
from .errors import ConfigError
from .retry import ReconnectPolicy
from .service import CallbackErrors
from .session import Session
from .types.config import GenerationConfig, LiveConnectConfig

if TYPE_CHECKING:
    from .recording import Recorder

__all__ = ["LiveGenerativeModel", "get_live_generative_model", "live_model"]


@frozen
class LiveGenerativeModel:
    """A model with everything a session of it is told.

    Attributes:
        client: Who connects.
        model: Its name.
        generation_config: A :class:`LiveConnectConfig` or dict: modalities, voice, transcripts,
            sampling.
        system_instruction: A string, part, content, or a list of them.
        tools: As in the config.
        tool_config: As in the config.
    """

    client: Client = field(repr=False)
    model: str
    generation_config: Union[LiveConnectConfig, GenerationConfig, Mapping[str, Any], None] = None
    system_instruction: Any = None
    tools: Optional[list[Any]] = None
    tool_config: Any = None

    def connect(
        self,
        callbacks: Union[LiveCallbacks, Mapping[str, Any], None] = None,
        *,
        session_resumption: Any = None,
        timeout: Optional[float] = None,
        reconnect: Union[ReconnectPolicy, bool, None] = None,
        history: Any = None,
        tool_audio: ToolAudio = "drop",
        callback_errors: CallbackErrors = "report",
        recorder: Optional[Recorder] = None,
    ) -> Session:
        """Open a session; see :meth:`livesdk.client.Live.connect`.

        Args:
            callbacks: All optional.
            session_resumption: ``{}`` to get handles, ``{"handle": …}`` to resume.
            timeout: Seconds for everything.
            reconnect: As of :meth:`livesdk.client.Live.connect`.
            history: As of :meth:`livesdk.client.Live.connect`.
            tool_audio: As of :meth:`livesdk.client.Live.connect`.
            callback_errors: As of :meth:`livesdk.client.Live.connect`.
            recorder: Writes the session down.
        """
        own = {
            "system_instruction": self.system_instruction,
            "tools": self.tools,
            "tool_config": self.tool_config,
            "session_resumption": session_resumption,
        }
        given = {name: value for name, value in own.items() if value is not None}
        generation = self.generation_config
        if isinstance(generation, GenerationConfig):
            generation = LiveConnectConfig(generation_config=generation)
        config = checked_config(generation)
        for name in given:
            if getattr(config, name) is not None:
                raise ConfigError(f"{name} is given twice: to the model and in generation_config")
        # checked again as a whole: the values above may be dicts
        merged = attrs.evolve(config, **given)
        return self.client.live.connect(
            self.model,
            merged,
            callbacks,
            timeout=timeout,
            reconnect=reconnect,
            history=history,
            tool_audio=tool_audio,
            callback_errors=callback_errors,
            recorder=recorder,
        )


def live_model(
    client: Client,
    model: Optional[str] = None,
    generation_config: Union[LiveConnectConfig, GenerationConfig, Mapping[str, Any], None] = None,
    *,
    model_name: Optional[str] = None,
    system_instruction: Any = None,
    tools: Optional[list[Any]] = None,
    tool_config: Any = None,
) -> LiveGenerativeModel:
    """Make a :class:`LiveGenerativeModel`, as Android and Flutter name it.

    Args:
        model_name: Android's name for ``model``.
    """
    name = model if model_name is None else model_name
    if name is None or None not in (model, model_name):
        raise ConfigError("expected one of model and model_name")
    return LiveGenerativeModel(
        client, name, generation_config, system_instruction, tools, tool_config
    )


def get_live_generative_model(
    client: Client, params: Mapping[str, Any], **more: Any
) -> LiveGenerativeModel:
    """Make a :class:`LiveGenerativeModel`, as the JS SDK names it; keys in either case."""
    names = {
        "model": "model",
        "generationConfig": "generation_config",
        "systemInstruction": "system_instruction",
        "tools": "tools",
        "toolConfig": "tool_config",
    }
    given: dict[str, Any] = {}
    for key, value in (*params.items(), *more.items()):
        name = names.get(key, key)
        if name in given:
            raise ConfigError(f"{name} is given twice")
        given[name] = value
    unknown = set(given) - set(names.values())
    if unknown or "model" not in given:
        raise ConfigError(
            f"expected model and perhaps {', '.join(sorted(names))}; got {sorted(map(str, params))}"
        )
    return LiveGenerativeModel(client, **given)
