"""One deadline over look-up, TCP, proxy, TLS and upgrade; errors that say where and why."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
from rawserver import Peer, RawServer, text
from transport.kit import payload, soon, stay_open
from waiting import Caught, descriptors, until, within

from livesdk.errors import AuthenticationError, ConfigError, ConnectError, LiveTimeout
from livesdk.transport import Dial, Lost, WebSocketTransport

DEADLINE = 0.5
SLACK = 0.8  # 0.3 s, and what a busy machine adds


def silent(peer: Peer) -> None:
    peer.hold()


def dripping_record(peer: Peer) -> None:
    peer.drip(b"\x16\x03\x03\x40\x00" + bytes(100_000), 0.02)


def dripping_status(peer: Peer) -> None:
    peer.read_request()
    peer.drip(b"HTTP/1.1 101 Switching" + b"g" * 100_000, 0.02)


def dripping_headers(peer: Peer) -> None:
    peer.read_request()
    peer.drip(b"HTTP/1.1 101 Switching Protocols\r\n" + b"a: b\r\n" * 100_000, 0.02)


def reading_slowly(peer: Peer) -> None:
    peer.read(5)
    peer.hold()


def dripping_socks(peer: Peer) -> None:
    peer.read(3)
    peer.drip(b"\5", 0.02)
    peer.hold()


def dripping_socks_address(peer: Peer) -> None:
    peer.read(3)
    peer.send(b"\5\0")
    peer.read(8)
    peer.send(b"\5\0\0\3\xff")
    peer.drip(bytes(300), 0.02)


@pytest.mark.parametrize(
    ("phase", "talk", "url", "proxy"),
    [
        ("tls", silent, "wss://localhost:{port}/", ""),
        ("tls", dripping_record, "wss://localhost:{port}/", ""),
        ("upgrade", silent, "ws://localhost:{port}/", ""),
        ("upgrade", reading_slowly, "ws://localhost:{port}/", ""),
        ("upgrade", dripping_status, "ws://localhost:{port}/", ""),
        ("upgrade", dripping_headers, "ws://localhost:{port}/", ""),
        ("proxy", silent, "wss://a.test/", "http://localhost:{port}"),
        ("proxy", dripping_status, "wss://a.test/", "http://localhost:{port}"),
        ("proxy", dripping_headers, "wss://a.test/", "http://localhost:{port}"),
        ("proxy", silent, "wss://a.test/", "socks5://localhost:{port}"),
        ("proxy", dripping_socks, "wss://a.test/", "socks5://localhost:{port}"),
        ("proxy", dripping_socks_address, "wss://a.test/", "socks5://localhost:{port}"),
        ("proxy", silent, "wss://a.test/", "socks4a://localhost:{port}"),
    ],
)
def test_a_peer_that_stalls_or_drips_ends_the_dial_at_the_deadline(
    connect, phase, talk, url, proxy
):
    with RawServer(talk) as server:
        url, proxy = url.format(port=server.port), proxy.format(port=server.port)
        with within(DEADLINE + SLACK), pytest.raises(LiveTimeout) as caught:
            connect(url, timeout=DEADLINE, proxy=proxy)
        server.release()
    assert caught.value.phase == phase
    assert phase in str(caught.value)


@pytest.fixture
def full() -> Iterator[int]:
    """A port that answers no more: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


def test_a_host_that_does_not_answer_ends_the_dial_at_the_deadline(connect, full):
    with within(DEADLINE + SLACK), pytest.raises(LiveTimeout) as caught:
        connect(f"ws://127.0.0.1:{full}/", timeout=DEADLINE)
    assert caught.value.phase == "tcp"


def test_a_dead_first_address_leaves_time_for_the_second(connect, full, monkeypatch):
    with RawServer(stay_open) as server:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
            for port in (full, server.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args: addresses)
        connect("ws://two.test/", timeout=2.0)


def test_a_look_up_that_takes_too_long_is_told_as_such(connect, monkeypatch):
    gate = threading.Event()
    found = socket.getaddrinfo("127.0.0.1", 9, 0, socket.SOCK_STREAM)

    def slow(*_args: object) -> object:
        gate.wait(0.2)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(LiveTimeout) as caught:
        connect("ws://slow.test/", timeout=0.1)
    assert caught.value.phase == "dns"


def test_endless_headers_are_cut_short(connect):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        for _ in itertools.count():
            peer.send(b"x-more: and more\r\n" * 1000)

    with RawServer(talk) as server, pytest.raises(ConnectError, match="too long") as caught:
        connect(server.url)
    assert caught.value.phase == "upgrade"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ConnectError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, ConnectError),
        (429, ConnectError),
        (500, ConnectError),
        (503, ConnectError),
    ],
)
@pytest.mark.parametrize("framing", ["length", "chunked", "until closed"])
def test_a_refusal_carries_status_and_the_servers_words(connect, status, kind, framing):
    body = b'{"error": {"code": 1, "message": "No such \\"model\\"\\nhere.", "status": "X"}}'

    def talk(peer: Peer) -> None:
        peer.read_request()
        head = f"HTTP/1.1 {status} Sorry\r\n"
        if framing == "length":
            peer.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            peer.hold()
        elif framing == "chunked":
            peer.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            for piece in (body[:20], body[20:]):
                peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            peer.send(b"0\r\n\r\n")
            peer.hold()
        else:
            peer.send(head.encode() + b"\r\n" + body)

    with RawServer(talk) as server, within(5), pytest.raises(ConnectError) as caught:
        connect(server.url)
    error = caught.value
    assert type(error) is kind
    assert (error.phase, error.status) == ("upgrade", status)
    assert 'No such "model" here.' in str(error)
    assert (error.hint is not None) is (status != 500)


def test_a_key_that_is_none_is_an_authentication_error_though_http_says_400(connect):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(b'HTTP/1.1 400 No\r\n\r\n{"error": {"message": "API key not valid."}}')

    with RawServer(talk) as server, pytest.raises(AuthenticationError, match="not valid") as caught:
        connect(server.url)
    assert (caught.value.phase, caught.value.status) == ("upgrade", 400)


def test_a_long_body_is_quoted_in_part(connect):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 500 Oh\r\n\r\n<html><b>" + b"long " * 100_000)

    with RawServer(talk) as server, pytest.raises(ConnectError) as caught:
        connect(server.url)
    assert caught.value.status == 500
    assert len(str(caught.value)) < 350
    assert "<" not in str(caught.value)


def test_a_body_that_never_comes_does_not_hide_the_status(connect):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\n")
        peer.hold()

    with RawServer(talk) as server:
        with within(DEADLINE + SLACK), pytest.raises(AuthenticationError) as caught:
            connect(server.url, timeout=DEADLINE)
        server.release()
    assert caught.value.status == 401


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_stays_here(connect, status):
    def elsewhere(peer: Peer) -> None:
        raise AssertionError("followed")

    with RawServer(elsewhere) as other:

        def talk(peer: Peer) -> None:
            peer.read_request()
            assert "x-goog-api-key: k-1234567890" in peer.request
            where = f"Location: ws://localhost:{other.port}/"
            peer.send(f"HTTP/1.1 {status} Go\r\n{where}\r\nContent-Length: 0\r\n\r\n".encode())

        with RawServer(talk) as server, pytest.raises(ConnectError, match="redirect") as caught:
            connect(server.url, headers={"x-goog-api-key": "k-1234567890"})
        assert other.clients == 0
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "HTTP 200: hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, "HTTP 204"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", None, "not HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x50", None, "not HTTP"),
        (b"HTTP/1.1 \xff\xfe what\r\n\r\n", None, "not HTTP"),
        (b"HTTP/1.1 101\r\n\r\n", None, "Header"),
        (b"", None, "closed"),
        (b"HTTP/1.1 101 Swit", None, "closed"),
    ],
)
def test_an_answer_that_is_no_upgrade_is_an_error(connect, answer, status, words):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer)

    with RawServer(talk) as server, pytest.raises(ConnectError, match=words) as caught:
        connect(server.url)
    assert (caught.value.phase, caught.value.status) == ("upgrade", status)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_WebSocket_Accept": "bm90IHRoZSByaWdodCBvbmU="},
        {"Sec_WebSocket_Accept": ""},
        {"Upgrade": ""},
        {"Connection": "keep-alive"},
    ],
)
def test_a_wrong_handshake_is_refused(connect, headers):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(peer.answer(**headers))

    with RawServer(talk) as server, pytest.raises(ConnectError) as caught:
        connect(server.url)
    assert caught.value.phase == "upgrade"


def test_frames_that_come_with_the_answer_are_kept(connect):
    with RawServer(lambda peer: stay_open(peer, text("at once"))) as server:
        assert payload(connect(server.url)) == "at once"


def test_the_request_is_what_native_clients_send(connect):
    seen = []

    def talk(peer: Peer) -> None:
        peer.upgrade()
        seen.append(peer.request)

    with RawServer(talk) as server:
        connect(f"ws://localhost:{server.port}/ws/a.b?x=1", headers={"x-goog-api-key": "key"})
    first, *lines = seen[0].split("\r\n")
    assert first == "GET /ws/a.b?x=1 HTTP/1.1"
    names = [line.partition(":")[0].lower() for line in lines if line]
    assert sorted(names) == [
        "connection",
        "host",
        "sec-websocket-key",
        "sec-websocket-version",
        "upgrade",
        "x-goog-api-key",
    ]
    assert f"Host: localhost:{server.port}" in lines


def test_a_cookie_of_one_session_is_not_sent_by_the_next(connect):
    seen = []

    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(peer.answer(Set_Cookie="who=me; domain=localhost"))
        seen.append(peer.request)

    with RawServer(talk) as server:
        for _ in range(2):
            connect(server.url)
    assert len(seen) == 2
    assert "ookie" not in "".join(seen)


def test_a_refused_connection_names_the_phase(connect):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError, match="nothing listens") as caught:
            connect(f"ws://127.0.0.1:{unused.getsockname()[1]}/")
    assert caught.value.phase == "tcp"


def test_an_unknown_name_names_the_phase(connect, monkeypatch):
    def unknown(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectError, match="not known") as caught:
        connect("wss://nowhere.test/")
    assert caught.value.phase == "dns"


@pytest.mark.parametrize(
    "url", ["http://a.test/", "ws:///path", "ws://a.test:notaport/", "ws://a.test:70000/", "wss"]
)
def test_what_is_no_url_is_told_before_dialling(connect, url):
    with pytest.raises(ConfigError):
        connect(url)


@pytest.mark.parametrize("headers", [{"a": "b\r\nc: d"}, {"a b": "c"}, {"a\n": "b"}, {"a": "\0"}])
def test_a_header_cannot_smuggle_another_one(connect, headers):
    with pytest.raises(ConfigError, match="header"):
        connect("ws://localhost:9/", headers=headers)


@pytest.mark.parametrize(
    ("talk", "url", "proxy"),
    [
        (silent, "wss://localhost:{port}/", ""),
        (silent, "ws://localhost:{port}/", ""),
        (dripping_headers, "ws://localhost:{port}/", ""),
        (silent, "ws://a.test/", "http://localhost:{port}"),
        (silent, "ws://a.test/", "socks5://localhost:{port}"),
    ],
)
def test_abort_ends_a_dial_at_once(talk, url, proxy):
    transport = WebSocketTransport()
    with RawServer(talk) as server:
        request = Dial(
            url=url.format(port=server.port),
            headers={},
            proxy=proxy.format(port=server.port),
            ssl_context=ssl.create_default_context,
        )
        task = Caught(lambda: transport.open(request, soon()))
        until(lambda: server.clients == 1)
        with within(0.2 + SLACK):
            transport.abort()
            with pytest.raises(Lost):
                task.result()
    transport.close()


def test_abort_before_the_dial_stops_it(transport):
    transport.abort()
    request = Dial(
        url="ws://localhost:9/", headers={}, proxy="", ssl_context=ssl.create_default_context
    )
    with pytest.raises(Lost):
        transport.open(request, soon())


@pytest.mark.requires("emulator")
def test_dials_that_fail_leave_no_descriptor(certificates):
    def talk(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")

    def attempt(url: str, proxy: str = "") -> None:
        transport = WebSocketTransport()
        request = Dial(url=url, headers={}, proxy=proxy, ssl_context=ssl.create_default_context)
        with pytest.raises((ConnectError, LiveTimeout)):
            transport.open(request, time.monotonic() + 0.2)
        transport.close()

    with RawServer(talk) as plain, RawServer(silent, tls=certificates.context) as untrusted:
        urls = [plain.url, untrusted.url, f"wss://localhost:{plain.port}", "ws://localhost:1/"]
        for url in urls:
            attempt(url)
        before = descriptors()
        for _ in range(10):
            for url in urls:
                attempt(url)
            attempt("ws://a.test/", f"http://localhost:{plain.port}")
            attempt("ws://a.test/", f"socks5://localhost:{plain.port}")
    assert descriptors() <= before
