"""What some tests need beyond the package, who has it, and whether it may be missing.

A test says ``@pytest.mark.requires("voice")``. Where that is missing the test is skipped;
where ``LIVESDK_REQUIRE`` is ``all``, or a comma-separated list that has the name, it fails
instead. ``conftest.py`` does both.

A need with an environment of its own is checked in that tox environment and nowhere else:
``pytest --environment voice`` runs those tests only, ``pytest --environment py`` all others,
and a plain ``pytest`` everything.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Callable, NamedTuple


class Need(NamedTuple):
    """One thing that may be missing."""

    present: Callable[[], bool]
    hint: str
    environment: str = "py"


def load(module: str) -> ModuleType | None:
    """Import an optional module at the top of a test file; None where it is missing.

    ``pytest.importorskip`` there would skip the whole file without a name that
    ``LIVESDK_REQUIRE`` could hold it to.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def required(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether ``LIVESDK_REQUIRE`` forbids that a test skips for want of *name*."""
    asked = {part.strip() for part in environ.get("LIVESDK_REQUIRE", "").split(",")}
    return bool(asked & {"all", name})


def _modules(*names: str) -> Callable[[], bool]:
    return lambda: all(_findable(name) for name in names)


def _findable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that should hold it is missing
        return False


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _pulse() -> bool:
    """PulseAudio, its tools, and ALSA's way to it."""
    plugin = Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so")
    programs = ("pulseaudio", "pactl", "paplay", "parec")
    return all(map(shutil.which, programs)) and any(plugin)


def _loopback_has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


NEEDS: dict[str, Need] = {
    "aec": Need(_modules("livekit.rtc"), 'pip install "livesdk[aec]"', "audio"),
    "atheris": Need(_modules("atheris"), "run tox -e fuzz", "fuzz"),
    "audio": Need(_modules("pyaudio"), 'pip install "livesdk[audio]"', "audio"),
    "autobahn": Need(
        lambda: shutil.which(os.environ.get("LIVESDK_WSTEST", "")) is not None,
        "run tox -e autobahn, with a python2.7 on PATH",
        "autobahn",
    ),
    "cli": Need(_modules("click", "rich"), 'pip install "livesdk[cli]"'),
    "emulator": Need(_modules("websockets"), 'pip install "livesdk[emulator]"'),
    "fuzz": Need(lambda: True, "nothing: only long", "fuzz"),
    "genai": Need(_modules("google.genai"), "run tox -e peers", "peers"),
    "gevent": Need(_modules("gevent"), "run tox -e gevent", "gevent"),
    "ipv6": Need(_loopback_has_ipv6, "bring up IPv6 on the loopback interface"),
    "node": Need(_program("node"), "run tox -e peers", "peers"),
    "openssl": Need(_program("openssl"), "install Debian's openssl"),
    "pulse": Need(
        _pulse, "install Debian's pulseaudio, pulseaudio-utils and libasound2-plugins", "audio"
    ),
    "speech": Need(
        _modules("espeakng_loader", "pocketsphinx"), 'pip install "livesdk[voice]"', "audio"
    ),
    "tk": Need(_modules("_tkinter"), "install Python's Tk, e.g. Debian's python3-tk"),
    "vertex": Need(_modules("google.auth"), 'pip install "livesdk[vertex]"'),
    "voice": Need(
        _modules("espeakng_loader", "pocketsphinx"), 'pip install "livesdk[voice]"', "voice"
    ),
}
