"""Microphone → session → loudspeaker, against the emulator, on a fake sound card."""

from __future__ import annotations

import base64
import contextlib
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from session.opened import fill_the_buffers, stop_reading
from session.rig import run_script
from waiting import Caught, settled, until

import livesdk
from livesdk import (
    AudioConversation,
    AudioError,
    CallbackError,
    ConfigError,
    LocalProtocolError,
    Playback,
    Session,
    SessionClosed,
    TranscriptPiece,
    pcm,
)
from livesdk.audio import CallableOutput, FakeBackend, IteratorInput, Microphone, Speaker, WavInput
from livesdk.conversation import ConversationOptions, _uplink
from livesdk.emulator import (
    Call,
    Close,
    Emulator,
    Interrupt,
    SayTone,
    Scenario,
    Send,
    TurnComplete,
    Wait,
)

pytestmark = [pytest.mark.requires("emulator"), pytest.mark.long]

PATIENCE = 20.0
QUESTION = pcm.tone(300, 600, 16_000) + pcm.silence(700, 16_000)
TRANSCRIBED: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
}
MANUAL = {
    **TRANSCRIBED,
    "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
}


class Log:
    """Keeps what the hooks were told, and waits for more of it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.entries: list[Any] = []
        self.times: list[float] = []

    def __call__(self, entry: Any) -> None:
        with self._condition:
            self.entries.append(entry)
            self.times.append(time.monotonic())
            self._condition.notify_all()

    def wait_for(self, wanted: Callable[[Any], bool]) -> Any:
        def found() -> list[Any]:
            return [entry for entry in self.entries if wanted(entry)]

        with self._condition:
            assert self._condition.wait_for(found, PATIENCE), self.entries
            return found()[0]


def state(name: str) -> Callable[[Any], bool]:
    return lambda entry: entry.state == name


@pytest.fixture
def converse() -> Iterator[Callable[..., tuple[Emulator, Session]]]:
    with contextlib.ExitStack() as stack:

        def start(
            scenario: Scenario | None = None, config: Any = TRANSCRIBED, **options: Any
        ) -> tuple[Emulator, Session]:
            emulator = stack.enter_context(Emulator(scenario, voice="tones"))
            client = livesdk.Client(api_key="k", http_options={"base_url": emulator.base_url})
            session = client.live.connect("m", config, **options)
            return emulator, stack.enter_context(session)

        yield start


def devices(backend: FakeBackend) -> dict[str, Any]:
    return {"microphone": Microphone(backend=backend), "speaker": Speaker(backend=backend)}


def sent_audio(emulator: Emulator) -> bytes:
    blobs = [
        frame["realtimeInput"]["audio"]
        for frame in emulator.frames
        if "audio" in frame.get("realtimeInput", {})
    ]
    return b"".join(base64.b64decode(blob["data"]) for blob in blobs)


def sounding(sound: bytes) -> bytes:
    """All samples that are not zero: a busy machine may put gaps between the others."""
    samples = np.frombuffer(sound, "<i2")
    return samples[samples != 0].tobytes()


def kinds(emulator: Emulator) -> list[str]:
    """What the client sent, repetitions counted once."""
    sent = [
        next(iter(frame["realtimeInput"])) for frame in emulator.frames if "realtimeInput" in frame
    ]
    return [kind for at, kind in enumerate(sent) if at == 0 or sent[at - 1] != kind]


# -------------------------------------------------------------------------------------- turns


def test_a_question_is_heard_and_the_whole_answer_is_played(converse):
    emulator, session = converse(Scenario(heard=["what time is it"], replies=["It is noon."]))
    transcript, playback, ended = Log(), Log(), Log()
    backend = FakeBackend(QUESTION)
    conversation = session.start_audio_conversation(
        **devices(backend), on_transcript=transcript, on_playback=playback, on_end=ended
    )
    assert session.in_conversation
    report = playback.wait_for(state("finished"))
    session.stop_audio_conversation()
    assert not session.in_conversation
    assert not conversation.running
    said = [entry for entry in transcript.entries if entry.speaker == "model"]
    asked = [entry for entry in transcript.entries if entry.speaker == "user"]
    assert "".join(piece.text for piece in asked) == "what time is it"
    assert asked[-1].finished
    assert "".join(piece.text for piece in said) == "It is noon."
    assert playback.entries == [Playback(state="started"), report]
    from livesdk.emulator.voice import hum

    whole = hum("It is noon.")
    assert report.played_ms == pytest.approx(pcm.duration_ms(whole, 24_000), abs=0.1)
    assert sounding(bytes(backend.played)) == sounding(whole)
    assert QUESTION[:9600] in sent_audio(emulator)
    assert ended.entries == [None]
    emulator.wait_for("realtimeInput.audioStreamEnd", timeout=PATIENCE)
    assert kinds(emulator)[-1] == "audioStreamEnd"
    assert session.ask("still there?").ended_by


def test_an_interruption_is_silence_at_the_device_though_callbacks_sleep(converse):
    asleep = threading.Event()
    callbacks = {"onmessage": lambda _message: asleep.wait(PATIENCE)}
    steps = [SayTone(5000), Wait(0.2), Interrupt()]
    _, session = converse(Scenario(replies=[steps, "Again."]), callbacks=callbacks)
    playback = Log()
    backend = FakeBackend()
    conversation = AudioConversation(session, **devices(backend), echo="none", on_playback=playback)
    try:
        conversation.start()
        session.send_client_content("go")
        report = playback.wait_for(state("interrupted"))
        backend.take_played()
        told_after = playback.times[-1] - session.interrupted_at
        assert told_after < 0.05, "the player knows within 50 ms"
        assert report.discarded_ms + report.played_ms == pytest.approx(5000, abs=1)
        assert report.discarded_ms > 3000
        assert report.played_ms > 100
        assert conversation.interruptions == 1
        until(lambda: len(backend.played) >= 5 * 960)
        assert not any(backend.take_played()[960:]), "one block may have been on its way"
        session.send_client_content("again")
        playback.wait_for(state("finished"))
        assert any(backend.take_played())
    finally:
        asleep.set()
        conversation.stop()


def test_the_model_is_not_heard_by_itself_in_half_duplex(converse):
    emulator, session = converse(Scenario(replies=[SayTone(600)]))
    playback = Log()
    backend = FakeBackend(pcm.tone(300, 60_000, 16_000, 0.001), sound_hz=16_000)
    with AudioConversation(session, **devices(backend), on_playback=playback):
        emulator.wait_for("realtimeInput.audio", 5)
        session.send_client_content("go")
        playback.wait_for(state("finished"))
        until_sent = len(sent_audio(emulator)) // 640
        emulator.wait_for("realtimeInput.audio", until_sent + 30)
    sent = sent_audio(emulator)
    silent = [not any(chunk) for chunk in pcm.chunks(sent, 640)]
    first = silent.index(True)
    length = silent[first:].index(False)
    assert first >= 5
    assert 20 * length >= 750, "the model's 600 ms, and the room's 250, about"
    assert not any(silent[first + length :])


def test_without_echo_protection_everything_is_sent(converse):
    emulator, session = converse(Scenario(replies=[SayTone(200)]))
    playback = Log()
    backend = FakeBackend(pcm.tone(300, 60_000, 16_000, 0.001))
    with AudioConversation(session, **devices(backend), echo="none", on_playback=playback):
        session.send_client_content("go")
        playback.wait_for(state("finished"))
    assert all(any(chunk) for chunk in pcm.chunks(sent_audio(emulator), 640))


def test_a_canceller_gets_what_was_played_and_decides_what_is_sent(converse):
    emulator, session = converse(Scenario(replies=[SayTone(300)]))
    playback = Log()
    far: list[bytes] = []
    lengths: list[int] = []

    def cancel(captured: bytes, played: bytes) -> bytes:
        far.append(played)
        lengths.append(len(captured))
        return b"\x07\x00" * (len(captured) // 2)

    with AudioConversation(session, **devices(FakeBackend()), echo=cancel, on_playback=playback):
        session.send_client_content("go")
        playback.wait_for(state("finished"))
        emulator.wait_for("realtimeInput.audio", len(far) + 5)
    assert set(sent_audio(emulator)) == {0, 7}
    assert set(lengths) == {640}
    heard = pcm.to_float(b"".join(far))
    assert len(heard) == pytest.approx(320 * len(far), rel=0.3), "silence too"
    loud = np.flatnonzero(np.abs(heard) > 0.01)
    assert (loud[-1] - loud[0]) / 16 == pytest.approx(300, abs=20)


def test_hybrid_pauses_at_a_cough_and_goes_on_after_it(converse):
    # the server does not listen here: it is in manual mode
    _, session = converse(Scenario(replies=[SayTone(1500)]), MANUAL)
    playback = Log()
    gate = threading.Event()

    def speak() -> Iterator[bytes]:
        while not gate.is_set():
            yield pcm.silence(20, 16_000)
        yield pcm.tone(300, 200, 16_000)
        while True:
            yield pcm.silence(20, 16_000)

    backend = FakeBackend()
    with AudioConversation(
        Deaf(session),
        microphone=IteratorInput(speak()),
        speaker=Speaker(backend=backend),
        echo="none",
        turns="hybrid",
        on_playback=playback,
    ):
        session.send_client_content("go")
        playback.wait_for(state("started"))
        until(lambda: any(backend.played))
        gate.set()
        report = playback.wait_for(state("finished"))
    assert report.played_ms == pytest.approx(1500, abs=0.1)
    samples = np.abs(np.frombuffer(bytes(backend.played), "<i2"))
    loud = np.flatnonzero(samples > 100)
    gap_ms = np.max(np.diff(loud)) / 24
    assert gap_ms > 300, "it paused"


def cut_in(session: Any, voice: Callable[[threading.Event], Iterator[bytes]], end: str) -> Any:
    """Let the user speak once the model does; return how the playback came to this end."""
    playback, speaks, backend = Log(), threading.Event(), FakeBackend()
    with AudioConversation(
        Deaf(session),
        microphone=IteratorInput(voice(speaks)),
        speaker=Speaker(backend=backend),
        echo="none",
        turns="hybrid",
        on_playback=playback,
    ):
        session.send_client_content("go")
        until(lambda: any(backend.played))
        speaks.set()
        return playback.wait_for(state(end))


def test_hybrid_cuts_the_voice_off_when_the_user_goes_on(converse):
    _, session = converse(Scenario(replies=[SayTone(8000)]), MANUAL)

    def goes_on(speaks: threading.Event) -> Iterator[bytes]:
        while True:
            yield pcm.tone(300, 20, 16_000) if speaks.is_set() else pcm.silence(20, 16_000)

    assert cut_in(session, goes_on, "interrupted").discarded_ms > 1000


def test_hybrid_goes_on_where_the_input_ends_in_a_cough(converse):
    _, session = converse(Scenario(replies=[SayTone(700)]), MANUAL)

    def coughs(speaks: threading.Event) -> Iterator[bytes]:
        while not speaks.is_set():
            yield pcm.silence(20, 16_000)
        yield pcm.tone(300, 200, 16_000)

    assert cut_in(session, coughs, "finished").played_ms == pytest.approx(700, abs=0.1)


def test_push_to_talk_marks_the_activity_and_sends_nothing_else(converse):
    emulator, session = converse(Scenario(heard=["hello"]), MANUAL)
    playback = Log()
    backend = FakeBackend(pcm.tone(300, 60_000, 16_000))
    with AudioConversation(
        session, **devices(backend), turns="push-to-talk", on_playback=playback
    ) as conversation:
        for turn in (1, 2):
            conversation.talking = True
            assert conversation.talking
            sent = len(sent_audio(emulator)) // 640
            emulator.wait_for("realtimeInput.audio", sent + 20)
            conversation.talking = False
            until(lambda turn=turn: sum(map(state("finished"), playback.entries)) == turn)
    assert kinds(emulator) == ["activityStart", "audio", "activityEnd"] * 2
    assert session.transcripts[0].text == "hello"


@pytest.mark.parametrize("pressed", [True, False])
def test_a_network_that_stalls_at_a_press_of_the_key_ends_nothing(converse, monkeypatch, pressed):
    monkeypatch.setattr(_uplink, "_MARK_S", 0.05)
    emulator, session = converse(Scenario(auto_reply=False), MANUAL)
    with AudioConversation(
        session,
        microphone=IteratorInput(iter(lambda: bytes(640), None)),
        speaker=CallableOutput(len),
        turns="push-to-talk",
    ) as conversation:
        if not pressed:
            conversation.talking = True
            emulator.wait_for("realtimeInput.activityStart")
        stop_reading(emulator, session, 0.7)
        fill_the_buffers(session)
        conversation.talking = pressed
        emulator.wait_for("realtimeInput.activityStart" if pressed else "realtimeInput.activityEnd")
        assert conversation.running


# --------------------------------------------------------------------------------------- its life


class Deaf:
    """A session that sends no audio on, so that the server does not mind."""

    def __init__(self, session: Session) -> None:
        self.__dict__.update(session=session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.session, name, value)

    def send_realtime_input(self, **_: Any) -> None:
        pass


def test_start_and_stop_any_number_of_times(converse):
    _, session = converse()
    backend = FakeBackend(QUESTION)
    conversation = AudioConversation(session, **devices(backend))
    for _ in range(3):
        conversation.start()
        with pytest.raises(LocalProtocolError, match="running already"):
            conversation.start()
        conversation.stop()
        conversation.stop()
    with session.start_audio_conversation(**devices(backend)):
        pass
    first = session.start_audio_conversation(**devices(backend))
    with pytest.raises(LocalProtocolError, match="stop_audio_conversation"):
        session.start_audio_conversation(**devices(backend))
    session.stop_audio_conversation()
    session.stop_audio_conversation()
    assert first.error is None
    assert session._observers == ()


@pytest.mark.parametrize("by", ["conversation", "session"])
def test_a_voice_that_the_end_cuts_off_is_reported_before_the_end(converse, by):
    _, session = converse(Scenario(replies=[SayTone(8000)]))
    told, backend = Log(), FakeBackend()
    conversation = AudioConversation(session, **devices(backend), on_playback=told, on_end=told)
    with conversation:
        session.send_client_content("go")
        told.wait_for(state("started"))
        until(lambda: any(backend.played))
        if by == "session":
            session.close()
        else:
            conversation.stop()
        assert conversation.wait(PATIENCE)
    told.wait_for(lambda entry: entry is None)
    started, report, end = told.entries
    assert (started.state, report.state, end) == ("started", "interrupted", None)
    assert 0 < report.played_ms < 8000
    assert report.discarded_ms > 0
    assert conversation.interruptions == 0


def test_a_lost_microphone_ends_it_once_with_its_reason_and_the_session_lives(converse):
    errors, ended = Log(), Log()
    _, session = converse(callbacks={"onerror": errors})
    backend = FakeBackend()
    microphone = Microphone(backend=backend, reopen_s=0.0)
    conversation = AudioConversation(
        session, microphone=microphone, speaker=Speaker(backend=backend), on_end=ended
    )
    conversation.start()
    backend.unplug(0)
    backend.unplug(1)
    assert conversation.wait(PATIENCE)
    ended.wait_for(lambda _: True)
    conversation.stop()
    assert isinstance(conversation.error, AudioError)
    assert "gone" in str(conversation.error)
    assert ended.entries == [conversation.error]
    errors.wait_for(lambda error: error is conversation.error)
    assert session.ask("Hello").output_transcript.startswith("Hello!")


def test_a_source_that_raises_ends_it_with_its_reason(converse):
    _, session = converse()

    def broken() -> Iterator[bytes]:
        yield bytes(640)
        raise ValueError("no more")

    conversation = AudioConversation(
        session, microphone=IteratorInput(broken()), speaker=Speaker(backend=FakeBackend())
    )
    conversation.start()
    assert conversation.wait(PATIENCE)
    conversation.stop()
    assert str(conversation.error) == "the conversation failed: ValueError: no more"


class HeldUp:
    """An input whose iterator blocks, as a queue does on which nobody speaks."""

    def __init__(self) -> None:
        self._gate = threading.Event()
        self.reading = threading.Event()
        self.source = IteratorInput(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        yield pcm.tone(300, 60, 16_000)
        self.reading.set()
        self._gate.wait(PATIENCE)
        yield pcm.tone(300, 600, 16_000)

    def let_go(self, conversation: AudioConversation) -> None:
        """Go on, and wait until the thread that was held up is gone."""
        held_up = set(conversation._running)
        self._gate.set()
        for thread in held_up:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.parametrize("end", ["stop", "server", "speaker", "close"])
def test_an_iterator_that_blocks_holds_up_no_end(converse, end):
    emulator, session = converse(Scenario(replies=["Never mind."]))
    ended, line = Log(), HeldUp()

    def broken(_block: bytes) -> None:
        raise OSError("the line is dead")

    conversation = AudioConversation(
        session,
        microphone=line.source,
        speaker=CallableOutput(broken if end == "speaker" else len, silence=True),
        echo="none",
        on_end=ended,
    )
    conversation.start()
    assert line.reading.wait(PATIENCE)
    begun = time.monotonic()
    if end == "stop":
        conversation.stop(timeout=PATIENCE)
    elif end == "server":
        emulator.inject(Close(1011, "out of order"))
    elif end == "close":
        session.close()
    assert conversation.wait(PATIENCE)
    reason = ended.wait_for(lambda _: True) if end != "stop" else ended.entries[0]
    assert time.monotonic() - begun < 5.0
    assert not conversation.running
    assert reason is conversation.error
    expected = {"server": SessionClosed, "speaker": AudioError}.get(end, type(None))
    assert isinstance(reason, expected)
    line.let_go(conversation)
    assert ended.entries == [reason]
    if end in ("stop", "speaker"):
        session.send_realtime_input(text="That is all.")
        emulator.wait_for("realtimeInput.text")
        # what the iterator gave too late is nobody's
        assert kinds(emulator) == ["audio", "audioStreamEnd", "text"]


class SlowToOpen(IteratorInput):
    """A microphone whose driver takes its time."""

    def __init__(self) -> None:
        super().__init__(iter(lambda: bytes(640), None))
        self.opening, self.opens = threading.Event(), threading.Event()

    def start(self) -> None:
        self.opening.set()
        assert self.opens.wait(PATIENCE)
        super().start()

    @property
    def is_on(self) -> bool:
        return not self._stopped.is_set()


def test_a_stop_while_the_devices_open_leaves_nothing_on(converse):
    _, session = converse()
    microphone, ended = SlowToOpen(), Log()
    conversation = AudioConversation(
        session, microphone=microphone, speaker=CallableOutput(len), on_end=ended
    )
    starting = Caught(conversation.start)
    assert microphone.opening.wait(PATIENCE)
    stopping = Caught(conversation.stop, PATIENCE)
    assert conversation.running
    microphone.opens.set()
    starting.result()
    stopping.result()
    assert not conversation.running
    assert not microphone.is_on
    ended.wait_for(lambda _: True)
    assert ended.entries == [None]


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_start_that_ctrl_c_breaks_off_leaves_nothing_running(converse, monkeypatch, nth):
    _, session = converse()
    microphone = IteratorInput(iter(lambda: bytes(640), None))
    conversation = AudioConversation(
        session, microphone=microphone, speaker=CallableOutput(len), on_end=lambda _: None
    )
    start, started = threading.Thread.start, 0

    def interrupted(thread: threading.Thread) -> None:
        nonlocal started
        if thread.name.startswith(("livesdk-speaker", "livesdk-mic", "livesdk-hooks")):
            started += 1
            if started == nth:
                raise KeyboardInterrupt
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            conversation.start()
    assert conversation.wait(PATIENCE)
    assert microphone._stopped.is_set()
    with conversation:
        assert conversation.running


def test_of_two_conversations_begun_at_once_one_is_refused(converse):
    _, session = converse()
    first, second = SlowToOpen(), SlowToOpen()
    speaker = CallableOutput(len)
    starting = Caught(session.start_audio_conversation, microphone=first, speaker=speaker)
    assert first.opening.wait(PATIENCE)
    assert session.in_conversation
    with pytest.raises(LocalProtocolError, match="stop_audio_conversation"):
        session.start_audio_conversation(microphone=second, speaker=CallableOutput(len))
    assert not second.opening.is_set()
    threading.Timer(0.1, first.opens.set).start()
    session.stop_audio_conversation()
    starting.result()
    assert not session.in_conversation
    assert not first.is_on


def test_it_may_be_stopped_from_one_thread_and_started_from_another(converse):
    _, session = converse()
    conversation = AudioConversation(
        session,
        microphone=IteratorInput(iter(lambda: bytes(640), None)),
        speaker=CallableOutput(len),
        on_end=lambda _: None,
    )

    def stop() -> None:
        for _ in range(200):
            conversation.stop()

    stopping = Caught(stop)
    while stopping.is_alive():
        with contextlib.suppress(LocalProtocolError):
            conversation.start()
    stopping.result()
    conversation.stop()


@pytest.mark.parametrize(
    ("before", "end"),
    [
        ([], {"turnComplete": True}),
        (
            [Send({"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}})],
            {"turnComplete": True, "interactionStatus": "IDLE"},
        ),
    ],
    ids=["turn", "filler"],
)
def test_interrupting_by_hand_silences_all_that_the_model_still_says(converse, before, end):
    emulator, session = converse()
    sound = base64.b64encode(pcm.tone(440, 400, 24_000)).decode()
    blob = {"mimeType": "audio/pcm;rate=24000", "data": sound}
    piece = Send({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}})
    done = Send({"serverContent": end})
    played = Log()
    with AudioConversation(
        session,
        microphone=IteratorInput(iter(lambda: bytes(640), None)),
        speaker=CallableOutput(len),
        on_playback=played,
    ) as conversation:
        emulator.inject(piece, *before)
        played.wait_for(state("started"))
        conversation.interrupt()
        played.wait_for(state("interrupted"))
        emulator.inject(piece, done)
        assert settled(lambda: conversation._last_turn.is_after(1.0))
        emulator.inject(piece, done)  # another turn, which is heard
        last = played.wait_for(state("finished"))
    told = [entry.state for entry in played.entries]
    assert told == ["started", "interrupted", "started", "finished"]
    assert last.played_ms == pytest.approx(400, abs=1)


def test_after_an_end_without_the_microphone_another_one_may_begin(converse):
    _, session = converse()
    line = HeldUp()
    conversation = AudioConversation(
        session, microphone=line.source, speaker=Speaker(backend=FakeBackend()), echo="none"
    )
    conversation.start()
    assert line.reading.wait(PATIENCE)
    conversation.stop()
    with AudioConversation(session, **devices(FakeBackend()), echo="none") as other:
        line.let_go(conversation)
        assert other.running
    assert not conversation.running


def test_an_input_that_ends_the_program_ends_the_conversation_only(converse):
    _, session = converse()

    def leaving() -> Iterator[bytes]:
        yield bytes(640)
        raise SystemExit("usage")

    conversation = AudioConversation(
        session, microphone=IteratorInput(leaving()), speaker=Speaker(backend=FakeBackend())
    )
    conversation.start()
    assert conversation.wait(PATIENCE)
    conversation.stop()
    assert str(conversation.error) == "the conversation failed: SystemExit: usage"


def test_a_device_that_does_not_open_leaves_nothing_running(converse):
    _, session = converse()
    backend = FakeBackend()
    conversation = AudioConversation(
        session, microphone=Microphone("usb", backend=backend), speaker=Speaker(backend=backend)
    )
    with pytest.raises(AudioError, match="no input device 'usb'"):
        conversation.start()
    assert not conversation.running


def test_an_input_that_cannot_even_be_stopped_hides_no_error_of_its_start(converse):
    _, session = converse()

    class Mine(IteratorInput):
        def start(self) -> None:
            raise AudioError("busy")

        def stop(self) -> None:
            raise RuntimeError("it was never started")

    conversation = AudioConversation(session, microphone=Mine([]), speaker=CallableOutput(len))
    for _ in range(2):
        with pytest.raises(AudioError, match="busy"):
            conversation.start()
        assert not conversation.running
    assert not session._observers


def test_closing_the_session_ends_it_without_an_error(converse):
    _, session = converse()
    ended = Log()
    conversation = AudioConversation(session, **devices(FakeBackend()), on_end=ended)
    conversation.start()
    session.close()
    assert conversation.wait(PATIENCE)
    ended.wait_for(lambda _: True)
    conversation.stop()
    assert ended.entries == [None]
    with pytest.raises(SessionClosed):
        conversation.start()


def test_an_abnormal_end_of_the_session_is_its_reason(converse):
    _, session = converse(Scenario(replies=[[SayTone(5000), Close(1011, "out of order")]]))
    conversation = AudioConversation(session, **devices(FakeBackend()))
    conversation.start()
    session.send_client_content("go")
    assert conversation.wait(PATIENCE)
    conversation.stop()
    assert isinstance(conversation.error, SessionClosed)
    assert conversation.error.info.code == 1011


def said_something(session: Session) -> AudioConversation:
    """A conversation whose input has come to its end; nobody has answered yet."""
    conversation = AudioConversation(
        Deaf(session),
        microphone=IteratorInput([pcm.tone(300, 40, 16_000)]),
        speaker=Speaker(backend=FakeBackend()),
        echo="none",
    )
    conversation.start()
    assert conversation._uplink.ended.wait(PATIENCE)
    return conversation


def test_a_filler_is_not_the_answer(converse):
    answer = [SayTone(200), TurnComplete(status="IN_PROGRESS"), Wait(1.0), SayTone(300)]
    _, session = converse(Scenario(replies=[answer]))
    conversation = said_something(session)
    session.send_client_content("go")
    assert settled(lambda: session.stats.messages_received > 2)
    assert conversation.finish(PATIENCE)
    assert conversation.speaker.played_ms == pytest.approx(500, abs=1)
    conversation.stop()


@pytest.mark.parametrize("speaks", [True, False])
def test_what_the_model_says_to_a_result_belongs_to_the_answer(converse, monkeypatch, speaks):
    monkeypatch.setattr("livesdk.tools.owed._SPEAKS_WITHIN", 0.4)
    asked, go_on = threading.Event(), threading.Event()

    def slow_search() -> str:
        asked.set()
        go_on.wait(PATIENCE)
        return "four"

    call = Call("slow_search", {}, id="c-1", blocking=False)
    scenario = Scenario(replies=[[SayTone(200), call, TurnComplete()]], auto_reply=speaks)
    _, session = converse(scenario, {**TRANSCRIBED, "tools": [slow_search]})
    conversation = said_something(session)
    session.send_client_content("go")
    assert asked.wait(PATIENCE)
    assert not conversation.finish(0.6)
    go_on.set()
    assert conversation.finish(PATIENCE)
    assert (conversation.speaker.played_ms > 300) is speaks
    conversation.stop()


def test_it_has_not_finished_where_an_error_ends_the_answer(converse):
    _, session = converse(Scenario(replies=[[SayTone(5000), Close(1011, "out of order")]]))
    conversation = said_something(session)
    session.send_client_content("go")
    assert not conversation.finish(PATIENCE)
    assert not conversation.running
    assert isinstance(conversation.error, SessionClosed)
    conversation.stop()


def test_it_has_not_finished_where_it_is_stopped_in_the_midst_of_the_answer(converse):
    _, session = converse(Scenario(replies=[SayTone(5000)]))
    conversation = said_something(session)
    session.send_client_content("go")
    until(lambda: session.stats.turns == 1 and conversation.speaker.played_ms > 0)
    conversation.stop()
    assert not conversation.finish(PATIENCE)
    assert conversation.error is None


def test_what_the_server_said_before_its_goodbye_is_heard_to_the_end(converse):
    _, session = converse(Scenario(replies=[[SayTone(700), Close(1000, "bye")]]))
    backend = FakeBackend()
    speaker = Speaker(backend=backend)
    conversation = AudioConversation(
        session, microphone=Microphone(backend=backend), speaker=speaker
    )
    conversation.start()
    session.send_client_content("go")
    assert conversation.wait(PATIENCE)
    conversation.stop()
    assert speaker.played_ms == pytest.approx(700, abs=0.1)
    assert conversation.error is None


def test_a_hook_that_raises_is_reported_and_the_conversation_goes_on(converse):
    errors = Log()
    _, session = converse(callbacks={"onerror": errors})

    def bad(_levels: Any) -> None:
        raise RuntimeError("mine")

    with AudioConversation(session, **devices(FakeBackend()), on_level=bad) as conversation:
        error = errors.wait_for(lambda error: isinstance(error, CallbackError))
        assert isinstance(error.__cause__, RuntimeError)
        assert conversation.running


def test_a_hook_may_stop_it(converse):
    _, session = converse()
    conversation = AudioConversation(
        session, **devices(FakeBackend()), on_level=lambda _: conversation.stop()
    )
    conversation.start()
    assert conversation.wait(PATIENCE)
    conversation.stop()


def test_levels_are_shown_and_muting_sends_silence(converse):
    emulator, session = converse()
    levels = Log()
    backend = FakeBackend(pcm.tone(300, 60_000, 16_000))
    with AudioConversation(
        session, **devices(backend), echo="none", on_level=levels
    ) as conversation:
        conversation.muted = True
        assert conversation.muted
        levels.wait_for(lambda each: each.input_dbfs > -20 and each.output_dbfs == -120)
        sent = len(sent_audio(emulator)) // 640
        emulator.wait_for("realtimeInput.audio", sent + 5)
    assert not any(sent_audio(emulator)[640 * (sent + 1) :])


# ---------------------------------------------------------------------- files, phone lines, video


def test_a_file_is_asked_and_its_answer_recorded_without_a_device(converse, tmp_path):
    _, session = converse(Scenario(heard=["what time is it"], replies=["It is noon."]))
    (tmp_path / "in.wav").write_bytes(pcm.wav_bytes(pcm.resample(QUESTION, 16_000, 44_100), 44_100))
    out = livesdk.audio.WavOutput(tmp_path / "out.wav")
    with AudioConversation(
        session, microphone=WavInput(tmp_path / "in.wav"), speaker=out
    ) as conversation:
        assert conversation.finish(PATIENCE)
    assert conversation.finish(0), "it was heard before the end"
    data, rate_hz, _ = pcm.read_wav(tmp_path / "out.wav")
    from livesdk.emulator.voice import hum

    assert rate_hz == 24_000
    assert sounding(data) == sounding(hum("It is noon."))


def test_a_phone_line_of_8_khz_g711_works_end_to_end(converse):
    emulator, session = converse(Scenario(heard=["hello"], replies=["Good morning."]))
    narrow = pcm.resample(QUESTION, 16_000, 8_000)
    line_in = [pcm.mulaw_encode(chunk) for chunk in pcm.chunks(narrow, 320)]
    line_out: list[bytes] = []
    with AudioConversation(
        session,
        microphone=IteratorInput(line_in, rate_hz=8_000, encoding="mulaw"),
        speaker=CallableOutput(line_out.append, rate_hz=8_000, encoding="mulaw"),
        echo="none",  # the network has its own
    ) as conversation:
        assert conversation.finish(PATIENCE)
    blob = emulator.wait_for("realtimeInput.audio")[0]["realtimeInput"]["audio"]
    assert blob["mimeType"] == "audio/pcm;rate=8000"
    assert {len(block) for block in line_out} == {160}
    from livesdk.emulator.voice import hum

    said = pcm.to_float(pcm.mulaw_decode(b"".join(line_out)))
    meant = pcm.to_float(pcm.resample(hum("Good morning."), 24_000, 8_000))
    assert len(said) == pytest.approx(len(meant), abs=320)
    length = min(len(said), len(meant))
    assert np.corrcoef(said[:length], meant[:length])[0, 1] > 0.99


def test_pictures_go_beside_the_sound(converse):
    emulator, session = converse()
    picture = b"\xff\xd8\xff" + bytes(100)
    with AudioConversation(session, **devices(FakeBackend()), video=[picture] * 3, video_fps=50):
        emulator.wait_for("realtimeInput.video", 3)
        emulator.wait_for("realtimeInput.audio", 3)


def test_video_is_sent_at_its_pace_until_stopped(converse):
    _, session = converse()
    picture = b"\xff\xd8\xff" + bytes(100)
    seen: list[int] = []
    began = time.monotonic()
    assert livesdk.send_video(session, [picture] * 3, fps=20, on_progress=seen.append) == 3
    assert time.monotonic() - began >= 0.1
    assert seen == [1, 2, 3]
    stop = threading.Event()

    def forever() -> Iterator[bytes]:
        while True:
            yield picture
            stop.set()

    livesdk.send_video(session, forever(), fps=20, stop=stop)


@pytest.mark.parametrize("fps", [0, -1, "2", True, None, float("inf"), float("nan")], ids=repr)
def test_the_pace_of_video_is_a_number_above_0(converse, fps):
    _, session = converse()
    with pytest.raises(ConfigError, match="fps: expected a number above 0, got"):
        livesdk.send_video(session, [], fps=fps)


async def later(*_: Any) -> None: ...


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"echo": "loud"}, "echo='loud'"),
        ({"echo": None}, "echo=None"),
        ({"turns": "mine"}, "turns='mine'"),
        ({"turns": "push-to-talk"}, '"disabled": True'),  # here the server listens
        ({"turns": "hybrid"}, 'say echo="none" where there are headphones, or echo="webrtc"'),
        ({"microphone": 1.5}, "microphone: an AudioInput"),
        ({"speaker": object()}, "speaker: an AudioOutput"),
        ({"video": [], "video_fps": 0}, "video_fps"),
        ({"on_transcript": "print"}, "on_transcript: expected a function"),
        ({"on_end": later}, "on_end: a coroutine would never run here"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_opens(converse, options, words):
    _, session = converse()
    with pytest.raises(ConfigError, match=words):
        AudioConversation(session, **options)


def test_type_checkers_know_all_arguments_that_a_session_passes_on():
    _session, *arguments = inspect.signature(AudioConversation).parameters.values()
    notes = ConversationOptions.__annotations__.items()
    told = {name: getattr(note, "__forward_arg__", note) for name, note in notes}
    assert told == {argument.name: argument.annotation for argument in arguments}


def test_talking_needs_push_to_talk(converse):
    _, session = converse()
    conversation = AudioConversation(session, **devices(FakeBackend()))
    with pytest.raises(LocalProtocolError, match="push-to-talk"):
        conversation.talking = True


def test_a_piece_says_who_spoke():
    piece = TranscriptPiece(speaker="user", text="hello")
    assert (piece.speaker, piece.finished) == ("user", False)


FIRST_WORDS = """
import sys
import livesdk
from livesdk.audio import CallableOutput, IteratorInput
from livesdk.emulator import Emulator

with Emulator() as emulator:
    client = livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url}, proxy="")
    with client.live.connect("m", {"response_modalities": ["AUDIO"]}) as session:
        before = "numpy" in sys.modules
        conversation = session.start_audio_conversation(
            microphone=IteratorInput([], rate_hz=16_000),
            speaker=CallableOutput(lambda packet: None, rate_hz=8_000),
        )
        print(before, "numpy" in sys.modules)
        conversation.stop()
"""


def test_numpy_is_there_before_the_first_words():
    done = run_script(FIRST_WORDS)
    assert (done.returncode, done.stdout.split()) == (0, ["False", "True"]), done.stderr
