"""A recording played back: as messages, as a session without a network, from the emulator."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from recording.kit import recorded, refused
from session.opened import TEXT, client_of
from session.rig import Heard
from waiting import Caught, settled, within

import livesdk
from livesdk.emulator import (
    Call,
    Close,
    Drop,
    Emulator,
    HttpStatus,
    RefuseSetup,
    Say,
    Scenario,
    SendRaw,
)
from livesdk.recording import Recorder, Replay

pytestmark = pytest.mark.requires("emulator")

SPOKEN = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
HEADER = b'{"format": "livesdk recording", "version": 1, "service": "live", "model": "models/m"}\n'


def boil(litres: float) -> dict:
    """Boil water."""
    return {"boiling": litres}


TEA = ["Hello.", [Call("boil", {"litres": 2}), Say("Tea is ready.")], "Bye."]
QUESTIONS = ["Hi", "Make tea", "Bye"]


@pytest.fixture
def tea(record):
    """Three turns, one with a tool, and every message that the session was told of."""
    heard, turns = Heard(), []

    def converse(session):
        turns.extend(session.ask(question) for question in QUESTIONS)

    config = {**SPOKEN, "tools": [boil]}
    replay = record(converse, *TEA, config=config, callbacks=heard.callbacks())
    heard.wait("close")
    return replay, turns, heard.all("message")


def raw(messages):
    return [message.raw for message in messages]


def same_turns(turns, others):
    assert [(t.text, t.audio, t.output_transcript, t.ended_by) for t in turns] == [
        (t.text, t.audio, t.output_transcript, t.ended_by) for t in others
    ]
    assert [[(c.id, c.args, c.response) for c in t.function_calls] for t in turns] == [
        [(c.id, c.args, c.response) for c in t.function_calls] for t in others
    ]


def answered_in_400_ms():
    def frame(at, **content):
        line = {"at": at, "direction": "server", "frame": {"serverContent": content}}
        return json.dumps(line).encode() + b"\n"

    setup = b'{"at": 0, "direction": "client", "frame": {"setup": {"model": "models/m"}}}\n'
    ready = b'{"at": 0, "direction": "server", "frame": {"setupComplete": {}}}\n'
    asked = b'{"at": 9, "direction": "client", "frame": {"clientContent": {}}}\n'
    answer = frame(9.2, modelTurn={"parts": [{"text": "One."}]}) + frame(9.4, turnComplete=True)
    return Replay(io.BytesIO(HEADER + setup + ready + asked + answer))


def seconds_of_an_answer(session):
    asked_at = time.monotonic()
    turn = session.ask("Hello")
    took = time.monotonic() - asked_at
    assert turn.text == "One."
    assert len(turn.messages) == 2
    return took


# ----------------------------------------------------------------------------------- as messages


def test_the_messages_are_those_of_the_session(tea):
    replay, _, messages = tea
    assert list(replay.messages()) == messages
    assert raw(replay.messages()) == raw(messages)
    assert list(replay.messages()) == messages  # any number of times


def test_the_dialect_of_vertex_is_read_as_the_session_did(tmp_path):
    heard = Heard()
    with Emulator(Scenario(replies=["One."]), voice="tones") as emulator:
        client = livesdk.Client(
            vertexai=True,
            api_key="any",
            http_options={"base_url": emulator.base_url},
            proxy="",
        )
        with (
            Recorder(tmp_path / "x.jsonl") as recorder,
            client.live.connect("m", TEXT, heard.callbacks(), recorder=recorder) as session,
        ):
            session.ask("Hello")
    heard.wait("close")
    replay = Replay(tmp_path / "x.jsonl")
    assert replay.header.vertex_rules
    assert list(replay.messages()) == heard.all("message")


def test_what_could_not_be_decoded_is_left_out(record):
    replay = record(lambda session: session.ask("Hi"), [SendRaw(b"{"), Say("One.")])
    assert "".join(message.text or "" for message in replay.messages()) == "One."


# ----------------------------------------------------------------------------------- broken files


def test_an_incomplete_last_line_is_left_out_with_a_warning(tea):
    replay, _, messages = tea
    octets = Path(replay.name).read_bytes()
    whole = octets.rstrip().rfind(b"\n") + 1
    with pytest.warns(UserWarning, match=r"line \d+, the last one, is incomplete"):
        cut = Replay(io.BytesIO(octets[: whole + 20]))
    assert cut.close_info is None
    assert list(cut.messages()) == messages
    with cut.session(wait_for_client=False) as session:
        assert raw(session.receive()) == raw(messages[1:])
        assert session.close_info.reason == "the recording ends here"


@pytest.mark.parametrize(
    "broken",
    [
        b'{"at": 1, "direction": "server", "fra',
        b"[]",
        b"{}",
        b'{"at": 1, "direction": "nobody", "frame": {}}',
        b'{"at": 1, "direction": "server"}',
        b'{"at": 1, "direction": "server", "not_json": "%"}',
        b'{"at": 1, "direction": "server", "frame": 5}',
        b'{"at": "soon", "direction": "server", "frame": {}}',
        b'{"at": 1, "event": "closed", "info": {"colour": "red"}}',
    ],
)
def test_a_broken_line_elsewhere_is_named(broken):
    good = b'{"at": 1, "direction": "server", "frame": {"setupComplete": {}}}\n'
    with pytest.raises(livesdk.ConfigError, match="line 3"):
        Replay(io.BytesIO(HEADER + good + broken + b"\n" + good))


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"RIFF....WAVE", "no recording"),
        (b"{}\n", "no recording"),
        (b"[1]\n", "no recording"),
        (HEADER.replace(b": 1,", b": 2,"), "version"),
    ],
)
def test_what_is_no_recording_is_refused(octets, words):
    with pytest.raises(livesdk.ConfigError, match=words):
        Replay(io.BytesIO(octets))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(livesdk.ConfigError, match=r"none\.jsonl cannot be read: No such file"):
        Replay(tmp_path / "none.jsonl")
    with pytest.raises(livesdk.ConfigError, match="path"):
        Replay(5)
    with pytest.raises(livesdk.ConfigError, match="bytes"):
        Replay(io.StringIO("x"))


# --------------------------------------------------------------------------- without a network


@pytest.mark.parametrize(
    ("member", "outcome"),
    [
        (b"", contextlib.nullcontext()),
        (
            b', "realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}}',
            pytest.raises(livesdk.ConfigError),
        ),
    ],
)
def test_a_replay_knows_whether_the_user_was_detected(member, outcome):
    setup = b'{"at": 0, "direction": "client", "frame": {"setup": {"model": "m"%b}}}\n' % member
    complete = b'{"at": 1, "direction": "server", "frame": {"setupComplete": {}}}\n'
    asks = b'{"at": 2, "direction": "client", "frame": {"clientContent": {}}}\n'
    replay = Replay(io.BytesIO(HEADER + setup + complete + asks))
    with replay.session() as session, outcome:
        session.send_media_stream(bytes(640), realtime=False)


@pytest.mark.parametrize("pace", [{}, {"realtime": True, "speed": 4.0}])
def test_a_session_replays_turn_for_turn(tea, pace):
    replay, turns, messages = tea
    heard = Heard()
    with replay.session(heard.callbacks(), tools=[boil], **pace) as session:
        again = [session.ask(question) for question in QUESTIONS]
    same_turns(turns, again)
    heard.wait("close")
    assert raw(heard.all("message")) == raw(messages)
    assert heard.kinds[0] == "open"
    assert heard.kinds[-1] == "close"
    assert session.close_info == replay.close_info
    assert session.stats.tools.answered == 1


@pytest.mark.parametrize(
    ("pace", "least", "most"),
    [
        ({}, 0.0, 0.3),
        ({"realtime": True}, 0.35, 3.0),  # and not nine seconds: the question came sooner
        ({"realtime": True, "speed": 0.5}, 0.75, 3.0),
    ],
)
def test_at_the_pace_of_the_recording_it_takes_as_long(pace, least, most):
    replay = answered_in_400_ms()
    assert replay.duration == 9.4
    with replay.session(**pace) as session:
        assert least < seconds_of_an_answer(session) < most


def test_close_ends_the_wait_for_what_comes_later():
    late = b'{"at": 999, "direction": "server", "frame": {"serverContent": {}}}\n'
    setup = b'{"at": 0, "direction": "client", "frame": {"setup": {"model": "models/m"}}}\n'
    ready = b'{"at": 0, "direction": "server", "frame": {"setupComplete": {}}}\n'
    replay = Replay(io.BytesIO(HEADER + setup + ready + late))
    session = replay.session(realtime=True)
    waiting = Caught(lambda: list(session.receive()))
    assert not session.wait_ended(0.05)
    with within(1.0):
        session.close()
    assert waiting.outcome() == []


def test_it_waits_for_the_client_and_only_for_as_much_as_was_said(tea):
    replay, turns, _ = tea
    with replay.session() as session:
        session.send_client_content("anything", turn_complete=True)
        first = list(session.receive_turn(timeout=5))
        waiting = Caught(lambda: list(itertools.islice(session.receive(), 1)))
        assert not session.wait_ended(0.05)
        assert waiting.is_alive()
        session.send_client_content("and now", turn_complete=True)
        [call] = waiting.outcome()[0].tool_calls
        assert call.name == "boil"
        session.send_tool_response({"id": call.id, "name": "boil", "response": {}})
        assert (
            "".join(
                m.server_content.output_transcription.text
                for m in first
                if m.server_content and m.server_content.output_transcription
            )
            == "Hello."
        )
        assert list(session.receive_turn(timeout=5))
    assert turns[0].output_transcript == "Hello."


def test_without_waiting_it_runs_by_itself_and_ends_cleanly(tea):
    replay, _, messages = tea
    with replay.session(wait_for_client=False) as session:
        assert raw(session.receive()) == raw(messages[1:])
    assert (session.close_info.code, session.close_info.clean) == (1000, True)


@pytest.mark.parametrize("step", [Close(1011, "out of order"), Drop()])
def test_it_ends_as_the_session_did(record, step):
    def converse(session):
        with pytest.raises(livesdk.SessionClosed):
            session.ask("Hello")

    replay = record(converse, [Say("Well"), step])
    with replay.session() as session:
        converse(session)
        recorded, again = replay.close_info, session.close_info
    assert (again.code, again.initiated_by) == (recorded.code, recorded.initiated_by)
    with pytest.raises(livesdk.SessionClosed):
        session.send_client_content("more")


def test_sound_is_counted_by_amount_however_it_is_cut(record):
    sound = bytes(32_000)

    def speak(session, *chunks):
        for chunk in chunks:
            session.send_realtime_input(audio=chunk)
        session.send_realtime_input(audio_stream_end=True)
        return "".join(message.text or "" for message in session.receive_turn(timeout=5))

    loud = b"\x00\x40\x00\xc0" * 8_000
    replay = record(lambda session: speak(session, loud, sound), "I heard.", heard=["hello"])
    with replay.session() as session:
        assert speak(session, *[bytes(3_200)] * 20) == "I heard."
    with replay.session() as session:  # as where the network dropped some
        assert speak(session, bytes(3_200)) == "I heard."


def test_what_the_program_sends_is_taken_by_several_threads(tea):
    replay, *_ = tea
    ready = threading.Barrier(4)
    with replay.session() as session:

        def send():
            ready.wait(5)
            for _ in range(50):
                session.send_client_content("x", turn_complete=False)

        for call in [Caught(send) for _ in range(4)]:
            call.result()
        assert session.stats.messages_sent == 200


def test_a_setup_that_was_refused_is_refused_again(tmp_path):
    path = tmp_path / "x.jsonl"
    refused(path, RefuseSetup(1007, "No way."))
    with pytest.raises(livesdk.SetupError, match="1007 No way"):
        Replay(path).session()
    with Emulator(Scenario(recording=Replay(path))) as emulator:
        connect = client_of(emulator).live.connect
        with pytest.raises(livesdk.SetupError, match="1007 No way"):
            connect("m", TEXT)


def test_its_arguments_are_checked(tea):
    replay, *_ = tea
    speeds: list[Any] = [0, "2", float("inf")]
    for speed in speeds:
        with pytest.raises(livesdk.ConfigError, match="speed: expected a number above 0, got"):
            replay.session(realtime=True, speed=speed)
    with pytest.raises(livesdk.ConfigError, match="not of music"):
        replay.music_session()
    session = replay.session()
    with session, pytest.raises(livesdk.LocalProtocolError, match="AudioConversation"):
        session.start_audio_conversation()


# --------------------------------------------------------------------------- from the emulator


def test_the_emulator_serves_it_turn_for_turn_to_one_client_after_another(tea):
    replay, turns, messages = tea
    config = {**SPOKEN, "tools": [boil]}
    with Emulator(Scenario(recording=replay)) as emulator:
        for _ in range(2):
            heard = Heard()
            connect = client_of(emulator).live.connect
            with connect("other", config, heard.callbacks()) as session:
                same_turns(turns, [session.ask(question) for question in QUESTIONS])
            heard.wait("close")
            assert raw(heard.all("message")) == raw(messages)


@pytest.mark.parametrize(
    ("speed", "least", "most"), [(None, 0.0, 0.3), (1.0, 0.35, 3.0), (0.5, 0.75, 3.0)]
)
def test_the_emulator_keeps_the_pace_if_asked_to(speed, least, most):
    scenario = Scenario(recording=answered_in_400_ms(), recording_speed=speed)
    with Emulator(scenario) as emulator, client_of(emulator).live.connect("m", TEXT) as session:
        assert least < seconds_of_an_answer(session) < most


@pytest.mark.parametrize("step", [Close(1011, "out of order"), Drop()])
def test_the_emulator_ends_as_the_recorded_server_did(record, step):
    def converse(session):
        with pytest.raises(livesdk.SessionClosed):
            session.ask("Hello")

    replay = record(converse, [Say("Well"), step])
    with Emulator(Scenario(recording=replay)) as emulator:
        session = client_of(emulator).live.connect("m", TEXT)
        converse(session)
    recorded, again = replay.close_info, session.close_info
    assert (again.code, again.initiated_by) == (recorded.code, recorded.initiated_by)


def test_faults_come_beside_a_recording(tea):
    replay, turns, _ = tea
    scenario = Scenario(recording=replay, openings=[HttpStatus(503)])
    with Emulator(scenario) as emulator:
        with pytest.raises(livesdk.ConnectError):
            client_of(emulator).live.connect("m", SPOKEN)
        with client_of(emulator).live.connect("m", SPOKEN) as session:
            same_turns(turns[:1], [session.ask("Hi")])
            emulator.inject(Drop())
            assert session.wait_closed(5).code == 1006


def test_each_connection_of_a_recording_meets_one_of_the_client():
    def frame(direction, **frame):
        return {"at": 0, "direction": direction, "frame": frame}

    def say(text):
        return frame("server", serverContent={"modelTurn": {"parts": [{"text": text}]}})

    opening = [frame("client", setup={}), frame("server", setupComplete={})]
    lost = {"code": 1006, "initiated_by": "network"}
    lines = [
        *opening,
        say("first"),
        {"at": 1, "event": "lost", "info": lost},
        {"at": 2, "event": "reconnected"},
        *opening,
        say("second"),
        {"at": 3, "event": "closed", "info": {"code": 1000, "initiated_by": "remote"}},
    ]
    octets = HEADER + b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    replay = Replay(io.BytesIO(octets))
    with Emulator(Scenario(recording=replay)) as emulator:
        told = []
        for code in (1006, 1000, 1006):
            heard = Heard()
            session = client_of(emulator).live.connect("m", TEXT, heard.callbacks())
            assert session.wait_closed(5).code == code
            told.append(heard.texts)
    assert told == ["first", "second", "first"]
    with replay.session(wait_for_client=False) as session:
        assert "".join(m.text or "" for m in session.receive()) == "firstsecond"


def test_only_a_replay_is_a_recording():
    with pytest.raises(livesdk.ConfigError, match="Replay"):
        Scenario(recording="x.jsonl")


# --------------------------------------------------------------------------------------- music


def test_music_is_recorded_and_replayed(tmp_path):
    path, heard = tmp_path / "x.jsonl", Heard()
    with Emulator() as emulator, Recorder(path) as recorder:
        connect = client_of(emulator).live.music.connect
        with connect(callbacks=heard.callbacks(), recorder=recorder) as session:
            session.set_weighted_prompts(["piano"])
            session.set_music_generation_config(bpm=90)
            session.play()
            heard.wait("message", 4)
            session.pause()
    heard.wait("close")
    messages = heard.all("message")
    replay = Replay(path)
    assert replay.header.service == "music"
    assert list(replay.messages())[: len(messages)] == messages
    kinds = [event.kind for event in replay.events if event.direction == "client"]
    assert kinds == [
        "setup",
        "clientContent",
        "musicGenerationConfig",
        "playbackControl",
        "playbackControl",
    ]
    with pytest.raises(livesdk.ConfigError, match="music_session"):
        replay.session()

    def play(session):
        session.set_weighted_prompts(["piano"])
        session.set_music_generation_config(bpm=90)
        session.play()
        return raw(itertools.islice(session.receive(), 3))

    with replay.music_session() as session:
        assert play(session) == raw(messages[1:4])
    with Emulator(Scenario(recording=replay)) as emulator:
        session = client_of(emulator).live.music.connect()
        with session:
            assert play(session) == raw(messages[1:4])


def test_a_second_recording_of_a_replay_is_the_same(tea, tmp_path):
    replay, *_ = tea
    path = tmp_path / "again.jsonl"
    config = {**SPOKEN, "tools": [boil]}
    count = len(list(replay.messages()))
    with recorded(path, config=config, recording=replay) as (_, session, _):
        for question in QUESTIONS:
            session.ask(question)
        assert settled(lambda: session.stats.messages_received == count)
    again = Replay(path)
    frames = [[e.frame for e in one.events if e.direction == "server"] for one in (replay, again)]
    assert frames[0] == frames[1]


def test_one_recording_is_played_by_several_threads_at_once(tea):
    replay, turns, _ = tea
    ready = threading.Barrier(3)

    def play():
        ready.wait(5)
        with replay.session(tools=[boil]) as session:
            return [session.ask(question) for question in QUESTIONS]

    for caught in [Caught(play) for _ in range(3)]:
        same_turns(turns, caught.outcome())


# ------------------------------------------------------------------------------- reconnections


RESUMED = {**TEXT, "session_resumption": {}}


def two_turns(emulator, session):
    """Ask, lose the connection, and ask again."""
    turns = [session.ask("first")]
    assert settled(lambda: session.resumption_handle is not None)
    if emulator is not None:
        emulator.inject(Drop())
        assert settled(lambda: session.stats.reconnects == 1)
    return [*turns, session.ask("second")]


def without_handles(messages):
    return [found for found in raw(messages) if "sessionResumptionUpdate" not in found]


def test_a_session_that_outlived_a_connection_is_one_recording(tmp_path):
    path, heard = tmp_path / "x.jsonl", Heard()
    options = {"config": RESUMED, "callbacks": heard.callbacks()}
    with recorded(path, "One.", "Two.", **options) as (emulator, session, _):
        turns = two_turns(emulator, session)
    heard.wait("close")
    replay = Replay(path)
    happened = [event.kind for event in replay.events if event.direction == "session"]
    assert happened == ["lost", "reconnected", "closed"]
    setups = [event.frame["setup"] for event in replay.events if event.kind == "setup"]
    handle = setups[1]["sessionResumption"]["handle"]
    assert handle.startswith("handle-")
    assert handle in str([event.frame for event in replay.events if event.direction == "server"])
    assert without_handles(replay.messages()) == without_handles(heard.all("message"))
    with replay.session() as again:
        same_turns(turns, two_turns(None, again))
    with Emulator(Scenario(recording=replay)) as emulator:
        again = client_of(emulator).live.connect("m", RESUMED)
        with again:
            same_turns(turns[:1], [again.ask("first")])
            assert settled(lambda: again.stats.reconnects == 1)
            same_turns(turns[1:], [again.ask("second")])
        assert len(emulator.connections) == 2


def test_a_history_is_recorded_and_not_waited_for_without_a_network(tmp_path):
    path = tmp_path / "x.jsonl"
    history = [livesdk.UserContent("My name is Ada."), livesdk.ModelContent("Hello, Ada.")]
    with Emulator(Scenario(replies=["One."])) as emulator, Recorder(path) as recorder:
        connect = client_of(emulator).live.connect
        session = connect("m", TEXT, history=history, recorder=recorder)
        with session:
            turn = session.ask("Hi")
    replay = Replay(path)
    assert [event.by_session for event in replay.events if event.kind == "clientContent"] == [
        True,
        False,
    ]
    with replay.session() as session:
        same_turns([turn], [session.ask("Hi", timeout=5)])
    with Emulator(Scenario(recording=replay)) as emulator:
        session = client_of(emulator).live.connect("m", TEXT, history=history)
        with session:
            same_turns([turn], [session.ask("Hi", timeout=5)])
