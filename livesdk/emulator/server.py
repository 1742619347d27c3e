"""One connection: HTTP, WebSocket and TLS on a socket, and nothing of Live.

The only module that imports ``websockets``, and of that only the part without I/O.  Each connection
has one thread, which alone touches the socket, the TLS object and the protocol: it reads while it
writes, runs timers, and answers pings.  Other threads reach it through :meth:`Line.post`.  (Two
threads inside one TLS object break connections; a server of blocking calls needs two.)

::

    Listener ──accepts──▶ Line (thread) ──Request──▶ open_app ──▶ App, HttpAnswer or None
                              ◀── send · ping · close · drop · stop_reading · call_later ── App
"""

from __future__ import annotations

import collections
import selectors
import socket
import ssl
import struct
import threading
import time
from typing import Callable, Union

from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HttpRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

from .._log import get_logger
from .app import App, HttpAnswer, Request
from .plain import is_plain, make_request, read_request
from .timers import Timer, Timers

__all__ = ["Line", "OpenApp"]

_log = get_logger(__name__)
_frame_log = get_logger(f"{__name__}.frames")
_frame_log.disabled = True  # it would show keys and payloads

_READ_SIZE = 1 << 16
_READS_IN_A_ROW = 32
_OPENING_SECONDS = 10.0
_CLOSING_SECONDS = 1.0


OpenApp = Callable[[Request, "Line"], Union[App, HttpAnswer, None]]


class Line:
    """One connection and its thread.

    :meth:`post` and :meth:`join` are for any thread; everything else belongs to the own one.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        name: str,
        tls: ssl.SSLContext | None,
        open_app: OpenApp,
        on_end: Callable[[Line, int, str, str], None],
    ) -> None:
        self._socket = sock
        self._tls = tls
        self._open_app = open_app
        self._on_end = on_end
        self._protocol = ServerProtocol(max_size=None, logger=_frame_log)
        self._app: App | None = None
        self._first: bytes | None = b""  # what has come, while it may be a request other than GET
        self._timers = Timers()
        self._jobs: collections.deque[Callable[[], None]] = collections.deque()
        self._out: collections.deque[bytes] = collections.deque()
        self._pieces: list[bytes] = []
        self._shaking_hands = tls is not None
        self._reading = True
        self._more_to_read = False
        self._dropped = False  # nothing is said any more
        self._half_closed = False
        self._over = False
        self._closing_timer: Timer | None = None
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    # Any thread.

    def start(self) -> None:
        """Start the thread; once."""
        self._thread.start()

    def post(self, job: Callable[[], None]) -> None:
        """Have ``job`` called in this connection's thread, soon.  Any thread."""
        self._jobs.append(job)
        try:
            self._wake_in.send(b"!")
        except OSError:  # the bell is full, so it rings already; or the connection is over
            pass

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended; return whether it has.  At once in the thread itself."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # Own thread: what an app may do.

    @property
    def backlog(self) -> int:
        """Bytes that the client has not taken yet."""
        return sum(map(len, self._out))

    @property
    def is_open(self) -> bool:
        """Messages can be sent."""
        return self._protocol.state is State.OPEN and not self._dropped

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` after ``seconds``, in this thread."""
        return self._timers.add(time.monotonic() + seconds, action)

    def send(self, payload: bytes, *, is_text: bool = False, pieces: int = 1) -> None:
        """Send one message, cut into ``pieces`` fragments.  Nothing happens after the end."""
        if not self.is_open:
            return
        size = max(1, -(-len(payload) // pieces))
        parts = [payload[i : i + size] for i in range(0, len(payload), size)] or [b""]
        first = self._protocol.send_text if is_text else self._protocol.send_binary
        first(parts[0], fin=len(parts) == 1)
        for number, part in enumerate(parts[1:], 2):
            self._protocol.send_continuation(part, fin=number == len(parts))

    def ping(self, payload: bytes) -> None:
        """Send a ping."""
        if self.is_open:
            self._protocol.send_ping(payload)

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, its reason cut at 123 bytes, and wait a second for the answer.

        1006 cannot be sent: it drops the connection (RFC 6455 §7.4.1).
        """
        if self._protocol.state is State.CONNECTING or code == 1006:
            self.drop()
        if not self.is_open:
            return
        cut = reason.encode()[:123].decode(errors="ignore")
        try:
            self._protocol.send_close(code, cut)
        except WebSocketException:  # a code that RFC 6455 forbids
            self.drop()

    def drop(self, *, reset: bool = False) -> None:
        """End the TCP connection without a close frame, by end of file or by a reset."""
        self._dropped = True
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._over = True
        else:
            self._out.extend(self._protocol.data_to_send())  # what was said before goes out before
            self._out.append(b"")
            self._expect_end()

    def stop_reading(self, seconds: float | None) -> None:
        """Leave what the client sends in the socket, for ``seconds`` or for ever."""
        self._reading = False
        if seconds is not None:
            self.call_later(seconds, self._read_again)

    # The loop.

    def _run(self) -> None:
        try:
            self._prepare()
            while not self._over:
                self._turn()
        except (OSError, ssl.SSLError) as error:
            _log.debug("connection lost: %r", error)
        finally:
            self._release()

    def _prepare(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            self._socket = self._tls.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
        self._socket.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._opening_timer = self.call_later(_OPENING_SECONDS, self._give_up_opening)

    def _give_up_opening(self) -> None:
        if self._shaking_hands or self._protocol.state is State.CONNECTING:
            self._over = True

    def _turn(self) -> None:
        """Write what waits, wait for anything to happen, and see to it."""
        blocked = self._write() if not self._shaking_hands else False
        if self._over:
            return
        self._watch(write=blocked)
        left = self._timers.seconds_left(time.monotonic())
        ready = self._selector.select(0 if self._jobs or self._more_to_read else left)
        if any(key.fileobj is self._wake_out for key, _ in ready):
            self._hush()
        if self._reading and (
            self._more_to_read or any(k.fileobj is self._socket for k, _ in ready)
        ):
            self._read()
        while self._jobs:
            self._guard(self._jobs.popleft())
        self._guard(lambda: self._timers.run(time.monotonic()))

    def _watch(self, *, write: bool) -> None:
        events = (selectors.EVENT_READ if self._reading else 0) | (
            selectors.EVENT_WRITE if write else 0
        )
        registered = self._selector.get_map().get(self._socket)
        if registered is None and events:
            self._selector.register(self._socket, events)
        elif registered is not None and not events:
            self._selector.unregister(self._socket)
        elif registered is not None and registered.events != events:
            self._selector.modify(self._socket, events)

    def _hush(self) -> None:
        try:
            self._wake_out.recv(4096)
        except BlockingIOError:
            pass

    def _guard(self, action: Callable[[], None]) -> None:
        """Run what others wrote: a mistake of theirs closes the connection and is logged."""
        try:
            action()
        except Exception as error:  # noqa: BLE001  # a border: scenarios carry functions of the user
            _log.exception("the emulator failed")
            self.close(1011, f"emulator: {error!r}")

    # Reading.

    def _read_again(self) -> None:
        self._reading = self._more_to_read = True

    def _read(self) -> None:
        self._more_to_read = False
        if self._shaking_hands and not self._shake_hands():
            return
        for _ in range(_READS_IN_A_ROW):
            try:
                received = self._socket.recv(_READ_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            if not received:
                self._over = True
                return
            self._take(received)
            if not self._reading:
                return
        self._more_to_read = True

    def _shake_hands(self) -> bool:
        assert isinstance(self._socket, ssl.SSLSocket)
        try:
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False  # the little a server writes here always fits the socket
        self._shaking_hands = False
        return True

    def _take(self, received: bytes) -> None:
        if self._half_closed:
            return
        if self._first is not None:
            received = self._without_plain(self._first + received)
        if received:
            self._take_websocket(received)

    def _without_plain(self, received: bytes) -> bytes:
        """Answer a request other than GET; return what is not one, for websockets to read."""
        plain = is_plain(received)
        if plain is False:
            self._first = None
            return received
        self._first = received
        request = read_request(received) if plain else None
        if request is not None:
            self._first = None
            self._answer_plain(request)
        return b""

    def _answer_plain(self, request: Request | int) -> None:
        if isinstance(request, int):
            self._send_answer(HttpAnswer(status=request, body=""))
            return
        answer = self._open_app(request, self)
        assert isinstance(answer, HttpAnswer), "only an upgrade can end otherwise"
        self._send_answer(answer)

    def _take_websocket(self, received: bytes) -> None:
        self._protocol.receive_data(received)
        for event in self._protocol.events_received():
            if isinstance(event, HttpRequest):
                self._answer(event)
            elif isinstance(event, Frame):
                self._frame(event)
        if self._protocol.close_expected():
            self._expect_end()

    def _frame(self, frame: Frame) -> None:
        app = self._app
        if app is None or self._dropped:
            return
        if frame.opcode is Opcode.PONG:
            payload = bytes(frame.data)
            self._guard(lambda: app.ponged(payload))
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._pieces.append(bytes(frame.data))
        if frame.fin:
            whole, self._pieces = b"".join(self._pieces), []
            self._guard(lambda: app.received(whole))

    def _answer(self, http: HttpRequest) -> None:
        headers = {name.lower(): value for name, value in http.headers.raw_items()}
        answer = self._open_app(make_request("GET", http.path, headers), self)
        if answer is None:
            self._opening_timer.cancel()
            return
        if isinstance(answer, HttpAnswer):
            self._send_answer(answer)
            return
        self._app = answer
        self._protocol.send_response(self._protocol.accept(http))
        if self.is_open:
            self._guard(answer.opened)

    def _send_answer(self, answer: HttpAnswer) -> None:
        response = self._protocol.reject(answer.status, answer.body)
        for name, value in answer.headers.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        self._protocol.send_response(response)
        self._expect_end()

    # Writing and ending.

    def _write(self) -> bool:
        """Send what the socket takes; return whether something is left."""
        self._out.extend(self._protocol.data_to_send())
        if self._protocol.state is State.CLOSING:
            self._expect_end()
        while self._out:
            if self._half_closed:
                self._out.clear()
            elif not self._out[0]:
                self._half_close()
            else:
                try:
                    sent = self._socket.send(self._out[0])
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return True
                if not sent:  # what TLS on gevent says for it
                    return True
                rest = self._out.popleft()[sent:]
                if rest:
                    self._out.appendleft(rest)
        return False

    def _half_close(self) -> None:
        self._half_closed = True
        self._reading = True  # to see the client's end
        socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def _expect_end(self) -> None:
        if self._closing_timer is None:
            self._closing_timer = self.call_later(_CLOSING_SECONDS, self._end)

    def _end(self) -> None:
        self._over = True

    def _release(self) -> None:
        self._selector.close()
        self._socket.close()
        self._wake_in.close()
        self._wake_out.close()
        self._on_end(self, *self._outcome())

    def _outcome(self) -> tuple[int, str, str]:
        """Code, reason and author of the first close frame; 1006 and "network" without one."""
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if self._dropped or (received is None and sent is None):
            return 1006, "", "server" if self._dropped else "network"
        if sent is None or (received is not None and self._protocol.close_rcvd_then_sent):
            assert received is not None
            return int(received.code), received.reason, "client"
        return int(sent.code), sent.reason, "server"
