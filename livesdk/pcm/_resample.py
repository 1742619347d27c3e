"""A change of sample rate that does not care how its input is cut.

Output sample ``k`` is the input, band-limited, at the time ``k / to_hz``: a sum over neighbouring
input samples, weighted by a sinc in a Kaiser window.  For a ratio ``up / down`` in lowest terms
only ``up`` sets of weights occur (the phases of a polyphase FIR); they are tabled once per ratio.

========================= =============================================================
passband                  0 to 0.85 of the lower Nyquist frequency, ripple below 0.01 dB
stopband                  from the lower Nyquist frequency on, below -95 dB
look-ahead                45 samples at the lower rate: 2.8 ms at 16 kHz, 5.6 ms at 8 kHz
shift in time             none: the first output sample lies on the first input sample
length                    ``ceil(frames * to_hz / from_hz)`` after the flush
========================= =============================================================

Why the cut cannot matter: the weights are whole numbers (of 2**-30) and so are the samples; every
partial sum stays below 2**53 and is exact in float64, in whatever order a machine adds it up.

Pure.  numpy is imported when a :class:`Resampler` between two rates is made, so that no later call
waits for it.  :mod:`livesdk.pcm` re-exports both names.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ._frames import Alignment, Bytes, check_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Resampler", "resample"]

_HALF_TAPS = 45  # on each side of an output sample, at the lower of the two rates
_CUTOFF = 0.925  # middle of the transition, as a part of the lower Nyquist frequency
_KAISER_BETA = 10.06  # 100 dB: 0.1102 * (100 - 8.7)
_UNIT = 2.0**30  # the weights are whole multiples of 1 / _UNIT
_BATCH = 2048  # output frames computed at once: bounds the memory a long input takes
_FEW_PHASES = 8
_RATES_HZ = range(4_000, 384_001)
_CHANNELS = range(1, 9)


class Resampler:
    """Converts a stream of PCM from one sample rate to another, piece by piece.

    In and out: 16-bit little-endian, ``channels`` interleaved.  The bytes put out, all calls taken
    together, are the same however the input was cut, inside a sample too.  Equal rates pass through
    in whole frames.  One thread at a time; nothing blocks.

    Args:
        from_hz: Rate of the input, 4 000 to 384 000 Hz.
        to_hz: Rate of the output, in the same range.
        channels: 1 to 8.

    Raises:
        ConfigError: A rate or the number of channels is out of range.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int = 1) -> None:
        for name, value, allowed in (
            ("from_hz", from_hz, _RATES_HZ),
            ("to_hz", to_hz, _RATES_HZ),
            ("channels", channels, _CHANNELS),
        ):
            if value not in allowed:
                raise ConfigError(
                    f"{name}={value!r}; a whole number of {allowed[0]} to {allowed[-1]} is expected"
                )
        self.from_hz = int(from_hz)  # a device may name its rate as 44100.0
        self.to_hz = int(to_hz)
        common = math.gcd(self.from_hz, self.to_hz)
        self.channels = channels
        self._frames: NDArray[np.float64]
        self._up = self.to_hz // common
        self._down = self.from_hz // common
        self._half = _half_taps(self._up, self._down)
        self._restart()

    @property
    def delay_ms(self) -> float:
        """How much input, in milliseconds, an output sample waits for; 0.0 at equal rates."""
        return 0.0 if self._up == self._down else 1000.0 * self._half / self.from_hz

    def feed(self, data: Bytes) -> bytes:
        """Take the next bytes of the input and return the output that is ready, maybe none.

        Args:
            data: Any number of bytes; a frame may be cut anywhere.

        Returns:
            Whole frames at ``to_hz``.
        """
        whole = self._aligned.feed(data)
        if self._up == self._down or not whole:
            return whole
        import numpy as np

        fresh = np.frombuffer(whole, "<i2").reshape(-1, self.channels)
        self._frames = np.concatenate((self._frames, fresh.astype(np.float64)))
        return self._drain()

    def flush(self) -> bytes:
        """End the stream: return what the look-ahead held back, and start anew.

        Bytes of an incomplete frame are dropped.
        """
        rest = b""
        if self._up != self._down:
            import numpy as np

            silence = np.zeros((self._half, self.channels))
            self._frames = np.concatenate((self._frames, silence))
            rest = self._drain()
        self._restart()
        return rest

    def _restart(self) -> None:
        self._aligned = Alignment(2 * self.channels)
        self._at = 0  # time of the next output frame: 1 / up of an input frame, from _frames[0]
        if self._up != self._down:
            import numpy as np

            self._bank = _bank(self._up, self._down)
            self._frames = np.zeros((self._half - 1, self.channels))

    def _drain(self) -> bytes:
        """Compute every output frame whose window is complete, and forget what none needs again."""
        import numpy as np

        windows = len(self._frames) - 2 * self._half + 1
        ready = -((self._at - self._up * windows) // self._down)
        if ready <= 0:
            return b""
        pieces: list[bytes] = []
        for start in range(0, ready, _BATCH):
            steps = np.arange(start, min(start + _BATCH, ready), dtype=np.int64)
            pieces.append(self._compute(self._at + self._down * steps))
        used, self._at = divmod(self._at + self._down * ready, self._up)
        self._frames = self._frames[used:].copy()
        return b"".join(pieces)

    def _compute(self, at: NDArray[np.int64]) -> bytes:
        import numpy as np

        first, phase = np.divmod(at, self._up)
        weights = self._bank[phase] if self._up > _FEW_PHASES else None
        output = np.empty((len(at), self.channels))
        for channel in range(self.channels):
            line = np.ascontiguousarray(self._frames[:, channel])
            windows = np.lib.stride_tricks.sliding_window_view(line, 2 * self._half)
            if weights is not None:
                output[:, channel] = np.einsum("kt,kt->k", windows[first], weights)
                continue
            # frames of one phase lie evenly: no window is copied, which in a fresh process, where
            # large memory goes back to the system each time, would take most of the time
            for k in range(min(self._up, len(at))):
                rows = windows[first[k] :: self._down][: len(at[k :: self._up])]
                output[k :: self._up, channel] = np.einsum("kt,t->k", rows, self._bank[phase[k]])
        return np.clip(np.rint(output / _UNIT), -32768, 32767).astype("<i2").tobytes()


def resample(data: Bytes, from_hz: int, to_hz: int, channels: int = 1) -> bytes:
    """Convert a whole piece of PCM (16-bit little-endian, whole frames) to another sample rate.

    Raises:
        ConfigError: The data end inside a frame, or an argument is out of range.
    """
    resampler = Resampler(from_hz, to_hz, channels)
    check_whole(data, 2 * channels)
    return resampler.feed(data) + resampler.flush()


def _half_taps(up: int, down: int) -> int:
    """Input samples on each side of an output sample."""
    return math.ceil(_HALF_TAPS * max(1.0, down / up))


@lru_cache(maxsize=16)
def _bank(up: int, down: int) -> NDArray[np.float64]:
    """The weights, shape (up, taps): whole numbers, adding up to ``_UNIT`` but for rounding."""
    import numpy as np

    half = _half_taps(up, down)
    cutoff = _CUTOFF * min(1.0, up / down)
    distance = np.arange(up)[:, None] / up - np.arange(1 - half, half + 1)
    inside = np.sqrt(np.clip(1.0 - (distance / half) ** 2, 0.0, None))
    bank = np.sinc(cutoff * distance) * np.i0(_KAISER_BETA * inside)
    weights: NDArray[np.float64] = np.rint(bank * (_UNIT / bank.sum(axis=1, keepdims=True)))
    weights.setflags(write=False)
    return weights
