"""Which threads there are, what they are called, and when."""

from __future__ import annotations

import threading

import pytest
from session.rig import Heard, our_threads
from waiting import Caught, settled

from livesdk.emulator import Burst, Close, Scenario


def threads_of(session):
    number = session._connection.number
    return sorted(name for name in our_threads() if name.endswith(f"-{number}"))


def test_a_session_without_callbacks_has_one_thread(connect, serve):
    session = connect(serve())
    assert session.ask("Hello").text
    assert [name.rpartition("-")[0] for name in threads_of(session)] == ["livesdk-reader"]


def test_a_session_with_callbacks_has_two(connect, serve):
    heard = Heard()
    session = connect(serve(), heard.callbacks())
    heard.wait("message")
    names = [name.rpartition("-")[0] for name in threads_of(session)]
    assert names == ["livesdk-callbacks", "livesdk-reader"]


@pytest.mark.parametrize("dispatch", ["reader", "manual", lambda drain: drain()])
def test_callbacks_elsewhere_need_no_thread_of_ours(connect, serve, dispatch):
    heard = Heard()
    session = connect(serve(), heard.callbacks(dispatch=dispatch))
    if dispatch == "manual":
        session.pump(5)
    heard.wait("open")
    assert [name.rpartition("-")[0] for name in threads_of(session)] == ["livesdk-reader"]


def test_all_threads_are_daemons(connect, serve):
    heard = Heard()
    connect(serve(), heard.callbacks())
    heard.wait("message")
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("livesdk-")]
    assert len(ours) >= 3  # with the emulator's
    assert all(thread.daemon for thread in ours)


@pytest.mark.parametrize("by", ["us", "them"])
def test_no_thread_is_left_after_the_end(connect, serve, by):
    heard = Heard()
    emulator = serve()
    session = connect(emulator, heard.callbacks())
    if by == "us":
        session.close()
    else:
        emulator.inject(Close(1011))
        session.wait_closed(5)
    assert settled(lambda: not threads_of(session), 1.0)


def test_after_close_and_after_wait_closed_the_threads_are_gone_at_once(connect, serve):
    for _ in range(50):
        heard = Heard()
        session = connect(serve(Scenario(openings=[[Burst(3)]])), heard.callbacks())
        session.close()
        assert threads_of(session) == []
        assert heard.kinds[-1] == "close"


def test_a_session_made_in_a_thread_is_used_in_others(connect, serve):
    session = Caught(connect, serve()).result()
    assert session.ask("Hello").text
