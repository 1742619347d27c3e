"""Each rule by which a frame is refused: the frame, and the words of the close.

What a setup of any kind meets is in ``test_opening.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from emulator.phone import GEMINI, VERTEX, VERTEX_MODEL

_LIVE_38 = "models/gemini-3.8-live"
_THINKING_38 = "models/gemini-3.8-live-extended-thinking"
_LIVE_31 = "models/gemini-3.1-flash-live-preview"
_LIVE_25 = "models/gemini-2.5-flash-native-audio-preview-12-2025"
_TRANSLATE = "models/gemini-3.5-live-translate-preview"
_TRANSCRIBE = "models/gemini-3.5-transcribe-live"
_ON_VERTEX = "projects/p/locations/global/publishers/google/models/"


class Backend(NamedTuple):
    """Where a frame goes, and a model that is called there."""

    path: str
    headers: dict[str, str]
    model: str


ALPHA = Backend(GEMINI.replace("v1beta", "v1alpha"), {"x-goog-api-key": "any"}, "models/m")
DEVELOPER = Backend(GEMINI, {"x-goog-api-key": "any"}, "models/m")
FIREBASE_VERTEX = Backend(
    "/ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/us-central1",
    {"x-goog-api-key": "any"},
    VERTEX_MODEL,
)
VERTEX_AI = Backend(VERTEX, {"Authorization": "Bearer t"}, VERTEX_MODEL)


def _functions(count=1, **more):
    return [{"functionDeclarations": [{"name": f"f{n}", **more} for n in range(count)]}]


def _window(trigger=None, target=None):
    sliding = {} if target is None else {"slidingWindow": {"targetTokens": target}}
    return {"contextWindowCompression": {"triggerTokens": trigger, **sliding}}


def _voice(**replicated):
    return {"speechConfig": {"voiceConfig": {"replicatedVoiceConfig": replicated}}}


@pytest.fixture
def open_at(emulate, dial):
    """Connect to an emulator and send a setup, which need not be accepted."""

    def opened(backend: Backend = DEVELOPER, *, strict: bool = False, **setup: Any) -> Any:
        caller = dial(emulate(strict_models=strict), backend.path, backend.headers)
        caller.send({"setup": {"model": backend.model, **setup}})
        return caller

    return opened


@pytest.mark.parametrize(
    ("backend", "setup", "words"),
    [
        (DEVELOPER, {"tools": _functions(513)}, "At most 512 function declarations"),
        (
            DEVELOPER,
            {"tools": _functions(parameters={"type": "OBJECT"}, parametersJsonSchema={})},
            "f0: parameters and parametersJsonSchema are mutually exclusive",
        ),
        (
            DEVELOPER,
            {"tools": _functions(response={"type": "OBJECT"}, responseJsonSchema={})},
            "f0: response and responseJsonSchema are mutually exclusive",
        ),
        (DEVELOPER, {"tools": 2 * _functions()}, "Duplicate function declaration"),
        (
            DEVELOPER,
            {"inputAudioTranscription": {"customVocabulary": ["word"] * 1001}},
            "inputAudioTranscription.customVocabulary takes at most 1000 phrases",
        ),
        (
            DEVELOPER,
            {"outputAudioTranscription": {"mode": "SMART", "diarization": True}},
            "outputAudioTranscription: SMART mode",
        ),
        (
            DEVELOPER,
            {"proactivity": {"proactiveVideo": True, "proactiveAudio": False}},
            "proactiveVideo needs proactiveAudio",
        ),
        (
            DEVELOPER,
            {"safetySettings": [{"method": "SEVERITY"}]},
            "Unknown name \"method\" at 'setup.safety_settings'",
        ),
        (
            DEVELOPER,
            {"generationConfig": {"speechConfig": {"multiSpeakerVoiceConfig": {}}}},
            "multiSpeakerVoiceConfig is not supported",
        ),
        (
            DEVELOPER,
            {"generationConfig": {"responseModalities": ["IMAGE"]}},
            "The response modality IMAGE is not supported",
        ),
        (
            VERTEX_AI,
            {"generationConfig": _voice(consentAudio="AAAA")},
            "consentAudio is not supported on this backend",
        ),
        (
            VERTEX_AI,
            {"generationConfig": _voice(voiceConsentSignature={"signature": "s"})},
            "voiceConsentSignature is not supported on this backend",
        ),
        (
            VERTEX_AI,
            {"tools": [{"fileSearch": {}}]},
            "Unknown name \"fileSearch\" at 'setup.tools'",
        ),
        (
            DEVELOPER,
            {"tools": [{"googleSearch": {"excludeDomains": ["a.example"]}}]},
            "Unknown name \"excludeDomains\" at 'setup.tools.google_search'",
        ),
        (
            DEVELOPER,
            {"tools": [{}, {"google_search": {"blocking_confidence": "BLOCK_HIGH_AND_ABOVE"}}]},
            "Unknown name \"blockingConfidence\" at 'setup.tools.google_search'",
        ),
        (
            DEVELOPER,
            {"tools": [{"googleMaps": {"groundingTypes": {"places": {}}}}]},
            "Unknown name \"groundingTypes\" at 'setup.tools.google_maps'",
        ),
        (
            DEVELOPER,
            {"tools": [{"googleMaps": {"authConfig": {"apiKey": "a"}}}]},
            "Unknown name \"authConfig\" at 'setup.tools.google_maps'",
        ),
        (
            VERTEX_AI,
            {"tools": [{"googleSearch": {"timeRangeFilter": {}}}]},
            "Unknown name \"timeRangeFilter\" at 'setup.tools.google_search'",
        ),
        (
            DEVELOPER,
            {"realtimeInputConfig": {"activityHandling": "FOO"}},
            "'setup.realtime_input_config.activity_handling' (ActivityHandling), \"FOO\"",
        ),
        (
            VERTEX_AI,
            {"tools": _functions(behavior="NONBLOCKING")},
            'setup.tools[0].function_declarations[0].behavior\' (Behavior), "NONBLOCKING"',
        ),
        (
            DEVELOPER,
            {"prefixTurns": [{"role": "user", "text": "Hello"}]},
            "Unknown name \"text\" at 'setup.prefix_turns[0]'",
        ),
        (DEVELOPER, {"prefix_turns": 5}, "Invalid value at 'setup.prefix_turns': expected a list"),
        (
            DEVELOPER,
            {"prefixTurns": [{"role": "narrator", "parts": [{"text": "Hello"}]}]},
            "Please use a valid role: user, model",
        ),
        (VERTEX_AI, _window(4_999), "triggerTokens must be in [5000, 128000], got 4999"),
        (VERTEX_AI, _window("128001"), "triggerTokens must be in [5000, 128000], got 128001"),
        (VERTEX_AI, _window(None, 128_001), "targetTokens must be in [0, 128000], got 128001"),
        (VERTEX_AI, _window(5_000, -1), "targetTokens must be in [0, 128000], got -1"),
        (
            VERTEX_AI,
            {"tools": [{"mcpServers": [{}, {"name": "m"}]}]},
            "Unknown name \"name\" at 'setup.tools.mcp_servers'",
        ),
        (
            VERTEX_AI,
            {"tools": [{"mcpServers": [{"streamableHttpTransport": {}}]}]},
            "Unknown name \"streamableHttpTransport\" at 'setup.tools.mcp_servers'",
        ),
    ],
)
def test_a_setup_that_breaks_a_rule_is_refused_in_these_words(open_at, backend, setup, words):
    code, reason = open_at(backend, **setup).end()
    assert code == 1007
    assert words in reason


@pytest.mark.parametrize(
    ("backend", "setup"),
    [
        (DEVELOPER, {"tools": _functions(512)}),
        (DEVELOPER, {"tools": _functions(parametersJsonSchema={}, responseJsonSchema={})}),
        (DEVELOPER, {"inputAudioTranscription": {"customVocabulary": ["word"] * 1000}}),
        (DEVELOPER, {"outputAudioTranscription": {"mode": "SMART"}}),
        (DEVELOPER, {"proactivity": {"proactiveVideo": True, "proactiveAudio": True}}),
        (DEVELOPER, {"generationConfig": _voice(consentAudio="AAAA")}),
        (DEVELOPER, {"generationConfig": _voice(voiceConsentSignature={"signature": "s"})}),
        (DEVELOPER, {"tools": [{"fileSearch": {}}]}),
        (DEVELOPER, {"tools": [{"mcpServers": [{"name": "m", "streamableHttpTransport": {}}]}]}),
        (DEVELOPER, {"tools": [{"googleSearch": {"searchTypes": {}}, "googleMaps": {}}]}),
        (VERTEX_AI, {"tools": [{"googleSearch": {"excludeDomains": ["a.example"]}}]}),
        (VERTEX_AI, {"tools": [{"googleMaps": {"groundingTypes": {"places": {}}}}]}),
        (VERTEX_AI, {"tools": [{"mcpServers": []}]}),
        (VERTEX_AI, _window("5000", "0")),
        (VERTEX_AI, _window(128_000, 127_999)),
        (DEVELOPER, _window(1_000, 10)),
        (DEVELOPER, {"realtimeInputConfig": {"activityHandling": "no_interruption"}}),
        (FIREBASE_VERTEX, _window(1_000, 10)),
        (VERTEX_AI, {"safetySettings": [{"method": "SEVERITY"}]}),
    ],
)
def test_a_setup_within_the_rules_is_accepted(open_at, backend, setup):
    assert open_at(backend, **setup).until("setupComplete")


_AFFECTIVE = {"generationConfig": {"enableAffectiveDialog": True}}
_PROACTIVE = {"proactivity": {"proactiveAudio": True}}
_TRANSLATED = {"generationConfig": {"translationConfig": {"targetLanguageCode": "pl"}}}


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ({"model": _LIVE_38, **_AFFECTIVE}, "Affective dialog is not supported for this model"),
        ({"model": _LIVE_38, **_TRANSLATED}, "translationConfig is not supported for this model"),
        *(
            ({"model": model, "tools": [{kind: {}}]}, f"The tool {kind} is not supported")
            for model in (_LIVE_38, _THINKING_38)
            for kind in ("codeExecution", "urlContext", "googleMaps", "fileSearch")
        ),
        (
            {"model": _LIVE_31, "tools": _functions(behavior="NON_BLOCKING")},
            "NON_BLOCKING function calling is not supported for this model",
        ),
        ({"model": _LIVE_31, **_PROACTIVE}, "Proactive audio is not supported for this model"),
        ({"model": _LIVE_25, **_PROACTIVE}, "Proactive audio is not supported in API version v1b"),
        ({"model": _LIVE_25, **_AFFECTIVE}, "Affective dialog is not supported in API version v1b"),
        ({"model": _TRANSLATE, **_PROACTIVE}, "Proactive audio is not supported for this model"),
        ({"model": _TRANSCRIBE, **_PROACTIVE}, "Proactive audio is not supported for this model"),
        (
            {"model": _TRANSCRIBE, "tools": [{"googleSearch": {}}]},
            "The tool googleSearch is not supported for this model",
        ),
        (
            {"model": _TRANSCRIBE, "tools": _functions()},
            "BLOCKING function calling is not supported for this model",
        ),
        (
            {"model": _TRANSCRIBE, "inputAudioTranscription": {"diarization": True}},
            "inputAudioTranscription.diarization is not supported in a live session",
        ),
    ],
)
def test_a_setup_that_its_model_refuses_is_closed_in_these_words(open_at, setup, words):
    code, reason = open_at(strict=True, **setup).end()
    assert code == 1007
    assert words in reason
    assert open_at(**setup).until("setupComplete")  # where models are not told apart


def test_a_model_of_vertex_is_not_found_on_the_developer_api(open_at):
    name = "gemini-live-2.5-flash-native-audio"
    code, reason = open_at(strict=True, model=f"models/{name}").end()
    assert code == 1008
    assert f"models/{name} is not found for API version v1beta" in reason
    assert open_at(VERTEX_AI, strict=True, model=_ON_VERTEX + name).until("setupComplete")


@pytest.mark.parametrize(
    ("backend", "setup"),
    [
        (DEVELOPER, {"model": _LIVE_38, **_PROACTIVE}),
        (DEVELOPER, {"model": _LIVE_38, "tools": [*_functions(), {"googleSearch": {}}]}),
        (DEVELOPER, {"model": _TRANSLATE, **_TRANSLATED}),
        (DEVELOPER, {"model": _LIVE_25, "tools": [{"codeExecution": {}, "urlContext": {}}]}),
        (ALPHA, {"model": _LIVE_25, **_PROACTIVE, **_AFFECTIVE}),
        (
            VERTEX_AI,
            {
                "model": f"{_ON_VERTEX}gemini-live-2.5-flash-native-audio",
                **_PROACTIVE,
                **_AFFECTIVE,
            },
        ),
        (DEVELOPER, {"model": _TRANSCRIBE, "inputAudioTranscription": {"wordTimestamp": True}}),
    ],
)
def test_a_setup_that_its_model_takes_is_accepted(open_at, backend, setup):
    assert open_at(backend, strict=True, **setup).until("setupComplete")


_INSTRUCTED = {"parts": [{"text": "Be brief."}]}


@pytest.mark.parametrize(
    ("model", "frame", "words"),
    [
        (
            _LIVE_38,
            {"contextUpdate": {"tools": {"tools": [{"codeExecution": {}}]}}},
            "The tool codeExecution is not supported for this model",
        ),
        (
            _THINKING_38,
            {"contextUpdate": {"tools": {"tools": _functions(behavior="BLOCKING")}}},
            "BLOCKING function calling is not supported for this model",
        ),
        (
            _LIVE_31,
            {"contextUpdate": {"systemInstruction": _INSTRUCTED}},
            "contextUpdate is not supported for this model",
        ),
        (
            _LIVE_31,
            {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "Hello"}]}]}},
            "Request contains an invalid argument",
        ),
    ],
)
def test_a_frame_that_the_model_refuses_is_closed_in_these_words(open_at, model, frame, words):
    caller = open_at(strict=True, model=model)
    caller.until("setupComplete")
    caller.send(frame)
    code, reason = caller.end()
    assert code == 1007
    assert words in reason


@pytest.mark.parametrize(
    ("backend", "frame", "words"),
    [
        (
            DEVELOPER,
            {"contextUpdate": {"tools": {"tools": [{"functionDeclarations": [{"name": "1x"}]}]}}},
            "Invalid function name '1x'",
        ),
        (
            DEVELOPER,
            {"contextUpdate": {"tools": {"tools": _functions(513)}}},
            "At most 512 function declarations",
        ),
        (
            DEVELOPER,
            {"contextUpdate": {"tools": {"tools": 2 * _functions()}}},
            "Duplicate function declaration",
        ),
        (
            DEVELOPER,
            {
                "contextUpdate": {
                    "tools": {"tools": _functions(parameters={}, parametersJsonSchema={})}
                }
            },
            "f0: parameters and parametersJsonSchema are mutually exclusive",
        ),
        (
            DEVELOPER,
            {"contextUpdate": {"tools": {"tools": [{"enterpriseWebSearch": {}}]}}},
            "Unknown name \"enterpriseWebSearch\" at 'context_update.tools.tools'",
        ),
        (
            VERTEX_AI,
            {"contextUpdate": {"tools": {"tools": [{"fileSearch": {}}]}}},
            "Unknown name \"fileSearch\" at 'context_update.tools.tools'",
        ),
        (DEVELOPER, {"contextUpdate": {}}, "contextUpdate must set systemInstruction or tools"),
        (
            DEVELOPER,
            {"clientContent": {"turns": [{"role": "system", **_INSTRUCTED}]}},
            "Please use a valid role: user, model",
        ),
        (
            VERTEX_AI,
            {"clientContent": {"turns": [{"role": "narrator", **_INSTRUCTED}]}},
            "Please use a valid role: user, model",
        ),
        (
            DEVELOPER,
            {"realtimeInput": {"audio": {"data": "AAAA"}}},
            "realtimeInput.audio.mimeType must be audio/*, got ''",
        ),
        (
            DEVELOPER,
            {"realtimeInput": {"audio": {"mimeType": "image/png", "data": "AAAA"}}},
            "realtimeInput.audio.mimeType must be audio/*, got 'image/png'",
        ),
        (
            DEVELOPER,
            {"realtimeInput": {"video": {"mimeType": "audio/pcm", "data": "AAAA"}}},
            "realtimeInput.video.mimeType must be image/*, got 'audio/pcm'",
        ),
        (
            VERTEX_AI,
            {"realtimeInput": {"video": {"data": "AAAA"}}},
            "realtimeInput.video.mimeType must be image/*, got ''",
        ),
        (
            DEVELOPER,
            {"toolResponse": {"functionResponses": [{"id": "c1"}]}},
            "toolResponse.functionResponses.name: required field is not set",
        ),
        (
            VERTEX_AI,
            {"toolResponse": {"functionResponses": [{"id": "c1", "response": None}]}},
            "toolResponse.functionResponses.name: required field is not set",
        ),
    ],
)
def test_a_frame_that_breaks_a_rule_is_refused_in_these_words(open_at, backend, frame, words):
    caller = open_at(backend)
    caller.until("setupComplete")
    caller.send(frame)
    code, reason = caller.end()
    assert code == 1007
    assert words in reason


@pytest.mark.parametrize(
    ("backend", "frame"),
    [
        (DEVELOPER, {"contextUpdate": {"tools": {"tools": []}}}),
        (DEVELOPER, {"contextUpdate": {"tools": {"tools": _functions(2)}}}),
        (VERTEX_AI, {"contextUpdate": {"tools": {"tools": [{"enterpriseWebSearch": {}}]}}}),
        (DEVELOPER, {"realtimeInput": {"audio": {"mimeType": "Audio/PCM", "data": "AAAA"}}}),
        (DEVELOPER, {"realtimeInput": {"audio": {"mimeType": "audio/wav", "data": "AAAA"}}}),
        (DEVELOPER, {"realtimeInput": {"video": {"mimeType": "image/webp", "data": "AAAA"}}}),
        (DEVELOPER, {"realtimeInput": {"mediaChunks": [{"data": "AAAA"}]}}),
        (DEVELOPER, {"toolResponse": {"functionResponses": [{"id": "c1", "name": "f"}]}}),
        (DEVELOPER, {"toolResponse": {"functionResponses": [{"id": "c1", "response": {}}]}}),
        (VERTEX_AI, {"toolResponse": {"functionResponses": [{"name": "f", "response": {}}]}}),
    ],
)
def test_a_frame_within_the_rules_is_taken(open_at, backend, frame):
    caller = open_at(backend, generationConfig={"responseModalities": ["TEXT"]})
    caller.until("setupComplete")
    caller.send(frame)
    assert caller.ask("Hello").startswith("Hello! You said: Hello.")


def test_vertex_takes_an_instruction_with_the_role_system(open_at):
    caller = open_at(VERTEX_AI, generationConfig={"responseModalities": ["TEXT"]})
    caller.until("setupComplete")
    caller.send({"clientContent": {"turns": [{"role": "system", **_INSTRUCTED}]}})
    assert "Be brief." in caller.ask("What are your instructions?")
