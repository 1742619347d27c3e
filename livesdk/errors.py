"""Everything livesdk raises, and the record of how a session ended.

::

    LiveError
    ├─ ConfigError (ValueError)          a wrong argument, found before any I/O
    ├─ ProtocolError
    │  ├─ LocalProtocolError             the state forbids what was asked
    │  └─ DecodeError                    a frame that is not what the protocol says
    ├─ ConnectError (ConnectionError)    no connection: phase, and HTTP status if there was one
    │  └─ AuthenticationError            401, 403, or words that name the key
    ├─ SetupError                        the server refused the setup
    │  └─ SetupAuthenticationError       because of the key: an AuthenticationError as well
    ├─ SessionClosed                     raised by every use after the end
    ├─ SessionReconnecting               no connection came back in time; nothing was sent
    ├─ LiveTimeout (TimeoutError)        a deadline passed
    ├─ ConcurrentReceiveError            a second consumer
    ├─ AudioError                        a device is missing, busy or refuses the format
    ├─ ToolError                         a function that the model called failed
    └─ CallbackError                     a callback raised

This room imports nothing of ours but the making of records, so that everything may raise.
No message carries a key, a token, or more than 200 characters of payload.
"""

from __future__ import annotations

from typing import Any, Optional

from ._records import frozen

__all__ = [
    "AudioError",
    "AuthenticationError",
    "CallbackError",
    "CloseInfo",
    "ConcurrentReceiveError",
    "ConfigError",
    "ConnectError",
    "DecodeError",
    "LiveError",
    "LiveTimeout",
    "LocalProtocolError",
    "ProtocolError",
    "SessionClosed",
    "SessionReconnecting",
    "SetupAuthenticationError",
    "SetupError",
    "ToolError",
]


@frozen(kw_only=True)
class CloseInfo:
    """How a session ended; the same record everywhere the end is told.

    Attributes:
        code: The close code of RFC 6455 §7.4, or 1006 where no close frame arrived (a reset, an
            end of file, silence); never a made-up server code.
        reason: The close reason.  A server's is cut at 123 bytes by the protocol.
        clean: Both sides agreed on the end: a close frame with code 1000, 1001 or none (1005), or
            a local ``close()``.
        initiated_by: ``"local"``, ``"remote"`` or ``"network"``.
        mid_turn: The model was generating, or a function call was open.
        resumable: A resumption handle is at hand (``session.resumption_handle``).
        error: The exception that ended the session, if one did.
        hint: What usually helps, in plain words, where the cause is known.
    """

    code: int
    reason: str = ""
    clean: bool = False
    initiated_by: str = "network"
    mid_turn: bool = False
    resumable: bool = False
    error: Optional[BaseException] = None
    hint: Optional[str] = None

    def __str__(self) -> str:
        """Read as one line: ``1011 (remote): internal error``."""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.code} ({self.initiated_by}){reason}"


class LiveError(Exception):
    """The root of the tree: catch it to catch all that livesdk raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with all attributes: processes hand exceptions to each other."""
        return _rebuilt, (type(self), self.args), self.__dict__


class ConfigError(LiveError, ValueError):
    """An argument, config or message is wrong.

    Raised in the caller's thread before anything is sent, so nothing is lost.  The text names the
    field, what was given and what is expected: correct the call.
    """


class ProtocolError(LiveError):
    """One side broke the rules of the protocol; see the two subclasses."""


class LocalProtocolError(ProtocolError):
    """The program asked for something the session's state forbids.

    For example waiting for the end inside the callback that the end waits for.
    """


class DecodeError(ProtocolError):
    """A frame from the server is not what the protocol says.

    Given to ``onerror``; the session goes on with the next frame.

    Attributes:
        path: Where in the frame, for example ``serverContent.modelTurn.parts[0]``.
        excerpt: At most 200 characters of what stood there.
    """

    def __init__(self, message: str, *, path: str = "", excerpt: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.excerpt = excerpt


class ConnectError(LiveError, ConnectionError):
    """No connection could be made.

    Raised by ``connect()``.  Look at ``phase`` to see what to fix.

    Attributes:
        phase: ``"credentials"`` (none could be had), ``"dns"``, ``"tcp"``, ``"proxy"``, ``"tls"``,
            ``"upgrade"``, ``"setup"`` (of a :class:`SetupAuthenticationError`), or
            ``"auth_tokens"`` (the server was reached, and made no token).
        status: The HTTP status where the server answered with one, else ``None``.
        reason: The server's own words, where it said any.
        hint: What usually helps, in plain words, where the cause is known.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: str,
        status: Optional[int] = None,
        reason: str = "",
        hint: Optional[str] = None,
    ) -> None:
        super().__init__(_with_hint(message, hint))
        self.phase = phase
        self.status = status
        self.reason = reason
        self.hint = hint


class AuthenticationError(ConnectError):
    """The key, token or credentials are refused: HTTP 401 or 403, or words that say so.

    Check which credential reaches the process (``livesdk doctor`` shows it without its value).
    """


class SetupError(LiveError):
    """The connection stood, and the server refused the setup or closed before accepting it.

    Raised by ``connect()``.  The config, the model name or the API version is at fault, or the
    service is out of order; ``hint`` says which where it can be known.

    Attributes:
        code: The close code.
        reason: The server's words, cut at 123 bytes by the WebSocket protocol.
        hint: What usually helps.
    """

    def __init__(self, code: int, reason: str, *, hint: Optional[str] = None) -> None:
        cut = " [cut at 123 bytes by the protocol]" if len(reason.encode()) >= _REASON_LIMIT else ""
        text = f"the server refused the setup: {code} {reason}".rstrip() + cut
        # not super(): in the pair below, ConnectError comes next, and wants a phase
        LiveError.__init__(self, _with_hint(text, hint))
        self.code = code
        self.reason = reason
        self.hint = hint


class SetupAuthenticationError(SetupError, AuthenticationError):
    """A close before the setup was complete that names the key: both of its parents.

    The service usually lets any key through the upgrade and judges it on the first frame.
    """

    def __init__(self, code: int, reason: str, *, hint: Optional[str] = None) -> None:
        SetupError.__init__(self, code, reason, hint=hint)
        self.phase = "setup"
        self.status = None


class SessionClosed(LiveError):
    """The session is over: raised at once by every use afterwards.

    Attributes:
        info: The :class:`CloseInfo` that says how and why.
    """

    def __init__(self, info: CloseInfo) -> None:
        super().__init__(_with_hint(f"the session is closed: {info}", info.hint))
        self.info = info


class SessionReconnecting(LiveError):
    """The connection is being made anew, and did not come back within the send's deadline.

    Nothing was sent: the message may be sent again.
    """


class LiveTimeout(LiveError, TimeoutError):
    """A deadline passed; the text and ``phase`` say which.

    Attributes:
        phase: What was being waited for, for example ``"tls"``, ``"setup"``, ``"send"``.
    """

    def __init__(self, message: str, *, phase: str = "") -> None:
        super().__init__(message)
        self.phase = phase


class ConcurrentReceiveError(LiveError):
    """Another thread already receives from this session.

    Messages go to one consumer; use callbacks to have several readers.
    """


class AudioError(LiveError):
    """A sound device is missing, busy or refuses the format; the text says what to do."""


class ToolError(LiveError):
    """A function that the model called failed; ``__cause__`` is the function's own exception.

    Attributes:
        name: The function's name.
        call_id: The id of the call.
    """

    def __init__(self, message: str, *, name: str, call_id: Optional[str]) -> None:
        super().__init__(message)
        self.name = name
        self.call_id = call_id


class CallbackError(LiveError):
    """A callback raised; ``__cause__`` is its exception, ``callback`` its name."""

    def __init__(self, callback: str) -> None:
        super().__init__(f"the callback {callback} raised")
        self.callback = callback


_REASON_LIMIT = 123  # RFC 6455 §5.5: a control frame carries 125 bytes, two are the code


def _rebuilt(kind: type[LiveError], args: tuple[Any, ...]) -> LiveError:
    """Make an exception without its ``__init__``, whose arguments are not kept as such."""
    error = kind.__new__(kind, *args)
    error.args = args
    return error


def _with_hint(message: str, hint: Optional[str]) -> str:
    return f"{message} — {hint}" if hint else message
