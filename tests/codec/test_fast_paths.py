"""The quick ways to decode agree with the plain way, about the usual and about all else."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import random
import threading
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st
from waiting import Caught

from livesdk import codec
from livesdk.codec import _parse
from livesdk.errors import ConfigError, DecodeError
from livesdk.inbox import weight_of
from livesdk.types import Content, LiveClientContent, LiveClientMessage, Part
from livesdk.types._base import Model
from livesdk.types.messages import LiveServerMessage
from livesdk.types.music import LiveMusicServerMessage

PCM = bytes(range(256)) * 2
BASE64 = base64.b64encode(PCM).decode()


def laid_open(value: Any) -> Any:
    """Show a value with the classes of all it holds: an enum equals its string, but is another."""
    if isinstance(value, Model):
        fields = [(a.name, laid_open(getattr(value, a.name))) for a in attrs.fields(type(value))]
        return (type(value).__name__, fields)
    if isinstance(value, dict):
        return {key: laid_open(item) for key, item in value.items()}
    if isinstance(value, list):
        return [laid_open(item) for item in value]
    return (type(value).__name__, repr(value))


def outcome(decode: Any, frame: Any, cls: Any) -> Any:
    try:
        return laid_open(decode(frame, cls))
    except DecodeError as error:
        return (str(error), error.path, error.excerpt)


def assert_same(frame: Any, cls: Any = LiveServerMessage) -> None:
    codec._text_envelopes = ()
    plain = outcome(codec._decode_plainly, frame, cls)
    assert outcome(codec.decode, frame, cls) == plain
    assert outcome(codec.decode, frame, cls) == plain  # again, with what the first one taught
    assert outcome(in_borrowed_memory, frame, cls) == plain


def in_borrowed_memory(frame: Any, cls: Any) -> Any:
    """Decode a view of memory that is written over afterwards, as the transport's is."""
    memory = bytearray(frame)
    try:
        return codec.decode(memoryview(memory), cls)
    finally:
        memory[:] = b"!" * len(memory)


def is_cut(frame: bytes) -> bool:
    pieces = _parse.cut(frame)
    if pieces is None:
        return False
    return any(_parse.parse_around(*pieces, music=music) for music in (False, True))


def audio(data: str = BASE64, **others: Any) -> dict[str, Any]:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": data, **others}
    return {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}


def framed(value: Any, **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


# ------------------------------------------------------------------------------- random frames

texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            '"data": "QUJD"',
            'a "data": "QUJD", "b": "',
            '\\"data": "QUJD"',
            "data",
            "inlineData",
            "",
        ]
    ),
)
long_bytes = st.binary(min_size=1, max_size=9).map(lambda some: some * 100)
base64_texts = st.one_of(
    st.builds(lambda: BASE64),
    st.sampled_from([" ", "\n", "é", "\x00"]).map(lambda odd: BASE64[:80] + odd + BASE64[80:]),
    long_bytes.map(lambda some: base64.b64encode(some).decode()),
    long_bytes.map(lambda some: base64.urlsafe_b64encode(some).decode()),
    long_bytes.map(lambda some: base64.b64encode(some).decode().rstrip("=")),
    st.sampled_from(["", "=", "A"]),
    texts,
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, width=32), texts
)


def brief(strategy: Any) -> Any:
    """Hide how a strategy is made: hypothesis refuses to show 30 000 characters."""

    @st.composite
    def hidden(draw: Any) -> Any:
        return draw(strategy)

    return hidden()


anything = brief(
    st.recursive(
        st.one_of(scalars, base64_texts),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.one_of(texts, st.sampled_from(["data", "parts"])), inner, max_size=3
            ),
        ),
        max_leaves=6,
    )
)


def objects(known: dict[str, Any]) -> Any:
    """Objects with some of the known members, now and then a wrong one or one nobody knows."""
    usual = st.fixed_dictionaries({}, optional=known)
    odd = st.dictionaries(st.one_of(st.sampled_from(list(known)), texts), anything, max_size=2)
    return brief(st.one_of(usual, usual, st.builds(lambda a, b: {**a, **b}, usual, odd)))


blobs = objects({"mimeType": texts, "data": base64_texts, "mime_type": texts, "displayName": texts})
parts = objects(
    {"text": texts, "inlineData": blobs, "thought": st.booleans(), "thoughtSignature": base64_texts}
)
contents = objects({"parts": st.lists(parts, max_size=3), "role": texts})
transcriptions = objects({"text": texts, "finished": st.booleans(), "languageCode": texts})
modalities = st.sampled_from(["TEXT", "audio", "AUDIO", "SMELL"])
token_counts = objects(
    {"modality": modalities, "tokenCount": st.one_of(st.integers(), st.just("12"))}
)
usages = objects(
    {
        "promptTokenCount": st.integers(),
        "responseTokenCount": st.integers(),
        "candidatesTokenCount": st.integers(),
        "totalTokenCount": st.one_of(st.integers(), st.just("7")),
        "promptTokensDetails": st.lists(token_counts, max_size=2),
        "responseTokensDetails": st.lists(token_counts, max_size=2),
        "thoughtsTokenCount": st.integers(),
        "cachedContentTokenCount": st.integers(),
        "toolUsePromptTokenCount": st.integers(),
        "serviceTier": texts,
    }
)
calls = objects({"id": texts, "name": texts, "args": st.dictionaries(texts, anything, max_size=3)})
server_contents = objects(
    {
        "modelTurn": contents,
        "outputTranscription": transcriptions,
        "inputTranscription": transcriptions,
        "turnComplete": st.booleans(),
        "generationComplete": st.booleans(),
        "interrupted": st.one_of(st.booleans(), st.just("true")),
        "turnCompleteReason": texts,
    }
)
messages = objects(
    {
        "serverContent": server_contents,
        "usageMetadata": usages,
        "toolCall": objects({"functionCalls": st.lists(calls, max_size=2)}),
        "goAway": objects({"timeLeft": texts}),
        "data": base64_texts,
    }
)
chunks = objects({"data": base64_texts, "mimeType": texts, "sourceMetadata": anything})
music_messages = objects(
    {"serverContent": objects({"audioChunks": st.lists(chunks, max_size=3)}), "data": base64_texts}
)

hands = st.integers(0, 1 << 32).map(random.Random)  # how a frame is written

# as the service sends audio, with some disorder around it
audio_blobs = st.fixed_dictionaries(
    {"data": base64_texts}, optional={"mimeType": texts, "displayName": texts, "later": anything}
)
audio_parts = st.fixed_dictionaries(
    {"inlineData": audio_blobs}, optional={"thought": st.booleans()}
)
audio_messages = st.builds(
    lambda first, others, role, beside, above: {
        **above,
        "serverContent": {"modelTurn": {"parts": [first, *others], **role}, **beside},
    },
    audio_parts,
    st.lists(st.one_of(audio_parts, parts), max_size=2),
    st.fixed_dictionaries({}, optional={"role": texts}),
    server_contents.map(lambda content: {k: v for k, v in content.items() if k != "modelTurn"}),
    st.one_of(st.just({}), st.just({}), messages),
)


def written(value: Any, rng: random.Random) -> str:
    """Write JSON in one of the many ways it can be written: spaces, escapes, a key twice."""
    space = rng.choice(["", "", " ", "\n  "])
    if isinstance(value, dict):
        members = [
            f"{space}{written(key, rng)}{space}:{space}{written(item, rng)}"
            for key, item in rng.sample(list(value.items()), len(value))
        ]
        if members and rng.random() < 0.05:
            members.append(rng.choice(members))
        return "{" + ",".join(members) + space + "}"
    if isinstance(value, list):
        return "[" + ",".join(space + written(item, rng) for item in value) + "]"
    if isinstance(value, str) and rng.random() < 0.2:
        return escaped(value, rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def escaped(text: str, rng: random.Random) -> str:
    def letter(character: str) -> str:
        if rng.random() < 0.9 or ord(character) > 0xFFFF:
            return json.dumps(character)[1:-1]
        return "\\/" if character == "/" else f"\\u{ord(character):04x}"

    return '"' + "".join(map(letter, text)) + '"'


@given(messages, hands)
def test_any_frame_decodes_as_in_the_plain_way(message, rng):
    assert_same(written(message, rng).encode("utf-8", "surrogatepass"))


@given(audio_messages, hands)
def test_any_frame_with_audio_decodes_as_in_the_plain_way(message, rng):
    assert_same(written(message, rng).encode("utf-8", "surrogatepass"))


@given(music_messages, hands)
def test_any_frame_of_music_decodes_as_in_the_plain_way(message, rng):
    assert_same(written(message, rng).encode("utf-8", "surrogatepass"), LiveMusicServerMessage)


@given(st.one_of(messages, audio_messages), hands, st.data())
def test_a_damaged_frame_fails_as_in_the_plain_way(message, rng, data):
    frame = bytearray(written(message, rng).encode("utf-8", "surrogatepass"))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert_same(bytes(frame))


# ---------------------------------------------------------------------------- the usual is cut


@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"separators": (",", ":")}])
def test_audio_does_not_pass_the_parser_and_is_the_same(options):
    frame = framed(audio(), **options) + b"\n"
    assert is_cut(frame)
    assert codec.decode(frame).audio == PCM
    assert_same(frame)


def test_audio_in_a_known_envelope_is_told_apart_by_all_but_the_base64():
    for value in (audio(), audio(mimeType="audio/pcm;rate=48000"), audio(displayName="a")):
        assert_same(framed(value))
    other = base64.b64encode(PCM[::-1]).decode()
    assert codec.decode(framed(audio(other))).audio == PCM[::-1]
    assert codec.decode(framed(audio(other))).raw == audio(other)


def test_messages_of_one_envelope_share_nothing():
    first, second = (codec.decode(framed(audio())) for _ in range(2))
    first.server_content.model_turn.parts.clear()
    assert second.audio == PCM


def test_envelopes_without_end_are_not_all_kept():
    for number in range(200):
        assert_same(framed(audio(mimeType=f"audio/pcm;rate={number}")))
    assert len(codec._envelopes) <= codec._STREAMS


def test_raw_of_audio_is_the_whole_frame():
    frame = framed(audio())
    message = codec.decode(frame)
    assert message.raw == json.loads(frame)
    assert message.raw is message.raw


def test_raw_is_the_same_in_copies():
    message = codec.decode(framed(audio()))
    for other in (copy.copy(message), pickle.loads(pickle.dumps(message)), attrs.evolve(message)):
        assert other == message
        assert other.raw == audio()


def test_raw_may_be_asked_for_by_several_threads_at_once():
    message = codec.decode(framed(audio()))
    barrier = threading.Barrier(4)

    def ask() -> Any:
        barrier.wait(10)
        return message.raw

    calls = [Caught(ask) for _ in range(4)]
    assert [call.result() for call in calls] == [audio()] * 4


def test_raw_is_none_on_a_message_that_was_not_received():
    assert LiveServerMessage().raw is None


def test_music_is_cut_too():
    frame = framed({"serverContent": {"audioChunks": [{"data": BASE64}, {"data": BASE64}]}})
    assert is_cut(frame)
    message = codec.decode(frame, LiveMusicServerMessage)
    assert [chunk.data for chunk in message.server_content.audio_chunks] == [PCM, PCM]
    assert_same(frame, LiveMusicServerMessage)


def test_only_the_first_of_several_blobs_is_cut():
    blob = {"inlineData": {"data": BASE64}}
    frame = framed({"serverContent": {"modelTurn": {"parts": [{"text": "a"}, blob, blob]}}})
    assert is_cut(frame)
    assert codec.decode(frame).data == PCM + PCM
    assert_same(frame)


# ---------------------------------------------------------------------- what looks like it is not


def test_data_among_the_arguments_of_a_call_is_not_audio():
    call = {"name": "store", "args": {"data": BASE64, "serverContent": audio()["serverContent"]}}
    frame = framed({"toolCall": {"functionCalls": [call]}})
    assert not is_cut(frame)
    assert codec.decode(frame).tool_calls[0].args == call["args"]
    assert_same(frame)


def test_arguments_before_audio_keep_their_data():
    call = {"name": "store", "args": {"data": BASE64}}
    frame = framed({"toolCall": {"functionCalls": [call]}, **audio()})
    message = codec.decode(frame)
    assert message.tool_calls[0].args == {"data": BASE64}
    assert message.audio == PCM


def test_text_that_quotes_a_frame_is_text():
    quoted = json.dumps(audio())
    frame = framed({"serverContent": {"modelTurn": {"parts": [{"text": quoted}]}}})
    assert codec.decode(frame).text == quoted
    assert_same(frame)


@pytest.mark.parametrize(
    "data",
    [
        BASE64.replace("/", "\\/"),
        BASE64.replace("+", "\\u002b"),
        BASE64.replace("+", "-").replace("/", "_"),
        BASE64.rstrip("="),
    ],
    ids=["escaped slash", "escaped plus", "the other alphabet", "no padding"],
)
def test_base64_that_is_written_otherwise_is_read_in_the_plain_way(data):
    frame = framed(audio("@")).replace(b"@", data.encode())
    assert codec.decode(frame).audio == PCM
    assert_same(frame)


@pytest.mark.parametrize("size", [511, 512, 513])
def test_raw_has_the_last_letter_that_came(size):
    plain = base64.b64encode(bytes(size)).decode()
    last = plain.rstrip("=")[-1]
    for letter in (last, "B"):  # which ends in bits that no byte has, where the size is odd
        data = plain.rstrip("=")[:-1] + letter + "=" * (-size % 3)
        frame = framed(audio(data))
        assert codec.decode(frame).raw == json.loads(frame)
        assert_same(frame)


def test_the_end_of_base64_is_found_in_a_view_wherever_it_is():
    for later in ("x" * 500, audio()):
        frame = framed({**audio(), "usageMetadata": {"totalTokenCount": 1}, "later": later})
        assert is_cut(frame)
        assert _parse.cut(memoryview(frame)) == _parse.cut(frame)
        assert_same(frame)


def test_an_empty_string_at_the_very_end_of_a_view_is_not_taken_for_base64():
    blob = b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"a'
    frame = blob + b" " * 430 + b'","data":"}}]}}}'
    for view in (frame, memoryview(frame + b" " * (530 - len(frame)))):
        with pytest.raises(DecodeError):
            codec.decode(view)


def test_chunks_of_music_in_a_message_of_another_service_stay_as_they_came():
    frame = framed({"serverContent": {"audioChunks": [{"data": BASE64}]}})
    assert_same(frame)
    assert BASE64 in str(codec.decode(frame).server_content.extra)


def test_base64_with_white_space_is_refused_with_its_path():
    frame = framed(audio(BASE64[:80] + " " + BASE64[80:]))
    with pytest.raises(DecodeError) as caught:
        codec.decode(frame)
    assert caught.value.path == "serverContent.modelTurn.parts[0].inlineData.data"


def test_of_two_values_of_one_key_the_last_counts():
    first, second = '"data": "' + BASE64 + '"', '"data": "QUJD"'
    frame = framed(audio("@")).decode().replace('"data": "@"', f"{first}, {second}")
    assert codec.decode(frame.encode()).audio == b"ABC"
    assert_same(frame.encode())
    assert_same(frame.replace(first, second, 1).replace(second, first).encode())


def test_audio_beside_what_is_not_utf8_is_refused():
    frame = framed(audio(displayName="@")).replace(b"@", b"\xff")
    with pytest.raises(DecodeError, match="not UTF-8"):
        codec.decode(frame)


def test_a_wrong_shape_behind_audio_is_named_with_its_path():
    frame = framed(audio(displayName=["not", "a", "string"]))
    with pytest.raises(DecodeError) as caught:
        codec.decode(frame)
    assert caught.value.path == "serverContent.modelTurn.parts[0].inlineData.displayName"
    assert caught.value.excerpt == frame[:200].decode()


def test_what_nobody_knows_is_kept_beside_audio():
    frame = framed({**audio(later=1), "newKey": {"data": "x"}})
    message = codec.decode(frame)
    assert message.extra == {"newKey": {"data": "x"}}
    assert message.server_content.model_turn.parts[0].inline_data.extra == {"later": 1}
    assert message.audio == PCM


@pytest.mark.parametrize("turn_complete", [True, False])
@pytest.mark.parametrize("text", ["", "Hello", 'a "quote" \\ and\n', "Zoë 東京 \U0001f600"])
def test_a_text_of_the_user_is_written_as_the_codec_writes_it(text, turn_complete):
    said = Content(parts=[Part(text=text)], role="user")
    content = LiveClientContent(turns=[said], turn_complete=turn_complete)
    message = LiveClientMessage(client_content=content)
    assert codec.encode_user_text(text, turn_complete=turn_complete) == codec.encode(message)


def said(text: str) -> bytes:
    """Write a frame as the service does, with these characters between the quotes."""
    message = {"serverContent": {"modelTurn": {"parts": [{"text": "@"}]}}}
    return framed(message, indent=2).replace(b"@", text.encode("utf-8", "surrogatepass")) + b"\n"


@pytest.mark.parametrize(
    ("text", "is_quick"),
    [
        ("", True),
        ("Plain words.", True),
        ("Größe: 東京 😀", True),
        (r"a \"quote\", a \\ and a \n", True),
        (r"\ud83d\ude00 and half: \ud83d", True),
        ("a line\nthat is not escaped", False),
        (r"no such escape: \x", False),
        ("half a pair: \udc00", False),
        ('", "thought": true, "x": "', False),
        ('"}, {"text": "', False),
        ('"}]}}}\n{"serverContent": {"modelTurn": {"parts": [{"text": "', False),
    ],
)
def test_a_text_in_a_known_envelope_is_read_as_in_the_plain_way(text, is_quick):
    frame = said(text)
    assert_same(frame)
    codec._text_envelopes = ()
    assert codec._decode_text(frame) is None
    codec.decode(said("the first one"))
    assert (codec._decode_text(frame) is not None) is is_quick
    assert outcome(codec.decode, frame, LiveServerMessage) == outcome(
        codec._decode_plainly, frame, LiveServerMessage
    )


@pytest.mark.parametrize(
    "wire",
    [
        b'{"serverContent":{"modelTurn":{"parts":[{"text":"a","text":"b"}]}}}',
        b'{"serverContent":{"modelTurn":{"parts":[{"text":"a","text":""}]}}}',
        b'{"serverContent":{"text":"a"},"serverContent":{"modelTurn":{"parts":[{"text":""}]}}}',
        b'{"serverContent":{"modelTurn":{"parts":[{"text":"a"},{"text":"b"}]}}}',
        b'{"serverContent":{"modelTurn":{"parts":[{"text":"a","thought":true}]}}}',
        b'{"serverContent":{"outputTranscription":{"text":"a"}}}',
    ],
)
def test_what_holds_more_than_one_text_teaches_nothing(wire):
    codec._text_envelopes = ()
    codec.decode(wire)
    assert codec._text_envelopes == ()


def test_of_many_ways_to_write_a_text_a_few_are_kept():
    codec._text_envelopes = ()
    message = {"serverContent": {"modelTurn": {"parts": [{"text": "a"}]}}}
    for indent in range(50):
        assert codec.decode(framed(message, indent=indent)).text == "a"
    assert len(codec._text_envelopes) == codec._WAYS


def test_half_a_surrogate_pair_in_a_text_is_refused():
    with pytest.raises(ConfigError, match="surrogate"):
        codec.encode_user_text("\ud83d", turn_complete=True)


_AUDIO = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA" * 200}}
_TURN = {"modelTurn": {"parts": [{"text": "Hi"}]}}


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"serverContent": _TURN}, True),
        ({"serverContent": {"modelTurn": {"parts": [_AUDIO]}}}, True),
        ({"serverContent": {"modelTurn": {"parts": [{"text": "Hi"}, _AUDIO]}}}, True),
        ({"serverContent": {**_TURN, "turnComplete": True}}, False),
        ({"serverContent": {**_TURN, "interrupted": True}}, False),
        ({"serverContent": _TURN, "usageMetadata": {"totalTokenCount": 1}}, False),
        ({"serverContent": _TURN, "goAway": {"timeLeft": "5s"}}, False),
        ({"serverContent": _TURN, "setupComplete": None}, False),
        ({"serverContent": {"modelTurn": {"parts": [{"functionCall": {"id": "1"}}]}}}, False),
        ({"serverContent": {"outputTranscription": {"text": "Hi"}}}, False),
        ({"serverContent": {"modelTurn": {}}}, False),
        ({"serverContent": {"modelTurn": {"parts": []}}}, False),
        ({"serverContent": {}}, False),
        ({}, False),
    ],
)
def test_a_piece_is_what_holds_nothing_but_what_the_model_says(wire, expected):
    for _ in range(2):  # audio is known by what stands around it the second time
        assert codec.decode(json.dumps(wire).encode())._is_piece is expected


@pytest.mark.parametrize("part", [_AUDIO, {"text": "Hi"}])
def test_a_piece_weighs_what_its_frame_shows(part):
    frame = json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}}).encode()
    codec.decode(frame)
    message = codec.decode(frame)  # the second one of a stream of audio takes the quick way
    assert message._levels
    assert weight_of(frame, message._levels) == weight_of(frame)


@pytest.mark.parametrize(
    "wire",
    [
        {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}
        for text in ("", "a{[", None, 1, ["a"], {"a": "b"})
    ]
    + [
        {"serverContent": {"modelTurn": {"parts": parts}}}
        for parts in ([], [[]], [None], ["text"], {"text": "Hi"}, [{"text": "a"}, {"text": "b"}])
    ]
    + [
        {"serverContent": {"modelTurn": [{"parts": [{"text": "Hi"}]}]}},
        {"serverContent": [_TURN]},
        {"servercontent": _TURN},
        {"serverContent": {"modelTurn": {"parts": [{"text": "Hi", "thought": True}]}}},
        {"serverContent": {"modelTurn": {"parts": [{"text": "Hi"}], "role": "model"}}},
    ],
)
def test_what_is_nearly_one_text_is_read_as_in_the_plain_way(wire):
    assert_same(json.dumps(wire).encode())
