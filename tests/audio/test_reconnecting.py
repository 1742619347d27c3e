"""A spoken conversation while the connection below it is lost and made anew."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from recovery.stations import Line, Station, connected
from session.rig import PATIENCE, Heard
from waiting import settled

import livesdk
from livesdk import AudioConversation, Playback, pcm
from livesdk.audio import FakeBackend, IteratorInput, Microphone, Speaker

AUDIO: dict[str, Any] = {"response_modalities": ["AUDIO"], "session_resumption": {}}
TRANSPARENT: dict[str, Any] = {**AUDIO, "session_resumption": {"transparent": True}}
MANUAL: dict[str, Any] = {
    **AUDIO,
    "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
}
SECOND = pcm.tone(300, 1000, 24_000)


def sounds(station: Station, sound: bytes, *, done: bool) -> None:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(sound).decode()}
    content: dict[str, Any] = {"modelTurn": {"parts": [{"inlineData": blob}]}}
    if done:
        content["turnComplete"] = True
    station.send(serverContent=content)


def length_ms(station: Station) -> float:
    """How much was heard."""
    blobs = [piece["audio"] for piece in station.of("realtimeInput") if "audio" in piece]
    return sum(pcm.duration_ms(base64.b64decode(blob["data"]), 16_000) for blob in blobs)


class Told:
    """What ``on_playback`` was told."""

    def __init__(self) -> None:
        self.reports: list[Playback] = []
        self._changed = threading.Condition()

    def __call__(self, report: Playback) -> None:
        with self._changed:
            self.reports.append(report)
            self._changed.notify_all()

    def wait(self, state: str) -> Playback:
        with self._changed:
            assert self._changed.wait_for(lambda: state in self.states, 4 * PATIENCE), self.states
        return next(report for report in self.reports if report.state == state)

    @property
    def states(self) -> list[str]:
        return [report.state for report in self.reports]


def devices() -> dict[str, Any]:
    backend = FakeBackend()
    return {"microphone": Microphone(backend=backend), "speaker": Speaker(backend=backend)}


def following(heard: Heard) -> livesdk.LiveCallbacks:
    return livesdk.LiveCallbacks(on_reconnect=heard.hears("reconnect"))


@pytest.mark.parametrize("mid_turn", [True, False])
def test_an_answer_that_begins_again_is_not_heard_twice(mid_turn: bool) -> None:
    """What waits of the first half is thrown away; a whole answer is not."""
    cut = threading.Event()

    def says_half(station: Station) -> None:
        station.open()
        station.gives("handle", lastConsumedClientMessageIndex="0")
        station.read("clientContent")
        for _ in range(20):
            sounds(station, SECOND, done=False)
        if not mid_turn:
            sounds(station, b"\1\0", done=True)
        cut.wait(PATIENCE)

    def answers(station: Station) -> None:
        station.open()
        station.read("clientContent")
        if mid_turn:
            sounds(station, SECOND, done=True)
        station.read_on()

    told, heard = Told(), Heard()
    with (
        Line(says_half, answers) as line,
        connected(line, following(heard), config=TRANSPARENT, client={"vertexai": True}) as session,
        AudioConversation(session, **devices(), on_playback=told) as conversation,
    ):
        session.send_client_content("well?")
        told.wait("started")
        assert settled(lambda: session.stats.messages_received > 21)
        cut.set()
        heard.wait("reconnect")
        if mid_turn:
            assert told.wait("interrupted").discarded_ms > 10_000
            assert told.wait("finished").played_ms == pytest.approx(1000, abs=1)
        else:
            assert told.states == ["started"]
            assert conversation._player.is_busy
        assert conversation.interruptions == 0, "the user did not cut in"


@pytest.mark.parametrize("heard_by_model", [True, False])
def test_an_answer_that_was_cut_short_is_not_waited_for(heard_by_model: bool) -> None:
    gate = threading.Event()

    def speak() -> Iterator[bytes]:
        yield pcm.tone(300, 200, 16_000)
        gate.wait(PATIENCE)

    def says_half(station: Station) -> None:
        station.open()
        station.gives("handle")
        station.read("realtimeInput")
        if heard_by_model:
            sounds(station, SECOND, done=False)
        station.read_on()

    def listens(station: Station) -> None:
        station.open()
        station.read_on()

    told, heard = Told(), Heard()
    speaker = Speaker(backend=FakeBackend())
    with (
        Line(says_half, listens) as line,
        connected(line, following(heard), config=AUDIO) as session,
        AudioConversation(
            session,
            microphone=IteratorInput(speak()),
            speaker=speaker,
            echo="none",
            on_playback=told,
        ) as conversation,
    ):
        if heard_by_model:
            told.wait("started")
        first = line.stations[0]
        assert settled(lambda: length_ms(first) >= 200)  # nothing is said after the loss
        first.peer.sock.shutdown(socket.SHUT_RDWR)
        heard.wait("reconnect")
        gate.set()
        assert conversation.finish(PATIENCE)
        if heard_by_model:
            assert told.wait("finished").played_ms == pytest.approx(1000, abs=1)


def test_push_to_talk_outlives_a_gap_longer_than_its_marks_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("livesdk.conversation._uplink._MARK_S", 0.05)
    cut, go = threading.Event(), threading.Event()

    def drops(station: Station) -> None:
        station.open()
        station.gives("handle")
        cut.wait(PATIENCE)

    def completes_later(station: Station) -> None:
        station.take_setup()
        go.wait(PATIENCE)
        station.peer.send({"setupComplete": {}})
        station.read_on()

    heard = Heard()
    backend = FakeBackend(pcm.tone(300, 60_000, 16_000))
    with (
        Line(drops, completes_later) as line,
        connected(line, following(heard), config=MANUAL) as session,
        AudioConversation(
            session,
            microphone=Microphone(backend=backend),
            speaker=Speaker(backend=backend),
            turns="push-to-talk",
        ) as conversation,
    ):
        cut.set()
        line.wait(2)
        conversation.talking = True
        tried = threading.Event()
        uplink: Any = conversation._uplink
        mark, times = uplink._mark, []

        def counted(**given: Any) -> bool:
            sent: bool = mark(**given)
            times.append(sent)
            if len(times) == 3:
                tried.set()
            return sent

        uplink._mark = counted
        assert tried.wait(PATIENCE)
        assert not any(times)
        go.set()
        station = line.stations[1]
        assert settled(lambda: len(station.of("realtimeInput")) > 5)
        conversation.talking = False
        assert settled(lambda: "activityEnd" in str(station.of("realtimeInput")[-1]))
        assert conversation.running
    said = [next(iter(piece)) for piece in station.of("realtimeInput")]
    assert said[0] == "activityStart"
    assert said[-1] == "activityEnd"
    assert set(said[1:-1]) == {"audio"}
