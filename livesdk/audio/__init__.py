"""Sound in and out: devices, WAV files, phone lines, and the two interfaces they share.

::

    AudioInput                           AudioOutput
    ├─ Microphone     a device           ├─ Speaker         a device
    ├─ WavInput       a file             ├─ WavOutput       a file
    └─ IteratorInput  your own chunks    └─ CallableOutput  your own function

Devices need the extra ``audio`` (PyAudio); nothing else here does, and nothing is loaded before it
is used.  A device's own thread only moves bytes (``_capture``, ``_playback``); sample rates, levels
and everything else are the business of whoever reads or writes.  :class:`FakeBackend` stands in
for the sound card, in this package's tests and in yours.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._backend import Device as Device
    from .base import AudioInput as AudioInput, AudioOutput as AudioOutput
    from .devices import list_devices as list_devices
    from .echo import WebRtcCanceller as WebRtcCanceller
    from .fake import FakeBackend as FakeBackend
    from .files import (
        CallableOutput as CallableOutput,
        IteratorInput as IteratorInput,
        WavInput as WavInput,
        WavOutput as WavOutput,
    )
    from .microphone import Microphone as Microphone
    from .speaker import Speaker as Speaker

_WHERE = {
    "AudioInput": "base",
    "AudioOutput": "base",
    "CallableOutput": "files",
    "Device": "_backend",
    "FakeBackend": "fake",
    "IteratorInput": "files",
    "Microphone": "microphone",
    "Speaker": "speaker",
    "WavInput": "files",
    "WavOutput": "files",
    "WebRtcCanceller": "echo",
    "list_devices": "devices",
}

__all__ = [*_WHERE]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]  # one table, not two


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
