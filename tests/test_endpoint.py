"""Where to connect, as whom, and under which model name: Protocol §1, row by row."""

from __future__ import annotations

import platform
from typing import Any

import pytest

from livesdk import ConfigError, FirebaseOptions
from livesdk.endpoint import (
    Access,
    model_resource,
    request_headers,
    resolve,
    service_url,
)
from livesdk.types import HttpOptions

DEVELOPER = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
HOST = "wss://generativelanguage.googleapis.com"
FIREBASE_HOST = "wss://firebasevertexai.googleapis.com/ws/google.firebase.vertexai.v1beta"


def access(environ: dict[str, str] | None = None, **given: Any) -> Access:
    options = given.pop("http_options", None)
    return resolve(environ or {}, http_options=HttpOptions(**options) if options else None, **given)


def developer(**options: Any) -> Access:
    return access(api_key="k", http_options=options)


def vertex(location: str | None = "us-central1", **given: Any) -> Access:
    return access(vertexai=True, project="p", location=location, **given)


def firebase(**given: Any) -> Access:
    return access(firebase=FirebaseOptions(project="f", api_key="k", **given))


EXPRESS = access(vertexai=True, api_key="k")
WITH_KEY = access(vertexai=True, api_key="k", project="p", location="us-central1")
GATEWAY = access(vertexai=True, http_options={"base_url": "http://gateway.example/v"})


# ------------------------------------------------------------------------------- the address (§1.1)


@pytest.mark.parametrize(
    ("where", "url"),
    [
        (developer(), f"{HOST}/ws/{DEVELOPER}"),
        (access(api_key="auth_tokens/t"), f"{HOST}/ws/{DEVELOPER}Constrained"),
        (vertex(), f"wss://us-central1-aiplatform.googleapis.com/ws/{VERTEX}"),
        (vertex("global"), f"wss://aiplatform.googleapis.com/ws/{VERTEX}"),
        (vertex(None), f"wss://aiplatform.googleapis.com/ws/{VERTEX}"),
        (vertex("us"), f"wss://aiplatform.us.rep.googleapis.com/ws/{VERTEX}"),
        (vertex("eu"), f"wss://aiplatform.eu.rep.googleapis.com/ws/{VERTEX}"),
        (EXPRESS, f"wss://aiplatform.googleapis.com/ws/{VERTEX}"),
        (WITH_KEY, f"wss://us-central1-aiplatform.googleapis.com/ws/{VERTEX}"),
        (firebase(), f"{FIREBASE_HOST}.GenerativeService/BidiGenerateContent"),
        (
            firebase(backend="vertex"),
            f"{FIREBASE_HOST}.LlmBidiService/BidiGenerateContent/locations/us-central1",
        ),
        (
            firebase(backend="agent-platform"),
            f"{FIREBASE_HOST}.LlmBidiService/BidiGenerateContent/locations/global",
        ),
        (
            firebase(backend="vertex", location="europe-west1"),
            f"{FIREBASE_HOST}.LlmBidiService/BidiGenerateContent/locations/europe-west1",
        ),
        (GATEWAY, "ws://gateway.example/v"),
    ],
)
def test_each_backend_has_its_address(where, url):
    assert service_url(where) == url


def test_music_is_on_the_developer_api_alone():
    music = DEVELOPER.replace("BidiGenerateContent", "BidiGenerateMusic")
    assert service_url(developer(), "music") == f"{HOST}/ws/{music}"
    for where in (vertex(), EXPRESS, GATEWAY, firebase()):
        with pytest.raises(ConfigError, match="Developer API"):
            service_url(where, "music")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://127.0.0.1:80", "ws://127.0.0.1:80/ws/"),
        ("https://h", "wss://h/ws/"),
        ("ws://h", "ws://h/ws/"),
        ("wss://h", "wss://h/ws/"),
        ("https://h/", "wss://h/ws/"),
        ("https://h/base/path/", "wss://h/base/path/ws/"),
    ],
)
def test_a_base_url_keeps_its_path_and_loses_one_slash(base, url):
    assert service_url(developer(base_url=base)) == url + DEVELOPER


def test_a_base_url_that_names_the_service_is_taken_as_it_is():
    whole = "wss://h/ws/google.ai.generativelanguage.v9.GenerativeService.Other?a=b"
    assert service_url(developer(base_url=whole)) == whole


@pytest.mark.parametrize("base", ["h", "ftp://h", "http://", "//h", "localhost:80"])
def test_what_is_no_base_url_is_refused(base):
    with pytest.raises(ConfigError, match="base_url"):
        developer(base_url=base)


def test_a_base_url_of_google_itself_is_no_gateway():
    google = {"base_url": "https://europe-west4-aiplatform.googleapis.com"}
    where = access({"GOOGLE_CLOUD_PROJECT": "p"}, vertexai=True, http_options=google)
    assert not where.is_gateway
    assert where.needs_credentials
    assert service_url(where).endswith(VERTEX)


def test_a_host_of_vertex_with_mutual_tls_is_named_by_its_base_url():
    mtls = {"base_url": "https://us-central1-aiplatform.mtls.googleapis.com"}
    where = vertex(http_options=mtls)
    assert where.needs_credentials
    assert service_url(where) == f"wss://us-central1-aiplatform.mtls.googleapis.com/ws/{VERTEX}"
    assert model_resource(where, "m").startswith("projects/p/locations/us-central1/")


def test_a_gateway_takes_no_project_from_the_environment():
    environ = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l", "GOOGLE_API_KEY": "k"}
    where = access(environ, vertexai=True, http_options={"base_url": "wss://g/x"})
    assert where.is_gateway
    assert not where.needs_credentials
    assert service_url(where) == "wss://g/x"


# ------------------------------------------------------------------------------- the version (§1.2)


@pytest.mark.parametrize(
    ("given", "environ", "version"),
    [
        ({}, {}, "v1beta"),
        ({"http_options": {"api_version": "v1alpha"}}, {}, "v1alpha"),
        ({}, {"GOOGLE_GENAI_API_VERSION": "beta"}, "v1beta"),
        ({}, {"GOOGLE_GENAI_API_VERSION": "v1"}, "v1"),
        (
            {"http_options": {"api_version": "v1alpha"}},
            {"GOOGLE_GENAI_API_VERSION": "v1"},
            "v1alpha",
        ),
    ],
)
def test_the_version_of_the_developer_api(given, environ, version):
    where = access(environ, api_key="k", **given)
    assert f".{version}." in service_url(where)


@pytest.mark.parametrize(
    ("environ", "version"),
    [({}, "v1beta1"), ({"GOOGLE_GENAI_API_VERSION": "beta"}, "v1beta1")],
)
def test_the_version_of_vertex(environ, version):
    where = access(environ, vertexai=True, project="p", location="l")
    assert f".{version}." in service_url(where)


@pytest.mark.parametrize("version", ["v1/..", "v1 ", "a?b", "ü"])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(ConfigError, match="api_version"):
        developer(api_version=version)


# ---------------------------------------------------------------------------------- who asks (§1.5)


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"GOOGLE_API_KEY": "g", "GEMINI_API_KEY": "m"}, "g"),
        ({"GEMINI_API_KEY": "m"}, "m"),
        ({"GOOGLE_API_KEY": "", "GEMINI_API_KEY": "m"}, "m"),
    ],
)
def test_the_key_comes_from_the_environment(environ, key):
    assert access(environ).api_key == key
    assert access(environ, api_key="own").api_key == "own"


@pytest.mark.parametrize("environ", [{}, {"GOOGLE_API_KEY": " "}])
def test_without_a_key_nothing_is_tried(environ):
    with pytest.raises(ConfigError, match="GOOGLE_API_KEY"):
        access(environ)


def test_a_key_is_trimmed_and_checked():
    assert access(api_key="  k \n").api_key == "k"
    for key in ("k\nk", "schlüssel", "k\0"):
        with pytest.raises(ConfigError, match="api_key") as caught:
            access(api_key=key)
        assert key not in str(caught.value)
    with pytest.raises(ConfigError, match="string"):
        access(api_key=5)


@pytest.mark.parametrize("value", ["true", "True", "1"])
@pytest.mark.parametrize("name", ["GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE"])
def test_the_environment_selects_vertex(name, value):
    environ = {name: value, "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"}
    where = access(environ)
    assert (where.backend, where.project, where.location) == ("vertex", "p", "l")


@pytest.mark.parametrize("value", ["false", "0", "", "no"])
def test_the_environment_may_say_no(value):
    assert access({"GOOGLE_GENAI_USE_VERTEXAI": value}, api_key="k").backend == "developer"


def test_the_newer_variable_and_the_argument_win():
    environ = {"GOOGLE_GENAI_USE_ENTERPRISE": "false", "GOOGLE_GENAI_USE_VERTEXAI": "true"}
    assert access(environ, api_key="k").backend == "developer"
    assert access(environ, api_key="k", vertexai=True).backend == "vertex"
    assert access({"GOOGLE_GENAI_USE_VERTEXAI": "1"}, api_key="k", vertexai=False).backend == (
        "developer"
    )


@pytest.mark.parametrize(
    ("environ", "given", "key", "project"),
    [
        ({}, {"api_key": "k"}, "k", None),
        ({"GOOGLE_API_KEY": "e"}, {}, "e", None),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"}, {"api_key": "k"}, "k", None),
        ({"GOOGLE_API_KEY": "e"}, {"project": "p"}, None, "p"),
        ({"GOOGLE_API_KEY": "e", "GOOGLE_CLOUD_PROJECT": "p"}, {}, None, "p"),
        ({"GOOGLE_API_KEY": "e"}, {"has_credentials": True}, None, None),
        ({}, {"api_key": "k", "location": "l"}, "k", None),
        ({}, {"api_key": "k", "project": "p", "location": "l"}, "k", "p"),
        ({"GOOGLE_CLOUD_PROJECT": "e"}, {"api_key": "k", "project": "p"}, "k", "p"),
    ],
)
def test_vertex_goes_by_key_or_by_project(environ, given, key, project):
    where = access(environ, vertexai=True, **given)
    assert (where.api_key, where.project) == (key, project)
    assert where.is_express == (key is not None and project is None)
    assert where.needs_credentials == (key is None)


@pytest.mark.parametrize(
    "given",
    [
        {"api_key": "k", "project": "p", "location": "l"},
        {"api_key": "k", "project": "p"},
        {"api_key": "k", "has_credentials": True},
        {"vertexai": True, "api_key": "k", "has_credentials": True},
    ],
)
def test_arguments_that_contradict_each_other_are_refused(given):
    with pytest.raises(ConfigError):
        access(**given)


def test_base_urls_come_from_the_environment():
    environ = {"GOOGLE_GEMINI_BASE_URL": "http://g", "GOOGLE_VERTEX_BASE_URL": "http://v"}
    assert access(environ, api_key="k").base_url == "http://g"
    assert access(environ, vertexai=True, api_key="k").base_url == "http://v"
    own = {"base_url": "http://own"}
    assert access(environ, api_key="k", http_options=own).base_url == "http://own"


def test_firebase_knows_its_backends_and_needs_both_names():
    with pytest.raises(ConfigError, match="backend"):
        firebase(backend="palm")
    with pytest.raises(ConfigError, match="both needed"):
        access(firebase=FirebaseOptions(project="", api_key="k"))


# ------------------------------------------------------------------------------- the headers (§1.4)


def headers_of(where: Access, *given: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in request_headers(where, *given).items()}


def test_a_key_travels_in_a_header():
    headers = headers_of(developer())
    assert headers["x-goog-api-key"] == "k"
    assert "authorization" not in headers
    assert headers["x-goog-api-client"].startswith("livesdk/")
    assert headers["user-agent"].endswith(f"gl-python/{platform.python_version()}")


def test_a_key_with_odd_characters_is_unchanged():
    assert headers_of(access(api_key="k+e/y&x=1 #?"))["x-goog-api-key"] == "k+e/y&x=1 #?"


def test_a_token_is_an_authorization_and_no_key():
    headers = headers_of(access(api_key="auth_tokens/t"))
    assert headers["authorization"] == "Token auth_tokens/t"
    assert "x-goog-api-key" not in headers


def test_vertex_carries_a_bearer_and_who_pays():
    assert headers_of(vertex(), "b")["authorization"] == "Bearer b"
    assert headers_of(vertex(), "b", "q")["x-goog-user-project"] == "q"
    assert headers_of(EXPRESS)["x-goog-api-key"] == "k"


def test_own_headers_win_whatever_their_case():
    own = {"AUTHORIZATION": "Bearer own", "X-Goog-User-Project": "mine", "x-a": "1"}
    where = vertex(http_options={"headers": own})
    assert not where.needs_credentials
    headers = request_headers(where, "b", "q")
    assert {name.lower() for name in headers} == {
        "user-agent",
        "x-goog-api-client",
        "authorization",
        "x-goog-user-project",
        "x-a",
    }
    assert headers_of(where, "b", "q")["authorization"] == "Bearer own"


@pytest.mark.parametrize(
    "headers", [{"a b": "x"}, {"a": "x\r\ny: z"}, {"": "x"}, {"ä": "x"}, {"a": "ü"}, {"a:": "x"}]
)
def test_headers_that_would_break_the_request_are_refused(headers):
    with pytest.raises(ConfigError, match="headers") as caught:
        developer(headers=headers)
    assert "z" not in str(caught.value).replace("ization", "")


def test_firebase_sends_what_it_was_given():
    where = firebase(
        app_check_token=lambda: "checked", auth_token="user", app_id="id", app_version="1"
    )
    headers = headers_of(where)
    assert headers["x-goog-api-key"] == "k"
    assert headers["x-firebase-appcheck"] == "checked"
    assert headers["authorization"] == "Firebase user"
    assert (headers["x-firebase-appid"], headers["x-firebase-appversion"]) == ("id", "1")
    assert {"authorization", "x-firebase-appcheck"}.isdisjoint(headers_of(firebase()))


def test_no_secret_shows_in_a_repr():
    secret = FirebaseOptions(
        project="f", api_key="secret-1", app_check_token="secret-2", auth_token="secret-3"
    )
    for shown in (secret, access(api_key="secret-4"), access(firebase=secret)):
        assert "secret-" not in repr(shown)
    own = developer(headers={"Authorization": "secret-5"})
    assert "secret-" not in repr(own)


# ------------------------------------------------------------------------- one session's own (§1.3)


def test_a_session_may_have_an_address_of_its_own():
    one = developer(base_url="http://a", headers={"X-A": "1", "x-b": "2"})
    other = one.for_session(
        HttpOptions(base_url="http://b", api_version="v1alpha", headers={"x-a": "3"})
    )
    assert service_url(other) == f"ws://b/ws/{DEVELOPER.replace('v1beta', 'v1alpha')}"
    headers = headers_of(other)
    assert (headers["x-a"], headers["x-b"]) == ("3", "2")
    assert one.for_session(None) is one


@pytest.mark.parametrize("backend", ["gemini", "vertex", "agent-platform"])
def test_beta_means_the_same_for_a_session_of_firebase_as_for_its_client(backend):
    where = firebase(backend=backend).for_session(HttpOptions(api_version="beta"))
    assert service_url(where).startswith(f"{FIREBASE_HOST}.")
    options = {"api_version": "beta"}
    firebase_options = FirebaseOptions(project="f", api_key="k", backend=backend)
    assert service_url(access(firebase=firebase_options, http_options=options)) == (
        service_url(where)
    )


def test_beta_of_a_session_on_vertex_is_that_of_vertex():
    where = vertex().for_session(HttpOptions(api_version="beta"))
    assert service_url(where).endswith(VERTEX)


@pytest.mark.parametrize("more", [{"timeout": 5}, {"extra": {"retry": 1}}])
def test_a_session_may_have_nothing_else(more):
    with pytest.raises(ConfigError, match="http_options"):
        developer().for_session(HttpOptions(**more))


@pytest.mark.parametrize(
    "options", [{"headers": {"a b": "c"}}, {"base_url": "ftp://h"}, {"api_version": "v1/x"}]
)
def test_a_sessions_own_options_are_checked(options):
    with pytest.raises(ConfigError):
        developer().for_session(HttpOptions(**options))


# --------------------------------------------------------------------------------- the model (§1.6)


@pytest.mark.parametrize(
    ("where", "model", "resource"),
    [
        (developer(), "m", "models/m"),
        (developer(), " m ", "models/m"),
        (developer(), "models/m", "models/m"),
        (developer(), "tunedModels/m", "tunedModels/m"),
        (developer(), "pub/m", "models/pub/m"),
        (developer(), "publishers/x/models/m", "models/publishers/x/models/m"),
        (vertex(), "m", "projects/p/locations/us-central1/publishers/google/models/m"),
        (vertex(), "models/m", "models/m"),
        (vertex(), "pub/m", "projects/p/locations/us-central1/publishers/pub/models/m"),
        (
            vertex(),
            "tunedModels/m",
            "projects/p/locations/us-central1/publishers/tunedModels/models/m",
        ),
        (
            vertex(),
            "publishers/x/models/m",
            "projects/p/locations/us-central1/publishers/x/models/m",
        ),
        (vertex(), "projects/a/locations/b/endpoints/1", "projects/a/locations/b/endpoints/1"),
        (EXPRESS, "m", "publishers/google/models/m"),
        (WITH_KEY, "m", "projects/p/locations/us-central1/publishers/google/models/m"),
        (
            access(vertexai=True, api_key="k", project="p"),
            "m",
            "projects/p/locations/global/publishers/google/models/m",
        ),
        (GATEWAY, "m", "publishers/google/models/m"),
        (firebase(), "m", "projects/f/models/m"),
        (firebase(), "models/m", "projects/f/models/m"),
        (
            firebase(backend="vertex"),
            "models/m",
            "projects/f/locations/us-central1/publishers/google/models/m",
        ),
        (
            firebase(backend="agent-platform"),
            "m",
            "projects/f/locations/global/publishers/google/models/m",
        ),
    ],
)
def test_each_backend_names_models_its_own_way(where, model, resource):
    assert model_resource(where, model) == resource


@pytest.mark.parametrize("model", ["", "  ", "a..b", "a?b", "a&b", "a b", "a#b", None, 5])
@pytest.mark.parametrize("where", [developer(), vertex(), firebase()])
def test_what_is_no_model_name_is_refused(where, model):
    with pytest.raises(ConfigError, match="model"):
        model_resource(where, model)
