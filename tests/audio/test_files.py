"""WAV files, chunks of one's own, a function of one's own: paced like devices."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from livesdk import AudioError, ConfigError, pcm
from livesdk.audio import CallableOutput, IteratorInput, WavInput, WavOutput

PATIENCE = 10.0
TONE = pcm.tone(440, 300, 16_000)


def read_all(source: IteratorInput) -> bytes:
    chunks = iter(lambda: source.read(PATIENCE), None)
    return b"".join(chunks)


def test_a_wav_file_is_read_in_its_own_time(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(pcm.wav_bytes(TONE, 16_000))
    with WavInput(path) as source:
        began = time.monotonic()
        assert read_all(source) == TONE
        assert time.monotonic() - began >= 0.27
    assert source.duration_ms == source.position_ms == 300


def test_a_wav_file_begins_anew_with_each_start_and_is_mixed_to_mono(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(pcm.wav_bytes(pcm.mono_to_stereo(TONE), 44_100, 2))
    source = WavInput(path, realtime=False)
    assert source.read() is None, "not started"
    for _ in range(2):
        with source:
            assert read_all(source) == TONE
    assert source.rate_hz == 44_100


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path):
    with pytest.raises(AudioError, match="No such file"):
        WavInput(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(ConfigError, match="not a WAV file"):
        WavInput(tmp_path / "text.wav")
    with pytest.raises(AudioError, match="No such file"):
        WavOutput(tmp_path / "no" / "folder.wav").start()


def test_chunks_of_any_kind_and_length_are_cut_to_20_ms():
    pieces = [TONE[:101], TONE[101:3000], pcm.from_pcm16(TONE[3000:])]
    source = IteratorInput(pieces, realtime=False)
    with source:
        chunks = list(iter(source.read, None))
    assert b"".join(chunks) == TONE
    assert {len(chunk) for chunk in chunks} == {640}


def test_a_queue_is_an_input_until_none_comes_and_holds_nobody_up():
    packets: queue.Queue[bytes | None] = queue.Queue()
    with IteratorInput(packets, realtime=False) as source:
        begun = time.monotonic()
        assert source.read(0.05) == b""
        assert time.monotonic() - begun < 1.0
        packets.put(TONE[:641])
        assert source.read() == TONE[:640]
        assert source.read(0.0) == b""
        packets.put(TONE[641:1280])
        packets.put(None)
        assert source.read() == TONE[640:1280]
        assert source.read() is None


@pytest.mark.parametrize(
    ("chunks", "options", "words"),
    [
        (b"\xff" * 400, {}, "not one bytes; put it in a list"),
        ("q.wav", {}, "not one str"),
        (pcm.from_pcm16(TONE), {}, "not one ndarray"),
        (5, {}, "something to iterate, or a queue"),
        ([], {"rate_hz": "8k"}, "rate_hz: expected a positive integer, got '8k'"),
        ([], {"rate_hz": 0}, "rate_hz: .* got 0"),
        ([], {"chunk_ms": -20}, "chunk_ms: .* got -20"),
        ([], {"encoding": "opus"}, "encoding='opus'"),
    ],
)
def test_an_input_of_the_wrong_kind_is_refused_at_once(chunks, options, words):
    with pytest.raises(ConfigError, match=words):
        IteratorInput(chunks, **options)


@pytest.mark.parametrize("encoding", ["pcm16", "mulaw"])
@pytest.mark.parametrize("chunk", ["text", 5])
def test_a_chunk_that_is_none_is_named(encoding, chunk):
    with (
        IteratorInput([chunk], encoding=encoding, realtime=False) as source,
        pytest.raises(ConfigError, match="expected"),
    ):
        source.read()


@pytest.mark.parametrize("options", [{"rate_hz": 0}, {"block_ms": 0}, {"rate_hz": "8k"}])
def test_an_output_with_no_such_rate_is_refused_at_once(options):
    with pytest.raises(ConfigError, match="expected a positive integer"):
        CallableOutput(len, **options)


def test_an_iterator_goes_on_where_it_was_stopped():
    source = IteratorInput(iter([TONE]), realtime=False)
    with source:
        first = source.read() or b""
    with source:
        assert first + read_all(source) == TONE


def test_a_phone_line_speaks_g711_both_ways():
    narrow = pcm.resample(TONE, 16_000, 8_000)
    line_in = [pcm.mulaw_encode(chunk) for chunk in pcm.chunks(narrow, 320)]
    source = IteratorInput(line_in, rate_hz=8_000, encoding="mulaw", realtime=False)
    with source:
        heard = read_all(source)
    assert heard == pcm.mulaw_decode(b"".join(line_in))

    line_out: list[bytes] = []
    with CallableOutput(line_out.append, rate_hz=8_000, encoding="alaw") as line:
        line.write(heard)
    assert {len(block) for block in line_out} == {160}
    said = pcm.alaw_decode(b"".join(line_out))[: len(heard)]
    assert np.corrcoef(pcm.to_float(said), pcm.to_float(heard))[0, 1] > 0.999
    with pytest.raises(ConfigError, match="'pcm16', 'mulaw' or 'alaw'"):
        CallableOutput(line_out.append, encoding="opus")


def test_a_callable_gets_sound_at_its_pace_and_none_after_a_flush():
    blocks: list[bytes] = []
    enough = threading.Event()

    def take(block: bytes) -> None:
        blocks.append(block)
        if len(blocks) == 5:
            enough.set()

    with CallableOutput(take) as line:
        began = time.monotonic()
        line.write(pcm.tone(440, 5000))
        assert enough.wait(PATIENCE)
        assert time.monotonic() - began >= 0.06
        assert line.flush() > 4000
        assert line.drain(PATIENCE)
        assert line.played_ms < 1000
    assert all(any(block) for block in blocks[:-1])


def test_a_callable_that_raises_ends_the_output_and_says_so():
    def refuse(_block: bytes) -> None:
        raise OSError("the line is dead")

    line = CallableOutput(refuse)
    line.start()
    line.write(pcm.tone(440, 200))
    with pytest.raises(AudioError, match="the line is dead"):
        line.drain(PATIENCE)
    line.stop()


def test_silence_between_turns_can_be_asked_for():
    blocks: list[bytes] = []
    gate = threading.Event()

    def take(block: bytes) -> None:
        blocks.append(block)
        gate.set()

    with CallableOutput(take, rate_hz=8_000, encoding="mulaw", silence=True):
        assert gate.wait(PATIENCE)
    assert blocks[0] == b"\xff" * 160


def test_a_wav_output_holds_what_was_heard_and_goes_on_after_a_stop(tmp_path: Path):
    path = tmp_path / "out.wav"
    output = WavOutput(path)
    sound = pcm.tone(440, 100)
    for _ in range(2):
        output.start()
        output.write(sound)
        assert output.drain(PATIENCE)
        output.stop()
    data, rate_hz, channels = pcm.read_wav(path)
    assert (rate_hz, channels) == (24_000, 1)
    assert data == sound + sound
    with wave.open(str(path)) as file:
        assert file.getnframes() == len(data) // 2


def test_the_header_of_a_wav_output_is_true_while_it_goes_on(tmp_path: Path):
    path = tmp_path / "out.wav"
    with WavOutput(path, rate_hz=8_000) as output:
        output.write(pcm.tone(440, 1_300, 8_000))
        with wave.open(str(path)) as file:
            assert file.getnframes() == 0, "a file from the first moment on"
        assert output.drain(PATIENCE)
        with wave.open(str(path)) as file:
            assert file.getnframes() == 8_000
            assert len(file.readframes(8_000)) == 16_000
    with wave.open(str(path)) as file:
        assert file.getnframes() == 10_400


def test_music_fits_a_wav_output_too(tmp_path: Path):
    sound = pcm.mono_to_stereo(pcm.tone(440, 100, 48_000))
    with WavOutput(tmp_path / "music.wav", rate_hz=48_000, channels=2) as output:
        output.write(sound)
    assert pcm.read_wav(tmp_path / "music.wav") == (sound, 48_000, 2)


def test_without_pyaudio_files_work_and_a_device_says_what_to_install():
    program = """
import sys
sys.modules["pyaudio"] = None
from livesdk import AudioError
from livesdk.audio import IteratorInput, Microphone, Speaker, list_devices
IteratorInput([b"ab"]).start()
for action in (Microphone().start, Speaker().start, list_devices):
    try:
        action()
    except AudioError as error:
        text = str(error)
        assert "apt-get install portaudio19-dev" in text and "brew install portaudio" in text
        assert "Windows" in text and 'livesdk[audio]' in text
    else:
        raise SystemExit("no error")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_loads_neither_numpy_nor_pyaudio():
    program = """
import sys
import livesdk.audio
from livesdk.audio import AudioInput, AudioOutput, Microphone, Speaker
loaded = {"numpy", "pyaudio", "asyncio"} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
