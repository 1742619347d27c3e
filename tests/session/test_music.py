"""Live music: every sender, merged configs in the right order, and what comes back."""

from __future__ import annotations

import queue
import threading
from itertools import count

import pytest
from session.opened import PATIENCE, client_of, heard, music
from waiting import Caught

import livesdk
from livesdk import types
from livesdk.emulator import Close, Emulator, Scenario, Send, StopReading

pytestmark = pytest.mark.requires("emulator")

PIANO = {"text": "piano", "weight": 1.0}
DRUMS = {"text": "drums", "weight": 1.0}


def prompts(*given):
    return {"clientContent": {"weightedPrompts": list(given)}}


def config(**fields):
    return {"musicGenerationConfig": fields}


def control(name):
    return {"playbackControl": name}


# ------------------------------------------------------------------------------------ prompts


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("piano", [PIANO]),
        (["piano", "drums"], [PIANO, {"text": "drums", "weight": 1.0}]),
        (types.WeightedPrompt(text="piano", weight=0.5), [{"text": "piano", "weight": 0.5}]),
        ([types.WeightedPrompt(text="piano", weight=-3)], [{"text": "piano", "weight": -3}]),
        ({"text": "piano", "weight": 2}, [{"text": "piano", "weight": 2}]),
        ({"text": "piano"}, [PIANO]),
        ([{"text": "piano", "weight": 1.0}], [PIANO]),
        ({"weightedPrompts": [PIANO]}, [PIANO]),
        ({"weighted_prompts": PIANO}, [PIANO]),
    ],
)
def test_prompts_are_taken_in_every_form(given, sent):
    with music() as (emulator, session):
        session.set_weighted_prompts(given)
        session.set_weighted_prompts(weighted_prompts=given)
        assert heard(emulator, session) == [prompts(*sent), prompts(*sent)]


WRONG = {
    "no prompt": lambda s: s.set_weighted_prompts(),
    "an empty list": lambda s: s.set_weighted_prompts([]),
    "a weight of nothing": lambda s: s.set_weighted_prompts({"text": "piano", "weight": 0}),
    "one bad of two": lambda s: s.set_weighted_prompts([PIANO, {"text": "x", "weight": 0.0}]),
    "no text": lambda s: s.set_weighted_prompts({"weight": 1.0}),
    "a number": lambda s: s.set_weighted_prompts(5),
    "prompts twice": lambda s: s.set_weighted_prompts("a", weighted_prompts="b"),
    "a config twice": lambda s: s.set_music_generation_config({}, music_generation_config={}),
    "a config and a field": lambda s: s.set_music_generation_config({"bpm": 100}, bpm=100),
    "an unknown field": lambda s: s.set_music_generation_config(tempi=100),
    "words for a number": lambda s: s.set_music_generation_config(bpm="fast"),
    "a word for a boolean": lambda s: s.set_music_generation_config(mute_bass="yes"),
    "no number": lambda s: s.set_music_generation_config(density=float("nan")),
    "anything": lambda s: s.send(5),
    "two kinds": lambda s: s.send({"playbackControl": "PLAY", "musicGenerationConfig": {}}),
    "nothing to play": lambda s: s.send({"playbackControl": "REWIND"}),
    "turns without text": lambda s: s.send({"clientContent": {"turns": []}}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_is_sent_when_an_argument_is_wrong(wrong):
    with music() as (emulator, session):
        with pytest.raises(livesdk.ConfigError):
            WRONG[wrong](session)
        assert heard(emulator, session) == []
        assert session.music_generation_config == types.LiveMusicGenerationConfig()


# ------------------------------------------------------------------------------------- config


RANGES = {
    "temperature": (0, 3),
    "top_k": (1, 1000),
    "seed": (0, 2**31 - 1),
    "guidance": (0, 6),
    "bpm": (60, 200),
    "density": (0, 1),
    "brightness": (0, 1),
}


@pytest.mark.parametrize("field", RANGES)
def test_numbers_keep_to_their_range(field):
    low, high = RANGES[field]
    with music() as (emulator, session):
        for value in (low, high):
            session.set_music_generation_config({field: value})
        for value in (low - 1, high + 1):
            with pytest.raises(livesdk.ConfigError, match=field):
                session.set_music_generation_config({field: value})
        assert len(heard(emulator, session)) == 2


def test_changes_are_merged_and_the_whole_is_sent():
    with music() as (emulator, session):
        session.set_music_generation_config(bpm=120)
        session.set_music_generation_config({"scale": "C_MAJOR_A_MINOR", "muteBass": False})
        session.set_music_generation_config(types.LiveMusicGenerationConfig(bpm=90, density=0))
        session.set_music_generation_config(
            music_generation_config={"musicGenerationConfig": {"musicGenerationMode": "DIVERSITY"}}
        )
        merged = {"bpm": 90, "scale": "C_MAJOR_A_MINOR", "muteBass": False, "density": 0}
        assert heard(emulator, session) == [
            config(bpm=120),
            config(bpm=120, scale="C_MAJOR_A_MINOR", muteBass=False),
            config(**merged),
            config(**merged, musicGenerationMode="DIVERSITY"),
        ]
        assert session.music_generation_config.bpm == 90


def test_an_empty_config_goes_back_to_the_defaults():
    with music() as (emulator, session):
        session.set_music_generation_config(bpm=120)
        session.set_music_generation_config({})
        session.set_music_generation_config(density=0.5)
        session.set_music_generation_config()
        assert heard(emulator, session) == [
            config(bpm=120),
            config(),
            config(density=0.5),
            config(),
        ]


def test_none_in_a_dict_takes_one_field_back_to_its_default():
    with music() as (emulator, session):
        session.set_music_generation_config(bpm=120, density=0.5, mute_bass=True)
        session.set_music_generation_config(bpm=None)
        session.set_music_generation_config({"muteBass": None, "density": 0.1})
        session.set_music_generation_config(types.LiveMusicGenerationConfig(bpm=90))
        assert heard(emulator, session)[1:] == [
            config(density=0.5, muteBass=True),
            config(density=0.1),
            config(density=0.1, bpm=90),
        ]


def test_a_reset_shares_the_timeout_of_its_change(monkeypatch):
    with music() as (_, session):
        timeouts = []
        monkeypatch.setattr(session._connection, "send", lambda _, limit: timeouts.append(limit))
        session.set_music_generation_config(bpm=90, reset=True, timeout=0.5)
        assert len(timeouts) == 2
        assert 0.5 >= timeouts[0] >= timeouts[1] > 0


def test_the_context_is_reset_only_when_asked_to_and_where_a_change_needs_it():
    with music() as (emulator, session):
        session.set_music_generation_config(bpm=120)
        session.set_music_generation_config(bpm=120, density=0.1, reset=True)  # no such change
        for change in ({"bpm": 90}, {"scale": "C_MAJOR_A_MINOR"}, {"top_k": 7}, {}):
            session.set_music_generation_config(change, reset=True)
        frames = heard(emulator, session)
    assert [next(iter(frame)) == "playbackControl" for frame in frames] == [
        *(False, False),
        *(False, True) * 4,
    ]
    assert all(frame == control("RESET_CONTEXT") for frame in frames[3::2])


def test_a_config_given_at_the_start_is_sent_and_kept():
    with Emulator(Scenario()) as emulator:
        connect = client_of(emulator).live.music.connect
        with connect(config={"tempo": 100, "mode": "QUALITY"}) as session:
            session.set_music_generation_config(density=0.5)
            assert heard(emulator, session) == [
                config(bpm=100, musicGenerationMode="QUALITY"),
                config(bpm=100, musicGenerationMode="QUALITY", density=0.5),
            ]


def test_changes_from_many_threads_are_all_kept_and_the_last_to_arrive_has_them_all():
    fields = ["bpm", "top_k", "seed", "temperature", "guidance", "density", "brightness"]
    values = {"bpm": 60, "top_k": 1}
    start = threading.Barrier(len(fields))

    def turn_the_knob(session, field):
        start.wait(PATIENCE)
        for step in range(40):
            base = values.get(field, 0)
            fine = field in ("density", "brightness", "temperature", "guidance")
            session.set_music_generation_config({field: step / 100 if fine else base + step})

    with music() as (emulator, session):
        for knob in [Caught(turn_the_knob, session, field) for field in fields]:
            knob.result(30)
        frames = heard(emulator, session)
        final = session.music_generation_config
    assert len(frames) == 40 * len(fields)
    last = frames[-1]["musicGenerationConfig"]
    assert last == {
        "bpm": 99, "topK": 40, "seed": 39, "temperature": 0.39, "guidance": 0.39,
        "density": 0.39, "brightness": 0.39,
    }  # fmt: skip
    assert (final.bpm, final.density) == (99, 0.39)
    sent = [frame["musicGenerationConfig"] for frame in frames]
    for earlier, later in zip(sent, sent[1:]):  # each change is one step of one knob
        assert sum(later.get(key) != earlier.get(key) for key in later) == 1


def test_a_config_that_could_not_be_sent_changes_nothing():
    with music() as (emulator, session):
        session.set_music_generation_config(bpm=120)
        emulator.inject(StopReading(2.0), Send({"stopped": {}}))
        for message in session.receive():
            if "stopped" in message.raw:
                break
        with pytest.raises((livesdk.LiveTimeout, livesdk.SessionClosed)):
            all(
                session.set_weighted_prompts("la " * 200_000, timeout=0.05) is None for _ in count()
            )
        with pytest.raises((livesdk.LiveTimeout, livesdk.SessionClosed)):
            session.set_music_generation_config(bpm=60, timeout=0.05)
        assert session.music_generation_config.bpm == 120


# ------------------------------------------------------------------------------- playback, sound


def test_playback_is_controlled_by_one_word_a_frame():
    with music() as (emulator, session):
        session.set_weighted_prompts("piano")
        for action in (session.play, session.pause, session.stop, session.reset_context):
            action()
        names = ["PLAY", "PAUSE", "STOP", "RESET_CONTEXT"]
        frames = heard(emulator, session)
        assert frames == [prompts(PIANO), *(control(name) for name in names)]
        assert all(len(frame) == 1 for frame in frames)


def test_the_setup_names_the_model_and_nothing_else():
    with Emulator(Scenario()) as emulator:
        connect = client_of(emulator).live.music.connect
        for model in ("lyria-realtime-exp", "models/lyria-realtime-exp"):
            with connect(model=model):
                pass
        for parameters in ({"callbacks": {}}, types.LiveMusicConnectParameters(config={"bpm": 90})):
            with connect(parameters):
                pass
        setups = [frame for frame in emulator.frames if "setup" in frame]
        assert setups == [{"setup": {"model": "models/lyria-realtime-exp"}}] * 4


def test_music_is_stereo_at_48_khz_and_comes_by_receive():
    with music() as (_, session):
        session.set_weighted_prompts("piano")
        session.play()
        for message in session.receive():
            if message.audio:
                break
        assert message.sample_rate_hz == 48_000
        assert len(message.audio) % 4 == 0
        [chunk] = message.server_content.audio_chunks
        assert "channels=2" in chunk.mime_type
        assert chunk.source_metadata.client_content.weighted_prompts[0].text == "piano"
        session.stop()
        assert not session.is_closed


def test_callbacks_get_music_and_filtered_prompts_setup_complete_first():
    got = queue.Queue()
    closed = queue.Queue()
    callbacks = livesdk.LiveCallbacks(onmessage=got.put, onclose=closed.put)
    with Emulator(Scenario()) as emulator:
        connect = client_of(emulator).live.music.connect
        with connect(callbacks=callbacks) as session:
            assert got.get(timeout=PATIENCE).setup_complete is not None
            session.set_weighted_prompts(["something forbidden", "piano"])
            filtered = got.get(timeout=PATIENCE).filtered_prompt
            assert filtered.text == "something forbidden"
            assert filtered.filtered_reason
            session.play()
            assert got.get(timeout=PATIENCE).audio
            emulator.inject(Close(1011, "Enough."))
            info = closed.get(timeout=PATIENCE)
            assert (info.code, info.reason) == (1011, "Enough.")
            with pytest.raises(livesdk.SessionClosed):
                session.pause()


def test_vertex_and_firebase_have_no_music_and_say_so_before_dialling():
    with Emulator(Scenario()) as emulator:
        vertex = client_of(emulator, api_key="k", vertexai=True)
        firebase = client_of(
            emulator, api_key=None, firebase=livesdk.FirebaseOptions(project="p", api_key="k")
        )
        for client in (vertex, firebase):
            with pytest.raises(livesdk.ConfigError, match="music"):
                client.live.music.connect()
        assert emulator.connections == []


# --------------------------------------------------------------------------------- older names


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("piano", prompts(PIANO)),
        ({"clientContent": {"turns": "piano"}}, prompts(PIANO)),
        ({"clientContent": {"turns": ["piano", "drums"]}}, prompts(PIANO, DRUMS)),
        ({"client_content": {"turns": [{"parts": [{"text": "piano"}]}]}}, prompts(PIANO)),
        ({"clientContent": {"turns": types.Content.text("piano")}}, prompts(PIANO)),
        ({"clientContent": {"turns": [{"text": "piano"}]}}, prompts(PIANO)),
        ({"clientContent": {"weightedPrompts": [DRUMS]}}, prompts(DRUMS)),
        (types.WeightedPrompt(text="piano", weight=2.0), prompts({"text": "piano", "weight": 2.0})),
        ({"musicGenerationConfig": {"bpm": 100}}, config(bpm=100)),
        ({"playbackControl": "PAUSE"}, control("PAUSE")),
        (types.LiveMusicClientMessage(playback_control="STOP"), control("STOP")),
    ],
)  # fmt: skip
def test_send_takes_older_shapes(given, sent):
    with music() as (emulator, session):
        session.send(given)
        assert heard(emulator, session) == [sent]


@pytest.mark.parametrize(
    "given",
    [
        livesdk.LiveMusicConfig(tempo=120, scale="D_FLAT_MAJOR_B_FLAT_MINOR", mode="DIVERSITY"),
        {"tempo": 120, "scale": "D_FLAT_MAJOR_B_FLAT_MINOR", "mode": "DIVERSITY"},
        {"tempo": 120, "scale": "C_SHARP_D_FLAT_MAJOR_A_SHARP_B_FLAT_MINOR", "mode": "DIVERSITY"},
        livesdk.LiveMusicConfig(
            bpm=120, scale="C_SHARP_D_FLAT_MAJOR_A_SHARP_B_FLAT_MINOR", mode="DIVERSITY"
        ),
    ],
)
def test_older_fields_of_the_config_are_understood(given):
    expected = config(bpm=120, scale="D_FLAT_MAJOR_B_FLAT_MINOR", musicGenerationMode="DIVERSITY")
    with music() as (emulator, session):
        session.set_music_generation_config(given)
        assert heard(emulator, session) == [expected]


def test_an_unknown_scale_is_sent_with_a_warning():
    with music() as (emulator, session):
        with pytest.warns(UserWarning, match="H_MAJOR"):
            session.set_music_generation_config(scale="H_MAJOR")
        assert emulator.wait_for("musicGenerationConfig") == [config(scale="H_MAJOR")]
        assert "H_MAJOR" in session.wait_closed(PATIENCE).reason  # as the service would


def test_audio_is_also_read_where_older_descriptions_have_it():
    part = types.Part(inline_data=types.Blob(data=b"ab", mime_type="audio/l16;rate=44100"))
    content = types.LiveMusicServerContent(model_turn=types.Content(parts=[part]))
    message = types.LiveMusicServerMessage(server_content=content)
    assert (message.audio, message.sample_rate_hz) == (b"ab", 44_100)


@pytest.mark.parametrize(
    ("mime_type", "rate_hz"),
    [
        ("audio/l16", 48_000),
        ("audio/pcm;channels=2", 48_000),
        (None, 48_000),
        ("audio/l16;rate=24000", 24_000),
    ],
)
def test_music_whose_type_names_no_rate_is_at_48_khz(mime_type, rate_hz):
    chunk = types.AudioChunk(data=b"ab", mime_type=mime_type)
    content = types.LiveMusicServerContent(audio_chunks=[chunk])
    message = types.LiveMusicServerMessage(server_content=content)
    assert message.sample_rate_hz == rate_hz
    assert types.LiveMusicServerMessage().sample_rate_hz is None


def test_the_models_name_is_made_as_for_conversations():
    with Emulator() as emulator, client_of(emulator).live.music.connect("tunedModels/mine"):
        [setup] = [frame["setup"] for frame in emulator.frames if "setup" in frame]
    assert setup == {"model": "tunedModels/mine"}
