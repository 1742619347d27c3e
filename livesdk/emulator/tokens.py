"""Ephemeral tokens: made by a POST, good for a while, for some sessions, for one setup (§12)."""

from __future__ import annotations

import copy
import json
import re
import secrets
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from ..codec import parse
from ..errors import ConfigError, DecodeError
from .addresses import TOKEN_PREFIX, error_body, find_token_address, judge_credential
from .app import Request
from .casing import camel, camel_key
from .checks import check_frame

__all__ = ["Token", "Tokens"]

_FIELDS = {"uses", "expireTime", "newSessionExpireTime", "bidiGenerateContentSetup", "fieldMask"}
_EXPIRES = 30 * 60.0
_NEW_SESSIONS_EXPIRE = 60.0
_LATEST = 20 * 3600.0
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_now = time.time  # the limits are times of day


@attrs.define(eq=False, kw_only=True)
class Token:
    """One token.  Any thread.

    Attributes:
        name: The secret.
        uses: How many sessions may begin with it; 0 for any number.
        expires: When messages are refused, in seconds since 1970.
        new_sessions_expire: When new sessions are refused.
        setup: What it fixes, in camelCase; empty for nothing.
        mask: Which fields of that; none for the whole.
    """

    name: str = attrs.field(factory=lambda: TOKEN_PREFIX + secrets.token_hex(16), repr=False)
    uses: int
    expires: float
    new_sessions_expire: float
    setup: dict[str, Any]
    mask: tuple[str, ...]
    _used: int = 0
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    @property
    def is_expired(self) -> bool:
        """Whether nothing can be done with it any more."""
        return _now() >= self.expires

    def begin_session(self) -> bool:
        """Count a new session; False if there may be none.  One that is resumed does not count."""
        with self._lock:
            if _now() >= self.new_sessions_expire or (self.uses and self._used >= self.uses):
                return False
            self._used += 1
            return True

    def fix(self, setup: Mapping[str, Any]) -> dict[str, Any]:
        """Return the setup that holds: the client's, with what the token fixes in its place.

        A handle stays the client's where the token has resumption, which would be none without.
        """
        if not self.setup:
            return dict(setup)
        fixed = copy.deepcopy(dict(setup) if self.mask else self.setup)
        for path in self.mask:
            _copy_field(path.split("."), self.setup, fixed)
        handle = setup.get("sessionResumption", {}).get("handle")
        if handle and "sessionResumption" in fixed:
            fixed["sessionResumption"]["handle"] = handle
        return fixed


class Tokens:
    """The tokens that one emulator has made.  Any thread.

    Args:
        api_keys: The keys that may make some; ``None`` for any that is not empty.
    """

    def __init__(self, api_keys: Collection[str] | None) -> None:
        self._api_keys = api_keys
        self._made: dict[str, Token] = {}

    def find(self, name: str) -> Token | None:
        """Return the token of this name, or ``None`` if it was not made here."""
        return self._made.get(name)

    def answer(self, request: Request) -> tuple[int, str]:
        """Answer a request that is no upgrade: HTTP status and body."""
        address = find_token_address(request.path) if request.method == "POST" else None
        if address is None:
            return _error(404, f"{request.method} {request.path} is not served by the emulator.")
        refusal = judge_credential(address, request.query, request.headers, self._api_keys)
        if refusal is not None:
            return _error(403 if refusal.code == 1008 else 400, refusal.reason)
        try:
            token = _read(camel(parse(request.body or b"{}")))
        except (DecodeError, ValueError) as error:
            return _error(400, str(error))
        wrong = check_frame({"setup": token.setup}, address)
        if wrong is not None:
            return _error(400, wrong.reason)
        self._made[token.name] = token
        return 200, json.dumps({"name": token.name}, indent=2) + "\n"


def _error(status: int, message: str) -> tuple[int, str]:
    return status, error_body(status, message)


def _read(body: Any) -> Token:
    """Read what a token is asked for with, in camelCase."""
    _need(isinstance(body, dict), "Invalid JSON payload received. The root must be a message.")
    for name in sorted(body.keys() - _FIELDS):
        _need(False, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    uses, setup = body.get("uses", 1), body.get("bidiGenerateContentSetup", {})
    mask = body.get("fieldMask", "")
    _need(type(uses) is int and uses >= 0, f"Invalid value at 'uses': {uses!r:.40}")
    _need(isinstance(setup, dict), "Invalid value at 'bidi_generate_content_setup'")
    _need(isinstance(mask, str), "Invalid value at 'field_mask'")
    return Token(
        uses=uses,
        expires=_moment(body, "expireTime", _EXPIRES),
        new_sessions_expire=_moment(body, "newSessionExpireTime", _NEW_SESSIONS_EXPIRE),
        setup=setup,
        mask=tuple(camel_key(path.strip()) for path in mask.split(",") if path.strip()),
    )


def _moment(body: Mapping[str, Any], name: str, default: float) -> float:
    """Seconds since 1970, of an RFC 3339 text less than 20 hours ahead; one that is past may be."""
    if name not in body:
        return _now() + default
    found = _MOMENT.fullmatch(str(body[name]))
    if found is None:
        raise ConfigError(f"Invalid value at '{name}': {body[name]!r:.40} is no RFC 3339 time.")
    zone = found[3].replace("Z", "+00:00")
    moment = datetime.fromisoformat(found[1] + zone).timestamp() + float(f"0{found[2] or ''}")
    _need(moment < _now() + _LATEST, f"{name} must be less than 20 hours ahead.")
    return moment


def _need(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigError(message)


def _copy_field(path: Sequence[str], source: Mapping[str, Any], target: dict[str, Any]) -> None:
    """Make one field of ``target`` what it is in ``source``, or leave it out as there."""
    name, *deeper = path
    if deeper:
        _copy_field(deeper, source.get(name, {}), target.setdefault(name, {}))
    elif name in source:
        target[name] = copy.deepcopy(source[name])
    else:
        target.pop(name, None)
