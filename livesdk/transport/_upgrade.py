"""The WebSocket upgrade (RFC 6455 §4): websocket-client does it, on what it takes for a socket.

The library never holds a secret: our headers join its request on the way out, and of the answer it
sees what it has to judge.  So no trace, log or exception of its can show a key, it has no cookies
to keep for the next session, and an answer other than 101 never reaches it: websocket-client 1.9.0
takes a redirect for success.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NoReturn, Optional
from urllib.parse import urlsplit

import websocket

from .._log import shorten
from .._records import frozen
from .._secret import SHORTEST_SECRET, secrets_in
from ..errors import AuthenticationError, ConfigError, ConnectError
from ..retry import cause_of
from ._line import Late, Line

__all__ = ["Secrets", "message_in", "refusal", "upgrade"]

_BODY_LIMIT = 64 * 1024
"""Bytes of the body of a refusal that are read at most."""

_HINTS = {
    401: "the credential is missing or expired",
    403: "the credential may not use this API, model or project",
    404: "the path is wrong: check api_version, base_url and location",
    429: "too many connections or requests: wait, or raise the quota",
    503: "the service is overloaded: try again",
}
_UPGRADE_HINTS = {**_HINTS, 400: "check the API version and the URL"}


class Secrets:
    """Headers that no repr shows, whatever holds them.

    Args:
        given: Returns them; a function, so that no traceback shows them.

    Raises:
        ConfigError: One of them would not stay in its line.
    """

    def __init__(self, given: Callable[[], Mapping[str, str]]) -> None:
        bad = [name for name, value in given().items() if not _is_header(name, value)]
        if bad:
            raise ConfigError(f"header {bad[0]!r}: a line break, or a sign no header may have")
        self._headers = given()

    def lines(self) -> bytes:
        """Return them as they are sent."""
        return "".join(f"{name}: {value}\r\n" for name, value in self._headers.items()).encode()

    def struck_from(self, text: str) -> str:
        """Return ``text`` without the values, should the server have quoted one.

        Nor may it end with the beginning of one: close reasons and excerpts are cut.
        """
        for word in secrets_in(self._headers):
            text = _without(text.replace(word, "[…]"), word)
        return text


def _without(text: str, word: str) -> str:
    """Cut the beginning of ``word`` off the end of ``text``."""
    for size in range(len(word) - 1, SHORTEST_SECRET - 1, -1):
        if text.endswith(word[:size]):
            return text[:-size] + "[…]"
    return text


def _is_header(name: str, value: str) -> bool:
    """Tell whether it stays in its line (RFC 9110 §5.1, §5.5)."""
    return bool(re.fullmatch(r"[!-9;-~]+", name)) and not re.search(r"[\r\n\0\ud800-\udfff]", value)


def upgrade(line: Line, url: str, secrets: Secrets) -> None:
    """Ask for the upgrade and check the answer; WebSocket frames flow from here on.

    Raises:
        ConnectError: The server refused, or did not answer as RFC 6455 §4.2.2 says.
        websocket.WebSocketException: The same, in the library's words.
    """
    websocket.WebSocket().connect(  # type: ignore[no-untyped-call]  # its typing is partial
        url,
        socket=_LibrarySocket(line, secrets),
        suppress_origin=True,
        redirect_limit=0,
        host=urlsplit(url).netloc.rpartition("@")[2],
    )


class _LibrarySocket:
    """What websocket-client sees of a socket while it upgrades."""

    def __init__(self, line: Line, secrets: Secrets) -> None:
        self._line = line
        self._secrets = secrets
        self._answer: Optional[bytes] = None

    def gettimeout(self) -> float:
        return 0.0  # so that the library calls recv and send straight away

    def settimeout(self, timeout: Optional[float]) -> None:
        pass

    def send(self, data: bytes) -> int:
        """Send the head of the request, with the headers that are ours alone to see."""
        assert data.endswith(b"\r\n\r\n")  # the library sends it in one piece
        self._line.send(memoryview(data[:-2] + self._secrets.lines() + b"\r\n"))
        return len(data)

    def recv(self, size: int) -> bytes:
        if self._answer is None:
            head = _Head.parse(self._line.read_head())
            if head.status != 101:
                _refuse(head, self._line, self._secrets)
            self._answer = head.without("set-cookie")
        data, self._answer = self._answer[:size], self._answer[size:]
        return data

    def close(self) -> None:
        pass  # whoever dials closes


@frozen
class _Head:
    """The head of an HTTP answer."""

    status: int
    first: str
    headers: list[tuple[str, str]]

    @classmethod
    def parse(cls, data: bytes) -> _Head:
        first, *rest = data.decode("latin-1").splitlines()
        status = re.match(r"HTTP/1\.[01] (\d{3})\b", first)
        if status is None:
            raise ValueError("the answer is not HTTP")
        pairs = (line.partition(":") for line in rest)
        return cls(
            int(status.group(1)), first, [(one.lower(), two.strip()) for one, _, two in pairs]
        )

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def without(self, name: str) -> bytes:
        """Return the head without that header, and without what is no header."""
        kept = [f"{key}: {value}" for key, value in self.headers if key and key != name]
        return "\r\n".join([self.first, *kept, "", ""]).encode()


def _refuse(head: _Head, line: Line, secrets: Secrets) -> NoReturn:
    """Raise the error of an upgrade that HTTP answered otherwise (Protocol §13.6)."""
    words = secrets.struck_from(message_in(_read_body(head, line.recv)))
    raise refusal(head.status, words, "upgrade", what="the connection", hints=_UPGRADE_HINTS)


def refusal(
    status: int, words: str, phase: str, *, what: str, hints: Mapping[int, str] = _HINTS
) -> ConnectError:
    """Make the error of an answer by which HTTP refuses.

    Args:
        words: The server's own, without secrets.
        what: What was refused, for the text.
        hints: By status.
    """
    hint = hints.get(status)
    kind = AuthenticationError if status in (401, 403) else ConnectError
    cause = cause_of(1007, words)
    if status == 400 and cause.names_credential:  # how the service answers a key that is none
        kind, hint = AuthenticationError, cause.hint
    if 300 <= status < 400:
        hint = "redirects are not followed, because the key would go with them: use the new URL"
    text = f"the server refused {what}: HTTP {status}{': ' + words if words else ''}"
    return kind(text, phase=phase, status=status, reason=words, hint=hint)


def _read_body(head: _Head, recv: Callable[[int], bytes]) -> bytes:
    """Read the body as far as it comes; the status is known, so nothing is worth an error."""
    chunked = "chunked" in head.get("transfer-encoding").lower()
    length = head.get("content-length")
    # Python refuses to read a number of thousands of digits
    limit = min(int(length), _BODY_LIMIT) if re.fullmatch("[0-9]{1,9}", length) else _BODY_LIMIT
    if head.status < 200 or head.status in (204, 304):
        return b""  # RFC 9110 §6.4.1
    body = b""
    try:
        while len(body) < limit and not (chunked and body.endswith(b"0\r\n\r\n")):
            body += recv(min(limit - len(body), 16 * 1024))
    except (OSError, Late):  # closed, which ends a body without a length; or out of time
        pass
    return re.sub(rb"(?:^|\r\n)[0-9a-fA-F]+\r\n", b"", body) if chunked else body


def message_in(body: bytes) -> str:
    """Find the words in ``{"error": {"message": …}}``, without trusting that it is JSON."""
    found = re.search(rb'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', body)
    text = (found.group(1) if found else body).decode("utf-8", "replace")
    if found:
        text = re.sub(r"\\n|\\r|\\t", " ", text).replace('\\"', '"').replace("\\\\", "\\")
    return shorten(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip())
