"""Connecting: one deadline, one exception a cause, nothing lost and nothing left behind."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings

import pytest
from session.rig import CONFIG, MODEL, SETUP_COMPLETE, Heard, client_for, our_threads, say
from waiting import Caught, descriptors, settled, within

import livesdk
from livesdk.emulator import (
    Drop,
    HttpStatus,
    RefuseSetup,
    Scenario,
    Send,
    SetupReply,
    SilentSetup,
    SilentUpgrade,
)

NO_TIME = 0.3
SOON = 3.0  # what a deadline of NO_TIME comes to on a busy machine


def refused(connect, server, **options):
    """Connect, which must fail, and leave nothing; return the exception."""
    before = descriptors()
    heard = Heard()
    with within(SOON + options.get("timeout", 0)), pytest.raises(livesdk.LiveError) as caught:
        connect(server, heard.callbacks(), **options)
    assert settled(lambda: our_threads() == [])
    assert settled(lambda: descriptors() <= before)
    assert heard.kinds == []  # connect() raises, and that is all
    return caught.value


# ----------------------------------------------------------------------------------- no connection


def test_a_port_that_nobody_listens_on(connect, serve):
    emulator = serve()
    client = client_for(emulator)
    emulator.stop()
    with pytest.raises(livesdk.ConnectError) as caught:
        client.live.connect(MODEL, CONFIG)
    error = caught.value
    assert isinstance(error, ConnectionError)
    assert (error.phase, error.status, error.hint) == ("tcp", None, "nothing listens there")


def test_a_name_that_is_not_known(connect, serve, monkeypatch):
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = refused(connect, serve())
    assert isinstance(error, livesdk.ConnectError)
    assert error.phase == "dns"


def test_a_look_up_that_hangs_holds_up_nobody(connect, serve, monkeypatch):
    emulator = serve()
    gate, asked = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slow(*arguments: object, **named: object) -> object:
        asked.set()
        gate.wait(10)
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    before = descriptors()
    with within(SOON), pytest.raises(livesdk.LiveTimeout) as caught:
        connect(emulator, timeout=NO_TIME)
    assert caught.value.phase == "dns"
    assert isinstance(caught.value, TimeoutError)
    assert asked.is_set()
    gate.set()
    assert settled(lambda: not our_threads())
    assert settled(lambda: descriptors() <= before)
    assert emulator.connections == []  # too late, so nothing was dialled


def test_credentials_that_hang_are_named(connect, serve):
    gate = threading.Event()

    class Credentials:
        token = ""
        valid = False

        def refresh(self, _: object) -> None:
            gate.wait(10)

    emulator = serve()
    client = livesdk.Client(
        vertexai=True,
        project="p",
        location="global",
        credentials=Credentials(),
        http_options={"base_url": emulator.base_url},
    )
    with within(SOON), pytest.raises(livesdk.LiveTimeout) as caught:
        client.live.connect(MODEL, timeout=NO_TIME)
    assert caught.value.phase == "credentials"
    gate.set()
    assert settled(lambda: not our_threads())


@pytest.mark.parametrize(
    ("status", "kind", "words_of_hint"),
    [
        (400, livesdk.ConnectError, "API version"),
        (401, livesdk.AuthenticationError, "credential"),
        (403, livesdk.AuthenticationError, "credential"),
        (404, livesdk.ConnectError, "path"),
        (429, livesdk.ConnectError, "quota"),
        (503, livesdk.ConnectError, "overloaded"),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_an_http_status_with_the_servers_words(connect, serve, status, kind, words_of_hint, tls):
    emulator = serve(Scenario(openings=[HttpStatus(status, "Something is wrong.")]), tls=tls)
    error = refused(connect, emulator)
    assert type(error) is kind
    assert (error.phase, error.status) == ("upgrade", status)
    assert "Something is wrong." in str(error)
    assert words_of_hint in error.hint


def test_a_redirect_is_refused_and_nothing_follows_it(connect, serve):
    other = serve()
    fault = HttpStatus(302, headers={"Location": other.base_url})
    error = refused(connect, serve(Scenario(openings=[fault])))
    assert (error.phase, error.status) == ("upgrade", 302)
    assert other.connections == []


def test_a_certificate_that_is_not_trusted(connect, serve):
    emulator = serve(tls=True)
    context = ssl.create_default_context()
    error = refused(connect, emulator, ssl_context=context, ca_file=None)
    assert isinstance(error, livesdk.ConnectError)
    assert error.phase == "tls"
    assert "ca_file" in error.hint
    assert connect(emulator).ask("Hello").text


# --------------------------------------------------------------------------------------- deadlines


def test_a_server_that_never_speaks_tls(connect, raw):
    # not read_all(): what TLS says is no frame, and may announce one of exabytes
    server = raw(upgrade=False, script=lambda peer: peer._exactly(1 << 20))
    options = {"base_url": f"https://127.0.0.1:{server.port}"}
    error = refused(connect, server, http_options=options, timeout=NO_TIME)
    assert isinstance(error, livesdk.LiveTimeout)
    assert error.phase == "tls"


@pytest.mark.parametrize(
    ("fault", "phase"), [(SilentUpgrade(), "upgrade"), (SilentSetup(), "setup")]
)
@pytest.mark.parametrize("tls", [False, True])
def test_silence_ends_with_the_deadline_and_its_phase(connect, serve, fault, phase, tls):
    error = refused(connect, serve(Scenario(openings=[fault]), tls=tls), timeout=NO_TIME)
    assert isinstance(error, livesdk.LiveTimeout)
    assert error.phase == phase


def test_endless_frames_before_the_setup_end_with_the_deadline(connect, raw):
    def chatter(peer):
        peer.read()
        while True:
            peer.send(say("and another thing, "))
            threading.Event().wait(0.001)  # else it is too much before it is too long

    error = refused(connect, raw(script=chatter), timeout=NO_TIME)
    assert isinstance(error, livesdk.LiveTimeout)
    assert error.phase == "setup"


def test_too_much_before_the_setup_is_too_much(connect, raw):
    def flood(peer):
        peer.read()
        for _ in range(40):
            peer.send(say("x" * 1_000_000))
        peer.read_all()

    error = refused(connect, raw(script=flood), timeout=20)
    assert isinstance(error, livesdk.SetupError)
    assert error.code == 1009


def test_the_timeout_of_the_client_is_in_milliseconds(connect, serve):
    emulator = serve(Scenario(openings=[SilentSetup()]))
    client = client_for(
        emulator, http_options={"base_url": emulator.base_url, "timeout": NO_TIME * 1000}
    )
    with within(SOON), pytest.raises(livesdk.LiveTimeout):
        client.live.connect(MODEL, CONFIG)


# ---------------------------------------------------------------------------- the setup is refused


@pytest.mark.parametrize(
    ("code", "reason", "hint"),
    [
        (1007, "Request contains an invalid argument.", "not known to this model"),
        (1007, "Cannot extract voices from a non-audio request.", "AUDIO only"),
        (1007, "User location is not supported for the API use.", "where this program runs"),
        (1008, "models/m is not found for API version v1beta", "api_version"),
        (1011, "You exceeded your current quota", "billing"),
        (1011, "Internal error encountered.", "out of order"),
        (1008, "x" * 123, None),
    ],
)
def test_a_close_before_the_setup_says_code_reason_and_hint(connect, serve, code, reason, hint):
    error = refused(connect, serve(Scenario(openings=[RefuseSetup(code, reason)])))
    assert type(error) is livesdk.SetupError
    assert (error.code, error.reason) == (code, reason)
    assert str(code) in str(error)
    assert reason in str(error)
    assert (hint in error.hint) if hint else (error.hint is None)
    assert ("cut at 123 bytes" in str(error)) is (len(reason) == 123)


@pytest.mark.parametrize(
    "reason",
    [
        "API key not valid. Please pass a valid API key.",
        "API key expired. Please renew the API key.",
        "Your API key was reported as leaked.",
        "auth_tokens/x: token expired",
    ],
)
def test_a_close_that_names_the_key_is_both_errors(connect, serve, reason):
    error = refused(connect, serve(Scenario(openings=[RefuseSetup(1007, reason)])))
    assert isinstance(error, livesdk.SetupError)
    assert isinstance(error, livesdk.AuthenticationError)
    assert isinstance(error, livesdk.ServiceConnectionHandshakeFailedException)
    assert (error.code, error.reason, error.phase, error.status) == (1007, reason, "setup", None)
    assert error.hint


def test_a_wrong_key_of_the_emulator(connect, serve):
    error = refused(connect, serve(api_keys=["right"]), api_key="wrong")
    assert isinstance(error, livesdk.SetupAuthenticationError)
    assert connect(serve(api_keys=["right"]), api_key="right").ask("Hello").text


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_lost_before_the_setup_is_1006(connect, raw, reset):
    def leave(peer):
        peer.read()
        if reset:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    error = refused(connect, raw(script=leave))
    assert isinstance(error, livesdk.SetupError)
    assert error.code == 1006


def test_bad_json_before_the_setup_ends_connect(connect, raw):
    def mumble(peer):
        peer.read()
        peer.send(b'{"setupComplete": ')
        peer.read_all()

    error = refused(connect, raw(script=mumble))
    assert isinstance(error, livesdk.DecodeError)
    assert error.excerpt


# ----------------------------------------------------------------------- what comes with the setup


def answers(*frames):
    """Answer the setup with these frames, the last of which completes it."""

    def script(peer):
        peer.read()
        for frame in frames:
            peer.send(frame)
        peer.read_all()

    return script


def test_frames_before_the_setup_are_kept_and_delivered_after_it(connect, raw):
    frames = [say("one "), say("two "), SETUP_COMPLETE, say("three")]
    heard = Heard()
    connect(raw(script=answers(*frames)), heard.callbacks())
    heard.wait("message", 4)
    first, *rest = heard.all("message")
    assert first.setup_complete is not None
    assert [message.text for message in rest] == ["one ", "two ", "three"]

    messages = connect(raw(script=answers(*frames))).receive()
    assert [next(messages).text for _ in range(3)] == ["one ", "two ", "three"]


def test_what_stands_beside_setup_complete_is_delivered_as_well(connect, raw):
    whole = {"setupComplete": {}, **say("Welcome.")}
    session = connect(raw(script=answers(whole, say("And?"))))
    messages = session.receive()
    assert [next(messages).text for _ in range(2)] == ["Welcome.", "And?"]


def test_a_session_shows_its_number_and_its_state(connect, serve):
    session = connect(serve())
    number = session._connection.number
    assert repr(session) == f"<livesdk.Session {number} open>"
    session.close()
    assert repr(session) == f"<livesdk.Session {number} closed>"


@pytest.mark.parametrize("reply", [{"setupComplete": {}}, {"setupComplete": None}])
def test_setup_complete_is_known_once_connect_returns(connect, serve, reply):
    emulator = serve(Scenario(openings=[SetupReply(reply)] * 20))
    for _ in range(20):
        session = connect(emulator)
        assert session.setup_complete is not None
        session.close()


def test_the_session_id_is_known_once_connect_returns(connect, serve):
    emulator = serve(Scenario(setup_complete={"sessionId": "s-1"}))
    session = connect(emulator)
    assert session.session_id == "s-1"
    assert session.setup_complete.session_id == "s-1"


@pytest.mark.parametrize("reply", [{"setupComplete": {}}, {"setupComplete": None}])
def test_receive_starts_after_setup_complete_and_onmessage_with_it(connect, serve, reply):
    opening = [SetupReply(reply), Send(say("Hello"))]
    heard = Heard()
    emulator = serve(Scenario(openings=[opening, opening]))
    connect(emulator, heard.callbacks())
    assert "setupComplete" in heard.wait("message").raw
    assert heard.wait("message", 2).text == "Hello"
    assert next(connect(emulator).receive()).text == "Hello"


def test_a_second_setup_complete_is_a_message(connect, serve):
    again = [Send({"setupComplete": {}}), Send(say("Hello"))]
    heard = Heard()
    emulator = serve(Scenario(openings=[again, again]))
    connect(emulator, heard.callbacks())
    heard.wait("message", 3)
    assert [message.setup_complete is not None for message in heard.all("message")] == [
        True,
        True,
        False,
    ]
    messages = connect(emulator).receive()
    assert next(messages).setup_complete is not None
    assert next(messages).text == "Hello"


def test_an_error_object_before_the_setup_is_a_message(connect, raw):
    heard = Heard()
    frames = [{"error": {"code": 500, "message": "Odd."}}, {"novelty": 1}, SETUP_COMPLETE]
    connect(raw(script=answers(*frames)), heard.callbacks())
    heard.wait("message", 3)
    assert [list(message.raw) for message in heard.all("message")] == [
        ["setupComplete"],
        ["error"],
        ["novelty"],
    ]


def test_the_words_of_an_error_object_are_told_when_nothing_better_is(connect, raw):
    words = {"error": {"code": 400, "message": "API key not valid."}}

    def refuse(peer):
        peer.read()
        peer.send(words)
        peer.close(1007)

    error = refused(connect, raw(script=refuse))
    assert isinstance(error, livesdk.SetupAuthenticationError)
    assert error.reason == "API key not valid."

    error = refused(connect, raw(script=answers(words)), timeout=NO_TIME)
    assert isinstance(error, livesdk.LiveTimeout)
    assert "API key not valid." in str(error)


# ------------------------------------------------------------------------- refused before dialling


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"config": {"response_modalities": "TEXT"}}, "response_modalities"),
        ({"config": {"temprature": 1}}, "temperature"),
        ({"config": {"tools": "search"}}, "tools"),
        ({"config": {"explicit_vad_signal": True}}, "explicit_vad_signal"),
        ({"config": []}, "config"),
        ({"model": ""}, "model"),
        ({"model": "a?b"}, "model"),
        ({"model": None}, "model"),
        ({"callbacks": {"onmesage": print}}, "onmesage"),
        ({"callbacks": {"onMessage": print}}, "onMessage.*did you mean 'onmessage'"),
        ({"callbacks": {"onmessage": "print"}}, "onmessage"),
        ({"callbacks": {"dispatch": "somewhere"}}, "dispatch"),
        ({"callbacks": print}, "callbacks"),
        ({"callback_errors": "ignore"}, "callback_errors"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"timeout": "1"}, "timeout"),
        ({"config": {"http_options": {"timeout": 5}}}, "timeout"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_dialled(serve, arguments, words):
    emulator = serve()
    client = client_for(emulator)
    before = descriptors()
    with pytest.raises(livesdk.ConfigError, match=words) as caught:
        client.live.connect(**{"model": MODEL, "config": CONFIG, **arguments})
    assert isinstance(caught.value, ValueError)
    assert descriptors() == before
    assert our_threads() == []
    assert emulator.connections == []


FIREBASE = livesdk.FirebaseOptions(project="p", api_key="k")


@pytest.mark.parametrize(
    "arguments",
    [
        {"ping_interval": 0},
        {"liveness_timeout": float("nan")},
        {"max_message_bytes": 0},
        {"max_message_bytes": 1.5},
        {"ca_file": "/no/such/file"},
        {"ssl_context": "default"},
        {"http_options": {"base_url": "ftp://example.com"}},
        {"http_options": {"timeout": 0}},
        {"http_options": {"timeout": -5}},
        {"firebase": FIREBASE},
        {"firebase": FIREBASE, "api_key": None, "vertexai": True},
        {"firebase": FIREBASE, "api_key": None, "project": "p"},
        {"firebase": FIREBASE, "api_key": None, "credentials": object()},
    ],
)
def test_a_client_with_a_wrong_argument_is_none(arguments):
    with pytest.raises(livesdk.ConfigError):
        livesdk.Client(**{"api_key": "any", **arguments})


@pytest.mark.parametrize(
    ("model", "config", "words"),
    [
        ("gemini-3.8-live", {"response_modalities": ["TEXT"]}, "response_modalities"),
        ("gemini-3.8-live", {"thinking_config": {"thinking_budget": 1}}, "thinking_config"),
        ("gemini-3.8-live", {"enable_affective_dialog": True}, "enable_affective_dialog"),
        ("gemini-3.8-live", {"proactivity": {"proactive_audio": False}}, "proactive_audio"),
        ("gemini-2.0-flash-live-001", {}, "shut down"),
        ("anything", {"response_modalities": ["TEXT", "AUDIO"]}, "one modality"),
    ],
)
def test_what_a_family_is_known_to_refuse_is_warned_about_before_dialling(
    serve, model, config, words
):
    emulator = serve()
    client = client_for(emulator)
    with pytest.warns(UserWarning, match=words) as caught, contextlib.suppress(livesdk.SetupError):
        client.live.connect(model, config).close()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=words):
            client.live.connect(model, config)
    assert len(emulator.connections) == 1


def test_an_unknown_model_passes_untouched(serve):
    emulator = serve()
    client_for(emulator).live.connect("models/of-tomorrow", CONFIG).close()
    assert emulator.frames[0]["setup"]["model"] == "models/of-tomorrow"


def test_extra_sends_keys_newer_than_this_sdk(serve):
    emulator = serve(strict_models=False)
    config = livesdk.LiveConnectConfig(response_modalities=["TEXT"], extra={"noSuchKeyYet": 1})
    with pytest.raises(livesdk.SetupError, match="noSuchKeyYet"):  # so it was sent
        client_for(emulator).live.connect(MODEL, config)
    assert emulator.frames[0]["setup"]["noSuchKeyYet"] == 1


def test_prefix_turns_go_as_extra_and_are_known_to_the_service(serve):
    turns = [{"role": "user", "parts": [{"text": "My name is Ada"}]}]
    config = livesdk.LiveConnectConfig(response_modalities=["TEXT"], extra={"prefixTurns": turns})
    with client_for(serve()).live.connect(MODEL, config) as session:
        assert "My name is Ada" in session.ask("What did I say?").text


# ----------------------------------------------------------------------------------------- the key


def test_the_key_is_in_the_header_and_not_in_the_url(connect, serve):
    emulator = serve()
    connect(emulator, api_key="k-1")
    seen = emulator.connections[0]
    assert seen.headers["x-goog-api-key"] == "k-1"
    assert "k-1" not in seen.path
    assert seen.query == {}


def test_options_of_one_session_hold_for_that_session(serve):
    ours, other = serve(), serve()
    client = client_for(ours)
    options = {
        "base_url": other.base_url,
        "api_version": "v1alpha",
        "headers": {"x-team": "blue"},
    }
    client.live.connect(MODEL, {**CONFIG, "http_options": options}).close()
    client.live.connect(MODEL, CONFIG).close()
    assert "v1alpha" in other.connections[0].path
    assert other.connections[0].headers["x-team"] == "blue"
    assert "v1beta" in ours.connections[0].path
    assert "x-team" not in ours.connections[0].headers


def test_the_systems_certificates_can_be_named_by_the_environment(connect, serve, monkeypatch):
    emulator = serve(tls=True)
    monkeypatch.setenv("SSL_CERT_FILE", emulator.ca_file)
    assert connect(emulator, ca_file=None).ask("Hello").text


# ------------------------------------------------------------------------------------------ others


def test_a_slow_onopen_on_the_reader_does_not_fail_connect(connect, serve):
    gate = threading.Event()
    callbacks = {"onopen": lambda: gate.wait(10), "dispatch": "reader"}
    with within(SOON):
        session = connect(serve(), callbacks, timeout=NO_TIME)
    gate.set()
    assert session.ask("Hello").text


def test_a_setup_that_completes_as_connect_gives_up_is_too_late(connect, serve, monkeypatch):
    gate, late = threading.Event(), threading.Event()
    observe = livesdk.Session._observe

    def slow(session, message):  # the reader is held up between reading and opening
        late.set()
        gate.wait(10)
        observe(session, message)

    monkeypatch.setattr(livesdk.Session, "_observe", slow)
    heard = Heard()
    with within(SOON), pytest.raises(livesdk.LiveTimeout) as caught:
        connect(serve(), heard.callbacks(), timeout=NO_TIME)
    assert late.is_set()
    assert caught.value.phase == "setup"
    gate.set()
    assert settled(lambda: our_threads() == [])
    assert heard.kinds == []


def test_twenty_at_once_connect_with_one_client(serve):
    emulator = serve()
    client = client_for(emulator)
    calls = [Caught(client.live.connect, MODEL, CONFIG) for _ in range(20)]
    sessions = [call.outcome(20) for call in calls]
    assert all(session.setup_complete is not None for session in sessions)
    for session in sessions:
        session.close()


def test_a_music_session_that_fails_at_once_is_closed(serve):
    emulator = serve(Scenario(openings=[Drop(rst=True)] * 5))
    client = client_for(emulator)
    before = descriptors()
    for _ in range(5):
        # the reset may be seen while sending, while closing, or before setupComplete
        with contextlib.suppress(livesdk.SessionClosed, livesdk.SetupError):
            client.live.music.connect(config={"bpm": 100}).close()
    assert our_threads() == []
    assert settled(lambda: descriptors() <= before)


def test_no_thread_to_be_had_is_an_error_and_leaves_nothing(connect, serve, monkeypatch):
    emulator = serve()

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        before = descriptors()
        with pytest.raises(livesdk.LiveError, match="no thread"):
            connect(emulator)
        assert descriptors() == before
    assert connect(emulator).ask("Hello").text
