"""The objects that arrive all the time, made by straight-line code: twice as quick as by loops.

Each function takes the members it knows, and counts them down.  If any is left over (a rare or
unknown key, a null, a value of another class), the whole object goes to ``_inbound`` instead, which
knows everything.  So these functions are right about the usual, and silent about all else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Optional

from ..types.content import Blob, Content, FunctionCall, Part, Transcription
from ..types.enums import MediaModality
from ..types.messages import (
    LiveServerContent,
    LiveServerMessage,
    LiveServerToolCall,
    ModalityTokenCount,
    UsageMetadata,
)
from ._inbound import octets, structure_hook
from ._shapes import Hook

__all__ = ["audio_message", "hot_hook", "mime_type_of_audio", "text_message", "text_of"]

_new: Callable[[type], Any] = object.__new__  # without __init__: see types._base.sparse
_general = cache(structure_hook)
_MODALITIES = {member.value: member for member in MediaModality}


def hot_hook(cls: type) -> Hook:
    """Return the quickest function that makes a message of class ``cls`` from a decoded frame.

    Its :class:`Mismatch` may have lost the first steps of its path; ``structure_hook`` knows them.
    """
    return _message if cls is LiveServerMessage else structure_hook(cls)


def mime_type_of_audio(found: Any) -> Optional[str]:
    """Return the MIME type of a decoded frame that holds one blob and nothing else."""
    try:
        blob = found["serverContent"]["modelTurn"]["parts"][0]["inlineData"]
        data, mime_type = blob["data"], blob["mimeType"]
    except (LookupError, TypeError):
        return None
    blob = {"mimeType": mime_type, "data": data}
    only = {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}
    return mime_type if found == only and isinstance(mime_type, str) else None


def audio_message(data: bytes, mime_type: str) -> Any:
    """Make the message of a frame that holds one blob and nothing else."""
    part, blob = _new(Part), _new(Blob)
    blob.data = data
    blob.mime_type = mime_type
    part.inline_data = blob
    return _piece(part, 6)


def text_message(text: str) -> Any:
    """Make the message of a frame that holds one text of the model and nothing else."""
    part = _new(Part)
    part.text = text
    message = _piece(part, 5)
    message._is_text = True
    return message


def _piece(part: Any, levels: int) -> Any:
    """Make the message of a frame that holds one part and nothing else."""
    message, content, turn = _new(LiveServerMessage), _new(LiveServerContent), _new(Content)
    turn.parts = [part]
    content.model_turn = turn
    message.server_content = content
    message._is_piece = True
    message._levels = levels
    return message


def text_of(value: Any) -> Optional[str]:
    """Return the text of a decoded frame that holds one text and nothing else."""
    content: Any = value.get("serverContent") if len(value) == 1 else None
    turn: Any = (
        content.get("modelTurn") if content.__class__ is dict and len(content) == 1 else None
    )
    parts: Any = turn.get("parts") if turn.__class__ is dict and len(turn) == 1 else None
    part: Any = parts[0] if parts.__class__ is list and len(parts) == 1 else None
    text = part.get("text") if part.__class__ is dict and len(part) == 1 else None
    return text if text.__class__ is str else None


def _message(value: Any) -> Any:
    if value.__class__ is dict:
        if (text := text_of(value)) is not None:
            return text_message(text)
        made = _new(LiveServerMessage)
        left = len(value)
        if (item := value.get("serverContent")) is not None:
            made.server_content = content = _server_content(item)
            left -= 1
            if not left and len(item) == 1 and content.model_turn is not None:
                parts = content.model_turn.parts
                made._is_piece = bool(parts) and not [p for p in parts if p.function_call]
        if left and (item := value.get("usageMetadata")) is not None:
            made.usage_metadata = _usage(item)
            left -= 1
        if left and (item := value.get("toolCall")) is not None:
            made.tool_call = _tool_call(item)
            left -= 1
        if not left:
            return made
    return _general(LiveServerMessage)(value)


def _server_content(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(LiveServerContent)
        left = len(value)
        if (item := value.get("modelTurn")) is not None:
            made.model_turn = _content(item)
            left -= 1
        if left and (item := value.get("outputTranscription")) is not None:
            made.output_transcription = _transcription(item)
            left -= 1
        if left and (item := value.get("inputTranscription")) is not None:
            made.input_transcription = _transcription(item)
            left -= 1
        if left and value.get("turnComplete").__class__ is bool:
            made.turn_complete = value["turnComplete"]
            left -= 1
        if left and value.get("generationComplete").__class__ is bool:
            made.generation_complete = value["generationComplete"]
            left -= 1
        if left and value.get("interrupted").__class__ is bool:
            made.interrupted = value["interrupted"]
            left -= 1
        if not left:
            return made
    return _general(LiveServerContent)(value)


def _content(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(Content)
        left = len(value)
        parts = value.get("parts")
        if parts.__class__ is list:
            made.parts = list(map(_part, parts))
            left -= 1
        if left and value.get("role").__class__ is str:
            made.role = value["role"]
            left -= 1
        if not left:
            return made
    return _general(Content)(value)


def _part(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(Part)
        left = len(value)
        if (item := value.get("inlineData")) is not None:
            made.inline_data = _blob(item)
            left -= 1
        if left and value.get("text").__class__ is str:
            made.text = value["text"]
            left -= 1
        if left and value.get("thought").__class__ is bool:
            made.thought = value["thought"]
            left -= 1
        if not left:
            return made
    return _general(Part)(value)


def _blob(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(Blob)
        left = len(value)
        if (item := value.get("data")) is not None:
            made.data = octets(item)
            left -= 1
        if value.get("mimeType").__class__ is str:
            made.mime_type = value["mimeType"]
            left -= 1
        if not left:
            return made
    return _general(Blob)(value)


def _transcription(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(Transcription)
        left = len(value)
        if value.get("text").__class__ is str:
            made.text = value["text"]
            left -= 1
        if left and value.get("finished").__class__ is bool:
            made.finished = value["finished"]
            left -= 1
        if left and value.get("languageCode").__class__ is str:
            made.language_code = value["languageCode"]
            left -= 1
        if not left:
            return made
    return _general(Transcription)(value)


def _tool_call(value: Any) -> Any:
    if value.__class__ is dict and len(value) == 1:
        calls = value.get("functionCalls")
        if calls.__class__ is list:
            made = _new(LiveServerToolCall)
            made.function_calls = list(map(_function_call, calls))
            return made
    return _general(LiveServerToolCall)(value)


def _function_call(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(FunctionCall)
        left = len(value)
        if value.get("name").__class__ is str:
            made.name = value["name"]
            left -= 1
        if left and value.get("id").__class__ is str:
            made.id = value["id"]
            left -= 1
        if left and value.get("args").__class__ is dict:
            made.args = value["args"]
            left -= 1
        if not left:
            return made
    return _general(FunctionCall)(value)


def _usage(value: Any) -> Any:
    if value.__class__ is dict:
        made = _new(UsageMetadata)
        left = len(value)
        if value.get("promptTokenCount").__class__ is int:
            made.prompt_token_count = value["promptTokenCount"]
            left -= 1
        if value.get("responseTokenCount").__class__ is int:
            made.response_token_count = value["responseTokenCount"]
            left -= 1
        if value.get("totalTokenCount").__class__ is int:
            made.total_token_count = value["totalTokenCount"]
            left -= 1
        if value.get("promptTokensDetails").__class__ is list:
            made.prompt_tokens_details = list(map(_token_count, value["promptTokensDetails"]))
            left -= 1
        if value.get("responseTokensDetails").__class__ is list:
            made.response_tokens_details = list(map(_token_count, value["responseTokensDetails"]))
            left -= 1
        if left and value.get("thoughtsTokenCount").__class__ is int:
            made.thoughts_token_count = value["thoughtsTokenCount"]
            left -= 1
        if left and value.get("cachedContentTokenCount").__class__ is int:
            made.cached_content_token_count = value["cachedContentTokenCount"]
            left -= 1
        if left and value.get("toolUsePromptTokenCount").__class__ is int:
            made.tool_use_prompt_token_count = value["toolUsePromptTokenCount"]
            left -= 1
        if not left:
            return made
    return _general(UsageMetadata)(value)


def _token_count(value: Any) -> Any:
    if value.__class__ is dict and len(value) == 2:
        count = value.get("tokenCount")
        modality = value.get("modality")
        if count.__class__ is int and modality.__class__ is str and modality in _MODALITIES:
            made = _new(ModalityTokenCount)
            made.modality = _MODALITIES[modality]
            made.token_count = count
            return made
    return _general(ModalityTokenCount)(value)
