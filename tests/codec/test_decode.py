"""From frames to messages: nothing lost, nothing guessed, and no error but DecodeError."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from livesdk import DecodeError, codec
from livesdk.types import (
    InteractionStatus,
    LiveMusicServerMessage,
    LiveServerMessage,
    ResponseStatus,
    TurnCompleteReason,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KEYS = """
    serverContent modelTurn parts inlineData data mimeType text turnComplete usageMetadata ids
    totalTokenCount toolCall functionCalls args toolCallCancellation setupComplete goAway
    interrupted outputTranscription audioChunks sessionResumptionUpdate responseTokensDetails
    groundingMetadata interactionStatus error voiceActivity type filteredPrompt raw extra
"""
KNOWN = st.sampled_from(KEYS.split())
ALMOST = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["AAEC", "true", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN, inner, max_size=4),
)
HUGE_SCORE = {"groundingSupports": [{"confidenceScores": [10**400]}]}
SORTS = [LiveServerMessage, LiveMusicServerMessage]


def decoded(frame: Any) -> LiveServerMessage:
    return codec.decode(json.dumps(frame))


def read_or_refused(frame: Any, cls: Any) -> Any:
    """Return the message, or None after a DecodeError; whatever else is raised fails the test."""
    refusal, message = None, None
    try:
        message = codec.decode(frame, cls)
    except DecodeError as error:
        refusal = error
    assert isinstance(message, cls) if refusal is None else len(refusal.excerpt) <= 200
    return message


def content(**fields: Any) -> LiveServerMessage:
    return decoded({"serverContent": fields})


def parts(*given: Any) -> LiveServerMessage:
    return content(modelTurn={"parts": list(given)})


# ----------------------------------------------------------------------------------- whatever comes


@pytest.mark.parametrize("cls", SORTS)
@given(JSON | ALMOST)
@example([])
@example("text")
@example(10**400)
@example({"usageMetadata": {"totalTokenCount": 10**400}})
@example(
    {
        "serverContent": {
            "groundingMetadata": {"groundingSupports": [{"confidenceScores": [10**400]}]}
        }
    }
)
@example({"usageMetadata": {"totalTokenCount": float("inf")}})
@example({"toolCall": {"functionCalls": {"id": 1}}})
def test_json_of_any_shape_becomes_a_message_or_a_decode_error(cls, value):
    frame = json.dumps(value)
    message = read_or_refused(frame, cls)
    if message is not None:
        assert repr(message)
        assert message == codec.decode(frame.encode(), cls) or "NaN" in frame


@pytest.mark.parametrize("cls", SORTS)
@given(st.binary() | st.text())
@example(b"\xef\xbb\xbf{}")
@example(b"\xff\xfe{\x00}\x00")
@example('{"a": "\\ud800"}')
@example("")
@example(b"{}{}")
@example("NaN")
def test_bytes_of_any_kind_become_a_message_or_a_decode_error(cls, frame):
    read_or_refused(frame, cls)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"serverContent":{"modelTurn":', b'[{"a":['])
def test_a_nest_a_million_deep_is_a_decode_error(opening):
    with pytest.raises(DecodeError):
        codec.decode(opening * 1_000_000)


def test_a_deep_nest_of_unknown_things_does_not_upset_a_message():
    deep: Any = 0
    for _ in range(200):
        deep = {"a": [deep]}
    message = decoded({"new": deep})
    assert message.extra == {"new": deep}
    assert len(repr(message)) < 5000


@pytest.mark.parametrize("digits", [5000, 100_000])
def test_a_huge_integer_is_an_integer_or_a_decode_error(digits):
    frame = f'{{"usageMetadata": {{"totalTokenCount": {"9" * digits}}}}}'
    message = read_or_refused(frame, LiveServerMessage)
    assert message is None or isinstance(message.usage_metadata.total_token_count, int)


def test_an_error_names_the_place_and_shows_little():
    with pytest.raises(DecodeError) as caught:
        decoded({"serverContent": {"modelTurn": {"parts": [{"text": "x" * 500}, {"text": 5}]}}})
    assert caught.value.path == "serverContent.modelTurn.parts[1].text"
    assert "expected a string, got int" in str(caught.value)
    assert len(caught.value.excerpt) == 200


@pytest.mark.parametrize("frame", [b"", b" ", b"\n"])
def test_an_empty_frame_is_a_decode_error(frame):
    with pytest.raises(DecodeError):
        codec.decode(frame)


def test_null_is_an_empty_message():
    assert codec.decode(b"null") == LiveServerMessage()


# -------------------------------------------------------------------------------------- every value


@pytest.mark.parametrize("text", ["-_8=", "-_8", "+/8=", "+/8"])
def test_both_alphabets_of_base64_are_read_padded_or_not(text):
    assert parts({"inlineData": {"data": text}}).data == b"\xfb\xff"


@pytest.mark.parametrize("text", ["a", "AA=A", "AA AA", "äöü", "AAA\n", 5, ["AAA="]])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(DecodeError, match="base64"):
        parts({"inlineData": {"data": text}})


@given(st.binary(max_size=300))
def test_bytes_come_back_as_they_were(data):
    text = base64.b64encode(data).decode()
    assert parts({"inlineData": {"mimeType": "audio/pcm", "data": text}}).data == data


@pytest.mark.parametrize(
    ("given_", "read"), [("7", 7), (7.0, 7), ("-7", -7), ("9007199254740993", 9007199254740993)]
)
def test_integers_may_be_text_or_whole_floats(given_, read):
    assert (
        decoded({"usageMetadata": {"totalTokenCount": given_}}).usage_metadata.total_token_count
        == read
    )


@pytest.mark.parametrize("wrong", [True, "seven", 7.5, "", [], {}, "1" * 30])
def test_what_is_no_integer_is_refused(wrong):
    with pytest.raises(DecodeError, match="expected an integer"):
        decoded({"usageMetadata": {"totalTokenCount": wrong}})


@pytest.mark.parametrize(("given_", "read"), [("true", True), ("false", False), (True, True)])
def test_truth_may_be_text(given_, read):
    assert content(interrupted=given_).server_content.interrupted is read


@pytest.mark.parametrize("wrong", ["yes", 1, 0, [], "True"])
def test_what_is_no_truth_is_refused(wrong):
    with pytest.raises(DecodeError, match="expected true or false"):
        content(interrupted=wrong)


@pytest.mark.parametrize("wrong", [[], "x", 5, True])
def test_no_list_or_text_stands_for_an_object(wrong):
    with pytest.raises(DecodeError, match="serverContent"):
        decoded({"serverContent": wrong})


@pytest.mark.parametrize("written", ["BLOCKLIST", "blocklist", "Blocklist"])
def test_enums_are_found_in_any_case(written):
    reason = content(turnCompleteReason=written).server_content.turn_complete_reason
    assert reason is TurnCompleteReason.BLOCKLIST


def test_an_unknown_enum_value_stays_the_string_it_is():
    reason = content(turnCompleteReason="BORED").server_content.turn_complete_reason
    assert reason == "BORED"
    assert not isinstance(reason, TurnCompleteReason)


def test_durations_stay_as_they_came():
    assert decoded({"goAway": {"timeLeft": "9.500s"}}).go_away.time_left == "9.500s"


def test_null_is_unset():
    message = decoded({"serverContent": None, "toolCall": {"functionCalls": None}})
    assert message.server_content is None
    assert message.tool_calls == []


# ----------------------------------------------------------------------------------- kept, not lost


def test_unknown_keys_are_kept_at_every_depth():
    message = decoded(
        {
            "a_new": [1],
            "serverContent": {"b": None, "c": {"d_e": 0}, "modelTurn": {"parts": [{"f": ""}]}},
        }
    )
    assert message.extra == {"a_new": [1]}
    assert message.server_content.extra == {"c": {"d_e": 0}}
    assert message.server_content.model_turn.parts[0].extra == {"f": ""}


def test_raw_is_the_frame_as_it_was_read():
    frame = {"serverContent": {"turnComplete": "true", "x": 1}, "y": None}
    assert decoded(frame).raw == frame


def test_user_data_is_never_renamed():
    args = {"my_key": {"in_ner": 1, "null": None, "": [], "camelCase": {"x_y": False}}}
    assert decoded({"toolCall": {"functionCalls": [{"args": args}]}}).tool_calls[0].args == args


SET_AT_ONCE = """
    setup_complete server_content tool_call tool_call_cancellation usage_metadata go_away
    session_resumption_update voice_activity
"""


def test_several_kinds_in_one_frame_are_all_there():
    message = decoded(
        {
            "setupComplete": {"sessionId": "s"},
            "serverContent": {"turnComplete": True},
            "toolCall": {"functionCalls": [{"name": "f"}]},
            "toolCallCancellation": {"ids": ["1"]},
            "usageMetadata": {"totalTokenCount": 1},
            "goAway": {},
            "sessionResumptionUpdate": {},
            "voiceActivity": {"voiceActivityType": "ACTIVITY_END"},
        }
    )
    for name in SET_AT_ONCE.split():
        assert getattr(message, name) is not None, name
    assert message.voice_activity.voice_activity_type == "ACTIVITY_END"


def test_snake_case_is_read_as_well():
    assert decoded({"server_content": {"turn_complete": True}}).server_content.turn_complete


@pytest.mark.parametrize(
    ("usage", "count"),
    [
        ({"responseTokenCount": 1}, 1),
        ({"candidatesTokenCount": 2}, 2),
        ({"responseTokenCount": None, "candidatesTokenCount": 2}, 2),
        ({"responseTokenCount": 1, "candidatesTokenCount": 2}, 1),
        ({"candidatesTokenCount": 2, "responseTokenCount": 1}, 1),
    ],
)
def test_vertex_names_of_usage_fields_fill_in(usage, count):
    assert decoded({"usageMetadata": usage}).usage_metadata.response_token_count == count


def test_on_vertex_its_own_names_count():
    usage = {
        "responseTokenCount": 1,
        "candidatesTokenCount": 2,
        "responseTokensDetails": [{"modality": "TEXT", "tokenCount": 1}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
        "totalTokenCount": 9,
    }
    message = decoded({"usageMetadata": usage})
    codec.read_as_vertex(message)
    assert message.usage_metadata.response_token_count == 2
    assert message.usage_metadata.response_tokens_details[0].modality == "AUDIO"
    assert message.usage_metadata.total_token_count == 9


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"usageMetadata": {"responseTokenCount": 1}},
        {"usageMetadata": {"responseTokenCount": 1, "candidatesTokenCount": None}},
    ],
)
def test_other_messages_are_the_same_on_vertex(frame):
    message, same = decoded(frame), decoded(frame)
    codec.read_as_vertex(message)
    assert message == same


# ------------------------------------------------------------------------------------- conveniences


def test_text_leaves_thoughts_out():
    message = parts({"text": "a"}, {"text": "b", "thought": True}, {"text": "c"})
    assert (message.text, message.thoughts) == ("ac", "b")


def test_an_empty_text_is_text_and_no_text_is_none():
    assert parts({"text": ""}).text == ""
    assert parts({"inlineData": {"data": "AAEC"}}).text is None
    assert decoded({}).text is None


def test_audio_is_joined_and_pictures_are_not_audio():
    message = parts(
        {"inlineData": {"mimeType": "audio/pcm;rate=16000", "data": "AAEC"}},
        {"inlineData": {"mimeType": "image/png", "data": "/w=="}},
        {"inlineData": {"mimeType": "AUDIO/PCM", "data": "AwQ="}},
    )
    assert message.audio == b"\0\1\2\3\4"
    assert message.data == b"\0\1\2\xff\3\4"
    assert message.sample_rate_hz == 16_000


@pytest.mark.parametrize(
    ("mime_type", "rate"),
    [("audio/pcm", 24_000), ("audio/pcm;rate=8000", 8_000), ("audio/PCM; Rate=44100", 44_100)],
)
def test_the_rate_is_read_from_the_mime_type(mime_type, rate):
    assert parts({"inlineData": {"mimeType": mime_type, "data": "AAE="}}).sample_rate_hz == rate


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, ResponseStatus.NORMAL),
        ({"turnComplete": True}, ResponseStatus.TURN_COMPLETE),
        ({"interrupted": True, "turnComplete": True}, ResponseStatus.INTERRUPTED),
        ({"interrupted": False, "turnComplete": False}, ResponseStatus.NORMAL),
    ],
)
def test_status_tells_where_the_turn_stands(fields, status):
    assert content(**fields).status is status


@pytest.mark.parametrize(
    "name", ["text", "audio", "data", "sample_rate_hz", "tool_calls", "status"]
)
def test_conveniences_are_read_only(name):
    with pytest.raises(AttributeError):
        setattr(decoded({}), name, None)


def test_an_interaction_status_nobody_knows_does_not_upset_anything():
    message = content(turnComplete=True, interactionStatus="PONDERING")
    assert message.server_content.interaction_status == "PONDERING"
    known = content(interactionStatus="idle").server_content.interaction_status
    assert known is InteractionStatus.IDLE


def test_messages_compare_and_copy_by_what_they_say():
    one = parts({"text": "a"})
    assert copy.deepcopy(one) == one
    assert one != parts({"text": "b"})


def test_a_repr_shows_no_payload():
    message = parts(
        {"text": "x" * 5000}, {"inlineData": {"data": base64.b64encode(bytes(9000)).decode()}}
    )
    assert len(repr(message)) < 1000
    assert "9000 bytes" in repr(message) or "…" in repr(message)
