"""Conditions that wait a slice at a time: no notification is lost, and no time is added."""

from __future__ import annotations

import threading
import time

import pytest
from waiting import Caught, settled

from livesdk import _lock
from livesdk._lock import SlicedCondition


class Slices(threading.Condition):
    """What a sliced condition waits with, and how often it did."""

    slices = 0

    def wait(self, timeout=None):
        self.slices += 1
        return super().wait(timeout)


class Counted(SlicedCondition, Slices):
    """A sliced condition that counts."""


@pytest.fixture(autouse=True)
def short_slices(monkeypatch):
    monkeypatch.setattr(_lock, "_SLICE", 0.02)


def test_a_wait_beyond_a_slice_is_notified():
    condition = Counted(threading.Lock())

    def waits():
        with condition:
            return condition.wait(10), time.monotonic()

    waiting = Caught(waits)
    assert settled(lambda: condition.slices >= 5)
    with condition:
        condition.notify()
        notified = time.monotonic()
    was_notified, at = waiting.outcome()
    assert was_notified
    assert at - notified < 1.0


@pytest.mark.parametrize("timeout", [0.0, 0.01, 0.1])
def test_a_wait_ends_in_time(timeout):
    condition = SlicedCondition(threading.Lock())
    begin = time.monotonic()
    with condition:
        assert not condition.wait(timeout)
    assert timeout <= time.monotonic() - begin < timeout + 1.0


def test_whoever_waits_for_something_looks_at_it_when_notified():
    condition, found = Counted(threading.Lock()), []

    def waits():
        with condition:
            return condition.wait_for(lambda: len(found) == 3)

    waiting = Caught(waits)
    for number in range(3):
        assert settled(lambda until=condition.slices + 2: condition.slices >= until)
        with condition:
            found.append(number)
            condition.notify_all()
    assert waiting.outcome() is True


def test_an_exception_ends_it_between_two_slices(monkeypatch):
    condition = SlicedCondition(threading.Lock())
    slices = []

    def interrupted(_self: object, left: float) -> bool:
        slices.append(left)
        if len(slices) == 3:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(threading.Condition, "wait", interrupted)
    with condition, pytest.raises(KeyboardInterrupt):
        condition.wait()
    assert slices == [0.02] * 3
