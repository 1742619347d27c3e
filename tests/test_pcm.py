"""Sound as bytes: lengths, channels, G.711, levels, rates, speech, WAV."""

from __future__ import annotations

import bisect
import io
import math
import random
import struct
import subprocess
import sys
import wave

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from livesdk import pcm
from livesdk.errors import ConfigError

RATES = [8000, 16000, 22050, 24000, 44100, 48000]
PAIRS = [(a, b) for a in RATES for b in RATES if a != b]


def pack(*samples):
    return struct.pack(f"<{len(samples)}h", *samples)


def unpack(data):
    return list(struct.unpack(f"<{len(data) // 2}h", data))


def cut(data, places):
    """The data in pieces, cut at the given places (taken modulo the length)."""
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in zip(marks, marks[1:])]


def sine(frequency_hz, rate_hz, amplitude, count):
    return amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(count) / rate_hz)


def quantise(samples):
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def noise(seed, count, level=1.0):
    return level * np.random.default_rng(seed).standard_normal(count)


# The module --------------------------------------------------------------------------------------


def test_importing_loads_neither_numpy_nor_audioop():
    code = (
        "import sys, livesdk.pcm as pcm\n"
        "pcm.mulaw_encode(pcm.tone(440, 20)); pcm.Resampler(16000, 16000).feed(b'ab')\n"
        "pcm.EnergyVad().feed(bytes(2000)); pcm.to_pcm16(b'abcd'); pcm.mono_to_stereo(b'ab')\n"
        "print(sorted({'numpy', 'audioop', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists():
    assert all(hasattr(pcm, name) for name in pcm.__all__)


# MIME types and durations ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mime_type", "rate_hz", "channels"),
    [
        ("audio/pcm;rate=16000", 16000, 1),
        ("audio/l16; Rate=48000; channels=2", 48000, 2),
        ("AUDIO/L16;CHANNELS=2;RATE=44100", 44100, 2),
        ('audio/pcm ; rate = "8000"', 8000, 1),
        ("audio/pcm;codec=pcm;rate=22050 ", 22050, 1),
        ("audio/pcm", 24000, 1),
        ("", 24000, 1),
        (None, 24000, 1),
        ("audio/pcm;rate=", 24000, 1),
        ("audio/pcm;rate=fast;channels=two", 24000, 1),
        ("audio/pcm;rate=0;channels=0", 24000, 1),
        ("audio/pcm;rate=-5", 24000, 1),
        ("audio/pcm;bitrate=64000", 24000, 1),
    ],
)
def test_mime_type_names_rate_and_channels(mime_type, rate_hz, channels):
    assert pcm.rate_of(mime_type) == rate_hz
    assert pcm.channels_of(mime_type) == channels


def test_defaults_of_a_mime_type_are_the_callers():
    assert pcm.rate_of("audio/pcm", 16000) == 16000
    assert pcm.channels_of(None, default=2) == 2


def test_duration_counts_bytes_or_takes_their_number():
    assert pcm.duration_ms(bytes(640), 16000) == 20.0
    assert pcm.duration_ms(640, 16000) == 20.0
    assert pcm.duration_ms(160, 8000, width=1) == 20.0
    assert pcm.duration_ms(bytearray(192_000), 48000, channels=2) == 1000.0
    assert pcm.duration_ms(memoryview(np.zeros(320, np.int16)), 16000) == 20.0
    with pytest.raises(ConfigError, match="rate_hz=0"):
        pcm.duration_ms(640, 0)


# Arrays ------------------------------------------------------------------------------------------


def test_float_is_scaled_rounded_and_clipped():
    given_samples = [0.0, 0.5, -1.0, 1.0, 1.7, -9.0, math.nan, math.inf, -math.inf, 1.6 / 32768]
    wanted = [0, 16384, -32768, 32767, 32767, -32768, 0, 32767, -32768, 2]
    for dtype in (np.float32, np.float64):
        assert unpack(pcm.to_pcm16(np.array(given_samples, dtype))) == wanted


def test_int16_of_either_byte_order_and_any_stride_is_taken():
    samples = np.array([1, -2, 32767, -32768], np.int16)
    assert unpack(pcm.to_pcm16(samples)) == [1, -2, 32767, -32768]
    assert unpack(pcm.to_pcm16(samples.astype(">i2"))) == [1, -2, 32767, -32768]
    assert unpack(pcm.to_pcm16(samples[::-2])) == [-32768, -2]
    assert pcm.to_pcm16(np.zeros(0, np.float32)) == b""


def test_an_array_is_not_changed():
    samples = np.array([2.0, math.nan])
    pcm.to_pcm16(samples)
    assert samples[0] == 2.0
    assert math.isnan(samples[1])


def test_channels_are_mixed_by_their_mean():
    stereo = np.array([[100, 200], [32767, 32767], [-32768, -32768], [5, -5]], np.int16)
    assert unpack(pcm.to_pcm16(stereo)) == [150, 32767, -32768, 0]
    assert pcm.to_pcm16(stereo, channels=2) == pcm.to_pcm16(stereo.reshape(-1), channels=2)
    assert pcm.to_pcm16(stereo.tobytes(), channels=2) == pcm.to_pcm16(stereo)
    assert unpack(pcm.to_pcm16(np.array([[0.5, 0.0]], np.float32))) == [8192]
    assert unpack(pcm.to_pcm16(np.array([[7], [8]], np.int16))) == [7, 8]


def test_bytes_pass_through():
    for data in (b"", b"abcd", b"odd"):
        for given_type in (bytes, bytearray, memoryview):
            assert pcm.to_pcm16(given_type(data)) == data
    assert pcm.to_pcm16(b"abcd", rate_hz=16000, to_rate_hz=16000) == b"abcd"


def test_rate_is_converted_if_asked():
    samples = sine(440, 48000, 0.5, 4800)
    wanted = pcm.resample(quantise(samples), 48000, 16000)
    assert pcm.to_pcm16(samples, rate_hz=48000, to_rate_hz=16000) == wanted
    assert len(wanted) == 2 * 1600
    with pytest.raises(ConfigError, match="rate_hz"):
        pcm.to_pcm16(samples, to_rate_hz=16000)


@pytest.mark.parametrize(
    ("samples", "channels", "named"),
    [
        (np.zeros(4, np.int32), None, "int32"),
        (np.zeros(4, np.uint8), None, "uint8"),
        (np.zeros(4, np.float16), None, "float16"),
        (np.zeros(4, complex), None, "complex128"),
        (np.zeros((2, 2, 2), np.int16), None, r"\(2, 2, 2\)"),
        (np.array(0.5), None, r"shape \(\)"),
        (np.zeros((2, 480), np.int16), None, "transpose"),
        (np.zeros((480, 0), np.int16), None, "0 channels"),
        (np.zeros((480, 2), np.int16), 1, r"\(480, 2\)"),
        (np.zeros(3, np.int16), 2, "4 bytes"),
        (np.zeros(4, np.int16), 0, None),
        ([0.1, 0.2], None, "list"),
        ("text", None, "str"),
        (None, None, "NoneType"),
    ],
)
def test_other_types_and_shapes_are_refused_by_name(samples, channels, named):
    if named is None:
        samples, named = b"abcd", "channels=0"
    with pytest.raises(ConfigError, match=named):
        pcm.to_pcm16(samples, channels=channels)


@given(st.lists(st.integers(-32768, 32767)))
def test_float_and_back_is_the_same(samples):
    data = pack(*samples)
    floats = pcm.to_float(data)
    assert floats.dtype == np.float32
    assert pcm.to_pcm16(floats) == data
    integers = pcm.from_pcm16(data)
    assert integers.dtype == np.int16
    assert integers.tolist() == samples


def test_arrays_can_be_written_to_and_share_nothing():
    data = bytearray(pack(1, 2))
    samples = pcm.from_pcm16(data)
    samples[0] = 9
    assert unpack(bytes(data)) == [1, 2]


@pytest.mark.parametrize(
    "call",
    [
        pcm.from_pcm16,
        pcm.to_float,
        pcm.mono_to_stereo,
        pcm.mulaw_encode,
        pcm.alaw_encode,
        lambda data: pcm.mix_to_mono(data, 1),
        lambda data: pcm.mix_to_mono(data + b"x", 2),
        lambda data: pcm.resample(data, 16000, 8000),
        lambda data: pcm.wav_bytes(data, 16000),
    ],
)
def test_a_whole_piece_that_ends_inside_a_frame_is_refused(call):
    with pytest.raises(ConfigError, match="whole frames"):
        call(b"abcde")


@given(st.lists(st.tuples(*[st.integers(-32768, 32767)] * 2)))
def test_mono_is_the_mean_with_halves_up(frames):
    data = pack(*(sample for frame in frames for sample in frame))
    wanted = [math.floor((left + right + 1) / 2) for left, right in frames]
    assert unpack(pcm.mix_to_mono(data, 2)) == wanted


@given(st.lists(st.integers(-32768, 32767)))
def test_stereo_and_back_to_mono_is_the_same(samples):
    data = pack(*samples)
    stereo = pcm.mono_to_stereo(data)
    assert unpack(stereo) == [sample for sample in samples for _ in range(2)]
    assert pcm.mix_to_mono(stereo, 2) == data
    assert pcm.mix_to_mono(data, 1) == data


# Pieces ------------------------------------------------------------------------------------------


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)), st.integers(1, 8))
def test_alignment_loses_nothing_and_gives_whole_samples(data, places, width):
    alignment = pcm.Alignment(width)
    pieces = [alignment.feed(piece) for piece in cut(data, places)]
    assert all(len(piece) % width == 0 for piece in pieces)
    assert alignment.pending == len(data) % width
    assert b"".join(pieces) + alignment.flush() == data
    assert alignment.pending == 0


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)), st.integers(1, 8))
def test_chunker_gives_the_same_chunks_however_the_input_is_cut(data, places, size):
    chunker = pcm.Chunker(size)
    chunks = [chunk for piece in cut(data, places) for chunk in chunker.feed(bytearray(piece))]
    assert all(len(chunk) == size for chunk in chunks)
    assert chunker.pending == len(data) % size
    rest = chunker.flush()
    assert chunks + [rest] * bool(rest) == list(pcm.chunks(data, size))
    assert b"".join(chunks) + rest == data


def test_sizes_below_one_are_refused():
    for make in (pcm.Alignment, pcm.Chunker, lambda size: next(pcm.chunks(b"ab", size))):
        with pytest.raises(ConfigError, match="0 bytes"):
            make(0)


# Level -------------------------------------------------------------------------------------------


def test_level_of_known_signals():
    assert pcm.level_dbfs(pack(*[32767, -32768] * 100)) == pytest.approx(0.0, abs=0.001)
    assert pcm.level_dbfs(quantise(sine(100, 8000, 1.0, 8000))) == pytest.approx(-3.01, abs=0.01)
    assert pcm.level_dbfs(quantise(sine(100, 8000, 0.1, 8000))) == pytest.approx(-23.01, abs=0.01)
    assert pcm.level_dbfs(pack(1)) == pytest.approx(-90.31, abs=0.01)


def test_level_of_silence_is_the_floor_and_nothing_is_lower():
    assert pcm.level_dbfs(b"") == pcm.level_dbfs(b"x") == pcm.level_dbfs(bytes(640)) == -120.0
    assert pcm.level_dbfs(pack(1, *[0] * 100_000)) == -120.0
    assert pcm.level_dbfs(pack(16384) + b"x") == pytest.approx(-6.02, abs=0.01)


@given(st.lists(st.integers(-32768, 32767)))
def test_level_is_the_same_without_numpy(samples):
    data = pack(*samples)
    with pytest.MonkeyPatch.context() as patch:
        with_numpy = pcm.level_dbfs(data)
        patch.delitem(sys.modules, "numpy")
        assert pcm.level_dbfs(data) == with_numpy


# G.711 -------------------------------------------------------------------------------------------
# Written again from the tables of ITU-T G.711: quantised values y_n and decision values x_n.


def mulaw_values():
    """Tables 2a and 2b: 14-bit values 0, 2, … 30, 33, 37, … 8031."""
    values, step, value = [], 2, 0
    for segment in range(8):
        for place in range(16):
            values.append(value)
            value += step if place < 15 else step + step // 2
        step *= 2
        del segment
    return values


def alaw_values():
    """Tables 1a and 1b: 13-bit values 1, 3, … 63, 66, 70, … 4032."""
    values, edge, step = [], 0, 2
    for segment in range(8):
        for _ in range(16):
            values.append(edge + step // 2)
            edge += step
        step *= 2 if segment else 1
    return values


LAWS = {
    "mulaw": (pcm.mulaw_encode, pcm.mulaw_decode, mulaw_values(), 4, 0x7F),
    "alaw": (pcm.alaw_encode, pcm.alaw_decode, alaw_values(), 8, 0x55),
}


@pytest.fixture(params=sorted(LAWS))
def law(request):
    return LAWS[request.param]


def test_tables_of_the_test_are_those_of_the_standard():
    assert mulaw_values()[14:18] == [28, 30, 33, 37]
    assert mulaw_values()[-1] == 8031
    assert alaw_values()[30:34] == [61, 63, 66, 70]
    assert alaw_values()[-1] == 4032


def test_all_256_codes_decode_to_the_quantised_values(law):
    _, decode, values, scale, mask = law
    for number, value in enumerate(values):
        byte = number ^ mask
        assert unpack(decode(bytes([byte | 0x80, byte & 0x7F]))) == [scale * value, -scale * value]


def test_all_65536_samples_encode_by_the_decision_values(law):
    encode, _, values, scale, mask = law
    decisions = [scale * (low + high) // 2 for low, high in zip(values, values[1:])]
    wanted = bytearray()
    for sample in range(-32768, 32768):
        magnitude = sample if sample >= 0 else ~sample
        number = bisect.bisect_right(decisions, magnitude)
        wanted.append((number ^ mask) | (0x80 if sample >= 0 else 0))
    assert encode(pack(*range(-32768, 32768))) == bytes(wanted)


def test_no_code_is_nearer_than_the_one_chosen(law):
    encode, decode, values, scale, _ = law
    every = sorted({scale * value for value in values} | {-scale * value for value in values})
    samples = range(-32768, 32768)
    for sample, got in zip(samples, unpack(decode(encode(pack(*samples))))):
        place = bisect.bisect_left(every, sample)
        nearest = min(abs(sample - value) for value in every[max(0, place - 1) : place + 1])
        assert abs(sample - got) == nearest


def test_codes_survive_a_round_trip(law):
    encode, decode, *_ = law
    codes = bytes(range(256))
    again = encode(decode(codes))
    # µ-law has two codes for 0 (0x7F is the negative one); PCM has one.
    assert [code for code in codes if again[code] != code] == (
        [0x7F] if encode is pcm.mulaw_encode else []
    )


@pytest.mark.parametrize(
    ("decode", "line", "overload_dbm0", "largest"),
    [
        (pcm.alaw_decode, "34212134b4a1a1b4", 3.14, 4096 * 8),
        (pcm.mulaw_decode, "1e0b0b1e9e8b8b9e", 3.17, 8159 * 4),
    ],
)
def test_digital_milliwatt_of_the_standard_is_0_dbm0(decode, line, overload_dbm0, largest):
    """Tables 5 and 6: one period of 1 kHz at 0 dBm0; the largest sine has the overload's level."""
    samples = np.array(unpack(decode(bytes.fromhex(line))), float)
    peak = largest * 10 ** (-overload_dbm0 / 20)
    wanted = -peak * np.sin(np.pi / 8 + np.pi / 4 * np.arange(8))
    assert np.abs(samples - wanted).max() < 0.02 * peak
    power = 10 * np.log10(np.mean(samples**2) / (largest**2 / 2)) + overload_dbm0
    assert power == pytest.approx(0.0, abs=0.05)


# Resampler ---------------------------------------------------------------------------------------


def fit(samples, rate_hz, *frequencies_hz):
    """The amplitudes of these sines in the samples, and the samples without them."""
    phase = 2 * np.pi * np.arange(len(samples)) / rate_hz
    columns = [wave_of(f * phase) for f in frequencies_hz for wave_of in (np.sin, np.cos)]
    basis = np.stack([*columns, np.ones(len(samples))], axis=1)
    weights = np.linalg.lstsq(basis, samples, rcond=None)[0]
    amplitudes = np.hypot(weights[:-1:2], weights[1:-1:2])
    return amplitudes, samples - basis @ weights


def steady(data, rate_hz):
    """The middle of a converted signal, as floats: without its switching on and off."""
    edge = rate_hz // 50
    return pcm.to_float(data).astype(float)[edge:-edge]


def decibel(ratio):
    return 20 * math.log10(max(ratio, 1e-12))


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_tone_keeps_its_amplitude_with_85_db_snr(from_hz, to_hz):
    for part in (0.03, 0.4, 0.84):
        frequency_hz = part * min(from_hz, to_hz) / 2 + 0.37
        data = quantise(sine(frequency_hz, from_hz, 0.9, from_hz // 4))
        output = steady(pcm.resample(data, from_hz, to_hz), to_hz)
        (amplitude,), rest = fit(output, to_hz, frequency_hz)
        assert decibel(amplitude / 0.9) == pytest.approx(0.0, abs=0.01)
        assert decibel(amplitude / math.sqrt(2) / np.std(rest)) > 85


@pytest.mark.parametrize(("from_hz", "to_hz"), [pair for pair in PAIRS if pair[0] > pair[1]])
def test_aliases_are_below_minus_90_db(from_hz, to_hz):
    nyquist_hz = to_hz / 2
    kept_hz = 0.2371 * nyquist_hz  # keeps the rounding busy, so that less than a bit can be seen
    for frequency_hz in np.linspace(nyquist_hz + 20, from_hz / 2 - 20, 4):
        both = sine(kept_hz, from_hz, 0.3, from_hz // 4)
        both += sine(frequency_hz, from_hz, 0.6, from_hz // 4)
        output = steady(pcm.resample(quantise(both), from_hz, to_hz), to_hz)
        alias_hz = abs((frequency_hz + nyquist_hz) % to_hz - nyquist_hz)
        (_, alias), rest = fit(output, to_hz, kept_hz, alias_hz)
        assert decibel(alias / 0.6) < -90
        assert decibel(np.std(rest) * math.sqrt(2) / 0.6) < -85


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_no_frequency_leaks_by_more_than_minus_95_db(from_hz, to_hz):
    """The filter itself, beyond what 16 bits can show: its phases make up one response."""
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    from livesdk.pcm._resample import _bank

    bank = _bank(up, down) / 2.0**30
    prototype = bank[:, ::-1].T.reshape(-1)  # at a rate of up * from_hz
    size = 1 << (len(prototype) * 4).bit_length()
    response = np.abs(np.fft.rfft(prototype, size)) / up
    frequencies_hz = np.arange(len(response)) * up * from_hz / size
    nyquist_hz = min(from_hz, to_hz) / 2
    assert decibel(response[frequencies_hz >= nyquist_hz].max()) < -95
    passed = response[frequencies_hz <= 0.85 * nyquist_hz]
    assert np.abs(20 * np.log10(passed)).max() < 0.01


@settings(max_examples=60, deadline=None)
@given(
    pair=st.sampled_from([(a, b) for a in RATES for b in RATES]),
    channels=st.integers(1, 2),
    size=st.integers(0, 3000),
    places=st.lists(st.integers(0, 3000), max_size=40),
    seed=st.integers(0, 99),
)
def test_output_is_the_same_however_the_input_is_cut(pair, channels, size, places, seed):
    data = random.Random(seed).getrandbits(8 * size).to_bytes(size, "little")
    whole, pieces = pcm.Resampler(*pair, channels), pcm.Resampler(*pair, channels)
    wanted = whole.feed(data) + whole.flush()
    got = [pieces.feed(piece) for piece in cut(data, places)] + [pieces.flush()]
    assert all(len(piece) % (2 * channels) == 0 for piece in got)
    assert b"".join(got) == wanted
    frames = size // (2 * channels)
    assert len(wanted) == 2 * channels * math.ceil(frames * pair[1] / pair[0])


@pytest.mark.parametrize(("from_hz", "to_hz"), [(24000, 44100), (44100, 16000), (48000, 8000)])
def test_single_bytes_give_the_same_as_one_piece(from_hz, to_hz):
    data = quantise(noise(1, 1500, 0.3))
    resampler = pcm.Resampler(from_hz, to_hz)
    pieces = [resampler.feed(data[at : at + 1]) for at in range(len(data))]
    assert b"".join(pieces) + resampler.flush() == pcm.resample(data, from_hz, to_hz)


def test_flush_starts_anew():
    data = quantise(noise(2, 1000, 0.3))
    resampler = pcm.Resampler(24000, 16000)
    first = resampler.feed(data + b"x") + resampler.flush()
    assert resampler.flush() == b""
    assert resampler.feed(data) + resampler.flush() == first == pcm.resample(data, 24000, 16000)


def test_channels_do_not_mix():
    left, right = quantise(noise(3, 2000, 0.3)), quantise(noise(4, 2000, 0.3))
    both = np.stack([pcm.from_pcm16(left), pcm.from_pcm16(right)], axis=1).tobytes()
    output = pcm.from_pcm16(pcm.resample(both, 44100, 48000, 2)).reshape(-1, 2)
    assert output[:, 0].tobytes() == pcm.resample(left, 44100, 48000)
    assert output[:, 1].tobytes() == pcm.resample(right, 44100, 48000)


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_sound_stays_where_it_was_in_time(from_hz, to_hz):
    frequency_hz = 300.0
    data = quantise(sine(frequency_hz, from_hz, 0.5, from_hz // 5))
    output = steady(pcm.resample(data, from_hz, to_hz), to_hz)
    wanted = sine(frequency_hz, to_hz, 0.5, to_hz // 5)[to_hz // 50 :][: len(output)]
    assert np.abs(output - wanted).max() < 3 / 32768


def test_delay_is_what_the_output_waits_for():
    resampler = pcm.Resampler(48000, 16000)
    assert resampler.delay_ms == pytest.approx(2.8, abs=0.1)
    fed = int(48 * resampler.delay_ms)
    assert resampler.feed(bytes(2 * fed)) == b""
    assert resampler.feed(bytes(2)) == bytes(2)
    assert pcm.Resampler(16000, 16000).delay_ms == 0.0


def test_full_scale_is_clipped_and_does_not_wrap():
    square = np.where(np.arange(2400) // 12 % 2 == 0, 32767, -32768).astype("<i2")
    output = pcm.from_pcm16(pcm.resample(square.tobytes(), 24000, 48000)).astype(int)
    assert output.max() == 32767
    assert output.min() == -32768
    middles = output.reshape(-1, 24)[10:-10, 8:16]
    assert (np.abs(middles) > 24000).all()


def test_a_level_stays_exactly():
    output = unpack(pcm.resample(pack(*[12345] * 2000), 44100, 48000))
    assert set(output[100:-100]) == {12345}


def test_a_rate_may_be_a_whole_float():
    assert pcm.Resampler(44100.0, 16000.0).feed(bytes(8820)) == bytes(2 * 1555)


def test_equal_rates_pass_through_in_whole_frames():
    resampler = pcm.Resampler(24000, 24000, 2)
    assert resampler.feed(b"abcde") == b"abcd"
    assert resampler.feed(b"fgh") == b"efgh"
    assert resampler.feed(b"i") + resampler.flush() == b""


@pytest.mark.parametrize("arguments", [(0, 16000), (16000, -1), (16000, 8000, 0), (24000.5, 8000)])
def test_rates_and_channels_out_of_range_are_refused(arguments):
    with pytest.raises(ConfigError, match="is expected"):
        pcm.Resampler(*arguments)


# Speech ------------------------------------------------------------------------------------------


def babble(duration_ms, rate_hz=16000, seed=5):
    """Something like speech: a buzz whose loudness follows syllables, four a second."""
    count = rate_hz * duration_ms // 1000
    time_s = np.arange(count) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 130 * k * time_s + k) / k for k in range(1, 20))
    syllables = 0.15 + np.abs(np.sin(2 * np.pi * 2 * time_s + 0.6))
    return 0.08 * buzz * syllables + noise(seed, count, 0.001)


def room(duration_ms, level, rate_hz=16000, seed=6):
    return noise(seed, rate_hz * duration_ms // 1000, level)


def spoken(level=0.001):
    """One second of room, 1.5 s of speech, 1.5 s of room."""
    data = np.concatenate([np.zeros(16000), babble(1500), np.zeros(24000)])
    return quantise(data + room(4000, level))


def kinds(events):
    return [event.kind for event in events]


@pytest.mark.parametrize("level", [0.0, 0.001, 0.005])
def test_speech_starts_after_60_ms_and_ends_after_500(level):
    start, end = pcm.EnergyVad().feed(spoken(level))
    assert (start.kind, end.kind) == ("start", "end")
    assert start.at_ms == pytest.approx(1000, abs=20)
    assert start.sample == 16 * start.at_ms
    assert start.detected_ms - start.at_ms == 60
    assert end.at_ms == pytest.approx(2500, abs=40)
    assert end.detected_ms - end.at_ms == 500


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 128_000), max_size=30))
def test_events_are_the_same_however_the_input_is_cut(places):
    data = spoken()
    vad = pcm.EnergyVad()
    events = [event for piece in cut(data, places) for event in vad.feed(piece)]
    assert events == pcm.EnergyVad().feed(data)


@pytest.mark.parametrize("rate_hz", RATES)
def test_any_rate_will_do(rate_hz):
    data = pcm.silence(500, rate_hz) + quantise(babble(800, rate_hz)) + pcm.silence(800, rate_hz)
    start, end = pcm.EnergyVad(rate_hz).feed(data)
    assert start.at_ms == pytest.approx(500, abs=20)
    assert end.at_ms == pytest.approx(1300, abs=40)


def test_speech_without_a_quiet_lead_in_is_found():
    events = pcm.EnergyVad().feed(quantise(babble(1000)) + pcm.silence(600, 16000))
    assert kinds(events) == ["start", "end"]
    assert events[0].detected_ms <= 100
    assert kinds(pcm.EnergyVad().feed(pcm.tone(440, 500, 16000))) == ["start"]


def test_pauses_shorter_than_the_silence_do_not_end_speech():
    word, pause = quantise(babble(400)), pcm.silence(400, 16000)
    data = pcm.silence(300, 16000) + (word + pause) * 3 + pause
    assert kinds(pcm.EnergyVad().feed(data)) == ["start", "end"]
    assert kinds(pcm.EnergyVad(silence_ms=200).feed(data)) == ["start", "end"] * 3


@pytest.mark.parametrize("seconds", [30])
def test_long_speech_is_one_piece(seconds):
    data = pcm.silence(300, 16000) + quantise(babble(1000 * seconds)) + pcm.silence(600, 16000)
    start, end = pcm.EnergyVad().feed(data)
    assert end.at_ms - start.at_ms == pytest.approx(1000 * seconds, abs=60)


@pytest.mark.parametrize("level", [0.0, 0.0005, 0.003, 0.01, 0.0316])
def test_steady_noise_is_not_speech(level):
    assert pcm.EnergyVad().feed(quantise(room(10_000, level))) == []


def test_hum_and_clicks_are_not_speech():
    hum = sine(50, 16000, 0.02, 80_000) + sine(150, 16000, 0.01, 80_000)
    assert pcm.EnergyVad().feed(quantise(hum)) == []
    clicks = room(5000, 0.001)
    for at in range(4000, 80_000, 8000):
        clicks[at : at + 240] += noise(at, 240, 0.2)
    assert pcm.EnergyVad().feed(quantise(clicks)) == []


def test_a_noise_that_stays_is_speech_no_longer():
    vad = pcm.EnergyVad()
    data = np.concatenate([room(1000, 0.0003), room(30_000, 0.02)])
    assert kinds(vad.feed(quantise(data))) == ["start", "end"]
    assert vad.floor_dbfs == pytest.approx(-34, abs=5)


def test_flush_ends_speech_and_counting_goes_on():
    vad = pcm.EnergyVad()
    (start,) = vad.feed(pcm.silence(100, 16000) + pcm.tone(440, 210, 16000))
    assert vad.speaking
    (end,) = vad.flush()
    assert not vad.speaking
    assert (start.at_ms, end.kind, end.at_ms, end.detected_ms) == (100, "end", 300, 310)
    assert vad.flush() == []
    (start,) = vad.feed(pcm.silence(40, 16000) + pcm.tone(440, 100, 16000))
    assert start.at_ms == 350


def test_settings_that_make_no_sense_are_refused():
    for settings_given in (
        {"silence_ms": 0},
        {"start_ms": -1},
        {"rate_hz": 0},
        {"block_ms": 0},
        {"threshold_db": 1},
    ):
        with pytest.raises(ConfigError):
            pcm.EnergyVad(**settings_given)


# Tone, silence, WAV ------------------------------------------------------------------------------


def test_tone_has_its_length_frequency_and_amplitude():
    samples = pcm.to_float(pcm.tone(440, 1000)).astype(float)
    assert len(samples) == 24000
    (amplitude,), rest = fit(samples[1000:-1000], 24000, 440)
    assert amplitude == pytest.approx(0.3, abs=0.001)
    assert np.abs(rest).max() < 1 / 32768


def test_tone_fades_in_and_out():
    samples = pcm.to_float(pcm.tone(1000, 50, 16000, amplitude=1.0))
    assert samples[0] == 0.0
    assert abs(samples[-1]) < 0.01
    assert np.abs(np.diff(samples[:10])).max() < 0.02
    assert np.abs(samples[200:600]).max() > 0.99


def test_short_tones_and_silence_have_their_length():
    for duration_ms in (0, 0.03, 0.1, 1, 9):
        assert len(pcm.tone(440, duration_ms)) == len(pcm.silence(duration_ms))
    assert pcm.silence(20, 16000) == bytes(640)


def test_impossible_tones_are_refused():
    for arguments in ((440, -1), (440, 10, 0), (440, 10, 8000, 1.1), (440, math.nan)):
        with pytest.raises(ConfigError, match="expected"):
            pcm.tone(*arguments)


def test_wav_and_back(tmp_path):
    data = quantise(noise(7, 4800, 0.2))
    for rate_hz, channels in ((16000, 1), (48000, 2)):
        content = pcm.wav_bytes(data, rate_hz, channels)
        assert pcm.read_wav(content) == (data, rate_hz, channels)
        path = tmp_path / "sound.wav"
        path.write_bytes(content)
        assert pcm.read_wav(path) == pcm.read_wav(str(path)) == (data, rate_hz, channels)


def test_wav_is_what_the_standard_library_reads():
    with wave.open(io.BytesIO(pcm.wav_bytes(pack(1, 2, 3), 8000))) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 3)
        assert file.readframes(3) == pack(1, 2, 3)


def test_wav_cut_short_gives_the_whole_frames_it_holds():
    content = pcm.wav_bytes(pack(*range(100)), 16000, 2)
    data, *_ = pcm.read_wav(content[:-5])
    assert data == pack(*range(96))


def wav_of_width(width):
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(bytes(12))
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "ends early"),
        (b"RIFF", "16-bit PCM is expected"),
        (b"ID3\x04" + bytes(100), "RIFF"),
        (wav_of_width(1), "8-bit"),
        (wav_of_width(3), "24-bit"),
        (pcm.wav_bytes(b"ab", 8000)[:30], "16-bit PCM is expected"),
        (pcm.wav_bytes(b"ab", 8000).replace(b"data", b"junk"), "16-bit PCM is expected"),
        (pcm.wav_bytes(b"ab", 8000).replace(b"fmt \x10\0\0\0\1", b"fmt \x10\0\0\0\3"), "format"),
    ],
)
def test_what_is_no_16_bit_wav_is_refused_by_name(content, named, tmp_path):
    with pytest.raises(ConfigError, match=named):
        pcm.read_wav(content)
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.wav"):
        pcm.read_wav(path)


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        pcm.read_wav(tmp_path / "none.wav")


def test_wav_needs_a_rate_and_channels():
    for rate_hz, channels in ((0, 1), (8000, 0)):
        with pytest.raises(ConfigError, match="expected"):
            pcm.wav_bytes(b"ab", rate_hz, channels)


def test_a_wav_with_a_broken_chunk_size_is_a_config_error():
    whole = bytearray(pcm.wav_bytes(bytes(200), 16_000))
    whole[16:20] = (0xFFFFFFF0).to_bytes(4, "little")  # of the fmt chunk
    with pytest.raises(ConfigError):
        pcm.read_wav(bytes(whole))
