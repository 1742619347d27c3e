"""Each thing that can go wrong does, as its record says."""

from __future__ import annotations

import json
import socket

import pytest
from emulator.phone import GEMINI, MUSIC, kinds, text_of
from waiting import Caught
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livesdk.emulator import (
    BadJson,
    BadUtf8,
    Burst,
    Close,
    DelaySetup,
    Drop,
    GoAway,
    HttpStatus,
    Ping,
    RefuseSetup,
    Say,
    Scenario,
    SetupReply,
    SilentSetup,
    SilentUpgrade,
    SplitFrames,
    StopReading,
    UnknownFields,
)

_SETUP = {"setup": {"model": "models/m", "generationConfig": {"responseModalities": ["TEXT"]}}}


def test_an_http_status_with_the_services_body(emulate, dial):
    emulator = emulate(Scenario(openings=[HttpStatus(429, "Quota exceeded."), None]))
    with pytest.raises(InvalidStatus) as refused:
        dial(emulator)
    error = json.loads(refused.value.response.body)["error"]
    assert error == {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}
    assert dial(emulator).setup()


def test_an_http_status_with_a_body_and_headers_of_ones_own(emulate, dial):
    fault = HttpStatus(403, body="<html>", headers={"Content-Type": "text/html", "X-A": "b"})
    with pytest.raises(InvalidStatus) as refused:
        dial(emulate(Scenario(openings=[fault])))
    response = refused.value.response
    assert (response.body, response.headers["Content-Type"]) == (b"<html>", "text/html")
    assert response.headers["X-A"] == "b"


def test_an_upgrade_that_is_never_answered(emulate):
    emulator = emulate(Scenario(openings=[SilentUpgrade()]))
    with socket.create_connection(("127.0.0.1", emulator.port)) as plain:
        plain.sendall(f"GET {GEMINI} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        emulator.wait_connections(1)
        plain.settimeout(0.1)
        with pytest.raises(socket.timeout):  # TimeoutError only from Python 3.10 on
            plain.recv(1)


def test_a_setup_that_is_refused_and_the_next_that_is_not(emulate, dial):
    emulator = emulate(Scenario(openings=[RefuseSetup(1011, "Internal error."), ()]))
    caller = dial(emulator)
    caller.send(_SETUP)
    assert caller.end() == (1011, "Internal error.")
    assert dial(emulator).setup()


def test_a_setup_that_is_never_answered(emulate, dial):
    caller = dial(emulate(Scenario(openings=[SilentSetup()])))
    caller.send(_SETUP)
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.1)


def test_a_setup_that_is_answered_late(emulate, dial):
    emulator = emulate(Scenario(openings=[DelaySetup("now"), DelaySetup(0.01)]))
    caller = dial(emulator)
    caller.send(_SETUP)
    emulator.wait_for("setup")
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.05)
    emulator.release("now")
    assert caller.next() == {"setupComplete": {}}
    assert dial(emulator).setup()


def test_a_setup_reply_of_ones_own(emulate, dial):
    caller = dial(emulate(Scenario(openings=[SetupReply({"setupComplete": None})])))
    caller.send(_SETUP)
    assert caller.next() == {"setupComplete": None}
    assert caller.ask("Hi").startswith("Hello!")


def test_steps_of_an_opening_follow_the_setup(emulate, dial):
    opening = [DelaySetup(0), GoAway("1s"), Close(1001, "bye")]
    caller = dial(emulate(Scenario(openings=[opening])))
    caller.send(_SETUP)
    assert caller.next() == {"setupComplete": {}}
    assert caller.next() == {"goAway": {"timeLeft": "1s"}}
    assert caller.end() == (1001, "bye")


def test_an_opening_fault_injected_meets_the_next_connection(emulate, dial):
    emulator = emulate()
    first = dial(emulator)
    first.setup()
    emulator.inject(HttpStatus(503))
    with pytest.raises(InvalidStatus):
        dial(emulator)
    assert first.ask("Hi")
    assert dial(emulator).setup()


def test_opening_faults_of_several_calls_meet_as_many_connections(emulate, dial):
    emulator = emulate()
    for _ in range(2):
        emulator.inject(HttpStatus(503))
    emulator.inject(DelaySetup(0.01), RefuseSetup(1011, "Both are of one call."))
    for _ in range(2):
        with pytest.raises(InvalidStatus):
            dial(emulator)
    caller = dial(emulator)
    caller.send(_SETUP)
    assert caller.end() == (1011, "Both are of one call.")
    assert dial(emulator).setup()


def test_bad_json_and_bad_utf8_are_sent_and_the_session_goes_on(phone):
    _, caller = phone(Scenario(replies=[[BadJson(), BadUtf8(), Say("still here")]]))
    caller.say("go")
    assert caller.socket.recv(5) == b'{"serverContent": {'
    with pytest.raises(UnicodeDecodeError):
        caller.socket.recv(5).decode()
    assert text_of(caller.until("turnComplete")) == "still here"


def test_bad_utf8_in_a_text_frame(phone):
    emulator, caller = phone(Scenario(replies=[[BadUtf8(text=True)]]))
    caller.say("go")
    with pytest.raises(ConnectionClosed):
        caller.socket.recv(5)
    connection = emulator.connections[0]
    assert connection.wait_closed()
    assert (connection.close_code, connection.closed_by) == (1007, "client")


def test_split_frames_arrive_in_fragments(phone):
    _, caller = phone(Scenario(replies=[[SplitFrames(3), Say("hello")]]))
    caller.say("go")
    assert len(list(caller.socket.recv_streaming())) == 3
    assert caller.until("turnComplete")


def test_a_drop_ends_without_a_close_frame(phone):
    emulator, caller = phone()
    emulator.inject(Drop())
    assert caller.end()[0] == 1006
    connection = emulator.connections[0]
    assert connection.wait_closed()
    assert (connection.close_code, connection.closed_by) == (1006, "server")


def test_a_reset_is_seen_as_one(emulate):
    emulator = emulate()
    with socket.create_connection(("127.0.0.1", emulator.port)) as plain:
        plain.sendall(
            f"GET {GEMINI}?key=k HTTP/1.1\r\nHost: x\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        plain.settimeout(5)
        assert plain.recv(4096).startswith(b"HTTP/1.1 101")
        emulator.inject(Drop(rst=True))
        with pytest.raises(ConnectionResetError):
            plain.recv(1)


def test_closing_by_code(phone):
    emulator, caller = phone(Scenario(replies=[[Say("x"), Close(1011, "ö" * 100)]]))
    caller.say("go")
    code, reason = caller.end()
    assert (code, reason) == (1011, "ö" * 61)
    connection = emulator.connections[0]
    assert connection.wait_closed()
    assert (connection.close_code, connection.closed_by) == (1011, "server")


def test_a_client_that_is_not_read_is_still_spoken_to(phone):
    emulator, caller = phone(Scenario(replies=[[StopReading(), Say("I am deaf now")]]))
    assert caller.ask("go") == "I am deaf now"
    before = len(emulator.frames)

    def pour() -> None:
        try:
            for _ in range(200):
                caller.send({"realtimeInput": {"text": "x" * 100_000}})
        except (ConnectionClosed, OSError):
            pass

    pouring = Caught(pour)
    pouring.join(0.2)
    assert pouring.is_alive()
    assert len(emulator.frames) == before
    emulator.stop()
    pouring.result()


def test_reading_goes_on_after_a_while(phone):
    emulator, caller = phone()
    emulator.inject(StopReading(0.05))
    assert caller.ask("Hello").startswith("Hello!")


def test_pings_are_sent_and_their_pongs_awaited(phone):
    emulator, caller = phone(Scenario(replies=[[Ping(b"one", wait=True), Say("pong came")]]))
    assert caller.ask("go") == "pong came"
    assert emulator.connections[0].wait_pong(b"one")
    emulator.inject(Ping(b"two"))
    assert emulator.connections[0].wait_pong(b"two")
    assert not emulator.connections[0].wait_pong(b"never", timeout=0)


def test_pings_of_the_client_are_answered(phone):
    _, caller = phone()
    assert caller.socket.ping().wait(5)


def test_unknown_fields_are_added_at_every_depth(phone):
    _, caller = phone(Scenario(replies=[[UnknownFields(), Say("hello")]]))
    caller.say("go")
    frames = caller.until("turnComplete")
    assert "futureMessage" in frames[0]
    assert "futureField" in frames[0]["serverContent"]
    assert frames[-1]["serverContent"]["turnCompleteReason"] == "A_REASON_OF_THE_FUTURE"


def test_a_burst_comes_whole_and_in_order(phone):
    _, caller = phone(Scenario(replies=[[Burst(500), Burst(2, message={"goAway": {}})]]))
    caller.say("go")
    frames = caller.until("turnComplete")
    assert text_of(frames).split() == [str(number) for number in range(500)]
    assert kinds(frames).count("goAway") == 2


def test_faults_work_on_the_music_endpoint(emulate, dial):
    emulator = emulate()
    caller = dial(emulator, f"{MUSIC}?key=any")
    caller.send({"setup": {"model": "models/lyria-realtime-exp"}})
    caller.until("setupComplete")
    emulator.inject(GoAway("1s"), Close(1011, "x"))
    assert caller.next() == {"goAway": {"timeLeft": "1s"}}
    assert caller.end() == (1011, "x")


def test_a_mistake_in_a_scenario_closes_with_1011(phone):
    def broken(heard):
        raise RuntimeError("my own mistake")

    from livesdk.emulator import Reply

    _, caller = phone(Scenario(replies=[Reply(match=broken, steps="x")]))
    caller.say("go")
    code, reason = caller.end()
    assert code == 1011
    assert "my own mistake" in reason
