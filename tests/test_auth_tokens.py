"""Ephemeral tokens, made over real HTTP: Protocol §12."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest
from rawserver import Peer, RawServer
from waiting import Caught

import livesdk
from livesdk import AuthenticationError, ConfigError, ConnectError, LiveTimeout
from livesdk.emulator import Emulator


class Service(ThreadingHTTPServer):
    """Answers every request as told and remembers it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.answer: Any = {"name": "auth_tokens/t-1"}
        self.location: str | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.base_url = f"http://127.0.0.1:{self.server_address[1]}"

    def client(self, **options: Any) -> livesdk.Client:
        options.setdefault("api_key", "the-key")
        return livesdk.Client(http_options={"base_url": self.base_url}, **options)

    def body(self, config: Any) -> Any:
        """Make a token and return what was asked for."""
        self.client().auth_tokens.create(config)
        return self.seen[-1][2]


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.path, headers, body))
        self.server.hold.wait(10)
        answer = self.server.answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.hold.set()
        server.shutdown()
        thread.join(5)


# -------------------------------------------------------------------------------------- the request


def test_a_token_is_made_with_the_key_in_a_header(service):
    token = service.client().auth_tokens.create()
    assert token.name == "auth_tokens/t-1"
    [(path, headers, body)] = service.seen
    assert path == "/v1beta/auth_tokens"
    assert headers["x-goog-api-key"] == "the-key"
    assert headers["content-type"] == "application/json"
    assert body == {}


def test_the_version_and_headers_are_the_clients_or_the_calls(service):
    client = livesdk.Client(
        api_key="k", http_options={"base_url": service.base_url + "/", "api_version": "v1alpha"}
    )
    client.auth_tokens.create()
    client.auth_tokens.create({"httpOptions": {"apiVersion": "v9", "headers": {"x-a": "1"}}})
    assert [path for path, _, _ in service.seen] == ["/v1alpha/auth_tokens", "/v9/auth_tokens"]
    assert service.seen[1][1]["x-a"] == "1"


def test_a_websocket_address_serves_as_well(service):
    base_url = service.base_url.replace("http", "ws")
    livesdk.Client(api_key="k", http_options={"base_url": base_url}).auth_tokens.create()
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    ("config", "body"),
    [
        ({"uses": 0}, {"uses": 0}),
        ({"expire_time": "2026-01-01T00:00:00Z"}, {"expireTime": "2026-01-01T00:00:00Z"}),
        (
            {"newSessionExpireTime": datetime(2026, 1, 1, tzinfo=timezone.utc)},
            {"newSessionExpireTime": "2026-01-01T00:00:00Z"},
        ),
        ({"lock_additional_fields": []}, {}),
    ],
)
def test_uses_and_expiry(service, config, body):
    assert service.body(config) == body


CONFIG = {"temperature": 0.5, "session_resumption": {}, "response_modalities": ["AUDIO"]}
SETUP = {
    "model": "models/m",
    "generationConfig": {"temperature": 0.5, "responseModalities": ["AUDIO"]},
    "sessionResumption": {},
}
OWN = {"model", "generationConfig.temperature", "generationConfig.responseModalities"}
OWN |= {"sessionResumption"}


@pytest.mark.parametrize(
    ("lock", "mask"),
    [
        (None, None),
        ([], OWN),
        (["temperature"], OWN),
        (
            ["top_k", "input_audio_transcription"],
            {*OWN, "generationConfig.topK", "inputAudioTranscription"},
        ),
        (["speechConfig", "proactivity"], {*OWN, "generationConfig.speechConfig", "proactivity"}),
        (
            ["presence_penalty", "frequencyPenalty", "candidate_count"],
            {
                *OWN,
                "generationConfig.presencePenalty",
                "generationConfig.frequencyPenalty",
                "generationConfig.candidateCount",
            },
        ),
    ],
    ids=["all", "what is set", "temperature", "two more", "one within, one beside", "rare ones"],
)
def test_what_is_locked(service, lock, mask):
    constraints = {"model": "m", "config": CONFIG}
    body = service.body({"live_connect_constraints": constraints, "lock_additional_fields": lock})
    assert body["bidiGenerateContentSetup"] == SETUP
    asked = body.get("fieldMask")
    assert (None if asked is None else set(asked.split(","))) == mask
    assert asked is None or len(asked.split(",")) == len(mask)


def test_of_every_object_that_is_set_its_fields_are_locked_two_levels_deep(service):
    config = {
        "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
        "system_instruction": "Be brief.",
        "output_audio_transcription": {},
        "tools": [{"google_search": {}}],
    }
    body = service.body(
        {"live_connect_constraints": {"config": config}, "lock_additional_fields": []}
    )
    assert set(body["fieldMask"].split(",")) == {
        "realtimeInputConfig.automaticActivityDetection",
        "systemInstruction.parts",
        "systemInstruction.role",
        "outputAudioTranscription",
        "tools",
    }


def test_what_is_newer_than_this_sdk_is_sent_as_it_is(service):
    constraints = {"model": "m", "extra": {"newPart": [1]}, "config": {"extra": {"newField": {}}}}
    body = service.body(
        {"uses": 1, "extra": {"newKey": 5}, "live_connect_constraints": constraints}
    )
    setup = {"model": "models/m", "newField": {}, "newPart": [1]}
    assert body == {"uses": 1, "newKey": 5, "bidiGenerateContentSetup": setup}


def test_whatever_the_wire_has_inside_generation_config_is_locked_there(service):
    inside = {field.name for field in attrs.fields(livesdk.GenerationConfig)}
    inside -= {"extra", "response_modality"}
    constraints, lock = {"model": "m"}, [*inside, "tools", "system_instruction"]
    body = service.body({"live_connect_constraints": constraints, "lock_additional_fields": lock})
    model, *mask = body["fieldMask"].split(",")
    assert model == "model"
    assert mask[-2:] == ["tools", "systemInstruction"]
    assert [path.split(".")[0] for path in mask[:-2]] == ["generationConfig"] * len(inside)


def test_constraints_may_leave_the_model_open(service):
    body = service.body({"liveConnectConstraints": {"config": {"temperature": 0}}})
    assert body == {"bidiGenerateContentSetup": {"generationConfig": {"temperature": 0}}}


def test_the_older_name_of_the_constraints(service):
    body = service.body({"live_constrained_parameters": {"model": "m"}})
    assert body == {"bidiGenerateContentSetup": {"model": "models/m"}}


def test_the_one_object_of_the_js_client_is_taken_apart(service):
    assert service.body({"config": {"uses": 3}}) == {"uses": 3}


# ------------------------------------------------------------------------------------------ the way


def make(base_url: str, *, timeout: float = 10.0, **options: Any) -> Any:
    client = livesdk.Client(api_key="the-key", http_options={"base_url": base_url}, **options)
    return client.auth_tokens.create(timeout=timeout)


def answering(peer: Peer) -> None:
    """Answer as the service does."""
    assert peer.read_request().startswith("POST /v1beta/auth_tokens HTTP/1.1")
    content = b'{"name": "auth_tokens/far"}'
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))


def behind_socks(peer: Peer) -> None:
    peer.read(peer.read(2)[1])
    peer.send(b"\5\0")
    peer.read(4)
    assert peer.read(peer.read(1)[0] + 2) == b"a.test\0\x50"
    peer.send(b"\5\0\0\1" + bytes(6))
    answering(peer)


def behind_connect(peer: Peer) -> None:
    assert peer.read_request().startswith("CONNECT a.test:80")
    peer.send(b"HTTP/1.1 200 Here you are\r\n\r\n")
    answering(peer)


def test_no_proxy_is_asked_if_it_is_an_empty_text(service):
    assert make(service.base_url, proxy="").name == "auth_tokens/t-1"


@pytest.mark.parametrize(
    ("scheme", "talk"), [("http", behind_connect), ("socks5h", behind_socks)], ids=["http", "socks"]
)
def test_a_token_is_made_through_the_proxies_of_sessions(scheme, talk):
    with RawServer(talk) as server:
        proxy = f"{scheme}://localhost:{server.port}"
        assert make("http://a.test", proxy=proxy).name == "auth_tokens/far"


def test_the_environment_names_the_proxy_as_for_sessions(monkeypatch):
    with RawServer(behind_connect) as server:
        monkeypatch.setenv("ALL_PROXY", f"http://localhost:{server.port}")
        assert make("http://a.test").name == "auth_tokens/far"


@pytest.mark.requires("emulator")
def test_a_token_is_made_over_tls():
    from livesdk.emulator.tls import Certificates  # the package is an extra

    certificates = Certificates.make("localhost")

    def talk(peer: Peer) -> None:
        peer.sock = certificates.context.wrap_socket(peer.sock, server_side=True)
        with peer.sock:
            answering(peer)

    try:
        with RawServer(talk) as server:
            base_url = f"https://localhost:{server.port}"
            assert make(base_url, ca_file=str(certificates.ca_file)).name == "auth_tokens/far"
            with pytest.raises(ConnectError, match="not trusted") as caught:
                make(base_url)
    finally:
        certificates.remove()
    assert caught.value.phase == "tls"


# ---------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    "config",
    [
        {"uses": "1"},
        {"bogus": 1},
        {"expire_time": 5},
        {"live_connect_constraints": {"config": {"temperature": "hot"}}},
        {"live_connect_constraints": {"config": {"explicit_vad_signal": True}}},
        {"live_connect_constraints": {"config": {"http_options": {}}}},
        {"lock_additional_fields": "temperature"},
        {"http_options": {"timeout": 5}},
        {"config": {"bogus": 1}},
        {"config": {}, "uses": 1},
    ],
    ids=repr,
)
def test_a_wrong_config_is_refused_before_anything_is_sent(service, config):
    with pytest.raises(ConfigError):
        service.client().auth_tokens.create(config)
    assert service.seen == []


def test_only_a_key_of_the_developer_api_makes_tokens(service):
    others: list[dict[str, Any]] = [
        {"api_key": "auth_tokens/t"},
        {"vertexai": True},
        {"api_key": None, "firebase": livesdk.FirebaseOptions(project="f", api_key="k")},
    ]
    for options in others:
        with pytest.raises(ConfigError):
            service.client(**options).auth_tokens.create()
    assert service.seen == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ConnectError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (503, ConnectError),
    ],
)
def test_a_refusal_carries_status_and_words(service, status, kind):
    service.status = status
    service.answer = {"error": {"code": status, "message": "no such luck", "status": "X"}}
    with pytest.raises(ConnectError, match="no such luck") as caught:
        service.client().auth_tokens.create()
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "the-key" not in str(caught.value)


def test_a_key_that_is_none_is_an_authentication_error_though_http_says_400(service):
    service.status = 400
    service.answer = {"error": {"code": 400, "message": "API key not valid. Pass a valid one."}}
    with pytest.raises(AuthenticationError, match="not valid") as caught:
        service.client().auth_tokens.create()
    assert (caught.value.status, caught.value.phase) == (400, "auth_tokens")
    assert caught.value.hint is not None


@pytest.mark.parametrize("answer", [b"<html>", [], {"error": 5}, {"error": {"message": None}}])
def test_a_refusal_without_words_is_one_all_the_same(service, answer):
    service.status, service.answer = 404, answer
    with pytest.raises(ConnectError, match="404"):
        service.client().auth_tokens.create()


@pytest.mark.parametrize("answer", [[], {}, {"name": 5}, None])
def test_an_answer_without_a_token_is_an_error(service, answer):
    service.answer = answer
    with pytest.raises(ConnectError, match="the answer names no token"):
        service.client().auth_tokens.create()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>", "not JSON"),
        (b"", "not JSON"),
        (b'{"name": "auth_tokens/t"', "not JSON"),
        (b'{"name": "\xff"}', "not JSON: not UTF-8 at byte 10"),
        (b'{"name": "t", "more": ' + b"[" * 100_000, "nested too deeply"),
    ],
    ids=["html", "empty", "cut off", "no UTF-8", "deep"],
)
def test_an_answer_that_cannot_be_read_is_an_error(service, answer, words):
    service.answer = answer
    with pytest.raises(ConnectError, match=f"the answer is {words}") as caught:
        service.client().auth_tokens.create()
    assert caught.value.phase == "auth_tokens"
    assert "auth_tokens/t" not in str(caught.value)


def test_a_redirect_does_not_take_the_key_along(service):
    service.status, service.location = 302, f"{service.base_url}/elsewhere"
    with pytest.raises(ConnectError, match="302"):
        service.client().auth_tokens.create()
    assert len(service.seen) == 1


def test_an_answer_that_is_no_http_is_a_connect_error():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"MQTT says hello\r\n\r\n")

        answering = Caught(answer)
        base_url = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = livesdk.Client(api_key="k", http_options={"base_url": base_url})
        with pytest.raises(ConnectError):
            client.auth_tokens.create(timeout=5)
        answering.result()


def test_no_answer_in_time_is_a_timeout(service):
    service.hold.clear()
    with pytest.raises(LiveTimeout) as caught:
        service.client().auth_tokens.create(timeout=0.05)
    assert caught.value.phase == "auth_tokens"


def test_an_answer_that_drips_is_a_timeout_as_well():
    def drip(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        peer.drip(b" " * 1000, 0.02)

    started = time.monotonic()
    with RawServer(drip) as server, pytest.raises(LiveTimeout) as caught:
        make(f"http://localhost:{server.port}", timeout=0.2)
    assert caught.value.phase == "auth_tokens"
    assert time.monotonic() - started < 2


def test_a_look_up_that_hangs_is_a_timeout_as_well(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: gate.wait(10) and [])
    try:
        with pytest.raises(LiveTimeout) as caught:
            make("http://a.test", timeout=0.05)
    finally:
        gate.set()
    assert caught.value.phase == "dns"


@pytest.mark.parametrize("timeout", ["x", True, float("nan")])
def test_a_timeout_is_a_number(service, timeout):
    with pytest.raises(ConfigError, match="timeout"):
        make(service.base_url, timeout=timeout)
    assert service.seen == []


def test_nobody_there_is_a_connect_error():
    with Service() as gone:
        base_url = gone.base_url
    client = livesdk.Client(api_key="the-key", http_options={"base_url": base_url})
    with pytest.raises(ConnectError) as caught:
        client.auth_tokens.create()
    assert caught.value.phase == "tcp"
    assert "the-key" not in str(caught.value)


def test_an_unknown_host_is_told_as_of_sessions(monkeypatch):
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectError, match="not known") as caught:
        make("http://a.test")
    assert caught.value.phase == "dns"


# ---------------------------------------------------------------------------------------- the token


def test_a_token_does_not_show_itself(service):
    token = service.client().auth_tokens.create()
    assert "t-1" not in repr(token)


@pytest.mark.requires("emulator")
def test_a_token_opens_a_session_where_a_key_does():
    with Emulator(voice="tones", api_keys=["auth_tokens/t-1"]) as emulator:
        client = livesdk.Client(
            api_key="auth_tokens/t-1", http_options={"base_url": emulator.base_url}
        )
        client.live.connect(model="gemini-3.8-live").close()
        [connection] = emulator.connections
    assert connection.path.endswith("v1beta.GenerativeService.BidiGenerateContentConstrained")
    headers = {name.lower(): value for name, value in connection.headers.items()}
    assert headers["authorization"] == "Token auth_tokens/t-1"
    assert "x-goog-api-key" not in headers
    assert not connection.query
