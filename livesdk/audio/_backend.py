"""What a sound system has to offer: devices, and streams that call back.

The seam between :class:`Microphone`, :class:`Speaker` and whatever drives the hardware: PyAudio
(``_pyaudio``) or a fake (``fake``).  Callbacks come from the device's own thread; whoever makes a
stream passes functions that neither block nor raise nor call back into it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from attrs import frozen

__all__ = ["Backend", "Device", "Direction", "Put", "Stream", "Take"]

Direction = Literal["input", "output"]

Put = Callable[[bytes, bool], None]
"""Takes a captured block, and whether sound was lost before it."""

Take = Callable[[int, bool], bytes]
"""Returns so many bytes to be played; told whether the device ran dry before."""


@frozen(kw_only=True)
class Device:
    """A sound device, as the system lists it.

    Attributes:
        index: What the sound system calls it; may change when a device is plugged in.
        name: What people call it.
        host: The interface it is reached by, such as ``"ALSA"``, ``"Core Audio"``, ``"WASAPI"``.
        inputs: How many channels it can capture; 0 if none.
        outputs: How many channels it can play; 0 if none.
        rate_hz: Its own sample rate.
        is_default_input: Taken where none is named.
        is_default_output: Taken where none is named.
    """

    index: int
    name: str
    host: str = ""
    inputs: int = 0
    outputs: int = 0
    rate_hz: int = 48_000
    is_default_input: bool = False
    is_default_output: bool = False

    def channels(self, direction: Direction) -> int:
        """How many channels it has in a direction."""
        return self.inputs if direction == "input" else self.outputs

    def is_default(self, direction: Direction) -> bool:
        """Whether it is taken where none is named."""
        return self.is_default_input if direction == "input" else self.is_default_output


class Stream(Protocol):
    """An open, running stream."""

    @property
    def is_active(self) -> bool:
        """False once the device has gone."""
        ...

    @property
    def latency_ms(self) -> float:
        """As the system estimates it."""
        ...

    def restart(self) -> None:
        """Throw away what the device has taken, and go on.

        Raises:
            AudioError: It does not go on.
        """

    def close(self) -> None:
        """Stop; no callback runs once this returned.  Never raises."""


class Backend(Protocol):
    """A sound system."""

    def devices(self) -> list[Device]:
        """List the devices, as they are now.

        Raises:
            AudioError: The system cannot be used.
        """
        ...

    def open(
        self,
        direction: Direction,
        device: Device,
        rate_hz: int,
        channels: int,
        block_frames: int,
        callback: Callable[..., object],
    ) -> Stream:
        """Open a stream and start it; blocks as long as the system takes.

        Args:
            direction: Which way the sound goes.
            device: One of :meth:`devices`.
            rate_hz: Frames a second.
            channels: Samples a frame.
            block_frames: Frames of each call.
            callback: :data:`Put` for an input, :data:`Take` for an output.

        Raises:
            AudioError: The device is missing or busy.
            FormatRefused: It does not take this rate or number of channels.
        """
        ...
