"""The names of the Firebase AI Logic classes and other older ones, as one-line methods.

Protocol §16.  What they do is done by the senders of :class:`livesdk.session.Session`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

import attrs

from . import codec
from .errors import ConfigError, LocalProtocolError
from .sending import blobs_of, route
from .types.requests import (
    ActivityEnd,
    ActivityStart,
    LiveClientContent,
    LiveClientContextUpdate,
    LiveClientRealtimeInput,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .conversation import AudioConversation, ConversationOptions
    from .session import Session
    from .types.content import FunctionCall, Transcription
    from .types.messages import LiveServerGoAway, LiveServerMessage

__all__ = ["FirebaseNames"]


class FirebaseNames:
    """Mixed into :class:`Session`."""

    def send(
        self: Any,
        request: Any = None,
        turn_complete: Optional[bool] = None,
        *,
        input: Any = None,  # noqa: A002  # the name it had
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
            input: Another name of ``request``.
            end_of_turn: Another name of ``turn_complete``.
        """
        if input is not None and request is not None:
            raise ConfigError("send: request and input are two names of one argument")
        request = input if request is None else request
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

    def start_audio_conversation(
        self: Any,
        function_call_handler: Optional[Callable[[FunctionCall], Any]] = None,
        *,
        transcript_handler: Optional[
            Callable[[Optional[Transcription], Optional[Transcription]], Any]
        ] = None,
        go_away_handler: Optional[Callable[[LiveServerGoAway], Any]] = None,
        enable_interruptions: Optional[bool] = None,
        **options: Unpack[ConversationOptions],
    ) -> AudioConversation:
        """Talk through microphone and loudspeaker; see :class:`livesdk.AudioConversation`.

        The first four arguments are those of Firebase on Android.  The handlers hold until the
        conversation ends.

        Args:
            function_call_handler: Called with each :class:`FunctionCall` that is of no function in
                ``tools=[...]``; what it returns is the response, a :class:`FunctionResponse` or
                whatever such a function may return, and what it raises an error response.  Runs in
                the threads of those functions, several calls at a time; without a time limit.
            transcript_handler: Called with what was heard of the user and of the model, as pieces
                come; one of the two is mostly ``None``.  A hook: on the hooks' thread.
            go_away_handler: Called with the :class:`LiveServerGoAway`, likewise.
            enable_interruptions: False: ``echo="half-duplex"``, as it is unless given.  True:
                ``echo="none"``, for headphones.
            **options: The arguments of the class, for example ``echo="none"`` where there are
                headphones.

        Returns:
            The conversation, started; ``stop_audio_conversation()`` ends it.

        Raises:
            ConfigError: An argument is unknown, or not of its kind.
            LocalProtocolError: A conversation is running.
            SessionClosed: The session is over.
            AudioError: A device is missing, busy or of no use; the text says what to do.
        """
        handlers = {
            "function_call_handler": function_call_handler,
            "transcript_handler": transcript_handler,
            "go_away_handler": go_away_handler,
            "enable_interruptions": enable_interruptions,
        }
        return _start_conversation(self, {**handlers, **options})

    def stop_audio_conversation(self: Any) -> None:
        """End the audio conversation, if there is one; the session stays open."""
        if self._conversation is not None:
            self._conversation.stop()

    @property
    def in_conversation(self: Any) -> bool:
        """An audio conversation is running."""
        return self._conversation is not None and self._conversation.running

    def start_media_stream(self: Any, stream: Any) -> None:
        """Send an iterable of chunks, paced; an older name of ``send_media_stream``."""
        self.send_media_stream(stream)

    def start_stream(
        self: Any, stream: Iterable[Any], mime_type: str = "audio/pcm"
    ) -> Iterator[LiveServerMessage]:
        """Send chunks as they come, and iterate meanwhile over what is received, as ``receive()``.

        The sending begins with the first message that is asked for, on a thread of its own.  It
        takes the next chunk once the network took the one before; none is dropped.  When the
        iteration ends, or is left, no other chunk is sent; an iterable that holds the thread up is
        not waited for.

        Args:
            stream: Blobs, or bytes of the kind ``mime_type`` says: a file's, a microphone's.
            mime_type: Of chunks that are no blobs.

        Raises:
            ConfigError: No iterable, or a chunk that cannot be sent.
            SessionClosed: The session ended abnormally.
            ConcurrentReceiveError: Another thread receives already.
            Exception: What the iterable raised.
        """
        messages: Iterator[LiveServerMessage] = self._send_and_receive(stream, mime_type)
        return messages


def _start_conversation(session: Session, options: Mapping[str, Any]) -> AudioConversation:
    assert session._conversation_factory is not None, "given by the door"
    conversation: AudioConversation = session._conversation_factory(session, **options)
    with session._lock:
        if session.in_conversation:
            raise LocalProtocolError("an audio conversation is running; stop_audio_conversation()")
        conversation._prepare()
        session._conversation = conversation
    conversation._open()
    return conversation


def _send_anything(session: Session, request: Any, turn_complete: Optional[bool]) -> None:
    kind, value = route(request)
    if kind == "turns":
        _send_turns(session, value, turn_complete)
    elif kind == "media":
        session.send_media_chunks(value)
    elif kind == "tool_response":
        session.send_tool_response(value)
    elif kind == "client_content":
        turns, complete = content_in(value, None)
        asked = complete if turn_complete is None else turn_complete
        session.send_client_content(turns, asked)
    elif kind == "context_update":
        update = codec.check(value, LiveClientContextUpdate, "context_update")
        tools = update.tools.tools or [] if update.tools else None
        session.send_context_update(system_instruction=update.system_instruction, tools=tools)
    else:
        session._send_realtime(pieces_in(value), None, 30.0)


def _send_turns(session: Session, turns: Any, turn_complete: Optional[bool]) -> None:
    if turns is None:  # the official client's "answer now"
        session.send_client_content(turn_complete=True)
        return
    session.send_client_content(turns, turn_complete=bool(turn_complete))
    session._awaits_more = turn_complete is None


_CONTENT_NAMES = {
    "turns": "turns",
    "content": "turns",
    "turnComplete": "turn_complete",
    "turn_complete": "turn_complete",
}


def content_in(value: Any, turn_complete: Optional[bool]) -> tuple[Any, Optional[bool]]:
    """Find turns and ``turnComplete`` in the one object that the JS client takes.

    Args:
        value: The object, perhaps within ``clientContent``; or turns, which are returned as they
            are.
        turn_complete: What holds unless the object says otherwise.
    """
    if isinstance(value, Mapping) and len(value) == 1:
        value = value.get("clientContent", value.get("client_content", value))
    if isinstance(value, LiveClientContent):
        codec.check(value, LiveClientContent, "client_content")
        value = {"turns": value.turns, "turn_complete": value.turn_complete}
    if not isinstance(value, Mapping) or not set(value) & set(_CONTENT_NAMES):
        return value, turn_complete
    found = _named(value, _CONTENT_NAMES, LiveClientContent, "client_content")
    return found.get("turns"), found.get("turn_complete", turn_complete)


_REALTIME_NAMES = {
    "audio": "audio",
    "video": "video",
    "text": "text",
    "media": "media",
    "mediaChunks": "media",
    "media_chunks": "media",
    "audioStreamEnd": "audio_stream_end",
    "audio_stream_end": "audio_stream_end",
    "activityStart": "activity_start",
    "activity_start": "activity_start",
    "activityEnd": "activity_end",
    "activity_end": "activity_end",
}


def pieces_in(value: Any) -> list[dict[str, Any]]:
    """Take the one object that the JS client takes for realtime input apart.

    Returns:
        One dict for each frame, with one argument of ``send_realtime_input``.
    """
    if isinstance(value, (ActivityStart, ActivityEnd)):
        name = "activity_start" if isinstance(value, ActivityStart) else "activity_end"
        return [{name: value}]
    if isinstance(value, Mapping) and len(value) == 1:
        value = value.get("realtimeInput", value.get("realtime_input", value))
    if isinstance(value, LiveClientRealtimeInput):
        codec.check(value, LiveClientRealtimeInput, "realtime_input")
        value = attrs.asdict(value, recurse=False)
        if value.pop("extra"):
            raise ConfigError("realtime_input: extra is not possible here")
    found = _named(value, _REALTIME_NAMES, LiveClientRealtimeInput, "realtime_input")
    if not found:
        raise ConfigError("realtime_input: nothing to send")
    chunks = blobs_of(found.pop("media")) if "media" in found else []
    return [{"media": chunk} for chunk in chunks] + [{name: found[name]} for name in found]


def _named(value: Any, names: Mapping[str, str], cls: type[Any], where: str) -> dict[str, Any]:
    """Return what is set, by our names; an unknown key is refused with the nearest known one."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected a dict, got {type(value).__name__}")
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = names.get(key)
        if name is None:
            codec.check({key: item}, cls, where)  # says what was meant
            raise ConfigError(f"{where}: {key!r:.60} is not possible here")
        if item is None:
            continue
        if name in found:
            raise ConfigError(f"{where}: {name} is given twice")
        found[name] = item
    return found
