"""One lock, one outbound path, one reader: a WebSocket that several threads share.

::

    any thread   send ─▶ append the whole frame ─▶ flush ─▶ wait outside the lock till it is out
                 send_media ─▶ append ─▶ flush ─▶ drop the oldest beyond a second; never waits
    reader       receive ─▶ wait for bytes (and for room, if frames are left) ─▶ flush, recv, parse
    any thread   abort ─▶ shut the socket down; every wait above ends

Two threads inside one TLS object break it, so every call on the socket is made under ``_lock``, on
a non-blocking socket, and nobody holds the lock while waiting.  After a "want write" the same bytes
must be offered again: the head of the queue is always what is offered.  TLS may want to read before
it writes on, and the other way round: two flags remember it, so that nobody waits for the wrong
thing, or spins.

A session may outlive its connection.  Then the next one begins *held*: it takes media, up to its
bound, and lets nothing out but the setup until ``release``; and what this one did not get out, or
with a journal was not told of having arrived, is its ``leftover``.

The descriptor stays open until the last thread that waits on it is back (``_waiting``): its number
never becomes somebody else's under a waiting thread.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Optional, Union

from ..errors import LiveError, LiveTimeout
from ._dial import Dial, dial
from ._frames import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    CloseFrame,
    FrameReader,
    Message,
    Payload,
    Ping,
    Violation,
    client_frame,
)
from ._intake import Intake
from ._interface import INTERRUPTED, Held, Leftover, Lost, Outbound, Transport, TransportStats
from ._mask import Keys
from ._outbox import Outbox, Outgoing
from ._upgrade import Secrets
from ._waiting import Waker, remaining, send_some, wait_ready

__all__ = ["WebSocketTransport"]

_LINGER = 0.1
"""Seconds without a byte after which the memory for large reads is let go."""
_CONTROL_LIMIT = 1024
"""Frames that may wait for room before pongs are left out: a peer may ping and never read."""
_GLANCE = 0.05
"""Seconds in which a blocked sender notices that another thread got its frame out."""


class WebSocketTransport(Transport):
    """A WebSocket over TCP or TLS.

    Args:
        max_message_bytes: A larger message ends the connection with 1009.
        max_media_ms: How much realtime media may wait for room.
        stats: To go on counting with.
        held: Nothing goes out before ``release``.
        outlived: The session may outlive this connection: media is taken after the loss as well.
        journals: Keep what was sent until it is acknowledged.
    """

    def __init__(
        self,
        *,
        max_message_bytes: int = 64 * 1024 * 1024,
        max_media_ms: float = 1000.0,
        stats: Optional[TransportStats] = None,
        held: bool = False,
        outlived: bool = False,
        journals: bool = False,
    ) -> None:
        self.stats = stats or TransportStats()
        self.last_received = time.monotonic()
        self._lock = threading.Lock()  # around every call on the socket, and the fields below
        self._sock: Optional[socket.socket] = None
        self._outbox = Outbox(
            self.stats,
            max_media_ms=max_media_ms,
            held=held,
            outlived=outlived,
            journals=journals,
        )
        self._lost: Optional[Lost] = None
        self._closing = False  # a close frame is queued: nothing may follow it
        self._waiting = 0  # senders that wait for room: they keep the descriptor
        self._closed = False
        self._waker = Waker()
        self._reader = FrameReader(max_message_bytes)
        self._intake = Intake(self._reader)
        self._keys = Keys()
        self._secrets: Optional[Secrets] = None
        self._is_open = False  # frames may be sent: dialling is over
        self._send_wants_read = False  # TLS cannot write on before it has read

    # --------------------------------------------------------------------------- opening, ending

    def open(self, request: Dial, deadline: float) -> None:
        try:
            self._secrets = Secrets(lambda: request.headers)
            sock = dial(request, self._waker, deadline, self._register)
        except LiveError:
            if self._lost is not None:  # what an abort breaks looks like the network's fault
                raise self._why() from None
            raise
        self._register(sock)
        self._is_open = True
        self.last_received = time.monotonic()

    def _register(self, sock: Optional[socket.socket]) -> None:
        """Take the socket of the present step of dialling; stop the dialling if aborted."""
        with self._lock:
            self._sock = sock
            if self._lost is not None and sock is not None:
                raise self._why()

    def _why(self) -> Lost:
        """Return the end as a new exception: one instance raised twice would mix tracebacks."""
        lost = self._lost or Lost(1006, "not open")
        return Lost(lost.code, lost.reason)

    def abort(self) -> None:
        if self._lock.acquire(timeout=INTERRUPTED):
            try:
                self._lose(Lost(1006, "aborted"))
            finally:
                self._lock.release()
        else:  # in a signal handler, and the sender that it interrupted holds the lock
            self._lost = self._lost or Lost(1006, "aborted")
        self._waker.wake()

    def _lose(self, lost: Lost) -> None:
        """Remember why, and shut the socket down; the caller holds the lock."""
        if self._lost is None:
            self._lost = lost
        self._outbox.lose()
        if self._sock is not None and not self._closed:
            with contextlib.suppress(OSError):
                # SSLSocket.shutdown would drop the TLS object under a reader; the socket's does not
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            self._lose(Lost(1006, "closed"))
            self._closed = True
            self._free()

    def _free(self) -> None:
        """Close the descriptors once nobody waits on them; the caller holds the lock."""
        if self._closed and not self._waiting:
            if self._sock is not None:
                self._sock.close()
                self._sock = None
            self._waker.close()

    def forget(self) -> None:
        # no lock: another thread of the parent may have held it at the fork
        for sock in (self._sock, self._waker):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.close()

    def wake(self) -> None:
        self._waker.wake()

    def struck_from(self, text: str) -> str:
        return text if self._secrets is None else self._secrets.struck_from(text)

    # ------------------------------------------------------------------------------------ sending

    def send_setup(self, payload: bytes, deadline: float) -> None:
        self._send_frame(self._frame(TEXT, payload), deadline, is_setup=True)

    def send(self, payload: bytes, deadline: float, media_ms: Optional[float] = None) -> None:
        frame = self._frame(TEXT, payload)
        frame.payload = payload
        if media_ms is not None:
            frame.media_ms, frame.counts = media_ms, False
        self._send_frame(frame, deadline)

    def _frame(self, opcode: int, payload: bytes) -> Outgoing:
        return Outgoing(client_frame(opcode, payload, self._keys.next()))

    def _media_frame(self, payload: bytes, media_ms: float) -> Outgoing:
        frame = self._frame(TEXT, payload)
        frame.payload, frame.media_ms = payload, media_ms
        frame.is_media, frame.counts = True, False
        return frame

    def _send_frame(self, frame: Outgoing, deadline: float, *, is_setup: bool = False) -> None:
        try:
            with self._lock:
                if self._outbox.held and not is_setup:
                    raise Held
                sock = self._append(frame)
                self._flush(sock)
                if frame.done:
                    return
                self._waiting += 1
            try:
                self._wait_until_out(frame, sock, deadline)
            finally:
                with self._lock:
                    self._waiting -= 1
                    self._free()
        except BaseException:  # Ctrl-C too: what raises is not sent
            with self._lock:
                self._take_back(frame)
            raise

    def _wait_until_out(self, frame: Outgoing, sock: socket.socket, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            wait_ready(sock, max(0.0, min(left, _GLANCE)), read=self._send_wants_read)
            with self._lock:
                if self._lost is None:
                    self._flush(sock)
                if frame.done:
                    return
                if self._lost is not None:
                    raise self._why()
                if left <= 0:
                    raise self._take_back(frame)

    def _take_back(self, frame: Outgoing) -> Exception:
        """Give up on a frame and return why: remove it, or if part of it is out, end it all."""
        if frame.started and not frame.done:
            self._lose(Lost(1006, "the peer stopped reading in the middle of a message"))
            return self._why()
        self._outbox.take_back(frame)
        return LiveTimeout("the peer takes no more bytes; nothing was sent", phase="send")

    def send_media(self, payload: bytes, duration_ms: float) -> None:
        frame = self._media_frame(payload, duration_ms)
        outbox = self._outbox
        with self._lock:
            if outbox.held or (outbox.outlived and (self._lost or self._closing)):
                outbox.keep([frame])
                return
            self._flush(self._append(frame))
            if not outbox.queue:
                return
            outbox.drop_old_media()
        self._waker.wake()  # the reader flushes from here on

    def keep(self, media: Sequence[Outbound]) -> None:
        frames = [self._media_frame(each.payload, each.media_ms) for each in media]
        with self._lock:
            self._outbox.keep(frames, first=True)

    def release(self, first: Sequence[Outbound] = ()) -> None:
        frames = [self._frame(TEXT, each.payload) for each in first]
        for frame, message in zip(frames, first):
            frame.payload, frame.media_ms = message.payload, message.media_ms
        with self._lock:
            self._outbox.release(frames)
            if self._sock is not None and self._lost is None:
                self._flush(self._sock)

    def hold(self) -> bool:
        with self._lock:
            self._outbox.held = True
            return not self._outbox.queue

    def acknowledged(self, count: int) -> None:
        with self._lock:
            self._outbox.acknowledged(count)

    def leftover(self) -> Leftover:
        with self._lock:
            self._lose(Lost(1006, "closed"))
            return self._outbox.leftover()

    def ping(self) -> None:
        self._send_control(PING, b"")

    def _send_control(self, opcode: int, payload: bytes) -> None:
        with self._lock:
            if self._lost or self._closing or len(self._outbox.queue) >= _CONTROL_LIMIT:
                return
            self._flush(self._append(self._frame(opcode, payload)))
            left = bool(self._outbox.queue)
        if left:
            self._waker.wake()

    def send_close(self, code: int, reason: str) -> bool:
        if not self._lock.acquire(timeout=INTERRUPTED):
            return False
        try:
            self._queue_close(code, reason)
        finally:
            self._lock.release()
        self._waker.wake()
        return True

    def _queue_close(self, code: int, reason: str) -> None:
        """Queue a close frame once; media that did not start is dropped for it."""
        if self._lost or self._closing or self._sock is None or not self._is_open:
            return
        self._closing = True
        self._outbox.make_way()
        payload = b"" if code == 1005 else code.to_bytes(2, "big") + _cut(reason)
        self._outbox.queue.append(self._frame(CLOSE, payload))
        self._flush(self._sock)

    def _append(self, frame: Outgoing) -> socket.socket:
        """Put a frame at the end and return the socket; the caller holds the lock."""
        if self._lost is not None:
            raise self._why()
        if self._closing or self._sock is None or not self._is_open:
            raise Lost(1006, "closing" if self._closing else "not open")
        self._outbox.queue.append(frame)
        return self._sock

    def _flush(self, sock: socket.socket) -> None:
        """Send from the queue what the socket takes; the caller holds the lock."""
        outbox = self._outbox
        queue = outbox.queue
        try:
            while queue:
                frame = queue[0]
                sent = send_some(sock, frame.view)
                self._send_wants_read = False
                self.stats.bytes_sent += sent
                if sent == len(frame.view):
                    outbox.went_out(frame)
                else:
                    frame.started = True
                    frame.view = memoryview(frame.view)[sent:]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError) as want:
            # TLS has made a record of it by now, and will send that first whatever comes
            queue[0].started = queue[0].started or isinstance(sock, ssl.SSLSocket)
            self._send_wants_read = isinstance(want, ssl.SSLWantReadError)
        except OSError as error:
            self._lose(Lost(1006, _words(error)))
        except BaseException:  # Ctrl-C between a send and the note of it: nobody knows what is out
            self._lose(Lost(1006, "interrupted while sending"))
            raise
        if queue or self.stats.frames_queued:
            outbox.count()

    # ---------------------------------------------------------------------------------- receiving

    def receive(self, deadline: Optional[float]) -> Union[Message, CloseFrame, None]:
        is_late = False
        while True:
            event = self.next()
            if event is not None:
                return event
            if is_late or not self._fill(deadline):
                self._waker.was_woken = False
                return None
            # pings and fragments without end are no reason to stay
            is_late = self._waker.was_woken or (
                deadline is not None and self.last_received >= deadline
            )

    def more(self) -> Sequence[Payload]:
        payloads = self._reader.more()
        self.stats.messages_received += len(payloads)
        return payloads

    def next(self) -> Union[Message, CloseFrame, None]:
        try:
            while True:
                event = self._reader.next()
                if isinstance(event, Message):
                    self.stats.messages_received += 1
                    return event
                if event is None:
                    return None
                if isinstance(event, CloseFrame):
                    self._answer_close(event)
                    return CloseFrame(event.code, self.struck_from(event.reason))
                if isinstance(event, Ping):
                    self._send_control(PONG, event.payload)
        except Violation as error:
            self._fail(error)
            raise Lost(error.code, error.reason) from None

    def _fill(self, deadline: Optional[float]) -> bool:
        """Read what there is into the frame reader; False at the deadline or when woken."""
        while True:
            if self._intake.drained and not self._wait(deadline):
                return False
            with self._lock:
                sock = self._sock
                if self._lost is not None or sock is None:
                    raise self._why()
                if self._outbox.queue:
                    self._flush(sock)
                size = self._recv(sock)
            if size:
                self.last_received = time.monotonic()
                self.stats.bytes_received += size
                return True
            if self._waker.was_woken:
                return False

    def _wait(self, deadline: Optional[float]) -> bool:
        intake = self._intake
        intake.drained = False
        if self._lost is not None:
            return True  # nothing to wait for: the next look says so
        write = intake.wants_write or (bool(self._outbox.queue) and not self._send_wants_read)
        timeout = remaining(deadline)
        if not intake.is_large:
            return self._waker.wait(self._sock, write=write, timeout=timeout)
        soon = _LINGER if timeout is None else min(timeout, _LINGER)
        if self._waker.wait(self._sock, write=write, timeout=soon):
            return True
        if not self._waker.was_woken:
            intake.shrink()
        return False

    def _recv(self, sock: socket.socket) -> int:
        """Read once without waiting, and return how many bytes; the caller holds the lock."""
        try:
            size = self._intake.read(sock, self.stats.messages_received)
        except OSError as error:
            self._lose(Lost(1006, _words(error)))
            raise self._why() from None
        if size == 0:
            self._lose(Lost(1006, "the connection ended without a close frame"))
            raise self._why()
        return size or 0

    def _answer_close(self, close: CloseFrame) -> None:
        """Echo the code, unless our own close frame went first (RFC 6455 §5.5.1)."""
        with self._lock:
            self._queue_close(close.code, "")

    def _fail(self, violation: Violation) -> None:
        """Say why, as far as there is room, and end the connection (RFC 6455 §7.1.7)."""
        with self._lock:
            self._queue_close(violation.code, violation.reason)
            self._lose(Lost(violation.code, violation.reason))


def _cut(reason: str) -> bytes:
    """Encode a close reason in the 123 bytes it may have, not through a character."""
    return reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()


def _words(error: OSError) -> str:
    """Name what happened to the socket, without addresses or data."""
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    if isinstance(error, BrokenPipeError):
        return "the connection is broken"
    return error.strerror or type(error).__name__
