"""Sound as bytes: PCM, 16-bit little-endian, interleaved, and what can be computed from it.

"PCM" below means just that; a *sample* is 2 bytes, a *frame* one sample for each channel.  This
room is pure: no clock, thread, socket or device, and the only file it opens is one named to
:func:`read_wav`.  numpy is imported inside the functions that need it, never with this module.

Four ideas have a file each and are re-exported here: whole frames from cut bytes (``_frames``),
G.711 (``_g711``), sample rates (``_resample``), and loudness with voice detection (``_loudness``).
The last three load when a name of theirs is first used (PEP 562): a conversation needs none.

Functions that take a whole piece refuse one that ends inside a frame (:class:`ConfigError`).  For
sound that arrives in arbitrary cuts there are classes with ``feed``: :class:`Alignment`,
:class:`Chunker`, :class:`Resampler`, :class:`EnergyVad`.
"""

from __future__ import annotations

import importlib
import io
import math
import os
import re
import sys
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from ..errors import ConfigError
from ._frames import Alignment, Bytes, Chunker, check_whole, chunks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
    from ._loudness import SILENCE_DBFS, EnergyVad, VadEvent, level_dbfs
    from ._resample import Resampler, resample

__all__ = [
    "SILENCE_DBFS",
    "Alignment",
    "Chunker",
    "EnergyVad",
    "Resampler",
    "VadEvent",
    "alaw_decode",
    "alaw_encode",
    "channels_of",
    "chunks",
    "duration_ms",
    "from_pcm16",
    "level_dbfs",
    "mix_to_mono",
    "mono_to_stereo",
    "mulaw_decode",
    "mulaw_encode",
    "rate_of",
    "read_wav",
    "resample",
    "silence",
    "to_float",
    "to_pcm16",
    "tone",
    "wav_bytes",
]

_LATER = {
    "_g711": "alaw_decode alaw_encode mulaw_decode mulaw_encode",
    "_loudness": "SILENCE_DBFS EnergyVad VadEvent level_dbfs",
    "_resample": "Resampler resample",
}
_WHERE = {name: module for module, names in _LATER.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_MAX_CHANNELS = 8  # more columns than this: the array is lying on its side
_FADE_MS = 5.0
_WIDTH = 2  # bytes a sample


# What a MIME type says ---------------------------------------------------------------------------


def rate_of(mime_type: Optional[str], default: int = 24000) -> int:
    """Return the sample rate in Hz that a MIME type like ``audio/pcm;rate=16000`` names.

    Case, spaces and quotes do not matter; without a usable ``rate`` it is the default.
    """
    return _parameter(mime_type, "rate", default)


def channels_of(mime_type: Optional[str], default: int = 1) -> int:
    """Return the number of channels that a MIME type like ``audio/l16;channels=2`` names.

    Case, spaces and quotes do not matter; without a usable ``channels`` it is the default.
    """
    return _parameter(mime_type, "channels", default)


def _parameter(mime_type: Optional[str], name: str, default: int) -> int:
    pattern = rf"""[;,]\s*{name}\s*=\s*["']?\s*([0-9]{{1,9}})(?![0-9.])"""
    found = re.search(pattern, mime_type or "", re.IGNORECASE)
    return (int(found.group(1)) if found else 0) or default


# Lengths ----------------------------------------------------------------------------------------


def duration_ms(
    data_or_nbytes: Union[int, Bytes], rate_hz: int, channels: int = 1, width: int = 2
) -> float:
    """Return how long a piece of sound lasts, in milliseconds.

    Args:
        data_or_nbytes: The bytes, or their number.
        rate_hz: Frames a second.
        channels: Samples a frame.
        width: Bytes a sample: 2 for PCM, 1 for G.711.

    Raises:
        ConfigError: The rate, the channels or the width is not positive.
    """
    frame_bytes_per_s = rate_hz * channels * width
    if rate_hz <= 0 or channels <= 0 or width <= 0:
        raise ConfigError(
            f"rate_hz={rate_hz!r}, channels={channels!r}, width={width!r}; above 0 is expected"
        )
    size = data_or_nbytes if isinstance(data_or_nbytes, int) else len(bytes(data_or_nbytes))
    return 1000.0 * size / frame_bytes_per_s


# Arrays and channels -----------------------------------------------------------------------------


def to_pcm16(
    samples: object,
    *,
    rate_hz: Optional[int] = None,
    to_rate_hz: Optional[int] = None,
    channels: Optional[int] = None,
) -> bytes:
    """Turn samples, as numpy array or as bytes, into mono PCM.

    Float samples are clipped to [-1, 1], scaled by 32 768 and rounded (1.0 becomes 32 767); NaN
    becomes 0.  Several channels are mixed by their mean.  numpy is imported only for an array, for
    several channels, and for a change of rate.

    Args:
        samples: A numpy array of int16, float32 or float64, of shape (n,) or (n, channels); or PCM
            as ``bytes``, ``bytearray`` or ``memoryview``, which pass through unchanged if nothing
            is to be done.
        rate_hz: The rate of the samples; needed only with ``to_rate_hz``.
        to_rate_hz: The rate wanted; ``None`` leaves it.
        channels: For bytes and shape (n,): how many channels are interleaved, 1 if not given.  For
            shape (n, channels): what is expected of it.

    Raises:
        ConfigError: Any other type, dtype or shape; the text names it and what is expected.
    """
    if to_rate_hz is not None and rate_hz is None:
        raise ConfigError(f"to_rate_hz={to_rate_hz!r}; rate_hz, the samples' own, is expected too")
    if isinstance(samples, (bytes, bytearray, memoryview)):
        data, count = bytes(samples), 1 if channels is None else channels
    else:
        data, count = _array_to_pcm(samples, channels)
    if count != 1:
        data = mix_to_mono(data, count)
    if rate_hz is None or to_rate_hz is None or rate_hz == to_rate_hz:
        return data
    return resample(data, rate_hz, to_rate_hz)


def _array_to_pcm(samples: object, channels: Optional[int]) -> tuple[bytes, int]:
    """Interleaved PCM and its number of channels, from what should be a numpy array."""
    expected = "bytes or a numpy array of int16 or float, shape (n,) or (n, channels), is expected"
    if "numpy" not in sys.modules:
        raise ConfigError(f"samples of type {type(samples).__name__}; {expected}")
    import numpy as np

    if not isinstance(samples, np.ndarray):
        raise ConfigError(f"samples of type {type(samples).__name__}; {expected}")
    given: NDArray[Any] = samples
    kind = (given.dtype.kind, given.dtype.itemsize)
    if kind not in (("i", 2), ("f", 4), ("f", 8)) or given.ndim not in (1, 2):
        raise ConfigError(f"samples of dtype {given.dtype} and shape {given.shape}; {expected}")
    count = (channels or 1) if given.ndim == 1 else given.shape[1]
    if not 1 <= count <= _MAX_CHANNELS or (channels is not None and count != channels):
        wanted = f"1 to {_MAX_CHANNELS}" if channels is None else str(channels)
        raise ConfigError(
            f"samples of shape {given.shape}, {count} channels; {wanted} expected, as (n, channels)"
            " — transpose an array of shape (channels, n)"
        )
    if kind[0] == "f":
        with np.errstate(over="ignore"):
            scaled = np.rint(np.clip(given, -1.0, 1.0) * 32768.0)
        given = np.clip(np.nan_to_num(scaled, nan=0.0), -32768, 32767)
    return given.astype("<i2").tobytes(), count


def from_pcm16(data: Bytes) -> NDArray[np.int16]:
    """Return PCM as a numpy array of int16, shape (samples,), interleaved, writable.

    Raises:
        ConfigError: The data end inside a sample.
    """
    check_whole(data, 2)
    import numpy as np

    return np.frombuffer(data, "<i2").astype(np.int16)


def to_float(data: Bytes) -> NDArray[np.float32]:
    """Return PCM as a numpy array of float32 in [-1, 1), shape (samples,), interleaved.

    :func:`to_pcm16` gives back the same bytes.

    Raises:
        ConfigError: The data end inside a sample.
    """
    check_whole(data, 2)
    import numpy as np

    samples = np.frombuffer(data, "<i2").astype(np.float32)
    samples /= 32768.0
    return samples


def mix_to_mono(data: Bytes, channels: int) -> bytes:
    """Mix interleaved PCM down to mono: the mean of each frame, halves rounded up.

    Raises:
        ConfigError: The data end inside a frame, or the channels are not 1 to 8.
    """
    if channels not in range(1, _MAX_CHANNELS + 1):
        raise ConfigError(f"channels={channels!r}; 1 to {_MAX_CHANNELS} are expected")
    check_whole(data, 2 * channels)
    if channels == 1:
        return bytes(data)
    import numpy as np

    frames = np.frombuffer(data, "<i2").reshape(-1, channels)
    total = frames.sum(axis=1, dtype=np.int32)
    mean: NDArray[np.int32] = (total + channels // 2) // channels
    return mean.astype("<i2").tobytes()


def mono_to_stereo(data: Bytes) -> bytes:
    """Put each sample of mono PCM on both channels.

    Raises:
        ConfigError: The data end inside a sample.
    """
    check_whole(data, 2)
    low, high = bytes(data)[0::2], bytes(data)[1::2]
    stereo = bytearray(4 * len(low))
    stereo[0::4] = stereo[2::4] = low
    stereo[1::4] = stereo[3::4] = high
    return bytes(stereo)


# Made-up sound -----------------------------------------------------------------------------------


def tone(
    frequency_hz: float, duration_ms: float, rate_hz: int = 24000, amplitude: float = 0.3
) -> bytes:
    """Make a sine tone as mono PCM, faded in and out over 5 ms so that it does not click.

    Args:
        frequency_hz: Pitch of the tone.
        duration_ms: Length, fades included; rounded to whole samples.
        rate_hz: Samples a second.
        amplitude: Peak, 0.0 to 1.0.

    Raises:
        ConfigError: The amplitude is out of range, or the length or rate negative.
    """
    if not 0.0 <= amplitude <= 1.0:
        raise ConfigError(f"amplitude={amplitude!r}; 0.0 to 1.0 is expected")
    count = _samples_in(duration_ms, rate_hz)
    fade = max(1, min(round(rate_hz * _FADE_MS / 1000), count // 2))
    step = 2.0 * math.pi * frequency_hz / rate_hz
    wave = array("h", (round(32767 * amplitude * math.sin(step * at)) for at in range(count)))
    for at in range(min(fade, count)):
        gain = 0.5 - 0.5 * math.cos(math.pi * at / fade)
        wave[at] = round(wave[at] * gain)
        wave[count - 1 - at] = round(wave[count - 1 - at] * gain)
    if sys.byteorder == "big":
        wave.byteswap()
    return wave.tobytes()


def silence(duration_ms: float, rate_hz: int = 24000) -> bytes:
    """Make silence as mono PCM, rounded to whole samples.

    Raises:
        ConfigError: The length or the rate is negative.
    """
    return bytes(2 * _samples_in(duration_ms, rate_hz))


def _samples_in(duration_ms: float, rate_hz: int) -> int:
    if not (duration_ms >= 0 and rate_hz > 0):
        raise ConfigError(f"{duration_ms!r} ms at {rate_hz!r} Hz; a length and a rate are expected")
    return round(rate_hz * duration_ms / 1000)


# WAV ---------------------------------------------------------------------------------------------


def wav_bytes(data: Bytes, rate_hz: int, channels: int = 1) -> bytes:
    """Wrap PCM in a WAV file, returned as bytes.

    Raises:
        ConfigError: The data end inside a frame, or the rate or the channels are not positive.
    """
    if rate_hz < 1 or channels < 1:
        raise ConfigError(f"rate_hz={rate_hz!r}, channels={channels!r}; positive ones are expected")
    check_whole(data, 2 * channels)
    import wave

    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(bytes(data))
    return target.getvalue()


def read_wav(source: Union[str, os.PathLike[str], Bytes]) -> tuple[bytes, int, int]:
    """Read a WAV file of 16-bit PCM.

    A file cut short, or one whose header was never completed, gives the whole frames it holds.

    Args:
        source: The path of a file, or the file's contents as bytes.

    Returns:
        The PCM, its rate in Hz, and its number of channels.

    Raises:
        ConfigError: Not a WAV file, or one of another encoding.
        OSError: The file cannot be opened or read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _parse_wav(bytes(source), f"{len(bytes(source))} bytes")
    return _parse_wav(Path(source).read_bytes(), os.fspath(source))


def _parse_wav(content: bytes, name: str) -> tuple[bytes, int, int]:
    import wave

    try:
        with wave.open(io.BytesIO(content), "rb") as file:
            width, channels, rate_hz = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # the last for a broken chunk size
        reason = str(error) or "it ends early"
        raise ConfigError(
            f"{name}: not a WAV file of PCM ({reason}); 16-bit PCM is expected"
        ) from error
    if width != _WIDTH or rate_hz < 1:
        raise ConfigError(
            f"{name}: a WAV file of {8 * width}-bit samples at {rate_hz} Hz; 16-bit PCM is expected"
        )
    return Alignment(_WIDTH * channels).feed(data), rate_hz, channels
