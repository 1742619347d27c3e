"""Every way a connection ends, mid-turn and between turns, with and without reconnecting."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

import attrs
import pytest
from recovery.stations import FAST, Line, Station, connected, nice
from session.rig import PATIENCE, Heard
from waiting import Caught, settled

import livesdk

pytestmark = pytest.mark.long

FREED = 0.2
"""Seconds after the end in which every call that waits must be back."""
SILENT = {"liveness_timeout": 0.4, "ping_interval": None}
BIG = "x" * 7_000_000  # more than the system's buffers take


@attrs.frozen
class Way:
    """How the server ends a connection, and how that is told.

    Attributes:
        code: Of the close frame, or 1006.
        reason: Of the close frame; otherwise part of what is told.
        clean: As in ``CloseInfo``.
        by: As in ``CloseInfo``.
        hint: Part of the hint; empty for none.
        survived: With ``reconnect`` the session goes on.
    """

    code: int
    reason: str = ""
    clean: bool = False
    by: str = "remote"
    hint: str = ""
    survived: bool = True

    def __str__(self) -> str:
        return f"{self.code} {self.reason}".split(":")[0].replace(" ", "-")

    def happen(self, station: Station, *, reads: bool) -> None:
        if self.by == "remote" and reads:
            station.close(self.code, self.reason)
        elif self.by == "remote":
            station.peer.close(self.code, self.reason)
            station.peer.over.wait(PATIENCE)
        elif "reset" in self.reason:
            linger = struct.pack("ii", 1, 0)
            station.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif "no bytes" in self.reason:
            with contextlib.suppress(ConnectionError):
                station.peer.read_all()


SILENCE = Way(1006, "no bytes", by="network")
WAYS = [
    Way(1000, clean=True, survived=False),
    Way(1001, "going away", clean=True),
    Way(1007, "Request contains an invalid argument.", hint="field", survived=False),
    Way(1008, "Operation is not implemented.", hint="does not offer", survived=False),
    Way(1008, "The operation was aborted.", hint="old connection"),
    Way(1011, "You exceeded your current quota", hint="billing", survived=False),
    Way(1011, "Internal error encountered.", hint="out of order"),
    Way(4001, "private"),
    Way(1006, "reset", by="network"),
    Way(1006, "without a close frame", by="network"),
    SILENCE,
]


class Scene:
    """A server that ends its first connection, and a session with somebody in every wait.

    Args:
        way: How it ends.
        mid_turn: The model is speaking when it ends.
        afterwards: Whether anybody answers the next dial.
        reads: The server reads on after it has said that it closes.
    """

    def __init__(
        self, way: Way, *, mid_turn: bool, afterwards: bool = True, reads: bool = True
    ) -> None:
        self.way = way
        self.mid_turn = mid_turn
        self.heard = Heard()
        self.may_end = threading.Event()
        self.ended_at = 0.0
        self.line = Line(self._first, nice)
        self._afterwards = afterwards
        self._reads = reads

    def _first(self, station: Station) -> None:
        station.open()
        station.gives("handle")
        if self.mid_turn:
            station.read("clientContent")
            station.says("Well, ", done=False)
        self.may_end.wait(PATIENCE)
        if not self._afterwards:
            self.line.refuse_all()
        self.ended_at = time.monotonic()
        self.way.happen(station, reads=self._reads)

    def connected(self, **options):
        callbacks = self.heard.callbacks(
            on_reconnect=self.heard.hears("reconnect"), onclose=self._closed
        )
        client = SILENT if self.way is SILENCE else {}
        return connected(self.line, callbacks, client=client, **options)

    def _closed(self, info) -> None:
        self.closed_at = time.monotonic()
        self.heard.note("close", info)

    def wait_in(self, session, consumer: str) -> dict[str, Caught]:
        """Put a thread into each wait; returns once the server has said all before the end."""
        if self.mid_turn and consumer != "ask":
            session.send_client_content("Well?")
        calls = {
            "consumer": Caught(session.ask, "Well?", timeout=30)
            if consumer == "ask"
            else Caught(lambda: list(getattr(session, consumer)())),
            "wait_closed": Caught(session.wait_closed),
            "wait_ended": Caught(session.wait_ended, 30),
        }
        self.heard.wait("message", 3 if self.mid_turn else 2)
        return calls

    def fill(self, session) -> list[Caught]:
        """Send more than a server takes that does not read."""
        self.heard.wait("message", 2)
        calls = [Caught(session.send_client_content, BIG) for _ in range(2)]
        stats = session._connection.transport.stats
        assert settled(lambda: stats.frames_queued == 2)
        return calls

    def assert_over(self, session, calls: dict[str, Caught], info) -> None:
        """Everybody was told the same, once, in order and in time."""
        outcomes = {name: call.outcome() for name, call in calls.items()}
        late = {name: call.ended_at - self.closed_at for name, call in calls.items()}
        assert {name: seconds for name, seconds in late.items() if seconds > FREED} == {}
        assert outcomes.pop("wait_closed") is info
        assert outcomes.pop("wait_ended") is True
        assert session.close_info is info
        assert self.heard.all("close") == [info]
        assert self.heard.kinds[-1] == "close"
        errors = [] if info.clean else [info]
        assert [error.info for error in self.heard.all("error")] == errors
        if not info.clean:
            assert self.heard.kinds[-2] == "error"
        for name, outcome in outcomes.items():
            if not info.clean or name.startswith("send"):
                assert outcome.info is info, name


def assert_is(info, way: Way, *, mid_turn: bool) -> None:
    told = (info.code, info.clean, info.initiated_by, info.mid_turn, info.resumable)
    assert told == (way.code, way.clean, way.by, mid_turn, True)
    assert info.reason == way.reason if way.by == "remote" else way.reason in info.reason
    assert info.error is None
    assert way.hint in info.hint if way.hint else info.hint is None


@pytest.mark.parametrize(
    ("mid_turn", "consumer"),
    [(False, "receive"), (True, "receive_turn"), (True, "ask")],
)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_without_reconnecting_an_end_is_told_once_and_frees_everybody(way, consumer, mid_turn):
    scene = Scene(way, mid_turn=mid_turn)
    with scene.line, scene.connected(reconnect=False) as session:
        calls = scene.wait_in(session, consumer)
        scene.may_end.set()
        info = scene.heard.wait("close")
        assert_is(info, way, mid_turn=mid_turn)
        if way is not SILENCE:
            assert scene.closed_at - scene.ended_at <= FREED
        scene.assert_over(session, calls, info)
        if way.clean and consumer == "ask":
            assert calls["consumer"].result().ended_by == "closed"
        assert len(scene.line.stations) == 1


@pytest.mark.parametrize("mid_turn", [False, True], ids=["between", "mid-turn"])
@pytest.mark.parametrize("way", [way for way in WAYS if not way.survived], ids=str)
def test_with_reconnecting_what_is_no_use_to_dial_again_is_told_the_same(way, mid_turn):
    scene = Scene(way, mid_turn=mid_turn)
    with scene.line, scene.connected() as session:
        calls = scene.wait_in(session, "receive")
        scene.may_end.set()
        info = scene.heard.wait("close")
        assert_is(info, way, mid_turn=mid_turn)
        assert scene.closed_at - scene.ended_at <= FREED
        scene.assert_over(session, calls, info)
        assert len(scene.line.stations) == 1
        assert "reconnect" not in scene.heard.kinds


@pytest.mark.parametrize("mid_turn", [False, True], ids=["between", "mid-turn"])
@pytest.mark.parametrize("way", [way for way in WAYS if way.survived], ids=str)
def test_with_reconnecting_the_end_of_a_connection_is_the_cause_and_nobody_wakes(way, mid_turn):
    scene = Scene(way, mid_turn=mid_turn)
    with scene.line, scene.connected() as session:
        calls = scene.wait_in(session, "receive")
        scene.may_end.set()
        told = scene.heard.wait("reconnect")
        assert_is(told.cause, way, mid_turn=mid_turn)
        assert told.mid_turn == mid_turn
        assert scene.line.wait(2).handle == "handle"
        assert all(call.is_alive() for call in calls.values())
        assert not {"error", "close"} & set(scene.heard.kinds)
        session.close()
        scene.assert_over(session, calls, session.close_info)
        assert session.close_info.clean


@pytest.mark.parametrize("mid_turn", [False, True], ids=["between", "mid-turn"])
@pytest.mark.parametrize("way", [way for way in WAYS if way.survived], ids=str)
def test_where_no_connection_comes_back_the_end_is_told_once_and_frees_everybody(way, mid_turn):
    scene = Scene(way, mid_turn=mid_turn, afterwards=False)
    policy = attrs.evolve(FAST, attempts=3, first_delay=0.2, longest_delay=0.2)
    with scene.line, scene.connected(reconnect=policy) as session:
        calls = scene.wait_in(session, "receive")
        scene.may_end.set()
        assert settled(lambda: session.reconnecting)
        calls["send while reconnecting"] = Caught(session.send_client_content, "x", timeout=30)
        calls["resume"] = Caught(session.resume, timeout=30)
        info = scene.heard.wait("close")
        assert (info.code, info.clean, info.initiated_by) == (1006, False, "network")
        assert (info.mid_turn, info.resumable) == (mid_turn, True)
        assert "no connection came back" in info.reason
        assert isinstance(info.error, livesdk.ConnectError)
        scene.assert_over(session, calls, info)
        assert "reconnect" not in scene.heard.kinds


@pytest.mark.parametrize("way", [way for way in WAYS if way is not SILENCE], ids=str)
def test_a_send_on_a_full_socket_is_freed(way):
    scene = Scene(way, mid_turn=False, reads=False)
    with scene.line, scene.connected(reconnect=False) as session:
        calls = scene.fill(session)
        scene.may_end.set()
        info = scene.heard.wait("close")
        for call in calls:
            assert call.outcome().info is info
            assert call.ended_at - scene.closed_at <= FREED


@pytest.mark.parametrize("way", [WAYS[1], WAYS[-2]], ids=str)
def test_a_send_on_a_full_socket_goes_on_on_the_next_connection(way):
    scene = Scene(way, mid_turn=False, reads=False)
    with scene.line, scene.connected() as session:
        calls = scene.fill(session)
        scene.may_end.set()
        assert [call.outcome(20.0) for call in calls] == [None, None]
        assert settled(lambda: len(scene.line.stations[1].of("clientContent")) == 2, 20.0)
