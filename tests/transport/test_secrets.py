"""Keys and passwords show in no log, error, repr or traceback, the library's own included."""

from __future__ import annotations

import io
import logging
import ssl
import time
import traceback
from collections.abc import Iterator

import pytest
import websocket
from rawserver import Peer, RawServer
from transport.kit import stay_open

from livesdk.errors import LiveError
from livesdk.transport import Dial, WebSocketTransport, exchange

KEY = "AIzaSecretKey0123456789"
PASSWORD = "proxy-password-42"
HEADERS = {"x-goog-api-key": KEY, "Authorization": f"Bearer {KEY}"}


@pytest.fixture(autouse=True)
def traced() -> Iterator[io.StringIO]:
    """What websocket-client says when it is asked to say everything."""
    stream = io.StringIO()
    websocket.enableTrace(True, logging.StreamHandler(stream))
    yield stream
    websocket.enableTrace(False)


def everything(error: BaseException) -> str:
    """Return all that a reporter of crashes could collect, contexts that are hidden included."""
    parts = []
    chain, seen = [error], set()
    while chain:
        one = chain.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        parts += [repr(one), str(one), repr(one.args), repr(vars(one))]
        parts += traceback.format_exception(type(one), one, one.__traceback__)
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                parts += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
        chain += [other for other in (one.__cause__, one.__context__) if other is not None]
    return "\n".join(parts)


def fail(url: str, *, proxy: str = "", timeout: float = 10.0, key: str = KEY) -> str:
    transport = WebSocketTransport()
    try:
        transport.open(
            Dial(
                url=url,
                headers={name: value.replace(KEY, key) for name, value in HEADERS.items()},
                proxy=proxy,
                ssl_context=ssl.create_default_context,
            ),
            time.monotonic() + timeout,
        )
    except Exception as error:  # noqa: BLE001  # whichever: none may show a key
        return everything(error) + repr(transport)
    finally:
        transport.close()
    raise AssertionError("it did not fail")


def refusing(peer: Peer) -> None:
    request = peer.read_request()
    assert KEY in request
    body = f'{{"error": {{"message": "key {KEY} is wrong"}}}}'
    peer.send(f"HTTP/1.1 401 No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def echoing(peer: Peer) -> None:
    peer.send(peer.read_request().encode())


def odd(peer: Peer) -> None:
    peer.read_request()
    peer.send(peer.answer(Sec_WebSocket_Accept="x"))


def ending(peer: Peer) -> None:
    peer.read_request()


def stalling(peer: Peer) -> None:
    peer.read_request()
    peer.hold()


def resetting(peer: Peer) -> None:
    peer.read(10)
    peer.reset()


@pytest.mark.parametrize("talk", [refusing, echoing, odd, ending, stalling, resetting])
def test_a_failed_upgrade_shows_no_key(traced, caplog, talk):
    caplog.set_level(logging.DEBUG)
    with RawServer(talk) as server:
        shown = fail(server.url, timeout=0.5)
    assert KEY not in shown
    assert KEY not in traced.getvalue()
    assert KEY not in caplog.text


@pytest.mark.parametrize("talk", [refusing, echoing, ending, stalling, resetting])
def test_a_failed_exchange_shows_no_key(caplog, talk):
    caplog.set_level(logging.DEBUG)
    with RawServer(talk) as server:
        request = Dial(
            url=server.url, headers=HEADERS, proxy="", ssl_context=ssl.create_default_context
        )
        with pytest.raises(LiveError) as caught:
            exchange(request, b"{}", time.monotonic() + 0.5, phase="here")
    shown = everything(caught.value)
    assert KEY not in shown
    assert KEY[:8] not in shown
    assert KEY not in caplog.text


def test_a_good_upgrade_shows_no_key(traced, caplog, connect):
    caplog.set_level(logging.DEBUG)
    with RawServer(stay_open) as server:
        transport = connect(server.url, headers=HEADERS)
        assert KEY not in repr(transport)
        assert KEY not in repr(vars(transport))
    assert "GET /path" in traced.getvalue()
    assert KEY not in traced.getvalue()
    assert KEY not in caplog.text


def test_a_refused_header_is_named_without_its_value():
    shown = fail("ws://localhost:1/", key=f"{KEY}\r\nx: y")
    assert "x-goog-api-key" in shown
    assert KEY not in shown


@pytest.mark.requires("emulator")
def test_a_failed_look_up_and_tls_show_no_key(certificates):
    with RawServer(stay_open, tls=certificates.context) as server:
        assert KEY not in fail(server.url)
    assert KEY not in fail("ws://localhost:1/")


def proxy_refusing(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 407 No\r\n\r\n")


@pytest.mark.parametrize("talk", [proxy_refusing, ending, stalling, echoing])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4"])
def test_a_failed_proxy_shows_no_password(talk, scheme):
    def either(peer: Peer) -> None:
        if scheme == "http":
            talk(peer)
        else:
            peer.recv()
            peer.send(b"\5\2")
            assert PASSWORD.encode() in peer.recv() or scheme == "socks4"
            peer.send(b"\1\1")

    with RawServer(either) as server:
        proxy = f"{scheme}://me:{PASSWORD}@localhost:{server.port}"
        shown = fail("ws://10.0.0.9/", proxy=proxy, timeout=0.5)
    assert PASSWORD not in shown
    assert KEY not in shown


@pytest.mark.parametrize("proxy", ["https://me:{}@x:1", "http://me:{}/x@h:1", "x://me:{}@[h"])
def test_a_wrong_proxy_url_shows_no_password(proxy):
    assert PASSWORD not in fail("ws://a.test/", proxy=proxy.format(PASSWORD))


def test_a_wrong_proxy_of_the_environment_shows_no_password(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", f"https://me:{PASSWORD}@x:1")
    transport = WebSocketTransport()
    request = Dial(
        url="ws://a.test/", headers={}, proxy=None, ssl_context=ssl.create_default_context
    )
    with pytest.raises(ValueError, match="environment") as caught:
        transport.open(request, time.monotonic() + 5)
    transport.close()
    assert PASSWORD not in everything(caught.value)
