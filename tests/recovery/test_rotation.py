"""goAway: the connection is left at the first quiet point, or shortly before its end."""

from __future__ import annotations

import json
import threading
import time

import pytest
from rawserver import BINARY, CONT, PING, PONG, TEXT as TEXT_FRAME, frame
from recovery.stations import TEXT, Line, Station, connected, nice
from session.rig import PATIENCE, Heard
from waiting import Caught, within

import livesdk


def followed(heard: Heard) -> livesdk.LiveCallbacks:
    return heard.callbacks(on_reconnect=heard.hears("reconnect"), on_go_away=heard.hears("go_away"))


def test_a_quiet_session_moves_at_once() -> None:
    heard = Heard()

    def goes(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.send(goAway={"timeLeft": "50s"})
        station.read_on()

    with Line(goes, nice) as line, connected(line, followed(heard)) as session:
        with within(2.0):
            info = heard.wait("reconnect")
        assert info.planned
        assert info.state_restored
        assert not info.mid_turn
        assert info.messages_at_risk == 0
        one, two = line.stations
        assert two.handle == "handle"
        assert two.earlier_ended
        assert one.close_code == 1000
        assert not session.is_closed


def test_a_turn_is_heard_to_its_end_first() -> None:
    heard = Heard()
    goes_on = threading.Event()

    def answers(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("clientContent")
        station.says("one ", done=False)
        station.send(goAway={"timeLeft": "50s"})
        goes_on.wait(PATIENCE)
        station.says("two", done=True)
        station.gives("after the turn")
        station.read_on()

    with Line(answers, nice) as line, connected(line, followed(heard)) as session:
        caught = Caught(session.ask, "count", timeout=5)
        heard.wait("go_away")
        assert not session.reconnecting
        goes_on.set()
        assert caught.outcome().text == "one two"
        assert not heard.wait("reconnect").mid_turn
        assert line.wait(2).handle == "after the turn"


@pytest.mark.parametrize(
    "between",
    [b"", frame(PING, b"?"), frame(PONG), frame(TEXT_FRAME, b"{", fin=False) + frame(CONT, b"}")],
    ids=["nothing", "ping", "pong", "fragments"],
)
def test_a_turn_that_begins_in_the_read_of_the_go_away_is_heard_to_its_end(between: bytes) -> None:
    heard = Heard()
    goes_on = threading.Event()

    def written(**message: object) -> bytes:
        return frame(BINARY, json.dumps(message).encode())

    def answers(station: Station) -> None:
        station.open()
        station.gives("handle")
        content = {"modelTurn": {"parts": [{"text": "one "}]}}
        go_away = written(goAway={"timeLeft": "50s"})
        station.peer.sock.sendall(go_away + between + written(serverContent=content))
        goes_on.wait(PATIENCE)
        station.says("two", done=True)
        station.gives("after the turn")
        station.read_on()

    with Line(answers, nice) as line, connected(line, followed(heard)) as session:
        heard.wait("go_away")
        assert not session.wait_ended(0.8)  # a goodbye takes half a second
        assert not heard.all("reconnect")
        goes_on.set()
        assert not heard.wait("reconnect").mid_turn
        assert heard.texts == "one two"
        assert line.wait(2).handle == "after the turn"


def test_a_close_that_waits_beyond_the_time_to_leave_costs_nothing() -> None:
    heard = Heard()

    def stays(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.says("mid-turn", done=False)
        station.send(goAway={"timeLeft": "0.2s"})
        station.peer.over.wait(PATIENCE)

    with Line(stays) as line, connected(line, followed(heard)) as session:
        heard.wait("go_away")
        before = time.process_time()
        session.close(1.5)
        assert time.process_time() - before < 0.5
        assert len(line.stations) == 1


def test_a_handle_that_does_not_know_the_turn_is_not_enough() -> None:
    """Between the end of a turn and the handle that knows of it nothing is left."""
    heard = Heard()
    gives = threading.Event()

    def answers(station: Station) -> None:
        station.open()
        station.gives("before")
        station.read("clientContent")
        station.send(sessionResumptionUpdate={"resumable": False})
        station.send(goAway={"timeLeft": "50s"})
        station.says("done")
        gives.wait(PATIENCE)
        station.gives("after")
        station.read_on()

    with Line(answers, nice) as line, connected(line, followed(heard)) as session:
        assert session.ask("well?", timeout=5).text == "done"
        assert not session.reconnecting
        assert len(line.stations) == 1
        gives.set()
        assert line.wait(2).handle == "after"


@pytest.mark.parametrize("kind", ["a call by hand", "a question", "a function", "a speaker"])
def test_the_margin_is_kept_whatever_is_under_way(kind: str) -> None:
    heard = Heard()
    may_end = threading.Event()

    def look_up() -> str:
        """Look something up."""
        may_end.wait(PATIENCE)
        return "found"

    def busy(station: Station) -> None:
        station.open()
        station.gives("handle")
        if kind == "a question":
            station.read("clientContent")
        elif kind == "a speaker":
            station.send(serverContent={"inputTranscription": {"text": "Now I would like"}})
        else:
            station.send(toolCall={"functionCalls": [{"id": "1", "name": "look_up", "args": {}}]})
        station.send(goAway={"timeLeft": "1s"})
        station.read_on()

    config = {**TEXT, "tools": [look_up]} if kind == "a function" else TEXT
    with Line(busy, nice) as line, connected(line, followed(heard), config=config) as session:
        if kind == "a question":
            session.send_client_content("well?")
        heard.wait("go_away")
        began = time.monotonic()
        info = heard.wait("reconnect")
        assert 0.4 < time.monotonic() - began < 1.0  # a quarter is kept
        assert info.planned
        assert info.mid_turn == (kind != "a speaker")
        assert line.wait(2).handle == "handle"
        may_end.set()


def test_the_margin_is_at_most_that_of_the_policy() -> None:
    heard = Heard()

    def busy(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.send(goAway={"timeLeft": "1.5s"})
        station.read_on()

    policy = livesdk.ReconnectPolicy(margin=0.1)
    with Line(busy, nice) as line, connected(line, followed(heard), reconnect=policy) as session:
        session.send_client_content("well?")
        heard.wait("go_away")
        began = time.monotonic()
        heard.wait("reconnect")
        assert 1.2 < time.monotonic() - began < 1.6
        assert line.wait(2).handle is None


def test_without_a_policy_the_program_is_told_and_the_server_closes() -> None:
    heard = Heard()

    def goes(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.send(goAway={"timeLeft": "0.2s"})
        station.peer.over.wait(0.3)
        station.close(1008, "The operation was aborted.")

    with Line(goes, nice) as line, connected(line, followed(heard), reconnect=False):
        assert heard.wait("go_away").time_left == "0.2s"
        assert heard.wait("close").code == 1008
        assert len(line.stations) == 1


@pytest.mark.parametrize("time_left", [None, "soon", "-3s", "1e9s", ""])
def test_an_odd_time_left_means_as_soon_as_it_is_quiet(time_left: object) -> None:
    heard = Heard()

    def goes(station: Station) -> None:
        station.open()
        station.send(goAway={} if time_left is None else {"timeLeft": time_left})
        station.read("clientContent")
        station.says("I see.")
        station.gives("handle")
        station.read_on()

    with Line(goes, nice) as line, connected(line, followed(heard)) as session:
        heard.wait("go_away")
        assert not session.reconnecting
        session.send_client_content("go on")
        assert line.wait(2).handle == "handle"


def test_what_comes_while_it_is_left_is_delivered() -> None:
    heard = Heard()

    def says_goodbye(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.send(goAway={"timeLeft": "50s"})
        while station.peer.read()[0] != 8:
            pass
        station.says("one last thing")
        station.gives("newest")
        station.close(1000)

    with Line(says_goodbye, nice) as line, connected(line, followed(heard)):
        info = heard.wait("reconnect")
        assert heard.texts == "one last thing"
        assert line.wait(2).handle == "newest"
        assert info.gap < 1.0


def test_a_server_that_does_not_answer_the_goodbye_is_left_all_the_same() -> None:
    heard = Heard()

    def stuck(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.send(goAway={"timeLeft": "50s"})
        station.peer.over.wait(PATIENCE)

    with Line(stuck, nice) as line, connected(line, followed(heard)):
        with within(2.5):
            info = heard.wait("reconnect")
        assert info.gap < 1.5
        assert line.wait(2).handle == "handle"


def test_fifty_rotations_and_every_turn_is_answered() -> None:
    heard = Heard()

    def one_turn(station: Station) -> None:
        station.open()
        station.gives(f"handle-{station.number}")
        while True:  # the next question may be here before the client knows of the goAway
            content = station.read("clientContent")["clientContent"]
            station.says(content["turns"][0]["parts"][0]["text"])
            station.gives(f"handle-{station.number}-after")
            station.send(goAway={"timeLeft": "50s"})

    with Line(one_turn) as line, connected(line, followed(heard)) as session:
        for number in range(50):
            turn = session.ask(f"turn {number}", timeout=5)
            assert (turn.text, turn.ended_by) == (f"turn {number}", "turn_complete")
        assert session.stats.turns == 50
        assert session.stats.reconnects >= 10  # some turns may share a connection
        handles = [station.handle for station in line.stations]
        assert handles[:2] == [None, "handle-0-after"]
        assert all(station.earlier_ended for station in line.stations)
