"""Proxies: HTTP ``CONNECT`` and SOCKS, given or from the environment."""

from __future__ import annotations

import base64
import builtins
import ipaddress
import socket
import ssl

import pytest
from rawserver import Peer, RawServer, text
from transport.kit import payload
from waiting import within

from livesdk.errors import ConfigError, ConnectError
from livesdk.transport import _proxy


class Tunnel:
    """A proxy that notes what it is asked, and then is the server itself."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, login: str = "") -> None:
        self.asked: list[str] = []
        self._tls = tls
        self._login = login

    def __call__(self, peer: Peer) -> None:
        first = peer.sock.recv(1, socket.MSG_PEEK)
        if first == b"\5":
            self._socks5(peer)
        elif first == b"\4":
            self._socks4(peer)
        else:
            self._connect(peer)
        if self._tls:
            peer.sock = self._tls.wrap_socket(peer.sock, server_side=True)
        with peer.sock:
            peer.upgrade(text("through"))
            peer.hold()

    def _connect(self, peer: Peer) -> None:
        first, *lines = peer.read_request().split("\r\n")
        self.asked.append(first)
        wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
        if self._login and f"Proxy-Authorization: {wanted}" not in lines:
            peer.send(b"HTTP/1.1 407 Log in\r\nContent-Length: 0\r\n\r\n")
            return
        peer.send(b"HTTP/1.1 200 Here you are\r\nVia: 1.1 me\r\n\r\n")

    def _socks5(self, peer: Peer) -> None:
        ways = peer.read(peer.read(2)[1])
        if self._login and 2 not in ways:
            peer.send(b"\5\xff")
            return
        peer.send(b"\5\2" if self._login else b"\5\0")
        if self._login:
            user = peer.read(peer.read(2)[1])
            password = peer.read(peer.read(1)[0])
            is_right = user + b":" + password == self._login.encode()
            peer.send(b"\1\0" if is_right else b"\1\1")
        kind = peer.read(4)[3]
        if kind == 3:
            host = peer.read(peer.read(1)[0]).decode()
        else:
            host = str(ipaddress.ip_address(peer.read(4 if kind == 1 else 16)))
        port = int.from_bytes(peer.read(2), "big")
        self.asked.append(f"{host}:{port}")
        if host == "refused.test":
            peer.send(b"\5\5\0\1" + bytes(6))
        else:
            peer.send(b"\5\0\0\3\4name\0\0")

    def _socks4(self, peer: Peer) -> None:
        head = peer.read(8)
        while peer.read(1) != b"\0":
            pass
        host = str(ipaddress.IPv4Address(head[4:8]))
        if host == "0.0.0.1":
            name = b""
            while not name.endswith(b"\0"):
                name += peer.read(1)
            host = name[:-1].decode()
        self.asked.append(f"{host}:{int.from_bytes(head[2:4], 'big')}")
        peer.send(b"\0\x5b" + bytes(6) if host == "refused.test" else b"\0\x5a" + bytes(6))


@pytest.mark.parametrize(
    ("proxy", "url", "asked"),
    [
        ("http://localhost:{port}", "ws://a.test/", "CONNECT a.test:80 HTTP/1.1"),
        ("localhost:{port}", "ws://a.test:81/", "CONNECT a.test:81 HTTP/1.1"),
        ("http://localhost:{port}", "ws://[2001:db8::1]/", "CONNECT [2001:db8::1]:80 HTTP/1.1"),
        ("socks5://localhost:{port}", "ws://a.test/", "a.test:80"),
        ("socks5h://localhost:{port}", "ws://a.test/", "a.test:80"),
        ("socks5://localhost:{port}", "ws://10.0.0.9:7/", "10.0.0.9:7"),
        ("socks5://localhost:{port}", "ws://[2001:db8::1]/", "2001:db8::1:80"),
        ("socks4a://localhost:{port}", "ws://a.test/", "a.test:80"),
        ("socks4://localhost:{port}", "ws://10.0.0.9:7/", "10.0.0.9:7"),
    ],
)
def test_a_tunnel_goes_where_it_is_asked_to(connect, proxy, url, asked):
    tunnel = Tunnel()
    with RawServer(tunnel) as server:
        assert payload(connect(url, proxy=proxy.format(port=server.port))) == "through"
    assert tunnel.asked == [asked]


@pytest.mark.requires("emulator")
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4a"])
def test_tls_runs_inside_the_tunnel(connect, certificates, trusting, scheme):
    tunnel = Tunnel(tls=certificates.context)
    with RawServer(tunnel) as server:
        url, proxy = "wss://localhost/", f"{scheme}://localhost:{server.port}"
        assert payload(connect(url, proxy=proxy, context=trusting)) == "through"
    assert ":443" in tunnel.asked[0]


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_gets_user_and_password(connect, scheme):
    with RawServer(Tunnel(login="me:p@ss:ü")) as server:
        proxy = f"{scheme}://me:p%40ss%3A%C3%BC@localhost:{server.port}"
        assert payload(connect("ws://a.test/", proxy=proxy)) == "through"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("login", ["", "me:wrong-password@"])
def test_a_proxy_that_wants_another_login_says_so(connect, scheme, login):
    with RawServer(Tunnel(login="me:right")) as server:
        proxy = f"{scheme}://{login}localhost:{server.port}"
        with pytest.raises(ConnectError, match="user and password") as caught:
            connect("ws://a.test/", proxy=proxy)
    assert caught.value.phase == "proxy"
    assert caught.value.status == (407 if scheme == "http" else None)


@pytest.mark.parametrize("scheme", ["socks5", "socks4a"])
def test_a_socks_proxy_that_refuses_is_quoted(connect, scheme):
    with RawServer(Tunnel()) as server, pytest.raises(ConnectError, match="refused") as caught:
        connect("ws://refused.test/", proxy=f"{scheme}://localhost:{server.port}")
    assert caught.value.phase == "proxy"


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"HTTP/1.1 302 Go\r\nLocation: x\r\n\r\n", b"hm?", b""],
)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_answers_otherwise_is_an_error(connect, scheme, answer):
    def talk(peer: Peer) -> None:
        peer.recv()
        peer.send(answer)

    with RawServer(talk) as server, pytest.raises(ConnectError) as caught:
        connect("ws://a.test/", proxy=f"{scheme}://localhost:{server.port}")
    assert caught.value.phase == "proxy"


def test_bytes_after_the_proxys_answer_belong_to_the_tunnel(connect):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        peer.hold()

    with RawServer(talk) as server, pytest.raises(ConnectError) as caught:
        connect("ws://a.test/", proxy=f"http://localhost:{server.port}")
    assert (caught.value.phase, caught.value.status) == ("upgrade", 403)


def test_socks_needs_no_other_package(connect, monkeypatch):
    real = builtins.__import__

    def without(name: str, *args: object) -> object:
        assert not name.startswith("python_socks")
        return real(name, *args)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(builtins, "__import__", without)
    with RawServer(Tunnel()) as server:
        connect("ws://a.test/", proxy=f"socks5://localhost:{server.port}")


@pytest.mark.parametrize(
    "proxy",
    [
        "https://localhost:1",
        "ftp://localhost",
        "http://",
        "http://me:pa/ss@localhost:1",
        "http://[x",
    ],
)
def test_what_is_no_proxy_is_told_before_dialling(connect, proxy):
    with within(5), pytest.raises(ConfigError, match="proxy") as caught:
        connect("ws://a.test/", proxy=proxy)
    assert "pa" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("environment", "url", "through"),
    [
        ({"HTTPS_PROXY": "{proxy}"}, "wss://localhost.test/", True),
        ({"https_proxy": "{proxy}"}, "wss://localhost.test/", True),
        ({"ALL_PROXY": "{proxy}"}, "wss://localhost.test/", True),
        ({"ALL_PROXY": "socks5://localhost:{port}"}, "ws://localhost.test/", True),
        ({"HTTP_PROXY": "{proxy}"}, "ws://localhost.test/", True),
        ({"HTTP_PROXY": "{proxy}"}, "wss://localhost.test/", False),
        ({"HTTPS_PROXY": "{proxy}"}, "ws://localhost.test/", False),
        ({"ALL_PROXY": "{proxy}", "NO_PROXY": "localhost.test"}, "ws://localhost.test/", False),
        ({"ALL_PROXY": "{proxy}", "NO_PROXY": "other,.test"}, "ws://localhost.test/", False),
        ({"ALL_PROXY": "{proxy}", "NO_PROXY": "localhost.test:81"}, "ws://localhost.test/", True),
        ({"ALL_PROXY": "{proxy}", "NO_PROXY": "localhost.test:80"}, "ws://localhost.test/", False),
        ({"ALL_PROXY": "{proxy}", "NO_PROXY": "*"}, "ws://localhost.test/", False),
        ({"ALL_PROXY": "{proxy}"}, "ws://localhost/", False),
        ({"ALL_PROXY": "{proxy}"}, "ws://127.0.0.1/", False),
        ({"ALL_PROXY": "{proxy}"}, "ws://[::1]/", False),
        ({}, "wss://localhost.test/", False),
    ],
)
def test_the_environment_decides_where_the_program_does_not(monkeypatch, environment, url, through):
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(proxy="http://localhost:3128", port=3128))
    secure, host = url.startswith("wss"), url.split("/")[2].strip("[]")
    found = _proxy.choose(lambda: None, host, 443 if secure else 80, secure=secure)
    assert (found is not None) is through


def test_a_proxy_of_the_environment_is_used(connect, monkeypatch):
    tunnel = Tunnel()
    with RawServer(tunnel) as server:
        monkeypatch.setenv("ALL_PROXY", f"http://localhost:{server.port}")
        assert payload(connect("ws://a.test/", proxy=None)) == "through"
    assert tunnel.asked


def test_an_empty_proxy_means_none_whatever_the_environment_says(connect, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://localhost:1")
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *_: (_ for _ in ()).throw(socket.gaierror(socket.EAI_NONAME, host)),
    )
    with pytest.raises(ConnectError, match=r"a\.test"):
        connect("ws://a.test/", proxy="")
