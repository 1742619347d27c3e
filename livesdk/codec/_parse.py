"""From the bytes of a frame to Python values; base64 goes past the JSON parser where it can.

Half of the work on a frame of audio is the JSON parser walking through base64, one character at a
time.  So the first base64 string is cut out, a mark put in its place, and the rest is parsed.  Only
if the mark then turns up exactly where audio belongs was the cut right; else the frame is parsed
whole, as if nothing had been tried.
"""

from __future__ import annotations

import binascii
import json
import os
import re
from collections.abc import Callable
from typing import Any, Optional, Union

import pybase64

from .._log import shorten
from ..errors import DecodeError

__all__ = [
    "WORTH_A_CUT",
    "Frame",
    "around_text",
    "cut",
    "excerpt",
    "join",
    "parse",
    "parse_around",
    "text_between",
]

_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # what json.loads comes to
_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
_SPACE = " \t\r\n"

WORTH_A_CUT = 512
"""Bytes of a frame from which on cutting is quicker than parsing."""
_HEAD = 512
"""How far into a frame its first base64 string is looked for."""
_TAIL = 64
"""How far from the end of a view that string ends, mostly."""
_BASE64_BEGINS = re.compile(rb'"data"\s*:\s*"')
_MARK = os.urandom(16).hex()  # like the boundary of MIME: no server can know it
_MARK_BYTES = _MARK.encode()


Frame = Union[bytes, str, memoryview]


def parse(frame: Frame) -> Any:
    """Turn UTF-8 JSON into Python values; :class:`DecodeError` where it is not."""
    try:
        text = frame if isinstance(frame, str) else str(frame, "utf-8")
        if len(text) > _DEEPEST and _is_deep(text):
            raise RecursionError
        if text[:1] not in "{[":
            text = text.lstrip(_SPACE)
        found, end = _scan(text, 0)
        if end < len(text) and text[end:] != "\n" and text[end:].strip(_SPACE):
            raise ValueError(f"more text after the end at character {end}")
        return found
    except RecursionError:
        why = "nested too deeply"
    except StopIteration as stop:
        why = f"not JSON: Expecting value: character {stop.value}"
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        why = f"not JSON: {_why(error)}"
    # out here: as a context those errors would keep the whole frame, and show it
    raise DecodeError(why, excerpt=excerpt(frame))


_DEEPEST = 500
"""Levels that a frame may be nested.

Python's parser ends by itself somewhere between 990 and 10 000, depending on version and caller; in
a thread with a small stack that is too late, and the process is gone.
"""
_NO_LEVEL = r'"[^"]*"?|[^][{}"]+'
"""All that opens or closes no level, once no string holds a quote of its own."""


def _is_deep(text: str) -> bool:
    """Tell whether a frame has more levels than any message; nearly all have too few brackets."""
    if text.count("{") + text.count("[") <= _DEEPEST:
        return False
    depth = 0
    plain = text.replace("\\\\", "").replace('\\"', "")  # a quote now begins or ends a string
    for bracket in re.sub(_NO_LEVEL, "", plain):
        depth += 1 if bracket in "{[" else -1
        if depth > _DEEPEST:
            return True
    return False


def cut(frame: Frame) -> Optional[tuple[bytes, bytes]]:
    """Cut the first base64 string out of a frame of audio; ``None`` where that cannot be.

    Base64 holds neither quotes nor backslashes: it ends at the next quote, and whatever else of
    that kind stands in its place, the parser is in the same state behind it.

    Returns:
        The frame with a mark instead, and the bytes that the string stood for.
    """
    if isinstance(frame, str):
        return None
    begin = _BASE64_BEGINS.search(frame, 0, _HEAD)
    if begin is None:
        return None
    view, start = memoryview(frame), begin.end()
    if isinstance(frame, bytes):
        end = frame.find(b'"', start)
    else:  # which cannot be searched; were there a quote before this one, it would not be base64
        near = max(start, len(frame) - _TAIL)
        end = bytes(frame[near:]).find(b'"')
        if end < 0:
            return cut(bytes(frame))
        end += near
    try:
        octets = pybase64.b64decode(view[start:end], None, True)
    except (binascii.Error, ValueError):
        return None if isinstance(frame, bytes) else cut(bytes(frame))
    over = len(octets) % 3
    if over and pybase64.b64encode(octets[-over:]) != view[end - 4 : end]:
        return None  # its last letter says more than the bytes do: join() could not restore it
    return b"".join((view[:start], _MARK_BYTES, view[end:])), octets


def join(rest: bytes, octets: bytes) -> bytes:
    """Put together again what :func:`cut` parted."""
    return rest.replace(_MARK_BYTES, pybase64.b64encode(octets), 1)


def parse_around(rest: bytes, octets: bytes, *, music: bool) -> Optional[dict[str, Any]]:
    """Parse what :func:`cut` left, and put the bytes where audio belongs; ``None`` if they do not.

    Nothing is raised: the frame is then to be parsed as a whole, which says what is wrong with it.
    """
    try:
        found = parse(rest)
    except DecodeError:
        return None
    blob = _first_chunk(found) if music else _first_blob(found)
    if blob.__class__ is not dict or blob.get("data") != _MARK:
        return None
    blob["data"] = octets
    return found  # type: ignore[no-any-return]


_TEXT_BEGINS = rb'"text"\s*:\s*"'


def around_text(frame: bytes) -> Optional[tuple[bytes, bytes]]:
    """Return what stands before and behind the first text of a frame, with its quotes.

    A frame that begins and ends like that, with one JSON string in between, says the same but for
    the text.
    """
    begin = re.search(_TEXT_BEGINS, frame)
    if begin is None:
        return None
    before = frame[: begin.end()]
    text = str(frame, "utf-8")
    _, end = _string(text, len(str(before, "utf-8")))
    return before, text[end - 1 :].encode()


def text_between(frame: bytes, before: bytes, behind: bytes) -> Optional[str]:
    """Return the text of a frame that begins and ends like that; ``None`` where it has more."""
    text = str(frame, "utf-8")
    found, end = _string(text, len(before))
    return found if len(text) == end - 1 + len(behind) else None


def _first_blob(found: Any) -> Any:
    """Find the first blob of a live message (Protocol §8.2)."""
    try:
        for part in found["serverContent"]["modelTurn"]["parts"]:
            if "inlineData" in part:
                return part["inlineData"]
    except (LookupError, TypeError):
        pass
    return None


def _first_chunk(found: Any) -> Any:
    """Find the first blob of a message of music (Protocol §11)."""
    try:
        return found["serverContent"]["audioChunks"][0]
    except (LookupError, TypeError):
        return None


def _why(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return shorten(str(error))


def excerpt(frame: Frame) -> str:
    """Return the beginning of a frame, for an error message."""
    head = frame[:200]
    return head if isinstance(head, str) else str(head, "utf-8", "replace")
