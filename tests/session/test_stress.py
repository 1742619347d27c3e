"""Sessions that end at random points, by the hundred: nobody hangs, nothing is left.

``LIVESDK_STRESS=thousands pytest tests/session/test_stress.py`` runs for minutes.  A failure prints
its seed; ``LIVESDK_STRESS_SEED`` runs that one again.
"""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from session.rig import CONFIG, MODEL, Heard, client_for, our_threads
from waiting import Caught, descriptors, settled

import livesdk
from livesdk.emulator import (
    BadJson,
    BadUtf8,
    Burst,
    Call,
    Close,
    DelaySetup,
    Drop,
    Emulator,
    GoAway,
    HttpStatus,
    Ping,
    RefuseSetup,
    Scenario,
    SilentSetup,
    SilentUpgrade,
    SplitFrames,
    StopReading,
    UnknownFields,
    Wait,
)

pytestmark = pytest.mark.long

LONG = os.environ.get("LIVESDK_STRESS") == "thousands"
ROUNDS = 5000 if LONG else 150  # of plain and of TLS each
TOGETHER = 8
PATIENCE = 20.0

OPENINGS = (
    *[None] * 8,
    SilentUpgrade(),
    SilentSetup(),
    HttpStatus(503, "Overloaded."),
    RefuseSetup(1011, "Internal error."),
    DelaySetup(0.01),
    Drop(),
    Drop(rst=True),
    Close(1000),
    StopReading(),
)
LATER = (
    BadJson(),
    BadUtf8(text=True),
    Burst(50),
    Call("f", blocking=False),
    Close(1000),
    Close(1011, "Internal error."),
    Drop(),
    Drop(rst=True),
    GoAway(),
    Ping(b"x"),
    SplitFrames(3),
    StopReading(),
    UnknownFields(),
)
DISPATCHES = ("thread", "thread", "reader", "pool")


def opening_of(chance: random.Random):
    """What happens to one connection, from its first byte to its last."""
    steps = [chance.choice(OPENINGS)]
    for _ in range(chance.randrange(3)):
        steps += [Wait(chance.random() * 0.03), chance.choice(LATER)]
    return [step for step in steps if step is not None]


class Round:
    """One session and the threads that pull at it."""

    def __init__(self, seed: int, client: livesdk.Client, pool: ThreadPoolExecutor) -> None:
        self.chance = random.Random(seed)
        self.client = client
        self.pool = pool
        self.heard = Heard()
        self.session: livesdk.Session | None = None

    def run(self) -> None:
        try:
            self.session = self.connect()
        except livesdk.LiveError:
            assert self.heard.kinds == []
            return
        calls = [Caught(self.pull, random.Random(self.chance.random())) for _ in range(3)]
        pause = threading.Event()
        pause.wait(self.chance.random() * 0.05)
        started = time.monotonic()
        timeout = self.chance.choice([0.0, 0.05, 0.3])
        closers = [Caught(self.session.close, timeout) for _ in range(self.chance.randrange(1, 4))]
        for closer in closers:
            assert closer.outcome(PATIENCE) is None
            assert closer.ended_at - started < timeout + 3.0  # on a machine that stalls
        info = self.session.wait_closed(PATIENCE)
        for call in calls:
            outcome = call.outcome(PATIENCE)
            assert outcome is None or isinstance(outcome, (livesdk.LiveError, StopIteration))
        self.heard.wait("close", timeout=PATIENCE)
        kinds = self.heard.kinds
        assert kinds[0] == "open"
        assert kinds.count("open") == 1
        assert kinds.count("close") == 1
        assert kinds[-1] == "close"
        assert self.heard.all("close") == [info]
        ends = [e for e in self.heard.all("error") if isinstance(e, livesdk.SessionClosed)]
        assert len(ends) == (0 if info.clean else 1)

    def connect(self) -> livesdk.Session:
        dispatch = self.chance.choice(DISPATCHES)
        callbacks = self.heard.callbacks(
            dispatch=self.pool.submit if dispatch == "pool" else dispatch
        )
        timeout = self.chance.choice([0.02, 0.1, 5.0])
        return self.client.live.connect(MODEL, CONFIG, callbacks, timeout=timeout)

    def pull(self, chance: random.Random) -> None:
        session = self.session
        assert session is not None
        ways = (
            lambda: session.ask("Hello", timeout=0.2),
            lambda: session.send_client_content("x" * chance.choice([1, 100_000]), timeout=0.2),
            lambda: session.send_realtime_input(audio=bytes(3200)),
            lambda: session.send_realtime_input(text="x", timeout=0.2),
            lambda: next(session.receive()),
            lambda: next(session.receive_turn(timeout=0.1)),
            session.stop_receiving,
            lambda: session.on("message", len),
            lambda: session.off("message", len),
            lambda: session.wait_ended(0.01),
            lambda: session.stats,
            lambda: session.close(0.1) if chance.random() < 0.2 else None,
        )
        while not session.is_closed:
            try:
                chance.choice(ways)()
            except (
                livesdk.ConcurrentReceiveError,
                livesdk.LiveTimeout,
                livesdk.SessionClosed,
                StopIteration,
            ):
                continue


@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_sessions_that_end_anyhow(tls, tally):
    first = int(os.environ.get("LIVESDK_STRESS_SEED", random.randrange(10**9)))
    print(f"seed {first}")
    seeds = range(first, first + ROUNDS)
    before = descriptors()
    scenario = Scenario(openings=[opening_of(random.Random(seed)) for seed in seeds])
    failed = {}
    with (
        ThreadPoolExecutor(4) as callbacks,
        Emulator(scenario, tls=tls, voice="tones", record=False) as emulator,
    ):
        client = client_for(emulator, ping_interval=0.02)
        with ThreadPoolExecutor(TOGETHER) as workers:
            rounds = {seed: workers.submit(Round(seed, client, callbacks).run) for seed in seeds}
        for seed, one in rounds.items():
            if one.exception() is not None:
                failed[seed] = one.exception()
            tally("sessions that ended anyhow")
        assert failed == {}
        assert settled(lambda: our_threads() == []), our_threads()
    assert settled(lambda: descriptors() <= before)
