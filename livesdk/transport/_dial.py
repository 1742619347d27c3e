"""From a URL to a connected, upgraded socket: DNS, TCP, proxy, TLS, HTTP, under one deadline.

websocket-client's own connect can outlive its timeout against a peer that drips bytes, so the
dialling is ours; the library gets the socket and does the upgrade on it, through
:class:`_UpgradeSocket`, which holds it to the deadline, to a size, and out of sight of secrets.
``getaddrinfo`` cannot be interrupted: an abort ends the caller's wait, and the look-up finishes in
this thread by itself.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Optional
from urllib.parse import unquote, urlsplit

import websocket
from attrs import field, frozen

from .._log import shorten
from ..errors import AuthenticationError, ConfigError, ConnectError, LiveError, LiveTimeout
from ._waiting import Waker, remaining

__all__ = ["Dial", "dial"]

_LIMIT = 1 << 20
"""Bytes of an HTTP answer that are read at most."""

_HINTS = {
    400: "check the API version and the URL",
    401: "the credential is missing or expired",
    403: "the credential may not use this API, model or project",
    404: "the path is wrong: check api_version, base_url and location",
    429: "too many connections or requests: wait, or raise the quota",
    503: "the service is overloaded: try again",
}


@frozen(kw_only=True)
class Dial:
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


def dial(
    request: Dial, waker: Waker, deadline: float, register: Callable[[socket.socket], None]
) -> socket.socket:
    """Return a non-blocking socket on which WebSocket frames flow from here on.

    Args:
        waker: What all waits go through; waking it together with an aborting ``register`` ends
            them.
        deadline: Of ``time.monotonic``.
        register: Called with each socket before it is waited on, so that an abort can reach it;
            it raises to stop the dialling.

    Raises:
        ConnectError: With the phase it failed in.
        LiveTimeout: The deadline passed, with the phase.
    """
    attempt = _Attempt(request, waker, deadline, register)
    try:
        return attempt.run()
    except LiveError:
        attempt.give_up()
        raise
    except socket.timeout:
        attempt.give_up()
        raise LiveTimeout(
            f"no connection in time: the deadline passed in the phase {attempt.phase!r}",
            phase=attempt.phase,
        ) from None
    except (OSError, ValueError, websocket.WebSocketException) as error:
        attempt.give_up()
        raise _connect_error(error, attempt.phase, attempt.host) from error
    except BaseException:
        attempt.give_up()
        raise


def _connect_error(error: Exception, phase: str, host: str) -> ConnectError:
    hint = None
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "the certificate is not trusted: pass ca_file=... or set SSL_CERT_FILE"
    elif phase == "dns":
        hint = "is the name right, and the network up?"
    elif isinstance(error, ConnectionRefusedError):
        hint = "nothing listens there"
    why = getattr(error, "strerror", None) or shorten(str(error)) or type(error).__name__
    return ConnectError(f"cannot connect to {host} ({phase}): {why}", phase=phase, hint=hint)


class _Attempt:
    """One dial: its socket, its phase, and its deadline."""

    def __init__(
        self,
        request: Dial,
        waker: Waker,
        deadline: float,
        register: Callable[[socket.socket], None],
    ) -> None:
        self.request = request
        self.waker = waker
        self.deadline = deadline
        self.register = register
        self.phase = "dns"
        self.sock: Optional[socket.socket] = None
        parts = urlsplit(request.url)
        self.host = parts.hostname or ""
        self.secure = parts.scheme == "wss"
        self.port = parts.port or (443 if self.secure else 80)

    def run(self) -> socket.socket:
        proxy = _proxy_for(self.request, self.host, secure=self.secure)
        if proxy is None:
            sock = self._connect(self.host, self.port)
        elif proxy.startswith("socks"):
            sock = self._through_socks(proxy)
        else:
            sock = self._through_tunnel(proxy)
        if self.secure:
            sock = self._with_tls(sock)
        self._upgrade(sock)
        return sock

    def give_up(self) -> None:
        """Close the socket; nothing of the dial is left."""
        if self.sock is not None:
            self.sock.close()

    def wait(self, sock: socket.socket, *, read: bool = False, write: bool = False) -> None:
        """Wait for the socket; ``socket.timeout`` at the deadline, and whatever an abort raises."""
        self.register(sock)
        left = remaining(self.deadline)
        if not self.waker.wait(sock, read=read, write=write, timeout=left):
            self.register(sock)
            if time.monotonic() >= self.deadline:
                raise socket.timeout

    def adopt(self, sock: socket.socket) -> socket.socket:
        """Take a socket as the present one: non-blocking, quick, kept alive, in reach of abort."""
        self.sock = sock
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # not every kind of socket has these
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.register(sock)
        return sock

    # ---------------------------------------------------------------------------------- DNS, TCP

    def _connect(self, host: str, port: int) -> socket.socket:
        self.phase = "dns"
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        self.phase = "tcp"
        failed: Optional[OSError] = None
        for index, (family, kind, protocol, _, address) in enumerate(found):
            last = index == len(found) - 1
            share = self.deadline if last else self._share(len(found) - index)
            try:
                return self._connect_one(socket.socket(family, kind, protocol), address, share)
            except OSError as error:  # socket.timeout of this address's share as well
                if time.monotonic() >= self.deadline:
                    raise socket.timeout from None
                failed = error
        raise failed or OSError(errno.EHOSTUNREACH, "the name has no address")

    def _share(self, addresses: int) -> float:
        """Give an address its part of the time, so that a dead first one leaves some."""
        now = time.monotonic()
        return now + max(0.0, self.deadline - now) / addresses

    def _connect_one(self, sock: socket.socket, address: Any, share: float) -> socket.socket:
        try:
            self.adopt(sock)
            code = sock.connect_ex(address)
            if code in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN):
                while not self.waker.wait(sock, read=False, write=True, timeout=remaining(share)):
                    self.register(sock)
                    if time.monotonic() >= share:
                        raise socket.timeout
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise (
                    OSError(code, os.strerror(code))
                    if code != errno.ECONNREFUSED
                    else (ConnectionRefusedError(code, os.strerror(code)))
                )
        except BaseException:
            sock.close()
            raise
        return sock

    # ------------------------------------------------------------------------------------- proxy

    def _through_tunnel(self, proxy: str) -> socket.socket:
        """Ask an HTTP proxy for a tunnel: ``CONNECT`` of RFC 9110 §9.3.6."""
        parts = urlsplit(proxy)
        if not parts.hostname:
            raise ConfigError("proxy: expected http://host:port or socks5://host:port")
        sock = self._connect(parts.hostname, parts.port or 80)
        self.phase = "proxy"
        target = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
        stream = _UpgradeSocket(sock, self, [])
        stream.send("\r\n".join([*lines, "", ""]).encode())
        head = stream.read_head()
        match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        status = int(match.group(1)) if match else None
        if status != 200:  # the only success of CONNECT
            raise ConnectError(
                f"the proxy refused the tunnel: {status or 'not HTTP'}",
                phase="proxy",
                status=status,
                hint="check the proxy's user and password" if status == 407 else None,
            )
        return sock

    def _through_socks(self, proxy: str) -> socket.socket:
        self.phase = "proxy"
        try:
            from python_socks.sync import Proxy  # optional
        except ImportError as error:
            raise ConnectError(
                "SOCKS proxies need python-socks", phase="proxy", hint="pip install python-socks"
            ) from error
        remote_dns = proxy.startswith(("socks5h", "socks4a"))
        url = re.sub(r"^(socks[45])[ha]:", r"\1:", proxy)
        try:
            made = Proxy.from_url(url, rdns=True if remote_dns else None)
            sock: socket.socket = made.connect(
                self.host, self.port, timeout=remaining(self.deadline)
            )
        except OSError:
            raise
        except Exception as error:  # python-socks' own errors share no base but Exception
            if "timed out" in str(error).lower():
                raise socket.timeout from error
            raise ConnectError(
                f"the SOCKS proxy failed: {shorten(str(error))}", phase="proxy"
            ) from error
        return self.adopt(sock)

    # --------------------------------------------------------------------------------------- TLS

    def _with_tls(self, plain: socket.socket) -> socket.socket:
        self.phase = "tls"
        context = self.request.ssl_context()
        sock = context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.adopt(sock)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                self.wait(sock, read=True)
            except ssl.SSLWantWriteError:
                self.wait(sock, write=True)
            else:
                return sock

    # ----------------------------------------------------------------------------------- upgrade

    def _upgrade(self, sock: socket.socket) -> None:
        self.phase = "upgrade"
        secret = [f"{name}: {value}" for name, value in self.request.headers.items()]
        stream = _UpgradeSocket(sock, self, secret)
        library = websocket.WebSocket()
        try:
            library.connect(  # type: ignore[no-untyped-call]  # its typing is partial
                self.request.url,
                socket=stream,
                suppress_origin=True,
                redirect_limit=0,
                host=_host_header(self.request.url),
            )
        except websocket.WebSocketBadStatusException as error:
            raise _refused(error.status_code, error.resp_body) from None
        except websocket.WebSocketTimeoutException:
            raise socket.timeout from None
        except websocket.WebSocketException as error:
            if "edirect" in str(error):
                raise _refused(302, None) from None
            raise
        status = library.getstatus()
        if status != 101:  # websocket-client 1.9.0 takes a redirect for success
            raise _refused(status, None)


def _host_header(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _refused(status: Optional[int], body: Optional[bytes]) -> ConnectError:
    """Make the error of an upgrade that HTTP answered otherwise (Protocol §13.6)."""
    words = _message_in(body or b"")
    kind = AuthenticationError if status in (401, 403) else ConnectError
    text = f"the server refused the connection: HTTP {status}{': ' + words if words else ''}"
    hint = _HINTS.get(status or 0)
    if status and 300 <= status < 400:  # redirects are refused, keys stay here
        hint = "redirects are not followed, because the key would go with them: use the new URL"
    return kind(text, phase="upgrade", status=status, hint=hint)


def _message_in(body: bytes) -> str:
    """Find the words in ``{"error": {"message": …}}``, without trusting that it is JSON."""
    found = re.search(rb'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', body)
    text = (found.group(1) if found else body).decode("utf-8", "replace")
    return shorten(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip())


class _UpgradeSocket:
    """What websocket-client sees of a socket while it upgrades.

    Every read and write waits through the attempt, so the one deadline holds; the answer may have
    1 MiB; the secret headers are put into the request here, so that no trace of the library, no
    exception and no other module ever holds them.
    """

    def __init__(self, sock: socket.socket, attempt: _Attempt, secret: list[str]) -> None:
        self._sock = sock
        self._attempt = attempt
        self._secret = secret
        self._read = 0

    def gettimeout(self) -> float:
        return 0.0  # so that the library calls recv and send straight away

    def settimeout(self, timeout: Optional[float]) -> None:
        pass

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: bytes) -> int:
        """Send the whole head of the request, with the headers that are ours alone to see."""
        head = data
        if self._secret and data.endswith(b"\r\n\r\n"):
            lines = "".join(f"{line}\r\n" for line in self._secret)
            head = data[:-2] + lines.encode() + b"\r\n"
            self._secret = []
        view = memoryview(head)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._attempt.wait(self._sock, write=True)
            except ssl.SSLWantReadError:
                self._attempt.wait(self._sock, read=True)
        return len(data)

    def recv(self, size: int) -> bytes:
        while True:
            try:
                data = self._sock.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._attempt.wait(self._sock, read=True)
                continue
            except ssl.SSLWantWriteError:
                self._attempt.wait(self._sock, write=True)
                continue
            self._read += len(data)
            if self._read > _LIMIT:
                raise ConnectError("the answer is too long to be HTTP", phase=self._attempt.phase)
            if time.monotonic() >= self._attempt.deadline:
                raise socket.timeout
            return data

    def read_head(self) -> bytes:
        """Read up to the empty line, byte by byte, because what follows is the tunnel's."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            byte = self.recv(1)
            if not byte:
                raise ConnectionError("the connection was closed")
            head += byte
        return bytes(head)

    def close(self) -> None:
        self._sock.close()


def _proxy_for(request: Dial, host: str, *, secure: bool) -> Optional[str]:
    """Return the proxy's URL, from the request or the environment; ``None`` for a direct way.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` as the standard library reads
    them; the local machine is never asked through a proxy unless the request says so.
    """
    if request.proxy is not None:
        return _checked_proxy(request.proxy)
    if not any(name.lower().endswith("_proxy") for name in os.environ) or _is_local(host):
        return None
    from urllib import request as urllib_request

    proxies = urllib_request.getproxies_environment()
    bypass: Any = vars(urllib_request)["proxy_bypass_environment"]  # missing in typeshed
    if bypass(host, proxies):
        return None
    return _checked_proxy(proxies.get("https" if secure else "http") or proxies.get("all") or "")


def _checked_proxy(proxy: str) -> Optional[str]:
    if not proxy:
        return None
    url = proxy if "://" in proxy else f"http://{proxy}"
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "socks4", "socks4a", "socks5", "socks5h"):
        raise ConfigError(f"proxy: expected an http or socks URL, got the scheme {scheme!r}")
    return url


def _is_local(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
