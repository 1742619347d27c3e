"""Sound from the client: detection, manual marks, transcripts, and models that only transcribe."""

from __future__ import annotations

import base64

import pytest
from emulator.phone import VERTEX, VERTEX_MODEL, kinds, speech, text_of

from livesdk import pcm
from livesdk.emulator import Reply, Scenario

_MANUAL = {"automaticActivityDetection": {"disabled": True}}


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_the_end_of_speech_is_found_at_the_rate_of_the_mime_type(phone, rate_hz):
    _, caller = phone(Scenario(heard=["what time is it"]))
    caller.talk(speech(800, rate_hz), rate_hz)
    assert text_of(caller.until("turnComplete")) == "You said: what time is it. This is turn 1."


def test_unrecognised_speech_is_described_by_its_length(phone):
    _, caller = phone()
    caller.talk(speech(1000))
    assert "s of speech)" in text_of(caller.until("turnComplete"))


def test_silence_is_no_turn(phone):
    _, caller = phone()
    caller.talk(pcm.silence(3000))
    assert caller.ask("Hello").endswith("turn 1.")


def test_the_end_of_the_stream_ends_the_turn(phone):
    _, caller = phone(Scenario(heard=["stop"]))
    caller.talk(pcm.tone(300, 600, 16_000))
    caller.send({"realtimeInput": {"audioStreamEnd": True}})
    assert "You said: stop." in text_of(caller.until("turnComplete"))


def test_input_transcripts_are_pieces_to_append(phone):
    _, caller = phone(Scenario(heard=["what time is it now"]), inputAudioTranscription={})
    caller.talk(speech(800))
    frames = caller.until("turnComplete")
    pieces = [
        f["serverContent"]["inputTranscription"]
        for f in frames
        if "inputTranscription" in f.get("serverContent", {})
    ]
    assert len(pieces) > 1
    assert "".join(piece["text"] for piece in pieces) == "what time is it now"
    assert [piece.get("finished", False) for piece in pieces] == [False, True]


def test_each_utterance_takes_the_next_text(phone):
    _, caller = phone(Scenario(heard=["one", "two"]))
    for word in ("one", "two"):
        caller.talk(speech(500))
        assert f"You said: {word}." in text_of(caller.until("turnComplete"))


def test_manual_activity_makes_one_turn_of_what_lies_between(phone):
    _, caller = phone(Scenario(heard=["look at this"]), realtimeInputConfig=_MANUAL)
    image = {"mimeType": "image/png", "data": "AAAA"}
    caller.send({"realtimeInput": {"activityStart": {}}})
    caller.talk(speech(300) + speech(300))
    caller.send({"realtimeInput": {"video": image}})
    caller.send({"realtimeInput": {"text": "please"}})
    caller.send({"realtimeInput": {"activityEnd": {}}})
    answer = text_of(caller.until("turnComplete"))
    assert answer == "You said: look at this please. This is turn 1. I see 1 frame."


def test_manual_activity_interrupts_at_its_start(phone):
    _, caller = phone(realtimeInputConfig=_MANUAL)
    caller.say("Tell me a story")
    caller.until("modelTurn")
    caller.send({"realtimeInput": {"activityStart": {}}})
    assert "interrupted" in kinds(caller.until("turnComplete"))


@pytest.mark.parametrize(
    ("config", "given"),
    [
        ({}, {"activityStart": {}}),
        ({}, {"activityEnd": {}}),
        (_MANUAL, {"audioStreamEnd": True}),
    ],
)
def test_marks_of_the_other_way_are_refused(phone, config, given):
    _, caller = phone(realtimeInputConfig=config)
    caller.send({"realtimeInput": given})
    code, reason = caller.end()
    assert code == 1007
    assert "automatic activity detection" in reason


def test_speech_interrupts_at_its_start_and_is_answered_at_its_end(phone):
    _, caller = phone(Scenario(heard=["wait a moment"]))
    caller.say("Tell me a story")
    caller.until("modelTurn")
    caller.talk(pcm.tone(300, 400, 16_000))
    assert kinds(caller.until("turnComplete"))[-3:] == [
        "interrupted",
        "usageMetadata",
        "turnComplete",
    ]
    caller.talk(pcm.silence(700, 16_000))
    assert "wait a moment" in text_of(caller.until("turnComplete"))


def test_speech_does_not_interrupt_where_that_is_off(phone):
    _, caller = phone(
        Scenario(heard=["wait"], replies=[Reply(match="go", steps=["One. Two. Three."])]),
        realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"},
    )
    caller.say("go")
    caller.talk(speech(300))
    first, second = caller.until("turnComplete"), caller.until("turnComplete")
    assert text_of(first) == "One. Two. Three."
    assert "wait" in text_of(second)


def test_vertex_signals_voice_activity_when_asked(emulate, dial):
    caller = dial(emulate(Scenario(heard=["hi"])), VERTEX, {"Authorization": "Bearer t"})
    caller.setup(model=VERTEX_MODEL, explicitVadSignal=True)
    caller.talk(speech(500))
    frames = caller.until("turnComplete")
    signals = [frame["voiceActivity"] for frame in frames if "voiceActivity" in frame]
    assert [signal["type"] for signal in signals] == ["ACTIVITY_START", "ACTIVITY_END"]
    assert all(signal["audioOffset"].endswith("s") for signal in signals)


def test_the_transcription_model_only_transcribes(phone):
    _, caller = phone(
        Scenario(heard=["the quick brown fox"]),
        model="models/gemini-3.5-transcribe-live",
        realtimeInputConfig={"interimTranscriptTimestampEnabled": True},
    )
    caller.say("this is ignored", complete=False)
    caller.talk(speech(1000))
    frames = caller.until("interactionStatus")
    found = kinds(frames)
    assert set(found) == {
        "interimInputTranscription", "inputTranscription", "interactionStatus", "usageMetadata",
    }  # fmt: skip
    interim = [f["serverContent"]["interimInputTranscription"] for f in frames[:-2]]
    texts = [transcription["text"] for transcription in interim]
    assert texts[0] == "the"
    assert texts[:2] == ["the", "the quick"]
    assert interim[0]["endOffset"].endswith("s")
    final = frames[-2]["serverContent"]["inputTranscription"]
    assert final == {"text": "the quick brown fox", "finished": True}
    assert frames[-1]["serverContent"]["interactionStatus"] == "IDLE"


def test_url_safe_and_unpadded_base64_are_read(phone):
    _, caller = phone(Scenario(heard=["hi"]))
    sound = speech(500)
    encoded = base64.urlsafe_b64encode(sound).decode().rstrip("=")
    caller.send({"realtime_input": {"audio": {"mime_type": "audio/pcm", "data": encoded}}})
    assert "hi" in text_of(caller.until("turnComplete"))


def test_broken_base64_is_refused(phone):
    _, caller = phone()
    caller.send({"realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": "A"}}})
    assert caller.end()[0] == 1007
