"""One HTTP request with JSON both ways, for tokens."""

from __future__ import annotations

import json
import time
from typing import Any

from ._timeout import seconds_of_timeout
from .errors import ConnectError
from .transport import Dial, exchange

__all__ = ["post"]

_PHASE = "auth_tokens"


def post(request: Dial, body: bytes, *, timeout: float) -> Any:
    """Send JSON and return the JSON of the answer; blocks for at most ``timeout`` seconds.

    Raises:
        AuthenticationError: The key is refused.
        ConfigError: ``timeout`` is no number, or the request cannot be sent.
        ConnectError: No answer, another refusal, or an answer that is not JSON.
        LiveTimeout: No answer in time.
    """
    deadline = time.monotonic() + seconds_of_timeout(timeout)
    answer = exchange(request, body, deadline, phase=_PHASE)
    try:
        return json.loads(answer)
    except ValueError as error:
        raise ConnectError("the answer is not JSON", phase=_PHASE) from error
