"""Text to sound: the seam behind which a synthesiser may stand.  24 000 Hz, mono, 16-bit PCM.

``"tones"`` hums: one short tone for each vowel group, its pitch taken from the letters, so that the
same text always sounds the same and speech detectors find speech.  ``"espeak"`` speaks, through the
library that ``espeakng-loader`` ships (extra ``voice``).  ``"auto"`` takes what is there.
"""

from __future__ import annotations

import functools
import re
from typing import Callable

from .. import pcm
from ..errors import ConfigError
from . import _espeak

__all__ = ["RATE_HZ", "Voice", "choose_voice", "hum"]

RATE_HZ = 24_000

Voice = Callable[[str], bytes]
"""From text to PCM, 24 000 Hz, mono."""

_SYLLABLE = re.compile(r"[^aeiouy\W]*[aeiouy]+|[^aeiouy\W]+", re.IGNORECASE)
_SYLLABLE_MS = 130.0
_GAP_MS = 25.0
_WORD_GAP_MS = 60.0
_STOP_MS = 220.0
_LOWEST_HZ = 140


def choose_voice(name: str | Voice) -> Voice:
    """Return a voice: ``"auto"``, ``"tones"``, ``"espeak"``, or a function of one's own.

    Raises:
        ConfigError: Another name, or espeak where it cannot be loaded.
    """
    if callable(name):
        return name
    if name == "tones" or (name == "auto" and not _espeak.is_available()):
        return hum
    if name == "auto":
        return _espeak.speak
    if name != "espeak":
        raise ConfigError(f"voice={name!r}; 'auto', 'tones', 'espeak' or a function is expected")
    if not _espeak.is_available():
        raise ConfigError("voice='espeak' needs the extra 'voice' (pip install 'livesdk[voice]')")
    return _espeak.speak


@functools.lru_cache(maxsize=256)
def hum(text: str) -> bytes:
    """Hum a text: about 6 syllables a second, words and sentences set apart."""
    sound: list[bytes] = []
    for word in text.split():
        for syllable in _SYLLABLE.findall(word) or ["."]:
            sound.append(_syllable(_pitch(syllable)))
            sound.append(_pause(_GAP_MS))
        sound.append(_pause(_STOP_MS if word[-1] in ".!?" else _WORD_GAP_MS))
    return b"".join(sound)


def _pitch(syllable: str) -> int:
    """One of 16 pitches, the same for the same letters in every process."""
    return _LOWEST_HZ + 10 * (sum(map(ord, syllable.lower())) % 16)


@functools.lru_cache(maxsize=32)
def _syllable(pitch_hz: int) -> bytes:
    return pcm.tone(pitch_hz, _SYLLABLE_MS, RATE_HZ)


@functools.lru_cache(maxsize=8)
def _pause(milliseconds: float) -> bytes:
    return pcm.silence(milliseconds, RATE_HZ)
