"""The names of the Firebase AI Logic classes and other older ones, as one-line methods.

Protocol §16.  What they do is done by the senders of :class:`livesdk.session.Session`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from . import codec
from .sending import route
from .types.requests import (
    ActivityEnd,
    ActivityStart,
    LiveClientContent,
    LiveClientContextUpdate,
    LiveClientRealtimeInput,
)

if TYPE_CHECKING:
    from .session import Session

__all__ = ["FirebaseNames"]


class FirebaseNames:
    """Mixed into :class:`Session`."""

    def send(
        self: Any,
        request: Any = None,
        turn_complete: Optional[bool] = None,
        *,
        end_of_turn: Optional[bool] = None,
    ) -> None:
        """Send whatever it is: text, contents, blobs, responses, or a message as a dict.

        The older catch-all; each kind has a sender of its own.

        Args:
            request: A string, part, content or list of them; a blob or several; function responses;
                or ``{"clientContent": …}``, ``{"realtimeInput": …}``, ``{"toolResponse": …}`` in
                either case.  ``None`` means: answer with what you have.
            turn_complete: For text and contents: answer now.  False unless given, as the API's
                first documentation has it; pass True to get an answer.
            end_of_turn: Another name of ``turn_complete``.
        """
        _send_anything(self, request, turn_complete if end_of_turn is None else end_of_turn)

    def send_text_realtime(self: Any, text: str) -> None:
        """Send what the user typed, on the realtime stream."""
        self.send_realtime_input(text=text)

    def send_audio_realtime(self: Any, audio: Any) -> None:
        """Send a piece of audio."""
        self.send_realtime_input(audio=audio)

    def send_video_realtime(self: Any, video: Any) -> None:
        """Send a video frame."""
        self.send_realtime_input(video=video)

    def send_function_responses(self: Any, function_responses: Any) -> None:
        """Answer function calls."""
        self.send_tool_response(function_responses)

    def start_media_stream(self: Any, stream: Any) -> None:
        """Send an iterable of chunks, paced; an older name of ``send_media_stream``."""
        self.send_media_stream(stream)

    def start_stream(self: Any, stream: Any, mime_type: str = "audio/pcm") -> Any:
        """Send an iterable of chunks as fast as they come, and iterate over what is received."""
        for chunk in stream:
            self.send_media_chunks(chunk if hasattr(chunk, "mime_type") else [(mime_type, chunk)])
        return self.receive()


def _send_anything(session: Session, request: Any, turn_complete: Optional[bool]) -> None:
    kind, value = route(request)
    if kind == "turns":
        _send_turns(session, value, turn_complete)
    elif kind == "media":
        session.send_media_chunks(value)
    elif kind == "tool_response":
        session.send_tool_response(value)
    elif kind == "client_content":
        _send_content(session, value, turn_complete)
    elif kind == "context_update":
        update = codec.check(value, LiveClientContextUpdate, "context_update")
        tools = update.tools.tools or [] if update.tools else None
        session.send_context_update(system_instruction=update.system_instruction, tools=tools)
    else:
        _send_realtime(session, value)


def _send_turns(session: Session, turns: Any, turn_complete: Optional[bool]) -> None:
    if turns is None:  # the official client's "answer now"
        session.send_client_content(turn_complete=True)
        return
    session.send_client_content(turns, turn_complete=bool(turn_complete))
    session._awaits_more = turn_complete is None


def _send_content(session: Session, value: Any, turn_complete: Optional[bool]) -> None:
    if isinstance(value, dict) and "content" in value:
        value = {("turns" if key == "content" else key): item for key, item in value.items()}
    content = codec.check(value, LiveClientContent, "client_content")
    complete = content.turn_complete if turn_complete is None else turn_complete
    session.send_client_content(content.turns, turn_complete=bool(complete))


def _send_realtime(session: Session, value: Any) -> None:
    if isinstance(value, ActivityStart):
        session.send_realtime_input(activity_start=value)
        return
    if isinstance(value, ActivityEnd):
        session.send_realtime_input(activity_end=value)
        return
    given = codec.check(value, LiveClientRealtimeInput, "realtime_input")
    if given.media_chunks:
        session.send_media_chunks(given.media_chunks)
    for name in ("audio", "video", "text", "audio_stream_end", "activity_start", "activity_end"):
        if getattr(given, name) is not None:
            session.send_realtime_input(**{name: getattr(given, name)})
