"""The libraries that livesdk stands on, loaded and nothing else; started by ``_processes.client``.

What is below this is the business of those libraries, and of Python.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import _measure as measure

BEGIN = time.perf_counter()
import logging  # noqa: E402  # measured
import ssl  # noqa: E402

import attrs  # noqa: E402
import cattrs  # noqa: E402
import pybase64  # noqa: E402
import websocket  # noqa: E402

LOADED = (logging, ssl, attrs, cattrs, pybase64, websocket)
IMPORTED = time.perf_counter() - BEGIN


def imported(**_: Any) -> dict[str, Any]:
    return {"import": IMPORTED, "import and make": IMPORTED, **measure.process()}


def cold(**_: Any) -> dict[str, Any]:
    """Without a connection, which takes a few milliseconds more."""
    return {"wall": measure.since_start(), **measure.process()}


if __name__ == "__main__":
    measure.run(globals(), json.loads(sys.argv[1]))
