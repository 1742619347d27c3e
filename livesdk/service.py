"""What a session tells its connection: whom it serves, what it speaks, and how long to wait.

Records of functions and numbers.  The functions are the session's; :mod:`livesdk.reader` and
:mod:`livesdk.recovery` call them, on the reader's thread unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Optional, Protocol

from ._records import frozen
from .errors import CloseInfo, LiveError
from .retry import ReconnectInfo, ReconnectPolicy
from .transport import Dial, Transport, TransportStats

__all__ = ["CallbackErrors", "Options", "Resumption", "Service", "Tap"]


@frozen(kw_only=True)
class Service:
    """What a connection speaks.

    Attributes:
        message: The class of what the server says.
        dial: Makes the request, credentials included; called on the reader, may block.
        setup: Makes the first frame, with this resumption handle or without one.
        observe: Told of each message on the reader, before anybody else; must not block.
        ended: Told of the end on the reader, before anybody else; must not block.
        is_tool: Tells whether the calling thread runs a tool.
        is_heard: Tells whether messages reach somebody and nobody receives: then none is kept
            until somebody does.
        forked: Told in the child of a fork, before anything else: a thread of the parent may have
            held any lock.
        resumption: ``None``: the session ends with its connection.
    """

    message: type[Any]
    dial: Callable[[], Dial]
    setup: Callable[[Optional[str]], bytes]
    observe: Callable[[Any], None]
    ended: Callable[[], None] = lambda: None
    is_tool: Callable[[], bool] = lambda: False
    is_heard: Callable[[], bool] = lambda: False
    forked: Callable[[], None] = lambda: None
    resumption: Optional[Resumption] = None


@frozen(kw_only=True)
class Resumption:
    """How a session outlives a connection.  All functions are called on the reader; none may block.

    Attributes:
        handle: What the first setup brings, if it takes up an earlier session.
        transparent: Messages are numbered, and sent again if they were lost (Protocol §13.7).
        outlives_1000: The server ends connections with 1000 while the session goes on (Vertex).
        history: Makes the messages that tell a fresh session its history, if there is any.
        activity: Makes the message that says that the user is speaking, if the program said so.
        is_quiet: Tells whether nothing is under way that another connection would not know of.
        lost: Told that a connection is over, and another one is to come; returns whether an answer
            was due or under way.
        reopened: Told that it stands; nothing was sent or received on it yet.
    """

    handle: Optional[str]
    transparent: bool
    outlives_1000: bool
    history: Callable[[], Sequence[bytes]]
    activity: Callable[[], Optional[bytes]]
    is_quiet: Callable[[], bool]
    lost: Callable[[], bool]
    reopened: Callable[[ReconnectInfo], None]


CallbackErrors = Literal["report", "raise"]


@frozen(kw_only=True)
class Options:
    """The knobs of a connection; all durations in seconds.

    Attributes:
        ping_interval: Between our own pings, which keep address translations open; ``None``: none.
        liveness_timeout: Without any byte for so long the connection is lost; ``None``: never.
        callback_errors: ``"report"`` to ``onerror``, or ``"raise"``: close, and re-raise from
            ``wait_closed()``.
        max_message_bytes: A larger message ends the session with 1009.
        reconnect: How hard to try to outlive a connection; ``None``: not at all.
        tap: Makes the transports in place of the network's own.
    """

    ping_interval: Optional[float] = 25.0
    liveness_timeout: Optional[float] = 60.0
    callback_errors: CallbackErrors = "report"
    max_message_bytes: int = 64 * 1024 * 1024
    reconnect: Optional[ReconnectPolicy] = None
    tap: Optional[Tap] = None


class Tap(Protocol):
    """Somebody who provides a session's transports, such as a recorder; nothing here may block."""

    def transport(
        self,
        *,
        max_message_bytes: int,
        stats: TransportStats,
        held: bool,
        outlived: bool,
        journals: bool,
    ) -> Transport:
        """Make one, as :class:`livesdk.transport.WebSocketTransport` would be made."""
        ...

    def opened(self, report: Callable[[LiveError], None], /) -> None:
        """The session is open; ``report`` tells ``onerror`` of what does not end it.  Reader."""

    def closed(self, info: CloseInfo, /) -> None:
        """The session is over, or never opened.  On the reader."""
