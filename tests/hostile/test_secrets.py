"""Every kind of secret on every way to fail, against peers that quote what they were sent.

Nothing that is logged, raised, recorded, warned of or pickled may show one.
"""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import socket
import traceback
import warnings

import pytest
import websocket
from rawserver import BINARY, PING, TEXT, RawServer, close_frame, frame, text

import livesdk

pytestmark = pytest.mark.long

KEY = "AIzaSENTINELkeySENTINELkey0123456789xyz"
TOKEN = "auth_tokens/SENTINELtokenSENTINELtoken"
APP_CHECK = "eyJhbGciOi.SENTINELappcheck.signature"
ID_TOKEN = "eyJhbGciOi.SENTINELidtoken.signature"
BEARER = "ya29.SENTINELbearerSENTINEL"
PASSWORD = "SENTINELproxypassword"


class Credentials:
    token = BEARER
    valid = True

    def refresh(self, _):
        """Nothing to do."""


WHO = {
    "key": ({"api_key": KEY}, [KEY]),
    "token": ({"api_key": TOKEN}, [TOKEN]),
    "firebase": (
        {
            "firebase": livesdk.FirebaseOptions(
                project="p", api_key=KEY, app_check_token=APP_CHECK, auth_token=lambda: ID_TOKEN
            )
        },
        [KEY, APP_CHECK, ID_TOKEN],
    ),
    "vertex": (
        {"vertexai": True, "project": "p", "location": "global", "credentials": Credentials()},
        [BEARER],
    ),
    "headers": ({"api_key": "short", "http_options": {"headers": {"x-gateway": KEY}}}, [KEY]),
}


def status(code):
    """Refuse the upgrade, and quote the request as a debugging proxy does."""

    def talk(peer):
        request = peer.read_request()
        body = f'{{"error": {{"message": "I got: {request}"}}}}'.replace("\r\n", " ")
        peer.send(f"HTTP/1.1 {code} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        peer.recv()

    return talk


def secrets_in(request):
    lines = [line.partition(": ")[2] for line in request.splitlines()]
    return " ".join(value for value in lines if "SENTINEL" in value)


def after_the_upgrade(*frames, setup=False):
    """Quote the secrets in frames; ``%s`` is where."""

    def talk(peer):
        peer.upgrade()
        quoted = secrets_in(peer.request)
        peer.frame()
        if setup:
            peer.send(text('{"setupComplete": {}}'))
        for make in frames:
            peer.send(make(quoted))
        peer.recv()

    return talk


def reason(code):
    return lambda quoted: close_frame(code, f"bad: {quoted}".encode()[:123])


def reset(peer):
    peer.upgrade()
    peer.frame()
    peer.reset()


def silent(peer):
    peer.upgrade()
    peer.hold()


def echo(peer):
    peer.send(peer.read_request().encode())
    peer.recv()


def nothing(peer):
    peer.read_request()


ERROR = '{"error": {"code": 403, "message": "no: %s"}}'
FAILURES = {
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "500": status(500),
    "302": status(302),
    "echo": echo,
    "nothing": nothing,
    "silence": silent,
    "reset": reset,
    "setup refused": after_the_upgrade(reason(1007)),
    "setup refused in words": after_the_upgrade(
        lambda quoted: text(ERROR % quoted), lambda _: close_frame(1008)
    ),
    "setup answered by garbage": after_the_upgrade(
        lambda quoted: frame(BINARY, b"{" + quoted.encode())
    ),
    "not utf8": after_the_upgrade(lambda q: frame(TEXT, q.encode() + b"\xff"), setup=True),
    "garbage, then the end": after_the_upgrade(
        lambda quoted: text("{" + quoted),
        lambda quoted: text('{"goAway": "' + quoted + '"}'),
        lambda quoted: text('{"goAway": "' + "x" * 170 + quoted + '"}'),
        lambda quoted: frame(PING, quoted.encode()[:125]),
        reason(1011),
        setup=True,
    ),
    "a long reason": after_the_upgrade(
        lambda quoted: close_frame(1011, (b"x" * 90 + quoted.encode())[:123]), setup=True
    ),
}


def all_of(thing):
    """Return whatever a reporter of crashes could collect of an exception or record."""
    parts = [str(thing), repr(thing), repr(getattr(thing, "__dict__", ""))]
    with contextlib.suppress(TypeError, AttributeError):
        parts.append(repr(pickle.dumps(thing)))
    if isinstance(thing, BaseException):
        # without the frames of tests: those know the secrets
        one, seen = thing, []
        while one is not None and one not in seen:
            seen.append(one)
            own = [f for f, _ in traceback.walk_tb(one.__traceback__) if _is_ours(f)]
            parts += [f"{name} = {value!r}" for f in own for name, value in f.f_locals.items()]
            parts += [str(one), repr(one), repr(one.args), repr(vars(one))]
            one = one.__cause__ or one.__context__
        parts += traceback.format_exception(type(thing), thing, thing.__traceback__)
    return "\n".join(parts)


def _is_ours(frame_):
    return "/tests/" not in frame_.f_code.co_filename


@pytest.fixture
def shown(caplog, recwarn):
    """Everything that was logged or warned of, websocket-client's own trace included."""
    caplog.set_level(logging.DEBUG)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    websocket.enableTrace(True, handler)
    warnings.simplefilter("always")
    yield lambda: "\n".join(
        [caplog.text, stream.getvalue(), *(repr(r.args) + repr(r.__dict__) for r in caplog.records)]
        + [str(one.message) for one in recwarn]
    )
    websocket.enableTrace(False)
    logging.getLogger("websocket").removeHandler(handler)


def client_of(who, base_url, **options):
    given, secrets = WHO[who]
    http_options = {"base_url": base_url, **given.get("http_options", {})}
    return livesdk.Client(**{**given, "http_options": http_options, **options}), secrets


def fail(client):
    """Connect and use the session until it fails; return all that was raised or told."""
    told = []
    callbacks = {"onerror": told.append, "onclose": told.append}
    try:
        session = client.live.connect("m", None, callbacks, timeout=0.5)
    except livesdk.LiveError as error:
        return [*told, error]
    told.append(session.wait_closed(10))
    try:
        session.send_client_content("x")
    except livesdk.LiveError as error:
        told.append(error)
    return [*told, session, session.stats]


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("who", WHO)
def test_no_failure_shows_a_secret(shown, tally, who, how):
    requests = []

    def talk(peer):
        try:
            FAILURES[how](peer)
        finally:
            requests.append(peer.request)

    with RawServer(talk) as server:
        client, secrets = client_of(who, f"http://127.0.0.1:{server.port}")
        things = fail(client)
        server.release()
    for secret in secrets:
        assert secret in requests[0]  # it was there to be shown
    text_ = "\n".join([*map(all_of, things), shown(), repr(client), repr(vars(client))])
    for secret in secrets:
        assert secret not in text_
        assert "SENTINEL" not in text_.replace(secret, "")  # nor a part of it
        assert secret not in requests[0].split("\r\n")[0]  # not in the URL
    tally("ways to fail tried")


@pytest.mark.parametrize("where", ["dns", "tcp", "tls", "proxy"])
@pytest.mark.parametrize("who", WHO)
def test_no_failure_on_the_way_shows_a_secret(shown, tally, monkeypatch, who, where):
    if where == "dns":
        monkeypatch.setattr(socket, "getaddrinfo", _unknown)

    def proxy(peer):
        quoted = peer.read_request()
        peer.send(f"HTTP/1.1 407 {quoted}\r\n{quoted}\r\n\r\n".encode())

    with RawServer(proxy) as server:
        base_url, options = f"http://127.0.0.1:{server.port}", {}
        if where == "tcp":
            base_url = "http://127.0.0.1:1"
        if where == "tls":
            base_url = base_url.replace("http", "https")
        if where == "proxy":
            base_url = "https://a.test"
            options = {"proxy": f"http://me:{PASSWORD}@127.0.0.1:{server.port}"}
        client, secrets = client_of(who, base_url, **options)
        [error] = fail(client)
    assert isinstance(error, (livesdk.ConnectError, livesdk.LiveTimeout))
    text_ = "\n".join([all_of(error), shown(), repr(client)])
    for secret in (*secrets, PASSWORD):
        assert secret not in text_
    tally("ways to fail tried")


def _unknown(*_):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_the_project_in_a_servers_words_stays():
    talk = after_the_upgrade(
        lambda _: close_frame(1008, b"quota of my-billing-project"), setup=True
    )
    with RawServer(talk) as server:
        credentials = Credentials()
        credentials.quota_project_id = "my-billing-project"
        client = livesdk.Client(
            vertexai=True,
            project="p",
            location="global",
            credentials=credentials,
            http_options={"base_url": f"http://127.0.0.1:{server.port}"},
        )
        *_, info, _ = client, client.live.connect("m").wait_closed(5), None
    assert info.reason == "quota of my-billing-project"


@pytest.mark.parametrize("who", WHO)
def test_what_holds_a_secret_refuses_to_be_pickled(who):
    client, secrets = client_of(who, "http://127.0.0.1:1")
    model = livesdk.LiveGenerativeModel(client, "m")
    things = [client, client.live, client.live.music, client.auth_tokens, client._access, model]
    for thing in (*things, WHO[who][0].get("firebase")):
        if thing is not None:
            with pytest.raises(TypeError, match="holds a key"):
                pickle.dumps(thing)
    assert secrets
