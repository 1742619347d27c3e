"""PortAudio through PyAudio: the one place that imports it.

Callback mode only: in blocking mode closing a stream from another thread can abort the process.
PortAudio's own state is global to the process, so one lock stands around opening, closing and
listing; no callback takes it.  Each stream keeps PortAudio initialised; once the last one is
closed, the next look at the devices sees what was plugged in meanwhile.

The callback is a border: it catches everything, since an exception there would surface in some
other thread and end the stream; and it always returns a full block, since less would end it too.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Optional

from .._log import get_logger
from ..errors import AudioError
from ._backend import Device, Direction, Stream
from .devices import WITHOUT_DEVICES, FormatRefused

__all__ = ["PyAudioBackend"]

_log = get_logger(__name__)
_portaudio_lock = threading.RLock()
_silenced: list[Any] = []  # the C functions given away must live as long as the libraries

_INVALID_RATE = -9997
_INVALID_CHANNELS = -9998
_FORMAT_NOT_SUPPORTED = -9994
_REFUSALS = (_INVALID_RATE, _INVALID_CHANNELS, _FORMAT_NOT_SUPPORTED)

_INSTALL = f"""\
microphone and speaker need PyAudio, which is not installed:
  Debian, Ubuntu   apt-get install portaudio19-dev gcc python3-dev; pip install "livesdk[audio]"
  macOS            brew install portaudio; pip install "livesdk[audio]"
  Windows          pip install "livesdk[audio]"   (wheels for Python 3.8 to 3.13)
Without it, WAV files work: {WITHOUT_DEVICES}"""


def _load() -> Any:
    try:
        import pyaudio
    except ImportError as error:
        raise AudioError(_INSTALL) from error
    return pyaudio


class PyAudioBackend:
    """The machine's sound system.

    Raises:
        AudioError: PyAudio is not installed; the text says how to install it.
    """

    def __init__(self) -> None:
        self._pyaudio = _load()

    def devices(self) -> list[Device]:
        """List the devices; see :class:`Backend`."""
        with _portaudio_lock, self._instance() as portaudio:
            return list(_devices_of(portaudio))

    def open(
        self,
        direction: Direction,
        device: Device,
        rate_hz: int,
        channels: int,
        block_frames: int,
        callback: Callable[..., Any],
    ) -> Stream:
        """Open and start a stream; see :class:`Backend`."""
        border = _input_border if direction == "input" else _output_border
        with _portaudio_lock:
            portaudio = self._start()
            try:
                stream = portaudio.open(
                    rate=rate_hz,
                    channels=channels,
                    format=self._pyaudio.paInt16,
                    frames_per_buffer=block_frames,
                    stream_callback=border(self._pyaudio, callback, 2 * channels),
                    **_place(direction, device.index),
                )
            except (OSError, ValueError) as error:
                portaudio.terminate()
                raise _refused(device, direction, rate_hz, error) from error
            except BaseException:
                portaudio.terminate()
                raise
        return _PyAudioStream(portaudio, stream, direction)

    @contextlib.contextmanager
    def _instance(self) -> Iterator[Any]:
        portaudio = self._start()
        try:
            yield portaudio
        finally:
            portaudio.terminate()

    def _start(self) -> Any:
        _silence_libraries()
        try:
            return self._pyaudio.PyAudio()
        except OSError as error:
            raise AudioError(f"the sound system cannot be used: {error}") from error


class _PyAudioStream:
    """A running stream, with PortAudio kept up for it."""

    def __init__(self, portaudio: Any, stream: Any, direction: Direction) -> None:
        self._portaudio = portaudio
        self._stream = stream
        self._direction = direction
        self._closed = False

    @property
    def is_active(self) -> bool:
        with contextlib.suppress(OSError):
            return not self._closed and bool(self._stream.is_active())
        return False

    @property
    def latency_ms(self) -> float:
        if self._closed:
            return 0.0
        with contextlib.suppress(OSError):
            if self._direction == "input":
                return 1000.0 * float(self._stream.get_input_latency())
            return 1000.0 * float(self._stream.get_output_latency())
        return 0.0

    def restart(self) -> None:
        with _portaudio_lock:
            if self._closed:
                return
            try:
                _abort(self._stream)
                self._stream.start_stream()
            except OSError as error:
                raise AudioError(f"the device does not go on: {_words(error)}") from error

    def close(self) -> None:
        with _portaudio_lock:
            if self._closed:
                return
            self._closed = True
            for step in (self._stream.close, self._portaudio.terminate):
                try:
                    step()
                except OSError as error:  # of a device that has gone
                    _log.debug("closing a stream: %s", _words(error))


def _abort(stream: Any) -> None:
    """Stop without playing out: PyAudio's public ``stop_stream`` would, with some systems."""
    native = getattr(stream, "_stream", None)
    abort = getattr(sys.modules.get("pyaudio._portaudio"), "abort_stream", None)
    if abort is None or native is None:
        stream.stop_stream()
        return
    abort(native)
    stream._is_running = False


def _place(direction: Direction, index: int) -> dict[str, Any]:
    return {direction: True, f"{direction}_device_index": index}


# ------------------------------------------------------------------------------- the fourth border


def _input_border(pyaudio: Any, put: Callable[..., Any], _width: int) -> Callable[..., Any]:
    overflow, go_on = pyaudio.paInputOverflow, pyaudio.paContinue

    def callback(data: Optional[bytes], _frames: int, _time: Any, flags: int) -> Any:
        try:
            put(data or b"", bool(flags & overflow))
        except BaseException:  # noqa: BLE001  # a border: see the module
            _log.exception("the microphone's callback failed")
        return None, go_on

    return callback


def _output_border(pyaudio: Any, take: Callable[..., Any], width: int) -> Callable[..., Any]:
    underflow, go_on = pyaudio.paOutputUnderflow, pyaudio.paContinue

    def callback(_data: Optional[bytes], frames: int, _time: Any, flags: int) -> Any:
        size = frames * width
        block = b""
        try:
            block = take(size, bool(flags & underflow))
        except BaseException:  # noqa: BLE001  # a border: see the module
            _log.exception("the speaker's callback failed")
        return block.ljust(size, b"\0")[:size], go_on

    return callback


# ---------------------------------------------------------------------------------- devices, words


def _devices_of(portaudio: Any) -> Iterator[Device]:
    defaults = []
    for ask in (portaudio.get_default_input_device_info, portaudio.get_default_output_device_info):
        try:
            defaults.append(ask()["index"])
        except OSError:
            defaults.append(None)
    for index in range(portaudio.get_device_count()):
        facts = portaudio.get_device_info_by_index(index)
        host = portaudio.get_host_api_info_by_index(facts["hostApi"])
        yield Device(
            index=index,
            name=str(facts["name"]),
            host=str(host["name"]),
            inputs=int(facts["maxInputChannels"]),
            outputs=int(facts["maxOutputChannels"]),
            rate_hz=int(facts["defaultSampleRate"]) or 48_000,
            is_default_input=index == defaults[0],
            is_default_output=index == defaults[1],
        )


def _refused(device: Device, direction: str, rate_hz: int, error: Exception) -> AudioError:
    numbers = [argument for argument in error.args if isinstance(argument, int)]
    if set(numbers) & set(_REFUSALS):
        return FormatRefused(f"{rate_hz} Hz: {_words(error)}")
    return AudioError(
        f"the {direction} device {device.name!r} cannot be opened: {_words(error)};"
        " it may be in use by another program: close that, or choose one of `livesdk devices`"
    )


def _words(error: Exception) -> str:
    return ", ".join(str(argument) for argument in error.args) or type(error).__name__


# ------------------------------------------------------------------------------------------- noise


def _silence_libraries() -> None:
    """Keep ALSA and JACK from writing to stderr about devices that do not exist; once."""
    if _silenced or not sys.platform.startswith("linux"):
        return
    quiet_alsa = ctypes.CFUNCTYPE(
        None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
    )(_say_nothing)
    quiet_jack = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(_say_nothing)
    _silenced.extend((quiet_alsa, quiet_jack))
    for library, function, handler in (
        ("libasound.so.2", "snd_lib_error_set_handler", quiet_alsa),
        ("libjack.so.0", "jack_set_error_function", quiet_jack),
        ("libjack.so.0", "jack_set_info_function", quiet_jack),
    ):
        with contextlib.suppress(OSError, AttributeError):
            getattr(ctypes.CDLL(library), function)(handler)


def _say_nothing(*_: Any) -> None:
    """Take the place of what prints."""
