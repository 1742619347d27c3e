"""Real speech: spoken by eSpeak, recognised by pocketsphinx."""

from __future__ import annotations

import pytest
from emulator.phone import text_of

from livesdk import pcm
from livesdk.emulator import Reply, Scenario
from livesdk.emulator._recognise import recognise
from livesdk.emulator.voice import choose_voice

PHRASES = (
    "What time is it?",
    "Tell me a story.",
    "Hello!",
    "How are you?",
    "What did I say before?",
    "What is the weather in Paris?",
)


def spoken(text: str) -> bytes:
    return choose_voice("espeak")(text)


@pytest.mark.requires("voice")
@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_is_told_from_the_others(phrase: str):
    assert recognise(spoken(phrase), 24_000, PHRASES) == phrase


@pytest.mark.requires("voice")
@pytest.mark.parametrize(
    "text", ["I want to buy a green elephant.", "Open the window and let the cat out."]
)
def test_what_is_no_phrase_is_not_recognised(text: str):
    assert recognise(spoken(text), 24_000, PHRASES) is None
    assert recognise(pcm.tone(300, 1000), 24_000, PHRASES) is None


@pytest.mark.requires("voice")
def test_a_word_that_no_dictionary_has_leaves_the_others():
    phrases = ("Xyzzyq plugh", "what time is it")
    assert recognise(spoken("what time is it"), 24_000, phrases) == "what time is it"


@pytest.mark.requires("voice", "emulator")
def test_speech_on_the_wire_is_answered_by_what_it_says(phone):
    scenario = Scenario(
        phrases=PHRASES,
        heard=["something else"],
        replies=[Reply(match="time", steps=["It is noon."])],
    )
    _, line = phone(scenario, inputAudioTranscription={})
    sound = pcm.silence(500, 24_000) + spoken("What time is it?") + pcm.silence(800, 24_000)
    line.talk(sound, rate_hz=24_000)
    frames = line.until("turnComplete")
    assert text_of(frames) == "It is noon."
    line.talk(pcm.tone(300, 700, 24_000) + pcm.silence(800, 24_000), rate_hz=24_000)
    assert "something else" in text_of(line.until("turnComplete"))


def test_without_phrases_nothing_is_recognised():
    assert recognise(pcm.tone(300, 500), 24_000, ()) is None
