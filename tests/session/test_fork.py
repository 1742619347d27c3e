"""Forks: the child's session is over, the parent's lives on, new ones work in the child."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from session.rig import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

_PROGRAM = """
import gc, os, sys, threading, warnings
import livesdk
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on forks with threads
url, ca_file = sys.argv[1:]
client = livesdk.Client(api_key="any", http_options={"base_url": url}, ca_file=ca_file or None)
events = []
callbacks = {
    "onmessage": lambda: events.append("message"),
    "onerror": lambda: events.append("error"),
    "onclose": lambda: events.append("close"),
}
def connect(**more):
    return client.live.connect("m", {"response_modalities": ["TEXT"]}, {**callbacks, **more})
def raises(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError("nothing was raised")
def in_child(function):
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""

_INHERITED = """
def child():
    events.clear()
    assert session.is_closed
    info = session.close_info
    assert (info.code, info.reason, info.initiated_by) == (1006, "forked", "local"), info
    for call in (
        lambda: session.send_client_content("x"),
        lambda: session.send_realtime_input(audio=bytes(320)),
        lambda: session.ask("x"),
        lambda: list(session.receive()),
        lambda: list(session.receive_turn()),
    ):
        assert raises(livesdk.SessionClosed, call).info is info
    session.on("message", print)
    session.off("message", print)
    session.stop_receiving()
    assert session.wait_ended(60)
    assert session.wait_closed() is info
    session.close(60)
    assert events == []  # they are the parent's
    with connect() as new:
        assert "You said: new" in new.ask("new").text
    assert new.close_info.clean
    gc.collect()
"""


def program(emulator, source):
    ca_file = emulator.ca_file if emulator.base_url.startswith("https") else ""
    done = run_script(_PROGRAM + source, emulator.base_url, ca_file)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def emulator(request, serve):
    return serve(tls=request.param)


@pytest.mark.parametrize("dispatch", ["thread", "reader", "manual"])
def test_the_childs_session_is_over_and_the_parents_lives_on(emulator, dispatch):
    source = f"""
session = connect(dispatch={dispatch!r})
{_INHERITED}
for _ in range(2):
    in_child(child)
assert "You said: still here" in session.ask("still here").text
session.close()
assert session.close_info.clean
"""
    program(emulator, source)
    assert [connection.close_code for connection in emulator.connections] == [1000] * 3


def test_locks_that_were_held_at_the_fork_hold_up_nobody(emulator):
    source = f"""
session = connect(dispatch="manual")
inner = session._connection
session._calls._gate.called([livesdk.FunctionCall(name="f", id="1")])
receiving = threading.Thread(target=lambda: list(session.receive()), daemon=True)
receiving.start()
held, done = threading.Event(), threading.Event()
def hold():
    with inner._condition, inner._dispatcher._condition, inner._inbox._condition:
        with client._tls._lock, inner.transport._lock, session._lock, session._uplink:
            held.set()
            done.wait(20)
holder = threading.Thread(target=hold)
holder.start()
assert held.wait(5)
{_INHERITED}
in_child(child)
done.set()
holder.join()
session.close()
"""
    program(emulator, source)


def test_a_change_of_music_that_was_under_way_at_the_fork_holds_up_nobody(emulator):
    source = """
session = client.live.music.connect()
change = session.set_music_generation_config
with session._config_turn:
    in_child(lambda: raises(livesdk.SessionClosed, change, {"bpm": 99}))
session.close()
"""
    program(emulator, source)


def test_a_child_that_ends_in_the_usual_way_says_nothing_to_the_peer(emulator):
    source = """
session = connect()
child = os.fork()
if child == 0:
    sys.exit(0)  # with all that the interpreter does at its end
assert os.waitpid(child, 0)[1] == 0
assert session.ask("still here").text
session.close()
"""
    program(emulator, source)
    assert emulator.connections[0].closed_by == "client"
    assert len(emulator.connections) == 1


def test_multiprocessing_with_fork(emulator):
    source = f"""
import multiprocessing
session = connect()
{_INHERITED}
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
assert process.exitcode == 0
assert session.ask("still here").text
session.close()
"""
    program(emulator, source)


def test_a_session_that_had_ended_before_the_fork_keeps_its_end(emulator):
    program(
        emulator,
        """
session = connect()
session.close(code=4000, reason="done")
info = session.close_info
def child():
    assert session.close_info is info
    assert raises(livesdk.SessionClosed, session.ask, "x").info is info
in_child(child)
""",
    )


def test_a_fork_inside_a_callback(emulator):
    program(
        emulator,
        """
forked = threading.Event()
def onopen(session):
    in_child(lambda: raises(livesdk.SessionClosed, session.ask, "x"))
    forked.set()
session = connect(onopen=onopen)
assert forked.wait(10)
assert session.ask("still here").text
session.close()
""",
    )


_FETCHING = """
class Credentials:
    valid = False
    def refresh(self, request):
        if os.getpid() == parent:
            refreshing.set()
            done.wait(20)
        self.token = f"of {os.getpid()}"
    token = None
parent = os.getpid()
refreshing, done = threading.Event(), threading.Event()
client = livesdk.Client(
    vertexai=True,
    project="p",
    location="global",
    credentials=Credentials(),
    http_options={"base_url": url},
    ca_file=ca_file or None,
)
first = threading.Thread(target=lambda: connect().close())
first.start()
assert refreshing.wait(10)
def child():
    with connect() as session:
        assert session.ask("new").text
in_child(child)
done.set()
first.join()
"""


def test_a_token_that_is_fetched_at_the_fork_is_fetched_by_the_child_itself(emulator):
    program(emulator, _FETCHING)
    ours, childs = sorted(one.headers["authorization"] for one in emulator.connections)
    assert ours != childs


_WORKERS = """
import multiprocessing
def work(number, results):
    with connect() as session:
        results.put((number, session.ask(f"of worker {number}").text))
def master():
    assert client.live  # made before the fork, as a module of a web application makes it
    before = connect()
    assert before.ask("before").text
    context = multiprocessing.get_context(METHOD)
    results = context.SimpleQueue()
    workers = [context.Process(target=work, args=(n, results)) for n in range(4)]
    for worker in workers:
        worker.start()
    answers = dict(results.get() for _ in workers)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    for number, text in answers.items():
        assert f"of worker {number}" in text
    assert "after" in before.ask("after").text
    before.close()
if __name__ == "__main__":
    master()
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_connect_with_the_client_of_the_master(serve, tmp_path, method):
    emulator = serve()
    # spawn imports the program again, so it has to be a file
    (tmp_path / "prefork.py").write_text(_PROGRAM + _WORKERS.replace("METHOD", repr(method)))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "prefork.py"), emulator.base_url, ""],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [one.close_code for one in emulator.connections] == [1000] * 5


def test_a_server_that_forks_its_workers_again_and_again(emulator, tally):
    program(
        emulator,
        """
parents = connect()
def child():
    with connect() as session:
        assert "You said" in session.ask("x").text
for _ in range(20):
    in_child(child)  # the workers of a server come and go
assert parents.ask("still here").text
parents.close()
""",
    )
    assert len(emulator.connections) == 21
    tally("sessions closed", 21)
