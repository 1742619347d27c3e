"""What stands behind a connection, as the connection sees it: a request, and an answer to it."""

from __future__ import annotations

from typing import Protocol

import attrs

__all__ = ["App", "HttpAnswer", "Request"]


@attrs.frozen(kw_only=True)
class Request:
    """A request: target split into ``path`` and ``query``; header names in lower case.

    ``"GET"`` is for the upgrade, which has no body.
    """

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


@attrs.frozen(kw_only=True)
class HttpAnswer:
    """An HTTP answer instead of the upgrade."""

    status: int
    body: str
    headers: dict[str, str] = attrs.Factory(dict)


class App(Protocol):
    """What a connection talks to once it is open.  All calls come from the connection's thread."""

    def opened(self) -> None:
        """The upgrade is answered with 101."""

    def received(self, payload: bytes) -> None:
        """A whole message arrived, text or binary, fragments joined."""

    def ponged(self, payload: bytes) -> None:
        """A pong arrived."""
