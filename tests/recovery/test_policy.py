"""How hard to try: the policy, its budget, and what a failed dial means.  Pure."""

from __future__ import annotations

from typing import Any

import pytest

import livesdk
from livesdk.errors import AuthenticationError, ConnectError, LiveTimeout, SetupError
from livesdk.retry import (
    Budget,
    Next,
    ReconnectPolicy,
    cause_of_failure,
    checked_policy,
    setup_error,
)


def budget(random: float = 1.0, **policy: Any) -> Budget:
    return Budget(ReconnectPolicy(**policy), lambda: random)


def test_the_first_dial_follows_a_loss_at_once_and_the_delay_doubles() -> None:
    made = budget(first_delay=1.0, longest_delay=5.0)
    delays = [made.delay(Next.RESUME, 0.0) for _ in range(6)]
    assert delays == [0.0, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_where_the_service_is_out_of_order_the_first_dial_waits_too() -> None:
    made = budget(first_delay=1.0)
    assert [made.delay(Next.BACK_OFF, 0.0) for _ in range(3)] == [1.0, 2.0, 4.0]


def test_a_refused_handle_is_followed_by_a_fresh_session_at_once() -> None:
    made = budget(first_delay=1.0)
    made.delay(Next.RESUME, 0.0)
    assert made.delay(Next.FRESH, 0.0) == 0.0


@pytest.mark.parametrize(("random", "expected"), [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0)])
def test_chance_shortens_a_delay_by_up_to_a_half(random: float, expected: float) -> None:
    made = budget(random, first_delay=2.0)
    assert made.delay(Next.BACK_OFF, 0.0) == expected


def test_attempts_are_spent_over_all_gaps_and_refilled_by_a_completed_turn() -> None:
    made = budget(attempts=2)
    assert made.delay(Next.RESUME, 0.0) is not None
    made.reopened(0.1, planned=False, stood=1000.0)  # it stood long: that alone proves nothing
    assert made.delay(Next.RESUME, 0.0) is not None
    assert made.delay(Next.RESUME, 0.0) is None
    made.refill()
    assert made.delay(Next.RESUME, 0.0) is not None


def test_seconds_are_spent_over_all_gaps_and_refilled_by_a_completed_turn() -> None:
    made = budget(seconds=10.0)
    made.reopened(6.0, planned=False, stood=1.0)
    assert made.delay(Next.RESUME, 3.9) is not None
    assert made.delay(Next.RESUME, 4.0) is None
    made.refill()
    assert made.delay(Next.RESUME, 4.0) is not None


def test_a_delay_does_not_outlast_the_seconds() -> None:
    made = budget(seconds=10.0, first_delay=60.0, longest_delay=60.0)
    assert made.delay(Next.BACK_OFF, 9.0) == 1.0


def test_an_ordered_rotation_costs_nothing_unless_the_connection_was_young() -> None:
    made = budget(attempts=1, seconds=10.0)
    for _ in range(5):
        assert made.delay(Next.RESUME, 0.0) == 0.0
        made.reopened(3.0, planned=True, stood=600.0)
    assert made.delay(Next.RESUME, 0.0) == 0.0
    made.reopened(0.1, planned=True, stood=1.0)
    assert made.delay(Next.RESUME, 0.0) is None


@pytest.mark.parametrize(
    ("error", "with_handle", "without"),
    [
        (setup_error(1007, "Request contains an invalid argument."), Next.FRESH, Next.STOP),
        (setup_error(1008, "session not found for handle"), Next.FRESH, Next.FRESH),
        (setup_error(1007, "API key not valid."), Next.STOP, Next.STOP),
        (setup_error(1011, "You exceeded your current quota"), Next.STOP, Next.STOP),
        (setup_error(1008, "The operation was aborted."), Next.RESUME, Next.RESUME),
        (setup_error(1011, "Internal error"), Next.BACK_OFF, Next.BACK_OFF),
        (setup_error(1006, "the connection was reset"), Next.RESUME, Next.RESUME),
        (LiveTimeout("late"), Next.BACK_OFF, Next.BACK_OFF),
        (ConnectError("refused", phase="tcp"), Next.BACK_OFF, Next.BACK_OFF),
        (AuthenticationError("refresh", phase="credentials"), Next.BACK_OFF, Next.BACK_OFF),
        (ConnectError("503", phase="upgrade", status=503), Next.BACK_OFF, Next.BACK_OFF),
        (
            ConnectError("429", phase="upgrade", status=429, hint="wait, or raise the quota"),
            Next.BACK_OFF,
            Next.BACK_OFF,
        ),
        (
            ConnectError("429", phase="upgrade", status=429, reason="Quota exceeded."),
            Next.STOP,
            Next.STOP,
        ),
        (ConnectError("billing-proxy: refused", phase="tcp"), Next.BACK_OFF, Next.BACK_OFF),
        (ConnectError("wrong password", phase="proxy", status=407), Next.STOP, Next.STOP),
        (ConnectError("404", phase="upgrade", status=404), Next.STOP, Next.STOP),
        (AuthenticationError("401", phase="upgrade", status=401), Next.STOP, Next.STOP),
        (livesdk.ConfigError("no credentials"), Next.STOP, Next.STOP),
    ],
    ids=str,
)
def test_what_a_failed_dial_means(error: Exception, with_handle: Next, without: Next) -> None:
    assert cause_of_failure(error, with_handle=True).next is with_handle
    assert cause_of_failure(error, with_handle=False).next is without
    assert isinstance(setup_error(1007, "API key not valid."), (SetupError, AuthenticationError))


@pytest.mark.parametrize(
    ("given", "configured", "expected"),
    [
        (None, True, True),
        (None, False, False),
        (True, False, True),
        (False, True, False),
        (ReconnectPolicy(), False, True),
    ],
)
def test_it_is_on_where_resumption_is_configured(
    given: Any, configured: bool, expected: bool
) -> None:
    assert (checked_policy(given, configured=configured) is not None) == expected


@pytest.mark.parametrize("given", ["yes", 3, {"attempts": 3}])
def test_a_policy_is_nothing_else(given: Any) -> None:
    with pytest.raises(livesdk.ConfigError, match="reconnect: expected a ReconnectPolicy"):
        checked_policy(given, configured=True)


@pytest.mark.parametrize("name", [field.name for field in ReconnectPolicy.__attrs_attrs__])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "5", True, None])
def test_its_numbers_are_above_0(name: str, value: Any) -> None:
    with pytest.raises(livesdk.ConfigError, match=f"reconnect.{name}: expected a number above 0"):
        ReconnectPolicy(**{name: value})
