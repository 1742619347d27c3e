"""No key, token or password in a log, a repr, an exception, a traceback or a pickle."""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import traceback

import pytest
import websocket
from session.rig import CONFIG, MODEL, client_for

import livesdk
from livesdk.emulator import BadJson, Close, HttpStatus, RefuseSetup, Scenario, SilentUpgrade

KEY = "AIza-very-secret-key"
HEADER = "header-very-secret"
PASSWORD = "hunter2"
SPOKEN = "WhatTheUserSaidIsNobodysBusiness"


def everything_about(error):
    """What any tool could print of an exception, the variables of its frames included."""
    text = [str(error), repr(error), repr(vars(error)), repr(error.args)]
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    text += list(shown.format())
    with contextlib.suppress(Exception):  # not everything can be pickled
        text.append(repr(pickle.dumps(error)))
    return "\n".join(text)


@pytest.fixture
def log(caplog):
    """All that is logged, also by the library below at its most talkative."""
    caplog.set_level(logging.DEBUG)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    websocket.enableTrace(True, handler=handler)
    yield lambda: caplog.text + stream.getvalue()
    websocket.enableTrace(False)
    logging.getLogger("websocket").removeHandler(handler)


def client_with_secrets(server, **options):
    options.setdefault(
        "http_options", {"base_url": server.base_url, "headers": {"x-secret": HEADER}}
    )
    return client_for(server, api_key=KEY, **options)


@pytest.mark.parametrize(
    "opening",
    [
        HttpStatus(403, "Forbidden."),
        HttpStatus(302, headers={"Location": "https://example.com/"}),
        RefuseSetup(1007, "API key not valid."),
        RefuseSetup(1011, "Internal error."),
        SilentUpgrade(),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_failed_connect_shows_no_secret(serve, log, opening, tls):
    emulator = serve(Scenario(openings=[opening]), tls=tls)
    client = client_with_secrets(emulator)
    with pytest.raises(livesdk.LiveError) as caught:
        client.live.connect(MODEL, CONFIG, timeout=1.0)
    shown = everything_about(caught.value) + log() + repr(client)
    assert KEY not in shown
    assert HEADER not in shown
    assert emulator.connections[0].headers["x-goog-api-key"] == KEY  # it was there to be shown


def test_a_port_that_nobody_listens_on_shows_no_secret(serve, log):
    emulator = serve()
    client = client_with_secrets(emulator)
    emulator.stop()
    with pytest.raises(livesdk.ConnectError) as caught:
        client.live.connect(MODEL, CONFIG)
    shown = everything_about(caught.value) + log()
    assert KEY not in shown
    assert HEADER not in shown


def test_a_proxys_password_is_not_shown(serve, log):
    client = client_with_secrets(serve(), proxy=f"http://user:{PASSWORD}@127.0.0.1:1")
    with pytest.raises(livesdk.ConnectError) as caught:
        client.live.connect(MODEL, CONFIG)
    assert PASSWORD not in everything_about(caught.value) + log() + repr(client)


def test_an_access_token_is_not_shown(serve, log):
    class Credentials:
        token = KEY
        valid = True

        def refresh(self, _):
            """Nothing to do."""

    emulator = serve(Scenario(openings=[HttpStatus(401, "Nope.")]))
    client = livesdk.Client(
        vertexai=True,
        project="p",
        location="global",
        credentials=Credentials(),
        http_options={"base_url": emulator.base_url},
    )
    with pytest.raises(livesdk.AuthenticationError) as caught:
        client.live.connect(MODEL, CONFIG)
    assert emulator.connections[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in everything_about(caught.value) + log() + repr(client)


def test_a_conversation_shows_no_secret_and_no_payload(serve, log, connect):
    emulator = serve()
    client = client_with_secrets(emulator)

    def onmessage(message):
        if message.text:
            raise ValueError("a callback's own words")

    session = client.live.connect(MODEL, CONFIG, {"onmessage": onmessage})
    session.ask(SPOKEN)
    emulator.inject(BadJson(), Close(1011, "Internal error"))
    info = session.wait_closed(5)
    with pytest.raises(livesdk.SessionClosed) as caught:
        session.send_client_content(SPOKEN)
    shown = everything_about(caught.value) + repr(info) + repr(session) + repr(client) + log()
    assert KEY not in shown
    assert HEADER not in shown
    assert SPOKEN not in log()


def test_what_holds_a_secret_is_not_pickled_with_it(serve):
    client = client_with_secrets(serve())
    for thing in (client, client.live, client.live.music, client.auth_tokens):
        try:
            data = pickle.dumps(thing)
        except Exception:  # noqa: BLE001  # pickle raises as it likes
            continue
        assert KEY.encode() not in data
        assert HEADER.encode() not in data


def test_reprs_of_what_users_make_show_no_secret():
    options = livesdk.HttpOptions(headers={"authorization": HEADER})
    firebase = livesdk.FirebaseOptions(
        project="p", api_key=KEY, app_check_token=HEADER, auth_token=HEADER
    )
    shown = repr(options) + repr(firebase) + repr(livesdk.LiveConnectConfig(http_options=options))
    assert KEY not in shown
    assert HEADER not in shown


def test_an_excerpt_is_short(connect, raw):
    def mumble(peer):
        peer.open()
        peer.send(b'{"serverContent": "' + b"x" * 10_000)
        peer.read_all()

    errors = []
    session = connect(raw(script=mumble), {"onerror": errors.append})
    assert not session.wait_ended(0.2)
    assert len(errors[0].excerpt) <= 230
    assert len(str(errors[0])) <= 400


@pytest.mark.parametrize(
    "made",
    [
        livesdk.SessionResumptionConfig(handle="sentinel"),
        livesdk.LiveServerSessionResumptionUpdate(new_handle="sentinel", resumable=True),
        livesdk.LiveConnectConfig(
            session_resumption=livesdk.SessionResumptionConfig(handle="sentinel")
        ),
    ],
    ids=lambda made: type(made).__name__,
)
def test_a_handle_does_not_show(made):
    assert "sentinel" not in repr(made)
    assert "<hidden>" in repr(made)


def test_that_there_is_no_handle_shows():
    update = livesdk.LiveServerSessionResumptionUpdate(new_handle="", resumable=False)
    assert "new_handle=''" in repr(update)
