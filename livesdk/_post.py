"""One HTTP request with JSON both ways, for tokens; on urllib, so that nothing more is needed."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from ._log import shorten
from .errors import AuthenticationError, ConnectError, LiveTimeout

__all__ = ["post"]

_LIMIT = 1 << 20
_TIMED_OUT = (TimeoutError, socket.timeout)  # one and the same from Python 3.10 on


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float,
    ssl_context: Callable[[], ssl.SSLContext],
    proxy: Optional[str],
) -> Any:
    """Send JSON and return the JSON of the answer; blocks for at most ``timeout`` seconds.

    Raises:
        AuthenticationError: The key is refused.
        ConnectError: No answer, another refusal, or an answer that is not JSON.
        LiveTimeout: No answer in time.
    """
    all_headers = {**headers, "Content-Type": "application/json"}
    request = Request(url, data=body, headers=all_headers, method="POST")  # noqa: S310  # checked base
    try:
        with _opener(url, ssl_context, proxy).open(request, timeout=timeout) as answer:
            return json.loads(answer.read(_LIMIT))
    except HTTPError as error:
        raise _refusal(error) from None
    except _TIMED_OUT:
        raise LiveTimeout("no answer in time", phase="auth_tokens") from None
    except (URLError, OSError, HTTPException) as error:
        if isinstance(getattr(error, "reason", None), _TIMED_OUT):
            raise LiveTimeout("no answer in time", phase="auth_tokens") from None
        reason = getattr(error, "reason", error)
        raise ConnectError(
            f"cannot reach {urlsplit(url).hostname}: {shorten(str(reason))}", phase="tcp"
        ) from error
    except ValueError as error:
        raise ConnectError("the answer is not JSON", phase="auth_tokens") from error


def _opener(
    url: str, ssl_context: Callable[[], ssl.SSLContext], proxy: Optional[str]
) -> OpenerDirector:
    handlers: list[Any] = [_NoRedirects()]
    if url.startswith("https"):
        handlers.append(HTTPSHandler(context=ssl_context()))
    if proxy is not None:
        handlers.append(ProxyHandler({"http": proxy, "https": proxy}))
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
