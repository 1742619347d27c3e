"""The dispatcher alone: who drains, when, and what it is told at the end."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from waiting import Caught, settled, within

import livesdk
from livesdk.dispatch import Dispatcher, LiveCallbacks, callbacks_from, takes_argument


def dispatcher(mode="thread", limit=1000, **callbacks):
    failures, rooms = [], []
    made = Dispatcher(
        LiveCallbacks(dispatch=mode, **callbacks),
        name="livesdk-callbacks-test",
        limit=limit,
        on_failure=failures.append,
        on_room=lambda: rooms.append(made.size),
    )
    made.failures, made.rooms = failures, rooms
    return made


def in_five_seconds():
    return time.monotonic() + 5


@pytest.mark.parametrize("mode", ["thread", "reader"])
def test_all_is_run_before_it_is_done(mode):
    told = []
    ours = dispatcher(mode, onmessage=told.append, onclose=told.append)
    for number in range(100):
        ours.post("message", number, 1)
    ours.end(("close", "end"))
    assert ours.wait_done(in_five_seconds())
    assert told == [*range(100), "end"]
    assert ours.size == 0


def test_after_the_end_nothing_is_taken():
    told = []
    ours = dispatcher(onmessage=told.append, onclose=told.append)
    ours.end(("close", "end"))
    ours.post("message", "late")
    ours.end(("close", "again"))
    assert ours.wait_done(in_five_seconds())
    ours.post("message", "later")
    assert told == ["end"]


def test_without_a_listener_there_is_no_thread():
    ours = dispatcher()
    ours.post("message", 1, 1)
    ours.end(("close", "end"))
    assert ours.wait_done(time.monotonic())
    assert ours._thread is None


def test_it_is_not_done_while_a_callback_runs():
    gate, inside = threading.Event(), threading.Event()
    ours = dispatcher(onclose=lambda: inside.set() or gate.wait(10))
    ours.end(("close", None))
    assert inside.wait(5)
    with within(1.0):
        assert not ours.wait_done(time.monotonic() + 0.05)
    gate.set()
    assert ours.wait_done(in_five_seconds())


def test_what_another_thread_posts_waits_for_its_turn_on_the_reader():
    gate, inside = threading.Event(), threading.Event()
    told = []

    def onmessage(message):
        told.append((message, threading.current_thread().name))
        inside.set()
        gate.wait(10)

    ours = dispatcher("reader", onmessage=onmessage)
    first = Caught(ours.post, "message", 1)
    assert inside.wait(5)
    with within(1.0):
        ours.post("message", 2)  # not here: one at a time
    gate.set()
    first.result()
    assert told == [(1, "test-call"), (2, "test-call")]


def test_what_a_callback_posts_comes_after_it():
    told = []

    def onmessage(message):
        if message == "a":
            ours.post("message", "b")
        told.append(message)

    ours = dispatcher("reader", onmessage=onmessage)
    ours.post("message", "a")
    assert told == ["a", "b"]


def test_one_drain_is_posted_at_a_time():
    posted = []
    told = []
    ours = dispatcher(posted.append, onmessage=told.append)
    for number in range(3):
        ours.post("message", number)
    assert len(posted) == 1
    posted.pop()()
    assert told == [0, 1, 2]
    ours.post("message", 3)
    assert len(posted) == 1


def test_the_size_is_counted_and_room_is_told():
    ours = dispatcher("manual", limit=10, onmessage=lambda: None)
    for _ in range(3):
        ours.post("message", None, 6)
    assert (ours.size, ours.is_full) == (18, True)
    ours.pump()
    assert (ours.size, ours.is_full, ours.rooms) == (0, False, [6])


def test_runs_here_is_true_in_a_callback_only():
    told = []
    ours = dispatcher("manual", onmessage=lambda: told.append(ours.runs_here))
    ours.post("message", None)
    ours.pump()
    assert (told, ours.runs_here) == ([True], False)


def test_runs_here_is_forgotten_when_a_callback_is_interrupted():
    def onmessage():
        raise KeyboardInterrupt

    ours = dispatcher("manual", onmessage=onmessage)
    ours.post("message", None)
    with pytest.raises(KeyboardInterrupt):
        ours.pump()
    assert not ours.runs_here
    assert ours.failures == []


@pytest.mark.parametrize("event", ["open", "message", "error", "close"])
def test_who_raises_is_told_once_and_by_name(event):
    def oops():
        raise ValueError(event)

    errors = []
    callbacks = {f"on{event}": oops}
    ours = dispatcher("reader", **callbacks)
    ours.on("error", errors.append)
    ours.post(event, None)
    (failure,) = ours.failures
    assert "oops" in failure.callback
    assert isinstance(failure.__cause__, ValueError)
    expected = {"error": [None], "close": []}.get(event, [failure])
    assert errors == expected


def test_callbacks_of_one_event_run_in_order_and_one_that_raises_stops_no_other():
    told = []
    ours = dispatcher("reader", onmessage=lambda: told.append("first"))
    ours.on("message", lambda: 1 / 0)
    ours.on("message", lambda: told.append("third"))
    ours.post("message", None)
    assert told == ["first", "third"]


def test_a_thread_that_cannot_start_is_tried_again(monkeypatch):
    told = []
    ours = dispatcher(onmessage=told.append, onclose=told.append)

    def start(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        ours.post("message", 1)
    ours.end(("close", 2))
    assert ours.wait_done(in_five_seconds())
    assert told == [1, 2]


def test_many_threads_post_and_nothing_is_lost():
    told = []
    ours = dispatcher(onmessage=told.append)

    def post(start):
        for number in range(500):
            ours.post("message", start + number)

    for call in [Caught(post, start) for start in range(0, 4000, 500)]:
        call.result()
    ours.end()
    assert ours.wait_done(in_five_seconds())
    assert sorted(told) == list(range(4000))
    for start in range(0, 4000, 500):  # each thread's own order
        own = [number for number in told if start <= number < start + 500]
        assert own == sorted(own)


def test_pump_waits_for_a_post_and_for_the_end():
    ours = dispatcher("manual", onmessage=lambda: None)
    waiting = Caught(ours.pump, float("inf"))
    ours.post("message", None)
    assert waiting.outcome() == 1
    waiting = Caught(ours.pump, 30)
    ours.end()
    assert waiting.outcome() == 0


# ------------------------------------------------------------------------- what may be given


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        (lambda: None, False),
        (lambda x: None, True),
        (lambda x=1: None, True),
        (lambda *x: None, True),
        (lambda *, key=1: None, False),
        (lambda **more: None, False),
        ([].append, True),
        ([].clear, False),
        (print, True),
        (max, True),
        (threading.Event().set, False),
        (contextlib.suppress, True),
    ],
)
def test_whether_a_callback_takes_an_argument(callback, expected):
    assert takes_argument(callback) is expected


@pytest.mark.parametrize(
    "given",
    [
        {"onmesage": print},
        {"onmessage": 1},
        {"dispatch": "there"},
        {"dispatch": None},
        [print],
        print,
        {1: print},
    ],
)
def test_what_are_no_callbacks(given):
    with pytest.raises(livesdk.ConfigError, match="callbacks"):
        callbacks_from(given)


def test_none_are_callbacks_too():
    assert callbacks_from(None) == LiveCallbacks()
    assert callbacks_from({}) == LiveCallbacks()
    given = LiveCallbacks(onopen=print)
    assert callbacks_from(given) == given


def test_a_pump_that_is_in_a_callback_holds_up_no_other_thread():
    gate, inside = threading.Event(), threading.Event()
    ours = dispatcher("manual", onmessage=lambda: inside.set() or gate.wait(10))
    ours.post("message", None)
    first = Caught(ours.pump)
    assert inside.wait(5)
    with within(1.0):
        assert ours.pump(10) == 0
    gate.set()
    assert first.outcome() == 1
    assert settled(lambda: not ours._draining)


@pytest.mark.parametrize("mode", ["thread", "posted"])
def test_what_was_put_is_run_once_somebody_is_woken(mode):
    told, posted = [], []
    ours = dispatcher(posted.append if mode == "posted" else mode, onmessage=told.append)
    ours.put("message", 1, 5)
    ours.put("message", 2, 5)
    assert (told, posted, ours.size, ours._thread) == ([], [], 10, None)
    ours.wake()
    for drain in posted:
        drain()
    ours.end()
    assert ours.wait_done(in_five_seconds())
    assert mode == "posted" or told == [1, 2]
    assert mode == "thread" or (told, len(posted)) == ([1, 2], 1)


def test_the_end_runs_what_nobody_was_woken_for():
    told = []
    ours = dispatcher(onmessage=told.append, onclose=told.append)
    ours.put("message", 1)
    ours.end(("close", "end"))
    assert ours.wait_done(in_five_seconds())
    assert told == [1, "end"]


def test_on_the_reader_each_is_run_as_it_is_put():
    told = []
    ours = dispatcher("reader", onmessage=told.append)
    ours.put("message", 1)
    assert told == [1]
