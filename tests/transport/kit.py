"""What the tests of the transport share."""

from __future__ import annotations

import time

from rawserver import Peer

from livesdk.transport import CloseFrame, Message, WebSocketTransport, lasting

PATIENCE = 20.0
"""Seconds until a wait counts as a hang."""


def soon() -> float:
    return time.monotonic() + PATIENCE


def receive(transport: WebSocketTransport) -> Message | CloseFrame:
    """Return the next message or close frame."""
    deadline = soon()
    while time.monotonic() < deadline:
        event = transport.receive(deadline)
        if event is not None:
            return event
    raise AssertionError("nothing arrived")


def payload(transport: WebSocketTransport) -> str | bytes:
    event = receive(transport)
    assert isinstance(event, Message), event
    return lasting(event.payload)


def stay_open(peer: Peer, greeting: bytes = b"") -> None:
    """Be a server that upgrades, sends what it is given, and then is silent."""
    peer.upgrade(greeting)
    peer.hold()
