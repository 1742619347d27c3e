"""Telling apart a few phrases in real speech, through pocketsphinx (extra ``voice``).

No dictation: speech is compared with the phrases of a scenario, as a JSGF grammar, and the best one
is taken if it fits nearly as well as any row of sounds would (a second search, over phones alone),
and has about as many of them.  What fits none is not recognised; short words that sound alike may
still be taken for one another.

Decoders are not made for several threads: one lock stands around their use.  Nothing is loaded
before it is first asked for.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import re
import threading
from collections.abc import Sequence
from typing import Any

from .. import pcm
from .._log import get_logger

__all__ = ["is_available", "recognise"]

_log = get_logger(__name__)
_lock = threading.Lock()

_RATE_HZ = 16_000
_BLOCK_BYTES = 3_200
_AFTER_MS = 300.0  # the last sound needs something after it
_MISFIT = 0.1  # by how much a phrase may fit worse than the best row of sounds, in nepers
_MISFIT_PER_S = 0.4
_SHORTEST, _LONGEST = 0.7, 1.8  # how many sounds there are, for each of the phrase
_WIDE = {"beam": 1e-150, "pbeam": 1e-150, "wbeam": 1e-120, "maxhmmpf": -1, "bestpath": False}
_WORD = re.compile(r"[a-z']+")


def is_available() -> bool:
    """Whether speech can be recognised here."""
    return importlib.util.find_spec("pocketsphinx") is not None


def recognise(sound: bytes, rate_hz: int, phrases: Sequence[str]) -> str | None:
    """Return the phrase that was said, or ``None``.

    Args:
        sound: One utterance: PCM, 16-bit little-endian, mono.
        rate_hz: Its rate.
        phrases: What may have been said; case and punctuation do not matter.
    """
    if not (phrases and sound and is_available()):
        return None
    audible = pcm.resample(sound, rate_hz, _RATE_HZ)
    with _lock:
        grammar = _grammar(tuple(phrases))
        if grammar is None:
            return None
        return grammar.match(audible)


class _Grammar:
    """Phrases, ready to be listened for.

    Args:
        decoder: Pocketsphinx's.
        phrases: From the words alone, in lower case, to the phrase as it was given.
    """

    def __init__(self, decoder: Any, phrases: dict[str, str]) -> None:
        self._decoder = decoder
        self._phrases = phrases
        self._mean = decoder.get_cmn(False)
        self._lengths = {words: _length_of(decoder, words) for words in phrases}
        rule = " | ".join(phrases)
        decoder.add_jsgf_string("phrases", f"#JSGF V1.0;\ngrammar g;\npublic <u> = {rule};\n")
        decoder.add_allphone_file("sounds", None)

    def match(self, sound: bytes) -> str | None:
        padded = sound + pcm.silence(_AFTER_MS, _RATE_HZ)
        words, fit = self._decode("phrases", padded)
        if words not in self._phrases:
            return None
        sounds, best = self._decode("sounds", padded)
        length = sum(sound.isalpha() and sound != "SIL" for sound in sounds.split())
        if not _SHORTEST <= length / self._lengths[words] <= _LONGEST:
            return None
        seconds = pcm.duration_ms(sound, _RATE_HZ) / 1000
        misfit = math.log(best / fit) if fit > 0 and best > 0 else math.inf
        _log.debug("heard %r, misfit %.2f in %.1f s", words, misfit, seconds)
        return self._phrases[words] if misfit <= _MISFIT + _MISFIT_PER_S * seconds else None

    def _decode(self, search: str, sound: bytes) -> tuple[str, float]:
        decoder = self._decoder
        decoder.activate_search(search)
        decoder.set_cmn(self._mean)  # what was heard before must not matter
        decoder.start_utt()
        for block in pcm.chunks(sound, _BLOCK_BYTES):
            decoder.process_raw(block)
        decoder.end_utt()
        found = decoder.hyp()
        return (found.hypstr, found.best_score) if found else ("", 0.0)


def _length_of(decoder: Any, words: str) -> int:
    """How many sounds the words have."""
    return sum(len(decoder.lookup_word(word).split()) for word in words.split())


@functools.lru_cache(maxsize=8)
def _grammar(phrases: tuple[str, ...]) -> _Grammar | None:
    """Make a grammar of the phrases whose words the dictionary has; the caller holds the lock."""
    module: Any = importlib.import_module("pocketsphinx")
    decoder = module.Decoder(loglevel="FATAL", samprate=_RATE_HZ, lm=None, **_WIDE)
    known = {}
    for phrase in phrases:
        words = _WORD.findall(phrase.lower())
        missing = [word for word in words if decoder.lookup_word(word) is None]
        if missing or not words:
            _log.warning("%r cannot be recognised: unknown %s", phrase, missing)
        else:
            known[" ".join(words)] = phrase
    return _Grammar(decoder, known) if known else None
