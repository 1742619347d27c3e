"""Vertex AI and Firebase from end to end: who is told what, and when tokens are fetched anew."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from waiting import Caught

import livesdk
from livesdk import AuthenticationError, ConfigError, FirebaseOptions
from livesdk.credentials import Tokens, default_project
from livesdk.emulator import Emulator

pytestmark = pytest.mark.requires("emulator")


class Credentials:
    """Counts its refreshes; each gives another token."""

    def __init__(self, quota_project_id: str | None = None) -> None:
        self.token: str | None = None
        self.valid = False
        self.refreshed = 0
        self.project_id = "p-of-credentials"
        self.quota_project_id = quota_project_id

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        self.valid = True
        self.token = f"token-{self.refreshed}"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(voice="tones") as running:
        yield running


def vertex(emulator: Emulator, credentials: Any, **more: Any) -> livesdk.Client:
    more = {"project": "p-1", "location": "europe-west4", **more}
    headers = more.pop("headers", None)
    options = {"base_url": emulator.base_url, "headers": headers}
    return livesdk.Client(vertexai=True, credentials=credentials, http_options=options, **more)


def firebase(emulator: Emulator, **more: Any) -> livesdk.Client:
    options = FirebaseOptions(project="f-1", api_key="firebase-key", **more)
    return livesdk.Client(firebase=options, http_options={"base_url": emulator.base_url})


def headers_of(connection: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in connection.headers.items()}


# ---------------------------------------------------------------------------------------- Vertex AI


def test_a_conversation_on_vertex(emulator):
    client = vertex(emulator, Credentials())
    with client.live.connect(model="m", config={"output_audio_transcription": {}}) as session:
        assert session.session_id
        turn = session.ask("Hello", timeout=20)
    assert turn.audio
    [connection] = emulator.connections
    assert (
        connection.path == "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    )
    assert headers_of(connection)["authorization"] == "Bearer token-1"
    assert "x-goog-user-project" not in headers_of(connection)
    assert "x-goog-api-key" not in headers_of(connection)
    setup = connection.frames[0]["setup"]
    assert setup["model"] == "projects/p-1/locations/europe-west4/publishers/google/models/m"
    assert setup["generationConfig"]["responseModalities"] == ["AUDIO"]


def test_the_project_that_pays_is_named(emulator):
    client = vertex(emulator, Credentials(quota_project_id="q-1"))
    client.live.connect(model="m").close()
    assert headers_of(emulator.connections[0])["x-goog-user-project"] == "q-1"


def test_a_valid_token_is_used_again_and_a_stale_one_refreshed_before_the_dial(emulator):
    credentials = Credentials()
    client = vertex(emulator, credentials)
    for valid in (True, True, False, True):
        credentials.valid = credentials.valid and valid
        client.live.connect(model="m").close()
    seen = [headers_of(connection)["authorization"] for connection in emulator.connections]
    assert seen == ["Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2"]
    assert credentials.refreshed == 2


def test_sessions_that_start_together_refresh_once(emulator):
    credentials = Credentials()
    tokens = Tokens(credentials)
    gate = threading.Barrier(8)

    def fetch() -> Any:
        gate.wait(10)
        return tokens.fetch()

    calls = [Caught(fetch) for _ in range(8)]
    assert [call.result() for call in calls] == [("token-1", None)] * 8
    assert credentials.refreshed == 1


def test_own_authorization_needs_no_credentials(emulator):
    credentials = Credentials()
    client = vertex(emulator, credentials, headers={"authorization": "Bearer own"})
    client.live.connect(model="m").close()
    assert headers_of(emulator.connections[0])["authorization"] == "Bearer own"
    assert credentials.refreshed == 0


def test_own_authorization_of_one_session_needs_no_credentials_either(emulator):
    credentials = Credentials()
    client = vertex(emulator, credentials)
    own = {"http_options": {"headers": {"Authorization": "Bearer own"}}}
    client.live.connect(model="m", config=own).close()
    assert headers_of(emulator.connections[0])["authorization"] == "Bearer own"
    assert credentials.refreshed == 0
    client.live.connect(model="m").close()
    assert headers_of(emulator.connections[1])["authorization"] == "Bearer token-1"


def test_the_project_may_come_from_the_credentials(emulator):
    vertex(emulator, Credentials(), project=None).live.connect(model="m").close()
    model = emulator.connections[0].frames[0]["setup"]["model"]
    assert model.startswith("projects/p-of-credentials/locations/europe-west4/")


def test_the_environment_alone_will_do(emulator, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-env")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "global")
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", emulator.base_url)
    client = livesdk.Client(credentials=Credentials())
    assert client.vertexai
    client.live.connect(model="m").close()
    setup = emulator.connections[0].frames[0]["setup"]
    assert setup["model"] == "projects/p-env/locations/global/publishers/google/models/m"


def test_express_mode_goes_by_key(emulator):
    client = livesdk.Client(
        vertexai=True, api_key="express-key", http_options={"base_url": emulator.base_url}
    )
    client.live.connect(model="m").close()
    [connection] = emulator.connections
    assert headers_of(connection)["x-goog-api-key"] == "express-key"
    assert "authorization" not in headers_of(connection)
    assert connection.frames == [{"setup": {"model": "publishers/google/models/m"}}]


def test_a_key_may_go_with_a_project(emulator):
    client = livesdk.Client(
        vertexai=True,
        api_key="the-key",
        project="p",
        location="us-central1",
        http_options={"base_url": emulator.base_url},
    )
    client.live.connect(model="m").close()
    [connection] = emulator.connections
    assert headers_of(connection)["x-goog-api-key"] == "the-key"
    assert "authorization" not in headers_of(connection)
    setup = connection.frames[0]["setup"]
    assert setup["model"] == "projects/p/locations/us-central1/publishers/google/models/m"
    assert setup["generationConfig"] == {"responseModalities": ["AUDIO"]}


@pytest.mark.parametrize("failure", [OSError("secret-refresh-token"), ValueError("x")])
def test_a_refresh_that_fails_ends_connect_with_what_to_do(emulator, failure):
    class Broken(Credentials):
        def refresh(self, request: Any) -> None:
            raise failure

    with pytest.raises(AuthenticationError, match="gcloud auth") as caught:
        vertex(emulator, Broken()).live.connect(model="m")
    assert caught.value.phase == "credentials"
    assert "secret" not in str(caught.value)
    assert emulator.connections == []


def test_credentials_that_raise_when_they_are_looked_at_end_connect(emulator):
    class Odd(Credentials):
        def __getattribute__(self, name: str) -> Any:
            if name == "valid" and object.__getattribute__(self, "refreshed") is None:
                raise RuntimeError("secret-refresh-token")
            return object.__getattribute__(self, name)

    credentials = Odd()
    client = vertex(emulator, credentials)
    credentials.refreshed = None  # type: ignore[assignment]  # from now on
    with pytest.raises(AuthenticationError, match="RuntimeError") as caught:
        client.live.connect(model="m")
    assert caught.value.phase == "credentials"


def test_a_refresh_that_gives_no_token_ends_connect(emulator):
    class Empty(Credentials):
        def refresh(self, request: Any) -> None:
            self.token = ""

    with pytest.raises(AuthenticationError, match="no access token"):
        vertex(emulator, Empty()).live.connect(model="m")


@pytest.mark.parametrize("credentials", [object(), "token", {"token": "t"}])
def test_what_is_no_credentials_object_is_refused_at_once(emulator, credentials):
    with pytest.raises(ConfigError, match="credentials"):
        vertex(emulator, credentials)


def test_google_auth_that_is_missing_is_named(emulator, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(ConfigError, match=r"livesdk\[vertex\]"):
        vertex(emulator, None).live.connect(model="m")


@pytest.mark.parametrize("project", ["p-default", None])
def test_the_machines_credentials_are_asked_for_the_right_scope(emulator, monkeypatch, project):
    asked: list[Any] = []
    auth = ModuleType("google.auth")

    def default(scopes: Any) -> Any:
        asked.append(scopes)
        return Credentials(), project

    auth.default = default  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.auth", auth)
    google = sys.modules.get("google") or ModuleType("google")
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setattr(google, "auth", auth, raising=False)
    assert default_project() == project
    vertex(emulator, None).live.connect(model="m").close()
    assert asked[-1] == ["https://www.googleapis.com/auth/cloud-platform"]
    assert headers_of(emulator.connections[0])["authorization"] == "Bearer token-1"


@pytest.mark.requires("vertex")
def test_a_machine_without_credentials_says_what_to_do(emulator, monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(AuthenticationError, match="gcloud auth"):
        vertex(emulator, None).live.connect(model="m")


@pytest.mark.parametrize(
    "config",
    [{"input_audio_transcription": {}, "bogus": 1}, {"tools": [{"file_search": {}}]}],
)
def test_a_wrong_config_is_found_before_any_token_is_fetched(emulator, config):
    credentials = Credentials()
    with pytest.raises(ConfigError):
        vertex(emulator, credentials).live.connect(model="m", config=config)
    assert credentials.refreshed == 0
    assert emulator.connections == []


# ----------------------------------------------------------------------------------------- Firebase


@pytest.mark.parametrize(
    ("backend", "path", "model"),
    [
        ("gemini", "GenerativeService/BidiGenerateContent", "projects/f-1/models/m"),
        (
            "vertex",
            "LlmBidiService/BidiGenerateContent/locations/us-central1",
            "projects/f-1/locations/us-central1/publishers/google/models/m",
        ),
    ],
)
def test_a_conversation_through_firebase(emulator, backend, path, model):
    client = firebase(emulator, backend=backend)
    described = livesdk.get_live_generative_model(
        client,
        {
            "model": "m",
            "generationConfig": {"responseModalities": ["AUDIO"], "outputAudioTranscription": {}},
            "systemInstruction": "Be brief.",
        },
    )
    with described.connect() as session:
        assert session.ask("Hello", timeout=20).audio
    [connection] = emulator.connections
    assert connection.path == f"/ws/google.firebase.vertexai.v1beta.{path}"
    setup = connection.frames[0]["setup"]
    assert setup["model"] == model
    assert setup["outputAudioTranscription"] == {}
    assert setup["generationConfig"] == {"responseModalities": ["AUDIO"]}


def test_app_check_and_the_signed_in_user_travel_as_headers(emulator):
    client = firebase(emulator, app_check_token="checked", auth_token="user", app_id="1:2:3")
    client.live.connect(model="m").close()
    headers = headers_of(emulator.connections[0])
    assert headers["x-goog-api-key"] == "firebase-key"
    assert headers["x-firebase-appcheck"] == "checked"
    assert headers["authorization"] == "Firebase user"
    assert headers["x-firebase-appid"] == "1:2:3"
    assert not emulator.connections[0].query


def test_providers_are_asked_before_each_dial(emulator):
    given = iter(["first", "second"])
    client = firebase(emulator, app_check_token=lambda: next(given))
    for _ in range(2):
        client.live.connect(model="m").close()
    seen = [headers_of(connection)["x-firebase-appcheck"] for connection in emulator.connections]
    assert seen == ["first", "second"]


def test_a_provider_that_fails_ends_connect_without_its_words(emulator):
    def provider() -> str:
        raise OSError("secret-session-cookie")

    with pytest.raises(AuthenticationError, match="app_check_token") as caught:
        firebase(emulator, app_check_token=provider).live.connect(model="m")
    assert caught.value.phase == "credentials"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", [5, "tökén", "a\r\nb", b"bytes"])
def test_what_is_no_token_never_gets_into_a_header(emulator, token):
    with pytest.raises(ConfigError) as caught:
        firebase(emulator, auth_token=lambda: token).live.connect(model="m")
    assert str(token) not in str(caught.value)
    assert emulator.connections == []


# -------------------------------------------------------------------------------- the Developer API


def test_a_key_is_in_a_header_and_never_in_the_address(emulator):
    client = livesdk.Client(api_key="the-key", http_options={"base_url": emulator.base_url + "/"})
    client.live.connect(model="m").close()
    [connection] = emulator.connections
    assert connection.path.startswith("/ws/google.ai.generativelanguage.v1beta.")
    assert headers_of(connection)["x-goog-api-key"] == "the-key"
    assert not connection.query
    assert "the-key" not in repr(client)


def test_a_session_may_have_options_of_its_own(emulator):
    client = livesdk.Client(api_key="k", http_options={"base_url": "http://127.0.0.1:9"})
    own = {"baseUrl": emulator.base_url, "apiVersion": "v1alpha", "headers": {"x-a": "1"}}
    client.live.connect(model="m", config={"httpOptions": own}).close()
    [connection] = emulator.connections
    assert ".v1alpha." in connection.path
    assert headers_of(connection)["x-a"] == "1"
