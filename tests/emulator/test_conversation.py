"""What the emulator says and does out of the box."""

from __future__ import annotations

import base64

import pytest
from emulator.phone import VERTEX, VERTEX_MODEL, audio_of, kinds, text_of

from livesdk import pcm
from livesdk.emulator import Reply, Say, Scenario, Wait

_AUDIO = {"responseModalities": ["AUDIO"]}


def test_a_text_comes_back_in_several_pieces_and_the_turn_is_ended_properly(phone):
    _, caller = phone()
    caller.say("Good day to you")
    frames = caller.until("turnComplete")
    assert text_of(frames) == "You said: Good day to you. This is turn 1."
    found = kinds(frames)
    assert found[:-3] == ["modelTurn"] * (len(found) - 3)
    assert len(found) > 5
    assert found[-3:] == ["generationComplete", "usageMetadata", "turnComplete"]
    assert "usageMetadata" in frames[-1]


def test_audio_comes_as_24_khz_parts_of_40_to_100_ms(phone):
    _, caller = phone(generationConfig=_AUDIO)
    caller.say("Hello")
    frames = caller.until("turnComplete")
    assert "outputTranscription" not in kinds(frames)
    parts = audio_of(frames)
    lengths = {pcm.duration_ms(len(part), 24_000) for part in parts[:-1]}
    assert all(40 <= length <= 100 for length in lengths)
    assert pcm.duration_ms(sum(map(len, parts)), 24_000) > 1000
    mimes = {frame["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["mimeType"]
             for frame in frames if "modelTurn" in frame.get("serverContent", {})}  # fmt: skip
    assert mimes == {"audio/pcm;rate=24000"}


def test_audio_is_the_default_and_transcripts_come_when_asked_for(emulate, dial):
    caller = dial(emulate())
    caller.send({"setup": {"model": "models/m", "outputAudioTranscription": {}}})
    caller.until("setupComplete")
    caller.say("Hello")
    frames = caller.until("turnComplete")
    assert text_of(frames) == "Hello! You said: Hello. This is turn 1."
    assert audio_of(frames)
    found = kinds(frames)
    last_words = max(i for i, kind in enumerate(found) if kind == "outputTranscription")
    assert last_words < found.index("generationComplete")
    assert found.count("outputTranscription") > 2


def test_newer_models_put_transcript_and_audio_into_one_frame(emulate, dial):
    caller = dial(emulate())
    caller.send({"setup": {"model": "models/gemini-3.8-live", "outputAudioTranscription": {}}})
    caller.until("setupComplete")
    caller.say("Hello")
    frames = caller.until("turnComplete")
    both = [
        f for f in frames if {"modelTurn", "outputTranscription"} <= set(f.get("serverContent", {}))
    ]
    assert both
    assert frames[-1]["serverContent"]["interactionStatus"] == "IDLE"


def test_server_frames_are_binary_and_pretty_printed(phone):
    _, caller = phone()
    caller.say("Hello")
    payload = caller.socket.recv(5)
    assert isinstance(payload, bytes)
    assert payload.startswith(b'{\n  "serverContent": {\n    "modelTurn"')
    assert payload.endswith(b"}\n")


def test_it_remembers_what_was_said(phone):
    _, caller = phone()
    assert "turn 1" in caller.ask("My name is Ada")
    assert caller.ask("What did I say before?") == 'Before, you said "My name is Ada".'
    assert "turn 3" in caller.ask("I see")


def test_usage_counts_the_whole_context_each_turn(phone):
    _, caller = phone()
    caller.say("Hello there, how are you today?")
    first = caller.until("turnComplete")[-1]["usageMetadata"]
    caller.say("And again?")
    second = caller.until("turnComplete")[-1]["usageMetadata"]
    assert first["totalTokenCount"] == first["promptTokenCount"] + first["responseTokenCount"]
    assert second["promptTokenCount"] > first["totalTokenCount"]
    assert first["responseTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": first["responseTokenCount"]}
    ]


def test_vertex_has_its_own_names(emulate, dial):
    caller = dial(emulate(), VERTEX, {"Authorization": "Bearer t"})
    caller.setup(model=VERTEX_MODEL, generationConfig=_AUDIO, outputAudioTranscription={})
    caller.say("Hello")
    frames = caller.until("turnComplete")
    usage = frames[-1]["usageMetadata"]
    assert "candidatesTokenCount" in usage
    assert "responseTokenCount" not in usage
    turn = next(
        f["serverContent"]["modelTurn"] for f in frames if "modelTurn" in f["serverContent"]
    )
    assert turn["role"] == "model"
    assert turn["parts"][0]["inlineData"]["mimeType"] == "audio/pcm"
    assert frames[0]["serverContent"] == {"outputTranscription": {}}


def test_typed_realtime_text_is_answered(phone):
    _, caller = phone()
    caller.send({"realtimeInput": {"text": "Hello"}})
    assert text_of(caller.until("turnComplete")) == "Hello! You said: Hello. This is turn 1."


def test_open_content_waits_for_its_end(phone):
    _, caller = phone()
    caller.say("one,", complete=False)
    caller.say("two,", complete=False)
    caller.send({"clientContent": {"turnComplete": True}})
    assert text_of(caller.until("turnComplete")) == "You said: one, two,. This is turn 1."


def test_roles_are_kept_in_history(phone):
    _, caller = phone()
    turns = [
        {"role": "user", "parts": [{"text": "My dog is called Rex"}]},
        {"role": "model", "parts": [{"text": "Noted"}]},
        {"parts": [{"text": "What did I say?"}]},
    ]
    caller.send({"clientContent": {"turns": turns, "turnComplete": True}})
    assert "My dog is called Rex" in text_of(caller.until("turnComplete"))


def test_images_are_counted(phone):
    _, caller = phone()
    image = {"mimeType": "image/jpeg", "data": base64.b64encode(b"jpeg").decode()}
    for _ in range(2):
        caller.send({"realtimeInput": {"video": image}})
    caller.send({"realtimeInput": {"mediaChunks": [image, image]}})  # only the first counts
    assert caller.ask("What do you see?").endswith("I see 3 frames.")
    turns = [{"parts": [{"text": "And now?"}, {"inlineData": image}]}]
    caller.send({"clientContent": {"turns": turns, "turnComplete": True}})
    assert text_of(caller.until("turnComplete")).endswith("I see 1 frame.")


def test_thoughts_come_apart_when_asked_for(phone):
    _, caller = phone(
        generationConfig={
            "responseModalities": ["TEXT"],
            "thinkingConfig": {"includeThoughts": True},
        }
    )
    caller.say("Hello")
    frames = caller.until("turnComplete")
    assert frames[0]["serverContent"]["modelTurn"]["parts"][0]["thought"] is True
    assert text_of(frames) == "Hello! You said: Hello. This is turn 1."


def test_context_updates_replace_instruction_and_tools(phone):
    tools = [{"functionDeclarations": [{"name": "get_weather"}]}]
    _, caller = phone(systemInstruction={"parts": [{"text": "First."}]}, tools=tools)
    assert "First." in caller.ask("What are your instructions?")
    caller.send(
        {
            "contextUpdate": {
                "systemInstruction": {"parts": [{"text": "Second."}]},
                "tools": {"tools": []},
            }
        }
    )
    assert "Second." in caller.ask("What are your instructions?")
    assert "You said" in caller.ask("get_weather")


def test_an_empty_context_update_is_refused(phone):
    _, caller = phone()
    caller.send({"contextUpdate": {}})
    assert caller.end()[0] == 1007


def test_initial_history_starts_no_answer(phone):
    _, caller = phone(historyConfig={"initialHistoryInClientContent": True})
    turns = [
        {"role": "user", "parts": [{"text": "My cat is Tom"}]},
        {"role": "model", "parts": [{"text": "A fine name"}]},
    ]
    caller.send({"clientContent": {"turns": turns, "turnComplete": True}})
    caller.send({"realtimeInput": {"text": "What did I say?"}})
    assert text_of(caller.until("turnComplete")) == 'Before, you said "My cat is Tom".'


def test_prefix_turns_were_said_before(phone):
    turns = [
        {"role": "user", "parts": [{"text": "My name is Ada"}]},
        {"role": "model", "parts": [{"text": "Hello, Ada"}]},
    ]
    _, caller = phone(prefixTurns=turns)
    assert caller.ask("What did I say?") == 'Before, you said "My name is Ada".'


def test_new_content_interrupts_and_the_rest_is_discarded(phone):
    _, caller = phone()
    caller.say("Tell me a story")
    caller.until("modelTurn")
    caller.say("Stop it")
    frames = caller.until("turnComplete")
    found = kinds(frames)
    assert "generationComplete" not in found
    assert found[-3:] == ["interrupted", "usageMetadata", "turnComplete"]
    answer = caller.until("turnComplete")
    assert "You said: Stop it." in text_of(answer)


def test_history_keeps_only_what_was_sent_before_the_interruption(emulate, dial):
    scenario = Scenario(replies=[Reply(match="story", steps=[Say("Once upon"), Wait("never")])])
    emulator = emulate(scenario)
    caller = dial(emulator)
    caller.setup()
    caller.say("Tell me a story")
    caller.until("modelTurn")
    caller.say("Stop")
    cut = caller.until("turnComplete")[-1]["usageMetadata"]
    assert cut["responseTokenCount"] <= 3


def test_no_interruption_means_one_after_the_other(phone):
    _, caller = phone(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    caller.send({"realtimeInput": {"text": "first"}})
    caller.send({"realtimeInput": {"text": "second"}})
    frames = caller.until("turnComplete") + caller.until("turnComplete")
    assert "interrupted" not in kinds(frames)
    assert "first" in text_of(frames)
    assert "second" in text_of(frames)


def test_the_translation_model_translates(phone):
    _, caller = phone(
        model="models/gemini-3.5-live-translate-preview",
        generationConfig={
            "responseModalities": ["TEXT"],
            "translationConfig": {"targetLanguageCode": "de"},
        },
    )
    assert caller.ask("Good day") == "[de] Good day"


def test_extended_thinking_fills_the_wait_and_says_so(phone):
    _, caller = phone(model="models/gemini-3.8-live-extended-thinking")
    caller.say("Hello")
    filler = caller.until("turnComplete")
    answer = caller.until("turnComplete")
    assert filler[-1]["serverContent"]["interactionStatus"] == "IN_PROGRESS"
    assert answer[-1]["serverContent"]["interactionStatus"] == "IDLE"
    assert "You said: Hello" in text_of(answer)


@pytest.mark.parametrize("playback", ["realtime", 0.2])
def test_turn_complete_waits_for_playback(emulate, dial, playback):
    caller = dial(emulate(Scenario(playback_delay=playback, chunk_interval=0)))
    caller.setup(generationConfig=_AUDIO)
    caller.say("Say a")
    caller.until("generationComplete")
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.05)
    caller.say("Stop")
    assert kinds(caller.until("turnComplete"))[0] == "interrupted"
