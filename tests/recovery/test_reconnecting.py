"""A connection ends, and the session does not; or it does, and says why."""

from __future__ import annotations

import gc
import json
import socket
import struct
import threading
from typing import Any

import pytest
from rawserver import CLOSE
from recovery.stations import TEXT, Line, Station, connected, nice
from session.rig import PATIENCE, Heard
from waiting import Caught, descriptors, settled, within

import livesdk
from livesdk.emulator import Drop, Emulator, HttpStatus, Scenario
from livesdk.errors import (
    AuthenticationError,
    LocalProtocolError,
    SessionClosed,
    SessionReconnecting,
    SetupError,
)
from livesdk.retry import cause_of


def followed(heard: Heard, **more: Any) -> livesdk.LiveCallbacks:
    return heard.callbacks(
        on_reconnect=heard.hears("reconnect"), on_go_away=heard.hears("go_away"), **more
    )


def drops(station: Station) -> None:
    """Give a handle, wait for a message, and cut the line."""
    station.open()
    station.gives("handle")
    station.read("clientContent")


def resets(station: Station) -> None:
    drops(station)
    station.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes(code: int, reason: str = "") -> Any:
    def script(station: Station) -> None:
        drops(station)
        station.close(code, reason)

    return script


# --------------------------------------------------------------------------- what is survived


@pytest.mark.parametrize(
    "end",
    [
        drops,
        resets,
        closes(1001, "going away"),
        closes(1011, "Internal error encountered."),
        closes(1011, "The service is currently unavailable."),
        closes(1011, "Deadline expired before operation could complete."),
        closes(1008, "The operation was aborted."),
        closes(1012),
        closes(4001, "unknown to us"),
    ],
    ids=["eof", "rst", "1001", "internal", "unavailable", "deadline", "aborted", "1012", "4001"],
)
def test_a_session_outlives(end: Any) -> None:
    heard = Heard()
    with Line(end, nice) as line, connected(line, followed(heard)) as session:
        session.send_client_content("one")
        info = heard.wait("reconnect")
        assert info.state_restored
        assert info.cause.code != 1000
        assert info.attempts == 1
        session.send_client_content("two")
        assert line.wait(2).handle == "handle"
        assert "close" not in heard.kinds
        assert "error" not in heard.kinds
        assert session.stats.reconnects == 1


def test_silence_counts_as_a_loss() -> None:
    heard = Heard()

    def silent(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.peer.over.wait(PATIENCE)

    options = {"liveness_timeout": 0.3, "ping_interval": None}
    with Line(silent, nice) as line, connected(line, followed(heard), client=options):
        info = heard.wait("reconnect")
        assert (info.cause.code, info.cause.initiated_by) == (1006, "network")
        assert line.wait(2).earlier_ended or line.stations[0].peer.ended


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1007, "Request contains an invalid argument."),
        (1007, "API key expired. Please renew the API key."),
        (1008, "Operation is not implemented, or supported, or enabled."),
        (1011, "You exceeded your current quota, please check your plan"),
        (1009, "message too big"),
    ],
)
def test_what_ends_the_session_all_the_same(code: int, reason: str) -> None:
    heard = Heard()
    with Line(closes(code, reason), nice) as line, connected(line, followed(heard)) as session:
        session.send_client_content("one")
        info = heard.wait("close")
        assert (info.code, info.reason, info.initiated_by) == (code, reason, "remote")
        assert info.resumable
        assert "reconnect" not in heard.kinds
        assert len(line.stations) == 1


def test_without_a_policy_nothing_is_dialled() -> None:
    heard = Heard()
    with Line(drops, nice) as line, connected(line, followed(heard), reconnect=False) as session:
        session.send_client_content("one")
        assert heard.wait("close").code == 1006
        assert len(line.stations) == 1


def test_1000_is_the_end_of_a_connection_only_after_a_go_away() -> None:
    heard = Heard()

    def goes(station: Station) -> None:
        station.open()
        station.send(goAway={"timeLeft": "60s"})
        station.read("clientContent")
        station.close(1000)

    with Line(goes, nice) as line, connected(line, followed(heard)) as session:
        heard.wait("go_away")
        session.send_client_content("one")
        assert heard.wait("reconnect").cause.code == 1000
        assert line.wait(2).handle is None


def test_vertex_ends_connections_with_1000() -> None:
    heard = Heard()
    vertex = {"vertexai": True}
    with (
        Line(closes(1000), nice) as line,
        connected(line, followed(heard), client=vertex) as session,
    ):
        session.send_client_content("one")
        assert heard.wait("reconnect").state_restored
        assert line.wait(2).handle == "handle"


def test_only_a_handle_that_came_with_resumable_is_kept_and_the_newest_counts() -> None:
    heard = Heard()

    def gives_many(station: Station) -> None:
        station.open()
        station.gives("first")
        station.gives("second")
        station.send(sessionResumptionUpdate={"newHandle": "refused", "resumable": False})
        station.send(sessionResumptionUpdate={"newHandle": "", "resumable": True})
        station.read()

    with Line(gives_many, nice) as line, connected(line, followed(heard)) as session:
        heard.wait("message", 5)
        session.send_client_content("one")
        assert line.wait(2).handle == "second"


# ------------------------------------------------------------------------------ how it gives up


def test_what_comes_together_with_the_end_is_told_before_the_gap() -> None:
    heard = Heard()

    def says_a_last_word(station: Station) -> None:
        station.open()
        last = {"serverContent": {"modelTurn": {"parts": [{"text": "last words"}]}}}
        station.peer.send_at_once((last, 2), ((1001).to_bytes(2, "big"), CLOSE))
        station.peer.read_all()

    def never_answers(station: Station) -> None:
        station.take_setup()
        station.peer.read_all()

    policy = livesdk.ReconnectPolicy(dial_timeout=60.0)
    with (
        Line(says_a_last_word, never_answers) as line,
        connected(line, heard.callbacks(), reconnect=policy) as session,
    ):
        line.wait(2)
        assert settled(lambda: heard.texts == "last words")
        assert session.reconnecting


def test_the_budget_ends_a_server_that_takes_everybody_and_keeps_nobody() -> None:
    heard = Heard()

    def drops_at_once(station: Station) -> None:
        station.open()

    policy = livesdk.ReconnectPolicy(attempts=4, first_delay=0.01, longest_delay=0.02)
    with Line(drops_at_once) as line, connected(line, followed(heard), reconnect=policy):
        info = heard.wait("close")
        assert info.code == 1006
        assert not info.clean
        assert heard.kinds.count("reconnect") == 4
        assert len(line.stations) == 5
        assert heard.kinds.count("close") == 1
        assert info.hint.startswith("gave up after 4 dials")
        assert heard.kinds[-2:] == ["error", "close"]


def test_the_hint_of_a_session_that_gives_up_keeps_that_of_the_close_code() -> None:
    heard = Heard()

    def breaks(station: Station) -> None:
        station.open()
        station.close(1011, "broken")

    policy = livesdk.ReconnectPolicy(attempts=1, first_delay=0.01)
    with Line(breaks) as line, connected(line, followed(heard), reconnect=policy):
        info = heard.wait("close")
    own = cause_of(1011, "broken").hint
    assert own
    assert info.hint.startswith("gave up after 1 dials")
    assert info.hint.endswith(own)


def test_a_completed_turn_refills_the_budget() -> None:
    heard = Heard()

    def answers_once(station: Station) -> None:
        station.open()
        station.says("well")

    policy = livesdk.ReconnectPolicy(attempts=2, first_delay=0.01, longest_delay=0.02)
    with Line(answers_once) as line, connected(line, followed(heard), reconnect=policy):
        line.wait(8)
        assert "close" not in heard.kinds


def test_the_seconds_end_it_as_well() -> None:
    heard = Heard()
    policy = livesdk.ReconnectPolicy(attempts=10_000, seconds=0.4, first_delay=0.05)
    with Line(drops) as line, connected(line, followed(heard), reconnect=policy) as session:
        line.refuse_all()
        session.send_client_content("one")
        with within(3.0):
            info = heard.wait("close")
        assert info.code == 1006
        assert info.reason.startswith("no connection came back: ")
        assert isinstance(info.error, livesdk.ConnectError)
        with pytest.raises(SessionClosed):
            session.send_client_content("two")


def test_the_end_after_dials_in_vain_tells_that_an_answer_was_cut_off() -> None:
    heard = Heard()

    def says_half(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("clientContent")
        station.says("Half of", done=False)
        line.refuse_all()

    policy = livesdk.ReconnectPolicy(attempts=2, first_delay=0.01)
    with Line(says_half) as line, connected(line, followed(heard), reconnect=policy) as session:
        session.send_client_content("well?")
        info = heard.wait("close")
        assert info.mid_turn
        assert "no connection came back" in info.reason


def test_a_refused_credential_ends_it_at_once() -> None:
    heard = Heard()

    def refuses_key(station: Station) -> None:
        station.take_setup()
        station.close(1008, "API key not valid. Please pass a valid API key.")

    with Line(drops, refuses_key) as line, connected(line, followed(heard)) as session:
        session.send_client_content("one")
        info = heard.wait("close")
        assert (info.code, info.initiated_by) == (1008, "remote")
        assert isinstance(info.error, AuthenticationError)
        assert info.hint
        assert len(line.stations) == 2


def test_a_fresh_session_is_tried_once() -> None:
    heard = Heard()

    def refuses_all(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Request contains an invalid argument.")

    with Line(drops, refuses_all) as line, connected(line, followed(heard)) as session:
        session.send_client_content("one")
        info = heard.wait("close")
        assert isinstance(info.error, SetupError)
        assert [station.handle for station in line.stations] == [None, "handle", None]


def test_a_service_that_is_away_for_a_while_is_waited_for() -> None:
    heard = Heard()

    def is_out_of_order(station: Station) -> None:
        station.take_setup()
        station.close(1011, "The service is currently unavailable.")

    with (
        Line(drops, is_out_of_order, is_out_of_order, nice) as line,
        connected(line, followed(heard)) as session,
    ):
        session.send_client_content("one")
        info = heard.wait("reconnect")
        assert info.attempts == 3
        assert info.state_restored
        assert info.gap > 0.02


# --------------------------------------------------------------------- senders and their waits


class Held(Line):
    """Lets the second connection be made only when told to."""

    def __init__(self, *scripts: Any) -> None:
        self.go = threading.Event()
        first, second, *more = scripts

        def held(station: Station) -> None:
            station.take_setup()
            self.go.wait(PATIENCE)
            station.peer.send({"setupComplete": {}})
            second(station)

        super().__init__(first, held, *more)


def listens(station: Station) -> None:
    station.read_on()


def until_reconnecting(line: Line, session: livesdk.Session) -> None:
    session.send_client_content("cut here")
    line.wait(2)
    assert session.reconnecting


def texts(station: Station) -> list[str]:
    return [content["turns"][0]["parts"][0]["text"] for content in station.of("clientContent")]


def test_text_waits_for_the_connection_and_arrives_once_in_order() -> None:
    heard = Heard()
    with Held(drops, listens) as line, connected(line, followed(heard)) as session:
        until_reconnecting(line, session)

        def say_many() -> None:
            for number in range(20):
                session.send_client_content(str(number), turn_complete=False)

        caught = Caught(say_many)
        line.go.set()
        assert caught.outcome() is None
        session.send_client_content("end", turn_complete=False)
        session.close()
        assert texts(line.stations[1]) == [*map(str, range(20)), "end"]
    assert not session.reconnecting


def test_a_sender_whose_deadline_passes_says_that_nothing_was_sent() -> None:
    heard = Heard()
    with Held(drops, listens) as line, connected(line, followed(heard)) as session:
        until_reconnecting(line, session)
        with within(1.0), pytest.raises(SessionReconnecting):
            session.send_client_content("lost", timeout=0.2)
        with pytest.raises(SessionReconnecting):
            session.send_tool_response({"id": "1", "name": "f", "response": {}}, timeout=0.1)
        line.go.set()
        heard.wait("reconnect")
        session.send_client_content("later", turn_complete=False)
        session.close()
        assert texts(line.stations[1]) == ["later"]
        assert line.stations[1].of("toolResponse") == []


def test_it_says_why_the_last_dial_failed() -> None:
    def refuses(station: Station) -> None:
        station.take_setup()
        station.close(1011, "out of order")

    with Line(drops, refuses) as line, connected(line) as session:
        session.send_client_content("go", turn_complete=False)
        assert line.wait(3)
        with pytest.raises(SessionReconnecting, match="out of order") as caught:
            session.send_client_content("lost", timeout=0.1)
        assert isinstance(caught.value.__cause__, SetupError)


def test_a_deadline_that_passes_in_the_middle_of_a_message_does_not_end_the_session() -> None:
    heard = Heard()

    def deaf(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.peer.over.wait(PATIENCE)

    with Line(deaf, nice) as line, connected(line, followed(heard)) as session:
        heard.wait("message", 2)
        with within(PATIENCE), pytest.raises(SessionReconnecting):
            session.send_client_content("x" * 20_000_000, timeout=0.2)
        heard.wait("reconnect")
        session.send_client_content("later", turn_complete=False)
        session.close()
        assert texts(line.stations[1]) == ["later"]


def say_again_and_again(session: livesdk.Session) -> None:
    for _ in range(1000):  # the first may still fit into the system's buffers
        session.send_client_content("x", turn_complete=False, timeout=0.1)


def test_a_loss_that_the_reader_is_late_to_notice_does_not_end_the_session() -> None:
    """A callback holds up the reader; a sender finds out, and waits for the next connection."""
    heard = Heard()
    told, goes_on = threading.Event(), threading.Event()

    def hold_up(message: livesdk.LiveServerMessage) -> None:
        if message.text:
            told.set()
            goes_on.wait(PATIENCE)

    def says_and_resets(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.says("wait")
        assert told.wait(PATIENCE)
        station.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    callbacks = livesdk.LiveCallbacks(
        onmessage=hold_up, on_reconnect=heard.hears("reconnect"), dispatch="reader"
    )
    with Line(says_and_resets, nice) as line, connected(line, callbacks) as session:
        assert line.stations[0].peer.ended.wait(PATIENCE)
        with pytest.raises(SessionReconnecting):
            say_again_and_again(session)
        waiting = Caught(session.send_client_content, "later", turn_complete=False, timeout=10)
        waiting.join(1.5)  # longer than it takes a reader that is not held up
        assert waiting.is_alive()
        goes_on.set()
        assert waiting.outcome() is None
        session.close()
        assert texts(line.stations[1]) == ["later"]


def test_a_callback_on_the_reader_is_not_left_to_wait_for_itself() -> None:
    outcome: list[Any] = []
    done = threading.Event()

    def answers_and_drops(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.says("first")
        station.peer.sock.shutdown(socket.SHUT_RDWR)

    def fails() -> bool:
        try:
            session.send_client_content("x", turn_complete=False)
        except Exception as error:  # noqa: BLE001  # it is what the test asks about
            outcome.append(error)
        return bool(outcome)

    def answer(message: livesdk.LiveServerMessage) -> None:
        if message.text != "first":
            return
        settled(fails)
        done.set()

    callbacks = livesdk.LiveCallbacks(onmessage=answer, dispatch="reader")
    with Line(answers_and_drops, nice) as line, connected(line, callbacks) as session:
        session.send_client_content("one")
        assert done.wait(5)
        assert isinstance(outcome[0], SessionReconnecting)
        line.wait(2)


def test_media_never_waits_and_the_newest_second_is_kept() -> None:
    heard = Heard()
    with Held(drops, listens) as line, connected(line, followed(heard)) as session:
        until_reconnecting(line, session)
        with within(0.5):
            for number in range(150):  # three seconds
                session.send_realtime_input(audio=number.to_bytes(2, "little") * 320)
        assert session.stats.media_queued_ms == 1000
        assert session.stats.media_dropped_ms == 2000
        line.go.set()
        info = heard.wait("reconnect")
        assert info.media_dropped_ms == 2000
        session.send_client_content("after", turn_complete=False)
        session.close()
        kinds = [next(iter(message)) for message in line.stations[1].messages]
        assert kinds == ["realtimeInput"] * 50 + ["clientContent"]
        assert session.stats.media_queued_ms == 0


def test_media_that_several_dials_in_vain_kept_is_a_second_in_all_and_the_rest_counted() -> None:
    heard = Heard()
    spoken = [threading.Event(), threading.Event()]

    def refuses(station: Station) -> None:
        station.take_setup()
        spoken[0].wait(PATIENCE)
        station.close(1011, "Internal error.")

    def listens_later(station: Station) -> None:
        station.take_setup()
        spoken[1].wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    def speak(milliseconds: int) -> None:
        for _ in range(milliseconds // 20):
            session.send_realtime_input(audio=bytes(640))

    with (
        Line(drops, refuses, listens_later) as line,
        connected(line, followed(heard)) as session,
    ):
        heard.wait("message", 2)
        session.send_client_content("cut here", turn_complete=False)
        for number in range(2):
            line.wait(number + 2)
            speak(700)
            spoken[number].set()
        info = heard.wait("reconnect")
        session.send_client_content("after", turn_complete=False)
        session.close()
        assert len(line.stations[2].of("realtimeInput")) == 50
        assert session.stats.media_dropped_ms == 400
        assert info.media_dropped_ms == 400


@pytest.mark.parametrize("callers", [1, 8])
def test_close_while_there_is_no_connection(callers: int) -> None:
    heard = Heard()
    with Held(drops, listens) as line, connected(line, followed(heard)) as session:
        until_reconnecting(line, session)
        waiting = Caught(session.send_client_content, "never")
        with within(1.0):
            closing = [Caught(session.close, 1.0) for _ in range(callers)]
            for caught in closing:
                assert caught.outcome() is None
        assert isinstance(waiting.outcome(), SessionClosed)
        info = heard.wait("close")
        assert info.clean
        assert info.initiated_by == "local"
        assert heard.kinds.count("close") == 1
        assert "error" not in heard.kinds


def test_close_between_two_dials_ends_the_wait() -> None:
    heard = Heard()
    policy = livesdk.ReconnectPolicy(first_delay=30.0, longest_delay=30.0)

    def out_of_order(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.close(1011, "The service is currently unavailable.")

    with Line(out_of_order) as line, connected(line, followed(heard), reconnect=policy) as session:
        session.send_client_content("one")
        assert settled(lambda: session.reconnecting)
        waiting = Caught(session.wait_closed, 10)
        with within(1.0):
            session.close()
        assert waiting.outcome().clean


# --------------------------------------------------------------------- turns, tools, callbacks


def test_ask_comes_back_when_its_answer_cannot_come_any_more() -> None:
    def says_half(station: Station) -> None:
        drops(station)
        station.says("Half of", done=False)

    def answers(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.says("All of it.")
        station.read_on()

    with Line(says_half, answers) as line, connected(line) as session:
        turn = session.ask("What?", timeout=5)
        assert (turn.ended_by, turn.text) == ("reconnected", "Half of")
        turn = session.ask("What?", timeout=5)
        assert (turn.ended_by, turn.text) == ("turn_complete", "All of it.")
        assert session.stats.turns == 1
        assert len(line.stations) == 2


def test_an_ask_that_has_to_wait_for_the_connection_gets_its_answer() -> None:
    def answers(station: Station) -> None:
        station.read("clientContent")
        station.says("Here.")
        station.read_on()

    with Held(drops, answers) as line, connected(line) as session:
        until_reconnecting(line, session)
        caught = Caught(session.ask, "Still there?", timeout=5)
        line.go.set()
        assert caught.outcome().text == "Here."


def test_receive_turn_ends_and_receive_goes_on() -> None:
    def says_half(station: Station) -> None:
        drops(station)
        station.says("Half of", done=False)

    def answers(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.says("All of it.")
        station.read_on()

    with Line(says_half, answers) as line, connected(line) as session:
        session.receive()  # from here on everything is kept
        session.send_client_content("one")
        turn = [message.text for message in session.receive_turn(timeout=5) if message.text]
        assert turn == ["Half of"]
        session.send_client_content("two")
        received = (message.text for message in session.receive() if message.text)
        assert next(received) == "All of it."
        assert len(line.stations) == 2


def test_the_result_of_a_call_that_was_lost_is_not_sent_and_its_id_may_come_again() -> None:
    begun, may_end = threading.Event(), threading.Event()
    runs: list[int] = []
    call = {"functionCalls": [{"id": "the-id", "name": "slow", "args": {}}]}

    def slow(context: livesdk.ToolContext) -> str:
        """Take a while."""
        runs.append(1)
        if len(runs) == 1:
            begun.set()
            assert may_end.wait(5)
            assert context.cancelled.is_set()
        return f"run {len(runs)}"

    def calls(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.send(toolCall=call)
        station.read("clientContent")

    def calls_again(station: Station) -> None:
        station.open()
        station.send(toolCall=call)
        station.read_on()

    heard = Heard()
    with (
        Line(calls, calls_again) as line,
        connected(line, followed(heard), config={**TEXT, "tools": [slow]}) as session,
    ):
        assert begun.wait(5)
        session.send_client_content("cut here", turn_complete=False)
        heard.wait("reconnect")
        may_end.set()
        line.wait(2)
        assert settled(lambda: bool(line.stations[1].of("toolResponse")))
        responses = [
            response
            for station in line.stations
            for answer in station.of("toolResponse")
            for response in answer["functionResponses"]
        ]
        assert [response["response"] for response in responses] == [{"result": "run 2"}]
        assert settled(lambda: counted(session) == (2, 1, 1))


def counted(session: livesdk.Session) -> tuple[int, int, int]:
    counts = session.stats.tools
    return counts.calls, counts.answered, counts.lost


def test_the_order_of_what_is_told() -> None:
    heard = Heard()

    def greets(station: Station) -> None:
        station.take_setup()
        station.says("early", done=False)
        station.peer.send({"setupComplete": {"sessionId": "second"}})
        station.says("late")
        station.read_on()

    with Line(drops, greets) as line, connected(line, followed(heard)) as session:
        session.send_client_content("one")
        heard.wait("message", 4)
        assert heard.kinds == ["open", "message", "message", "reconnect", "message", "message"]
        assert heard.texts == "earlylate"
        assert [bool(message.setup_complete) for message in heard.all("message")].count(True) == 1
        assert session.session_id == "second"
        assert line.stations[1].handle == "handle"


def test_listeners_may_be_added_by_any_name() -> None:
    told: list[Any] = []
    with Line(drops, nice) as line, connected(line, {"onreconnect": told.append}) as session:
        arrived = threading.Event()
        session.on("reconnect", lambda _: arrived.set())
        session.on("on_go_away", told.append)
        session.send_client_content("one")
        assert arrived.wait(5)
        assert isinstance(told[0], livesdk.ReconnectInfo)
        assert line.stations[1].handle


# --------------------------------------------------------------------------- what is told again


def test_a_context_update_is_part_of_the_next_setup() -> None:
    heard = Heard()
    tool = {"function_declarations": [{"name": "new"}]}
    with Line(drops, nice) as line, connected(line, followed(heard)) as session:
        session.send_context_update(system_instruction="Be brief.", tools=[tool])
        session.send_client_content("one")
        heard.wait("reconnect")
        setup = line.stations[1].setup
        assert setup["systemInstruction"]["parts"] == [{"text": "Be brief."}]
        assert setup["tools"] == [{"functionDeclarations": [{"name": "new"}]}]
        assert "systemInstruction" not in line.stations[0].setup


def test_history_is_told_again_as_it_is_by_then() -> None:
    heard = Heard()
    said = ["one"]

    def refuses(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Request contains an invalid argument.")

    def after_history(station: Station) -> None:
        station.open()
        station.read("clientContent")  # the history
        station.says("I see.")  # which shows that it arrived
        station.gives("handle")
        station.read("clientContent")

    with (
        Line(after_history, refuses, nice) as line,
        connected(line, followed(heard), history=lambda: list(said)) as session,
    ):
        said.append("two")
        session.send_client_content("cut here")
        info = heard.wait("reconnect")
        assert info.history_sent
        session.send_client_content("on", turn_complete=False)
        session.close()
        first, _, third = line.stations
        parts = first.messages[0]["clientContent"]["turns"][0]["parts"]
        assert parts == [{"text": "one"}]
        parts = third.messages[0]["clientContent"]["turns"][0]["parts"]
        assert parts == [{"text": "one"}, {"text": "two"}]
        assert third.messages[0]["clientContent"]["turnComplete"] is False


ANNOUNCED = {
    "response_modalities": ["TEXT"],
    "session_resumption": {},
    "history_config": {"initial_history_in_client_content": True},
}


def test_a_history_that_the_program_sent_itself_is_told_to_a_fresh_session() -> None:
    heard = Heard()
    with (
        Emulator(Scenario(resumption=False), voice="tones") as emulator,
        connected(emulator, followed(heard), config=ANNOUNCED) as session,
    ):
        with pytest.raises(LocalProtocolError, match="history_config announces"):
            session.ask("Too early")
        session.send_client_content([livesdk.UserContent("I am Ada.")], turn_complete=False)
        session.send_client_content([livesdk.ModelContent("Hello.")], turn_complete=True)
        assert session.ask("Who am I?").text
        sent = [frame for frame in emulator.frames if "clientContent" in frame]
        emulator.inject(Drop())
        info = heard.wait("reconnect")
        assert (info.state_restored, info.history_sent, info.mid_turn) == (False, True, False)
        assert session.ask("And now?", timeout=PATIENCE).text
        told = [frame for frame in emulator.frames if "clientContent" in frame][len(sent) :]
        assert told[:2] == sent[:2]


def test_a_history_that_the_program_sent_itself_asks_for_no_answer() -> None:
    heard = Heard()
    with (
        Emulator(voice="tones") as emulator,
        connected(emulator, followed(heard), config=ANNOUNCED) as session,
    ):
        session.send_client_content("I am Ada.", turn_complete=True)
        emulator.wait_for("clientContent")
        assert settled(lambda: session.resumption_handle)
        emulator.inject(Drop())
        info = heard.wait("reconnect")
        assert (info.state_restored, info.mid_turn) == (True, False)
        session.send_realtime_input(text="Hello")
        assert list(session.receive_turn(timeout=PATIENCE))


def test_no_history_is_announced_where_nobody_can_send_it() -> None:
    heard = Heard()

    def refuses(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Request contains an invalid argument.")

    def lost(station: Station) -> None:
        station.open()
        station.close(1011, "Internal error encountered.")

    config = {**ANNOUNCED, "session_resumption": {"handle": "of another process"}}
    with Line(lost, refuses, nice) as line, connected(line, followed(heard), config=config):
        assert not heard.wait("reconnect").history_sent
        assert not any("historyConfig" in station.setup for station in line.stations)


def test_a_history_that_cannot_be_made_is_reported_and_the_session_goes_on() -> None:
    heard = Heard()
    calls: list[int] = []

    def history() -> list[str]:
        calls.append(1)
        if len(calls) > 1:
            raise KeyError("gone")
        return ["one"]

    with (
        Line(lambda station: station.open(), nice) as line,
        connected(line, followed(heard), history=history) as session,
    ):
        info = heard.wait("reconnect")
        error = heard.wait("error")
        assert isinstance(error, livesdk.ConfigError)
        assert isinstance(error.__cause__, KeyError)
        assert not info.history_sent
        assert not session.is_closed


def test_the_end_of_an_audio_stream_alone_is_no_question_that_a_loss_cuts_off() -> None:
    heard = Heard()

    def loses(station: Station) -> None:
        station.open()
        station.read("realtimeInput")
        station.close(1011)

    with Line(loses, nice) as line, connected(line, followed(heard)) as session:
        session.send_realtime_input(audio_stream_end=True)
        assert not heard.wait("reconnect").mid_turn


def test_an_empty_handle_is_none() -> None:
    config = {**TEXT, "session_resumption": {"handle": ""}}
    with Line(nice) as line, connected(line, config=config, history=["Hello."]) as session:
        assert settled(lambda: bool(line.stations[0].messages))
        assert line.stations[0].setup["sessionResumption"] == {}
        assert "clientContent" in line.stations[0].messages[0]
        assert settled(lambda: session.resumption_handle == "handle-0")


@pytest.mark.parametrize("history", [5, [{"role": "user", "prats": []}]])
def test_a_wrong_history_is_refused_before_anything_is_sent(history: Any) -> None:
    with Line(nice) as line:
        with pytest.raises(livesdk.ConfigError):
            connected(line, history=history).__enter__()
        assert line.stations == []


def test_the_handles_are_asked_for_where_reconnecting_is() -> None:
    config = {"response_modalities": ["TEXT"]}
    with Line(nice) as line, connected(line, config=config, reconnect=True):
        assert line.stations[0].setup["sessionResumption"] == {}
        with connected(line, config=config, reconnect=None):
            assert "sessionResumption" not in line.stations[1].setup


# -------------------------------------------------------------------------------- what is told


def test_what_may_be_lost_is_counted() -> None:
    heard = Heard()

    def takes_four(station: Station) -> None:
        station.open()
        station.gives("early")
        station.read("clientContent")
        station.says("I see.")  # so that the handle stands for it
        station.gives("handle")
        station.read("clientContent")
        station.read("clientContent")

    with Line(takes_four, nice) as line, connected(line, followed(heard)) as session:
        session.send_client_content("kept")
        heard.wait("message", 4)
        session.send_realtime_input(audio=bytes(3200))
        session.send_client_content("at risk", turn_complete=False)
        session.send_client_content("at risk, and asks")
        info = heard.wait("reconnect")
        assert info.messages_at_risk == 2
        assert info.media_at_risk_ms == 100
        assert info.messages_replayed == 0
        assert info.mid_turn
        assert json.dumps(line.stations[1].messages) == "[]"


def test_the_first_handle_is_not_trusted_to_stand_for_what_was_sent_before_it_came() -> None:
    """It may have been given out when the setup was complete, and have been on its way since."""
    heard = Heard()

    def gives_late(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.gives("handle")
        station.read("realtimeInput")

    with Line(gives_late, nice) as line, connected(line, followed(heard)) as session:
        session.send_client_content("on its way", turn_complete=False)
        heard.wait("message", 2)
        session.send_realtime_input(audio=bytes(3200))
        info = heard.wait("reconnect")
        assert info.messages_at_risk == 1
        assert info.media_at_risk_ms == 100


def test_threads_and_descriptors_do_not_grow() -> None:
    heard = Heard()

    def drops_at_once(station: Station) -> None:
        station.open()
        station.says("turn")

    with Line(drops_at_once) as line, connected(line, followed(heard)):
        heard.wait("reconnect", 5)
        gc.collect()
        before = descriptors()
        threads = threading.active_count()
        heard.wait("reconnect", 60, timeout=30)
        gc.collect()
        assert descriptors() <= before + 4  # the server's own, which end a little later
        assert threading.active_count() <= threads + 4


def test_a_service_that_is_asked_too_often_is_waited_for() -> None:
    """HTTP 429 without words about quota; our own hint, which has some, is no reason to stop."""
    heard = Heard()
    policy = livesdk.ReconnectPolicy(first_delay=0.02)
    openings = [(), HttpStatus(429, "slow down"), ()]
    with Emulator(Scenario(openings=openings), voice="tones") as emulator:
        client = livesdk.Client(
            api_key="any", http_options={"base_url": emulator.base_url}, proxy=""
        )
        with client.live.connect("models/m", TEXT, followed(heard), reconnect=policy) as session:
            emulator.inject(Drop())
            assert heard.wait("reconnect").attempts == 2
            assert session.ask("still there?").text


def test_what_was_not_sent_leaves_nothing_due() -> None:
    heard = Heard()
    with Held(drops, listens) as line, connected(line, followed(heard)) as session:
        until_reconnecting(line, session)
        with pytest.raises(SessionReconnecting):
            session.send_client_content("never sent", timeout=0.05)
        line.go.set()
        heard.wait("reconnect")
        assert not session._tally.busy


def test_a_stream_that_waits_for_room_is_counted_as_media() -> None:
    heard = Heard()

    def takes_fifty(station: Station) -> None:
        station.open()
        for _ in range(50):
            station.read("realtimeInput")
        station.read("clientContent")

    with Line(takes_fifty, nice) as line, connected(line, followed(heard)) as session:
        session.send_media_stream(bytes(32_000), realtime=False, end=False)
        session.send_client_content("cut here", turn_complete=False)
        info = heard.wait("reconnect")
        assert (info.messages_at_risk, info.media_at_risk_ms) == (1, 1000)


def test_history_that_may_not_have_arrived_is_told_again() -> None:
    """A handle that came before the model spoke may have been given out before the history came."""
    heard = Heard()

    def gives_too_early(station: Station) -> None:
        station.open()
        station.gives("too early")
        station.read("clientContent")

    with (
        Line(gives_too_early, nice) as line,
        connected(line, followed(heard), history=["My name is Ada."]) as session,
    ):
        info = heard.wait("reconnect")
        assert info.history_sent
        assert not info.state_restored
        assert info.messages_at_risk == 0
        session.send_client_content("on", turn_complete=False)
        session.close()
        assert [station.handle for station in line.stations] == [None, None]
        told = texts(line.stations[1])
        assert told == ["My name is Ada.", "on"]


def test_a_refused_handle_is_named_with_its_reason() -> None:
    heard = Heard()

    def refuses(station: Station) -> None:
        station.take_setup()
        station.close(1007, "Invalid or expired session resumption handle.")

    with Line(drops, refuses, nice) as line, connected(line, followed(heard)) as session:
        session.send_client_content("one")
        info = heard.wait("reconnect")
        assert isinstance(info.refusal, SetupError)
        assert "expired" in info.refusal.reason
        assert len(line.stations) == 3
