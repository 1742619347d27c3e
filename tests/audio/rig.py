"""A sound card made of software: PulseAudio with two null sinks, reached through ALSA.

::

    Speaker ─▶ ALSA "default" ─▶ sink spk ── spk.monitor ─▶ parec (recording), ALSA "loopback"
    paplay, feed() ─▶ sink micfeed ── micfeed.monitor ─▶ ALSA "default" ─▶ Microphone

One daemon in a folder of its own, without dbus or systemd, as root too. ``norewinds`` keeps the
sinks from rendering two seconds ahead.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livesdk import pcm

RATE_HZ = 48_000
_PATIENCE = 15.0

_ALSA = """
pcm.default { type pulse hint { show on description "the rig" } }
ctl.default { type pulse }
pcm.loopback { type pulse device spk.monitor hint { show on description "what is heard" } }
"""


class Rig:
    """The running sound card."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PULSE_SERVER": f"unix:{folder}/socket",
            "ALSA_CONFIG_PATH": f"{folder}/asound.conf",
            "XDG_RUNTIME_DIR": str(folder),
            "HOME": str(folder),
        }

    @contextmanager
    def running(self) -> Iterator[Rig]:
        (self.folder / "asound.conf").write_text(_ALSA)
        sinks = [
            f"module-null-sink sink_name={name} rate={RATE_HZ} channels=2 norewinds=1"
            for name in ("spk", "micfeed")
        ]
        native = f"module-native-protocol-unix socket={self.folder}/socket auth-anonymous=1"
        modules = [f"--load={module}" for module in (native, *sinks)]
        with (self.folder / "log").open("wb") as log:
            daemon = subprocess.Popen(
                [
                    "pulseaudio",
                    "-n",
                    "--daemonize=no",
                    "--use-pid-file=no",
                    "--exit-idle-time=-1",
                    "--disable-shm=yes",
                    *modules,
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait(daemon)
            self._control("set-default-sink", "spk")
            self._control("set-default-source", "micfeed.monitor")
            yield self
        finally:
            daemon.terminate()
            daemon.wait(_PATIENCE)

    def _wait(self, daemon: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        pause = threading.Event()
        while not self._answers():
            assert daemon.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            pause.wait(0.05)

    def _answers(self) -> bool:
        done = subprocess.run(
            ["pactl", "info"], env=self.environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def _control(self, *words: str) -> None:
        subprocess.run(["pactl", *words], env=self.environment, check=True, timeout=_PATIENCE)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Record what is heard, while the block runs."""
        process = subprocess.Popen(
            [
                "parec",
                "--device=spk.monitor",
                "--format=s16le",
                "--channels=1",
                f"--rate={RATE_HZ}",
                "--raw",
                "--latency-msec=10",
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
        )
        recording = Recording(process)
        try:
            recording.wait_ms(50)
            yield recording
        finally:
            recording.end()

    def say(self, sound: bytes, rate_hz: int) -> subprocess.Popen[bytes]:
        """Play into the microphone; returns at once."""
        path = self.folder / f"say-{time.monotonic_ns()}.wav"
        path.write_bytes(pcm.wav_bytes(sound, rate_hz))
        return subprocess.Popen(["paplay", "--device=micfeed", str(path)], env=self.environment)


class Recording:
    """What was heard: PCM, 16-bit, mono, 48 000 Hz."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._condition = threading.Condition()
        self._pieces: list[bytes] = []
        self._size = 0
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while True:
            piece = os.read(self._process.stdout.fileno(), 65536)
            if not piece:
                return
            with self._condition:
                self._pieces.append(piece)
                self._size += len(piece)
                self._condition.notify_all()

    def wait_ms(self, milliseconds: float) -> None:
        """Wait until so much more was recorded."""
        with self._condition:
            wanted = self._size + 2 * RATE_HZ * milliseconds / 1000
            assert self._condition.wait_for(lambda: self._size >= wanted, _PATIENCE)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._thread.join(_PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait(_PATIENCE)

    @property
    def sound(self) -> bytes:
        with self._condition:
            joined = b"".join(self._pieces)
        return joined[: len(joined) // 2 * 2]
