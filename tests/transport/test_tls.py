"""Whom the transport trusts: the options of ``Client`` and the environment."""

from __future__ import annotations

import socket
import ssl
import subprocess

import pytest
from rawserver import Peer, RawServer, text
from transport.kit import payload, stay_open

import livesdk
from livesdk.errors import ConfigError, ConnectError
from livesdk.transport import Lost, WebSocketTransport

pytestmark = pytest.mark.requires("emulator")  # for its certificates


def greet(peer: Peer) -> None:
    stay_open(peer, text("hello"))


@pytest.fixture
def secure(certificates):
    with RawServer(greet, tls=certificates.context) as server:
        yield server


def context_of(**options: object) -> ssl.SSLContext:
    return livesdk.Client(api_key="key", **options)._tls.context()  # type: ignore[arg-type]


def test_verification_is_on_by_default(connect, secure):
    with pytest.raises(ConnectError, match="ca_file") as caught:
        connect(secure.url, context=context_of())
    assert caught.value.phase == "tls"


def test_ca_file_is_trusted(connect, secure, certificates):
    transport = connect(secure.url, context=context_of(ca_file=certificates.ca_file))
    assert payload(transport) == "hello"


def test_an_own_context_is_used_as_it_is(connect, secure):
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    own.check_hostname = False
    own.verify_mode = ssl.CERT_NONE
    assert context_of(ssl_context=own) is own
    assert payload(connect(secure.url, context=own)) == "hello"


@pytest.fixture
def own_server():
    """Certificates whose server's context may be changed."""
    from livesdk.emulator.tls import Certificates  # the package is an extra

    made = Certificates.make("localhost")
    yield made
    made.remove()


@pytest.mark.requires("openssl")
def test_an_own_context_brings_its_client_certificate(connect, own_server, tmp_path):
    chain = tmp_path / "client.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=client"]
    subprocess.run([*command, "-keyout", tmp_path / "key.pem", "-out", chain], check=True)
    asking = own_server.context
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(chain)
    own = ssl.create_default_context(cafile=own_server.ca_file)
    with RawServer(greet, tls=asking) as server:
        with pytest.raises((ConnectError, Lost)):
            payload(connect(server.url, context=own))
        own.load_cert_chain(chain, tmp_path / "key.pem")
        assert payload(connect(server.url, context=context_of(ssl_context=own))) == "hello"


def test_ssl_cert_file_is_honoured(connect, secure, certificates, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca_file)
    assert payload(connect(secure.url, context=context_of())) == "hello"


def test_a_certificate_for_another_host_is_refused(connect, secure, trusting, monkeypatch):
    here = socket.getaddrinfo("127.0.0.1", secure.port, 0, socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: here)
    with pytest.raises(ConnectError, match="another host") as caught:
        connect(f"wss://other.test:{secure.port}/", context=trusting)
    assert caught.value.phase == "tls"


def test_a_file_that_holds_no_certificates_is_told(connect, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ConfigError, match="ca_file"):
        context_of(ca_file=str(empty))


def test_a_server_without_tls_is_named(connect, trusting):
    def talk(peer: Peer) -> None:
        peer.read(5)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(talk) as server, pytest.raises(ConnectError, match="http") as caught:
        connect(f"wss://localhost:{server.port}/", context=trusting)
    assert caught.value.phase == "tls"


def test_a_server_that_leaves_during_the_handshake_is_an_error(connect, trusting):
    with RawServer(lambda peer: None) as server, pytest.raises(ConnectError) as caught:
        connect(f"wss://localhost:{server.port}/", context=trusting)
    assert caught.value.phase == "tls"


def test_plain_urls_make_no_context(transport):
    from livesdk.transport import Dial

    def never() -> ssl.SSLContext:
        raise AssertionError("made")

    with RawServer(greet) as server:
        transport.open(Dial(url=server.url, headers={}, proxy="", ssl_context=never), float("inf"))
        assert isinstance(transport, WebSocketTransport)
        assert payload(transport) == "hello"
