"""Functions run in parallel, off the caller's thread, and each call is answered exactly once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from livesdk.errors import CloseInfo, SessionClosed, SessionReconnecting, ToolError
from livesdk.tools import ToolContext, ToolRunner, function_tool, tool
from livesdk.types import Blob, FunctionCall, FunctionResponse

SECONDS = 10


class Line:
    """Takes responses, and lets a test wait for them."""

    def __init__(self) -> None:
        self.responses: list[FunctionResponse] = []
        self.errors: list[Any] = []
        self.over: list[Any] = []
        self.closed = False
        self.fails_once = False
        self._changed = threading.Condition()

    def send(self, responses: list[FunctionResponse], is_wanted: Callable[[], bool]) -> None:
        if not is_wanted():
            raise SessionReconnecting("another connection")
        if self.closed:
            raise SessionClosed(CloseInfo(code=1006))
        if self.fails_once:
            self.fails_once = False
            raise RuntimeError("a mistake of ours")
        with self._changed:
            self.responses += responses
            self._changed.notify_all()

    def done(self, call_id: Any, _name: str, _answered: bool) -> None:
        with self._changed:
            self.over.append(call_id)
            self._changed.notify_all()

    def wait(self, count: int) -> list[FunctionResponse]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.responses) >= count, SECONDS)
            return list(self.responses)

    def wait_over(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.over) >= count, SECONDS)


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def runner(line):
    made = ToolRunner(
        "the session",
        name="livesdk-tool-9",
        send=line.send,
        report=line.errors.append,
        on_over=line.done,
    )
    yield made
    made.close()
    assert made.wait_done(time.monotonic() + SECONDS)


def use(runner: ToolRunner, *functions: Any) -> None:
    runner.use(function_tool(function) for function in functions)


def a_call(name: str, call_id: Any = "1", **args: Any) -> FunctionCall:
    return FunctionCall(id=call_id, name=name, args=args)


def test_a_function_runs_with_its_arguments_and_is_answered(runner, line):
    def add(a: int, b: int) -> int:
        return a + b

    use(runner, add)
    runner.called([a_call("add", "c1", a=1, b=2)])
    [response] = line.wait(1)
    assert (response.id, response.name, response.response) == ("c1", "add", {"result": 3})
    line.wait_over(1)
    assert line.over == ["c1"]
    assert runner.counts.answered == 1


@pytest.mark.parametrize("value", [None, 0, False, "", [], 5, "text", ["a"]], ids=repr)
def test_results_that_are_no_object_stand_under_result_unchanged(runner, line, value):
    def f() -> Any:
        return value

    use(runner, f)
    runner.called([a_call("f")])
    [response] = line.wait(1)
    assert response.response == {"result": value}


@pytest.mark.parametrize("value", [{}, {"a": None}, {"error": "e"}], ids=repr)
def test_an_object_is_sent_as_it_is(runner, line, value):
    def f() -> dict:
        return value

    use(runner, f)
    runner.called([a_call("f")])
    assert line.wait(1)[0].response == value


def test_bytes_blobs_and_pictures_become_parts(runner, line):
    picture = pytest.importorskip("PIL.Image").new("RGB", (2, 2))
    blob = Blob(data=b"x", mime_type="image/webp")

    def f() -> Any:
        return [b"raw", blob, picture]

    use(runner, f)
    runner.called([a_call("f")])
    parts = [part.inline_data for part in line.wait(1)[0].parts or []]
    assert [part.mime_type for part in parts if part] == [
        "application/octet-stream",
        "image/webp",
        "image/png",
    ]


def test_several_calls_of_one_message_run_at_once(runner, line):
    together = threading.Barrier(4, timeout=SECONDS)

    def meet(n: int) -> int:
        together.wait()
        return n

    use(runner, meet)
    runner.called([a_call("meet", str(n), n=n) for n in range(4)])
    answers = {response.id: response.response for response in line.wait(4)}
    assert answers == {str(n): {"result": n} for n in range(4)}


def test_no_more_than_four_run_at_once(runner, line):
    gate, running, peak = threading.Event(), [], []
    lock = threading.Lock()
    full = threading.Semaphore(0)

    def f(n: int) -> None:
        with lock:
            running.append(n)
            peak.append(len(running))
        full.release()
        gate.wait(SECONDS)
        with lock:
            running.remove(n)

    use(runner, f)
    runner.called([a_call("f", str(n), n=n) for n in range(12)])
    for _ in range(4):
        assert full.acquire(timeout=SECONDS)
    gate.set()
    line.wait(12)
    assert max(peak) == 4


def test_an_id_that_comes_twice_runs_once(runner, line):
    runs = []

    def f() -> None:
        runs.append(1)

    use(runner, f)
    runner.called([a_call("f", "a"), a_call("f", "a"), a_call("f", "b")])
    line.wait(2)
    runner.called([a_call("f", "a")])
    runner.called([a_call("f", "z")])
    line.wait(3)
    assert len(runs) == 3
    assert runner.counts.repeated == 2


def test_calls_without_an_id_are_told_apart(runner, line):
    def f() -> None: ...

    use(runner, f)
    runner.called([a_call("f", None), a_call("f", None)])
    assert [response.id for response in line.wait(2)] == [None, None]


def test_an_exception_is_an_error_response_and_is_reported(runner, line, caplog):
    def f() -> None:
        raise KeyError("no such city")

    use(runner, f)
    runner.called([a_call("f", "c")])
    [response] = line.wait(1)
    assert response.response == {"error": "KeyError: 'no such city'"}
    [error] = line.errors
    assert isinstance(error, ToolError)
    assert (error.name, error.call_id) == ("f", "c")
    assert isinstance(error.__cause__, KeyError)
    assert "raised" in caplog.text


def test_an_unknown_name_and_wrong_arguments_are_error_responses(runner, line):
    def f(x: int) -> None: ...

    use(runner, f)
    runner.called([a_call("g", "1")])
    runner.called([a_call("f", "2", x="many")])
    found = {response.id: response.response for response in line.wait(2)}
    assert found == {
        "1": {"error": "there is no function 'g'; there are: f"},
        "2": {"error": "x: expected an integer, got 'many'"},
    }
    assert len(line.errors) == 2


def test_no_failure_to_send_costs_the_thread_that_answers_for_late_functions(runner, line):
    gate = threading.Event()

    @tool(timeout=0.05)
    def slow() -> None:
        gate.wait(SECONDS)

    use(runner, slow)
    line.fails_once = True
    runner.called([a_call("slow", "1")])
    line.wait_over(1)
    runner.called([a_call("slow", "2")])
    [response] = line.wait(1)
    assert (response.id, response.response) == ("2", {"error": "it took longer than 0.05 s"})
    gate.set()
    counts = runner.counts
    assert (counts.calls, counts.answered, counts.lost) == (2, 1, 1)


def test_a_timeout_is_an_error_response_and_the_late_result_is_not_sent(runner, line):
    gate = threading.Event()
    contexts = []

    @tool(timeout=0.05)
    def slow(context: ToolContext) -> str:
        contexts.append(context)
        gate.wait(SECONDS)
        return "late"

    def quick() -> str:
        return "quick"

    use(runner, slow, quick)
    runner.called([a_call("slow", "s")])
    [response] = line.wait(1)
    assert response.response == {"error": "it took longer than 0.05 s"}
    line.wait_over(1)
    assert contexts[0].cancelled.is_set()
    gate.set()
    runner.called([a_call("quick", "q")])
    assert [response.id for response in line.wait(2)] == ["s", "q"]
    assert isinstance(line.errors[0], ToolError)


def test_functions_that_hang_do_not_take_the_workers_from_others(runner, line):
    gate = threading.Event()

    @tool(timeout=0.02)
    def hang() -> None:
        gate.wait(SECONDS)

    def quick() -> str:
        return "quick"

    use(runner, hang, quick)
    try:
        runner.called([a_call("hang", str(n)) for n in range(8)])
        line.wait(8)
        runner.called([a_call("quick", "q")])
        assert line.wait(9)[-1].id == "q"
    finally:
        gate.set()


def test_cancellation_reaches_the_function_and_nothing_is_sent(runner, line):
    started, seen = threading.Event(), threading.Event()

    def search(context: ToolContext) -> str:
        started.set()
        if context.cancelled.wait(SECONDS):
            seen.set()
        return "found"

    use(runner, search)
    runner.called([a_call("search", "a")])
    assert started.wait(SECONDS)
    before = time.monotonic()
    runner.cancelled(["a"])
    assert seen.wait(SECONDS)
    assert time.monotonic() - before < 0.5
    runner.close()
    assert runner.wait_done(time.monotonic() + SECONDS)
    assert line.responses == []
    counts = runner.counts
    assert (counts.cancelled, counts.late, counts.answered) == (1, 1, 0)


def test_a_call_that_is_cancelled_before_it_runs_never_runs(runner, line):
    gate, runs = threading.Event(), []

    def f(n: int) -> None:
        runs.append(n)
        gate.wait(SECONDS)

    use(runner, f)
    runner.called([a_call("f", str(n), n=n) for n in range(5)])
    runner.cancelled(["4"])
    gate.set()
    line.wait(4)
    assert 4 not in runs


def test_a_cancellation_that_overtakes_its_call_counts(runner, line):
    def f() -> None: ...

    use(runner, f)
    runner.cancelled(["x"])
    runner.called([a_call("f", "x"), a_call("f", "y")])
    assert [response.id for response in line.wait(1)] == ["y"]


def test_a_generator_answers_in_parts(runner, line):
    @tool(scheduling="WHEN_IDLE")
    def count() -> Iterator[int]:
        yield 1
        yield 2

    use(runner, count)
    runner.called([a_call("count", "g")])
    found = [(r.response, r.will_continue, r.scheduling) for r in line.wait(3)]
    assert found == [
        ({"result": 1}, True, "WHEN_IDLE"),
        ({"result": 2}, True, "WHEN_IDLE"),
        ({}, False, "WHEN_IDLE"),
    ]
    line.wait_over(1)
    assert runner.counts.answered == 1


def test_a_generator_that_raises_ends_with_an_error(runner, line):
    def count() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    use(runner, count)
    runner.called([a_call("count", "g")])
    assert line.wait(2)[1].response == {"error": "ValueError: broken"}


class Wordless(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize("kind", [GeneratorExit, Wordless])
def test_whatever_a_function_raises_it_is_answered_and_ends_no_worker(runner, line, kind):
    def leave() -> None:
        raise kind

    use(runner, leave)
    for number in range(1, 7):  # more than there are workers
        runner.called([a_call("leave", str(number))])
        assert kind.__name__ in str(line.wait(number)[-1].response)
    line.wait_over(6)
    assert len(line.errors) == 6


def test_a_thread_that_cannot_be_started_is_tried_again_at_the_next_call(runner, line, monkeypatch):
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    @tool(timeout=SECONDS)
    def f() -> None: ...

    use(runner, f)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        runner.called([a_call("f", "1")])
    runner.called([a_call("f", "2")])
    assert {response.id for response in line.wait(2)} == {"1", "2"}


@pytest.mark.parametrize("timeout", [float("inf"), 1e10])
def test_a_timeout_of_years_leaves_those_of_others_alone(runner, line, timeout):
    gate = threading.Event()

    @tool(timeout=timeout)
    def patient() -> None:
        gate.wait(SECONDS)

    @tool(timeout=0.1)
    def hasty() -> None:
        gate.wait(SECONDS)

    use(runner, patient, hasty)
    runner.called([a_call("patient", "1")])
    runner.called([a_call("hasty", "2")])
    assert line.wait(1)[0].id == "2"
    gate.set()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException])
def test_a_function_that_wants_to_end_the_program_is_answered_and_ends_no_worker(
    runner, line, kind
):
    def leave() -> None:
        raise kind("usage")

    def count() -> Iterator[int]:
        yield 1
        raise kind("usage")

    def fine() -> str:
        return "fine"

    use(runner, leave, count, fine)
    for number in range(1, 6):  # more than there are workers
        runner.called([a_call("leave", f"l{number}"), a_call("count", f"c{number}")])
        line.wait(3 * number)
    runner.called([a_call("fine", "f")])
    assert line.wait(16)[-1].response == {"result": "fine"}
    error = {"error": f"{kind.__name__}: usage"}
    assert sum(response.response == error for response in line.responses) == 10
    assert len(line.errors) == 10


def test_a_cancelled_generator_is_closed(runner, line):
    closed, go = threading.Event(), threading.Event()

    def count() -> Iterator[int]:
        try:
            yield 1
            go.wait(SECONDS)
            yield 2
            yield 3
        finally:
            closed.set()

    use(runner, count)
    runner.called([a_call("count", "g")])
    line.wait(1)
    runner.cancelled(["g"])
    go.set()
    assert closed.wait(SECONDS)
    assert len(line.responses) == 1


def test_a_new_set_replaces_the_old_and_calls_in_flight_finish(runner, line):
    started, gate = threading.Event(), threading.Event()

    def old() -> str:
        started.set()
        gate.wait(SECONDS)
        return "old"

    def new() -> str:
        return "new"

    use(runner, old)
    runner.called([a_call("old", "1")])
    assert started.wait(SECONDS)
    use(runner, new)
    gate.set()
    line.wait(1)
    runner.called([a_call("old", "2"), a_call("new", "3")])
    found = {response.id: response.response for response in line.wait(3)}
    assert found["1"] == {"result": "old"}
    assert "there is no function" in found["2"]["error"]
    assert found["3"] == {"result": "new"}


def test_a_lost_connection_ends_open_calls_and_later_ones_run(runner, line):
    started, gate = threading.Event(), threading.Event()

    def f(context: ToolContext) -> None:
        started.set()
        context.cancelled.wait(SECONDS)
        gate.set()

    def g() -> None: ...

    use(runner, f, g)
    runner.called([a_call("f", "1")])
    assert started.wait(SECONDS)
    runner.connection_lost()
    assert gate.wait(SECONDS)
    runner.called([a_call("g", "2")])
    assert [response.id for response in line.wait(1)] == ["2"]
    assert runner.counts.lost == 1


def test_a_response_that_cannot_be_sent_is_lost_and_told(runner, line):
    def f() -> None: ...

    line.closed = True
    use(runner, f)
    runner.called([a_call("f", "1")])
    line.wait_over(1)
    assert (runner.counts.lost, runner.counts.answered) == (1, 0)


def test_closing_does_not_wait_for_functions(runner, line):
    started, gate = threading.Event(), threading.Event()

    def f() -> None:
        started.set()
        gate.wait(SECONDS)

    use(runner, f)
    runner.called([a_call("f")])
    assert started.wait(SECONDS)
    before = time.monotonic()
    runner.close()
    assert time.monotonic() - before < 1
    assert not runner.wait_done(time.monotonic())
    gate.set()
    assert runner.wait_done(time.monotonic() + SECONDS)
    runner.called([a_call("f", "late")])
    assert line.responses == []


def test_counts_balance_under_random_calls_cancellations_and_losses(line, request):
    import random

    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    runner = ToolRunner(
        None, name="livesdk-tool-8", send=line.send, report=lambda _: None, on_over=line.done
    )

    @tool(timeout=0.02)
    def sometimes(n: int, context: ToolContext) -> Any:
        if n % 7 == 0:
            context.cancelled.wait(SECONDS)
        if n % 5 == 0:
            raise ValueError(n)
        if n % 11 == 0:
            return iter([1, 2])
        return n

    use(runner, sometimes)
    for n in range(400):
        runner.called([a_call("sometimes", str(n), n=n)])
        if chance.random() < 0.2:
            runner.cancelled([str(chance.randrange(n + 1))])
        if chance.random() < 0.02:
            runner.connection_lost()
    line.wait_over(runner.counts.calls)
    runner.close()
    assert runner.wait_done(time.monotonic() + SECONDS)
    counts = runner.counts
    # a cancellation that comes first makes its call a repeated one
    assert counts.calls + counts.repeated == 400
    assert counts.calls == counts.answered + counts.cancelled + counts.lost
    final = [r for r in line.responses if not r.will_continue]
    assert len(final) == counts.answered
    assert len({r.id for r in final}) == len(final)
