"""``livesdk doctor``: what it finds, and that it shows no secret."""

from __future__ import annotations

import re
import socket

import pytest

pytestmark = [pytest.mark.requires("cli", "emulator"), pytest.mark.long]

_PYAUDIO = """
class PyAudio:
    def get_device_count(self):
        print("ALSA lib: noise", file=__import__("sys").stderr)
        return 2
    def get_device_info_by_index(self, index):
        name = ["Internal microphone", "Loudspeaker"][index]
        return {"name": name, "maxInputChannels": 1 - index, "maxOutputChannels": index}
"""


@pytest.fixture
def offline(monkeypatch):
    def fail(*_arguments, **_options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


@pytest.fixture
def local(monkeypatch, service):
    """No credential, and an endpoint on this machine."""
    emulator = service()
    monkeypatch.delenv("GEMINI_API_KEY")
    return emulator


def test_without_a_key_it_says_what_is_not_tried(cli, local):
    result = cli("doctor")
    assert result.exit_code == 0, result.stderr
    assert "not tried: there is no credential" in result.stdout
    assert "none: the commands ask for one" in result.stdout
    assert "set GEMINI_API_KEY" in result.stdout
    assert "DNS" in result.stdout
    assert "answered after" in result.stdout
    assert "Everything that is configured works." in result.stdout


def test_without_anything_the_commands_use_the_emulator():
    from livesdk.cli import _examine

    (found,) = _examine.configured()
    assert (found.text, found.good) == ("none: the commands use the emulator", None)
    assert "set GEMINI_API_KEY" in found.advice


def test_a_key_is_named_used_and_not_shown(cli, service):
    emulator = service()
    result = cli("doctor")
    assert result.exit_code == 0, result.stderr
    assert "from GEMINI_API_KEY (not shown)" in result.stdout
    assert "gemini-3.8-live accepted the setup after" in result.stdout
    assert emulator.connections[0].closed_by == "client"
    assert "secret" not in result.output
    assert "AIza" not in result.output


def test_a_refused_key_is_a_fault(cli, service):
    service(api_keys={"another"})
    result = cli("doctor")
    assert result.exit_code == 1
    assert "✗ handshake" in result.stdout
    assert "not everything works: handshake" in result.stderr
    assert "secret" not in result.output


def test_tls_is_tried(cli, service, monkeypatch):
    emulator = service(tls=True)
    monkeypatch.setenv("SSL_CERT_FILE", emulator.ca_file)
    result = cli("doctor")
    assert result.exit_code == 0, result.output
    assert re.search(r"TLS +TLSv1\.[23], the certificate is trusted", result.stdout)


def test_a_certificate_that_is_not_trusted_is_a_fault(cli, service):
    service(tls=True)
    result = cli("doctor")
    assert result.exit_code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in result.stdout


def test_without_a_network_only_a_credential_makes_it_a_fault(cli, monkeypatch, offline):
    from livesdk.cli import _examine

    found = list(_examine.reachable())
    assert [(finding.subject, finding.good) for finding in found] == [("network", None)]
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-very-secret")
    (finding,) = _examine.reachable()
    assert finding.good is False
    assert "HTTPS_PROXY" in finding.advice


def test_a_look_up_that_hangs_is_given_up(monkeypatch):
    import threading

    from livesdk.cli import _examine

    over = threading.Event()
    monkeypatch.setattr(_examine, "_SECONDS", 0.05)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [over.wait(30) and (0, 0, 0, "", ("::1", 0))]
    )
    (finding,) = _examine.reachable()
    over.set()
    assert "no answer to the name" in finding.text


def test_a_proxy_is_named_without_its_password(monkeypatch):
    from livesdk.cli import _examine

    monkeypatch.setenv("HTTPS_PROXY", "http://ada:hunter2@proxy.example:3128")
    (finding,) = _examine.reachable()
    assert "http://…@proxy.example:3128" in finding.text
    assert "hunter2" not in finding.text


def test_vertex_needs_no_key(cli, monkeypatch):
    from livesdk.cli import _examine

    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
    found = {finding.subject: finding for finding in _examine.configured()}
    assert found["credential"].text == "from GOOGLE_GENAI_USE_VERTEXAI (not shown)"
    assert found["GOOGLE_CLOUD_PROJECT"].text == "a-project"


def test_devices_are_listed_without_their_librarys_noise(tmp_path, monkeypatch):
    from livesdk.cli import _examine

    (tmp_path / "pyaudio.py").write_text(_PYAUDIO)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = {finding.subject: finding.text for finding in _examine.devices()}
    assert found == {"microphones": "Internal microphone", "speakers": "Loudspeaker"}


def test_a_sound_library_that_crashes_is_a_finding(tmp_path, monkeypatch):
    from livesdk.cli import _examine

    (tmp_path / "pyaudio.py").write_text("import os; os.abort()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = _examine.devices()
    assert finding.good is False


def test_dependencies_and_extras_are_those_of_the_package(monkeypatch):
    from livesdk.cli import _examine

    told = [
        "attrs>=23.2",
        "websocket-client",
        'click>=8.1; extra == "cli"',
        'rich; extra == "cli"',
        "google-auth[requests]; extra == 'vertex'",
        'Never-Heard-Of; python_version > "3" and extra == "voice"',
        'pytest; extra == "dev"',
    ]
    monkeypatch.setattr(_examine.metadata, "requires", lambda _name: told)
    found = {finding.subject: finding for finding in _examine.dependencies()}
    assert list(found) == ["attrs", "websocket-client", "extra cli", "extra vertex", "extra voice"]
    assert found["extra cli"].good is True
    assert found["extra voice"].good is None
    assert found["extra voice"].text == "Never-Heard-Of missing"
    assert found["extra voice"].advice == 'python -m pip install "livesdk[voice]"'


def test_a_copy_that_pip_does_not_know_is_no_fault(monkeypatch):
    from livesdk.cli import _examine

    def fail(_name):
        raise _examine.metadata.PackageNotFoundError("livesdk")

    monkeypatch.setattr(_examine.metadata, "requires", fail)
    (finding,) = _examine.dependencies()
    assert finding.good is None
    assert "pip install" in finding.advice
