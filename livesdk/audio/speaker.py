"""The speaker: whoever writes fills a queue, the device's thread empties it."""

from __future__ import annotations

import threading
import time
from typing import Optional

from .._checks import check_duration, check_whole_number
from .._log import get_logger
from ._backend import Backend
from ._lasting import LONGEST_BLOCK_MS, LastingDevice
from ._queued import QueuedOutput
from .devices import DeviceName, Opened, choose, default_backend, open_negotiated

__all__ = ["Speaker"]

_log = get_logger(__name__)

_LONGEST_PREBUFFER_MS = 60_000.0


class Speaker(QueuedOutput):
    """A sound device to play on.

    Takes PCM, 16-bit little-endian, at ``rate_hz`` and ``channels``, whatever the device runs at.
    Sound may be written much faster than it is heard.  A device that goes away is replaced by the
    system's default one, and what waits is played there if that one takes the same format.

    ::

        speaker.write(chunk)  # any number of times
        speaker.end_of_turn()  # no more for now: do not wait for a full buffer
        speaker.flush()  # silence within three blocks and the device's own latency
        speaker.drain()  # until the last sample was heard

    Args:
        device: An index, a part of the name, or ``None`` for the default; see
            :func:`list_devices`.
        rate_hz: Frames a second of what is written.
        channels: 1, or 2 for music.
        block_ms: How much the device takes at a time.  A soft :meth:`flush` is heard three to four
            blocks later, so 15 keeps 60 ms; 40 bears a busy process; 500 at most.
        prebuffer_ms: How much is gathered before a turn begins to sound, so that a late chunk
            leaves no gap; a turn shorter than that, or as old, sounds anyway.
        reopen_s: How long a lost device is looked for before :meth:`poll` raises.
        backend: Another sound system, for tests.

    Attributes:
        device_underruns: How often the system said that the device ran dry.

    Raises:
        ConfigError: A number is out of its range.
    """

    def __init__(
        self,
        device: DeviceName = None,
        *,
        rate_hz: int = 24_000,
        channels: int = 1,
        block_ms: int = 15,
        prebuffer_ms: float = 80.0,
        reopen_s: float = 10.0,
        backend: Optional[Backend] = None,
    ) -> None:
        check_whole_number("rate_hz", rate_hz)
        check_whole_number("channels", channels, 2)
        check_whole_number("block_ms", block_ms, LONGEST_BLOCK_MS)
        check_duration("prebuffer_ms", prebuffer_ms, _LONGEST_PREBUFFER_MS)
        check_duration("reopen_s", reopen_s)
        super().__init__(rate_hz=rate_hz, channels=channels, prebuffer_ms=prebuffer_ms)
        self.device_underruns = 0
        self._block = block_ms
        self._backend = backend
        playback = self._playback
        self._device = LastingDevice(
            "speaker", device, reopen_s, self._open, lambda: playback.touched_at
        )

    # ------------------------------------------------------------------------------ the interface

    def start(self) -> None:
        """Open the device; nothing happens if it is open.

        Raises:
            AudioError: PyAudio is not installed, or the device is missing, busy or of no use.
        """
        self._device.start()

    def stop(self) -> None:
        """Close the device and throw away what waits; any thread, any number of times."""
        self._device.stop()
        self._playback.flush()

    def poll(self) -> None:
        """Look whether the device is still there, and for another if not.

        Raises:
            AudioError: The device is gone, and no other came in ``reopen_s`` seconds.
        """
        self._device.poll()

    # ------------------------------------------------------------------------------ what is known

    @property
    def device_name(self) -> Optional[str]:
        """What is being played on; ``None`` while stopped or lost."""
        return self._device.name

    @property
    def device_rate_hz(self) -> Optional[int]:
        """What the device runs at; ``None`` while stopped or lost."""
        return self._device.rate_hz

    @property
    def latency_ms(self) -> float:  # type: ignore[override]  # asked of the device
        """From the device's call to the sound in the room, as the system estimates it."""
        return self._device.latency_ms

    # ---------------------------------------------------------------------------------- the device

    def _take(self, size: int, ran_dry: bool) -> bytes:
        """Fill a block: the device's call."""
        self.device_underruns += ran_dry
        return self._playback.take(size)

    def _open(self, wanted: DeviceName) -> Opened:
        backend = self._backend or default_backend()
        device = choose(backend.devices(), wanted, "output")
        starting = threading.Event()  # until the format is known, the device gets silence
        opened = open_negotiated(
            backend,
            "output",
            device,
            rate_hz=self.rate_hz,
            channels=self.channels,
            block_ms=self._block,
            callback=lambda size, dry: self._take(size, dry) if starting.is_set() else bytes(size),
        )
        if (opened.rate_hz, opened.channels) != (self._playback.rate_hz, self._playback.channels):
            self._playback.reformat(opened.rate_hz, opened.channels)
        self._playback.touched_at = time.monotonic()
        starting.set()
        _log.debug("speaker %r at %d Hz, %d channels", device.name, opened.rate_hz, opened.channels)
        return opened

    def _drop_taken(self) -> None:
        self._device.restart()

    def _runs(self) -> bool:
        return self._device.runs

    def _wait_stopped(self, seconds: float) -> bool:
        return self._device.wait_stopped(seconds)

    def _block_ms(self) -> float:
        return float(self._block)
