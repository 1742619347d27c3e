"""Why a connection ended, as far as code and words tell: one table (Protocol §13.6).

Pure.  Each row says what is worth doing next, and a hint for people.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Optional

from attrs import frozen

__all__ = ["Cause", "Next", "cause_of"]


class Next(Enum):
    """What is worth doing after an end."""

    STOP = "the same would happen again"
    RESUME = "dial again, with the handle if there is one"
    FRESH = "dial again without the handle, which is dead"
    BACK_OFF = "dial again after a while"


@frozen
class Cause:
    """One row: which ends it is about, what to do, and what to tell people.

    Attributes:
        codes: The close codes; empty for any.
        words: A pattern for the reason, any case; empty for any.
        next: What is worth doing.
        hint: In plain words, where the cause is known.
        names_credential: The key, token or project is refused.
    """

    codes: tuple[int, ...]
    words: str
    next: Next
    hint: Optional[str] = None
    names_credential: bool = False


CAUSES = (  # the first match counts
    Cause(
        (),
        r"api[ _]key|api_key_invalid|leaked|unregistered callers|credential|unauthenticated",
        Next.STOP,
        "the key is refused: check which one reaches the process, and whether it may use this API",
        names_credential=True,
    ),
    Cause(
        (),
        r"auth[ _]?token|ephemeral|token (is )?(expired|invalid)|expired token",
        Next.STOP,
        "the ephemeral token is expired, used up, or not good for this method: make a new one",
        names_credential=True,
    ),
    Cause(
        (),
        r"permission|not authorized|forbidden|access denied",
        Next.STOP,
        "the credential may not use this model or project",
        names_credential=True,
    ),
    Cause(
        (),
        r"quota|credits?|billing|resource.?exhausted|rate limit",
        Next.STOP,
        "the quota is used up: wait, raise it, or check billing",
    ),
    Cause(
        (1007, 1008),
        r"\bresum|session handle|(invalid|expired|unknown|for) handle"
        r"|\bhandle (has |is )?(expired|invalid|unknown|not found)",
        Next.FRESH,
        "the resumption handle is expired or of another session: start a fresh one",
    ),
    Cause(
        (),
        r"location is not supported|user location",
        Next.STOP,
        "the service is not offered where this program runs",
    ),
    Cause(
        (1007, 1008),
        r"model.*(not (found|supported)|unavailable|does not exist)|is not found|entity.*not found",
        Next.STOP,
        "this model is not available under this name on this API version: check model and"
        " http_options api_version",
    ),
    Cause(
        (1007, 1008),
        r"modalit|cannot extract voices|non-audio",
        Next.STOP,
        "the model refuses this response modality: native-audio models answer in AUDIO only;"
        " use output_audio_transcription for text",
    ),
    Cause(
        (1007, 1008),
        r"unknown name|cannot find field|invalid json|invalid value|invalid argument",
        Next.STOP,
        "a field of the request is not known to this model or API version",
    ),
    Cause((1008,), r"aborted", Next.RESUME, "the server ended an old connection"),
    Cause(
        (1008,),
        r"not (implemented|supported|enabled)",
        Next.STOP,
        "the model or API version does not offer what was asked; realtime input during a"
        " blocking function call ends this way too",
    ),
    Cause((1007, 1008, 1003, 1009, 1010), r"", Next.STOP),
    Cause((1002,), r"", Next.STOP),
    Cause((1011,), r"deadline expired", Next.RESUME, "the connection reached its longest time"),
    Cause((1011, 1012, 1013, 1014), r"", Next.BACK_OFF, "the service is out of order for a moment"),
    Cause((1000, 1001, 1005, 1006), r"", Next.RESUME),
)


def cause_of(code: int, reason: str = "") -> Cause:
    """Return the row for an end; unknown codes are worth a try later."""
    for cause in CAUSES:
        if (not cause.codes or code in cause.codes) and re.search(
            cause.words, reason, re.IGNORECASE
        ):
            return cause
    return Cause((code,), "", Next.BACK_OFF)
