"""The music endpoint: prompts, config, control, and what is heard."""

from __future__ import annotations

import base64

import pytest
from emulator.phone import MUSIC

from livesdk import pcm


@pytest.fixture
def band(emulate, dial):
    caller = dial(emulate(), f"{MUSIC}?key=any")
    caller.send({"setup": {"model": "models/lyria-realtime-exp"}})
    assert caller.next() == {"setupComplete": {}}
    return caller


def _prompt(caller, text="jazz", weight=1.0):
    prompts = [{"text": text, "weight": weight}]
    caller.send({"clientContent": {"weightedPrompts": prompts}})


def _chunk(caller):
    chunk = caller.until("audioChunks")[-1]["serverContent"]["audioChunks"][0]
    return chunk, base64.b64decode(chunk["data"])


def _settle(caller):
    """Read away what was on its way, until a pause."""
    try:
        while True:
            caller.next(timeout=0.3)
    except TimeoutError:
        pass


def test_it_plays_48_khz_stereo_and_tells_its_source(band):
    _prompt(band)
    band.send({"musicGenerationConfig": {"bpm": 120}})
    band.send({"playbackControl": "PLAY"})
    chunk, sound = _chunk(band)
    assert chunk["mimeType"] == "audio/l16;rate=48000;channels=2"
    assert pcm.duration_ms(len(sound), 48_000, channels=2) == 500
    assert pcm.level_dbfs(sound) > -40
    assert chunk["sourceMetadata"] == {
        "clientContent": {"weightedPrompts": [{"text": "jazz", "weight": 1.0}]},
        "musicGenerationConfig": {"bpm": 120},
    }


def test_pause_keeps_the_place_and_stop_drops_it(band):
    _prompt(band)
    band.send({"playbackControl": "PLAY"})
    first = _chunk(band)[1]
    band.send({"playbackControl": "PAUSE"})
    _settle(band)
    band.send({"playbackControl": "PLAY"})
    _chunk(band)
    band.send({"playbackControl": "STOP"})
    _settle(band)
    band.send({"playbackControl": "PLAY"})
    assert _chunk(band)[1] == first


def test_tempo_waits_for_a_reset_and_the_config_is_replaced_whole(band):
    _prompt(band)
    band.send({"musicGenerationConfig": {"bpm": 60, "density": 0.5}})
    band.send({"playbackControl": "PLAY"})
    _chunk(band)
    band.send({"musicGenerationConfig": {"bpm": 120, "brightness": 0.9}})
    while "brightness" not in (
        config := _chunk(band)[0]["sourceMetadata"]["musicGenerationConfig"]
    ):
        pass
    assert config == {"bpm": 60, "brightness": 0.9}
    band.send({"playbackControl": "RESET_CONTEXT"})
    while (config := _chunk(band)[0]["sourceMetadata"]["musicGenerationConfig"])["bpm"] == 60:
        pass
    assert config == {"bpm": 120, "brightness": 0.9}


def test_a_forbidden_prompt_is_filtered_and_the_stream_goes_on(band):
    prompts = [{"text": "something forbidden", "weight": 1}, {"text": "piano", "weight": 1}]
    band.send({"client_content": {"weighted_prompts": prompts}})
    filtered = band.next()["filteredPrompt"]
    assert filtered["text"] == "something forbidden"
    assert filtered["filteredReason"]
    band.send({"playback_control": "PLAY"})
    metadata = _chunk(band)[0]["sourceMetadata"]
    assert [p["text"] for p in metadata["clientContent"]["weightedPrompts"]] == ["piano"]


@pytest.mark.parametrize(
    "frame",
    [
        {"clientContent": {"weightedPrompts": [{"text": "x", "weight": 0}]}},
        {"clientContent": {"weightedPrompts": []}},
        {"clientContent": {"turns": []}},
        {"musicGenerationConfig": {"bpm": 300}},
        {"musicGenerationConfig": {"tempo": 100}},
        {"musicGenerationConfig": {"scale": "FOO"}},
        {"playbackControl": "JUMP"},
        {"playbackControl": "PLAY"},  # without prompts
        {"playbackControl": "PAUSE", "musicGenerationConfig": {}},
        {"realtimeInput": {"text": "x"}},
        {},
    ],
)
def test_what_breaks_the_rules_is_closed_with_1007(band, frame):
    band.send(frame)
    assert band.end()[0] == 1007


@pytest.mark.parametrize("more", [{"generationConfig": {}}, {"prefixTurns": []}])
def test_the_setup_takes_the_model_alone(emulate, dial, more):
    caller = dial(emulate(), f"{MUSIC}?key=any")
    caller.send({"setup": {"model": "models/m", **more}})
    assert caller.end()[0] == 1007


def test_strict_models_know_one_name(emulate, dial):
    caller = dial(emulate(strict_models=True), f"{MUSIC}?key=any")
    caller.send({"setup": {"model": "models/gemini-3.8-live"}})
    assert caller.end()[0] == 1008
