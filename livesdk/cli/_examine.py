"""What the doctor looks at: one function a thing, each returning what it found.

No finding shows a key, a token, or the password of a proxy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Optional, Union

import attrs

from .. import __version__
from ..endpoint import Access, resolve, service_url
from ..errors import ConfigError, LiveError
from ._service import emulated_client, find_credential, what_lacks

__all__ = [
    "Finding",
    "configured",
    "dependencies",
    "devices",
    "emulator",
    "handshake",
    "installed",
    "reachable",
]

_NOT_FOR_PROGRAMS = ("bench", "dev")
"""Extras for who works on livesdk."""

_VARIABLES = (
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "GOOGLE_GENAI_API_VERSION",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
_SECONDS = 5.0

_DEVICES = """
import json, pyaudio
audio = pyaudio.PyAudio()
found = [audio.get_device_info_by_index(i) for i in range(audio.get_device_count())]
print(json.dumps([[d["name"], d["maxInputChannels"], d["maxOutputChannels"]] for d in found]))
"""
"""Run in a process of its own: sound libraries write to stderr, and now and then crash."""


@attrs.frozen
class Finding:
    """What was found of one thing.

    Attributes:
        subject: The thing.
        text: What was found.
        good: True: it works.  False: it is configured, and does not.  ``None``: it is not there,
            which is no fault.
        advice: What to do about it.
    """

    subject: str
    text: str
    good: Optional[bool] = True
    advice: str = ""


# -------------------------------------------------------------------------------------- installed


def installed() -> Iterator[Finding]:
    """Look at versions, of what is needed and of every extra."""
    place = Path(__file__).resolve().parent.parent
    yield Finding("livesdk", f"{__version__}, in {place}")
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("platform", platform.platform())
    yield from dependencies()


def dependencies() -> Iterator[Finding]:
    """Look at what livesdk's own metadata asks for: the core first, then each extra."""
    try:
        lines = metadata.requires("livesdk") or []
    except metadata.PackageNotFoundError:
        yield Finding("dependencies", "pip does not know this copy", None, _pip("."))
        return
    extras: dict[str, list[str]] = {}
    for line in lines:
        names = extras.setdefault(_first(r"extra == ['\"]([\w-]+)", line), [])
        names.append(_first(r"^([\w.-]+)", line))
    for name in extras.pop("", []):
        version = _version(name)
        yield Finding(name, version or "missing", bool(version), "" if version else _pip("livesdk"))
    for extra, names in extras.items():
        if extra not in _NOT_FOR_PROGRAMS:
            yield _extra(extra, names)


def _first(pattern: str, line: str) -> str:
    found = re.search(pattern, line)
    return found[1] if found else ""


def _extra(extra: str, names: list[str]) -> Finding:
    versions = {name: _version(name) for name in names if _has_wheel(name)}
    told = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    if all(versions.values()):
        return Finding(f"extra {extra}", told)
    return Finding(f"extra {extra}", told, None, _pip(f"livesdk[{extra}]"))


def _has_wheel(name: str) -> bool:
    """As setup.cfg says: pocketsphinx begins with Python 3.10."""
    return name != "pocketsphinx" or sys.version_info >= (3, 10)


def _version(distribution: str) -> Optional[str]:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _pip(what: str) -> str:
    return f'python -m pip install "{what}"'


# ------------------------------------------------------------------------------------- configured


def configured() -> Iterator[Finding]:
    """Look at the environment: which credential, and what else decides where to connect."""
    variable = find_credential(os.environ)
    lacks = what_lacks(os.environ)
    if lacks:
        yield Finding("credential", "none: the commands ask for one", None, lacks)
    elif variable is None:
        advice = "set GEMINI_API_KEY to talk to the service (https://aistudio.google.com/apikey)"
        yield Finding("credential", "none: the commands use the emulator", None, advice)
    else:
        yield Finding("credential", f"from {variable} (not shown)")
    for name in _VARIABLES:
        if os.environ.get(name):
            yield Finding(name, _without_password(os.environ[name]))


def _without_password(value: str) -> str:
    parts = urllib.parse.urlsplit(value) if "://" in value else None
    if parts is None or "@" not in parts.netloc:
        return value
    return value.replace(parts.netloc, f"…@{parts.netloc.rpartition('@')[2]}", 1)


# -------------------------------------------------------------------------------------- reachable


def reachable() -> Iterator[Finding]:
    """Look up and greet the server, without a key; a fault only if a credential is there."""
    needed = find_credential(os.environ) is not None
    try:
        url = urllib.parse.urlsplit(service_url(_access()))
    except LiveError as error:
        yield _failed("endpoint", error)
        return
    host, is_tls = url.hostname or "", url.scheme == "wss"
    port = url.port or (443 if is_tls else 80)
    proxy = _proxy_of(host)
    if proxy:
        yield Finding("proxy", f"{proxy} goes between; the handshake shows whether it does")
        return
    try:
        yield Finding("DNS", f"{host} is {_look_up(host, port)}")
        yield Finding("TLS", _greet(host, port) if is_tls else f"{url.scheme}: plain, as asked")
    except OSError as error:
        text = f"{host}, port {port}: {error}"
        advice = "is this machine online, and is a proxy needed (HTTPS_PROXY)?"
        yield Finding("network", text, False if needed else None, advice if needed else "")


def _access() -> Access:
    if find_credential(os.environ) is None:
        return resolve(os.environ, api_key="none", vertexai=False)
    return resolve(os.environ)


def _proxy_of(host: str) -> Optional[str]:
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    return _without_password(proxy)


def _look_up(host: str, port: int) -> str:
    """Resolve a name; the system's own call cannot be interrupted, so a thread makes it."""
    found: list[Union[str, OSError]] = []

    def look() -> None:
        try:
            found.append(str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=look, name="livesdk-doctor-dns", daemon=True)
    thread.start()
    thread.join(_SECONDS)
    if not found:
        raise TimeoutError(f"no answer to the name within {_SECONDS:.0f} s")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def _greet(host: str, port: int) -> str:
    context = ssl.create_default_context()
    plain = socket.create_connection((host, port), timeout=_SECONDS)
    with plain, context.wrap_socket(plain, server_hostname=host) as tls:
        return f"{tls.version()}, the certificate is trusted"


def handshake(model: str) -> Finding:
    """Open and close a session with the service, if there is a credential."""
    from ..client import Client

    if find_credential(os.environ) is None:
        return Finding("handshake", "not tried: there is no credential", None)
    started = time.monotonic()
    try:
        client = Client()
        with client.live.connect(model, {"response_modalities": ["AUDIO"]}):
            took_ms = 1000 * (time.monotonic() - started)
    except LiveError as error:
        return _failed("handshake", error)
    return Finding("handshake", f"{model} accepted the setup after {took_ms:.0f} ms")


def _failed(subject: str, error: Exception) -> Finding:
    advice = "set another value" if isinstance(error, ConfigError) else ""
    return Finding(subject, str(error), False, "" if getattr(error, "hint", None) else advice)


# -------------------------------------------------------------------------------- on this machine


def emulator() -> Finding:
    """Hold a short conversation with an emulator."""
    if importlib.util.find_spec("websockets") is None:
        return Finding("emulator", "not installed", None, _pip("livesdk[emulator]"))
    from ..emulator import Emulator

    started = time.monotonic()
    try:
        with Emulator() as local:
            client = emulated_client(local.base_url)
            with client.live.connect("doctor", {"response_modalities": ["TEXT"]}) as session:
                answer = session.ask("Hello", timeout=_SECONDS).text
    except (LiveError, OSError) as error:
        return _failed("emulator", error)
    took_ms = 1000 * (time.monotonic() - started)
    return Finding("emulator", f"answered after {took_ms:.0f} ms", bool(answer))


def devices() -> Iterator[Finding]:
    """List microphones and speakers, where PyAudio is there."""
    if importlib.util.find_spec("pyaudio") is None:
        yield Finding("devices", "PyAudio is not installed", None, _pip("livesdk[audio]"))
        return
    try:
        listed = subprocess.run(  # noqa: S603  # our own interpreter and our own lines
            [sys.executable, "-c", _DEVICES], capture_output=True, timeout=20, check=True
        ).stdout
        found = json.loads(listed)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        yield Finding("devices", f"PyAudio fails: {error}", False, _pip("livesdk[audio]"))
        return
    yield _devices("microphones", [name for name, inputs, _ in found if inputs])
    yield _devices("speakers", [name for name, _, outputs in found if outputs])


def _devices(subject: str, names: list[str]) -> Finding:
    return Finding(subject, ", ".join(names) or "none", True if names else None)
