"""Ephemeral tokens: made here with the key, used elsewhere instead of it.  Protocol §12."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Optional, Union

import attrs

from . import codec
from ._secret import HoldsSecret
from ._timeout import seconds_of_timeout
from .configure import checked_config, setup_message
from .endpoint import Access, base_of, request_headers
from .errors import ConfigError, ConnectError, DecodeError
from .transport import Dial, exchange
from .types.config import GenerationConfig
from .types.requests import LiveClientSetup
from .types.tokens import AuthToken, CreateAuthTokenConfig

__all__ = ["AuthTokens", "token_request"]

_PHASE = "auth_tokens"


class AuthTokens(HoldsSecret):
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
            config: A :class:`CreateAuthTokenConfig` or dict: uses, expiry, constraints, locks; or
                the one object that the JS client's ``create`` takes, with it inside.
            timeout: Seconds for everything: look-up, connecting, proxy, TLS and the answer.

        Returns:
            The token; its ``name`` is the secret, to be passed as ``api_key`` elsewhere.

        Raises:
            ConfigError: Not on the Developer API, or a wrong config.
            AuthenticationError: The key is refused.
            ConnectError: No answer, another refusal, or an answer that names no token.
            LiveTimeout: The deadline passed; ``phase`` says where.
        """
        if isinstance(config, Mapping) and set(config) == {"config"}:
            config = config["config"]
        checked = codec.check({} if config is None else config, CreateAuthTokenConfig, "config")
        access = self._access.for_session(checked.http_options)
        if access.backend != "developer":
            raise ConfigError("ephemeral tokens exist on the Gemini Developer API only")
        if access.is_token:
            raise ConfigError("a token cannot make tokens: use an API key")
        base = base_of(access).removesuffix("/")
        request = Dial(
            url=f"{base}/{access.api_version}/auth_tokens",
            headers={**request_headers(access), "Content-Type": "application/json"},
            proxy=self._proxy,
            ssl_context=self._ssl_context,
        )
        body = codec.dumps(token_request(checked, access))
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        return _token_in(exchange(request, body, deadline, phase=_PHASE))


def _token_in(answer: bytes) -> AuthToken:
    try:
        found = codec.parse(answer)
    except DecodeError as error:
        raise ConnectError(f"the answer is {error}", phase=_PHASE) from error
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise ConnectError("the answer names no token", phase=_PHASE)
    return codec.check({"name": found["name"]}, AuthToken)


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
        wire.update(constraints.extra or {})
    if wire:
        body["bidiGenerateContentSetup"] = wire
    mask = _field_mask(wire, config.lock_additional_fields)
    if mask:
        body["fieldMask"] = mask
    body.update(config.extra or {})
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
    """Name what is set, two levels deep: what else an object has is left to the client."""
    if isinstance(value, dict) and value:
        return [f"{key}.{name}" for name in value]
    return [key]


def _mask_name(name: str) -> str:
    camel = codec.camel(name)
    return f"generationConfig.{camel}" if camel in _in_generation_config() else camel


def _in_generation_config() -> set[str]:
    names = {codec.camel(field.name) for field in attrs.fields(GenerationConfig)}
    return names - {"extra", "responseModality"}
