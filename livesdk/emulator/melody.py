"""Something to listen to for the music endpoint: an arpeggio, one note a beat.  Pure and cheap.

The prompts choose the root, the scale shifts it, ``bpm`` the length of the note, ``brightness`` the
octave, ``density`` the loudness.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from .. import pcm

__all__ = ["RATE_HZ", "beat"]

RATE_HZ = 48_000

_STEPS = (0, 4, 7, 12, 7, 4)  # half-tones of a major arpeggio
_LOWEST_HZ = 130.8
_BPM = 120
_ROOTS = (
    "C_",
    "D_FLAT",
    "D_",
    "E_FLAT",
    "E_",
    "F_",
    "G_FLAT",
    "G_",
    "A_FLAT",
    "A_",
    "B_FLAT",
    "B_",
)


def beat(prompts: Sequence[Mapping[str, Any]], config: Mapping[str, Any], number: int) -> bytes:
    """Return beat ``number`` as PCM, 48 000 Hz, stereo."""
    half_tones = _root(prompts, str(config.get("scale", ""))) + _STEPS[number % len(_STEPS)]
    octave = 1 if float(config.get("brightness", 0.5)) > 0.5 else 0
    loudness = 0.1 + 0.2 * float(config.get("density", 0.5))
    return _note(half_tones + 12 * octave, int(config.get("bpm", _BPM)), loudness)


def _root(prompts: Sequence[Mapping[str, Any]], scale: str) -> int:
    for half_tones, name in enumerate(_ROOTS):
        if scale.startswith(name):
            return half_tones
    heaviest = max(prompts, key=lambda prompt: float(prompt.get("weight", 0)), default={})
    return sum(map(ord, str(heaviest.get("text", "")))) % 12


@functools.lru_cache(maxsize=64)
def _note(half_tones: int, bpm: int, loudness: float) -> bytes:
    frequency_hz = _LOWEST_HZ * 2 ** (half_tones / 12)
    return pcm.mono_to_stereo(pcm.tone(frequency_hz, 60_000 / bpm, RATE_HZ, loudness))
