"""Resuming by hand: on the spot, and in another session with a handle that was stored."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from recovery.stations import TEXT, Line, Station, connected, nice
from session.rig import PATIENCE, Heard
from waiting import Caught, settled, within

import livesdk
from livesdk.emulator import Emulator, Scenario
from livesdk.errors import LiveTimeout, LocalProtocolError, SessionClosed


def ready(session: livesdk.Session, line: Line) -> None:
    """Wait until the session has the handle that ``nice`` gives."""
    arrived = threading.Event()
    session.on("message", lambda message: arrived.set())
    while session.resumption_handle is None and not session.is_closed:
        arrived.wait(0.01)
    assert line.stations


@pytest.mark.parametrize("reconnect", [False, True])
@pytest.mark.parametrize(
    "handle",
    [None, "another", {"handle": "another"}, livesdk.SessionResumptionConfig(handle="another")],
    ids=["newest", "string", "dict", "config"],
)
def test_resume_takes_another_connection(handle: Any, reconnect: bool) -> None:
    heard = Heard()
    with Line(nice) as line, connected(line, heard.callbacks(), reconnect=reconnect) as session:
        ready(session, line)
        info = session.resume(handle)
        assert info.planned
        assert info.state_restored
        assert line.wait(2).handle == ("handle-0" if handle is None else "another")
        assert line.stations[1].earlier_ended
        session.send_client_content("on", turn_complete=False)
        assert "close" not in heard.kinds


def test_resume_works_from_a_callback() -> None:
    infos: list[livesdk.ReconnectInfo] = []
    done = threading.Event()

    def resume(message: livesdk.LiveServerMessage) -> None:
        if message.session_resumption_update and not infos:
            infos.append(session.resume())
            done.set()

    with Line(nice) as line, connected(line, {"onmessage": resume}) as session:
        assert done.wait(PATIENCE)
        assert line.wait(2).handle == "handle-0"


def test_resume_on_the_reader_would_wait_for_itself() -> None:
    errors: list[Exception] = []
    done = threading.Event()

    def resume(message: livesdk.LiveServerMessage) -> None:
        if message.session_resumption_update:
            try:
                session.resume()
            except LocalProtocolError as error:
                errors.append(error)
            done.set()

    callbacks = livesdk.LiveCallbacks(onmessage=resume, dispatch="reader")
    with Line(nice) as line, connected(line, callbacks) as session:
        assert done.wait(PATIENCE)
        assert errors
        assert len(line.stations) == 1


def test_without_a_handle_there_is_nothing_to_resume() -> None:
    with (
        Line(lambda station: (station.open(), station.read_on())) as line,
        connected(line) as session,
        pytest.raises(LocalProtocolError, match="no handle"),
    ):
        session.resume()


def test_a_session_that_is_over_cannot_be_resumed() -> None:
    with Line(nice) as line, connected(line) as session:
        ready(session, line)
        session.close()
        with pytest.raises(SessionClosed):
            session.resume()
        with pytest.raises(SessionClosed):
            session.resume("stored")


def test_a_refused_handle_ends_a_session_without_a_policy_only_if_fresh_ones_are_too() -> None:
    def refuses(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Invalid or expired session resumption handle.")

    with Line(nice, refuses, nice) as line, connected(line, reconnect=False) as session:
        ready(session, line)
        info = session.resume("dead")
        assert not info.state_restored
        assert [station.handle for station in line.stations] == [None, "dead", None]


def test_callbacks_that_are_behind_do_not_hold_it_up() -> None:
    gate = threading.Event()

    def slow(message: livesdk.LiveServerMessage) -> None:
        if message.text:
            gate.wait(PATIENCE)

    def says_much(station: Station) -> None:
        station.open()
        station.gives("handle")
        for _ in range(40):
            station.says("x" * 1_000_000, done=False)
        station.read_on()

    client = {"ping_interval": None}
    with (
        Line(says_much, nice) as line,
        connected(line, {"onmessage": slow}, client=client) as session,
    ):
        assert settled(lambda: session._connection.dispatcher.is_full)
        assert not session.wait_ended(0.2)  # the reader waits for room by now
        with within(2.0):
            assert session.resume(timeout=PATIENCE).planned
        gate.set()


def test_a_deadline_that_passes_leaves_the_session_trying() -> None:
    go = threading.Event()

    def slow(station: Station) -> None:
        station.take_setup()
        go.wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    with Line(nice, slow) as line, connected(line) as session:
        ready(session, line)
        with within(1.5), pytest.raises(LiveTimeout):
            session.resume(timeout=0.3)
        assert session.reconnecting
        again = Caught(session.resume)
        go.set()
        assert again.outcome().state_restored
        assert len(line.stations) == 2


def test_a_handle_that_was_stored_brings_the_conversation_back_in_another_session() -> None:
    with Emulator(Scenario(), voice="tones") as emulator:
        client = livesdk.Client(
            api_key="any", http_options={"base_url": emulator.base_url}, proxy=""
        )
        with client.live.connect("models/m", TEXT) as session:
            session.ask("My name is Ada.")
            while session.resumption_handle is None:
                session.ask("Go on.")
            stored = session.resumption_handle
        assert isinstance(stored, str)
        config = {**TEXT, "session_resumption": {"handle": stored}}
        with client.live.connect("models/m", config, history=["not told"]) as again:
            assert again.ask("What did I say before?").text
        assert emulator.frames[-1] != emulator.frames[0]
        told = [frame for frame in emulator.frames if "not told" in str(frame)]
        assert told == []
