"""A conversation over four connections: each ends in another way, and the program hears of none."""

from __future__ import annotations

import threading
import time

from recovery.stations import Line, Station, connected
from session.rig import Heard
from waiting import Caught, settled

import livesdk

_CHUNK = bytes(640)  # 20 ms


def test_one_conversation_over_four_connections() -> None:
    gone_quiet = threading.Event()

    def first(station: Station) -> None:
        station.open()
        station.send(sessionResumptionUpdate={"resumable": False})
        station.gives("older")
        call = {"id": "call-1", "name": "look_up", "args": {"word": "noon"}}
        station.send(toolCall={"functionCalls": [call]})
        station.send(goAway={"timeLeft": "3s"})
        station.read("toolResponse")
        station.gives("newer")
        gone_quiet.set()
        station.read_on()

    def second(station: Station) -> None:
        station.open()
        station.gives("newest")
        station.read("realtimeInput")
        station.close(1011, "Internal error encountered.")

    def third(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Request contains an invalid argument.")

    def fourth(station: Station) -> None:
        station.open()
        station.read_on()

    def look_up(word: str) -> str:
        """Look a word up.

        Args:
            word: The word.
        """
        return f"{word}: twelve o'clock"

    heard = Heard()
    config = {
        "response_modalities": ["TEXT"],
        "session_resumption": {},
        "tools": [look_up],
        "history_config": {"initial_history_in_client_content": True},
    }
    with Line(first, second, third, fourth) as line:
        over = threading.Event()
        with connected(
            line,
            heard.callbacks(
                on_reconnect=heard.hears("reconnect"), on_go_away=heard.hears("go_away")
            ),
            config=config,
            history=["Earlier, I asked for the time."],
        ) as session:

            def speak() -> None:
                next_at = time.monotonic()
                while not over.is_set():
                    session.send_realtime_input(audio=_CHUNK)
                    next_at += 0.02
                    over.wait(max(0.0, next_at - time.monotonic()))

            microphone = Caught(speak)
            assert gone_quiet.wait(5)
            heard.wait("reconnect", 2, timeout=15)
            last = line.wait(4)
            spoken = session.stats.messages_sent
            assert settled(lambda: session.stats.messages_sent > spoken + 25)  # it goes on
            over.set()
            microphone.result()
            stats = session.stats
            assert session.close_info is None
            assert "close" not in heard.kinds
            assert "error" not in heard.kinds

    one, two, three, _ = stations = line.stations
    assert [station.handle for station in stations] == [None, "newer", "newest", None]
    assert all(station.earlier_ended for station in stations)
    assert one.close_code == 1000
    assert 2.0 < two.began - one.began < 3.2  # left before the three seconds were over
    # history: announced and told to fresh sessions only
    assert ["historyConfig" in station.setup for station in stations] == [True, False, False, True]
    told = [bool(station.of("clientContent")) for station in stations]
    assert told == [True, False, False, True]
    assert last.messages[0]["clientContent"]["turnComplete"] is True
    responses = [response for station in stations for response in station.of("toolResponse")]
    assert len(responses) == 1
    assert [away.time_left for away in heard.all("go_away")] == ["3s"]

    planned, forced = heard.all("reconnect")
    assert planned.planned
    assert planned.state_restored
    assert planned.cause.code == 1000
    assert planned.cause.initiated_by == "local"
    assert not planned.history_sent
    assert not forced.planned
    assert not forced.state_restored
    assert forced.attempts == 2
    assert forced.cause.code == 1011
    assert forced.history_sent
    assert isinstance(forced, livesdk.ReconnectInfo)
    assert stats.reconnects == 2
    # dropped at most what a gap is longer than the second that is kept; all the rest arrived
    dropped_ms = planned.media_dropped_ms + forced.media_dropped_ms
    assert stats.media_dropped_ms == dropped_ms
    for info in (planned, forced):
        assert info.media_dropped_ms <= max(0.0, info.gap * 1000 - 1000) + 100
    assert three.messages == []
