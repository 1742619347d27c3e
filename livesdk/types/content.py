"""What turns are made of: contents, their parts, and the blobs and calls inside them.

Sent and received alike, so these are ``define`` classes, cheap to make; livesdk never changes one
that it was given.  Protocol §9.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, define, sparse

if TYPE_CHECKING:
    from .choices import Language, MediaProcessing, Outcome, ToolType
    from .enums import FunctionResponseScheduling
    from .media import (
        AudioMetadata,
        DocumentMetadata,
        PartMediaResolution,
        SpeechMetadata,
        SpreadsheetMetadata,
        VideoMetadata,
    )

__all__ = [
    "Blob",
    "CodeExecutionResult",
    "Content",
    "ExecutableCode",
    "FileData",
    "FunctionCall",
    "FunctionResponse",
    "FunctionResponseBlob",
    "FunctionResponseFileData",
    "FunctionResponsePart",
    "ModelContent",
    "Part",
    "PartialArg",
    "ToolCall",
    "ToolResponse",
    "Transcription",
    "UserContent",
    "WordInfo",
]


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class Blob(Model):
    """Raw bytes with their MIME type; base64 on the wire, bytes here (Protocol §9.2).

    Attributes:
        data: The bytes.  For speech: PCM, 16-bit little-endian, mono.
        mime_type: For example ``audio/pcm;rate=16000`` or ``image/jpeg``.
    """

    data: Optional[bytes] = None
    mime_type: Optional[str] = None
    display_name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class FileData(Model):
    """A file by its URI."""

    display_name: Optional[str] = None
    file_uri: Optional[str] = None
    mime_type: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class PartialArg(Model):
    """A piece of an argument of a call that is still being written (Vertex only; Protocol §8.3)."""

    bool_value: Optional[bool] = None
    json_path: Optional[str] = None
    null_value: Optional[Any] = None
    number_value: Optional[float] = None
    string_value: Optional[str] = None
    will_continue: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class FunctionCall(Model):
    """The model asks for a function to be run (Protocol §8.3).

    Attributes:
        id: Echo it in the response.  Absent on Vertex at times.
        args: The arguments by name; user data, never renamed.
    """

    id: Optional[str] = None
    name: Optional[str] = None
    args: Optional[dict[str, Any]] = None
    partial_args: Optional[list[PartialArg]] = None
    will_continue: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class FunctionResponseBlob(Model):
    """Bytes as part of a function response."""

    data: Optional[bytes] = None
    display_name: Optional[str] = None
    mime_type: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class FunctionResponseFileData(Model):
    """A file by its URI as part of a function response."""

    display_name: Optional[str] = None
    file_uri: Optional[str] = None
    mime_type: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class FunctionResponsePart(Model):
    """One multimodal part of a function response."""

    audio_metadata: Optional[AudioMetadata] = None
    document_metadata: Optional[DocumentMetadata] = None
    file_data: Optional[FunctionResponseFileData] = None
    inline_data: Optional[FunctionResponseBlob] = None
    media_processing: Union[MediaProcessing, str, None] = None
    media_resolution: Optional[PartMediaResolution] = None
    spreadsheet_metadata: Optional[SpreadsheetMetadata] = None
    video_metadata: Optional[VideoMetadata] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class FunctionResponse(Model):
    """The result of a function call (Protocol §6).

    Attributes:
        id: The call's id; required on the Developer API.
        response: A JSON object, by convention ``{"output": …}`` or ``{"error": …}``; never
            renamed.
        scheduling: How the result of a NON_BLOCKING call enters the conversation.
        will_continue: More responses for this call follow (NON_BLOCKING only).
    """

    id: Optional[str] = None
    name: Optional[str] = None
    response: Optional[dict[str, Any]] = None
    scheduling: Union[FunctionResponseScheduling, str, None] = None
    will_continue: Optional[bool] = None
    parts: Optional[list[FunctionResponsePart]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class ExecutableCode(Model):
    """Code that the model wrote and the service runs."""

    code: Optional[str] = None
    id: Optional[str] = None
    language: Union[Language, str, None] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class CodeExecutionResult(Model):
    """What running the code gave."""

    id: Optional[str] = None
    outcome: Union[Outcome, str, None] = None
    output: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class ToolCall(Model):
    """A call of a server-side tool: to be shown, not to be run (Protocol §9.1).

    Older programs use this name for the message of function calls, with ``function_calls``; that is
    :class:`LiveServerToolCall`.
    """

    args: Optional[dict[str, Any]] = None
    id: Optional[str] = None
    tool_type: Union[ToolType, str, None] = None
    function_calls: Optional[list[FunctionCall]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class ToolResponse(Model):
    """The response of a server-side tool.

    Older programs use this name for the message that answers function calls, with
    ``function_responses``; ``session.send`` understands it so.
    """

    id: Optional[str] = None
    response: Optional[dict[str, Any]] = None
    tool_type: Union[ToolType, str, None] = None
    function_responses: Optional[list[FunctionResponse]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class WordInfo(Model):
    """A word of a transcript with its times, for example ``"1.2s"``."""

    word: Optional[str] = None
    start_offset: Optional[str] = None
    end_offset: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class Transcription(Model):
    """A piece of a transcript (Protocol §8.2, §13.10).

    Text of input and output transcripts is to be concatenated; an interim piece replaces the one
    before.
    """

    text: Optional[str] = None
    finished: Optional[bool] = None
    language_code: Optional[str] = None
    end_offset: Optional[str] = None
    speaker_label: Optional[str] = None
    start_offset: Optional[str] = None
    words: Optional[list[WordInfo]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class Part(Model):
    """One piece of a content; as a rule exactly one of its members is set (Protocol §9.1).

    Attributes:
        text: Text; a thought where ``thought`` is true.
        inline_data: Audio, an image or other bytes.
        thought: The text is not meant for the user.
    """

    text: Optional[str] = None
    inline_data: Optional[Blob] = None
    thought: Optional[bool] = None
    function_call: Optional[FunctionCall] = None
    function_response: Optional[FunctionResponse] = None
    file_data: Optional[FileData] = None
    executable_code: Optional[ExecutableCode] = None
    code_execution_result: Optional[CodeExecutionResult] = None
    tool_call: Optional[ToolCall] = None
    tool_response: Optional[ToolResponse] = None
    audio_metadata: Optional[AudioMetadata] = None
    audio_transcription: Optional[Transcription] = None
    document_metadata: Optional[DocumentMetadata] = None
    media_processing: Union[MediaProcessing, str, None] = None
    media_resolution: Optional[PartMediaResolution] = None
    part_metadata: Optional[dict[str, Any]] = None
    speech_metadata: Optional[SpeechMetadata] = None
    spreadsheet_metadata: Optional[SpreadsheetMetadata] = None
    thought_signature: Optional[bytes] = None
    video_metadata: Optional[VideoMetadata] = None
    extra: Optional[dict[str, Any]] = None

    @classmethod
    def from_text(cls, text: str) -> Part:
        """Make a part of text."""
        return cls(text=text)

    @classmethod
    def from_bytes(cls, data: bytes, mime_type: str) -> Part:
        """Make a part of bytes."""
        return cls(inline_data=Blob(data=data, mime_type=mime_type))

    @classmethod
    def from_uri(cls, file_uri: str, mime_type: Optional[str] = None) -> Part:
        """Make a part that points to a file."""
        return cls(file_data=FileData(file_uri=file_uri, mime_type=mime_type))


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class Content(Model):
    """A turn or a part of one: who speaks, and what.

    Attributes:
        role: ``"user"`` or ``"model"``; a missing role means the user.
    """

    parts: Optional[list[Part]] = None
    role: Optional[str] = None
    extra: Optional[dict[str, Any]] = None

    @classmethod
    def of_text(cls, text: str, role: str = "user") -> Content:
        """Make a content of one text."""
        return cls(parts=[Part(text=text)], role=role)

    @classmethod
    def text(cls, text: str) -> Content:
        """Make a turn of the user of one text, as Dart names it; see :meth:`of_text`."""
        return cls.of_text(text)


class UserContent(Content):
    """A turn of the user: ``UserContent("Hello")``, or parts, or a list of both."""

    def __init__(self, parts: Any = None) -> None:
        super().__init__(parts=_parts_of(parts), role="user")


class ModelContent(Content):
    """A turn of the model, for a history: ``ModelContent("Hello, how can I help?")``."""

    def __init__(self, parts: Any = None) -> None:
        super().__init__(parts=_parts_of(parts), role="model")


def _parts_of(parts: Any) -> list[Part]:
    """Make a list of parts from a string, a part, or a list of both."""
    many = parts if isinstance(parts, (list, tuple)) else [] if parts is None else [parts]
    return [Part(text=part) if isinstance(part, str) else part for part in many]
