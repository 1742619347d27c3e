"""The check that stands for the service: as strict, with its words."""

from __future__ import annotations

import pytest

from livesdk import ConfigError, codec


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"setup": {"model": "m", "bogus": 1}}, 'Unknown name "bogus"'),
        ({"setup": {"generationConfig": {"temprature": 1}}}, "setup.generation_config"),
        ({"setup": {"tools": [{"functionDeclarations": [{"x": 1}]}]}}, "function_declarations[0]"),
        ({"setup": {"labels": {"a": 1}}}, "labels"),
        ({"setup": {"model": 5}}, "setup.model"),
        (
            {"setup": {"realtimeInputConfig": {"activityHandling": "FOO"}}},
            "'setup.realtime_input_config.activity_handling' (ActivityHandling), \"FOO\"",
        ),
        (
            {"setup": {"generationConfig": {"responseModalities": ["TEXT", "TXET"]}}},
            "Invalid value at 'setup.generation_config.response_modalities' (Modality), \"TXET\"",
        ),
        (
            {"setup": {"tools": [{"functionDeclarations": [{"parameters": {"type": "OBJ"}}]}]}},
            'setup.tools[0].function_declarations[0].parameters.type\' (Type), "OBJ"',
        ),
        ({"clientContent": {"turns": {}}}, "clientContent.turns"),
        ({"clientContent": {}, "realtimeInput": {}}, "exactly one kind"),
        ({}, "exactly one kind"),
        ({"bogus": {}}, 'Unknown name "bogus"'),
        ([], "expected an object"),
        ("x", "expected an object"),
        (None, "expected an object"),
    ],
)
def test_a_frame_the_service_would_refuse_is_refused(frame, words):
    with pytest.raises(ConfigError) as caught:
        codec.check_client_frame(frame)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "frame",
    [
        {"setup": {"model": "m", "generation_config": {"max_output_tokens": "5"}}},
        {"setup": {"tools": [{"functionDeclarations": [{"parametersJsonSchema": {"x_y": 1}}]}]}},
        {"realtime_input": {"activity_start": {}}},
        {"setup": {"generationConfig": {"responseModalities": ["text"]}}},
        {"setup": {"tools": [{"functionDeclarations": [{"parameters": {"type": "object"}}]}]}},
        {"setup": {"realtimeInputConfig": {"activityHandling": "no_interruption"}}},
        {
            "setup": {
                "realtimeInputConfig": {
                    "automaticActivityDetection": {
                        "startOfSpeechSensitivity": "low",
                        "endOfSpeechSensitivity": "HIGH",
                    }
                }
            }
        },
        {"toolResponse": {"functionResponses": [{"response": {"any_key": {"at_all": None}}}]}},
    ],
)
def test_a_frame_the_service_takes_is_taken(frame):
    codec.check_client_frame(frame)


@pytest.mark.parametrize(
    "frame",
    [
        {"playbackControl": {}},
        {"playbackControl": "JUMP"},
        {"musicGenerationConfig": {"tempo": 1}},
        {"musicGenerationConfig": {"scale": "FOO"}},
        {"realtimeInput": {}},
    ],
)
def test_music_has_its_own_frames(frame):
    with pytest.raises(ConfigError):
        codec.check_client_frame(frame, service="music")
