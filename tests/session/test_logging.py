"""What is logged: little, under ``livesdk``, and never the sound."""

from __future__ import annotations

import base64
import logging

import pytest
from session.rig import CONFIG, Heard, run_script

import livesdk
from livesdk import pcm
from livesdk.emulator import BadJson, Close, SayAudio, Scenario

MINUTE_MS = 60_000


@pytest.mark.parametrize("tls", [False, True])
def test_a_minute_of_voice_at_debug_is_under_200_kb(connect, serve, caplog, tls):
    caplog.set_level(logging.DEBUG)
    spoken = pcm.silence(MINUTE_MS, 16_000)  # so that it interrupts nobody
    answer = pcm.tone(440, MINUTE_MS, 24_000)
    scenario = Scenario(
        replies=[SayAudio(answer, transcript="so it is " * 200)], chunk_interval=0.0, chunk_ms=20
    )
    heard = Heard()
    session = connect(
        serve(scenario, tls=tls),
        heard.callbacks(),
        config={"response_modalities": ["AUDIO"], "output_audio_transcription": {}},
    )
    session.send_media_stream(spoken, realtime=False, chunk_ms=20, end=False)
    turn = session.ask("And what do you say?")
    session.close()
    assert turn.audio_ms == MINUTE_MS
    text = "\n".join(
        caplog.handler.format(record)
        for record in caplog.records
        if not record.name.startswith("livesdk.emulator")
    )
    assert len(text.encode()) < 200_000
    assert base64.b64encode(answer[:3000]).decode()[100:200] not in text
    assert {record.name.split(".")[0] for record in caplog.records} <= {"livesdk"}


def test_a_problem_that_nobody_listens_to_is_logged_as_a_warning(connect, serve, caplog):
    emulator = serve()
    session = connect(emulator)
    emulator.inject(BadJson())
    assert session.ask("Hello").text
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.name == "livesdk.reader"
    assert not hasattr(record, "exc_text") or record.exc_text is None


def test_a_problem_that_somebody_listens_to_is_not_logged(connect, serve, caplog):
    heard = Heard()
    emulator = serve()
    connect(emulator, heard.callbacks())
    emulator.inject(BadJson())
    assert isinstance(heard.wait("error"), livesdk.DecodeError)
    assert caplog.records == []


def test_a_conversation_without_trouble_logs_nothing_above_debug(connect, serve, caplog):
    emulator = serve()
    with connect(emulator) as session:
        session.ask("Hello")
    second = connect(emulator, config=CONFIG)
    emulator.inject(Close(1011, "gone"))  # the program is told; it need not be printed too
    second.wait_closed(5)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_the_library_configures_no_handlers():
    done = run_script(
        """
import logging, livesdk
[getattr(livesdk, name) for name in dir(livesdk)]
from livesdk.emulator import Emulator
with Emulator(voice="tones") as emulator:
    client = livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url})
    with client.live.connect("m") as session:
        session.ask("Hello")
ours = [n for n in logging.root.manager.loggerDict if n.startswith("livesdk")]
print(logging.root.handlers, [logging.getLogger(n).handlers for n in ours if
      logging.getLogger(n).handlers], logging.getLogger("livesdk").level)
"""
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[] [] 0\n", "", 0)
