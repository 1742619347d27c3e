"""Who is being called, and whether the caller shows a credential (Protocol §1).  Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

import attrs

__all__ = [
    "BAD_TOKEN",
    "TOKEN_PREFIX",
    "Address",
    "Refusal",
    "error_body",
    "find_address",
    "find_token_address",
    "judge_credential",
    "refuse_upgrade",
    "token_name",
]

_GEMINI = re.compile(
    r"/ws/google\.ai\.generativelanguage\.(?P<version>v1alpha|v1beta|v1)\."
    r"GenerativeService\.(?P<method>BidiGenerateContent|BidiGenerateContentConstrained"
    r"|BidiGenerateMusic)/?$"
)
_VERTEX = re.compile(
    r"/ws/google\.cloud\.aiplatform\.(?P<version>v1beta1|v1)\.LlmBidiService/BidiGenerateContent/?$"
)
_FIREBASE_GEMINI = re.compile(
    r"/ws/google\.firebase\.vertexai\.(?P<version>v1beta|v1)\."
    r"GenerativeService/BidiGenerateContent/?$"
)
_FIREBASE_VERTEX = re.compile(
    r"/ws/google\.firebase\.vertexai\.(?P<version>v1beta|v1)\."
    r"LlmBidiService/BidiGenerateContent/locations/[\w-]+/?$"
)
_AUTH_TOKENS = re.compile(r"/(?P<version>v1alpha|v1beta)/auth_tokens/?$")
TOKEN_PREFIX = "auth_tokens/"
"""What the names of ephemeral tokens begin with."""

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


@attrs.frozen(kw_only=True)
class Address:
    """What a path names.

    Attributes:
        backend: ``"mldev"``, ``"vertex"``, ``"firebase"`` (Gemini form) or ``"firebase-vertex"``.
        service: ``"live"`` or ``"music"``.
        version: The API version in the path.
        constrained: The method that takes ephemeral tokens.
    """

    backend: str
    service: str
    version: str
    constrained: bool = False

    @property
    def is_vertex(self) -> bool:
        """Whether answers follow Vertex's ways: session id, its names of usage fields, roles."""
        return self.backend in ("vertex", "firebase-vertex")


@attrs.frozen
class Refusal:
    """A close frame instead of an answer."""

    code: int
    reason: str


BAD_TOKEN = Refusal(1008, "Ephemeral auth token is missing, invalid or expired.")
"""What answers an ephemeral token that does not count, or not any more."""


def find_address(path: str) -> Address | None:
    """Return what ``path`` names; a base path before ``/ws/`` and double slashes are tolerated."""
    path = re.sub(r"/{2,}", "/", path)
    found = _GEMINI.search(path)
    if found is not None:
        method = found["method"]
        return Address(
            backend="mldev",
            service="music" if method == "BidiGenerateMusic" else "live",
            version=found["version"],
            constrained=method.endswith("Constrained"),
        )
    for pattern, backend in (
        (_VERTEX, "vertex"),
        (_FIREBASE_GEMINI, "firebase"),
        (_FIREBASE_VERTEX, "firebase-vertex"),
    ):
        found = pattern.search(path)
        if found is not None:
            return Address(backend=backend, service="live", version=found["version"])
    return None


def find_token_address(path: str) -> Address | None:
    """Return where tokens are made if ``path`` names that (Protocol §12)."""
    found = _AUTH_TOKENS.search(re.sub(r"/{2,}", "/", path))
    return Address(backend="mldev", service="live", version=found["version"]) if found else None


def error_body(status: int, message: str) -> str:
    """The JSON body of the service's HTTP errors (Protocol §13.6)."""
    name = _STATUS_NAMES.get(status, "UNKNOWN")
    error = {"code": status, "message": message, "status": name}
    return json.dumps({"error": error}, indent=2) + "\n"


def refuse_upgrade(
    address: Address, query: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[int, str] | None:
    """Return status and body where the upgrade itself fails for want of a credential (§1.7)."""
    has_key = bool(_key(query, headers))
    if address.backend == "vertex" and not (_bearer(headers) or has_key):
        return 401, error_body(
            401, "Request had invalid authentication credentials. Expected OAuth 2 access token."
        )
    if address.backend.startswith("firebase") and not has_key:
        return 403, error_body(
            403, "Method doesn't allow unregistered callers (callers without established identity)."
        )
    return None


def judge_credential(
    address: Address,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    api_keys: Collection[str] | None,
) -> Refusal | None:
    """Return why the first frame is answered with a close, or ``None`` if the caller may go on.

    Args:
        address: What is being called.
        query: Of the request.
        headers: Of the request, names in lower case.
        api_keys: The keys (or token names) that count; ``None`` for any that is not empty.
    """
    if address.constrained:
        return _judge_token(token_name(query, headers), api_keys)
    if address.backend == "vertex" and _bearer(headers):
        return None
    key = _key(query, headers)
    if not key:
        return Refusal(
            1008,
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        )
    if key.startswith(TOKEN_PREFIX) or (api_keys is not None and key not in api_keys):
        return Refusal(1007, "API key not valid. Please pass a valid API key.")
    return None


def _judge_token(token: str, known: Collection[str] | None) -> Refusal | None:
    if (
        not token.startswith(TOKEN_PREFIX)
        or token == TOKEN_PREFIX
        or (known is not None and token not in known)
    ):
        return BAD_TOKEN
    return None


def _key(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    return (headers.get("x-goog-api-key") or query.get("key") or "").strip()


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def token_name(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the ephemeral token that a caller shows, or an empty string."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "token" else query.get("access_token", "").strip()
