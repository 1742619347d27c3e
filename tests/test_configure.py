"""From a config to the setup: merged, fit for the backend, and refused before anything is sent."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from livesdk import Client, ConfigError, FirebaseOptions, codec, types
from livesdk.configure import checked_config, setup_message
from livesdk.endpoint import Access, resolve
from livesdk.families import family_of, warnings_for
from livesdk.types import (
    FunctionDeclaration,
    GoogleSearch,
    HttpOptions,
    LiveConnectConfig,
    Tool,
)

DEVELOPER = resolve({}, api_key="k")
VERTEX = resolve({}, vertexai=True, project="p", location="l", has_credentials=True)
EXPRESS = resolve({}, vertexai=True, api_key="k")
GATEWAY = resolve({}, vertexai=True, http_options=HttpOptions(base_url="wss://g"))
FIREBASE = resolve({}, firebase=FirebaseOptions(project="f", api_key="k"))
FIREBASE_VERTEX = resolve({}, firebase=FirebaseOptions(project="f", api_key="k", backend="vertex"))


def setup(config: Any, access: Access = DEVELOPER, model: str = "m") -> dict[str, Any]:
    return codec.to_wire(setup_message(access, model, checked_config(config)))


def rest(config: Any, access: Access = DEVELOPER) -> dict[str, Any]:
    made = setup(config, access)
    del made["model"]
    return made


def refusal(config: Any, access: Access = DEVELOPER) -> str:
    with pytest.raises(ConfigError) as caught:
        setup(config, access)
    return str(caught.value)


# ---------------------------------------------------------------------------------- where fields go

SAMPLING = {
    "temperature": 0,
    "topP": 0.5,
    "topK": 3,
    "maxOutputTokens": 5,
    "seed": 0,
    "mediaResolution": "MEDIA_RESOLUTION_LOW",
    "candidateCount": 1,
    "presencePenalty": 0.5,
    "frequencyPenalty": 0.5,
    "speechConfig": {"languageCode": "de"},
    "thinkingConfig": {"thinkingBudget": 0},
    "enableAffectiveDialog": False,
    "translationConfig": {"targetLanguageCode": "de"},
    "responseModalities": ["TEXT"],
}
BESIDE = {
    "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    "sessionResumption": {},
    "inputAudioTranscription": {},
    "outputAudioTranscription": {"languageCodes": ["de"]},
    "realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"},
    "contextWindowCompression": {"triggerTokens": 1},
    "proactivity": {"proactiveAudio": False},
    "historyConfig": {"initialHistoryInClientContent": True},
    "avatarConfig": {"avatarName": "a"},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}],
    "labels": {"a_b": "c"},
}


@pytest.mark.parametrize("key", SAMPLING)
def test_a_sampling_field_goes_inside_generation_config(key):
    assert rest({key: SAMPLING[key]}) == {"generationConfig": {key: SAMPLING[key]}}


@pytest.mark.parametrize("key", SAMPLING)
def test_a_sampling_field_may_be_nested(key):
    nested = {"generationConfig": {key: SAMPLING[key]}}
    assert rest(nested) == nested


@pytest.mark.parametrize("key", BESIDE)
def test_other_fields_stand_in_the_setup(key):
    assert rest({key: BESIDE[key]}) == {key: BESIDE[key]}


def test_every_field_of_the_config_reaches_the_setup():
    fields = {field.name for field in attrs.fields(LiveConnectConfig)}
    titles = [name.title().replace("_", "") for name in fields]
    known = {title[0].lower() + title[1:] for title in titles}
    ours = {"httpOptions", "extra", "generationConfig", "systemInstruction", "tools"}
    ours.add("responseModality")  # an older name
    assert known - ours == {*SAMPLING, *BESIDE, "explicitVadSignal"}


def test_nested_and_flat_fields_are_merged():
    config = {"generation_config": {"temperature": 0, "stop_sequences": ["x"]}, "top_p": 0.5}
    merged = {"temperature": 0, "stopSequences": ["x"], "topP": 0.5}
    assert rest(config) == {"generationConfig": merged}


@pytest.mark.parametrize("key", SAMPLING)
def test_one_field_in_both_places_is_refused(key):
    config = {"generationConfig": {key: SAMPLING[key]}, key: SAMPLING[key]}
    assert "given twice" in refusal(config)


def test_extra_goes_into_the_setup():
    assert rest({"extra": {"prefixTurns": [1]}}) == {"prefixTurns": [1]}


def test_an_empty_generation_config_is_left_out():
    assert rest({"generation_config": {}}) == {}
    assert rest(None) == {}


# ----------------------------------------------------------------------------- the default modality

AUDIO = {"generationConfig": {"responseModalities": ["AUDIO"]}}


@pytest.mark.parametrize(
    ("access", "made"),
    [
        (DEVELOPER, {}),
        (VERTEX, AUDIO),
        (GATEWAY, AUDIO),
        (EXPRESS, {}),
        (FIREBASE, {}),
        (FIREBASE_VERTEX, {}),
    ],
)
@pytest.mark.parametrize("config", [None, {}, {"response_modalities": None}])
def test_only_vertex_gets_audio_by_default(access, made, config):
    assert rest(config, access) == made


@pytest.mark.parametrize(
    "config",
    [{"response_modalities": ["TEXT"]}, {"generation_config": {"response_modalities": ["TEXT"]}}],
)
def test_the_users_own_modality_wins(config):
    assert rest(config, VERTEX) == {"generationConfig": {"responseModalities": ["TEXT"]}}


# ------------------------------------------------------------------------ what each backend has not

VERTEX_ONLY = [
    {"explicit_vad_signal": True},
    {"explicit_vad_signal": False},
    {"session_resumption": {"transparent": True}},
    {"safety_settings": [{"method": "SEVERITY"}]},
    {"tools": [{"retrieval": {}}]},
    {"tools": [{"enterprise_web_search": {}}]},
    {"tools": [{"parallel_ai_search": {}}]},
    {"tools": [{"exa_ai_search": {}}]},
    {"tools": [{"google_search": {"blocking_confidence": "BLOCK_LOW_AND_ABOVE"}}]},
    {"tools": [{"google_search": {"exclude_domains": ["a"]}}]},
    {"tools": [{"google_maps": {"grounding_types": {}}}]},
    {"tools": [{"google_maps": {"auth_config": {"api_key": "a"}}}]},
]
DEVELOPER_ONLY = [
    {"speech_config": {"voice_config": {"replicated_voice_config": {"consent_audio": b"a"}}}},
    {
        "speech_config": {
            "voice_config": {"replicated_voice_config": {"voice_consent_signature": {}}}
        }
    },
    {"tools": [{"file_search": {}}]},
    {"tools": [{"google_search": {"time_range_filter": {"start_time": "2026-01-01T00:00:00Z"}}}]},
    {"tools": [{"mcp_servers": [{"name": "a"}]}]},
    {"tools": [{"mcp_servers": [{"streamable_http_transport": {}}]}]},
]


@pytest.mark.parametrize("config", VERTEX_ONLY, ids=repr)
def test_what_vertex_alone_has_is_refused_elsewhere(config):
    assert "Vertex AI only" in refusal(config, DEVELOPER)
    assert "Vertex AI only" in refusal(config, FIREBASE)
    for access in (VERTEX, EXPRESS, GATEWAY, FIREBASE_VERTEX):
        assert setup(config, access)


@pytest.mark.parametrize("config", DEVELOPER_ONLY, ids=repr)
def test_what_the_developer_api_alone_has_is_refused_elsewhere(config):
    assert "Gemini Developer API only" in refusal(config, VERTEX)
    assert "Gemini Developer API only" in refusal(config, EXPRESS)
    assert setup(config, DEVELOPER)


@pytest.mark.parametrize(
    "tool",
    [
        {"google_search": {}},
        {"google_search_retrieval": {}},
        {"code_execution": {}},
        {"url_context": {}},
        {"google_maps": {"enable_widget": True}},
        {"computer_use": {"environment": "ENVIRONMENT_BROWSER"}},
        {"function_declarations": [{"name": "f", "behavior": "NON_BLOCKING"}]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("access", [DEVELOPER, VERTEX, EXPRESS, FIREBASE, FIREBASE_VERTEX])
def test_every_other_tool_is_on_every_backend(tool, access):
    [sent] = setup({"tools": [tool]}, access)["tools"]
    assert len(sent) == 1


@pytest.mark.parametrize("access", [DEVELOPER, VERTEX, FIREBASE])
@pytest.mark.parametrize("nested", [True, False])
def test_several_speakers_are_refused_everywhere(access, nested):
    speech = {"speech_config": {"multi_speaker_voice_config": {"speaker_voice_configs": []}}}
    assert "one speaker" in refusal({"generation_config": speech} if nested else speech, access)


def test_the_refusal_names_the_field():
    text = refusal({"tools": [{"google_search": {}}, {"retrieval": {}}]})
    assert text.startswith("config.tools[1].retrieval exists on Vertex AI only")


def test_vertex_calls_the_model_selection_model_config():
    config = {"generation_config": {"model_selection_config": {}}}
    assert rest(config) == {"generationConfig": {"modelSelectionConfig": {}}}
    assert rest(config, VERTEX)["generationConfig"]["modelConfig"] == {}


# --------------------------------------------------------------------------- instructions and tools


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("Be brief.", [{"text": "Be brief."}]),
        (["a", {"text": "b"}], [{"text": "a"}, {"text": "b"}]),
        (types.Part(text="a"), [{"text": "a"}]),
        (types.Content(parts=[types.Part(text="a")]), [{"text": "a"}]),
        ({"parts": [{"text": "a"}]}, [{"text": "a"}]),
    ],
)
def test_an_instruction_in_every_form(given, parts):
    assert setup({"system_instruction": given})["systemInstruction"]["parts"] == parts


@pytest.mark.parametrize("given", [5, [], (), {"parts": "x"}, {"role": 1}, [5], object()])
def test_what_is_no_instruction_is_refused(given):
    assert "system_instruction" in refusal({"system_instruction": given})


@pytest.mark.parametrize(
    "tool",
    [
        {"function_declarations": [{"name": "f"}]},
        {"functionDeclarations": [FunctionDeclaration(name="f")]},
        Tool(function_declarations=[FunctionDeclaration(name="f")]),
        FunctionDeclaration(name="f"),
        {"name": "f"},
    ],
    ids=repr,
)
def test_a_function_in_every_form(tool):
    assert setup({"tools": [tool]})["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


def test_several_kinds_in_one_tool_stay_together():
    tool = Tool(google_search=GoogleSearch(), function_declarations=[{"name": "f"}])
    [sent] = setup({"tools": [tool]})["tools"]
    assert sent == {"googleSearch": {}, "functionDeclarations": [{"name": "f"}]}


def test_empty_tools_are_left_out_and_an_empty_list_is_kept():
    assert setup({"tools": [{}, {"google_search": {}}]})["tools"] == [{"googleSearch": {}}]
    assert setup({"tools": []})["tools"] == []


@pytest.mark.parametrize("tools", [5, "tool", {"google_search": {}}, [5], [{"bogus": {}}]])
def test_what_is_no_list_of_tools_is_refused(tools):
    assert "config.tools" in refusal({"tools": tools})


# ---------------------------------------------------------------- warnings for what a model refuses


ALPHA = resolve({}, api_key="k", http_options=HttpOptions(api_version="v1alpha"))
NATIVE = "gemini-2.5-flash-native-audio-preview-12-2025"
EXTENDED = "gemini-3.8-live-extended-thinking"


def warned(model: str, config: Any, access: Access = DEVELOPER) -> str:
    return " ".join(warnings_for(setup_message(access, model, checked_config(config)), access))


def function(behavior: str) -> dict[str, Any]:
    return {"tools": [{"function_declarations": [{"name": "f", "behavior": behavior}]}]}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (EXTENDED, {"thinking_config": {"thinking_level": "MINIMAL"}}, "LOW, MEDIUM or HIGH"),
    (EXTENDED, {"thinking_config": {"thinking_budget": 5}}, "thinking_level instead"),
    (NATIVE, {"thinking_config": {"thinking_level": "LOW"}}, "thinking_budget instead"),
    (EXTENDED, function("BLOCKING"), "behavior of f"),
    ("gemini-3.1-flash-live-preview", function("NON_BLOCKING"), "behavior of f"),
    ("gemini-3.1-flash-live-preview", {"proactivity": {"proactive_audio": True}}, "proactivity"),
    ("gemini-3.8-live", {"tools": [{"url_context": {}}]}, "url_context"),
    ("gemini-3.8-live", {"tools": [{"code_execution": {}}]}, "code_execution"),
    ("gemini-3.8-live", {"tools": [{"google_maps": {}}]}, "google_maps"),
    (EXTENDED, {"tools": [{"file_search": {"file_search_store_names": ["s"]}}]}, "file_search"),
    ("gemini-3.8-live", {"translation_config": {"target_language_code": "de"}}, "translation"),
    (NATIVE, {"input_audio_transcription": {"diarization": True}}, "input_audio_tr.*diarization"),
    ("gemini-3.8-live", {"output_audio_transcription": {"diarization": True}}, "output_audio_tr"),
    (NATIVE, {"enable_affective_dialog": True}, "affective.* v1alpha .*v1beta"),
    (NATIVE, {"proactivity": {"proactive_audio": True}}, "proactivity needs .* v1alpha"),
]


@pytest.mark.requires("emulator")
@pytest.mark.parametrize(("model", "config", "words"), REFUSED)
def test_what_the_strict_emulator_refuses_as_the_service_does_is_warned_about(model, config, words):
    from livesdk.emulator.addresses import Address
    from livesdk.emulator.models import refuse_by_model

    assert re.search(words, warned(model, config))
    address = Address(backend="mldev", service="live", version="v1beta")
    assert refuse_by_model(setup(config, model=model), address) is not None


@pytest.mark.parametrize(
    ("model", "config", "words"),
    [
        ("gemini-3.8-live", {"response_modalities": ["TEXT"]}, "AUDIO only"),
        ("gemini-3.5-transcribe-live", {"response_modalities": ["AUDIO"]}, "TEXT only"),
        ("gemini-3.8-live", {"thinking_config": {"thinking_budget": 0}}, "thinking_config"),
        ("gemini-3.8-live", {"enable_affective_dialog": True}, "enable_affective_dialog"),
        ("gemini-3.8-live", {"proactivity": {"proactive_audio": False}}, "always on"),
        ("gemini-3.5-transcribe-live", {"tools": [{"google_search": {}}]}, "tools"),
        ("gemini-2.0-flash-live-001", None, "shut down"),
        ("gemini-3.8-live", {"response_modalities": ["TEXT", "AUDIO"]}, "one modality"),
        ("anything-else", {"response_modalities": ["TEXT", "AUDIO"]}, "one modality"),
    ],
)
def test_what_only_a_model_refuses_is_a_warning(model, config, words):
    assert words in warned(model, config)
    assert setup(config, model=model)["model"] == f"models/{model}"  # and is sent


@pytest.mark.requires("emulator")
@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("gemini-3.8-live", None),
        ("gemini-3.8-live", {"response_modalities": ["VIDEO"], "avatar_config": {}}),
        (EXTENDED, function("UNSPECIFIED")),
        (EXTENDED, {"thinking_config": {"thinking_level": "THINKING_LEVEL_UNSPECIFIED"}}),
        (NATIVE, {"thinking_config": {"thinking_budget": 0}}),
        ("gemini-3.8-live-extended-thinking", {"thinking_config": {"thinking_level": "LOW"}}),
        (EXTENDED, function("NON_BLOCKING")),
        ("gemini-3.1-flash-live-preview", function("BLOCKING")),
        ("gemini-3.8-live", function("BLOCKING")),
        ("gemini-3.8-live", {"tools": [{"google_search": {}}]}),
        ("gemini-3.8-live", {"input_audio_transcription": {"diarization": False}}),
        ("gemini-3.5-live-translate-preview", function("NON_BLOCKING")),
        (
            "gemini-3.5-live-translate-preview",
            {"translation_config": {"target_language_code": "de"}},
        ),
        ("anything-else", {"tools": [{"url_context": {}}]}),
        ("models/gemini-3.8-live", {"response_modalities": ["AUDIO"]}),
        ("anything-else", {"thinking_config": {}, "response_modalities": ["TEXT"]}),
    ],
)
def test_what_a_model_takes_is_no_warning(model, config):
    from livesdk.emulator.addresses import Address
    from livesdk.emulator.models import refuse_by_model

    assert warned(model, config) == ""
    address = Address(backend="mldev", service="live", version="v1beta")
    is_known = model != "anything-else"
    assert (refuse_by_model(setup(config, model=model), address) is None) is is_known


@pytest.mark.parametrize("access", [ALPHA, VERTEX], ids=["v1alpha", "Vertex"])
@pytest.mark.parametrize("field", [{"enable_affective_dialog": True}, {"proactivity": {}}], ids=str)
def test_what_one_version_of_the_api_has_is_no_warning_there(access, field):
    assert warned(NATIVE, field, access) == ""


@pytest.mark.parametrize(
    "name",
    [
        "gemini-3.8-live",
        "models/gemini-3.8-live",
        "projects/p/locations/l/publishers/google/models/gemini-3.8-live",
    ],
)
def test_a_family_is_found_under_every_form_of_a_name(name):
    family = family_of(name)
    assert family is not None
    assert not family.blocking_by_default
    assert family_of("something") is None


def test_a_client_in_a_with_block_is_itself_and_stays_of_use():
    with Client(api_key="key") as client:
        assert isinstance(client, Client)
    client.close()
    assert "developer" in repr(client)
