"""Ephemeral tokens: made here with the key, used elsewhere instead of it.  Protocol §12."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from typing import Any, Optional, Union
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from . import codec
from ._log import shorten
from .configure import checked_config, setup_message
from .endpoint import Access, request_headers
from .errors import AuthenticationError, ConfigError, ConnectError, LiveTimeout
from .types.requests import LiveClientSetup
from .types.tokens import AuthToken, CreateAuthTokenConfig

__all__ = ["AuthTokens", "token_request"]

_DEFAULT_BASE = "https://generativelanguage.googleapis.com"
_LIMIT = 1 << 20


class AuthTokens:
    """``client.auth_tokens``."""

    def __init__(
        self, access: Access, ssl_context: Callable[[], ssl.SSLContext], proxy: Optional[str]
    ) -> None:
        self._access = access
        self._ssl_context = ssl_context
        self._proxy = proxy

    def create(self, config: Any = None, *, timeout: float = 30.0) -> AuthToken:
        """Make an ephemeral token; blocks for one HTTP request.

        Args:
            config: A :class:`CreateAuthTokenConfig` or dict: uses, expiry, constraints, locks.
            timeout: Seconds.

        Returns:
            The token; its ``name`` is the secret, to be passed as ``api_key`` elsewhere.

        Raises:
            ConfigError: Not on the Developer API, or a wrong config.
            AuthenticationError: The key is refused.
            ConnectError: No answer, or another refusal.
        """
        checked = codec.check({} if config is None else config, CreateAuthTokenConfig, "config")
        access = self._access.for_session(checked.http_options)
        if access.backend != "developer":
            raise ConfigError("ephemeral tokens exist on the Gemini Developer API only")
        if access.is_token:
            raise ConfigError("a token cannot make tokens: use an API key")
        body = codec.dumps(token_request(checked, access))
        return codec.check(self._post(access, body, timeout), AuthToken)

    def _post(self, access: Access, body: bytes, timeout: float) -> dict[str, Any]:
        headers = {**request_headers(access), "Content-Type": "application/json"}
        url = f"{_http_base(access)}/{access.api_version}/auth_tokens"
        request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310  # checked base
        try:
            with self._opener(url).open(request, timeout=timeout) as answer:
                found = json.loads(answer.read(_LIMIT))
        except HTTPError as error:
            raise _refusal(error) from None
        except TimeoutError:
            raise LiveTimeout("no answer in time", phase="auth_tokens") from None
        except (URLError, OSError, HTTPException) as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise LiveTimeout("no answer in time", phase="auth_tokens") from None
            reason = getattr(error, "reason", error)
            raise ConnectError(
                f"cannot reach {urlsplit(url).hostname}: {shorten(str(reason))}", phase="tcp"
            ) from error
        except ValueError as error:
            raise ConnectError("the answer is not JSON", phase="auth_tokens") from error
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise ConnectError("the answer names no token", phase="auth_tokens")
        return {"name": found["name"]}

    def _opener(self, url: str) -> Any:
        handlers: list[Any] = [_NoRedirects()]
        if url.startswith("https"):
            handlers.append(HTTPSHandler(context=self._ssl_context()))
        if self._proxy is not None:
            handlers.append(ProxyHandler({"http": self._proxy, "https": self._proxy}))
        return build_opener(*handlers)


class _NoRedirects(HTTPRedirectHandler):
    """The key stays with the server it is meant for."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _refusal(error: HTTPError) -> ConnectError:
    kind = AuthenticationError if error.code in (401, 403) else ConnectError
    words = ""
    try:
        found = json.loads(error.read(_LIMIT))
        words = str(found["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError):
        pass
    text = (
        f"the server refused the token: HTTP {error.code}{': ' + shorten(words) if words else ''}"
    )
    return kind(text, phase="auth_tokens", status=error.code)


def _http_base(access: Access) -> str:
    base = access.base_url or _DEFAULT_BASE
    base = base.replace("wss://", "https://", 1) if base.startswith("wss") else base
    base = base.replace("ws://", "http://", 1) if base.startswith("ws:") else base
    return base.removesuffix("/")


# ------------------------------------------------------------------------------------ pure: body


def token_request(config: CreateAuthTokenConfig, access: Access) -> dict[str, Any]:
    """Return the body of the request, as the official SDKs write it (Protocol §12)."""
    body: dict[str, Any] = {}
    if config.uses is not None:
        body["uses"] = config.uses
    if config.expire_time is not None:
        body["expireTime"] = _time(config.expire_time)
    if config.new_session_expire_time is not None:
        body["newSessionExpireTime"] = _time(config.new_session_expire_time)
    constraints = config.live_connect_constraints
    wire = {}
    if constraints is not None:
        wire = codec.to_wire(_constrained_setup(constraints.model, constraints.config, access))
    if wire:
        body["bidiGenerateContentSetup"] = wire
    mask = _field_mask(wire, config.lock_additional_fields)
    if mask:
        body["fieldMask"] = mask
    return body


def _constrained_setup(model: Optional[str], config: Any, access: Access) -> LiveClientSetup:
    checked = checked_config(config)
    if checked.http_options is not None:
        raise ConfigError("config.live_connect_constraints.config.http_options has no meaning here")
    return setup_message(access, model, checked)


def _time(value: Union[datetime, str]) -> Any:
    return codec.to_wire(CreateAuthTokenConfig(expire_time=value))["expireTime"]


def _field_mask(wire: dict[str, Any], lock: Optional[list[str]]) -> str:
    """Return the fields that stay locked: none named locks all (Protocol §12)."""
    if lock is None:
        return ""
    names = [path for key, value in wire.items() for path in _paths(key, value)]
    names += [_mask_name(name) for name in lock]
    return ",".join(dict.fromkeys(names))


def _paths(key: str, value: Any) -> list[str]:
    if key == "generationConfig" and isinstance(value, dict):
        return [f"generationConfig.{name}" for name in value]
    return [key]


_IN_GENERATION_CONFIG = frozenset(
    {
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "responseModalities",
        "mediaResolution",
        "seed",
        "speechConfig",
        "thinkingConfig",
        "enableAffectiveDialog",
        "translationConfig",
    }
)


def _mask_name(name: str) -> str:
    head, *rest = name.split("_")
    camel = head + "".join(word[:1].upper() + word[1:] for word in rest)
    return f"generationConfig.{camel}" if camel in _IN_GENERATION_CONFIG else camel
