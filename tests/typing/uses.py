"""How programs use the package, for mypy and pyright to judge; never run.

Each function is one corner of the public API. ``assert_type`` holds what users are told they get;
assignments to annotated names hold it where the exact type may still grow.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import queue
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
from PIL import Image
from typing_extensions import assert_type

import livesdk
from livesdk import pcm, types
from livesdk.audio import IteratorInput
from livesdk.conversation import AudioConversation
from livesdk.emulator import (
    BadJson,
    BadUtf8,
    Burst,
    Call,
    CancelCalls,
    Close,
    Connection,
    DelaySetup,
    Drop,
    DuplicateCall,
    Emulator,
    GenerationComplete,
    GoAway,
    HttpStatus,
    Input,
    Interrupt,
    OpeningFault,
    Ping,
    RefuseSetup,
    Reply,
    Say,
    SayAudio,
    SayResults,
    SayTone,
    Scenario,
    Send,
    SendRaw,
    SetupReply,
    Silence,
    SilentSetup,
    SilentUpgrade,
    SplitFrames,
    Step,
    StopReading,
    TurnComplete,
    UnknownFields,
    Usage,
    Wait,
    WaitFor,
)
from livesdk.recording import RecordedEvent, Recorder, Replay

version: str = livesdk.__version__


# --------------------------------------------------------------------------------------- clients


class OwnCredentials:
    """Anything with these three will do."""

    token: Optional[str] = None
    valid: bool = False

    def refresh(self, request: object) -> None:
        self.token, self.valid = "fetched", True


def clients() -> list[livesdk.Client]:
    options = types.HttpOptions(base_url="http://127.0.0.1:1", headers={"x": "y"}, timeout=5000)
    return [
        livesdk.Client(),
        livesdk.Client(api_key="key", http_options=options),
        livesdk.Client(api_key="key", http_options={"api_version": "v1alpha"}),
        livesdk.Client(
            api_key="key",
            ssl_context=ssl.create_default_context(),
            ca_file="ca.pem",
            proxy="socks5://localhost:1080",
            ping_interval=None,
            liveness_timeout=30,
            max_message_bytes=1 << 20,
        ),
        livesdk.Client(vertexai=True, project="p", location="global"),
        livesdk.Client(vertexai=True, project="p", credentials=OwnCredentials()),
        livesdk.Client(
            firebase=livesdk.FirebaseOptions(
                project="p",
                api_key="key",
                backend="vertex",
                location="europe-west4",
                app_check_token=lambda: "fetched",
                auth_token="given",
                app_id="1:2:web:3",
                app_version="1.0",
            )
        ),
    ]


def tokens(client: livesdk.Client) -> Optional[str]:
    in_an_hour = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)
    config = types.CreateAuthTokenConfig(
        uses=1,
        expire_time=in_an_hour,
        new_session_expire_time="2030-01-01T00:00:00Z",
        live_connect_constraints=types.LiveConnectConstraints(
            model="gemini-3.8-live", config=types.LiveConnectConfig(temperature=0.5)
        ),
        lock_additional_fields=["temperature"],
    )
    client.auth_tokens.create({"uses": 0}, timeout=5)
    token = client.auth_tokens.create(config)
    assert_type(token, types.AuthToken)
    return token.name


# ---------------------------------------------------------------------------------------- config


def full_config() -> types.LiveConnectConfig:
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        temperature=1,
        top_p=0.9,
        top_k=40,
        max_output_tokens=1000,
        media_resolution=types.MediaResolution.MEDIA_RESOLUTION_LOW,
        seed=7,
        speech_config=types.SpeechConfig(
            language_code="en-GB",
            voice_config=types.VoiceConfig(
                prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore")
            ),
        ),
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="LOW"),
        translation_config=types.TranslationConfig(target_language_code="de"),
        system_instruction="Be brief.",
        tools=[
            types.Tool(google_search=types.GoogleSearch()),
            types.Tool(function_declarations=[weather()]),
            weather(),
            {"name": "as_a_dict", "description": "Declared as a dict."},
        ],
        session_resumption=types.SessionResumptionConfig(handle="h"),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(
            language_codes=["en"], mode=types.AudioTranscriptionConfigMode.SMART
        ),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(
                disabled=False,
                start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_HIGH,
                end_of_speech_sensitivity="END_SENSITIVITY_LOW",
                prefix_padding_ms=20,
                silence_duration_ms=300,
            ),
            activity_handling=types.ActivityHandling.NO_INTERRUPTION,
            turn_coverage=types.TurnCoverage.TURN_INCLUDES_ALL_INPUT,
        ),
        context_window_compression=types.ContextWindowCompressionConfig(
            trigger_tokens=100_000, sliding_window=types.SlidingWindow(target_tokens=50_000)
        ),
        proactivity=types.ProactivityConfig(proactive_audio=True),
        history_config=types.HistoryConfig(initial_history_in_client_content=True),
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold="BLOCK_NONE"
            )
        ],
        labels={"team": "radio"},
        http_options=types.HttpOptions(api_version="v1alpha"),
        extra={"newerThanThis": True},
    )


def weather() -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name="get_weather",
        description="The weather in a city.",
        parameters=types.Schema(
            type=types.Type.OBJECT,
            properties={"city": types.Schema(type="STRING")},
            required=["city"],
        ),
        behavior=types.Behavior.NON_BLOCKING,
    )


# ---------------------------------------------------------------------------- connecting, doors


def on_message(message: livesdk.LiveServerMessage) -> None:
    print(message.text)


def connecting(client: livesdk.Client, executor: ThreadPoolExecutor) -> None:
    vertex: bool = client.vertexai
    callbacks = livesdk.LiveCallbacks(
        onopen=lambda: None,
        onmessage=on_message,
        onerror=print,
        onclose=lambda info: print(info, vertex),
        dispatch=executor.submit,
    )
    session = client.live.connect("gemini-3.8-live", full_config(), callbacks, timeout=5)
    assert_type(session, livesdk.Session)
    client.live.connect(model="m", config={"responseModalities": ["AUDIO"]})
    client.live.connect(model="m", callbacks={"onmessage": on_message, "dispatch": "manual"})
    client.live.connect({"model": "m", "config": {}, "callbacks": {}})
    client.live.connect(model="m", callback_errors="raise")
    with client.live.connect(model="m") as entered:
        assert_type(entered, livesdk.Session)


def doors(client: livesdk.Client) -> livesdk.LiveSession:
    model = livesdk.LiveGenerativeModel(
        client,
        "gemini-3.8-live",
        generation_config=full_config(),
        system_instruction="Be brief.",
        tools=[weather()],
        tool_config={"functionCallingConfig": {"mode": "AUTO"}},
    )
    assert_type(model, livesdk.LiveGenerativeModel)
    name: str = model.model
    livesdk.live_model(client, name, {"temperature": 0.5}, system_instruction="x")
    livesdk.get_live_generative_model(client, {"model": name, "generationConfig": {}})
    session: livesdk.LiveSession = model.connect(
        {"onmessage": on_message}, session_resumption={}, timeout=5
    )
    return session


# --------------------------------------------------------------------------------------- sending


def sending(session: livesdk.Session) -> None:
    session.send_client_content("Hello", turn_complete=True)
    session.send_client_content(
        turns=[
            livesdk.UserContent("Hello"),
            livesdk.ModelContent(["Hi.", types.Part(text="What now?")]),
            {"role": "user", "parts": [{"text": "Tell me."}]},
            types.Content(parts=[types.Part.from_text("And quickly.")], role="user"),
        ],
        turn_complete=False,
        timeout=5,
    )
    session.send_client_content({"turns": "Hello", "turnComplete": True})
    session.send_client_content()

    session.send_realtime_input(audio=b"\0\0" * 160)
    session.send_realtime_input(audio=bytearray(320), rate_hz=8000)
    session.send_realtime_input(audio=np.zeros(160, np.int16))
    session.send_realtime_input(audio=np.zeros((160, 2), np.float32), rate_hz=48_000)
    session.send_realtime_input(audio=types.Blob(data=b"\0\0", mime_type="audio/pcm;rate=16000"))
    session.send_realtime_input(audio=("audio/pcm;rate=24000", b"\0\0"))
    session.send_realtime_input(video=Image.new("RGB", (64, 64)))
    session.send_realtime_input(video=("image/jpeg", b"\xff\xd8\xff"))
    session.send_realtime_input(text="Typed.")
    session.send_realtime_input({"text": "Typed."})
    session.send_realtime_input(activity_start={})
    session.send_realtime_input(activity_end=types.ActivityEnd())
    session.send_realtime_input(audio_stream_end=True, timeout=1)
    session.send_realtime_input(media=types.Blob(data=b"\0\0", mime_type="audio/pcm"))

    session.send_tool_response(
        types.FunctionResponse(
            id="1",
            name="get_weather",
            response={"output": 21},
            scheduling=types.FunctionResponseScheduling.WHEN_IDLE,
            will_continue=False,
        )
    )
    session.send_tool_response([{"id": "1", "name": "f", "response": {}}], timeout=1)
    session.send_context_update(system_instruction="Be long.", tools=[])
    session.send_media_chunks([types.Blob(data=b"\0\0", mime_type="audio/pcm")])
    session.send_media_stream(Path("speech.wav"))
    session.send_media_stream(
        microphone(), realtime=False, rate_hz=16_000, end=True, on_progress=print
    )


def microphone() -> Iterator[bytes]:
    yield b"\0\0" * 320


def older_senders(session: livesdk.Session) -> None:
    session.send("Hello", turn_complete=True)
    session.send({"clientContent": {"turns": [], "turnComplete": True}})
    session.send(types.Blob(data=b"\0\0", mime_type="audio/pcm"), end_of_turn=True)
    session.send_text_realtime("Hello")
    session.send_audio_realtime(b"\0\0")
    session.send_video_realtime(("image/png", b"\x89PNG"))
    session.send_function_responses([types.FunctionResponse(id="1", name="f", response={})])
    session.start_media_stream(microphone())
    for response in session.start_stream(microphone(), mime_type="audio/pcm"):
        print(response)


def older_conversation(session: livesdk.Session) -> None:
    def fetch(call: types.FunctionCall) -> types.FunctionResponse:
        return types.FunctionResponse(response=call.args)

    def show(heard: types.Transcription | None, said: types.Transcription | None) -> None:
        print(heard.text if heard else said)

    session.start_audio_conversation(fetch)
    session.start_audio_conversation(
        function_call_handler=fetch,
        transcript_handler=show,
        go_away_handler=lambda going: print(going.time_left),
        enable_interruptions=True,
        on_end=print,
    )


# ------------------------------------------------------------------------------------- receiving


def turns(session: livesdk.Session) -> str:
    turn = session.ask("Hello", timeout=30)
    assert_type(turn, livesdk.Turn)
    assert_type(turn.text, str)
    assert_type(turn.audio, bytes)
    assert_type(turn.sample_rate_hz, int)
    assert_type(turn.audio_ms, float)
    assert_type(turn.function_calls, list[livesdk.TurnCall])
    assert_type(turn.usage, types.UsageMetadata)
    assert_type(turn.messages, list[types.LiveServerMessage])
    assert_type(turn.time_to_first_audio, Optional[float])
    assert_type(turn.close_info, Optional[livesdk.CloseInfo])
    for call in turn.function_calls:
        args: dict[str, Any] = call.args
        print(call.id, call.name, args, call.response, call.duration_ms, call.cancelled)
    flags: tuple[bool, bool] = (turn.interrupted, turn.generation_complete)
    print(flags, turn.thoughts, turn.turn_complete_reason, turn.interaction_status, turn.ended_by)
    turn.save_wav(Path("answer.wav"))
    return turn.input_transcript + turn.output_transcript


def receiving(session: livesdk.Session) -> None:
    messages = session.receive()
    assert_type(messages, Iterator[types.LiveServerMessage])
    for message in messages:
        one_message(message)
    for message in session.receive_turn(timeout=30):
        one_message(message)
    session.stop_receiving()


def one_message(message: types.LiveServerMessage) -> None:
    assert_type(message.text, Optional[str])
    assert_type(message.thoughts, Optional[str])
    assert_type(message.audio, Optional[bytes])
    assert_type(message.data, Optional[bytes])
    assert_type(message.sample_rate_hz, Optional[int])
    assert_type(message.tool_calls, list[types.FunctionCall])
    assert_type(message.status, types.ResponseStatus)
    assert_type(message.raw, Optional[dict[str, Any]])
    assert_type(message.extra, Optional[dict[str, Any]])
    content = message.server_content
    if content:
        assert_type(content, types.LiveServerContent)
        assert_type(content.model_turn, Optional[types.Content])
        assert_type(content.output_transcription, Optional[types.Transcription])
        ended: bool = bool(content.turn_complete or content.interrupted)
        status = content.interaction_status
        print(ended, status == types.InteractionStatus.IDLE, content.turn_complete_reason)
    if message.tool_call_cancellation:
        cancelled: list[str] = message.tool_call_cancellation.ids or []
        print(cancelled)
    if message.usage_metadata:
        total: Optional[int] = message.usage_metadata.total_token_count
        print(total, message.usage_metadata.prompt_tokens_details)
    if message.go_away:
        print(message.go_away.time_left)
    if message.session_resumption_update:
        print(message.session_resumption_update.new_handle)


def what_is_known(session: livesdk.Session) -> None:
    assert_type(session.setup_complete, Optional[types.LiveServerSetupComplete])
    assert_type(session.session_id, Optional[str])
    assert_type(session.resumption_handle, Optional[str])
    assert_type(session.interrupted_at, Optional[float])
    assert_type(session.transcripts, list[livesdk.Utterance])
    assert_type(session.usage, types.UsageMetadata)
    assert_type(session.stats, livesdk.SessionStats)
    assert_type(session.stats.time_to_first_audio, list[float])
    assert_type(session.stats.tokens, dict[str, int])
    for utterance in session.transcripts:
        said: tuple[str, str, bool] = (utterance.speaker, utterance.text, utterance.finished)
        print(said, utterance.language_code, utterance.interrupted)


# ------------------------------------------------------------------------------ callbacks, ending


def callbacks_later(session: livesdk.Session) -> None:
    found: queue.Queue[livesdk.LiveServerMessage] = queue.Queue()
    session.on("message", found.put)
    session.off("message", found.put)
    ran: int = session.pump(timeout=0.05)
    print(ran)


def ending(session: livesdk.Session) -> livesdk.CloseInfo:
    over: bool = session.wait_ended(0.5)
    session.close(timeout=1, code=3000, reason="done")
    print(over, session.is_closed)
    assert_type(session.close_info, Optional[livesdk.CloseInfo])
    info = session.wait_closed(timeout=5)
    assert_type(info, livesdk.CloseInfo)
    facts: tuple[int, str, bool, str, bool, bool] = (
        info.code,
        info.reason,
        info.clean,
        info.initiated_by,
        info.mid_turn,
        info.resumable,
    )
    print(facts, info.error, info.hint)
    return info


def errors(client: livesdk.Client) -> str:  # noqa: PLR0911  # one branch an exception
    try:
        client.live.connect(model="m").ask("Hello")
    except livesdk.AuthenticationError as error:
        return error.phase
    except livesdk.ConnectError as error:
        status: Optional[int] = error.status
        return f"{error.phase} {status} {error.hint}"
    except livesdk.SetupError as error:
        code: int = error.code
        return f"{code} {error.reason} {error.hint}"
    except livesdk.SessionClosed as error:
        assert_type(error.info, livesdk.CloseInfo)
        return str(error.info)
    except livesdk.LiveTimeout as error:
        return error.phase
    except livesdk.DecodeError as error:
        return error.path + error.excerpt
    except livesdk.CallbackError as error:
        return error.callback
    except livesdk.ToolError as error:
        return f"{error.name} {error.call_id}"
    except (
        livesdk.AudioError,
        livesdk.ConcurrentReceiveError,
        livesdk.ConfigError,
        livesdk.LocalProtocolError,
        livesdk.ProtocolError,
        livesdk.SessionReconnecting,
        livesdk.LiveError,
    ) as error:
        return str(error)
    return ""


def builtin_errors(client: livesdk.Client) -> None:
    """The tree meets Python's own."""
    raised: tuple[ValueError, ConnectionError, TimeoutError] = (
        livesdk.ConfigError("x"),
        livesdk.ConnectError("x", phase="tcp"),
        livesdk.LiveTimeout("x", phase="send"),
    )
    print(client, raised)


# ----------------------------------------------------------------------------------------- music


def music(client: livesdk.Client) -> bytes:
    session = client.live.music.connect(
        config=types.LiveMusicGenerationConfig(bpm=90, scale=types.Scale.C_MAJOR_A_MINOR),
        callbacks=livesdk.LiveCallbacks(onmessage=print),
        timeout=5,
    )
    assert_type(session, livesdk.MusicSession)
    session.set_weighted_prompts([types.WeightedPrompt(text="piano", weight=1.0), "strings"])
    session.set_music_generation_config(brightness=0.8)
    session.set_music_generation_config({"bpm": 120}, reset=True)
    session.play()
    session.pause()
    session.reset_context()
    session.stop()
    assert_type(session.music_generation_config, types.LiveMusicGenerationConfig)
    with session as entered:
        assert_type(entered, livesdk.MusicSession)
        for message in entered.receive():
            assert_type(message, types.LiveMusicServerMessage)
            rate: Optional[int] = message.sample_rate_hz
            print(rate, message.filtered_prompt)
            if message.audio:
                return message.audio
    return b""


# ----------------------------------------------------------------------------------------- sound


def sound() -> bytes:
    data, rate_hz, channels = pcm.read_wav("speech.wav")
    mono = pcm.mix_to_mono(data, channels)
    resampled: bytes = pcm.resample(mono, rate_hz, 16_000)
    length: float = pcm.duration_ms(resampled, 16_000)
    pieces: Iterable[bytes] = pcm.chunks(resampled, 640)
    print(length, list(pieces), pcm.level_dbfs(mono))
    floats = pcm.to_float(mono)
    return pcm.wav_bytes(pcm.to_pcm16(floats) + pcm.silence(100) + pcm.tone(440, 100), 24_000)


# -------------------------------------------------------------------------------------- emulator


def is_question(heard: Input) -> bool:
    return heard.kind == "text" and heard.text.endswith("?")


def scenario() -> Scenario:
    every_step: list[Step] = [
        Say("Hm.", thought=True),
        SayAudio(b"\0\0", transcript="(a click)"),
        SayTone(100, frequency_hz=880),
        Call("f", {"x": 1}, id="1", blocking=False),
        CancelCalls(["1"]),
        SayResults(),
        Interrupt(),
        GenerationComplete(),
        TurnComplete(status="IN_PROGRESS", reason="BLOCKLIST"),
        Usage({"totalTokenCount": 1}),
        Send({"goAway": {"timeLeft": "1s"}}),
        SendRaw(b"[]", text=True),
        Wait(0.1),
        Wait("gate"),
        WaitFor("realtimeInput.audio", count=2),
        GoAway("5s"),
        BadJson(),
        BadUtf8(text=True),
        SplitFrames(3),
        UnknownFields(),
        StopReading(1.0),
        Ping(b"1", wait=True),
        DuplicateCall(),
        Burst(10),
        Silence(),
        Drop(rst=True),
        Close(1011, "Internal error."),
    ]
    opening_faults: list[OpeningFault] = [
        HttpStatus(503, "Busy.", headers={"Retry-After": "1"}),
        SilentUpgrade(),
        SilentSetup(),
        RefuseSetup(1007, "No."),
        DelaySetup("go"),
        SetupReply({"setupComplete": None}),
    ]
    return Scenario(
        replies=["Hello.", every_step, Reply(match=is_question, steps=["Yes."], times=2)],
        openings=[*opening_faults, None],
        auto_reply=True,
        text_frames=False,
        function_behavior="NON_BLOCKING",
        playback_delay="realtime",
    )


def emulator(certificate: Callable[[str], None]) -> None:
    with Emulator(
        scenario(), tls=True, voice=lambda text: bytes(len(text)), api_keys={"key"}, record=True
    ) as running:
        assert_type(running, Emulator)
        certificate(running.ca_file)
        client = livesdk.Client(
            api_key="key",
            http_options={"base_url": running.base_url},
            ca_file=running.ca_file,
        )
        running.inject(Say("Anybody there?"), HttpStatus(429))
        running.inject([Say("Bye."), "Bye.", Close()], "Bye.")
        running.send({"serverContent": {"interrupted": True}})
        running.release("gate")
        running.forget_handles()
        count: int = len(running.wait_connections(1, timeout=5))
        print(running.port, count)
        frames: list[dict[str, Any]] = running.wait_for("toolResponse", count=1, timeout=5)
        assert_type(running.connections, list[Connection])
        for connection in running.connections:
            headers: Mapping[str, str] = connection.headers
            closed: bool = connection.wait_closed(timeout=1)
            print(client, frames, running.frames, headers, connection.close_code, closed)


# ------------------------------------------------------------------------------------- recordings


def record(client: livesdk.Client, model: livesdk.LiveGenerativeModel) -> Replay:
    with Recorder(Path("session.jsonl"), audio=False) as recorder:
        assert_type(recorder, Recorder)
        with client.live.connect("m", recorder=recorder) as session:
            session.ask("Hello")
        model.connect(recorder=Recorder("other.jsonl")).close()
        client.live.music.connect(recorder=Recorder(io.BytesIO())).close()
        recorder.close(timeout=1.0)
    error: livesdk.LiveError | None = recorder.error
    replay = Replay(io.BytesIO())
    print(error, replay.header.model, replay.duration, replay.close_info)
    return replay


def play_back(replay: Replay) -> None:
    event: RecordedEvent
    for event in replay.events:
        payload: bytes | str = event.payload
        print(event.at, event.direction, event.kind, event.frame, payload)
    for message in replay.messages():
        print(message.text)
    assert_type(replay.session({"onmessage": print}, tools=[print], speed=2.0), livesdk.Session)
    assert_type(replay.music_session(realtime=True), livesdk.MusicSession)
    with Emulator(Scenario(recording=replay, recording_speed=1.0)) as running:
        print(running.base_url)


# ------------------------------------------------------------------------------------ older names


def older_types(session: livesdk.LiveSession) -> None:
    blob: livesdk.GenerativeContentBlob = livesdk.MediaChunk(data=b"", mime_type="audio/pcm")
    config: livesdk.LiveGenerationConfig = livesdk.LiveConnectConfig(
        response_modalities=[livesdk.ResponseModality.AUDIO],
        speech_config=livesdk.SpeechConfig(voice=livesdk.Voices.FENRIR),
    )
    tempo: livesdk.LiveMusicGenerationConfig = livesdk.LiveMusicConfig(tempo=120)
    parameters = livesdk.LiveConnectParameters(model="m", config=config, callbacks={})
    response: livesdk.LiveContentResponse
    for response in session.receive():
        done: bool = response.status is livesdk.ResponseStatus.TURN_COMPLETE
        print(blob, tempo, parameters, done, response.audio_as_float)
        break
    wanted: type[livesdk.SetupAuthenticationError] = (
        livesdk.ServiceConnectionHandshakeFailedException
    )
    tools: types.ToolListUnion = [types.Tool(), {"google_search": {}}]
    messages: list[type[object]] = [
        types.LiveMusicConnectParameters,
        types.LiveSendRealtimeInputParameters,
        types.LiveSendToolResponseParameters,
        types.LiveSetupComplete,
        types.RealtimeInput,
        types.ToolCallCancellation,
    ]
    model: type[livesdk.AIModel] = livesdk.AIModel
    music_session: type[livesdk.LiveMusicSession] = livesdk.MusicSession
    print(wanted, model, music_session, tools, messages)


# -------------------------------------------------------------------------------- a whole program


def talk_in_a_thread() -> threading.Thread:
    client = livesdk.Client(api_key=os.environ["GOOGLE_API_KEY"])

    def work() -> None:
        with client.live.connect(model="gemini-3.8-live") as session:
            print(session.ask("Hello").output_transcript)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def types_at_the_top_level_are_themselves() -> None:
    assert_type(livesdk.Blob(data=b""), types.Blob)
    assert_type(livesdk.LiveConnectConfig(), types.LiveConnectConfig)


# ------------------------------------------------------------- what a type checker has to find


def words_that_nobody_knows(client: livesdk.Client, session: livesdk.Session) -> None:
    livesdk.LiveCallbacks(dispatch="thraed")  # type: ignore[arg-type]
    client.live.connect("m", tool_audio="keep")  # type: ignore[arg-type]
    client.live.connect("m", callback_errors="ignore")  # type: ignore[arg-type]
    AudioConversation(session, echo="webrct")  # type: ignore[arg-type]
    AudioConversation(session, turns="push to talk")  # type: ignore[arg-type]
    session.start_audio_conversation(5)  # type: ignore[arg-type]
    session.start_audio_conversation(echo="webrct")  # type: ignore[arg-type]
    session.start_audio_conversation(ecko="none")  # type: ignore[call-arg]
    IteratorInput([b""], encoding="ulaw")  # type: ignore[arg-type]
