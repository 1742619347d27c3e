"""What users hand in: checked before anything is sent, in any spelling, and never guessed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from livesdk import ConfigError, codec, types
from livesdk.types import (
    Blob,
    Content,
    FunctionDeclaration,
    FunctionResponse,
    GenerationConfig,
    LiveClientContent,
    LiveClientRealtimeInput,
    LiveConnectConfig,
    LiveMusicGenerationConfig,
    Modality,
    Part,
    Schema,
    SpeechConfig,
    VoiceConfig,
    Voices,
)


def wire(value: Any, cls: Any) -> Any:
    return codec.to_wire(codec.check(value, cls))


def refusal(value: Any, cls: Any, where: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        codec.check(value, cls, where)
    return str(caught.value)


# ---------------------------------------------------------------------------------------- spellings


@pytest.mark.parametrize(
    "config",
    [
        {"response_modalities": ["AUDIO"], "top_p": 0.5},
        {"responseModalities": ["AUDIO"], "topP": 0.5},
        {"response_modalities": ["audio"], "topP": 0.5},
        {"response_modalities": (Modality.AUDIO,), "top_p": 0.5},
        LiveConnectConfig(response_modalities=["AUDIO"], top_p=0.5),
        LiveConnectConfig(response_modalities=["Audio"], top_p=0.5),
    ],
)
def test_a_config_means_the_same_in_every_form(config):
    checked = codec.check(config, LiveConnectConfig)
    assert checked == LiveConnectConfig(response_modalities=[Modality.AUDIO], top_p=0.5)
    assert isinstance(checked.response_modalities[0], Modality)


def test_classes_and_dicts_mix():
    config = {
        "speech_config": SpeechConfig(voice_config={"prebuiltVoiceConfig": {"voice_name": "Kore"}})
    }
    assert wire(config, LiveConnectConfig) == {
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
    }


def test_what_was_given_is_not_changed():
    config = {"speech_config": {"voice_config": {"presetVoice": "Kore"}}, "extra": {"a": 1}}
    before = json.dumps(config)
    codec.check(config, LiveConnectConfig)
    assert json.dumps(config) == before


@pytest.mark.parametrize(
    "config",
    [
        {"top_p": 0.5, "topP": 0.5},
        {"presetVoice": "a", "prebuilt_voice_config": {"voice_name": "a"}},
        {"preset_voice": "a", "presetVoice": "a"},
    ],
)
def test_two_spellings_of_one_field_are_refused(config):
    cls = LiveConnectConfig if "topP" in config else VoiceConfig
    assert "given twice" in refusal(config, cls)


@pytest.mark.parametrize(
    ("config", "near"),
    [
        ({"temprature": 1}, "temperature"),
        ({"response_modality_": ["AUDIO"]}, "response_modality"),
        ({"sessionResumtion": {}}, "sessionResumption"),
        ({"session_resumtion": {}}, "session_resumption"),
        ({"modality": [], "top_k": 1}, "response_modality"),
        ({"speechconfig": {}, "topK": 1}, "speechConfig"),
        ({"thinking": {}}, "thinking_config"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(config, near):
    text = refusal(config, LiveConnectConfig, "config")
    assert next(iter(config)) in text
    assert f"did you mean {near!r}" in text


def test_the_place_of_a_mistake_is_named():
    config = {
        "tools": None,
        "realtime_input_config": {"automatic_activity_detection": {"disabled": 1}},
    }
    text = refusal(config, LiveConnectConfig, "config")
    assert text.startswith("config.realtime_input_config.automatic_activity_detection.disabled: ")
    assert refusal({"turns": [{"parts": [{"text": 1}]}]}, LiveClientContent).startswith(
        "turns[0].parts[0].text"
    )


def test_extra_is_the_way_past():
    assert wire({"extra": {"new_field": {"a_b": 1}}}, LiveConnectConfig) == {
        "new_field": {"a_b": 1}
    }
    assert wire(Part(text="a", extra={"newPart": 1}), Part) == {"text": "a", "newPart": 1}


@pytest.mark.parametrize("extra", [{"topP": 1}, {"top_p": 1}])
def test_extra_is_not_for_what_is_known(extra):
    assert "is known" in refusal({"extra": extra}, LiveConnectConfig)


def test_none_is_not_given():
    assert wire({"temperature": None, "top_p": None, "extra": None}, LiveConnectConfig) == {}


# -------------------------------------------------------------------------------------- wrong types


@pytest.mark.parametrize(
    "config",
    [
        {"response_modalities": "TEXT"},
        {"response_modalities": [1]},
        {"temperature": "0.5"},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": True},
        {"max_output_tokens": "5"},
        {"max_output_tokens": 5.5},
        {"max_output_tokens": True},
        {"explicit_vad_signal": "true"},
        {"explicit_vad_signal": 1},
        {"session_resumption": True},
        {"session_resumption": []},
        {"session_resumption": {"handle": 5}},
        {"labels": {"a": 1}},
        {"labels": {1: "a"}},
        {"labels": []},
        {"safety_settings": {"category": "x"}},
        {"generation_config": 5},
        {"media_resolution": 5},
        {"speech_config": 5},
        {"input_audio_transcription": {"language_codes": "de"}},
        5,
        "config",
        ["config"],
    ],
    ids=repr,
)
def test_a_wrong_type_is_refused(config):
    assert "expected" in refusal(config, LiveConnectConfig, "config")


@pytest.mark.parametrize("cls", [LiveConnectConfig, Content, GenerationConfig, Schema])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text()
                | st.sampled_from(["parts", "text", "role", "tools", "items", "seed", "extra"]),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_anything_else_is_a_config_error_and_nothing_worse(cls, value):
    try:
        message = codec.check(value, cls)
        codec.dumps(codec.to_wire(message))
    except ConfigError:
        pass


def test_what_contains_itself_is_refused():
    schema: dict[str, Any] = {"type": "OBJECT"}
    schema["items"] = schema
    assert "too deeply" in refusal(schema, Schema, "schema")


# ------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    "data", [b"\xfb\xff", bytearray(b"\xfb\xff"), memoryview(b"\xfb\xff"), "-_8", "+/8="]
)
def test_bytes_go_out_as_standard_base64_whatever_they_came_as(data):
    assert wire({"mime_type": "a/b", "data": data}, Blob) == {"mimeType": "a/b", "data": "+/8="}


@pytest.mark.parametrize("data", ["not base64!", "a", 5, [1, 2]])
def test_text_that_is_no_base64_is_no_data(data):
    assert "expected bytes" in refusal({"data": data}, Blob)


@pytest.mark.parametrize(
    ("config", "frame"),
    [
        ({"temperature": 0}, {"temperature": 0}),
        ({"seed": 0, "top_k": 40}, {"seed": 0, "topK": 40}),
        ({"session_resumption": {}}, {"sessionResumption": {}}),
        ({"output_audio_transcription": {}}, {"outputAudioTranscription": {}}),
        ({"explicit_vad_signal": False}, {"explicitVadSignal": False}),
        ({"labels": {}}, {"labels": {}}),
    ],
)
def test_zero_false_and_empty_objects_are_kept(config, frame):
    assert wire(config, LiveConnectConfig) == frame


def test_an_empty_text_is_text():
    assert wire("", Content) == {"role": "user", "parts": [{"text": ""}]}


@pytest.mark.parametrize(
    ("cls", "field"),
    [
        ("FunctionResponse", "response"),
        ("FunctionCall", "args"),
        ("FunctionDeclaration", "parameters_json_schema"),
        ("FunctionDeclaration", "response_json_schema"),
        ("Part", "part_metadata"),
        ("GenerationConfig", "response_json_schema"),
    ],
)
def test_user_data_is_sent_as_it_is(cls, field):
    data = {"my_key": None, "myKey": {"a_b": [], "": False}, "n": 0}
    sent = wire({field: data}, getattr(types, cls))
    assert list(sent.values()) == [data]


def test_names_of_labels_and_properties_are_the_users():
    assert wire({"labels": {"my_team": "x"}}, LiveConnectConfig) == {"labels": {"my_team": "x"}}
    schema = {"properties": {"first_name": {"max_length": 5}}}
    assert wire(schema, Schema) == {"properties": {"first_name": {"maxLength": 5}}}


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), float("nan"), "\ud800"], ids=["set", "object", "nan", "surrogate"]
)
def test_user_data_that_json_cannot_carry_is_refused(value):
    message = codec.check({"response": {"here": [value]}}, FunctionResponse)
    with pytest.raises(ConfigError):
        codec.encode(message)


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc), "2026-01-02T03:04:05Z"),
        (datetime.fromisoformat("2026-01-02T03:04:05"), "2026-01-02T03:04:05Z"),
        (
            datetime(2026, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1))),
            "2026-01-02T03:04:05Z",
        ),
        ("2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"),
    ],
)
def test_timestamps_are_written_in_utc(given_, written):
    assert wire({"start_time": given_}, types.Interval) == {"startTime": written}


# -------------------------------------------------------------------------- shorter and older forms


@pytest.mark.parametrize(
    ("given_", "parts"),
    [
        ("hi", [{"text": "hi"}]),
        (["a", "b"], [{"text": "a"}, {"text": "b"}]),
        (Part(text="hi"), [{"text": "hi"}]),
        ({"text": "hi"}, [{"text": "hi"}]),
        (["a", {"text": "b"}, Part(text="c")], [{"text": "a"}, {"text": "b"}, {"text": "c"}]),
        (("image/png", b"\x00"), None),
        ([("image/png", b"\x00")], [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]),
        (Blob(mime_type="image/png", data=b"\0"), None),
    ],
    ids=repr,
)
def test_shorter_forms_of_a_content(given_, parts):
    if parts is None:
        assert refusal(given_, Content)
    else:
        assert wire(given_, Content) == {"role": "user", "parts": parts}


def test_contents_made_by_the_official_names():
    assert wire(types.UserContent("a"), Content) == {"role": "user", "parts": [{"text": "a"}]}
    assert wire(types.ModelContent(["a"]), Content) == {"role": "model", "parts": [{"text": "a"}]}
    assert wire(Part.from_text(text="a"), Part) == {"text": "a"}
    assert wire(Part.from_bytes(data=b"\0", mime_type="a/b"), Part) == {
        "inlineData": {"data": "AA==", "mimeType": "a/b"}
    }


KORE = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}


@pytest.mark.parametrize(
    "speech",
    [
        "Kore",
        {"voice": "Kore"},
        {"voice": Voices.KORE},
        SpeechConfig(voice="Kore"),
        SpeechConfig(voice=Voices.KORE),
        {"voice_config": {"preset_voice": "Kore"}},
        {"voiceConfig": {"presetVoice": "Kore"}},
        {"voiceConfig": {"presetVoice": {"voiceName": "Kore"}}},
        {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        SpeechConfig(voice_config=VoiceConfig(preset_voice="Kore")),
    ],
    ids=repr,
)
def test_every_older_way_to_name_a_voice(speech):
    assert wire({"speech_config": speech}, LiveConnectConfig) == {"speechConfig": KORE}


def test_the_newer_speaker_identifier_stays_one():
    assert wire({"voice": "id-1"}, VoiceConfig) == {"voice": "id-1"}


@pytest.mark.parametrize("key", ["response_modality", "responseModality"])
@pytest.mark.parametrize(
    "value", ["AUDIO", ["AUDIO"], Modality.AUDIO, types.ResponseModality.AUDIO]
)
def test_a_single_modality_by_its_older_name(key, value):
    assert wire({key: value}, LiveConnectConfig) == {"responseModalities": ["AUDIO"]}


@pytest.mark.parametrize(
    ("config", "frame"),
    [
        ({"tempo": 120}, {"bpm": 120}),
        ({"mode": "quality"}, {"musicGenerationMode": "QUALITY"}),
        (
            {"scale": "C_SHARP_D_FLAT_MAJOR_A_SHARP_B_FLAT_MINOR"},
            {"scale": "D_FLAT_MAJOR_B_FLAT_MINOR"},
        ),
        ({"scale": "G_SHARP_MAJOR"}, {"scale": "A_FLAT_MAJOR_F_MINOR"}),
        ({"scale": "C_MAJOR"}, {"scale": "C_MAJOR_A_MINOR"}),
        ({"scale": "c_major_a_minor"}, {"scale": "C_MAJOR_A_MINOR"}),
        ({"scale": "A_MINOR_C_MAJOR"}, {"scale": "C_MAJOR_A_MINOR"}),
        (
            {"scale": "A_SHARP_B_FLAT_MINOR_C_SHARP_D_FLAT_MAJOR"},
            {"scale": "D_FLAT_MAJOR_B_FLAT_MINOR"},
        ),
        ({"scale": "F_SHARP_MAJOR"}, {"scale": "G_FLAT_MAJOR_E_FLAT_MINOR"}),
        ({"scale": "E_SHARP_MAJOR"}, {"scale": "E_SHARP_MAJOR"}),
        ({"scale": "B_SHARP_MAJOR"}, {"scale": "B_SHARP_MAJOR"}),
        ({"scale": "C_FLAT_MAJOR"}, {"scale": "C_FLAT_MAJOR"}),
        ({"scale": "A_MINOR"}, {"scale": "A_MINOR"}),
        ({"scale": "DORIAN"}, {"scale": "DORIAN"}),
        (
            types.LiveMusicConfig(tempo=90, mode="DIVERSITY"),
            {"bpm": 90, "musicGenerationMode": "DIVERSITY"},
        ),
    ],
    ids=repr,
)
def test_older_names_of_music(config, frame):
    assert wire(config, LiveMusicGenerationConfig) == frame


def test_a_picture_goes_out_as_png():
    from PIL import Image

    image = Image.new("RGB", (2, 2), (1, 2, 3))
    blob = codec.check(image, Blob)
    assert blob.mime_type == "image/png"
    assert blob.data.startswith(b"\x89PNG")


ALIASES = {
    "GenerativeContentBlob": "Blob",
    "LiveContentResponse": "LiveServerMessage",
    "LiveGenerationConfig": "LiveConnectConfig",
    "LiveSendRealtimeInputParameters": "LiveClientRealtimeInput",
    "LiveSendToolResponseParameters": "LiveClientToolResponse",
    "LiveSetupComplete": "LiveServerSetupComplete",
    "MediaChunk": "Blob",
    "RealtimeInput": "LiveClientRealtimeInput",
    "ResponseModality": "Modality",
    "ToolCallCancellation": "LiveServerToolCallCancellation",
}


@pytest.mark.parametrize(("older", "present"), ALIASES.items())
def test_older_names_of_types(older, present):
    assert getattr(types, older) is getattr(types, present)


def classes() -> list[Any]:
    """Return the classes a field can have; the two shorthands for contents are none."""
    known = [getattr(types, name) for name in types.__all__]
    known = [cls for cls in known if isinstance(cls, type) and attrs.has(cls)]
    return [cls for cls in known if hasattr(cls, "extra") and "__init__" in vars(cls)]


SHORTHANDS = {types.UserContent, types.ModelContent}


@pytest.mark.parametrize("cls", sorted(set(classes()) - SHORTHANDS, key=str))
def test_every_class_can_be_empty_and_checks_every_field(cls):
    assert codec.to_wire(codec.check({}, cls)) == {}
    for field in attrs.fields(cls):
        if field.name not in ("extra", "raw", "raw_source"):
            _accepts_or_refuses(cls, field.name)


def _accepts_or_refuses(cls: Any, name: str) -> None:
    for value in (object(), {}, [], "x", 1, True, b"x"):
        try:
            codec.check({name: value}, cls)
        except ConfigError:
            continue


def test_realtime_input_may_be_a_whole_message():
    assert wire({"activityStart": {}}, LiveClientRealtimeInput) == {"activityStart": {}}
    assert wire(FunctionDeclaration(name="f"), FunctionDeclaration) == {"name": "f"}
