"""The reading side: a recording as messages, or as a session without a network."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Optional, Union

import attrs

from .. import codec
from .._checks import check_positive
from .._log import get_logger
from ..errors import CloseInfo, ConfigError, DecodeError, LocalProtocolError
from ..types.messages import LiveServerMessage
from ..types.music import LiveMusicServerMessage
from ._follow import joined
from ._lines import RecordedEvent, RecordingHeader, read_event, read_header, settled
from ._offline import OfflineTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..dispatch import LiveCallbacks
    from ..music import MusicSession
    from ..session import Session
    from ..transport import TransportStats
    from ..types.requests import LiveClientSetup

__all__ = ["Replay"]

_log = get_logger(__name__)

_CONNECT = 10.0


class Replay:
    """A recorded session, read whole.

    ::

        replay = Replay("session.jsonl")
        for message in replay.messages():
            print(message.text)
        with replay.session() as session:
            turn = session.ask("Hello")

    It may be played any number of times and by several threads at once; nothing in it changes.  To
    serve it to a client over a socket, give it to the emulator: ``Scenario(recording=replay)``.

    Args:
        file: A path, or a file open for reading bytes.

    Raises:
        ConfigError: It cannot be read, it is no recording, or a line of it is broken; the text
            names the line.

    Warns:
        UserWarning: The last line is incomplete, as after a crash; it is left out.
    """

    def __init__(self, file: Union[str, os.PathLike[str], BinaryIO]) -> None:
        self.name, octets = _read(file)
        first, *lines = octets.split(b"\n")
        if not first.strip():
            raise ConfigError(f"{self.name} is no recording of livesdk: it is empty")
        self.header: RecordingHeader = read_header(first, self.name)
        self.events: Sequence[RecordedEvent] = settled(self._events_in(lines))

    def _events_in(self, lines: list[bytes]) -> Iterator[RecordedEvent]:
        for number, line in enumerate(lines, 2):
            if not line.strip():
                continue
            try:
                yield read_event(line, f"{self.name}, line {number}")
            except ConfigError:
                if number <= len(lines):  # behind the last line is nothing but its end
                    raise
                warnings.warn(
                    f"{self.name}: line {number}, the last one, is incomplete and left out",
                    UserWarning,
                    stacklevel=4,
                )

    @property
    def duration(self) -> float:
        """Seconds from the start to the last event."""
        return self.events[-1].at if self.events else 0.0

    @property
    def close_info(self) -> Optional[CloseInfo]:
        """How the session ended; ``None`` where that was not recorded."""
        found = (event.info for event in reversed(self.events) if event.kind == "closed")
        return next(found, None)

    def messages(self) -> Iterator[Any]:
        """Iterate over what the server said, the answer to the setup included.

        The same messages that the session's ``onmessage`` got: :class:`LiveServerMessage`, or
        :class:`LiveMusicServerMessage` of music.  What could not be decoded then is left out.
        """
        for event in joined(self.events):
            message = self.message_of(event)
            if message is not None:
                yield message

    def message_of(self, event: RecordedEvent) -> Any:
        """Return the message of one event; ``None`` if it is no message of the server."""
        if event.direction != "server":
            return None
        is_music = self.header.service == "music"
        try:
            message: Any = codec.decode(
                event.payload, LiveMusicServerMessage if is_music else LiveServerMessage
            )
        except DecodeError as error:
            _log.warning("%s: %s", self.name, error)
            return None
        if self.header.vertex_rules and not is_music:
            codec.read_as_vertex(message)
        return message

    # ------------------------------------------------------------------------ without a network

    def session(
        self,
        callbacks: Union[LiveCallbacks, Mapping[str, Any], None] = None,
        *,
        tools: Any = None,
        realtime: bool = False,
        speed: float = 1.0,
        wait_for_client: bool = True,
    ) -> Session:
        """Open a session that this recording answers; there is no socket.

        It is the real :class:`livesdk.Session`: callbacks, turns, transcripts, tools.  What it
        sends goes nowhere, but is counted: a frame of the server comes once the program has sent
        what had been sent by then, of each kind as many frames (sound and pictures by amount).  A
        reconnection in the recording passes unnoticed.  It ends as the recorded one did.

        Args:
            callbacks: As of ``connect``.
            tools: Functions to run when the recorded model calls them.
            realtime: At the pace of the recording; else as fast as it is taken.
            speed: With ``realtime``, so many times as fast.
            wait_for_client: False: play on whatever the program sends, to look on only.

        Raises:
            ConfigError: It is a recording of music, or of a setup that was refused.
        """
        from ..dispatch import callbacks_from
        from ..endpoint import Access
        from ..service import Options
        from ..session import Session
        from ..tools import split_tools

        if self.header.service != "live":
            raise ConfigError(f"{self.name} is of music: use music_session()")
        offline = self._offline(realtime, speed, waits=wait_for_client)
        _, functions = split_tools(tools)
        session = Session(
            access=Access(backend=self.header.backend, vertex_rules=self.header.vertex_rules),
            setup=self._setup(),
            dial=_nobody,
            callbacks=callbacks_from(callbacks),
            options=Options(ping_interval=None, liveness_timeout=None, tap=offline),
            conversations=_no_conversation,
            functions=functions,
        )
        session._connection.start(time.monotonic() + _CONNECT)
        return session

    def music_session(
        self,
        callbacks: Union[LiveCallbacks, Mapping[str, Any], None] = None,
        *,
        realtime: bool = False,
        speed: float = 1.0,
        wait_for_client: bool = True,
    ) -> MusicSession:
        """Open a music session that this recording answers; otherwise like :meth:`session`."""
        from ..dispatch import callbacks_from
        from ..music import MusicSession
        from ..service import Options

        if self.header.service != "music":
            raise ConfigError(f"{self.name} is not of music: use session()")
        offline = self._offline(realtime, speed, waits=wait_for_client)
        session = MusicSession(
            model=self.header.model,
            dial=_nobody,
            callbacks=callbacks_from(callbacks),
            options=Options(ping_interval=None, liveness_timeout=None, tap=offline),
        )
        session._connection.start(time.monotonic() + _CONNECT)
        return session

    def _offline(self, realtime: bool, speed: float, *, waits: bool) -> _Offline:
        check_positive("speed", speed)
        return _Offline(self.events, speed if realtime else None, waits)

    def _setup(self) -> LiveClientSetup:
        """Return as much of the setup as a session acts by: model, calls, who detects speech."""
        from ..types.requests import LiveClientSetup

        frames = (event.frame for event in self.events if event.kind == "setup")
        setup = (next(frames, None) or {}).get("setup")
        if not isinstance(setup, dict):
            raise ConfigError(f"{self.name} has no setup: the session was never opened")
        declared = [
            {name: function[name] for name in ("name", "behavior") if name in function}
            for tool in setup.get("tools") or ()
            for function in tool.get("functionDeclarations") or ()
        ]
        tools = [{"functionDeclarations": declared}] if declared else None
        detection = (setup.get("realtimeInputConfig") or {}).get("automaticActivityDetection") or {}
        disabled = {"automaticActivityDetection": {"disabled": bool(detection.get("disabled"))}}
        acts_by = {"model": setup.get("model"), "tools": tools, "realtimeInputConfig": disabled}
        return codec.check(acts_by, LiveClientSetup)


@attrs.frozen
class _Offline:
    """What a connection needs to be offline."""

    events: Sequence[RecordedEvent]
    speed: Optional[float]
    waits: bool

    def transport(self, *, stats: TransportStats, **_: Any) -> OfflineTransport:
        return OfflineTransport(self.events, stats, waits=self.waits, speed=self.speed)

    def opened(self, report: Any) -> None:
        """There is nothing to report."""

    def closed(self, info: CloseInfo) -> None:
        """Nobody has to be told."""


def _nobody() -> Any:
    """Return what an offline transport dials: nothing."""


def _no_conversation(*_: Any, **__: Any) -> Any:
    raise LocalProtocolError(
        "a session of a recording has no audio conversation of its own: use"
        " livesdk.AudioConversation(session, ...)"
    )


def _read(file: Any) -> tuple[str, bytes]:
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        try:
            return str(path), path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    if not hasattr(file, "read"):
        raise ConfigError(f"Replay: expected a path or a binary file, got {file!r:.60}")
    octets = file.read()
    if not isinstance(octets, bytes):
        raise ConfigError("Replay: the file must be open for reading bytes")
    return str(getattr(file, "name", "the recording")), octets
