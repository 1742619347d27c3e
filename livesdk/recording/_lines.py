"""The file of a recording: JSON Lines, one header and then one line an event.  Pure.

::

    {"format": "livesdk recording", "version": 1, "livesdk": "0.1.0", "service": "live",
     "model": "models/…", "backend": "developer", "started": "2026-01-01T12:00:00+00:00",
     "audio": true}
    {"at": 0.012, "direction": "client", "frame": {"setup": {…}}}
    {"at": 0.034, "direction": "server", "frame": {"setupComplete": {}}}
    {"at": 0.056, "direction": "server", "not_json": "<base64>"}
    {"at": 1.234, "event": "closed", "info": {"code": 1000, …}}

``at`` is in seconds since the start.  ``"by_session": true`` marks what a session sends of its own
accord when a connection stands: a history, and what it sends again.  ``"text": true`` marks a
server's frame that came as text; the others came as binary.  Events are ``"lost"`` (one
connection), ``"reconnected"`` (the next one stands) and ``"closed"`` (the session).  A line of
``"unsent"`` repeats a client's frame that was written before it went out, and then did not.

No secret comes in: credentials of tools are hidden, resumption handles get a stand-in, and whatever
was a header of the request is struck out wherever it turns up.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

import attrs

from .._secret import secrets_in
from ..errors import CloseInfo, ConfigError

__all__ = [
    "FORMAT",
    "VERSION",
    "Lines",
    "RecordedEvent",
    "RecordingHeader",
    "kind_of",
    "read_event",
    "read_header",
    "settled",
]

FORMAT = "livesdk recording"
VERSION = 1

_HIDDEN = "<hidden>"
_SECRET = frozenset(
    {
        "accesstoken",
        "apikey",
        "apikeysecret",
        "apikeystring",
        "authorization",
        "clientsecret",
        "credentialsecret",
        "idtoken",
        "password",
        "refreshtoken",
        "xgoogapikey",
    }
)
"""Keys whose text is hidden in what the client says, however they are spelled."""
_SECRET_WHOLLY = frozenset({"authconfig", "apiauth", "headers"})
"""Keys below which every text is hidden."""

_dumps = json.JSONEncoder(separators=(",", ":")).encode


@attrs.frozen(kw_only=True)
class RecordingHeader:
    """The first line of a recording.

    Attributes:
        service: ``"live"`` or ``"music"``.
        model: As the session was opened with.
        backend: ``"developer"``, ``"vertex"`` or ``"firebase"``.
        vertex_rules: The backend speaks Vertex's dialect.
        livesdk: The version that wrote it.
        started: The date and time, ISO 8601, UTC.
        audio: Sound and pictures are in it; else only their lengths.
    """

    service: str = "live"
    model: str = ""
    backend: str = "developer"
    vertex_rules: bool = False
    livesdk: str = ""
    started: str = ""
    audio: bool = True


@attrs.frozen(kw_only=True)
class RecordedEvent:
    """One line of a recording.

    Attributes:
        at: Seconds since the start.
        direction: ``"client"``, ``"server"``, or ``"session"`` for what happened to it.
        kind: Of a frame its first key, such as ``"serverContent"`` or ``"realtimeInput.audio"``;
            of what happened ``"lost"``, ``"reconnected"``, ``"closed"``.
        frame: Decoded JSON; ``None`` for what is no JSON, or no frame.
        info: How the connection or session ended.
        by_session: The session sent it of its own accord: a history, or again after a reconnection.
    """

    at: float
    direction: str
    kind: str = ""
    frame: Optional[dict[str, Any]] = attrs.field(default=None, repr=False)
    info: Optional[CloseInfo] = None
    by_session: bool = False
    is_text: bool = attrs.field(default=False, repr=False)
    _not_json: bytes = attrs.field(default=b"", repr=False, alias="not_json")

    @property
    def payload(self) -> Union[bytes, str]:
        """What went over the wire: the same JSON, though perhaps not spaced in the same way."""
        octets = self._not_json if self.frame is None else _dumps(self.frame).encode()
        return octets.decode() if self.is_text and self.frame is not None else octets


def kind_of(frame: Mapping[str, Any]) -> str:
    """Name what a frame is by its first key, of realtime input by its first two."""
    key = next(iter(frame), "")
    body = frame.get(key)
    if key in ("realtimeInput", "realtime_input") and isinstance(body, dict) and body:
        return f"realtimeInput.{next(iter(body))}"
    return key


# -------------------------------------------------------------------------------------- writing


class Lines:
    """Makes the lines of one recording.

    Args:
        audio: Keep the bytes of blobs; else only how many they were.
    """

    def __init__(self, *, audio: bool) -> None:
        self._audio = audio
        self._handles: dict[str, str] = {}
        self._secrets: frozenset[bytes] = frozenset()

    def keep_out(self, headers: Mapping[str, str]) -> None:
        """From now on strike the values of these headers out of whatever is written."""
        as_written = {_dumps(word)[1:-1].encode() for word in secrets_in(headers)}
        self._secrets = self._secrets | as_written

    def header(self, header: RecordingHeader) -> bytes:
        """Return the first line."""
        return self._line({"format": FORMAT, "version": VERSION, **attrs.asdict(header)})

    def frame(
        self, at: float, direction: str, payload: Union[bytes, str], *, by_session: bool = False
    ) -> bytes:
        """Return the line of a frame."""
        line: dict[str, Any] = {"at": round(at, 6), "direction": direction}
        line.update(self._told(payload, direction))
        if direction == "server" and isinstance(payload, str):
            line["text"] = True
        if by_session:
            line["by_session"] = True
        return self._line(line)

    def event(self, at: float, name: str, info: Optional[CloseInfo]) -> bytes:
        """Return the line of what happened to the session."""
        line: dict[str, Any] = {"at": round(at, 6), "event": name}
        if info is not None:
            fields = attrs.asdict(info, recurse=False)
            line["info"] = {name: fields[name] for name in _INFO}
        return self._line(line)

    def unsent(self, at: float, payload: Union[bytes, str]) -> bytes:
        """Return the line that takes a client's frame back."""
        return self._line({"at": round(at, 6), "event": "unsent", **self._told(payload, "client")})

    def _told(self, payload: Union[bytes, str], direction: str) -> dict[str, Any]:
        try:
            frame = json.loads(payload)
            if isinstance(frame, dict):
                return {"frame": self._masked(frame, direction)}
        except (ValueError, RecursionError):
            pass
        octets = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
        return {"not_json": base64.b64encode(self._struck(octets)).decode()}

    def _masked(self, frame: dict[str, Any], direction: str) -> dict[str, Any]:
        if direction == "client":
            frame = _hidden(frame)
        self._stand_in(frame.get("sessionResumptionUpdate"), "newHandle")
        setup = frame.get("setup")
        self._stand_in(
            setup.get("sessionResumption") if isinstance(setup, dict) else None, "handle"
        )
        return frame if self._audio else _without_bytes(frame)

    def _stand_in(self, body: Any, key: str) -> None:
        """Put a name in the place of a handle, the same one for the same handle."""
        if isinstance(body, dict) and isinstance(body.get(key), str) and body[key]:
            number = len(self._handles) + 1
            body[key] = self._handles.setdefault(body[key], f"handle-{number}")

    def _line(self, value: dict[str, Any]) -> bytes:
        return self._struck(_dumps(value).encode()) + b"\n"

    def _struck(self, octets: bytes) -> bytes:
        for secret in self._secrets:
            octets = octets.replace(secret, _HIDDEN.encode())
        return octets


_INFO = ("code", "reason", "clean", "initiated_by", "mid_turn", "resumable")
"""What of a CloseInfo is written; the rest is made of it, or no data."""


def _hidden(value: Any, *, wholly: bool = False) -> Any:
    """Return a copy in which what must stay secret is hidden."""
    if isinstance(value, dict):
        return {key: _hidden_member(key, item, wholly=wholly) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, wholly=wholly) for item in value]
    return _HIDDEN if wholly and isinstance(value, str) else value


def _hidden_member(key: str, item: Any, *, wholly: bool) -> Any:
    name = key.replace("_", "").replace("-", "").lower()
    if name == "properties" and isinstance(item, dict):  # of a schema: names, and no values
        return {key: _hidden(schema, wholly=wholly) for key, schema in item.items()}
    if isinstance(item, str):
        return _HIDDEN if wholly or name in _SECRET else item
    return _hidden(item, wholly=wholly or name in _SECRET_WHOLLY)


def _without_bytes(value: Any) -> Any:
    """Return a copy in which the bytes of blobs are replaced by how many they are."""
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    data = value.get("data")
    if isinstance(data, str) and not value.keys().isdisjoint({"mimeType", "mime_type"}):
        return {**value, "data": {"elided": len(data.rstrip("=")) * 3 // 4}}
    return {key: _without_bytes(item) for key, item in value.items()}


# -------------------------------------------------------------------------------------- reading


def read_header(line: bytes, where: str) -> RecordingHeader:
    """Read the first line; :class:`ConfigError` if it is none of ours."""
    found = _object(line, f"{where} is no recording of livesdk")
    if found.get("format") != FORMAT:
        raise ConfigError(f"{where} is no recording of livesdk: its first line says nothing of it")
    if found.get("version") != VERSION:
        raise ConfigError(
            f"{where}: expected version {VERSION} of the format, got {found.get('version')!r:.20};"
            " a newer livesdk may read it"
        )
    known = {name: found[name] for name in attrs.fields_dict(RecordingHeader) if name in found}
    return RecordingHeader(**known)


def read_event(line: bytes, where: str) -> RecordedEvent:
    """Read any other line; :class:`ConfigError` naming the place where it is broken."""
    found = _object(line, where)
    try:
        return _event(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{where}: not a line of a recording ({error!r:.80})") from None


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON ({error!s:.80})") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: expected an object, got {type(found).__name__}")
    return found


def _event(found: dict[str, Any]) -> RecordedEvent:
    at = float(found["at"])
    name = found.get("event")
    if name is not None and name != "unsent":
        info = CloseInfo(**found["info"]) if "info" in found else None
        return RecordedEvent(at=at, direction="session", kind=str(name), info=info)
    direction = "session" if name else found["direction"]
    if direction not in ("client", "server", "session"):
        raise ValueError(direction)
    is_text = bool(found.get("text"))
    if "frame" not in found:
        octets = base64.b64decode(found["not_json"], validate=True)
        return RecordedEvent(
            at=at, direction=direction, kind=name or "", is_text=is_text, not_json=octets
        )
    frame = _with_silence(found["frame"])
    return RecordedEvent(
        at=at,
        direction=direction,
        kind=name or kind_of(frame),
        frame=frame,
        is_text=is_text,
        by_session=bool(found.get("by_session")),
    )


def _with_silence(value: Any) -> Any:
    """Put zeros, which in PCM are silence, in the place of bytes that were not recorded."""
    if isinstance(value, list):
        return [_with_silence(item) for item in value]
    if not isinstance(value, dict):
        return value
    data = value.get("data")
    if isinstance(data, dict) and data.keys() == {"elided"}:
        return {**value, "data": base64.b64encode(bytes(data["elided"])).decode()}
    return {key: _with_silence(item) for key, item in value.items()}


def settled(events: Iterable[RecordedEvent]) -> tuple[RecordedEvent, ...]:
    """Leave out what was written of frames that did not go out."""
    kept: list[RecordedEvent] = []
    for event in events:
        if event.kind != "unsent":
            kept.append(event)
            continue
        for index in range(len(kept) - 1, -1, -1):
            if kept[index].direction == "client" and kept[index].frame == event.frame:
                del kept[index]
                break
    return tuple(kept)
