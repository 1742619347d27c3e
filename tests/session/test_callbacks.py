"""Callbacks: in order, one at a time, wherever they run, whatever they do."""

from __future__ import annotations

import contextlib
import functools
import logging
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from session.rig import Heard, run_script, say
from waiting import Caught, settled, within

import livesdk
from livesdk.emulator import Burst, Close, Drop, Ping, Scenario, Send, Wait

MODES = ("thread", "reader", "manual", "pool", "loop")


class Place:
    """Somewhere for callbacks to run, by the name of a mode."""

    def __init__(self, mode: str) -> None:
        self._stack = contextlib.ExitStack()
        self._over = threading.Event()
        self._jobs: queue.Queue = queue.Queue()
        self.mode = mode
        self.dispatch = mode
        if mode == "pool":
            self.dispatch = self._stack.enter_context(ThreadPoolExecutor(4)).submit
        elif mode == "loop":
            self.dispatch = self._jobs.put
            self._in_a_thread(self._loop)
        self.session = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._jobs.put(lambda: None)
        self._stack.close()

    def _in_a_thread(self, function):
        thread = threading.Thread(target=function, daemon=True)
        thread.start()
        self._stack.callback(thread.join, 5)

    def _loop(self):  # what a GUI does
        while not self._over.is_set():
            self._jobs.get()()

    def run(self, session):
        """See to it that the callbacks of a session run, if nobody else does."""
        self.session = session
        if self.mode == "manual":
            self._in_a_thread(self._pump)
        return session

    def _pump(self):
        while not self._over.is_set():
            self.session.pump(0.02)


@pytest.fixture(params=MODES)
def place(request):
    with Place(request.param) as place:
        yield place


# ------------------------------------------------------------------------------------------- order


@pytest.mark.parametrize(
    ("ending", "code", "abnormal"),
    [
        (Close(1000, "bye"), 1000, False),
        (Close(1011, "Internal error"), 1011, True),
        (Drop(), 1006, True),
        (None, 1000, False),
    ],
)
def test_the_order_of_everything(connect, serve, place, ending, code, abnormal):
    opening = [Burst(200), Wait(0.02), *([ending] if ending else [])]
    heard = Heard()
    emulator = serve(Scenario(openings=[opening]))
    session = place.run(connect(emulator, heard.callbacks(dispatch=place.dispatch)))
    heard.wait("message", 201)
    if ending is None:
        session.close()
    info = heard.wait("close")
    errors = ["error"] if abnormal else []
    assert heard.kinds == ["open", *["message"] * 201, *errors, "close"]
    assert heard.all("open") == [session]
    assert heard.all("message")[0].setup_complete is not None
    assert heard.texts == "".join(f"{number} " for number in range(200))
    assert info.code == code
    assert info is session.close_info
    for error in heard.all("error"):
        assert isinstance(error, livesdk.SessionClosed)
        assert error.info is info


def test_one_callback_at_a_time(connect, serve, place):
    alone = threading.Lock()
    collisions = []

    def callback():
        if not alone.acquire(blocking=False):
            collisions.append(threading.current_thread().name)
            return
        time.sleep(0)  # let others in, if there are any
        alone.release()

    heard = Heard()
    names = ("open", "message", "error", "close")
    callbacks = {f"on{name}": callback for name in names} | {"dispatch": place.dispatch}
    session = place.run(
        connect(serve(Scenario(openings=[[Burst(300), Wait(0.02), Drop()]])), callbacks)
    )
    session.on("close", heard.hears("close"))
    heard.wait("close")
    assert collisions == []


def test_onopen_is_queued_before_connect_returns(connect, serve):
    for _ in range(5):
        heard = Heard()
        session = connect(serve(), heard.callbacks(dispatch="manual"))
        assert session.pump() >= 1
        assert heard.kinds[0] == "open"


def test_where_callbacks_run(connect, serve, place):
    heard = Heard()
    emulator = serve()
    session = place.run(connect(emulator, heard.callbacks(dispatch=place.dispatch)))
    session.send_client_content("Hello")
    heard.wait("message", 3)
    threads = set(heard.threads)
    if place.mode == "reader":
        assert len(threads) == 1
        assert threads.pop().startswith("livesdk-reader-")
    elif place.mode == "thread":
        assert len(threads) == 1
        assert threads.pop().startswith("livesdk-callbacks-")
    else:
        assert not any(name.startswith("livesdk-") for name in threads)


# ------------------------------------------------------------------------------ kinds of callables


class Told:
    def __init__(self) -> None:
        self.got: list = []

    def method(self, argument):
        self.got.append(argument)

    def nothing(self):
        self.got.append("told")

    def __call__(self, argument):
        self.got.append(argument)


class Inscrutable(Told):
    __signature__ = "none of inspect's business"


def kinds_of_callables(told):
    yield told.method
    yield told.nothing
    yield told
    yield told.got.append  # a builtin
    yield functools.partial(lambda where, argument: where.append(argument), told.got)
    yield functools.partial(told.got.append, "told")
    yield lambda: told.got.append("told")
    yield lambda argument, /: told.got.append(argument) or True
    yield lambda *arguments: told.got.append(arguments[0])
    yield lambda argument=None, **_: told.got.append(argument)
    odd = Inscrutable()
    odd.got = told.got
    yield odd


@pytest.mark.parametrize("index", range(11))
def test_a_callback_takes_one_argument_or_none(connect, serve, index):
    told = Told()
    callback = list(kinds_of_callables(told))[index]
    session = connect(serve(), {"onclose": callback})
    session.close()
    assert told.got in (["told"], [session.close_info])


def test_callbacks_given_as_a_dict_in_the_manner_of_js(connect, serve):
    heard = Heard()
    session = connect(serve(), {"onopen": heard.hears("open"), "onclose": heard.hears("close")})
    session.close()
    assert heard.kinds == ["open", "close"]


# -------------------------------------------------------------------------------------- on and off


def test_callbacks_come_and_go(connect, serve):
    heard = Heard()
    emulator = serve()
    session = connect(emulator)
    first, second = heard.hears("first"), heard.hears("second")
    session.on("message", first)
    session.on("onmessage", second)
    emulator.send(say("a"))
    heard.wait("second")
    session.off("message", first)
    emulator.send(say("b"))
    heard.wait("second", 2)
    session.off("message", second)
    session.off("message", second)  # any number of times
    assert heard.kinds == ["first", "second", "second"]


def test_callbacks_come_and_go_inside_callbacks(connect, serve, place):
    heard = Heard()

    def once(message):
        heard.note("once", message)
        place.session.off("message", once)
        place.session.off("message", never)
        place.session.on("message", heard.hears("later"))

    def never(message):
        heard.note("never", message)

    emulator = serve()
    session = place.run(connect(emulator, {"dispatch": place.dispatch}))
    session.on("message", once)
    session.on("message", never)
    emulator.inject(Burst(3))
    heard.wait("later", 2)
    assert heard.kinds == ["once", "later", "later"]


def test_a_removed_callback_is_not_called_for_what_is_queued(connect, serve):
    heard = Heard()
    callback = heard.hears("message")
    emulator = serve(Scenario(openings=[[Burst(5), Close()]]))
    session = connect(emulator, {"onmessage": callback, "dispatch": "manual"})
    session.wait_closed(5)
    session.off("message", callback)
    session.pump()
    assert heard.kinds == []


@pytest.mark.parametrize(
    "arguments", [("mesage", print), ("message", None), ("message", "print"), (1, print)]
)
def test_on_refuses_what_is_no_event_or_no_function(connect, serve, arguments):
    with pytest.raises(livesdk.ConfigError):
        connect(serve()).on(*arguments)


# ---------------------------------------------------------------------------- callbacks that raise


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit(3), GeneratorExit()])
def test_what_a_callback_raises_goes_to_onerror_and_the_session_lives(
    connect, serve, place, error, caplog
):
    heard = Heard()

    def onmessage(message):
        if message.text == "bad":
            raise error
        heard.note("message", message)

    emulator = serve()
    callbacks = heard.callbacks(onmessage=onmessage, dispatch=place.dispatch)
    session = place.run(connect(emulator, callbacks))
    emulator.send(say("bad"))
    emulator.send(say("good"))
    reported = heard.wait("error")
    heard.wait("message", 2)
    assert isinstance(reported, livesdk.CallbackError)
    assert reported.__cause__ is error
    assert "onmessage" in reported.callback
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info[1] is error
    assert not session.is_closed
    session.close()
    heard.wait("close")
    assert session.close_info.clean


@pytest.mark.parametrize("mode", ["thread", "reader"])
def test_a_keyboard_interrupt_that_a_callback_makes_up_is_an_exception(connect, serve, mode):
    heard = Heard()

    def onopen():
        raise KeyboardInterrupt

    session = connect(serve(), heard.callbacks(onopen=onopen, dispatch=mode))
    assert isinstance(heard.wait("error").__cause__, KeyboardInterrupt)
    assert session.ask("Hello").text


def test_an_onerror_that_raises_goes_in_no_circle(connect, serve, place, caplog):
    heard = Heard()

    def onerror(error):
        heard.note("error", error)
        raise ValueError("worse")

    def onmessage():
        raise ValueError("bad")

    emulator = serve(Scenario(openings=[[Close(1011)]]))
    callbacks = {"onmessage": onmessage, "onerror": onerror, "onclose": heard.hears("close")}
    place.run(connect(emulator, {**callbacks, "dispatch": place.dispatch}))
    heard.wait("close")
    assert heard.kinds == ["error", "error", "close"]
    assert len(caplog.records) == 3  # bad, and worse twice


def test_an_onclose_that_raises_is_logged_and_still_last(connect, serve, place, caplog):
    heard = Heard()

    def onclose():
        raise ValueError("at last")

    session = connect(serve(), heard.callbacks(onclose=onclose, dispatch=place.dispatch))
    place.run(session)
    session.on("close", heard.hears("close"))
    session.close()
    heard.wait("close")
    session.wait_closed(5)
    assert "error" not in heard.kinds
    assert "at last" in caplog.text


def test_a_traceback_is_seen_where_logging_is_not_configured():
    done = run_script(
        """
import sys, livesdk
from livesdk.emulator import Emulator

def onopen(session):
    raise ValueError("from my callback")

with Emulator(voice="tones") as emulator:
    client = livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url})
    with client.live.connect("m", {"response_modalities": ["TEXT"]}, {"onopen": onopen}) as session:
        print(session.ask("Hello").text)
"""
    )
    assert done.returncode == 0
    assert "You said: Hello" in done.stdout
    assert "Traceback" in done.stderr
    assert "ValueError: from my callback" in done.stderr
    assert "onopen" in done.stderr


def test_callback_errors_raise_closes_and_raises_from_wait_closed(connect, serve, place):
    heard = Heard()
    cause = ValueError("oops")

    def onopen():
        raise cause

    callbacks = heard.callbacks(onopen=onopen, dispatch=place.dispatch)
    emulator = serve()
    session = place.run(connect(emulator, callbacks, callback_errors="raise"))
    with pytest.raises(livesdk.CallbackError) as caught:
        session.wait_closed(5)
    assert caught.value.__cause__ is cause
    info = heard.wait("close")
    assert (info.code, info.initiated_by, info.error) == (1000, "local", caught.value)
    assert heard.all("error") == [caught.value]
    assert emulator.connections[0].wait_closed()
    assert emulator.connections[0].close_code == 1000
    with pytest.raises(livesdk.SessionClosed):
        session.send_client_content("more")


def test_in_a_pump_ctrl_c_is_for_the_program_and_nothing_is_lost(connect, serve):
    heard = Heard()

    def onopen():
        raise KeyboardInterrupt

    session = connect(serve(), heard.callbacks(onopen=onopen, dispatch="manual"))
    with pytest.raises(KeyboardInterrupt):
        session.pump(5)
    session.close()
    session.wait_closed(5)  # not taken for a callback
    session.pump()
    assert heard.kinds == ["message", "close"]


def test_ctrl_c_in_a_drain_is_for_the_loop_and_the_rest_goes_on(connect, serve):
    heard = Heard()
    jobs = queue.Queue()

    def onopen():
        raise KeyboardInterrupt

    session = connect(serve(), heard.callbacks(onopen=onopen, dispatch=jobs.put))
    with pytest.raises(KeyboardInterrupt):
        jobs.get(timeout=5)()
    session.close()
    while "close" not in heard.kinds:
        jobs.get(timeout=5)()
    assert heard.kinds == ["message", "close"]


# ---------------------------------------------------------------------------------- slow callbacks


@pytest.mark.parametrize("mode", ["thread", "manual", "pool"])
def test_a_slow_callback_delays_only_callbacks(connect, serve, mode):
    gate = threading.Event()
    heard = Heard()

    def onmessage(message):
        heard.note("message", message)
        gate.wait(20)

    emulator = serve()
    with Place(mode) as place:
        session = place.run(connect(emulator, {"onmessage": onmessage, "dispatch": place.dispatch}))
        heard.wait("message")
        try:
            for number in range(5):
                payload = b"ping %d" % number
                emulator.inject(Ping(payload))
                with within(0.1):
                    assert emulator.connections[0].wait_pong(payload)
            before = session.interrupted_at
            emulator.send({"serverContent": {"interrupted": True}})
            with within(0.05 + 0.05):  # and the way to here
                assert settled(lambda: session.interrupted_at is not None)
            assert before is None
            session.send_client_content("go on")
            emulator.wait_for("clientContent")
            assert len(heard.kinds) == 1
        finally:
            gate.set()
        heard.wait("message", 3)


@pytest.mark.parametrize("mode", ["thread", "manual"])
def test_the_queue_is_bounded_then_tcp_pushes_back_and_nothing_is_lost(connect, raw, mode, caplog):
    count, size = 120, 1_000_000  # far more than the system buffers
    sent = []
    all_sent = threading.Event()

    def flood(peer):
        peer.open()
        for number in range(count):
            peer.send(say(f"{number} " + "x" * size))
            sent.append(number)
        all_sent.set()
        peer.read_all()

    gate = threading.Event()
    heard = Heard()

    def onmessage(message):
        gate.wait(30)
        heard.note("message", (message.text or "").partition(" ")[0])

    with Place(mode) as place:
        callbacks = {"onmessage": onmessage, "dispatch": place.dispatch}
        session = place.run(connect(raw(script=flood), callbacks))
        try:
            assert settled(lambda: session.stats.callbacks_queued_bytes > 32 * 1024 * 1024, 20)
            assert not all_sent.wait(0.5)  # the server is held back
            waiting = session.stats.callbacks_queued_bytes
            assert waiting <= 34 * 1024 * 1024
            assert len(sent) < count
            assert caplog.text.count("behind") == 1
            assert caplog.records[0].levelno == logging.WARNING
        finally:
            gate.set()
        heard.wait("message", count + 1, timeout=30)
        assert heard.all("message") == ["", *map(str, range(count))]


def test_falling_behind_is_said_once_an_episode(connect, serve, caplog, monkeypatch):
    emulator = serve()
    heard = Heard()
    session = connect(emulator, heard.callbacks(dispatch="manual"))
    for episode in (1, 2):
        for lasts, said in ((3600.0, episode - 1), (0.0, episode), (0.0, episode)):
            monkeypatch.setattr("livesdk.dispatch._BEHIND_FOR", lasts)
            waiting = session.stats.callbacks_queued_bytes
            emulator.inject(Burst(6, message=say("x" * 1_000_000)))
            assert settled(lambda: session.stats.callbacks_queued_bytes > waiting + 6_000_000)  # noqa: B023
            assert caplog.text.count("behind") == said
        session.pump()
        assert session.stats.callbacks_queued_bytes == 0


def test_a_held_back_session_still_closes_at_once(connect, raw):
    def flood(peer):
        peer.open()
        while True:
            peer.send(say("x" * 1_000_000))

    session = connect(raw(script=flood), {"onmessage": lambda: None, "dispatch": "manual"})
    assert settled(lambda: session.stats.callbacks_queued_bytes > 32 * 1024 * 1024, 20)
    with within(2.5):
        session.close(1.0)
    assert session.close_info.initiated_by == "local"


# -------------------------------------------------------------------------- everything, everywhere


def every_method(session, message_type):
    """All public methods, each in a way that must come back by itself."""
    yield "send_client_content", lambda: session.send_client_content("x", turn_complete=False)
    yield "send_realtime_input", lambda: session.send_realtime_input(audio=bytes(320))
    yield "send_realtime_input", lambda: session.send_realtime_input(text="x")
    yield (
        "send_tool_response",
        lambda: session.send_tool_response({"id": "1", "name": "f", "response": {}}),
    )
    yield "send_context_update", lambda: session.send_context_update(system_instruction="x")
    yield "send_media_chunks", lambda: session.send_media_chunks([("audio/pcm", bytes(320))])
    yield (
        "send_media_stream",
        lambda: session.send_media_stream([bytes(320)], realtime=False, end=False),
    )
    yield "send", lambda: session.send("x", turn_complete=False)
    yield "stop_receiving", session.stop_receiving
    yield "on", lambda: session.on("error", len)
    yield "off", lambda: session.off("error", len)
    yield "wait_ended", lambda: session.wait_ended(0.0)
    yield "pump", session.pump
    yield "wait_closed", lambda: session.wait_closed(1)
    for name in (
        "close_info",
        "interrupted_at",
        "is_closed",
        "resumption_handle",
        "session_id",
        "setup_complete",
        "stats",
        "transcripts",
        "usage",
    ):
        yield name, functools.partial(getattr, session, name)
    yield "ask", lambda: session.ask("x", timeout=0.1)
    yield "receive_turn", lambda: next(session.receive_turn(timeout=0.1))


@pytest.mark.parametrize("event", ["open", "message", "error", "close"])
def test_any_method_in_any_callback(connect, serve, place, event):
    heard = Heard()
    outcomes = []
    once = []

    def callback():
        if once:
            return
        once.append(True)
        for name, call in every_method(heard.all("open")[0], None):
            started = time.monotonic()
            try:
                call()
                outcome = None
            except (livesdk.LiveError, StopIteration) as error:
                outcome = error
            outcomes.append((name, outcome, time.monotonic() - started))
        heard.note("done")

    ending = [Close(1011, "x")] if event in ("error", "close") else []
    emulator = serve(Scenario(openings=[[Wait("go"), *ending]], auto_reply=False))
    callbacks = heard.callbacks(dispatch=place.dispatch)
    session = connect(emulator, callbacks) if event == "message" else None
    if session is None:
        first = heard.hears("open")
        onopen = (lambda s: (first(s), callback())) if event == "open" else first
        session = connect(emulator, {"onopen": onopen, "dispatch": place.dispatch})
    place.run(session)
    if event != "open":
        heard.wait("open")
        session.on(event, callback)
        emulator.release("go")
        emulator.send(say("x"))
    heard.wait("done", timeout=20)
    slow = [(name, took) for name, _, took in outcomes if took > 1.0]
    assert slow == []
    errors = {name: error for name, error, _ in outcomes}
    assert isinstance(errors["wait_closed"], livesdk.LocalProtocolError)
    if event in ("open", "message"):
        assert errors["send_client_content"] is None
        waits = livesdk.LocalProtocolError if place.mode == "reader" else livesdk.LiveTimeout
        assert isinstance(errors["ask"], waits)
        assert isinstance(errors["receive_turn"], waits)
    else:
        assert isinstance(errors["send_client_content"], livesdk.SessionClosed)
        assert isinstance(errors["ask"], livesdk.SessionClosed)


@pytest.mark.parametrize("event", ["open", "message", "error", "close"])
@pytest.mark.parametrize("tls", [False, True])
def test_close_in_any_callback(connect, serve, place, event, tls):
    heard = Heard()
    took = []

    def callback():
        session = heard.all("open")[0]
        started = time.monotonic()
        session.close()
        session.close()
        took.append(time.monotonic() - started)

    callbacks = heard.callbacks(dispatch=place.dispatch)
    first = callbacks.onopen
    if event == "open":
        callbacks = heard.callbacks(
            onopen=lambda s: (first(s), callback()), dispatch=place.dispatch
        )
    emulator = serve(tls=tls)
    session = connect(emulator, callbacks)
    session.on(event, callback)
    place.run(session)
    if event in ("error", "close"):
        heard.wait("message")
        emulator.inject(Close(1011, "x"))
    elif event == "message":
        emulator.send(say("x"))
    info = heard.wait("close")
    assert settled(lambda: bool(took))
    assert heard.kinds.count("close") == 1
    assert heard.kinds[-1] == "close"
    assert max(took) < 0.5  # it only asks
    assert info.code == (1011 if event in ("error", "close") else 1000)
    assert emulator.connections[0].wait_closed()
    assert emulator.connections[0].close_code == info.code  # a frame, even from onopen


def test_ask_in_a_callback(connect, serve):
    heard = Heard()

    def onopen(session):
        heard.note("answer", session.ask("Hello").text)

    connect(serve(), {"onopen": onopen})
    assert "Hello" in heard.wait("answer")


def test_receive_on_the_reader_raises_instead_of_waiting_for_ever(connect, serve):
    heard = Heard()

    def onmessage():
        try:
            next(heard.all("open")[0].receive())
        except livesdk.LocalProtocolError as error:
            heard.note("refused", error)

    callbacks = heard.callbacks(onmessage=onmessage, dispatch="reader")
    connect(serve(), callbacks)
    heard.wait("refused")


# ------------------------------------------------------------------------------- pump and dispatch


def test_pump_is_for_manual_only(connect, serve):
    with pytest.raises(livesdk.ConfigError, match="manual"):
        connect(serve()).pump()


def test_pump_waits_for_the_first_and_returns_how_many(connect, serve):
    heard = Heard()
    emulator = serve()
    session = connect(emulator, {"onmessage": heard.hears("message"), "dispatch": "manual"})
    session.pump(5)
    with within(3.0):
        assert session.pump(0.05) == 0
    waiting = Caught(session.pump, 10)
    emulator.send(say("x"))
    assert waiting.outcome() == 1


def test_pump_after_the_end_delivers_the_rest_and_does_not_wait(connect, serve):
    heard = Heard()
    session = connect(serve(), heard.callbacks(dispatch="manual"))
    session.close()
    assert session.wait_closed(5).code == 1000
    assert heard.kinds == []
    assert session.pump() == 3
    assert heard.kinds == ["open", "message", "close"]
    with within(2.0):
        assert session.pump(30) == 0


def test_a_pump_inside_a_callback_does_nothing(connect, serve):
    heard = Heard()
    callbacks = {"onmessage": lambda: heard.note("pumped", session.pump()), "dispatch": "manual"}
    session = connect(serve(Scenario(openings=[[Burst(3), Close()]])), callbacks)
    session.wait_closed(5)
    session.pump()
    assert [count for _, count in heard.events] == [0, 0, 0, 0]


def test_pump_leaves_what_arrives_meanwhile_for_the_next(connect, serve):
    emulator = serve()
    heard, arrived = Heard(), []

    def onmessage(message):
        heard.note("message")
        if message.text:
            before = session.stats.callbacks_queued_bytes
            emulator.send(say("again"))
            arrived.append(settled(lambda: session.stats.callbacks_queued_bytes > before))

    session = connect(emulator, {"onmessage": onmessage, "dispatch": "manual"})
    session.pump(5)
    emulator.send(say("first"))
    session.pump(5)
    assert arrived == [True]
    assert len(heard.kinds) == 2


def test_pumps_of_two_threads_take_turns(connect, serve):
    gate, inside = threading.Event(), threading.Event()

    def onopen():
        inside.set()
        gate.wait(10)

    session = connect(serve(), {"onopen": onopen, "onmessage": print, "dispatch": "manual"})
    first = Caught(session.pump)
    assert inside.wait(5)
    with within(2.0):
        assert session.pump(0) == 0
    gate.set()
    assert first.outcome() >= 1


def test_a_dispatch_that_fails_is_said_once_and_holds_up_nobody(connect, serve, caplog):
    with ThreadPoolExecutor(1) as pool:
        pass  # and shut down
    emulator = serve(Scenario(openings=[[Burst(20)]]))
    session = connect(emulator, {"onmessage": print, "onclose": print, "dispatch": pool.submit})
    assert settled(lambda: session.stats.messages_received >= 21)
    with within(2.0):
        session.close()
    assert session.wait_closed(1).code == 1000
    assert caplog.text.count("nobody runs the callbacks") == 1


def test_a_dispatch_that_recovers_loses_nothing(connect, serve):
    heard = Heard()
    fails = [True]

    def dispatch(drain):
        if fails.pop() if fails else False:
            raise OSError("not now")
        threading.Thread(target=drain).start()

    session = connect(serve(), heard.callbacks(dispatch=dispatch))
    session.close()
    heard.wait("close")
    assert heard.kinds == ["open", "message", "close"]


def test_sessions_share_a_pool(connect, serve):
    emulator = serve(Scenario(openings=[[Burst(50), Close()]] * 10))
    with ThreadPoolExecutor(2) as pool:
        all_heard = [Heard() for _ in range(10)]
        for heard in all_heard:
            connect(emulator, heard.callbacks(dispatch=pool.submit))
        for heard in all_heard:
            heard.wait("close")
            assert heard.texts == "".join(f"{number} " for number in range(50))


def test_every_key_and_part_reaches_the_callback(connect, serve):
    parts = [{"text": "a"}, {"text": "b"}]
    content = {"modelTurn": {"parts": parts}, "turnComplete": True, "interrupted": True}
    frame = {"serverContent": content, "usageMetadata": {"totalTokenCount": 3}, "goAway": {}}
    heard = Heard()
    connect(serve(Scenario(openings=[[Send(frame)]])), heard.callbacks())
    message = heard.wait("message", 2)
    assert message.text == "ab"
    assert message.usage_metadata.total_token_count == 3
    assert message.go_away is not None
    assert message.raw == frame


def _two(_first, _second): ...


def _one_and_more(_first, *, _more): ...


@pytest.mark.parametrize("wrong", [_two, _one_and_more])
def test_a_callback_that_wants_more_than_it_gets_is_refused_before_anything_is_dialled(
    connect, serve, wrong
):
    emulator = serve()
    with pytest.raises(livesdk.ConfigError, match="one argument or none"):
        connect(emulator, {"onmessage": wrong})
    assert emulator.connections == []
    session = connect(emulator)
    with pytest.raises(livesdk.ConfigError, match="one argument or none"):
        session.on("message", wrong)


@pytest.mark.parametrize("right", [len, print, lambda *_: None, lambda: None, lambda _, _more=1: 0])
def test_a_callback_may_be_any_function_that_takes_one_argument_or_none(connect, serve, right):
    session = connect(serve(), {"onclose": right})
    session.on("close", right)
    session.close()


async def waits(message: object) -> None:
    raise AssertionError(message)


class Waiting:
    async def __call__(self, message: object) -> None:
        raise AssertionError(message)


@pytest.mark.parametrize("callback", [waits, functools.partial(waits), Waiting()])
def test_a_coroutine_is_refused_since_nobody_would_run_it(connect, serve, callback):
    with pytest.raises(livesdk.ConfigError, match="onmessage: a coroutine would never run"):
        connect(serve(), livesdk.LiveCallbacks(onmessage=callback))
    session = connect(serve())
    with pytest.raises(livesdk.ConfigError, match="coroutine"):
        session.on("message", callback)
