"""The Autobahn test suite's cases for clients, against the transport itself.

The suite plays a server; the client connects once a case and echoes what comes.  Left out are 12.*
and 13.*, which are about compression, an extension that the transport does not offer.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from livesdk.errors import LiveError
from livesdk.transport import CloseFrame, Dial, Lost, Message, WebSocketTransport
from livesdk.transport._frames import BINARY, TEXT

AGENT = "livesdk"
LEFT_OUT = ["12.*", "13.*"]
PATIENCE = 60.0


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[str]:
    """Start the suite's server; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"ws://127.0.0.1:{port}"
    spec = {
        "url": url,
        "outdir": str(tmp_path / "report"),
        "cases": ["*"],
        "exclude-cases": LEFT_OUT,
        "exclude-agent-cases": {},
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    command = [os.environ["LIVESDK_WSTEST"], "-m", "fuzzingserver", "-s", "spec.json"]
    with (tmp_path / "wstest.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        _await(port, server, tmp_path / "wstest.log")
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _await(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)  # nothing tells when another program listens
    pytest.fail(f"the suite does not listen:\n{log.read_text()}")


@contextlib.contextmanager
def connected(url: str) -> Iterator[WebSocketTransport]:
    transport = WebSocketTransport()
    try:
        transport.open(
            Dial(url=url, headers={}, proxy="", ssl_context=ssl.create_default_context),
            time.monotonic() + PATIENCE,
        )
        yield transport
    finally:
        transport.close()


def echo_all(url: str) -> None:
    """Send every message back, until the server ends the case or we have to."""
    deadline = time.monotonic() + 2 * PATIENCE
    with contextlib.suppress(Lost), connected(url) as transport:
        while True:
            event = transport.receive(deadline)
            if isinstance(event, CloseFrame) or (event is None and time.monotonic() >= deadline):
                return
            if isinstance(event, Message):
                is_text = isinstance(event.payload, str)
                payload = event.payload.encode() if is_text else event.payload
                frame = transport._frame(TEXT if is_text else BINARY, payload)
                transport._send_frame(frame, deadline)


def ask(url: str) -> str:
    """Connect for one message."""
    with connected(url) as transport:
        event = transport.receive(time.monotonic() + PATIENCE)
        assert isinstance(event, Message)
        return str(event.payload)


@pytest.mark.requires("autobahn")
@pytest.mark.timeout(1800)
def test_every_client_case_passes(suite: str, tmp_path: Path) -> None:
    for number in range(1, int(ask(f"{suite}/getCaseCount")) + 1):
        with contextlib.suppress(LiveError):
            echo_all(f"{suite}/runCase?case={number}&agent={AGENT}")
    with connected(f"{suite}/updateReports?agent={AGENT}") as transport:
        assert isinstance(transport.receive(time.monotonic() + PATIENCE), CloseFrame)
    report = json.loads((tmp_path / "report" / "index.json").read_text())[AGENT]
    print(Counter(case["behavior"] for case in report.values()))
    wrong = {
        name: (case["behavior"], case["behaviorClose"])
        for name, case in report.items()
        if case["behavior"] not in ("OK", "INFORMATIONAL")
        or case["behaviorClose"] not in ("OK", "INFORMATIONAL")
    }
    assert not wrong
    assert len(report) == 301
