"""Finding a device, and a format that it takes.  Decides; what opens is the backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Optional, Union

from attrs import frozen

from ..errors import AudioError
from ._backend import Backend, Device, Direction, Stream

__all__ = [
    "WITHOUT_DEVICES",
    "DeviceName",
    "FormatRefused",
    "Opened",
    "choose",
    "default_backend",
    "list_devices",
]

DeviceName = Union[int, str, None]
"""An index, a part of the name, or ``None`` for the default."""

WITHOUT_DEVICES = "WavInput and WavOutput"
"""What does without a device, as errors name it; the command has other names for it."""

_COMMON_HZ = (48_000, 44_100, 32_000, 24_000, 16_000, 8_000)


class FormatRefused(AudioError):
    """The device is there, and does not take this rate or number of channels."""


@frozen(kw_only=True)
class Opened:
    """A running stream, and what it runs at."""

    stream: Stream
    device: Device
    rate_hz: int
    channels: int


def default_backend() -> Backend:
    """Return the machine's own sound system.

    Raises:
        AudioError: PyAudio is not installed; the text says how to install it.
    """
    from ._pyaudio import PyAudioBackend

    return PyAudioBackend()


def list_devices(backend: Optional[Backend] = None) -> list[Device]:
    """List the sound devices of this machine, as they are now.

    Raises:
        AudioError: PyAudio is not installed; the text says how to install it.
    """
    return (backend or default_backend()).devices()


def choose(devices: Sequence[Device], wanted: DeviceName, direction: Direction) -> Device:
    """Choose a device by index, by a part of its name (case does not matter), or the default.

    Of several with the name, the default one is taken, then an exact match, then the first.

    Raises:
        AudioError: There is none; the text lists those there are.
    """
    able = [device for device in devices if device.channels(direction)]
    if not able:
        raise AudioError(
            f"there is no {direction} device on this machine; plug one in,"
            f" or use WAV files: {WITHOUT_DEVICES}"
        )
    if wanted is None:
        return next((device for device in able if device.is_default(direction)), able[0])
    if isinstance(wanted, int):
        found = [device for device in able if device.index == wanted]
    else:
        part = wanted.lower()
        found = [device for device in able if part in device.name.lower()]
        found.sort(key=lambda each: (each.name.lower() != part, not each.is_default(direction)))
    if not found:
        names = "; ".join(f"{device.index}: {device.name}" for device in able)
        raise AudioError(f"no {direction} device {wanted!r}; there are: {names}")
    return found[0]


def open_negotiated(
    backend: Backend,
    direction: Direction,
    device: Device,
    *,
    rate_hz: int,
    channels: int,
    block_ms: float,
    callback: Callable[..., object],
) -> Opened:
    """Open a device at the wanted rate, or the nearest that it takes.

    Tried in turn: the wanted rate, the device's own, then common ones; each with the wanted number
    of channels, then with the other of one and two.

    Raises:
        AudioError: The device is missing or busy, or takes no format at all.
    """
    refusal: Optional[FormatRefused] = None
    for count in dict.fromkeys((channels, 3 - channels)):
        if count > device.channels(direction):
            continue
        for rate in dict.fromkeys((rate_hz, device.rate_hz, *_COMMON_HZ)):
            frames = max(1, round(rate * block_ms / 1000))
            try:
                stream = backend.open(direction, device, rate, count, frames, callback)
            except FormatRefused as error:
                refusal = refusal or error
                continue
            return Opened(stream=stream, device=device, rate_hz=rate, channels=count)
    raise AudioError(f"{device.name}: takes no format that could be used: {refusal}") from refusal
