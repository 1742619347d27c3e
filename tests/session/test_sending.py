"""Every sender in every form it takes, and nothing on the wire when an argument is wrong."""

from __future__ import annotations

import base64
import threading

import numpy as np
import pytest
from session.opened import (
    MANUAL,
    PATIENCE,
    blob,
    fill_the_buffers,
    heard,
    opened,
    pcm_of,
    stop_reading,
)
from waiting import Caught

import livesdk
from livesdk import ConfigError, types
from livesdk.emulator import Close

pytestmark = pytest.mark.requires("emulator")

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"
IMAGE = {"inlineData": blob("image/png", PNG)}
HI = {"role": "model", "parts": [{"text": "Hi"}]}


def user(*parts):
    return {"role": "user", "parts": list(parts)}


HELLO = user({"text": "Hello"})


# ------------------------------------------------------------------------------ client content


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        ("Hello", [HELLO]),
        (types.Part(text="Hello"), [HELLO]),
        (types.Part.from_text("Hello"), [HELLO]),
        ({"text": "Hello"}, [HELLO]),
        (types.Content.of_text("Hello"), [HELLO]),
        (types.UserContent("Hello"), [HELLO]),
        (HELLO, [HELLO]),
        ({"parts": [{"text": "Hello"}]}, [{"parts": [{"text": "Hello"}]}]),
        (["Hello"], [HELLO]),
        (["Hello", types.Part(text="there")], [user({"text": "Hello"}, {"text": "there"})]),
        ([types.UserContent("Hello"), types.ModelContent("Hi")], [HELLO, HI]),
        (["Hello", HI, "Bye"], [HELLO, HI, user({"text": "Bye"})]),
        (types.Blob(mime_type="image/png", data=PNG), [user(IMAGE)]),
        (["What is it?", ("image/png", PNG)], [user({"text": "What is it?"}, IMAGE)]),
        (user({"inline_data": {"mime_type": "image/png", "data": PNG}}), [user(IMAGE)]),
        (user(IMAGE), [user(IMAGE)]),
    ],
)
def test_turns_are_taken_in_every_form(turns, sent):
    with opened() as (emulator, session):
        session.send_client_content(turns, turn_complete=False)
        assert heard(emulator, session) == [
            {"clientContent": {"turns": sent, "turnComplete": False}}
        ]


def test_a_turn_is_complete_unless_said_otherwise_and_may_be_empty():
    with opened() as (emulator, session):
        session.send_client_content("Hello")
        session.send_client_content(turns="Hello", turn_complete=False)
        session.send_client_content("Hello", turn_complete=None)
        session.send_client_content()
        assert heard(emulator, session) == [
            {"clientContent": {"turns": [HELLO], "turnComplete": True}},
            {"clientContent": {"turns": [HELLO], "turnComplete": False}},
            {"clientContent": {"turns": [HELLO]}},
            {"clientContent": {"turnComplete": True}},
        ]


@pytest.mark.parametrize(
    "given",
    [
        {"turns": "Hello", "turnComplete": False},
        {"turns": [HELLO], "turn_complete": False},
        {"clientContent": {"turns": ["Hello"], "turnComplete": False}},
        {"client_content": {"turns": HELLO, "turn_complete": False}},
    ],
)
def test_content_is_taken_as_the_one_object_of_the_js_client(given):
    with opened() as (emulator, session):
        session.send_client_content(given)
        assert heard(emulator, session) == [
            {"clientContent": {"turns": [HELLO], "turnComplete": False}}
        ]


def test_a_pil_image_travels_as_png():
    image = pytest.importorskip("PIL.Image").new("RGB", (2, 2), "red")
    with opened() as (emulator, session):
        session.send_client_content(["Look", image], turn_complete=False)
        session.send_realtime_input(video=image)
        session.send_realtime_input(media=image)
        content, *videos = heard(emulator, session)
        part = content["clientContent"]["turns"][0]["parts"][1]["inlineData"]
        assert part["mimeType"] == "image/png"
        assert [frame["realtimeInput"]["video"] for frame in videos] == [part, part]


# ------------------------------------------------------------------------------ realtime input


@pytest.mark.parametrize(
    "video",
    [
        JPEG,
        bytearray(JPEG),
        memoryview(JPEG),
        ("image/jpeg", JPEG),
        types.Blob(mime_type="image/jpeg", data=JPEG),
        {"mime_type": "image/jpeg", "data": JPEG},
        blob("image/jpeg", JPEG),
    ],
)
def test_a_video_frame_is_taken_in_every_form(video):
    with opened() as (emulator, session):
        session.send_realtime_input(video=video)
        session.send_video_realtime(video)
        expected = {"realtimeInput": {"video": blob("image/jpeg", JPEG)}}
        assert heard(emulator, session) == [expected, expected]


@pytest.mark.parametrize(
    "audio",
    [
        b"\1\2\3\4",
        bytearray(b"\1\2\3\4"),
        memoryview(b"\1\2\3\4"),
        ("audio/pcm;rate=16000", b"\1\2\3\4"),
        types.Blob(mime_type="audio/pcm;rate=16000", data=b"\1\2\3\4"),
        {"mime_type": "audio/pcm;rate=16000", "data": b"\1\2\3\4"},
        blob("audio/pcm;rate=16000", b"\1\2\3\4"),
    ],
)
def test_audio_is_taken_in_every_form_and_says_its_rate(audio):
    expected = {"realtimeInput": {"audio": blob("audio/pcm;rate=16000", b"\1\2\3\4")}}
    with opened() as (emulator, session):
        session.send_realtime_input(audio=audio)
        session.send_audio_realtime(audio)
        session.send_realtime_input(media=audio)
        session.send_realtime_input({"audio": audio})
        assert heard(emulator, session) == [expected] * 4


def test_raw_audio_of_another_rate_says_so():
    with opened() as (emulator, session):
        session.send_realtime_input(audio=b"\0\0", rate_hz=8000)
        session.send_realtime_input(media=b"\0\0", rate_hz=48000)
        mimes = [f["realtimeInput"]["audio"]["mimeType"] for f in heard(emulator, session)]
        assert mimes == ["audio/pcm;rate=8000", "audio/pcm;rate=48000"]


def test_arrays_of_integers_and_floats_mono_and_stereo_become_pcm():
    mono = np.array([0, 1000, -1000, 32767], np.int16)
    stereo = np.array([[0, 2000], [1000, 3000]], np.int16)
    floats = np.array([0.0, 0.5, -0.5, 2.0], np.float32)
    with opened() as (emulator, session):
        for array in (mono, stereo, floats, np.array([[0.5, -0.5]], np.float32)):
            session.send_realtime_input(audio=array)
        sent = [np.frombuffer(pcm_of(f), "<i2").tolist() for f in heard(emulator, session)]
        assert sent == [[0, 1000, -1000, 32767], [1000, 2000], [0, 16384, -16384, 32767], [0]]


def test_half_a_sample_waits_for_the_next_call():
    with opened() as (emulator, session):
        session.send_realtime_input(audio=b"\1")  # sends nothing yet
        session.send_realtime_input(audio=b"\2\3\4\5")
        session.send_realtime_input(media=b"\6")
        assert [pcm_of(f) for f in heard(emulator, session)] == [b"\1\2\3\4", b"\5\6"]
        assert session.stats.messages_sent == 3  # the two, and the marker


@pytest.mark.parametrize(
    ("end", "config"),
    [({"audio_stream_end": True}, None), ({"activity_end": {}}, MANUAL)],
)
def test_half_a_sample_does_not_outlive_the_end_of_the_stream(end, config):
    with opened(config=config) as (emulator, session):
        session.send_realtime_input(audio=b"\1\2\3")
        session.send_realtime_input(**end)
        session.send_realtime_input(audio=b"\4\5")
        sent = [f for f in heard(emulator, session) if "audio" in f["realtimeInput"]]
        assert [pcm_of(f) for f in sent] == [b"\1\2", b"\4\5"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"text": "Hello"}, {"text": "Hello"}),
        ({"audio_stream_end": True}, {"audioStreamEnd": True}),
        ({"audio_stream_end": False}, {"audioStreamEnd": False}),
    ],
)
def test_text_and_the_end_of_the_stream(given, sent):
    with opened() as (emulator, session):
        session.send_realtime_input(**given)
        assert heard(emulator, session) == [{"realtimeInput": sent}]


@pytest.mark.parametrize("mark", [{}, None])
def test_activity_starts_and_ends(mark):
    start, end = types.ActivityStart(), types.ActivityEnd()
    with opened(config=MANUAL) as (emulator, session):
        session.send_realtime_input(activity_start=start if mark is None else mark)
        session.send_realtime_input(activity_end=end if mark is None else mark)
        assert heard(emulator, session) == [
            {"realtimeInput": {"activityStart": {}}},
            {"realtimeInput": {"activityEnd": {}}},
        ]


def test_media_goes_out_by_its_type_and_as_chunks_only_where_there_is_no_other_place():
    with opened() as (emulator, session):
        session.send_realtime_input(media=types.Blob(mime_type="audio/opus", data=b"a"))
        session.send_realtime_input(media=[("image/webp", b"b"), ("audio/pcm;rate=8000", b"cc")])
        session.send_realtime_input({"realtimeInput": {"mediaChunks": [blob("image/png", b"d")]}})
        session.send_media_chunks(("application/pdf", b"e"))
        assert heard(emulator, session) == [
            {"realtimeInput": {"audio": blob("audio/opus", b"a")}},
            {"realtimeInput": {"video": blob("image/webp", b"b")}},
            {"realtimeInput": {"audio": blob("audio/pcm;rate=8000", b"cc")}},
            {"realtimeInput": {"video": blob("image/png", b"d")}},
            {"realtimeInput": {"mediaChunks": [blob("application/pdf", b"e")]}},
        ]


# ---------------------------------------------------------------------------- tool responses etc.


ANSWER = {"id": "7", "name": "f", "response": {"snake_key": 1, "camelKey": None}}


@pytest.mark.parametrize(
    "given",
    [
        types.FunctionResponse(**ANSWER),
        ANSWER,
        [ANSWER],
        (types.FunctionResponse(**ANSWER),),
        {"functionResponses": [ANSWER]},
        {"function_responses": ANSWER},
        {"toolResponse": {"functionResponses": [ANSWER]}},
        types.LiveClientToolResponse(function_responses=[types.FunctionResponse(**ANSWER)]),
        types.ToolResponse(function_responses=[types.FunctionResponse(**ANSWER)]),
    ],
)
def test_tool_responses_are_taken_in_every_form_and_never_renamed(given):
    with opened() as (emulator, session):
        session.send_tool_response(given)
        session.send_function_responses(given)
        expected = {"toolResponse": {"functionResponses": [ANSWER]}}
        assert heard(emulator, session) == [expected, expected]


def test_several_responses_share_a_frame_and_tell_how_they_enter_the_conversation():
    first = types.FunctionResponse(
        id="1", name="f", response={}, scheduling="SILENT", will_continue=False
    )
    with opened() as (emulator, session):
        session.send_tool_response([first, {**ANSWER, "scheduling": "WHEN_IDLE"}])
        [frame] = heard(emulator, session)
        assert frame["toolResponse"]["functionResponses"] == [
            {"id": "1", "name": "f", "response": {}, "scheduling": "SILENT", "willContinue": False},
            {**ANSWER, "scheduling": "WHEN_IDLE"},
        ]


def test_the_context_is_updated_and_an_empty_list_clears_the_tools():
    declared = {"name": "f", "description": "It does."}
    with opened() as (emulator, session):
        session.send_context_update(system_instruction="Be brief.")
        session.send_context_update(tools=[{"function_declarations": [declared]}])
        session.send_context_update(tools=[declared])
        session.send_context_update(tools=[])
        instruction, *tools = heard(emulator, session)
        assert instruction["contextUpdate"] == {"systemInstruction": user({"text": "Be brief."})}
        several = {"tools": {"tools": [{"functionDeclarations": [declared]}]}}
        assert [frame["contextUpdate"] for frame in tools] == [
            several,
            several,
            {"tools": {"tools": []}},
        ]


# ------------------------------------------------------------------------- wrong arguments

_ODD = types.Blob(mime_type="audio/pcm;rate=16000", data=b"\0\0")

WRONG = {
    "no argument": lambda s: s.send_realtime_input(),
    "two arguments": lambda s: s.send_realtime_input(audio=b"\0\0", text="x"),
    "an object and an argument": lambda s: s.send_realtime_input({"text": "x"}, text="x"),
    "an empty object": lambda s: s.send_realtime_input({}),
    "an unknown key": lambda s: s.send_realtime_input({"txt": "x"}),
    "a number as text": lambda s: s.send_realtime_input(text=5),
    "a string as audio": lambda s: s.send_realtime_input(audio=5),
    "a picture as audio": lambda s: s.send_realtime_input(audio=("image/png", PNG)),
    "audio as a picture": lambda s: s.send_realtime_input(video=_ODD),
    "no picture": lambda s: s.send_realtime_input(video=b"nonsense"),
    "a blob without type": lambda s: s.send_realtime_input(audio={"data": b"\0\0"}),
    "a blob without data": lambda s: s.send_realtime_input(audio={"mime_type": "audio/pcm"}),
    "a rate of nothing": lambda s: s.send_realtime_input(audio=b"\0\0", rate_hz=0),
    "a rate in words": lambda s: s.send_realtime_input(audio=b"\0\0", rate_hz="16000"),
    "an end that is no boolean": lambda s: s.send_realtime_input(audio_stream_end="yes"),
    "an activity in words": lambda s: s.send_realtime_input(activity_start="now"),
    "one wrong chunk of three": lambda s: s.send_media_chunks([_ODD, b"\0", 5]),
    "one wrong blob of two": lambda s: s.send_realtime_input(media=[b"\0", {"data": b"x"}]),
    "one wrong member of two": lambda s: s.send({"realtimeInput": {"audio": b"\0", "video": b"x"}}),
    "one wrong array of two": lambda s: s.send_media_chunks([b"\0", np.zeros(2, np.int64)]),
    "a number as a turn": lambda s: s.send_client_content(5),
    "a turn with an unknown key": lambda s: s.send_client_content({"parts": [], "rol": "user"}),
    "a word for turn_complete": lambda s: s.send_client_content("x", turn_complete="yes"),
    "turns given twice": lambda s: s.send({"clientContent": {"turns": "x", "content": "y"}}),
    "a set in user data": lambda s: s.send_tool_response({**ANSWER, "response": {"x": {1}}}),
    "a response without id": lambda s: s.send_tool_response({"name": "f", "response": {}}),
    "a response that is a list": lambda s: s.send_tool_response({**ANSWER, "response": [1]}),
    "no response": lambda s: s.send_tool_response([]),
    "an empty update": lambda s: s.send_context_update(),
    "a tool that is none": lambda s: s.send_context_update(tools=[5]),
    "tools that are no list": lambda s: s.send_context_update(tools={"name": "f"}),
    "a prompt that is none": lambda s: s.ask(5),
    "a second setup": lambda s: s.send({"setup": {"model": "m"}}),
    "two kinds": lambda s: s.send({"clientContent": {}, "toolResponse": {}}),
    "anything": lambda s: s.send(object()),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_is_sent_when_an_argument_is_wrong_and_the_odd_byte_is_kept(wrong):
    with opened() as (emulator, session):
        session.send_realtime_input(audio=b"\1")
        with pytest.raises(ConfigError):
            WRONG[wrong](session)
        session.send_realtime_input(audio=b"\2")
        assert [pcm_of(frame) for frame in heard(emulator, session)] == [b"\1\2"]


# ------------------------------------------------------------------------------- threads


def test_sixteen_threads_send_everything_at_once_and_each_keeps_its_order():
    rounds, threads = 25, 16
    start = threading.Barrier(threads)

    def talk(session, number):
        start.wait(PATIENCE)
        for count in range(rounds):
            tag = f"{number}/{count}"
            data = f"{tag:<10}".encode()
            session.send_realtime_input(text=f"a {tag}")
            session.send_client_content(f"b {tag} " + "x" * (count * 400), turn_complete=False)
            session.send_realtime_input(audio=data)
            session.send_tool_response({"id": tag, "name": "c", "response": {"tag": tag}})
            session.send_realtime_input(video=("image/png", data))
            session.send_context_update(system_instruction=f"e {tag}")

    with opened() as (emulator, session):
        talkers = [Caught(talk, session, number) for number in range(threads)]
        for talker in talkers:
            talker.result(40)
        frames = heard(emulator, session)
        dropped_ms = session.stats.media_dropped_ms
    order: dict[str, list[tuple[int, int]]] = {}
    for frame in frames:
        number, (count, kind) = _tagged(frame)
        order.setdefault(number, []).append((count, kind))
    assert len(order) == threads
    assert all(seen == sorted(seen) for seen in order.values())
    kept = [kind for seen in order.values() for _, kind in seen if kind not in (2, 4)]
    assert len(kept) == threads * rounds * 4
    if not dropped_ms:
        assert len(frames) == threads * rounds * 6


def _tagged(frame):
    """Return the thread, and the count and kind of what it sent."""
    [(kind, body)] = frame.items()
    if kind == "clientContent":
        found, place = body["turns"][0]["parts"][0]["text"].split()[1], 1
    elif kind == "toolResponse":
        found, place = body["functionResponses"][0]["response"]["tag"], 3
    elif kind == "contextUpdate":
        found, place = body["systemInstruction"]["parts"][0]["text"].split()[1], 5
    elif "text" in body:
        found, place = body["text"].split()[1], 0
    else:
        [(name, given)] = body.items()
        found, place = base64.b64decode(given["data"]).decode().strip(), 2 + 2 * (name == "video")
    number, count = found.split("/")
    return number, (int(count), place)


# ------------------------------------------------------------------------------------ the end

SENDERS = {
    "content": lambda s: s.send_client_content("x"),
    "realtime text": lambda s: s.send_realtime_input(text="x"),
    "audio": lambda s: s.send_realtime_input(audio=b"\0\0"),
    "video": lambda s: s.send_realtime_input(video=("image/png", PNG)),
    "tool response": lambda s: s.send_tool_response(ANSWER),
    "context update": lambda s: s.send_context_update(tools=[]),
    "chunks": lambda s: s.send_media_chunks(_ODD),
    "stream": lambda s: s.send_media_stream(bytes(64), realtime=False),
    "anything": lambda s: s.send("x", turn_complete=True),
    "ask": lambda s: s.ask("x"),
}


@pytest.mark.parametrize("sender", SENDERS)
def test_after_the_end_every_sender_says_how_it_ended(sender):
    with opened() as (emulator, session):
        emulator.inject(Close(1011, "Deadline expired"))
        session.wait_closed(PATIENCE)
        with pytest.raises(livesdk.SessionClosed) as caught:
            SENDERS[sender](session)
        assert (caught.value.info.code, caught.value.info.reason) == (1011, "Deadline expired")


BLOCKED = {
    "realtime text": lambda s, tag: s.send_realtime_input(text=tag, timeout=0.05),
    "content": lambda s, tag: s.send_client_content(tag, False, timeout=0.05),
    "tool response": lambda s, tag: s.send_tool_response({**ANSWER, "id": tag}, timeout=0.05),
    "context update": lambda s, tag: s.send_context_update(system_instruction=tag, timeout=0.05),
}


def test_while_the_peer_does_not_read_all_but_media_wait_and_then_time_out_unsent():
    sent, unsent = [], []
    with opened() as (emulator, session):
        stop_reading(emulator, session, seconds=3.0)
        for kind, send in BLOCKED.items():
            for count in range(100):  # the kernel finds a little room now and then
                fill_the_buffers(session)  # and there is media in front again
                tag = f"{kind} {count}!"
                counted = session.stats.messages_sent
                try:
                    send(session, tag)
                except livesdk.LiveTimeout:
                    unsent.append(tag)
                    assert session.stats.messages_sent == counted
                    break
                sent.append(tag)
        assert not session.is_closed
        arrived = str(heard(emulator, session))  # all that went out is whole, or it would end
    assert len(unsent) == len(BLOCKED)
    assert all(tag in arrived for tag in sent)
    assert not any(tag in arrived for tag in unsent)
