"""Growing: many sessions one after another, and many at once."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from session.rig import CONFIG, MODEL, Heard, client_for, our_threads
from waiting import Caught, descriptors, settled

from livesdk.emulator import Scenario

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("tls", "count"), [(False, 500), (True, 150)])
def test_sessions_one_after_another_leave_nothing(serve, tls, count):
    client = client_for(serve(Scenario(auto_reply=False), tls=tls))
    alive: list[weakref.ref] = []

    def one() -> None:
        heard = Heard()
        session = client.live.connect(MODEL, CONFIG, heard.callbacks())
        session.send_client_content("Hello")
        session.close()
        assert heard.kinds == ["open", "message", "close"]
        alive.append(weakref.ref(session))

    def measure() -> tuple[int, int, int]:
        assert settled(lambda: not any("emulator-" in t.name for t in extra_threads(before)))
        gc.collect()
        return our_objects(), descriptors(), threading.active_count()

    before = set(threading.enumerate())
    for _ in range(20):
        one()
    objects, files, threads = measure()
    for _ in range(count - 20):
        one()
    more_objects, more_files, more_threads = measure()
    assert our_threads() == []
    assert more_threads <= threads
    assert more_files <= files
    alive = [reference for reference in alive if reference() is not None]
    assert alive == []
    assert more_objects <= objects


def our_objects():
    """Count the objects of the SDK's own types, those of the emulator left out."""
    modules = (getattr(type(thing), "__module__", "") for thing in gc.get_objects())
    return sum(
        str(name).startswith("livesdk.") and not str(name).startswith("livesdk.emulator")
        for name in modules
    )


def extra_threads(before):
    return [thread for thread in threading.enumerate() if thread not in before]


def test_twenty_at_once_do_not_touch_each_other(serve):
    emulator = serve()
    client = client_for(emulator)
    together = threading.Barrier(20)

    def talk(number: int) -> tuple[list[str], list[str], str]:
        heard = Heard()
        with client.live.connect(MODEL, CONFIG, heard.callbacks()) as session:
            together.wait(20)
            answers = [session.ask(f"{number}-{turn}").text for turn in range(5)]
        return answers, heard.kinds, heard.texts

    calls = [Caught(talk, number) for number in range(20)]
    for number, call in enumerate(calls):
        answers, kinds, texts = call.outcome(40)
        assert len(answers) == 5
        for turn, answer in enumerate(answers):
            assert f"{number}-{turn}" in answer
            assert f"turn {turn + 1}" in answer
        assert "".join(answers) == texts
        assert (kinds[0], kinds[-1], kinds.count("close")) == ("open", "close", 1)


def test_the_end_of_one_is_not_the_end_of_another(serve):
    emulator = serve()
    client = client_for(emulator)
    sessions = [client.live.connect(MODEL, CONFIG) for _ in range(10)]
    for session in sessions[::2]:
        session.close()
    for number, session in enumerate(sessions):
        assert session.is_closed is (number % 2 == 0)
    for session in sessions[1::2]:
        assert session.ask("Hello").text
        session.close()
