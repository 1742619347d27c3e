"""A transport that tells a tape what goes over it; on the wire it is like any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional, Union

from ..transport import (
    CloseFrame,
    Dial,
    Lost,
    Message,
    Outbound,
    Payload,
    WebSocketTransport,
    lasting,
)

if TYPE_CHECKING:
    from ._tape import Tape

__all__ = ["TapedTransport"]


class TapedTransport(WebSocketTransport):
    """See the module.

    A frame of the client is told of before it goes out, and taken back if it does not: told of
    afterwards, it could stand behind the answer to it.
    """

    def __init__(self, tape: Tape, **options: Any) -> None:
        super().__init__(**options)
        self._tape = tape
        self._ended_here = False

    def open(self, request: Dial, deadline: float) -> None:
        self._ended_here = False
        self._tape.keep_out(request.headers)
        super().open(request, deadline)
        self._tape.connected()

    def send_setup(self, payload: bytes, deadline: float) -> None:
        with self._told(payload):
            super().send_setup(payload, deadline)

    def send(self, payload: bytes, deadline: float, media_ms: Optional[float] = None) -> None:
        with self._told(payload):
            super().send(payload, deadline, media_ms)

    def send_media(self, payload: bytes, duration_ms: float) -> None:
        with self._told(payload):
            super().send_media(payload, duration_ms)

    def release(self, first: Sequence[Outbound] = ()) -> None:
        for message in first:  # media that was kept was told of when it was given
            self._tape.frame("client", message.payload, by_session=True)
        super().release(first)

    @contextmanager
    def _told(self, payload: bytes) -> Iterator[None]:
        self._tape.frame("client", payload)
        try:
            yield
        except BaseException:  # Ctrl-C too
            self._tape.unsent(payload)
            raise

    def receive(self, deadline: Optional[float]) -> Union[Message, CloseFrame, None]:
        with self._told_of_loss():
            return super().receive(deadline)  # by way of next()

    @contextmanager
    def _told_of_loss(self) -> Iterator[None]:
        try:
            yield
        except Lost as lost:
            self._tell_end(lost.code, lost.reason, "network")
            self._ended_here = True  # told
            raise

    def next(self) -> Union[Message, CloseFrame, None]:
        with self._told_of_loss():
            event = super().next()
        if isinstance(event, Message):
            self._tape.frame("server", lasting(event.payload))
        elif isinstance(event, CloseFrame):
            self._tell_end(event.code, event.reason, "remote")
        return event

    def more(self) -> Sequence[Payload]:
        payloads = super().more()
        for payload in payloads:
            self._tape.frame("server", lasting(payload))
        return payloads

    def _tell_end(self, code: int, reason: str, by: str) -> None:
        if not self._ended_here:
            self._tape.lost(code, reason, by)

    def send_close(self, code: int, reason: str) -> bool:
        self._ended_here = True
        return super().send_close(code, reason)

    def abort(self) -> None:
        self._ended_here = True
        super().abort()
