"""Ephemeral tokens: made over plain HTTP, and what they are good for (Protocol §12)."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

import pytest
from emulator.phone import GEMINI, Phone

import livesdk
from livesdk.emulator import Drop, Emulator, HttpStatus, Scenario, tokens

_PATH = "/v1beta/auth_tokens"
_KEY = {"x-goog-api-key": "any"}
_REFUSED = (1008, "Ephemeral auth token is missing, invalid or expired.")
_TEXT = {"model": "models/m", "generationConfig": {"responseModalities": ["TEXT"]}}


def _ask(
    emulator: Emulator,
    body: Any = None,
    *,
    method: str = "POST",
    path: str = _PATH,
    headers: dict[str, str] = _KEY,
) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    line = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=5)
    try:
        line.request(method, path, content, headers)
        answer = line.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        line.close()


def _make(emulator: Emulator, **body: Any) -> str:
    status, answer = _ask(emulator, body)
    assert status == 200, answer
    return str(answer["name"])


def _call(dial: Any, emulator: Emulator, token: str, **setup: Any) -> Phone:
    caller = dial(emulator, f"{GEMINI}Constrained?access_token={token}")
    caller.send({"setup": {**_TEXT, **setup}})
    return caller


def _at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move the tokens' clock so far ahead."""
    monkeypatch.setattr(tokens, "_now", lambda: time.time() + seconds)


# ---------------------------------------------------------------------------------------- making


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_client_makes_a_token_and_uses_it(emulate, tls):
    emulator = emulate(tls=tls, api_keys={"key"})
    where = {"http_options": {"base_url": emulator.base_url}}
    if tls:
        where["ca_file"] = emulator.ca_file
    token = livesdk.Client(api_key="key", **where).auth_tokens.create()
    with livesdk.Client(api_key=token.name, **where).live.connect(model="m") as session:
        assert session.ask("Hello").audio
    [connection] = emulator.connections  # making the token was none
    assert connection.headers["authorization"] == f"Token {token.name}"


def test_names_are_secrets_of_their_own(emulate):
    emulator = emulate()
    names = {_make(emulator) for _ in range(10)}
    assert len(names) == 10
    assert all(name.startswith("auth_tokens/") and len(name) > 40 for name in names)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1alpha/auth_tokens", _KEY),
        ("//v1beta/auth_tokens", _KEY),
        ("/gateway/v1beta/auth_tokens", _KEY),
        (f"{_PATH}?key=any", {}),
    ],
)
def test_tokens_are_made_where_the_service_makes_them(emulate, path, headers):
    assert _ask(emulate(), path=path, headers=headers)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 403, "unregistered callers"),
        ({"x-goog-api-key": "wrong"}, 400, "API key not valid"),
        ({"x-goog-api-key": "auth_tokens/t"}, 400, "API key not valid"),
    ],
)
def test_making_a_token_takes_a_key_that_counts(emulate, headers, status, words):
    code, answer = _ask(emulate(api_keys={"right", "auth_tokens/t"}), headers=headers)
    assert (code, answer["error"]["code"]) == (status, status)
    assert words in answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        pytest.param(b"[" * 20_000, id="deep"),
        [1],
        {"liveConnectConstraints": {}},
        {"uses": -1},
        {"uses": "one"},
        {"uses": True},
        {"expireTime": "tomorrow"},
        {"expireTime": "2026-13-01T00:00:00Z"},
        {"newSessionExpireTime": "2999-01-01T00:00:00Z"},
        {"bidiGenerateContentSetup": []},
        {"bidiGenerateContentSetup": {"modle": "models/m"}},
        {"fieldMask": ["model"]},
    ],
    ids=repr,
)
def test_a_wrong_body_is_refused_in_the_services_words(emulate, body):
    status, answer = _ask(emulate(), body)
    assert status == 400
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("POST", "/v1/auth_tokens"), ("POST", GEMINI), ("DELETE", _PATH)],
)
def test_other_requests_are_told_that_they_are_not_served(emulate, method, path):
    emulator = emulate()
    status, answer = _ask(emulator, method=method, path=path)
    assert (status, answer["error"]["code"]) == (404, 404)
    assert f"{method} {path} is not served" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: two\r\n", 400),
        (f"Content-Length: {2 << 20}\r\n", 413),
        ("Transfer-Encoding: chunked\r\n", 411),
        (f"X: {'x' * (1 << 16)}", 431),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_at_once(emulate, headers, status):
    line = http.client.HTTPConnection("127.0.0.1", emulate().port, timeout=5)
    line.connect()
    line.sock.sendall(f"POST {_PATH} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    with http.client.HTTPResponse(line.sock) as answer:
        answer.begin()
        assert answer.status == status
    line.close()


def test_a_request_may_come_in_pieces_and_the_next_connection_is_a_websocket(emulate, dial):
    emulator = emulate(Scenario(openings=[HttpStatus(503)]))
    line = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=5)
    line.connect()
    for piece in (b"PO", b"ST ", _PATH.encode(), b" HTTP/1.1\r", b"\nHost: x\r\nContent-Le"):
        line.sock.sendall(piece)
    line.sock.sendall(b'ngth: 11\r\nX-Goog-Api-Key: k\r\n\r\n{"uses"')
    line.sock.sendall(b": 0}")
    with http.client.HTTPResponse(line.sock) as answer:
        answer.begin()
        assert json.loads(answer.read())["name"]
    line.close()
    with pytest.raises(Exception, match="503"):  # the opening was not used up
        dial(emulator)
    assert dial(emulator).setup()


# ----------------------------------------------------------------------------------------- using


def test_a_token_is_good_for_as_many_sessions_as_it_says(emulate, dial):
    emulator = emulate(api_keys={"any"})
    for body, uses in (({}, 1), ({"uses": 2}, 2)):
        token = _make(emulator, **body)
        for _ in range(uses):
            _call(dial, emulator, token).until("setupComplete")
        assert _call(dial, emulator, token).end() == _REFUSED
    token = _make(emulator, uses=0)
    for _ in range(3):
        _call(dial, emulator, token).until("setupComplete")


def test_unknown_tokens_are_refused_where_keys_are_given(emulate, dial):
    emulator = emulate(api_keys={"any"})
    assert _call(dial, emulator, "auth_tokens/made-up").end() == _REFUSED
    token = _make(emulator)
    plain = dial(emulator, GEMINI, {"x-goog-api-key": token})
    plain.send({"setup": _TEXT})
    assert plain.end()[0] == 1007  # only the constrained method takes tokens


def test_new_sessions_are_refused_a_minute_later_and_messages_after_half_an_hour(
    emulate, dial, monkeypatch
):
    emulator = emulate()
    token = _make(emulator, uses=0)
    _at(monkeypatch, 55)
    caller = _call(dial, emulator, token)
    caller.until("setupComplete")
    _at(monkeypatch, 65)
    assert _call(dial, emulator, token).end() == _REFUSED
    _at(monkeypatch, 29 * 60)
    assert caller.ask("Hello").startswith("Hello!")
    _at(monkeypatch, 31 * 60)
    caller.say("Hello?")
    assert caller.end() == _REFUSED


@pytest.mark.parametrize(
    "past",
    [
        {"newSessionExpireTime": "2026-01-01T00:00:00Z"},
        {"expireTime": "2026-01-01T01:00:00.5+01:00"},
        {"expire_time": "2026-01-01T00:00:00.123456789Z"},
    ],
    ids=repr,
)
def test_a_time_that_is_past_makes_a_token_that_has_expired(emulate, dial, past):
    emulator = emulate()
    token = _make(emulator, **past)
    assert _call(dial, emulator, token).end() == _REFUSED


def test_a_session_that_is_resumed_is_no_new_one(emulate, monkeypatch):
    emulator = emulate(api_keys={"key"})
    where = {"http_options": {"base_url": emulator.base_url}}
    made = livesdk.Client(api_key="key", **where).auth_tokens.create(
        {
            "live_connect_constraints": {
                "model": "m",
                "config": {"response_modalities": ["TEXT"], "session_resumption": {}},
            }
        }
    )
    with livesdk.Client(api_key=made.name, **where).live.connect(
        model="m", config={"session_resumption": {}}, reconnect=True
    ) as session:
        session.ask("I am Ann")
        _at(monkeypatch, 65)
        emulator.inject(Drop())
        emulator.wait_connections(2)
        assert "I am Ann" in session.ask("What did I say?").text


# ---------------------------------------------------------------------------------------- fixing


def test_a_token_with_a_setup_and_no_mask_fixes_it_whole(emulate, dial):
    emulator = emulate()
    token = _make(emulator, bidi_generate_content_setup=_TEXT)
    caller = _call(dial, emulator, token, model="models/other", generationConfig={}, tools=[])
    caller.until("setupComplete")
    assert caller.ask("Hello").startswith("Hello!")  # text it is


@pytest.mark.parametrize(
    ("asked", "mask", "given", "holds"),
    [
        ({}, "", {"model": "models/a"}, {"model": "models/a"}),
        ({}, "model", {"model": "models/a"}, {"model": "models/a"}),
        ({"model": "models/t"}, "", {"model": "models/a", "tools": [1]}, {"model": "models/t"}),
        (
            {"model": "models/t"},
            "model",
            {"model": "models/a", "tools": [1]},
            {"model": "models/t", "tools": [1]},
        ),
        (
            {"generationConfig": {"topK": 1}},
            "generationConfig.topK,generation_config.top_p",
            {"generationConfig": {"topK": 2, "topP": 3, "seed": 4}},
            {"generationConfig": {"topK": 1, "seed": 4}},
        ),
        (
            {"generationConfig": {"topK": 1}},
            "generationConfig.topK, tools",
            {"tools": [1]},
            {"generationConfig": {"topK": 1}},
        ),
        (
            {"sessionResumption": {}},
            "",
            {"sessionResumption": {"handle": "h", "transparent": True}},
            {"sessionResumption": {"handle": "h"}},
        ),
        ({"tools": [1]}, "", {"sessionResumption": {"handle": "h"}}, {"tools": [1]}),
    ],
)
def test_what_a_token_fixes(asked, mask, given, holds):
    wanted = {"bidiGenerateContentSetup": asked, "fieldMask": mask}
    assert tokens._read(wanted).fix(given) == holds
    assert tokens._read(wanted).fix(given) == holds  # and leaves no trace
