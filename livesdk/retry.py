"""Which end is worth another dial, and after what delay.

Why a connection ended, as far as code and words tell, is one table (Protocol §13.6): each row says
what is worth doing next, and gives a hint for people.  How long to go on trying is a policy of the
program's, kept by a :class:`Budget`.

Pure: moments and chance are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Optional

from attrs import field

from ._checks import check_positive, check_whole_number
from ._records import define, frozen
from .errors import (
    CloseInfo,
    ConfigError,
    ConnectError,
    LiveError,
    LiveTimeout,
    SetupAuthenticationError,
    SetupError,
)

__all__ = [
    "Budget",
    "Cause",
    "Next",
    "ReconnectInfo",
    "ReconnectPolicy",
    "cause_of",
    "cause_of_failure",
    "checked_policy",
    "setup_error",
]


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
        names_quota: The quota is used up.
    """

    codes: tuple[int, ...]
    words: str
    next: Next
    hint: Optional[str] = None
    names_credential: bool = False
    names_quota: bool = False


CAUSES = (  # the first match counts
    Cause(
        (),
        r"api[ _]key|api_key_invalid|leaked|unregistered callers|credential|unauthenticated",
        Next.STOP,
        "the key is refused: check which one reaches the process, and whether it may use this API",
        names_credential=True,
    ),
    Cause(  # above the tokens: the service calls a handle a token as well
        (1007, 1008),
        r"\bresum|session handle|(invalid|expired|unknown|for) handle"
        r"|\bhandle (has |is )?(expired|invalid|unknown|not found)",
        Next.FRESH,
        "the resumption handle is expired or of another session: start a fresh one",
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
        names_quota=True,
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
        r"activity (control|detection)",
        Next.STOP,
        "activity_start and activity_end are for sessions whose config disables"
        " automatic_activity_detection, audio_stream_end is for the others",
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


_NO_CLOSE_FRAME = 1006  # RFC 6455 §7.4.1


def cause_of(code: int, reason: str = "") -> Cause:
    """Return the row for an end; unknown codes are worth a try later.

    1006 comes without a word of the server's: what the operating system says of a lost connection
    ("Permission denied", of a firewall) is about no credential.
    """
    if code == _NO_CLOSE_FRAME:
        reason = ""
    for cause in CAUSES:
        if (not cause.codes or code in cause.codes) and re.search(
            cause.words, reason, re.IGNORECASE
        ):
            return cause
    return Cause((code,), "", Next.BACK_OFF)


_BY_STATUS = {400: Next.STOP, 401: Next.STOP, 403: Next.STOP, 404: Next.STOP, 407: Next.STOP}
"""What an HTTP answer to the upgrade means; others pass."""


def setup_error(code: int, reason: str) -> SetupError:
    """Make the exception for a setup that was refused."""
    cause = cause_of(code, reason)
    kind = SetupAuthenticationError if cause.names_credential else SetupError
    return kind(code, reason, hint=cause.hint)


def cause_of_failure(error: BaseException, *, with_handle: bool) -> Cause:
    """Return the row for a connection that could not be made anew.

    Args:
        error: What dialling or the setup raised.
        with_handle: The setup brought a resumption handle.  All else in it was accepted before, so
            a setup that is wrong now is wrong about the handle, whatever the words.
    """
    if isinstance(error, SetupError):
        cause = cause_of(error.code, error.reason)
        about_handle = cause.next in (Next.STOP, Next.FRESH) and error.code in (1007, 1008)
        if with_handle and about_handle and not (cause.names_credential or cause.names_quota):
            return Cause((error.code,), "", Next.FRESH)
        return cause
    if isinstance(error, ConnectError):
        if error.phase == "credentials":  # the token's server may be as far away as the service
            return Cause((), "", Next.BACK_OFF)
        by_words = cause_of(1011, error.reason)  # the server's own words: no host, no hint of ours
        if by_words.next is Next.STOP:
            return by_words
        return Cause((), "", _BY_STATUS.get(error.status or 0, Next.BACK_OFF))
    if isinstance(error, LiveTimeout):
        return Cause((), "", Next.BACK_OFF)
    return Cause((), "", Next.STOP if isinstance(error, LiveError) else Next.BACK_OFF)


def _positive(_: Any, attribute: Any, value: Any) -> None:
    check_positive(f"reconnect.{attribute.name}", value)


def _whole(_: Any, attribute: Any, value: Any) -> None:
    check_whole_number(f"reconnect.{attribute.name}", value)


@frozen(kw_only=True)
class ReconnectPolicy:
    """How hard to try to keep a session when its connection goes; ``connect(reconnect=...)``.

    Attributes:
        attempts: Dials until the session counts as lost.  A completed turn makes them whole again;
            a rotation that the server asked for costs one only if the connection was young.
        seconds: Time without a connection until the session counts as lost; refilled likewise.
        first_delay: Seconds before the second dial; the first follows a loss at once, unless the
            service said that it is out of order.
        longest_delay: Seconds between two dials at most; the delay doubles, and by chance is
            shortened by up to a half, so that a thousand clients do not come back together.
        dial_timeout: Seconds for each dial, up to the completed setup.
        margin: Seconds before the announced end of a connection (``goAway``) at which it is left,
            whatever is going on; before that, as soon as nothing is.  At most a quarter of the time
            that is left when it is announced.
    """

    attempts: int = field(default=10, validator=(_positive, _whole))
    seconds: float = field(default=120.0, validator=_positive)
    first_delay: float = field(default=0.5, validator=_positive)
    longest_delay: float = field(default=15.0, validator=_positive)
    dial_timeout: float = field(default=10.0, validator=_positive)
    margin: float = field(default=5.0, validator=_positive)


def checked_policy(given: Any, *, configured: bool) -> Optional[ReconnectPolicy]:
    """Check the ``reconnect`` argument of ``connect``.

    Args:
        given: A policy, True, False, or ``None``: as ``configured``.
        configured: The config asks for resumption handles.
    """
    if given is None:
        given = configured
    if isinstance(given, ReconnectPolicy):
        return given
    if not isinstance(given, bool):
        raise ConfigError(
            f"reconnect: expected a ReconnectPolicy, True or False, got {given!r:.60}"
        )
    return ReconnectPolicy() if given else None


@frozen(kw_only=True)
class ReconnectInfo:
    """A session has another connection; given to ``on_reconnect``.

    Attributes:
        cause: How the earlier connection ended.
        planned: It was left in order: after a ``goAway``, or by ``session.resume()``.
        attempts: Dials that it took.
        gap: Seconds without a connection.
        state_restored: The service took the resumption handle, so the conversation goes on from
            where that was given out.  False: the session is a fresh one.
        mid_turn: An answer was due or under way, or a function call was open.  Unless messages are
            replayed, that answer will not come: ask again.
        messages_replayed: With transparent resumption: messages that were sent again, because the
            restored state did not have them.
        messages_at_risk: Messages, media aside, of which no answer of the model shows that the
            handle stands for them, and that are not replayed: the restored state may lack them.
        media_at_risk_ms: The same of realtime media.
        media_dropped_ms: Realtime media that was given to senders during the gap, and was too much
            to be kept for later.
        history_sent: A fresh session was told the ``history`` of ``connect()``.
        refusal: Why a handle was refused, where one was.
    """

    cause: CloseInfo
    planned: bool = False
    attempts: int = 1
    gap: float = 0.0
    state_restored: bool = False
    mid_turn: bool = False
    messages_replayed: int = 0
    messages_at_risk: int = 0
    media_at_risk_ms: float = 0.0
    media_dropped_ms: float = 0.0
    history_sent: bool = False
    refusal: Optional[BaseException] = None


_YOUNG = 60.0
"""Seconds; the service gives a connection about ten minutes."""


@define
class Budget:
    """What is left of a policy; told of dials, gaps and completed turns.

    Attributes:
        policy: What it started with.
        random: Between 0 and 1.
        dials: Spent since the last completed turn.
        seconds: The same.
    """

    policy: ReconnectPolicy
    random: Callable[[], float]
    dials: int = 0
    seconds: float = 0.0

    @property
    def spent(self) -> str:
        """What to say when nothing is left."""
        spent = f"{self.dials} dials and {self.seconds:.0f} s without a connection"
        return f"gave up after {spent}, since the last completed turn: see ReconnectPolicy"

    def refill(self) -> None:
        """A turn was completed."""
        self.dials, self.seconds = 0, 0.0

    def delay(self, then: Next, gap: float) -> Optional[float]:
        """Return the seconds until the next dial, and spend it; ``None``: nothing is left.

        Args:
            then: What the table said of the last end.
            gap: Seconds without a connection so far, of this gap.
        """
        policy = self.policy
        if self.dials >= policy.attempts or self.seconds + gap >= policy.seconds:
            return None
        step = self.dials if then is Next.BACK_OFF else self.dials - 1
        self.dials += 1
        if step < 0 or then is Next.FRESH:
            return 0.0
        longest = min(policy.longest_delay, policy.first_delay * 2.0 ** min(step, 30))
        left = policy.seconds - self.seconds - gap
        return min(longest * (0.5 + 0.5 * self.random()), left)

    def reopened(self, gap: float, *, planned: bool, stood: float) -> None:
        """Another connection stands.

        Args:
            gap: Seconds without one.
            planned: The earlier one was left in order.
            stood: How many seconds that one stood.
        """
        if planned and stood >= _YOUNG:  # as the service does it every ten minutes
            self.dials -= 1
        else:
            self.seconds += gap
