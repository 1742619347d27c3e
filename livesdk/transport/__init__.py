"""A connection that carries messages both ways, and can be ended from any thread.

:class:`Transport` is the interface, :class:`WebSocketTransport` the one that is used.  The only
room that imports ``websocket``.  One thread opens and reads; any thread sends; nothing waits under
the lock (``DESIGN`` §4).
"""

from __future__ import annotations

from ._dial import Dial
from ._exchange import exchange
from ._frames import CloseFrame, Message, Payload, lasting
from ._interface import INTERRUPTED, Held, Leftover, Lost, Outbound, Transport, TransportStats
from ._websocket import WebSocketTransport

__all__ = [
    "INTERRUPTED",
    "CloseFrame",
    "Dial",
    "Held",
    "Leftover",
    "Lost",
    "Message",
    "Outbound",
    "Payload",
    "Transport",
    "TransportStats",
    "WebSocketTransport",
    "exchange",
    "lasting",
]
