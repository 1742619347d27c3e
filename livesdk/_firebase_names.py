"""The names of the Firebase AI Logic classes and other older ones, as one-line methods.

Protocol §16.  What they do is done by the senders of :class:`livesdk.session.Session`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

from . import codec
from .errors import ConfigError, LocalProtocolError
from .older_forms import content_in, pieces_in, route
from .senders import SEND_TIMEOUT, Senders
from .streaming import send_and_receive
from .types.requests import LiveClientContextUpdate

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .conversation import AudioConversation, ConversationOptions
    from .types.content import FunctionCall, Transcription
    from .types.messages import LiveServerGoAway, LiveServerMessage

__all__ = ["FirebaseNames"]


class FirebaseNames(Senders):
    """The last step to :class:`livesdk.session.Session`."""

    _conversation: Optional[AudioConversation]
    _conversation_factory: Callable[..., AudioConversation]

    def send(
        self,
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

    def send_text_realtime(self, text: str) -> None:
        """Send what the user typed, on the realtime stream."""
        self.send_realtime_input(text=text)

    def send_audio_realtime(self, audio: Any) -> None:
        """Send a piece of audio."""
        self.send_realtime_input(audio=audio)

    def send_video_realtime(self, video: Any) -> None:
        """Send a video frame."""
        self.send_realtime_input(video=video)

    def send_function_responses(self, function_responses: Any) -> None:
        """Answer function calls."""
        self.send_tool_response(function_responses)

    def start_audio_conversation(
        self,
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

    def stop_audio_conversation(self) -> None:
        """End the audio conversation, if there is one; the session stays open."""
        if self._conversation is not None:
            self._conversation.stop()

    @property
    def in_conversation(self) -> bool:
        """An audio conversation is running."""
        return self._conversation is not None and self._conversation.running

    def start_media_stream(self, stream: Any) -> None:
        """Send an iterable of chunks, paced; an older name of ``send_media_stream``."""
        self.send_media_stream(stream)

    def start_stream(
        self, stream: Iterable[Any], mime_type: str = "audio/pcm"
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
        return send_and_receive(self, stream, mime_type)


def _start_conversation(session: FirebaseNames, options: Mapping[str, Any]) -> AudioConversation:
    conversation = session._conversation_factory(session, **options)
    with session._lock:
        if session.in_conversation:
            raise LocalProtocolError("an audio conversation is running; stop_audio_conversation()")
        conversation._prepare()
        session._conversation = conversation
    conversation._open()
    return conversation


def _send_anything(session: FirebaseNames, request: Any, turn_complete: Optional[bool]) -> None:
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
        session._send_realtime(pieces_in(value), None, SEND_TIMEOUT)


def _send_turns(session: FirebaseNames, turns: Any, turn_complete: Optional[bool]) -> None:
    if turns is None:  # the official client's "answer now"
        session.send_client_content(turn_complete=True)
        return
    session.send_client_content(turns, turn_complete=bool(turn_complete))
    session._awaits_more = turn_complete is None
