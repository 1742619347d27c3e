"""Things that go wrong, as records.

*Opening* faults say how a connection begins; they stand in ``Scenario.openings`` or are injected
for the next connection.  All others are steps: they stand in an answer, in an opening (performed
right after ``setupComplete``), or are injected into the connections that live.

Faults that cut inside a frame's bytes are out of reach here: put a relay between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from . import values
from .steps import Step

__all__ = [
    "BadJson",
    "BadUtf8",
    "Burst",
    "Close",
    "DelaySetup",
    "Drop",
    "DuplicateCall",
    "HttpStatus",
    "OpeningFault",
    "Ping",
    "RefuseSetup",
    "SetupReply",
    "SilentSetup",
    "SilentUpgrade",
    "SplitFrames",
    "StopReading",
    "UnknownFields",
]


@attrs.frozen
class OpeningFault(Step):
    """The root of what can go wrong before a session is open."""


@attrs.frozen
class HttpStatus(OpeningFault):
    """Answer the upgrade with an HTTP status.

    Example: ``HttpStatus(429, "Quota exceeded.")``, or
    ``HttpStatus(302, headers={"Location": "https://example.com/"})``.

    Attributes:
        status: The status.
        message: Goes into the service's JSON error body.
        body: The whole body instead.
        headers: More headers.
    """

    status: int = attrs.field(validator=values.whole(100, 599))
    message: str = ""
    body: str | None = attrs.field(default=None, kw_only=True)
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)


@attrs.frozen
class SilentUpgrade(OpeningFault):
    """Accept the TCP connection and never answer the upgrade.  Example: ``SilentUpgrade()``."""


@attrs.frozen
class SilentSetup(OpeningFault):
    """Take the setup and never answer it.  Example: ``SilentSetup()``."""


@attrs.frozen
class RefuseSetup(OpeningFault):
    """Answer the setup with a close frame.  Example: ``RefuseSetup(1011, "Internal error.")``."""

    code: int = attrs.field(default=1007, validator=values.close_code)
    reason: str = "Request contains an invalid argument."


@attrs.frozen
class DelaySetup(OpeningFault):
    """Answer the setup late: after seconds, or at ``emulator.release(name)``.

    Example: ``DelaySetup(0.2)``, ``DelaySetup("go")``.
    """

    until: float | str = attrs.field(validator=values.moment)


@attrs.frozen
class SetupReply(OpeningFault):
    """Answer the setup with this frame instead of the usual one.

    Example: ``SetupReply({"setupComplete": None})``.
    """

    message: Mapping[str, Any]


@attrs.frozen
class BadJson(Step):
    """Send a message that is not JSON.  Example: ``BadJson()``."""

    payload: str = '{"serverContent": {'


@attrs.frozen
class BadUtf8(Step):
    """Send a message that is not UTF-8; a text frame if ``text``.

    Example: ``BadUtf8(text=True)``.
    """

    text: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class SplitFrames(Step):
    """From now on cut every message into fragments.  Example: ``SplitFrames(3)``."""

    pieces: int = attrs.field(default=3, validator=values.whole(1))


@attrs.frozen
class UnknownFields(Step):
    """From now on add keys to every message that no documentation knows, at several depths.

    Example: ``UnknownFields()``.
    """


@attrs.frozen
class Close(Step):
    """Close with this code and reason.  Example: ``Close(1011, "Deadline expired")``."""

    code: int = attrs.field(default=1000, validator=values.close_code)
    reason: str = ""


@attrs.frozen
class Drop(Step):
    """End the TCP connection without a close frame: end of file, or a reset.

    Example: ``Drop()``, ``Drop(rst=True)``.
    """

    rst: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class StopReading(Step):
    """Read nothing from the client, for seconds or for ever; sending goes on.

    Example: ``StopReading(2.0)``.
    """

    seconds: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(values.amount)
    )


@attrs.frozen
class Ping(Step):
    """Send a ping, and wait for its pong if asked to.  Example: ``Ping(b"1", wait=True)``."""

    payload: bytes = b"livesdk"
    wait: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class DuplicateCall(Step):
    """Send the last ``toolCall`` frame again.  Example: ``[Call("f"), DuplicateCall()]``.

    Wants the call not to block: give it ``blocking=False``.
    """


@attrs.frozen
class Burst(Step):
    """Send many messages at once, numbered text parts if no message is given.

    Example: ``Burst(1000)``.
    """

    count: int = attrs.field(validator=values.whole(0))
    message: Mapping[str, Any] | None = attrs.field(default=None, kw_only=True)
