"""Real speech through eSpeak NG's C library, where the package ``espeakng-loader`` brings it.

The library keeps one global state, so one lock stands around it.  Found by its C header
``speak_lib.h``; nothing is loaded before it is first asked for.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import threading
from typing import Any

from .. import pcm
from .._log import get_logger

__all__ = ["is_available", "speak"]

_log = get_logger(__name__)
_lock = threading.Lock()

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_CHARS_UTF8 = 1
_BUFFER_MS = 200
_TO_HZ = 24_000

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def is_available() -> bool:
    """Whether speech can be made here."""
    return importlib.util.find_spec("espeakng_loader") is not None and _library() is not None


@functools.lru_cache(maxsize=256)
def speak(text: str) -> bytes:
    """Speak a text as PCM, 24 000 Hz, mono.  Any thread; a few milliseconds a sentence."""
    engine = _library()
    assert engine is not None, "is_available() was not asked"
    return engine.speak(text)


class _Engine:
    """The loaded library."""

    def __init__(self, library: Any, rate_hz: int) -> None:
        self._library = library
        self._rate_hz = rate_hz
        self._pieces: list[bytes] = []
        self._callback = _Callback(self._take)  # kept alive as long as the library may call it
        library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str) -> bytes:
        encoded = text.encode()
        with _lock:
            self._pieces = []
            self._library.espeak_Synth(
                encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, _CHARS_UTF8, None, None
            )
            self._library.espeak_Synchronize()
            sound = b"".join(self._pieces)
        return pcm.resample(sound, self._rate_hz, _TO_HZ)

    def _take(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._pieces.append(ctypes.string_at(samples, 2 * count))
        return 0


@functools.lru_cache(maxsize=1)
def _library() -> _Engine | None:
    try:
        loader: Any = importlib.import_module("espeakng_loader")
        library = ctypes.CDLL(loader.get_library_path())
        data_path = str(loader.get_data_path()).encode()
    except (ImportError, OSError) as error:
        _log.debug("espeak cannot be loaded: %s", error)
        return None
    rate_hz = library.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data_path, _DO_NOT_EXIT
    )
    if rate_hz <= 0:
        _log.debug("espeak cannot find its voices")
        return None
    library.espeak_SetVoiceByName(b"en-us")
    return _Engine(library, rate_hz)
