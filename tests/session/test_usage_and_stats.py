"""What a session counts: turns, bytes, times, and tokens without counting a snapshot twice."""

from __future__ import annotations

import base64
import json

import pytest
from session.opened import PATIENCE, arrival, client_of, content, opened, spoken

from livesdk import codec
from livesdk.emulator import Close, Emulator, Say, Scenario, Send
from livesdk.tally import Tally, sum_usage, tokens_by_modality
from livesdk.transcript import Transcript
from livesdk.types import UsageMetadata

pytestmark = pytest.mark.requires("emulator")

AUDIO = {"response_modalities": ["AUDIO"]}
END = Send({"theEnd": {}})


def usage(total):
    return {"usageMetadata": {"totalTokenCount": total}}


def done(total=None, **fields):
    frame = content(turnComplete=True, **fields)
    return frame if total is None else {**frame, **usage(total)}


class Told:
    """A tally with a clock that moves a second with each call."""

    def __init__(self):
        self.tally = Tally()
        self.now = 0.0

    def __call__(self, *frames):
        for frame in frames:
            self.now += 1
            self.tally.received(codec.decode(json.dumps(frame)), self.now)
        return self

    def prompt(self):
        self.now += 1
        self.tally.prompted(self.now)
        return self

    def media(self):
        self.now += 1
        self.tally.fed(self.now)
        return self

    @property
    def total(self):
        return self.tally.usage.total_token_count


# ---------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("frames", "total"),
    [
        ([spoken("a"), done(5)], 5),
        ([usage(1), spoken("a"), usage(3), done(5)], 5),
        ([spoken("a"), usage(5), done()], 5),
        ([spoken("a"), done(), usage(5)], 5),
        ([spoken("a"), done(4), usage(5)], 5),  # a later snapshot of the same turn
        ([spoken("a"), done(5), spoken("b"), done(7)], 12),
        ([spoken("a"), usage(3), usage(5), done(), spoken("b"), usage(7), done()], 12),
        ([spoken("a"), done(5), spoken("b"), done(), usage(7)], 12),
        ([spoken("a"), done(), spoken("b"), done(7)], 7),
        ([spoken("a"), done(5), done(7)], 12),  # a turn without content
        ([spoken("a"), done(5), content(inputTranscription={"text": "x"}), usage(6), done(7)], 12),
        ([spoken("a"), done(5, interactionStatus="IN_PROGRESS"), spoken("b"), done(7)], 12),
        ([spoken("a"), done(5), {"interactionStatus": "IDLE"}, usage(6)], 6),
        ([spoken("a"), content(interrupted=True), done(5), spoken("b"), done(7)], 12),
    ],
)
def test_the_last_snapshot_of_each_turn_counts_and_no_other(frames, total):
    assert Told()(*frames).total == total


def test_after_a_prompt_usage_is_of_the_next_turn():
    told = Told()(spoken("a"), done(5)).prompt()(usage(6), spoken("b"), done(7))
    assert told.total == 12


def test_a_microphone_that_streams_on_begins_no_turn():
    assert Told()(spoken("a"), done(4)).media()(usage(5)).total == 5


def test_a_session_adds_up_its_turns():
    with opened("One.", "Two.", "Three.") as (_, session):
        assert session.usage == UsageMetadata()
        turns = [session.ask("x", timeout=PATIENCE) for _ in range(3)]
        assert session.usage == sum_usage(turn.usage for turn in turns)
        assert session.usage.total_token_count == sum(t.usage.total_token_count for t in turns) > 0
        before = session.usage
        before.total_token_count = -1  # a copy
        assert session.usage.total_token_count > 0


def test_vertex_names_of_usage_are_understood():
    class Credentials:
        token = "t"
        valid = True

        def refresh(self, request):
            pass

    with Emulator(Scenario(replies=["One.", "Two."]), voice="tones") as emulator:
        client = client_of(
            emulator,
            api_key=None,
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(),
        )
        with client.live.connect("m", {"response_modalities": ["TEXT"]}) as session:
            turns = [session.ask("x", timeout=PATIENCE) for _ in range(2)]
            total = session.usage
    assert [min(t.messages[-1].raw["usageMetadata"]) for t in turns] == ["candidatesTokenCount"] * 2
    assert total.response_token_count == sum(t.usage.response_token_count for t in turns) > 0
    assert total.response_tokens_details[0].token_count == total.response_token_count
    assert total.traffic_type == "ON_DEMAND"


def test_all_counts_and_details_are_added_up_and_what_nobody_said_stays_none():
    parts = [
        {
            "promptTokenCount": 10,
            "cachedContentTokenCount": 2,
            "responseTokenCount": 3,
            "toolUsePromptTokenCount": 4,
            "thoughtsTokenCount": 5,
            "totalTokenCount": 22,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 7},
                {"modality": "AUDIO", "tokenCount": 3},
            ],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 2}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
            "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
        },
        {"promptTokenCount": 1, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}]},
        {"responseTokensDetails": [{"modality": "SMELL", "tokenCount": 1}, {"tokenCount": 1}]},
    ]
    read = [codec.decode(json.dumps({"usageMetadata": part})).usage_metadata for part in parts]
    total = sum_usage(read)
    assert (total.prompt_token_count, total.cached_content_token_count) == (11, 2)
    assert (total.response_token_count, total.tool_use_prompt_token_count) == (3, 4)
    assert (total.thoughts_token_count, total.total_token_count) == (5, 22)
    assert [(d.modality, d.token_count) for d in total.prompt_tokens_details] == [
        ("TEXT", 7),
        ("AUDIO", 4),
    ]
    assert tokens_by_modality(total) == {
        "TEXT": 11,
        "AUDIO": 7,
        "SMELL": 1,
        "MODALITY_UNSPECIFIED": 1,
    }
    assert sum_usage([]) == UsageMetadata()


# ---------------------------------------------------------------------------------------- stats


def test_stats_of_a_conversation():
    said = [Say("One.")]
    with opened(said, said, config=AUDIO) as (_, session):
        turns = [session.ask("x", timeout=PATIENCE) for _ in range(2)]
        session.send_realtime_input(text="not answered")
        stats = session.stats
        assert stats.messages_sent == 3
        assert stats.messages_received >= 1 + sum(len(turn.messages) for turn in turns)
        assert stats.turns == 2
        assert stats.interruptions == 0
        assert stats.reconnects == 0
        assert stats.bytes_received > sum(len(turn.audio) for turn in turns)
        assert stats.bytes_sent > 100
        assert [round(t, 1) for t in stats.time_to_first_audio] == [
            round(turn.time_to_first_audio, 1) for turn in turns
        ]
        assert (stats.media_dropped_ms, stats.media_queued_ms) == (0, 0)
        assert stats.tokens == tokens_by_modality(session.usage)
        assert stats.tokens["AUDIO"] > 0
        assert stats.tokens["TEXT"] > 0


def test_stats_are_readable_after_the_end():
    with opened("One.") as (emulator, session):
        session.ask("x", timeout=PATIENCE)
        emulator.inject(Close(1011))
        session.wait_closed(PATIENCE)
        assert session.stats.turns == 1
        assert session.usage.total_token_count > 0


def test_interruptions_and_turns_are_counted():
    told = Told()(spoken("a"), content(interrupted=True), done(), spoken("b"), done())
    assert (told.tally.turns, told.tally.interruptions) == (2, 1)
    assert told.tally.interrupted_at == 2.0
    filler = done(interactionStatus="IN_PROGRESS")
    told = Told()(spoken("a"), filler, spoken("b"), done(interactionStatus="IDLE"))
    assert told.tally.turns == 1
    told({"interactionStatus": "IDLE"})  # says it again
    assert told.tally.turns == 1
    told(done())  # an empty turn is one
    assert told.tally.turns == 2


def test_what_waits_for_receive_is_counted():
    with opened() as (emulator, session):
        arrived = arrival(session, "theEnd")
        emulator.inject(Send(spoken("x" * 10_000)), END)
        assert arrived.wait(PATIENCE)
        assert 10_000 < session.stats.inbox_queued_bytes < 15_000
        assert next(session.receive()).text
        assert session.stats.inbox_queued_bytes < 5000


def test_what_waits_for_callbacks_is_counted():
    manual = {"onmessage": lambda message: None, "dispatch": "manual"}
    with opened(callbacks=manual) as (emulator, session):
        messages = session.receive()
        emulator.inject(Send(spoken("x" * 10_000)))
        assert next(messages).text
        assert 10_000 < session.stats.callbacks_queued_bytes < 15_000
        session.pump()
        assert session.stats.callbacks_queued_bytes == 0


# --------------------------------------------------------------------------- first audio

SOUND = content(
    modelTurn={
        "parts": [
            {
                "inlineData": {
                    "mimeType": "audio/pcm;rate=24000",
                    "data": base64.b64encode(bytes(4)).decode(),
                }
            }
        ]
    }
)


def test_the_first_audio_of_each_turn_is_timed_from_the_last_input():
    told = Told().prompt()(spoken("text first"), SOUND, SOUND, done())
    assert list(told.tally.first_audio) == [2.0]
    told.prompt().media()(SOUND, done())
    assert list(told.tally.first_audio) == [2.0, 1.0]


def test_a_filler_does_not_make_two_of_one_turn_and_a_turn_without_input_has_none():
    filler = done(interactionStatus="IN_PROGRESS")
    told = Told().prompt()(SOUND, filler, SOUND, done(interactionStatus="IDLE"))
    told(SOUND, done())  # of the model's own accord
    assert list(told.tally.first_audio) == [1.0]


def test_nothing_grows_over_the_hours():
    told = Told()
    for _ in range(3000):
        told.prompt()(SOUND, done(1))
    assert told.total == 3000
    assert len(told.tally.first_audio) == 1000


@pytest.mark.parametrize("before", ["nothing", "a prompt", "a bill", "an interruption"])
@pytest.mark.parametrize(
    "part", [{"text": "Hi"}, {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}]
)
def test_a_piece_comes_to_the_same_as_any_message(before, part):
    wire = {"serverContent": {"modelTurn": {"parts": [part]}}}
    piece = codec.decode(json.dumps(wire).encode())
    tallies, transcripts = [Tally(), Tally()], [Transcript(), Transcript()]
    for tally, transcript in zip(tallies, transcripts):
        if before == "a prompt":
            tally.prompted(1.0)
        elif before == "a bill":
            tally._bill_complete = True
            tally._bill = UsageMetadata(total_token_count=3)
        elif before == "an interruption":
            transcript._cut_short = True
    tallies[0].received(piece, 2.0)
    transcripts[0].add(piece)
    tallies[1].said(piece, 2.0)
    transcripts[1].said()
    assert vars(tallies[0]) == vars(tallies[1])
    assert transcripts[0]._cut_short == transcripts[1]._cut_short
