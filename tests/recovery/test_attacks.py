"""Reconnecting, met at the worst moment: each test was a bug once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from recovery.stations import TEXT, Line, Station, connected, nice
from session.rig import PATIENCE, Caught, Heard, settled, within

import livesdk
from livesdk.errors import SessionReconnecting
from livesdk.protocol import State
from livesdk.transport import Lost

FRAME = b'{"clientContent":{"turnComplete":false}}'


def followed(heard: Heard, **more: Any) -> livesdk.LiveCallbacks:
    return heard.callbacks(
        on_reconnect=heard.hears("reconnect"), on_go_away=heard.hears("go_away"), **more
    )


# ------------------------------------------------------------------------------ senders and the end


def test_a_sender_refused_while_a_connection_is_nearly_left_goes_on_where_it_stays() -> None:
    asked, goes, held, refused = (threading.Event() for _ in range(4))

    def stays(station: Station) -> None:
        station.open()
        station.gives("handle")
        goes.wait(PATIENCE)
        station.send(goAway={"timeLeft": "50s"})
        station.read_on()

    with Line(stays) as line, connected(line) as session:
        connection = session._connection
        transport: Any = connection.transport
        hold, send = transport.hold, transport.send

        def hold_and_be_slow() -> bool:
            nothing_queued: bool = hold()
            held.set()
            refused.wait(PATIENCE)
            return nothing_queued

        def send_and_be_slow(payload: bytes, deadline: float) -> None:
            try:
                send(payload, deadline)
            except Lost:
                refused.set()
                assert settled(lambda: connection.state is State.GOING_AWAY)
                raise

        transport.hold, transport.send = hold_and_be_slow, send_and_be_slow

        def before() -> None:
            asked.set()
            held.wait(PATIENCE)
            session._prompted()  # no quiet point any more

        sending = Caught(connection.send, FRAME, 5.0, before=before)
        assert asked.wait(PATIENCE)
        goes.set()
        with within(1.0):
            assert sending.outcome() is None
        session.close()
        assert [sorted(message) for message in line.stations[0].messages] == [["clientContent"]]
