"""Two threads on one TLS connection from its first moment, over and over.

A server that speaks TLS 1.3 sends session tickets behind the handshake, which the client's reader
takes in while another thread writes: without one lock around both, that breaks some connections in
a thousand, and now and then the interpreter.  ``LIVESDK_STRESS=thousands pytest
tests/transport/test_tls_stress.py`` makes thousands of connections.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import threading
import time

import attrs
import pytest
from rawserver import BINARY, TEXT, Peer, RawServer, frame, text, upgrade_answer
from transport.kit import payload, receive, soon
from waiting import Caught

from livesdk.transport import Dial, Lost, Message, WebSocketTransport

pytestmark = [pytest.mark.requires("emulator"), pytest.mark.long]  # emulator: its certificates

LONG = os.environ.get("LIVESDK_STRESS") == "thousands"
CONNECTIONS = 7500 if LONG else 300  # a third of that with TLS 1.2
DEADLINE = 3600 if LONG else 420
AT_ONCE = 8
MESSAGES = 12


@attrs.frozen
class Ends:
    """The contexts of server and client, and what a server in another program needs."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    chain_file: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    from livesdk.emulator import tls  # the package is an extra

    folder = tmp_path_factory.mktemp("tls")
    authority, server = tls._Key(), tls._Key()
    ca = tls._certificate("a test's CA", authority, "a test's CA", authority)
    leaf = tls._certificate("a test", server, "a test's CA", authority, "localhost")
    chain = tls._pem("CERTIFICATE", leaf) + tls._pem("EC PRIVATE KEY", server.to_der())
    (folder / "chain.pem").write_text(chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    client = ssl.create_default_context(cadata=tls._pem("CERTIFICATE", ca))
    return Ends(context, client, str(folder / "chain.pem"))


@pytest.fixture(params=["1.3", "1.2"])
def ends(request: pytest.FixtureRequest, made: Ends) -> Ends:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain_file)
    if request.param == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 2
    return attrs.evolve(made, server=context)


def both_ways(peer: Peer) -> None:
    """Echo, and talk of its own accord, from the first byte on."""
    peer.upgrade(frame(BINARY, b"\0" * 3000) * 3)
    while True:
        opcode, body = peer.frame()
        if opcode == TEXT:
            peer.send(text(body.decode()) + frame(BINARY, body[:100]))


def converse(url: str, context: ssl.SSLContext, number: int) -> str:
    """Hold one conversation; return what went wrong, or nothing."""
    transport = WebSocketTransport()
    bodies = [f"{number}:{index}:" + "x" * (index * 997) for index in range(MESSAGES)]
    try:
        transport.open(
            Dial(url=url, headers={}, proxy="", ssl_context=lambda: context),
            time.monotonic() + 30,
        )
        sending = Caught(lambda: [transport.send(body.encode(), soon()) for body in bodies])
        got: list[str] = []
        unasked = 0
        while len(got) < MESSAGES or unasked < MESSAGES + 3:
            event = receive(transport)
            assert isinstance(event, Message)
            if isinstance(event.payload, str):
                got.append(event.payload)
            else:
                unasked += 1
        sending.result()
        return "" if got == bodies else "corrupt"
    except Lost as error:
        return f"lost: {error}"
    except Exception as error:  # noqa: BLE001  # counted, with its name
        return repr(error)
    finally:
        transport.close()


@pytest.mark.timeout(DEADLINE)
def test_no_connection_is_lost_while_both_sides_talk(ends, tally):
    is_newest = ends.server.minimum_version is ssl.TLSVersion.TLSv1_3
    count = CONNECTIONS if is_newest else (CONNECTIONS + 2) // 3
    failures: list[str] = []
    numbers = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            failure = converse(server.url, ends.client, number)
            if failure:
                failures.append(failure)

    with RawServer(both_ways, tls=ends.server) as server:
        workers = [Caught(work) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.result(DEADLINE)
        assert server.clients == count
    tally("TLS connections, both sides talking", count)
    tally("TLS connections lost or corrupt", len(failures))
    assert not failures


def test_much_data_both_ways_arrives_whole(connect, ends):
    bodies = [bytes([97 + index]) * (300_000 + index) for index in range(20)]

    def talk(peer: Peer) -> None:
        peer.upgrade()
        for body in bodies:  # one thread: two inside one TLS object would break it on this side
            peer.send(frame(BINARY, body))
            assert peer.frame()[1] == body
        peer.send(text("all"))
        peer.hold()

    with RawServer(talk, tls=ends.server) as server:
        transport = connect(server.url, context=ends.client)
        sending = Caught(lambda: [transport.send(body, soon()) for body in bodies])
        assert [payload(transport) for _ in bodies] == bodies
        sending.result()
        assert payload(transport) == "all"
        server.release()


class OpenSsl:
    """OpenSSL's own server, told to change its keys; what clients send comes out as text."""

    def __init__(self, chain_file: str) -> None:
        command = ["openssl", "s_server", "-accept", "0", "-tls1_3", "-naccept", "1", "-msg"]
        command += ["-cert", chain_file, "-key", chain_file]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.output = b""
        self._condition = threading.Condition()
        self._reading = Caught(self._read)
        self.port = int(self.await_output(rb"ACCEPT \S+:(\d+)")[1])

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 65536):
            with self._condition:
                self.output += data
                self._condition.notify_all()

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def await_output(self, pattern: bytes) -> re.Match[bytes]:
        with self._condition:
            assert self._condition.wait_for(lambda: re.search(pattern, self.output), 20), (
                self.output
            )
            found = re.search(pattern, self.output)
            assert found is not None
            self.output = self.output[found.end() :]
            return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.result()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@pytest.mark.requires("openssl")
def test_a_change_of_keys_disturbs_nothing(connect, made):
    server = OpenSsl(made.chain_file)
    try:
        opening = Caught(lambda: connect(f"wss://localhost:{server.port}/", context=made.client))
        key = server.await_output(rb"Sec-WebSocket-Key: (\S+)")[1].decode()
        server.await_output(rb"\r\n\r\n")
        server.write(upgrade_answer(key))
        transport = opening.result()
        for number in range(20):
            server.write(b"K\n")  # asks for new keys from both sides
            server.await_output(rb">>>[^\n]*KeyUpdate")
            server.write(text(f"{number}"))
            assert payload(transport) == f"{number}"
            transport.send(b"%d" % number * 50, soon())
            server.await_output(rb"<<<[^\n]*KeyUpdate")
            server.await_output(rb"(?s)\x81[\xb2\xe4].{54}")
        transport.close()
    finally:
        server.close()
