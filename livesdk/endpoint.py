"""Where to connect, as whom, and what the model is called there.

Pure: the environment is passed in, credentials are only named, nothing is dialled.  Protocol §1.

::

    developer   {base}/ws/google.ai.generativelanguage.{V}.GenerativeService.BidiGenerateContent
    vertex      {base}/ws/google.cloud.aiplatform.{V}.LlmBidiService/BidiGenerateContent
    firebase    {base}/ws/google.firebase.vertexai.{V}.…Service/BidiGenerateContent
    gateway     {base} as it is: Vertex with a base URL and neither project nor key

The key travels in a header, never in the URL.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from typing import Any, Callable, Optional, Union
from urllib.parse import urlsplit

from attrs import evolve, field

from ._records import frozen
from ._secret import HoldsSecret
from ._version import __version__
from .errors import AuthenticationError, ConfigError
from .types.config import HttpOptions

__all__ = [
    "Access",
    "FirebaseOptions",
    "base_of",
    "model_resource",
    "request_headers",
    "resolve",
    "service_url",
]

Secret = Union[str, Callable[[], str], None]

TOKEN_PREFIX = "auth_tokens/"  # a prefix, not a secret

_DEVELOPER_HOST = "generativelanguage.googleapis.com"
_FIREBASE_HOST = "firebasevertexai.googleapis.com"
_MULTI_REGIONS = frozenset({"us", "eu"})
_MODEL_TRAPS = ("..", "?", "&", "#", " ")
_VERSION_WORDS = {("beta", False): "v1beta", ("beta", True): "v1beta1"}  # Protocol §1.2


@frozen(kw_only=True)
class FirebaseOptions(HoldsSecret):
    """A Firebase project that speaks for the program (Protocol §1, FAL rows).

    It holds a key, and cannot be pickled.

    Attributes:
        project: The Firebase project's id.
        api_key: The Firebase API key; sent as a header.
        backend: ``"gemini"`` (the default of Firebase), ``"vertex"`` or ``"agent-platform"``.
        location: For the Vertex backends: ``us-central1`` and ``global`` by default.
        app_check_token: A token, or a function that fetches one; called on the reader's thread
            before each dial, within the connect deadline.
        auth_token: The signed-in user's id token, or a function that fetches one; likewise.
        app_id: Sent as ``X-Firebase-AppId`` if given.
        app_version: Sent as ``X-Firebase-AppVersion`` if given.
    """

    project: str
    api_key: str = field(repr=False)
    backend: str = "gemini"
    location: Optional[str] = None
    app_check_token: Secret = field(default=None, repr=False)
    auth_token: Secret = field(default=None, repr=False)
    app_id: Optional[str] = None
    app_version: Optional[str] = None


@frozen(kw_only=True)
class Access(HoldsSecret):
    """Who connects to which backend; what :func:`resolve` makes of a client's arguments.

    Attributes:
        backend: ``"developer"``, ``"vertex"`` or ``"firebase"``.
        vertex_rules: The field rules and names of Vertex apply (Protocol, M and V columns).
        needs_credentials: A bearer token has to be fetched before dialling.
    """

    backend: str
    vertex_rules: bool = False
    needs_credentials: bool = False
    api_key: Optional[str] = field(default=None, repr=False)
    project: Optional[str] = None
    location: Optional[str] = None
    base_url: Optional[str] = None
    api_version: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    firebase: Optional[FirebaseOptions] = None

    @property
    def is_token(self) -> bool:
        """The key is an ephemeral token, which only the constrained method takes."""
        developer = self.backend == "developer"
        return developer and bool(self.api_key and self.api_key.startswith(TOKEN_PREFIX))

    @property
    def is_express(self) -> bool:
        """Vertex with an API key and without a project."""
        return self.backend == "vertex" and self.api_key is not None and self.project is None

    @property
    def is_gateway(self) -> bool:
        """Vertex through somebody else's server, which does what else is needed."""
        return self.backend == "vertex" and not (self.api_key or self.project)

    def for_session(self, options: Optional[HttpOptions]) -> Access:
        """Return the access of one session whose config has ``http_options``."""
        if options is None:
            return self
        if options.timeout is not None or options.extra:
            raise ConfigError(
                "config.http_options takes base_url, api_version and headers for one session;"
                " use timeout= of connect()"
            )
        headers = _merged(self.headers, options.headers)
        has_own = _header(headers, "authorization") is not None
        return evolve(
            self,
            needs_credentials=self.needs_credentials and not has_own,
            base_url=_base(options, {}, None) or self.base_url,
            api_version=_version(options, {}, vertex=self.backend == "vertex") or self.api_version,
            headers=headers,
        )


def resolve(
    environ: Mapping[str, str],
    *,
    api_key: Optional[str] = None,
    vertexai: Optional[bool] = None,
    project: Optional[str] = None,
    location: Optional[str] = None,
    has_credentials: bool = False,
    http_options: Optional[HttpOptions] = None,
    firebase: Optional[FirebaseOptions] = None,
) -> Access:
    """Decide backend and identity from a client's arguments and the environment (Protocol §1.5).

    Raises:
        ConfigError: Nothing to identify with, or arguments that contradict each other.
    """
    options = http_options or HttpOptions()
    if firebase is not None:
        return _firebase_access(environ, firebase, options)
    if vertexai is None:
        vertexai = _says_vertex(environ)
    if vertexai:
        return _vertex_access(environ, api_key, project, location, has_credentials, options)
    return _developer_access(environ, api_key, project, location, has_credentials, options)


def _developer_access(
    environ: Mapping[str, str],
    api_key: Optional[str],
    project: Optional[str],
    location: Optional[str],
    has_credentials: bool,
    options: HttpOptions,
) -> Access:
    if project or location or has_credentials:
        raise ConfigError(
            "project, location and credentials belong to Vertex AI: add vertexai=True,"
            " or leave them out and use the API key"
        )
    key = _clean_key(api_key or _key_in(environ))
    if not key:
        raise ConfigError(
            "no API key: pass api_key=... or set GOOGLE_API_KEY or GEMINI_API_KEY"
            " (https://aistudio.google.com/apikey); without one, livesdk.emulator serves locally"
        )
    return Access(
        backend="developer",
        api_key=key,
        base_url=_base(options, environ, "GOOGLE_GEMINI_BASE_URL"),
        api_version=_version(options, environ, vertex=False) or "v1beta",
        headers=_checked_headers(options.headers),
    )


def _vertex_access(
    environ: Mapping[str, str],
    api_key: Optional[str],
    project: Optional[str],
    location: Optional[str],
    has_credentials: bool,
    options: HttpOptions,
) -> Access:
    if api_key and has_credentials:
        raise ConfigError("credentials and api_key exclude each other on Vertex AI")
    base = _base(options, environ, "GOOGLE_VERTEX_BASE_URL")
    key = _clean_key(api_key)
    surroundings = environ.get("GOOGLE_CLOUD_PROJECT"), environ.get("GOOGLE_CLOUD_LOCATION")
    if not (key or project or location or has_credentials or any(surroundings)):
        key = _clean_key(_key_in(environ))
    gateway = _is_foreign(base) and not (key or project or has_credentials)
    if not (key or gateway):  # beside a key, only what was given with it counts
        project, location = project or surroundings[0], location or surroundings[1]
    express = key and not project
    headers = _checked_headers(options.headers)
    return Access(
        backend="vertex",
        vertex_rules=True,
        needs_credentials=not key and not gateway and _header(headers, "authorization") is None,
        api_key=key,
        project=project or None,
        location=None if gateway else location or (None if express else "global"),
        base_url=base,
        api_version=_version(options, environ, vertex=True) or "v1beta1",
        headers=headers,
    )


def _is_foreign(base: Optional[str]) -> bool:
    """Tell whether a base URL is somebody else's server; none is Google's."""
    return base is not None and not (urlsplit(base).hostname or "").endswith(".googleapis.com")


_FIREBASE_BACKENDS = {
    "gemini": None,
    "google-ai": None,
    "vertex": "us-central1",
    "agent-platform": "global",
}
"""Backend to its default location (Protocol §1.6)."""


def _firebase_access(
    environ: Mapping[str, str], firebase: FirebaseOptions, options: HttpOptions
) -> Access:
    name = firebase.backend.lower().replace("_", "-")
    if name not in _FIREBASE_BACKENDS:
        raise ConfigError(
            f"firebase.backend: expected one of {', '.join(_FIREBASE_BACKENDS)},"
            f" got {firebase.backend!r}"
        )
    if not firebase.project or not firebase.api_key:
        raise ConfigError("firebase: project and api_key are both needed")
    default_location = _FIREBASE_BACKENDS[name]
    location = firebase.location or default_location
    return Access(
        backend="firebase",
        vertex_rules=default_location is not None,
        api_key=_clean_key(firebase.api_key),
        project=firebase.project,
        location=location if default_location else None,
        base_url=_base(options, environ, None),
        api_version=_version(options, {}, vertex=False) or "v1beta",
        headers=_checked_headers(options.headers),
        firebase=firebase,
    )


def _says_vertex(environ: Mapping[str, str]) -> bool:
    for name in ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI"):
        if name in environ:
            return environ[name].lower() in ("true", "1")
    return False


def _key_in(environ: Mapping[str, str]) -> Optional[str]:
    return environ.get("GOOGLE_API_KEY") or environ.get("GEMINI_API_KEY")


def _clean_key(key: Optional[str]) -> Optional[str]:
    if key is None:
        return None
    if not isinstance(key, str):
        raise ConfigError(f"api_key: expected a string, got {type(key).__name__}")
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise ConfigError("api_key: it holds characters that no key has; was it copied whole?")
    return key or None


def _base(options: HttpOptions, environ: Mapping[str, str], name: Optional[str]) -> Optional[str]:
    base = options.base_url or (environ.get(name) if name else None)
    if base and not re.match(r"(https?|wss?)://[^/]", base):
        raise ConfigError(f"base_url: expected http(s):// or ws(s)://, got {base!r:.80}")
    return base or None


def _version(options: HttpOptions, environ: Mapping[str, str], *, vertex: bool) -> Optional[str]:
    version = options.api_version or environ.get("GOOGLE_GENAI_API_VERSION") or None
    if version and not re.fullmatch(r"[A-Za-z0-9_.-]+", version):
        raise ConfigError(f"api_version: expected a word such as v1beta, got {version!r:.40}")
    return _VERSION_WORDS.get((version, vertex), version) if version else None


def _checked_headers(headers: Optional[Mapping[str, str]]) -> Mapping[str, str]:
    for name, value in (headers or {}).items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ConfigError(f"headers: {name!r:.40} is no header name")
        if not value.isascii() or not value.isprintable():
            raise ConfigError(
                f"headers: the value of {name} holds a control or non-ASCII character"
            )
    return dict(headers or {})


def _header(headers: Mapping[str, str], name: str) -> Optional[str]:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _merged(below: Mapping[str, str], above: Optional[Mapping[str, str]]) -> Mapping[str, str]:
    above = _checked_headers(above)
    hidden = {name.lower() for name in above}
    return {**{n: v for n, v in below.items() if n.lower() not in hidden}, **above}


# ------------------------------------------------------------------------------------ the address


def service_url(access: Access, service: str = "live") -> str:
    """Return the WebSocket URL; ``service`` is ``"live"`` or ``"music"`` (Protocol §1.1, §1.3)."""
    if service == "music" and access.backend != "developer":
        raise ConfigError("live music is on the Gemini Developer API only: use an API key")
    base = base_of(access)
    if access.is_gateway or "/ws/google." in base:
        return base
    return f"{base.removesuffix('/')}/ws/{_method(access, service)}"


def base_of(access: Access) -> str:
    """Return what every address begins with, ``ws`` for ``http`` and ``wss`` for ``https``."""
    base = (access.base_url or _default_base(access)).strip()
    return re.sub(r"^http(s?)://", r"ws\1://", base)


def _default_base(access: Access) -> str:
    if access.backend == "developer":
        return f"wss://{_DEVELOPER_HOST}"
    if access.backend == "firebase":
        return f"wss://{_FIREBASE_HOST}"
    location = access.location or "global"
    if location in _MULTI_REGIONS:
        return f"wss://aiplatform.{location}.rep.googleapis.com"
    prefix = "" if location == "global" else f"{location}-"
    return f"wss://{prefix}aiplatform.googleapis.com"


def _method(access: Access, service: str) -> str:
    """Return what follows ``/ws/``: joined by a dot on the Developer API, else by a slash."""
    if access.backend == "developer":
        prefix = f"google.ai.generativelanguage.{access.api_version}.GenerativeService"
        if service == "music":
            return f"{prefix}.BidiGenerateMusic"
        return f"{prefix}.BidiGenerateContent{'Constrained' if access.is_token else ''}"
    if access.backend == "vertex":
        return f"google.cloud.aiplatform.{access.api_version}.LlmBidiService/BidiGenerateContent"
    prefix = f"google.firebase.vertexai.{access.api_version}"
    if access.vertex_rules:
        return f"{prefix}.LlmBidiService/BidiGenerateContent/locations/{access.location}"
    return f"{prefix}.GenerativeService/BidiGenerateContent"


def request_headers(
    access: Access, bearer: Optional[str] = None, quota_project: Optional[str] = None
) -> dict[str, str]:
    """Return the headers of the upgrade, the credential among them (Protocol §1.4).

    The user's own headers win over all of ours.

    Args:
        bearer: An OAuth 2 access token, where ``access.needs_credentials``.
        quota_project: The project that pays, where the credentials carry one.
    """
    agent = f"livesdk/{__version__} gl-python/{platform.python_version()}"
    ours = {"User-Agent": agent, "x-goog-api-client": agent}
    if access.api_key and access.is_token:
        ours["Authorization"] = f"Token {access.api_key}"
    elif access.api_key:
        ours["x-goog-api-key"] = access.api_key
    if bearer:
        ours["Authorization"] = f"Bearer {bearer}"
    if quota_project:
        ours["x-goog-user-project"] = quota_project
    if access.firebase:
        ours.update(_firebase_headers(access.firebase))
    return dict(_merged(ours, access.headers))


def _firebase_headers(firebase: FirebaseOptions) -> dict[str, str]:
    found = {
        "X-Firebase-AppCheck": _secret("app_check_token", firebase.app_check_token),
        "Authorization": _prefixed("Firebase ", _secret("auth_token", firebase.auth_token)),
        "X-Firebase-AppId": firebase.app_id,
        "X-Firebase-AppVersion": firebase.app_version,
    }
    return {name: value for name, value in found.items() if value}


def _secret(name: str, secret: Secret) -> Optional[str]:
    """Return a secret, asking the program's own function for it if it is one."""
    try:
        found: Any = secret() if callable(secret) else secret
    except Exception as error:  # of the program's own, which may not cross
        raise AuthenticationError(
            f"firebase.{name}: {type(error).__name__} in the function that gives it",
            phase="credentials",
        ) from error
    if found is not None and not (isinstance(found, str) and found.isascii()):
        raise ConfigError(f"firebase.{name}: expected a token, got {type(found).__name__}")
    return found


def _prefixed(prefix: str, value: Optional[str]) -> Optional[str]:
    return prefix + value if value else None


# -------------------------------------------------------------------------------------- the model


def model_resource(access: Access, model: Any) -> str:
    """Return the model's full name for the setup message (Protocol §1.6).

    Raises:
        ConfigError: Empty, or with characters that no model name has.
    """
    if not isinstance(model, str) or not model.strip():
        raise ConfigError("model: expected a name such as 'gemini-3.8-live'")
    model = model.strip()
    if any(trap in model for trap in _MODEL_TRAPS):
        raise ConfigError(f"model: {model!r:.80} holds characters that no model name has")
    if access.backend == "developer":
        return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
    if access.backend == "firebase":
        return _firebase_model(access, model)
    return _vertex_model(access, model)


def _vertex_model(access: Access, model: str) -> str:
    if model.startswith(("projects/", "models/")):
        return model
    if not model.startswith("publishers/"):
        publisher, _, name = model.partition("/") if "/" in model else ("google", "", model)
        model = f"publishers/{publisher}/models/{name}"
    if access.project and access.location:
        return f"projects/{access.project}/locations/{access.location}/{model}"
    return model


def _firebase_model(access: Access, model: str) -> str:
    name = model.removeprefix("models/")
    if name.startswith("projects/"):
        return name
    if access.vertex_rules:
        return _vertex_model(access, name)
    return f"projects/{access.project}/models/{name}"
