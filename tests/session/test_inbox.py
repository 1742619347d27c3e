"""The queue of messages: in order, with an end, bounded by bytes."""

from __future__ import annotations

import threading
import time

import pytest
from waiting import Caught, settled, within

from livesdk.inbox import End, Inbox


def box(limit=100, on_room=lambda: None, **options):
    return Inbox(limit, on_room, **options)


def soon():
    return time.monotonic() + 5


def test_messages_come_out_as_they_went_in():
    inbox = box()
    for number in range(5):
        inbox.put(number, 1)
    assert [inbox.get(None) for _ in range(5)] == list(range(5))
    assert inbox.size == 0


def test_what_is_there_is_got_before_the_end():
    inbox = box()
    inbox.put("a", 1)
    inbox.end()
    assert inbox.get(None) == "a"
    for _ in range(2):
        with pytest.raises(End):
            inbox.get(None)


def test_get_waits_until_its_deadline():
    with within(2.0):
        assert box().get(time.monotonic() + 0.02) is None
        assert box().get(time.monotonic() - 1) is None


@pytest.mark.parametrize("deadline", [None, float("inf"), 1e12])
def test_get_waits_for_a_message(deadline):
    inbox = box()
    waiting = Caught(inbox.get, deadline)
    inbox.put("a", 1)
    assert waiting.outcome() == "a"


def test_wake_and_end_wake():
    inbox = box()
    waiting = Caught(inbox.get, None)
    assert settled(lambda: bool(inbox._condition._waiters))
    inbox.wake()
    assert waiting.outcome() is None
    waiting = Caught(inbox.get, None)
    assert settled(lambda: bool(inbox._condition._waiters))
    inbox.end()
    assert isinstance(waiting.outcome(), End)


def test_beyond_the_limit_it_is_full_and_says_when_there_is_room():
    told = []
    inbox = box(100, lambda: told.append(inbox.size))
    inbox.put("a", 100)
    assert not inbox.is_full
    inbox.put("b", 1)
    inbox.put("c", 500)  # put never refuses
    assert inbox.is_full
    inbox.get(None)
    assert told == []
    inbox.get(None)
    assert told == []
    inbox.get(None)
    assert told == [0]


def test_room_is_told_without_holding_the_lock():
    inbox = box(1, lambda: inbox.put("from on_room", 0))
    inbox.put("a", 5)
    assert inbox.get(None) == "a"
    assert inbox.get(None) == "from on_room"


def test_what_was_taken_goes_back_before_the_rest():
    inbox = box()
    inbox.put("a", 1)
    inbox.put("b", 2)
    taken = inbox.take_all()
    assert (taken, inbox.size) == ([("a", 1), ("b", 2)], 0)
    inbox.put("c", 4)
    inbox.put_back(taken)
    assert inbox.size == 7
    assert [inbox.get(None) for _ in range(3)] == ["a", "b", "c"]


def test_what_goes_back_wakes_who_waits():
    inbox = box()
    waiting = Caught(inbox.get, None)
    inbox.put_back([("a", 1)])
    assert waiting.outcome() == "a"


def test_once_it_does_not_fill_nothing_comes():
    inbox = box(fills=False)
    inbox.put("a", 1)
    assert inbox.size == 0
    inbox.fills = True
    inbox.put("b", 1)
    inbox.fills = False
    inbox.put("c", 1)
    assert inbox.take_all() == [("b", 1)]


def test_nothing_is_lost_between_two_threads():
    inbox = box(50)
    room = threading.Event()
    inbox._on_room = room.set

    def fill():
        for number in range(5000):
            while inbox.is_full:
                room.wait(0.1)
                room.clear()
            inbox.put(number, 10)
        inbox.end()

    filling = Caught(fill)
    got = [inbox.get(soon()) for _ in range(5000)]
    with pytest.raises(End):
        inbox.get(soon())
    filling.result()
    assert got == list(range(5000))
