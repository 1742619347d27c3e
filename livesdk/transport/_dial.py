"""From a URL to a connected, upgraded socket: DNS, TCP, proxy, TLS, HTTP, under one deadline.

websocket-client's own connect can outlive its timeout against a peer that drips bytes, so the
dialling is ours; the library does the upgrade (:mod:`._upgrade`).  ``getaddrinfo`` cannot be
interrupted: an abort ends the caller's wait, and the look-up finishes in this thread by itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Optional
from urllib.parse import urlsplit

import websocket
from attrs import field

from .._log import shorten
from .._records import frozen
from .._secret import HoldsSecret
from ..errors import ConfigError, ConnectError, LiveError, LiveTimeout
from ._line import Late, Line
from ._proxy import Proxy, ask, choose
from ._upgrade import Secrets, upgrade
from ._waiting import Waker, remaining

__all__ = ["Attempt", "Dial", "dial"]


@frozen(kw_only=True)
class Dial(HoldsSecret):
    """All it takes to make one connection.

    Attributes:
        url: ``ws://`` or ``wss://``.
        headers: Sent with the upgrade; secret values among them never reach another library.
        proxy: A proxy's URL; ``None`` means the environment decides, ``""`` means none.
        ssl_context: Makes the :class:`ssl.SSLContext`; called only for ``wss``.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    proxy: Optional[str] = field(default=None, repr=False)
    ssl_context: Callable[[], ssl.SSLContext] = field(repr=False)


Register = Callable[[Optional[socket.socket]], None]


def dial(request: Dial, waker: Waker, deadline: float, register: Register) -> socket.socket:
    """Return a non-blocking socket on which WebSocket frames flow from here on.

    Args:
        waker: What all waits go through; waking it together with an aborting ``register`` ends
            them.
        deadline: Of ``time.monotonic``.
        register: Called with each socket before it is waited on, so that an abort can reach it;
            it raises to stop the dialling.  Called with ``None`` before a socket is closed.

    Raises:
        ConfigError: The URL, the proxy or a header is none.
        ConnectError: With the phase it failed in.
        LiveTimeout: The deadline passed, with the phase.
    """
    with Attempt(request, waker, deadline, register) as attempt:
        sock = attempt.connect()
        attempt.phase = "upgrade"
        upgrade(attempt.line(sock), request.url, attempt.secrets)
        return sock


_FOREIGN = (OSError, ValueError, websocket.WebSocketException)


def _timeout(phase: str) -> LiveTimeout:
    return LiveTimeout(
        f"no connection in time: the deadline passed in the phase {phase!r}", phase=phase
    )


def _connect_error(error: BaseException, phase: str, host: str) -> ConnectError:
    why = getattr(error, "strerror", None) or shorten(str(error)) or type(error).__name__
    return ConnectError(
        f"cannot connect to {host} ({phase}): {why}", phase=phase, hint=_hint(error, phase)
    )


def _hint(error: BaseException, phase: str) -> Optional[str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return "the certificate is for another host: is base_url right?"
        return "the certificate is not trusted: pass ca_file=... or set SSL_CERT_FILE"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "the server does not speak TLS there: is base_url meant to be http?"
    if phase == "dns":
        return "is the name right, and the network up?"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return None


_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class Attempt:
    """One connection in the making: its socket, its phase, and its deadline.

    Used in a ``with`` block, which ends it where something fails and raises what :func:`dial` says.
    """

    def __init__(self, request: Dial, waker: Waker, deadline: float, register: Register) -> None:
        self.request = request
        self.waker = waker
        self.deadline = deadline
        self.register = register
        self.phase = "dns"
        self.sock: Optional[socket.socket] = None
        self.secrets = Secrets(lambda: request.headers)
        self.host, self.port, self.secure = _place(request.url)

    def __enter__(self) -> Attempt:  # noqa: PYI034  # nobody derives from it
        return self

    def __exit__(self, _: object, error: Optional[BaseException], __: object) -> None:
        if error is None:
            return
        self.give_up()
        if isinstance(error, Late):
            raise _timeout(self.phase) from None
        if isinstance(error, _FOREIGN) and not isinstance(error, LiveError):
            raise _connect_error(error, self.phase, self.host) from error

    def connect(self) -> socket.socket:
        """Return a socket on which bytes flow to the host: through the proxy, inside TLS."""
        proxy = choose(lambda: self.request.proxy, self.host, self.port, secure=self.secure)
        if isinstance(proxy, Proxy):
            sock = self._connect(proxy.host, proxy.port)
            self.phase = "proxy"
            ask(proxy, self.line(sock), self.host, self.port)
        else:
            sock = self._connect(self.host, self.port)
        if self.secure:
            sock = self._with_tls(sock)
        return sock

    def give_up(self) -> None:
        """Close the socket; nothing of the dial is left."""
        self._drop(self.sock)

    def _drop(self, sock: Optional[socket.socket]) -> None:
        self.register(None)  # first, so that no abort takes a descriptor that is somebody else's
        if sock is not None:
            sock.close()

    def _adopt(self, sock: socket.socket) -> None:
        """Take a socket as the present one: non-blocking, quick, kept alive, in reach of abort."""
        self.sock = sock
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # not every kind of socket has these
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.register(sock)

    def line(self, sock: socket.socket) -> Line:
        """Return the socket as one that blocks until the deadline."""
        return Line(sock, self._wait, lambda: self._check(sock))

    def _check(self, sock: socket.socket) -> None:
        self.register(sock)
        if time.monotonic() >= self.deadline:
            raise Late

    def _wait(self, sock: socket.socket, *, read: bool = False, write: bool = False) -> None:
        """Wait for the socket; :class:`Late` at the deadline, and whatever an abort raises."""
        self._check(sock)
        self.waker.wait(sock, read=read, write=write, timeout=remaining(self.deadline))
        self._check(sock)

    # ---------------------------------------------------------------------------------- DNS, TCP

    def _connect(self, host: str, port: int) -> socket.socket:
        self.phase = "dns"
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        if time.monotonic() >= self.deadline:
            raise Late
        self.phase = "tcp"
        failed: Optional[OSError] = None
        for index, (family, kind, protocol, _, address) in enumerate(found):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:  # a family that this machine does not have
                failed = error
                continue
            try:
                self._connect_one(sock, address, self._share(len(found) - index))
            except OSError as error:
                self._drop(sock)
                failed = error
            else:
                return sock
        if time.monotonic() >= self.deadline:
            raise Late
        raise failed or OSError(errno.EHOSTUNREACH, "the name has no address")

    def _share(self, addresses: int) -> float:
        """Give an address its part of the time, so that a dead first one leaves some."""
        now = time.monotonic()
        return now + max(0.0, self.deadline - now) / addresses

    def _connect_one(self, sock: socket.socket, address: Any, share: float) -> None:
        self._adopt(sock)
        code = sock.connect_ex(address)
        if code in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN):
            while not self.waker.wait(sock, read=False, write=True, timeout=remaining(share)):
                self.register(sock)
                if time.monotonic() >= share:
                    raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    # --------------------------------------------------------------------------------------- TLS

    def _with_tls(self, plain: socket.socket) -> socket.socket:
        self.phase = "tls"
        context = self.request.ssl_context()
        # out of abort's reach: a socket that is gone while it is wrapped is left to the collector
        self.register(None)
        _check_connected(plain)
        sock = context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self._adopt(sock)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(sock, read=True)
            except ssl.SSLWantWriteError:
                self._wait(sock, write=True)
            else:
                return sock


def _check_connected(sock: socket.socket) -> None:
    """Raise :class:`OSError` where the connection has been lost, or shut down by an abort."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    sock.getpeername()


def _place(url: str) -> tuple[str, int, bool]:
    """Return host, port, and whether TLS is spoken there."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    except ValueError as error:
        raise ConfigError(f"no URL to connect to: {error}") from error
    if parts.scheme not in ("ws", "wss") or not host:
        raise ConfigError(
            f"expected a ws:// or wss:// URL with a host, got {parts.scheme}://{host}"
        )
    return host, port, secure
