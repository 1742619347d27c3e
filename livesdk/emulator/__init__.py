"""A local server that speaks the Live protocol, for tests and for trying things without a key.

Needs the extra ``emulator``.  Nothing here starts asyncio.

>>> with Emulator(Scenario(replies=["Hello."])) as emulator:  # doctest: +SKIP
...     client = livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url})
"""

from __future__ import annotations

from .faults import (
    BadJson,
    BadUtf8,
    Burst,
    Close,
    DelaySetup,
    Drop,
    DuplicateCall,
    HttpStatus,
    OpeningFault,
    Ping,
    RefuseSetup,
    SetupReply,
    SilentSetup,
    SilentUpgrade,
    SplitFrames,
    StopReading,
    UnknownFields,
)
from .host import Emulator
from .record import Connection
from .scenario import Input, Reply, Scenario
from .steps import (
    Call,
    CancelCalls,
    GenerationComplete,
    GoAway,
    Interrupt,
    Say,
    SayAudio,
    SayResults,
    SayTone,
    Send,
    SendRaw,
    Silence,
    Step,
    TurnComplete,
    Usage,
    Wait,
    WaitFor,
)

__all__ = [
    "BadJson",
    "BadUtf8",
    "Burst",
    "Call",
    "CancelCalls",
    "Close",
    "Connection",
    "DelaySetup",
    "Drop",
    "DuplicateCall",
    "Emulator",
    "GenerationComplete",
    "GoAway",
    "HttpStatus",
    "Input",
    "Interrupt",
    "OpeningFault",
    "Ping",
    "RefuseSetup",
    "Reply",
    "Say",
    "SayAudio",
    "SayResults",
    "SayTone",
    "Scenario",
    "Send",
    "SendRaw",
    "SetupReply",
    "Silence",
    "SilentSetup",
    "SilentUpgrade",
    "SplitFrames",
    "Step",
    "StopReading",
    "TurnComplete",
    "UnknownFields",
    "Usage",
    "Wait",
    "WaitFor",
]
