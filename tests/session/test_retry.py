"""Why a connection ended: the table of codes and words (Protocol §13.6)."""

from __future__ import annotations

import pytest

from livesdk.retry import CAUSES, Next, cause_of


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", Next.RESUME),
        (1001, "going away", Next.RESUME),
        (1005, "", Next.RESUME),
        (1006, "the connection was reset", Next.RESUME),
        (1002, "protocol error", Next.STOP),
        (1003, "", Next.STOP),
        (1007, "Request contains an invalid argument.", Next.STOP),
        (1007, "", Next.STOP),
        (1007, "API key not valid. Please pass a valid API key.", Next.STOP),
        (1007, "API key expired. Please renew the API key.", Next.STOP),
        (1007, "User location is not supported for the API use.", Next.STOP),
        (1007, "Unsupported modality combination", Next.STOP),
        (1007, "Cannot extract voices from a non-audio request.", Next.STOP),
        (1007, 'Invalid JSON payload received. Unknown name "x"', Next.STOP),
        (1007, "Session resumption handle has expired", Next.FRESH),
        (1007, "Invalid session handle", Next.FRESH),
        (1008, "BidiGenerateContent session not found for handle", Next.FRESH),
        (1007, "The request could not be handled: invalid argument", Next.STOP),
        (1008, "Operation is not implemented, or supported, or enabled.", Next.STOP),
        (1008, "models/x is not found for API version v1beta", Next.STOP),
        (1008, "Requested entity was not found.", Next.STOP),
        (1008, "Your API key was reported as leaked.", Next.STOP),
        (1007, "Explicit activity control is not supported when …", Next.STOP),
        (1008, "The operation was aborted.", Next.RESUME),
        (1009, "message too big", Next.STOP),
        (1011, "Internal error encountered.", Next.BACK_OFF),
        (1011, "The service is currently unavailable.", Next.BACK_OFF),
        (1011, "Deadline expired before operation could complete.", Next.RESUME),
        (1011, "You exceeded your current quota, please check your plan", Next.STOP),
        (1011, "RESOURCE_EXHAUSTED", Next.STOP),
        (1011, "Your prepayment credits are depleted.", Next.STOP),
        (1012, "", Next.BACK_OFF),
        (1013, "try again later", Next.BACK_OFF),
        (4001, "of tomorrow", Next.BACK_OFF),
    ],
)
def test_what_is_worth_doing(code, reason, expected):
    assert cause_of(code, reason).next is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("API key not valid. Please pass a valid API key.", True),
        ("API_KEY_INVALID", True),
        ("Request had invalid authentication credentials.", True),
        ("Method doesn't allow unregistered callers", True),
        ("auth_tokens/abc: token expired", True),
        ("Permission denied on resource project p.", True),
        ("Quota exceeded", False),
        ("Request contains an invalid argument.", False),
        ("Internal error", False),
        ("Maximum number of tokens exceeded", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("code", [1007, 1008, 1011])
def test_whether_the_credential_is_named(code, reason, expected):
    assert cause_of(code, reason).names_credential is expected


@pytest.mark.parametrize(
    "reason", ["Session resumption token expired", "The token expired: cannot resume"]
)
def test_an_expired_token_of_resumption_is_the_handle_and_no_credential(reason):
    cause = cause_of(1007, reason)
    assert cause.next is Next.FRESH
    assert not cause.names_credential


@pytest.mark.parametrize("reason", ["[Errno 13] Permission denied", "quota exceeded", "forbidden"])
def test_the_words_of_the_operating_system_count_for_nothing(reason):
    assert cause_of(1006, reason) is cause_of(1006)


def test_quota_and_invalid_arguments_are_never_retried():
    for code in (1007, 1008, 1011, 4000):
        for words in ("quota exceeded", "out of credits", "rate limit reached"):
            assert cause_of(code, words).next is Next.STOP


def test_words_count_in_any_case():
    assert cause_of(1011, "QUOTA EXCEEDED") == cause_of(1011, "quota exceeded")


def test_every_row_can_be_reached():
    reasons = ("", "api key", "token expired", "permission", "quota", "resumption handle")
    reasons += ("user location", "model not found", "modality", "unknown name", "aborted")
    reasons += ("not supported", "deadline expired", "activity detection is enabled")
    found = [cause_of(code, reason) for code in range(1000, 1016) for reason in reasons]
    assert [cause for cause in CAUSES if cause not in found] == []
