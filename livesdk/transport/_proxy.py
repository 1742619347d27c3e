"""Proxies: which one, and how to ask it for a tunnel.

``CONNECT`` of HTTP (RFC 9110 §9.3.6), SOCKS 5 (RFC 1928, RFC 1929), SOCKS 4 and 4a.  A tunnel is a
few bytes each way, written here so that the one deadline and an abort reach into it.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import socket
from collections.abc import Callable
from typing import Any, Optional, Union
from urllib.parse import unquote, urlsplit

from attrs import field

from .._records import frozen
from ..errors import ConfigError, ConnectError
from ._line import Line

__all__ = ["Proxy", "ask", "choose"]

_DEFAULT_PORTS = {"http": 80, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


@frozen(kw_only=True)
class Proxy:
    """A proxy to go through.

    Attributes:
        scheme: ``http``, ``socks4``, ``socks4a``, ``socks5`` or ``socks5h``.
    """

    scheme: str
    host: str
    port: int
    user: Optional[str] = field(default=None, repr=False)
    password: str = field(default="", repr=False)


def choose(
    given: Callable[[], Optional[str]], host: str, port: int, *, secure: bool
) -> Optional[Proxy]:
    """Return the proxy, or ``None`` for a direct way.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` as the standard library reads
    them; the local machine is never asked through a proxy unless the program says so.

    Args:
        given: Returns what the program asked for: a URL, ``""`` for a direct way, ``None`` for
            the environment.  A function, so that no traceback shows the password in it.

    Raises:
        ConfigError: It is not the URL of such a proxy.
    """
    is_given = given() is not None
    found = _parsed((given() if is_given else _from_environment(host, port, secure=secure)) or "")
    if isinstance(found, str):
        raise ConfigError(f"{'proxy' if is_given else 'proxy of the environment'}: {found}")
    return found


def _from_environment(host: str, port: int, *, secure: bool) -> Optional[str]:
    if host in ("localhost", "::1") or host.startswith("127."):
        return None
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib import request

    proxies = request.getproxies_environment()
    bypass: Any = vars(request)["proxy_bypass_environment"]  # missing in typeshed
    if bypass(host if ":" in host else f"{host}:{port}", proxies):
        return None
    return proxies.get("https" if secure else "http") or proxies.get("all")


def _parsed(url: str) -> Union[Proxy, str, None]:
    """Return the proxy, ``None`` for an empty URL, or what is wrong, without secrets."""
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in _DEFAULT_PORTS:
            return f"expected an http or socks URL, got the scheme {parts.scheme!r}"
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except ValueError:  # its text quotes the URL
        return "not a URL; special characters in user and password must be %-encoded"
    if not parts.hostname:
        return "expected http://host:port or socks5://host:port"
    return Proxy(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def ask(proxy: Proxy, line: Line, host: str, port: int) -> None:
    """Have the connected proxy open a tunnel; bytes flow to ``host`` from here on.

    Raises:
        ConnectError: It refused.
    """
    if proxy.scheme == "http":
        _connect(proxy, line, host, port)
    elif proxy.scheme.startswith("socks5"):
        _socks5(proxy, line, host, port)
    else:
        _socks4(proxy, line, host, port)


def _refused(words: str, status: Optional[int] = None, *, names_user: bool = False) -> ConnectError:
    return ConnectError(
        f"the proxy refused the tunnel: {words}",
        phase="proxy",
        status=status,
        hint="check the proxy's user and password" if names_user else None,
    )


# HTTP --------------------------------------------------------------------------------------------


def _connect(proxy: Proxy, line: Line, host: str, port: int) -> None:
    line.send(memoryview(_connect_request(proxy, host, port)))
    head = line.read_head()
    match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    status = int(match.group(1)) if match else None
    if status is None or not 200 <= status < 300:
        raise _refused(f"HTTP {status or '?'}", status, names_user=status == 407)


def _connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.user:
        pair = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {pair}")
    return "\r\n".join([*lines, "", ""]).encode()


# SOCKS -------------------------------------------------------------------------------------------

_NO_LOGIN, _LOGIN = 0, 2  # RFC 1928 §3

_SOCKS5_ANSWERS = {  # RFC 1928 §6
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


def _socks5(proxy: Proxy, line: Line, host: str, port: int) -> None:
    ways = bytes([_NO_LOGIN, _LOGIN] if proxy.user else [_NO_LOGIN])
    line.send(memoryview(bytes([5, len(ways)]) + ways))
    version, way = line.read(2)
    if version != 5:
        raise _refused("it does not speak SOCKS 5")
    if way == _LOGIN and proxy.user:
        line.send(memoryview(_login(proxy)))
        if line.read(2)[1]:
            raise _refused("user or password is wrong", names_user=True)
    elif way != _NO_LOGIN:
        raise _refused("it wants another way to log in", names_user=True)
    line.send(memoryview(b"\5\1\0" + _socks5_address(host) + port.to_bytes(2, "big")))
    _, answer, _, kind = line.read(4)
    if answer:
        raise _refused(_SOCKS5_ANSWERS.get(answer, f"SOCKS answer {answer}"))
    # the address it used, which nobody needs
    size = {1: 4, 4: 16}.get(kind) or line.read(1)[0]
    line.read(size + 2)


def _login(proxy: Proxy) -> bytes:
    user, password = (proxy.user or "").encode()[:255], proxy.password.encode()[:255]
    return b"\1%b%b%b%b" % (bytes([len(user)]), user, bytes([len(password)]), password)


def _socks5_address(host: str) -> bytes:
    """Names go to the proxy as they are: it may know what this machine does not."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed


def _socks4(proxy: Proxy, line: Line, host: str, port: int) -> None:
    try:
        address, name = ipaddress.IPv4Address(host).packed, b""
    except ValueError:
        if proxy.scheme == "socks4a":
            address, name = b"\0\0\0\1", host.encode("idna") + b"\0"
        else:
            address, name = socket.inet_aton(socket.gethostbyname(host)), b""
    user = (proxy.user or "").encode() + b"\0"
    line.send(memoryview(b"\4\1" + port.to_bytes(2, "big") + address + user + name))
    version, answer = line.read(8)[:2]
    if version or answer != 90:
        raise _refused(f"SOCKS answer {answer}")
