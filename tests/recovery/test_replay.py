"""Transparent resumption: numbered messages, and the unacknowledged ones sent again, first."""

from __future__ import annotations

import threading
from typing import Any

from rawserver import CLOSE
from recovery.stations import Line, Station, connected
from session.rig import PATIENCE, Heard
from waiting import Caught

import livesdk

CONFIG = {"response_modalities": ["TEXT"], "session_resumption": {"transparent": True}}
VERTEX = {"vertexai": True}


def followed(heard: Heard) -> livesdk.LiveCallbacks:
    return heard.callbacks(on_reconnect=heard.hears("reconnect"))


def texts(station: Station) -> list[str]:
    return [content["turns"][0]["parts"][0]["text"] for content in station.of("clientContent")]


def listens(station: Station) -> None:
    station.open()
    station.read_on()


def say(session: livesdk.Session, *words: Any) -> None:
    for word in words:
        session.send_client_content(str(word), turn_complete=False)


def reads(count: int, handle: str | None = None, consumed: str = "0") -> Any:
    """Read so many messages, give a handle that stands for some of them, read one more; cut."""

    def script(station: Station) -> None:
        station.open()
        for _ in range(count):
            station.read("clientContent")
        if handle is not None:
            station.gives(handle, lastConsumedClientMessageIndex=consumed)
        station.read("clientContent")

    return script


def test_what_the_handle_does_not_stand_for_is_sent_again_first_and_in_order() -> None:
    heard = Heard()
    with (
        Line(reads(3, "handle", "2"), listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1, 2, 3)
        heard.wait("message", 2)
        say(session, 4)
        info = heard.wait("reconnect")
        assert info.messages_replayed == 2
        assert info.messages_at_risk == 0
        assert info.state_restored
        say(session, 5)
        session.close()
        assert texts(line.stations[1]) == ["3", "4", "5"]
        assert line.stations[1].setup["sessionResumption"] == {
            "handle": "handle",
            "transparent": True,
        }


def test_numbers_start_again_on_each_connection() -> None:
    """What is replayed is numbered from 1 too; a second loss replays from the newest handle."""
    heard = Heard()
    second = reads(2, "second", "2")  # stands for the two that were replayed
    with (
        Line(reads(3, "first", "2"), second, listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1, 2, 3)
        heard.wait("message", 2)
        say(session, 4)
        heard.wait("reconnect", 1)
        heard.wait("message", 3)
        say(session, 5)
        heard.wait("reconnect", 2)
        session.close()
        assert texts(line.stations[1]) == ["3", "4", "5"]
        assert texts(line.stations[2]) == ["5"]
        assert line.stations[2].handle == "second"


def test_a_connection_that_gives_no_handle_changes_nothing() -> None:
    heard = Heard()
    with (
        Line(reads(3, "first", "1"), reads(1), listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1, 2, 3)
        heard.wait("message", 2)
        say(session, 4)
        heard.wait("reconnect", 2)
        session.close()
        assert texts(line.stations[2]) == ["2", "3", "4"]
        assert line.stations[2].handle == "first"


def test_an_update_without_a_handle_acknowledges_nothing() -> None:
    heard = Heard()

    def says_no(station: Station) -> None:
        station.open()
        station.gives("handle", lastConsumedClientMessageIndex="0")
        station.read("clientContent")
        station.send(
            sessionResumptionUpdate={"resumable": False, "lastConsumedClientMessageIndex": "1"}
        )
        station.read("clientContent")

    with (
        Line(says_no, listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1)
        heard.wait("message", 3)
        say(session, 2)
        heard.wait("reconnect")
        session.close()
        assert texts(line.stations[1]) == ["1", "2"]


def test_media_is_replayed_as_well_in_its_place() -> None:
    heard = Heard()
    with (
        Line(reads(1, "handle", "1"), listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1)
        heard.wait("message", 2)
        for number in range(100):  # two seconds: what went out once is never dropped
            session.send_realtime_input(audio=number.to_bytes(2, "little") * 320)
        say(session, 2)
        info = heard.wait("reconnect")
        assert info.messages_replayed == 101
        say(session, 3)
        session.close()
        kinds = [next(iter(message)) for message in line.stations[1].messages]
        assert kinds == ["realtimeInput"] * 100 + ["clientContent"] * 2


def test_what_waits_for_the_connection_comes_after_what_is_replayed() -> None:
    heard = Heard()
    go = threading.Event()

    def held(station: Station) -> None:
        station.take_setup()
        go.wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    with (
        Line(reads(1, "handle", "0"), held) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1)
        heard.wait("message", 2)
        say(session, 2)
        line.wait(2)
        waiting = Caught(say, session, 3)
        session.send_realtime_input(audio=bytes(640))
        go.set()
        waiting.result()
        session.close()
        station = line.stations[1]
        assert texts(station) == ["1", "2", "3"]
        kinds = [next(iter(message)) for message in station.messages]
        assert kinds[:3] == ["clientContent", "clientContent", "realtimeInput"]


def test_an_answer_that_was_cut_begins_again_and_is_one_turn() -> None:
    heard = Heard()

    def says_half(station: Station) -> None:
        station.open()
        station.gives("handle", lastConsumedClientMessageIndex="0")
        station.read("clientContent")
        station.says("Half of", done=False)

    def answers(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.says("All ", done=False)
        station.says("of it.")
        station.read_on()

    with (
        Line(says_half, answers) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        turn = session.ask("What?", timeout=5)
        assert (turn.text, turn.ended_by) == ("All of it.", "turn_complete")
        assert heard.wait("reconnect").mid_turn
        assert session.stats.turns == 1
        heard.wait("message", 5)
        assert heard.texts == "Half ofAll of it."
        assert len(line.stations) == 2


def test_a_fresh_session_is_not_told_what_another_one_missed() -> None:
    heard = Heard()

    def refuses(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Invalid handle")

    with (
        Line(reads(2, "handle", "1"), refuses, listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1, 2)
        heard.wait("message", 2)
        say(session, 3)
        info = heard.wait("reconnect")
        assert not info.state_restored
        assert info.messages_replayed == 0
        assert info.messages_at_risk >= 1
        say(session, 4)
        session.close()
        assert texts(line.stations[2]) == ["4"]


def test_a_handle_that_comes_while_the_connection_is_left_acknowledges_what_it_stands_for() -> None:
    heard = Heard()

    def gives_when_left(station: Station) -> None:
        station.open()
        station.gives("early", lastConsumedClientMessageIndex="0")
        station.read("clientContent")
        station.read("clientContent")
        station.send(goAway={"timeLeft": "50s"})
        while station.peer.read()[0] != CLOSE:
            pass
        station.gives("late", lastConsumedClientMessageIndex="2")
        station.close(1000)

    with (
        Line(gives_when_left, listens) as line,
        connected(line, followed(heard), config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1, 2)
        info = heard.wait("reconnect")
        say(session, 3)
        session.close()
        assert line.stations[1].handle == "late"
        assert texts(line.stations[1]) == ["3"]
        assert info.messages_replayed == 0


def test_who_is_told_of_the_new_connection_may_use_it_and_close_it_after_the_replay() -> None:
    ended = threading.Event()

    def use(info: livesdk.ReconnectInfo) -> None:
        assert info.messages_replayed == 1
        say(session, 2)
        session.close()

    def gives_and_cuts(station: Station) -> None:
        station.open()
        station.gives("handle", lastConsumedClientMessageIndex="0")
        station.read("clientContent")

    callbacks = livesdk.LiveCallbacks(
        on_reconnect=use, onclose=lambda _: ended.set(), dispatch="reader"
    )
    with (
        Line(gives_and_cuts, listens) as line,
        connected(line, callbacks, config=CONFIG, client=VERTEX) as session,
    ):
        say(session, 1)
        assert ended.wait(PATIENCE)
        assert session.close_info.clean
        assert texts(line.stations[1]) == ["1", "2"]


def test_without_any_handle_so_far_everything_is_sent_again_history_included() -> None:
    heard = Heard()

    def cut_early(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.read("clientContent")

    with (
        Line(cut_early, listens) as line,
        connected(
            line, followed(heard), config=CONFIG, client=VERTEX, history=["history"]
        ) as session,
    ):
        say(session, 1)
        info = heard.wait("reconnect")
        assert not info.state_restored
        assert info.messages_replayed == 2
        assert not info.history_sent
        say(session, 2)
        session.close()
        assert texts(line.stations[1]) == ["history", "1", "2"]
