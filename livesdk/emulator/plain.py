"""HTTP that is no upgrade, read by hand: websockets knows GET alone, and no bodies.  Pure."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping

from .app import Request

__all__ = ["is_plain", "make_request", "read_request"]

_REQUEST_LINE = re.compile(rb"(?!GET )[A-Z]+ \S+ HTTP/1\.[01]\r")
_LENGTH = re.compile(r"\d{1,9}", re.ASCII)
_LONGEST_LINE = 1 << 13
_MOST_HEAD = 1 << 16
_MOST_BODY = 1 << 20


def is_plain(received: bytes) -> bool | None:
    """Whether a request other than GET begins so; ``None`` while that cannot be told."""
    line, newline, _ = received.partition(b"\n")
    if not newline and len(line) < _LONGEST_LINE:
        return None
    return _REQUEST_LINE.fullmatch(line) is not None


def read_request(received: bytes) -> Request | int | None:
    """Return the request once it is whole; an HTTP status if it cannot be read."""
    head, blank, rest = received.partition(b"\r\n\r\n")
    if not blank:
        return None if len(head) < _MOST_HEAD else 431
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        return 411
    length = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length):
        return 400
    if int(length) > _MOST_BODY:
        return 413
    if len(rest) < int(length):
        return None
    return make_request(method, target, headers, rest[: int(length)])


def make_request(
    method: str, target: str, headers: Mapping[str, str], body: bytes = b""
) -> Request:
    """Take a target apart; ``headers`` have names in lower case."""
    path, _, query = target.partition("?")  # not urlsplit: it takes "//ws/…" for a host
    return Request(
        method=method,
        path=path,
        query=dict(urllib.parse.parse_qsl(query)),
        headers=dict(headers),
        body=body,
    )
