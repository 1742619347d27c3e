"""Keys are read in either spelling; what is the user's stays as it is."""

from __future__ import annotations

import pytest

from livesdk.emulator.casing import camel, snake


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"realtime_input": {"audio_stream_end": True}},
            {"realtimeInput": {"audioStreamEnd": True}},
        ),
        ({"a": None, "b_c": [{"d_e": 1}, None]}, {"bC": [{"dE": 1}, None]}),
        (
            {"function_responses": [{"id": "1", "response": {"snake_key": {"x_y": None}}}]},
            {"functionResponses": [{"id": "1", "response": {"snake_key": {"x_y": None}}}]},
        ),
        ({"labels": {"my_label": "x"}}, {"labels": {"my_label": "x"}}),
        (
            {"name": "f", "parameters": {"properties": {"my_arg": {"min_items": 1}}}},
            {"name": "f", "parameters": {"properties": {"my_arg": {"minItems": 1}}}},
        ),
        (
            {"name": "f", "parameters_json_schema": {"properties": {"my_arg": {"min_x": 1}}}},
            {"name": "f", "parametersJsonSchema": {"properties": {"my_arg": {"min_x": 1}}}},
        ),
        (
            {"description": "d", "response": {"max_items": 1}},
            {"description": "d", "response": {"maxItems": 1}},
        ),
    ],
)
def test_spelling(given, expected):
    assert camel(given) == expected


def test_names_are_told_in_snake_case():
    assert [snake(name) for name in ("tools", "googleSearch", "mcpServers")] == [
        "tools",
        "google_search",
        "mcp_servers",
    ]
