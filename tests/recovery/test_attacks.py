"""Reconnecting, met at the worst moment: each test was a bug once."""

from __future__ import annotations

import base64
import socket
import struct
import threading
from typing import Any

import attrs
import pytest
from rawserver import CLOSE
from recovery.stations import FAST, TEXT, Line, Station, connected, nice
from session.rig import PATIENCE, Heard, our_threads
from waiting import Caught, settled, within

import livesdk
from livesdk.errors import SessionReconnecting
from livesdk.protocol import State
from livesdk.transport import Held, Lost

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

        def send_and_be_slow(payload: bytes, deadline: float, media_ms: Any = None) -> None:
            try:
                send(payload, deadline, media_ms)
            except Held:
                refused.set()
                assert settled(lambda: connection.state is State.GOING_AWAY)
                raise

        transport.hold, transport.send = hold_and_be_slow, send_and_be_slow

        def before() -> None:
            asked.set()
            assert held.wait(PATIENCE)
            session._prompted()  # no quiet point any more

        sending = Caught(connection.send, FRAME, 5.0, before=before)
        assert asked.wait(PATIENCE)
        goes.set()
        with within(1.0):
            assert sending.outcome() is None
        session.close()
        assert [sorted(message) for message in line.stations[0].messages] == [["clientContent"]]


def resets_when(told: threading.Event) -> Any:
    def script(station: Station) -> None:
        station.open()
        station.read("clientContent")  # from here on the test has its session
        station.gives("handle")
        told.wait(PATIENCE)
        linger = struct.pack("ii", 1, 0)
        station.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    return script


@pytest.mark.parametrize("timeout", [0.0, 0.3, 5.0])
def test_a_sender_does_not_take_a_loss_that_the_reader_has_not_seen_for_the_end(
    timeout: float,
) -> None:
    """A callback on the reader is slow: until it returns nobody reconnects."""
    cut, slow, go_on = (threading.Event() for _ in range(3))
    heard = Heard()

    def be_slow(message: livesdk.LiveServerMessage) -> None:
        if message.session_resumption_update and not slow.is_set():
            slow.set()
            go_on.wait(PATIENCE)

    callbacks = followed(heard, onmessage=be_slow, dispatch="reader")
    with Line(resets_when(cut), nice) as line, connected(line, callbacks) as session:
        session.send_client_content("go", False)
        assert slow.wait(PATIENCE)
        cut.set()
        assert line.stations[0].peer.ended.wait(PATIENCE)
        transport = session._connection.transport
        assert settled(lambda: is_lost(transport))
        sending = Caught(session.send_client_content, "one", False, timeout=timeout)
        if timeout > 1:
            # longer than anybody would wait for the reader to notice
            sending.join(1.5)
            assert sending.is_alive()
        else:
            with within(timeout + 0.3):
                assert isinstance(sending.outcome(), SessionReconnecting)
        go_on.set()
        heard.wait("reconnect")
        assert sending.outcome() is None or timeout < 1
        assert not session.is_closed


def is_lost(transport: Any) -> bool:
    """Tell whether the other end is gone, by trying."""
    try:
        transport.send(FRAME, 0.0)
    except (Held, Lost):
        return True
    return False


def test_a_callback_on_the_reader_is_not_told_of_an_end_that_does_not_come() -> None:
    heard = Heard()
    errors: list[BaseException] = []
    cut = threading.Event()

    def sends(message: livesdk.LiveServerMessage) -> None:
        if message.session_resumption_update and not errors:
            cut.set()
            assert settled(lambda: is_lost(session._connection.transport))
            try:
                session.send_client_content("one", False)
            except livesdk.LiveError as error:
                errors.append(error)

    callbacks = followed(heard, onmessage=sends, dispatch="reader")
    with Line(resets_when(cut), nice) as line, connected(line, callbacks) as session:
        session.send_client_content("go", False)
        heard.wait("reconnect")
        assert [type(error) for error in errors] == [SessionReconnecting]


# ------------------------------------------------------------------ being closed while being left


def goes_away(station: Station) -> None:
    station.open()
    station.gives(f"handle-{station.number}")
    station.send(goAway={"timeLeft": "50s"})
    station.read_on()


@pytest.mark.parametrize("moment", ["before it is left", "when it is left"])
def test_close_at_the_moment_of_leaving_is_told_as_close(moment: str) -> None:
    heard = Heard()
    with Line(nice_until_told) as line, connected(line, followed(heard)) as session:
        connection: Any = session._connection
        name = "_must_leave" if moment == "before it is left" else "_is_worth_another"
        usual = getattr(connection, name)

        def close_first(argument: Any) -> Any:
            if connection.state is State.GOING_AWAY or name == "_is_worth_another":
                session.close(code=4000, reason="enough")  # on the reader: it only asks
            return usual(argument)

        setattr(connection, name, close_first)
        session.send_client_content("go", False)
        info = heard.wait("close")
        assert (info.code, info.reason, info.initiated_by) == (4000, "enough", "local")
        assert line.stations[0].peer.ended.wait(PATIENCE)
        assert line.stations[0].close_code == 4000
        assert heard.kinds.count("close") == 1
        assert len(line.stations) == 1


def nice_until_told(station: Station) -> None:
    station.open()
    station.read("clientContent")
    station.says("I see.")  # so that the handle stands for it
    station.gives("handle")
    station.send(goAway={"timeLeft": "50s"})
    station.read_on()


def test_close_ends_the_goodbye_to_a_connection_that_is_left() -> None:
    heard = Heard()

    def never_answers(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.send(goAway={"timeLeft": "50s"})
        station.peer.read_all()

    with Line(never_answers) as line, connected(line, followed(heard)) as session:
        peer = line.wait(1).peer
        assert settled(lambda: bool(peer.of(CLOSE)))
        with within(0.2):
            session.close(5.0)
        assert our_threads() == []
        assert heard.wait("close").code == 1000
        assert peer.ended.wait(PATIENCE)
        assert len(peer.of(CLOSE)) == 1


def test_what_keeps_a_connection_from_being_left_is_not_asked_about_all_the_time() -> None:
    """While media waits for room the connection stays; the reader may not spin meanwhile."""
    goes, messages = threading.Event(), 5

    def stuck(station: Station) -> None:
        station.open()
        station.gives("handle")
        goes.wait(PATIENCE)
        station.send(goAway={"timeLeft": "50s"})
        for _ in range(messages):  # each is a reason to ask
            station.peer.over.wait(0.02)
            station.send(usageMetadata={"totalTokenCount": 1})
        station.read_on()

    heard = Heard()
    with Line(stuck) as line, connected(line, followed(heard)) as session:
        transport: Any = session._connection.transport
        hold, times = transport.hold, []

        def counted() -> bool:
            times.append(1)
            hold()
            return False  # something waits for room

        transport.hold = counted
        goes.set()
        heard.wait("message", messages + 3)
        assert 1 <= len(times) <= messages + 3
        assert not session.reconnecting


# -------------------------------------------------------------------------- resuming by hand


def has_handle(session: livesdk.Session) -> bool:
    return settled(lambda: session.resumption_handle is not None)


def test_resume_takes_any_timeout() -> None:
    with Line(nice) as line, connected(line) as session:
        assert has_handle(session)
        assert session.resume(timeout=float("inf")).planned
        with pytest.raises(livesdk.LiveTimeout):
            session.resume(timeout=-1.0)
        assert line.wait(3)


def test_a_handle_given_by_hand_is_not_replaced_by_one_that_comes_with_the_goodbye() -> None:
    def gives_another_at_the_end(station: Station) -> None:
        station.open()
        station.gives("first")
        while station.peer.read()[0] != CLOSE:
            pass
        station.gives("newest")
        station.close(1000)

    with Line(gives_another_at_the_end, nice) as line, connected(line) as session:
        assert has_handle(session)
        assert session.resume("by hand").state_restored
        assert line.stations[1].handle == "by hand"


def test_a_handle_given_by_hand_while_another_is_being_dialled_gets_a_dial_of_its_own() -> None:
    go = threading.Event()

    def slow(station: Station) -> None:
        station.take_setup()
        go.wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    def drops(station: Station) -> None:
        station.open()
        station.gives("newest")

    with Line(drops, slow, nice) as line, connected(line) as session:
        line.wait(2)
        resuming = Caught(session.resume, "by hand")
        assert settled(resuming.is_alive)
        go.set()
        assert resuming.outcome().planned
        assert [station.handle for station in line.stations] == [None, "newest", "by hand"]
        assert session.stats.reconnects == 2


def test_resume_is_heard_also_while_a_quiet_point_is_looked_for() -> None:
    """For a moment the connection counts as left; it stays, and resume() must not wait in vain."""
    looking, asked = threading.Event(), threading.Event()

    def goes_away_when_told(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("clientContent")
        station.says("I see.")  # so that the handle stands for it
        station.gives("newest")
        station.send(goAway={"timeLeft": "50s"})
        station.read_on()

    with Line(goes_away_when_told, nice) as line, connected(line) as session:
        transport: Any = session._connection.transport
        hold = transport.hold

        def hold_and_be_slow() -> bool:
            hold()
            looking.set()
            asked.wait(PATIENCE)
            return False

        transport.hold = hold_and_be_slow
        session.send_client_content("go", False)
        assert looking.wait(PATIENCE)
        resuming = Caught(session.resume, timeout=2.0)
        condition: Any = session._connection._condition
        assert settled(lambda: bool(condition._waiters))
        asked.set()
        assert resuming.outcome().planned
        assert line.wait(2).handle == "newest"


# ------------------------------------------------------------------------------- turns that are cut


def test_nothing_of_an_answer_that_was_cut_is_left_for_the_next_turn() -> None:
    """The thread that asks is slow: all has happened before it looks into the inbox."""
    go = threading.Event()

    def says_half(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("clientContent")
        station.says("half of", done=False)

    def answers(station: Station) -> None:
        station.open()
        station.says("unasked")
        station.read("clientContent")
        station.says("all of it")
        station.read_on()

    with Line(says_half, answers) as line, connected(line) as session:
        connection: Any = session._connection
        send = connection.send

        def send_and_be_slow(*given: Any, **named: Any) -> None:
            send(*given, **named)
            assert settled(lambda: session.stats.reconnects == 1)
            go.wait(PATIENCE)

        connection.send = send_and_be_slow
        asking = Caught(session.ask, "well?", timeout=5.0)
        assert settled(lambda: session.stats.turns == 1)
        go.set()
        turn = asking.outcome()
        assert (turn.text, turn.ended_by) == ("half of", "reconnected")
        connection.send = send
        texts = [message.text for message in session.receive_turn(timeout=5.0)]
        assert [text for text in texts if text] == ["unasked"]
        assert session.ask("again?", timeout=5.0).text == "all of it"


def test_an_answer_that_was_cut_before_it_began_has_nothing_of_the_turn_before() -> None:
    def says_another(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("clientContent")
        station.says("something ", done=False)
        station.read("clientContent")
        station.says("else", done=False)

    with Line(says_another, nice) as line, connected(line) as session:
        session.send_client_content("tell me something else")
        assert settled(lambda: session._tally.mid_turn)
        turn = session.ask("well?", timeout=5.0)
        assert (turn.text, turn.ended_by, turn.messages) == ("", "reconnected", [])


# ------------------------------------------------------------------------------- credentials


class Credentials:
    """A refresh fails at first."""

    def __init__(self) -> None:
        self.token = "token-0"
        self.valid = True
        self.refreshes = 0

    def refresh(self, _: object) -> None:
        self.refreshes += 1
        if self.refreshes < 3:
            raise OSError("the network is down")
        self.valid = True


def test_a_token_that_cannot_be_refreshed_while_the_network_is_down_is_tried_for_again() -> None:
    heard = Heard()
    cut = threading.Event()
    credentials = Credentials()
    client = {"api_key": None, "vertexai": True, "project": "p", "credentials": credentials}
    with (
        Line(resets_when(cut), nice) as line,
        connected(line, followed(heard), client=client) as session,
    ):
        session.send_client_content("go", False)
        credentials.valid = False  # expired by now
        cut.set()
        assert heard.wait("reconnect").attempts == 3
        assert credentials.refreshes == 3
        assert line.stations[1].handle == "handle"


# ---------------------------------------------------------------------------- what is told of a gap


def test_media_that_two_connections_kept_counts_as_dropped_where_there_is_too_much() -> None:
    """A second was left by the lost connection, another one waits for the next: one is told of."""
    cut, slow, go_on, go = (threading.Event() for _ in range(4))
    heard = Heard()

    def be_slow(message: livesdk.LiveServerMessage) -> None:
        if message.session_resumption_update and not slow.is_set():
            slow.set()
            go_on.wait(PATIENCE)

    def completes_later(station: Station) -> None:
        station.take_setup()
        go.wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    def speak(session: livesdk.Session, sound: int) -> None:
        for _ in range(10):
            session.send_realtime_input(audio=bytes([sound]) * 3200)

    callbacks = followed(heard, onmessage=be_slow, dispatch="reader")
    with (
        Line(resets_when(cut), completes_later) as line,
        connected(line, callbacks) as session,
    ):
        session.send_client_content("go", False)
        assert slow.wait(PATIENCE)
        cut.set()
        assert settled(lambda: is_lost(session._connection.transport))
        speak(session, 1)
        go_on.set()
        line.wait(2)
        speak(session, 2)
        assert session.stats.media_dropped_ms == 1000
        go.set()
        assert heard.wait("reconnect").media_dropped_ms == 1000
        session.close()
        sent = line.stations[1].of("realtimeInput")
        assert len(sent) == 10
        assert all(piece["audio"]["data"].startswith("AgIC") for piece in sent)


@pytest.mark.parametrize("answered", [False, True])
def test_a_call_that_was_open_after_the_turn_was_cut_too(answered: bool) -> None:
    heard = Heard()
    started, may_end, sent = (threading.Event() for _ in range(3))

    def look_up() -> str:
        """Look something up."""
        started.set()
        may_end.wait(PATIENCE)
        return "found"

    def drops_in_between(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("clientContent")
        station.send(toolCall={"functionCalls": [{"id": "1", "name": "look_up", "args": {}}]})
        station.says("I will look it up.")
        if answered:
            station.read("toolResponse")
            sent.set()
        started.wait(PATIENCE)

    config = {**TEXT, "tools": [look_up]}
    callbacks = followed(heard)
    with Line(drops_in_between, nice) as line, connected(line, callbacks, config=config) as session:
        asking = Caught(session.ask, "well?", timeout=5.0)
        assert started.wait(PATIENCE)
        if answered:
            assert settled(lambda: session.stats.turns == 1)
            may_end.set()
            assert sent.wait(PATIENCE)
        assert heard.wait("reconnect").mid_turn
        turn = asking.outcome()
        assert (turn.text, turn.ended_by) == ("I will look it up.", "reconnected")
        may_end.set()


def test_an_end_without_another_connection_tells_what_the_loss_cut_off() -> None:
    heard = Heard()

    def says_half(station: Station) -> None:
        station.open()
        station.read("clientContent")
        station.says("half of", done=False)
        line.refuse_all()

    policy = livesdk.ReconnectPolicy(attempts=2, first_delay=0.01)
    with (
        Line(says_half) as line,
        connected(line, followed(heard), reconnect=policy) as session,
    ):
        session.send_client_content("well?")
        info = heard.wait("close")
        assert (info.code, info.mid_turn) == (1006, True)


def test_on_reconnect_may_send_in_every_mode() -> None:
    heard = Heard()
    with Line(resets_at_once, nice) as line:

        def asks_again(info: livesdk.ReconnectInfo) -> None:
            session.send_client_content("again", False)
            heard.note("reconnect", info)

        callbacks = heard.callbacks(on_reconnect=asks_again, dispatch="reader")
        with connected(line, callbacks) as session:
            session.send_client_content("one", False)
            heard.wait("reconnect")
            session.close()
        assert heard.all("error") == []
        assert len(line.stations[1].of("clientContent")) == 1


def resets_at_once(station: Station) -> None:
    station.open()
    station.gives("handle")
    station.read("clientContent")


# ----------------------------------------------------------------------------- the user is speaking

MANUAL = {**TEXT, "realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}


def kinds(station: Station) -> list[str]:
    """What was said in real time, repetitions counted once."""
    said = [next(iter(piece)) for piece in station.of("realtimeInput")]
    return [kind for at, kind in enumerate(said) if at == 0 or said[at - 1] != kind]


@pytest.mark.parametrize("ends", ["after the gap", "in the gap", "before the gap"])
def test_an_activity_goes_on_over_a_gap(ends: str) -> None:
    heard = Heard()
    cut, go = threading.Event(), threading.Event()

    def completes_later(station: Station) -> None:
        station.take_setup()
        go.wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    with (
        Line(resets_when(cut), completes_later) as line,
        connected(line, followed(heard), config=MANUAL) as session,
    ):
        session.send_client_content("go", False)
        session.send_realtime_input(activity_start={})
        session.send_realtime_input(audio=bytes(640))
        if ends == "before the gap":
            session.send_realtime_input(activity_end={})
        cut.set()
        line.wait(2)
        session.send_realtime_input(audio=bytes(640))
        ending = None
        if ends == "in the gap":
            ending = Caught(session.send_realtime_input, activity_end={})
            assert settled(ending.is_alive)
        go.set()
        heard.wait("reconnect")
        if ending is not None:
            assert ending.outcome() is None
        elif ends == "after the gap":
            session.send_realtime_input(activity_end={})
        session.close()
        whole = ["activityStart", "audio", "activityEnd"]
        assert kinds(line.stations[1]) == (["audio"] if ends == "before the gap" else whole)


# ------------------------------------------------------------------------------ while all goes on


def test_nothing_is_lost_or_sent_twice_while_the_connection_changes_under_senders() -> None:
    """Left in order, thirty times: each message and each piece of media arrives once, in order."""
    texts, sounds, over = 3, 1, threading.Event()

    def reads(station: Station) -> None:
        station.open()
        station.gives(f"handle-{station.number}")
        station.read_on()

    def write(session: livesdk.Session, name: str) -> int:
        count = 0
        while not (over.is_set() or session.wait_ended(0.002)):
            session.send_client_content(f"{name} {count}", False)
            count += 1
        return count

    def speak(session: livesdk.Session) -> int:
        count = 0
        while not (over.is_set() or session.wait_ended(0.001)):
            session.send_realtime_input(audio=count.to_bytes(2, "little") * 16)  # a millisecond
            count += 1
        return count

    policy = attrs.evolve(FAST, attempts=100)
    with Line(reads) as line, connected(line, reconnect=policy) as session:
        writers = [Caught(write, session, f"writer-{number}") for number in range(texts)]
        speakers = [Caught(speak, session) for _ in range(sounds)]
        for _ in range(30):
            assert has_handle(session)
            assert session.resume().planned
        over.set()
        written = [writer.outcome() for writer in writers]
        spoken = [speaker.outcome() for speaker in speakers]
        dropped_ms = session.stats.media_dropped_ms
        session.close()
        assert line.stations[-1].peer.ended.wait(PATIENCE)
        messages = [message for station in line.stations for message in station.messages]
    said = [
        message["clientContent"]["turns"][0]["parts"][0]["text"]
        for message in messages
        if "clientContent" in message
    ]
    for number, count in enumerate(written):
        name = f"writer-{number} "
        own = [text for text in said if text.startswith(name)]
        assert own == [f"{name}{index}" for index in range(count)]
    heard = [
        int.from_bytes(base64.b64decode(message["realtimeInput"]["audio"]["data"])[:2], "little")
        for message in messages
        if "realtimeInput" in message
    ]
    assert heard == sorted(set(heard))
    assert len(heard) == spoken[0] - dropped_ms


def test_reconnecting_does_not_wait_for_a_program_that_does_not_pump() -> None:
    def drops_four_times(station: Station) -> None:
        station.open()
        station.says("turn")
        if station.number == 4:
            station.read_on()

    heard = Heard()
    callbacks = followed(heard, dispatch="manual")
    with Line(drops_four_times) as line, connected(line, callbacks) as session:
        assert settled(lambda: session.stats.reconnects == 4)
        assert heard.kinds == []
        assert settled(lambda: session.stats.turns == 5)
        session.pump(PATIENCE)
        between = ["reconnect", "message"]
        assert heard.kinds == ["open", "message", "message", *between * 4]


def test_a_sender_need_not_wait_for_a_consumer_to_get_another_connection() -> None:
    """A reader that waits for room does not look at the socket: the sender tells it."""
    is_full = threading.Event()

    def says_much_and_breaks(station: Station) -> None:
        station.open()
        for _ in range(33):
            station.says("x" * 2**20)
        assert is_full.wait(PATIENCE)
        linger = struct.pack("ii", 1, 0)
        station.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with Line(says_much_and_breaks, nice) as line, connected(line) as session:
        assert settled(lambda: session._connection.inbox.is_full)
        is_full.set()

        def gets_through() -> bool:  # the system takes the first: so it learns that nobody is there
            session.send_client_content("one", timeout=2.0)
            return session.stats.reconnects == 1

        assert settled(gets_through)
        assert next(session.receive()).server_content


def test_resume_by_hand_is_not_limited_by_the_policy() -> None:
    policy = livesdk.ReconnectPolicy(attempts=2)
    with Line(nice) as line, connected(line, reconnect=policy) as session:
        for number in range(5):
            assert has_handle(session)
            assert session.resume().attempts == 1
            assert line.wait(number + 2)


def test_a_session_whose_attempts_are_used_up_by_rotations_says_so() -> None:
    """Every connection is told to go at once: that neither goes on for ever, nor ends in order."""
    heard = Heard()
    policy = livesdk.ReconnectPolicy(attempts=3, first_delay=0.01)
    with Line(goes_away) as line, connected(line, followed(heard), reconnect=policy):
        info = heard.wait("close")
        assert (info.code, info.clean, info.initiated_by) == (1006, False, "local")
        assert "used up" in info.reason
        assert isinstance(heard.wait("error"), livesdk.SessionClosed)
        assert len(line.stations) == 4


def test_a_prompt_that_goes_out_on_the_second_connection_only_leaves_no_cut_behind() -> None:
    def reads_nothing_and_breaks(station: Station) -> None:
        station.open()
        station.gives("handle")
        assert station.peer.sock.recv(1, socket.MSG_PEEK)  # a prompt is half out: it is large
        linger = struct.pack("ii", 1, 0)
        station.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def answers(station: Station) -> None:
        station.open()
        for number in (1, 2, 3):
            station.read("clientContent")
            station.says(f"answer {number}")
        station.read_on()

    with Line(reads_nothing_and_breaks, answers) as line, connected(line) as session:
        assert session.ask("x" * 8_000_000, timeout=PATIENCE).text == "answer 1"
        assert session.stats.reconnects == 1
        for number in (2, 3):
            session.send_client_content("go on")
            turn = list(session.receive_turn(timeout=PATIENCE))
            assert "".join(message.text or "" for message in turn) == f"answer {number}"
