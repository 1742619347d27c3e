"""Under gevent's monkey-patching the same code runs: sessions as greenlets, and our own tests.

Everything here runs in programs of its own, because patching cannot be undone.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.requires("gevent", "emulator")

HERE = Path(__file__).parent

_PROGRAM = """
from gevent import monkey
monkey.patch_all()
import sys, threading, time
import gevent
import livesdk
from livesdk.emulator import *
CONFIG = {"response_modalities": ["TEXT"]}
def client_of(emulator, **options):
    return livesdk.Client(
        api_key="any",
        http_options={"base_url": emulator.base_url},
        ca_file=emulator.ca_file if emulator.base_url.startswith("https") else None,
        **options,
    )
"""

_MANY = """
def talk(number):
    with client.live.connect("m", CONFIG) as session:
        return session.ask(f"number {number}").text
for tls in (False, True):
    with Emulator(voice="tones", tls=tls) as emulator:
        client = client_of(emulator)
        jobs = [gevent.spawn(talk, number) for number in range(100)]
        gevent.joinall(jobs, timeout=30, raise_error=True)
        for number, job in enumerate(jobs):
            assert f"number {number}" in job.value, job.value
"""

_EVERYTHING = """
def double(number: int) -> int:
    gevent.sleep(0.01)
    return 2 * number
heard = []
callbacks = {
    "onopen": lambda: heard.append("open"),
    "onmessage": lambda m: heard.append("message"),
    "onclose": lambda info: heard.append(info),
}
call = [Call("double", {"number": 21}), Silence()]
with Emulator(Scenario(replies=[call]), voice="tones", tls=True) as emulator:
    with client_of(emulator).live.connect("m", {**CONFIG, "tools": [double]}, callbacks) as session:
        session.send_client_content("please")
        emulator.wait_for("toolResponse", timeout=10)
        session.send_client_content("x" * 5_000_000, timeout=10)  # more than any buffer
        session.send_realtime_input(audio=bytes(3200))
    assert session.close_info.clean
    assert (heard[0], heard[1], heard[-1]) == ("open", "message", session.close_info)
    assert session.stats.tools.answered == 1
assert not [t for t in threading.enumerate() if t.name.startswith("livesdk-reader")]
"""

_TIMEOUTS = """
with Emulator(Scenario(replies=[[Silence()]] * 3), voice="tones") as emulator:
    session = client_of(emulator).live.connect("m", CONFIG)
    started = time.monotonic()
    try:
        session.ask("x", timeout=0.2)
    except livesdk.LiveTimeout:
        assert 0.2 <= time.monotonic() - started < 1
    receiving = gevent.spawn(lambda: list(session.receive()))
    gevent.sleep(0.05)
    receiving.kill()  # raises GreenletExit where it waits
    with gevent.Timeout(0.1, False):
        session.wait_closed()
    assert not session.is_closed
    session.send_client_content("still here")
    emulator.wait_for(lambda frame: "still here" in str(frame), timeout=5)
    waiting = gevent.spawn(session.wait_closed)
    session.close()
    assert waiting.get(timeout=5).clean
with Emulator(Scenario(openings=[SilentUpgrade()])) as emulator:
    started = time.monotonic()
    try:
        client_of(emulator).live.connect("m", CONFIG, timeout=0.2)
    except livesdk.LiveTimeout:
        assert 0.2 <= time.monotonic() - started < 1
"""

_OTHERS_RUN = """
import logging
logging.getLogger("livesdk").setLevel("ERROR")  # callbacks come after all that is there
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.01)
with Emulator(Scenario(openings=[[Wait(0.1), Burst(5000)]]), voice="tones") as emulator:
    seen = []
    callbacks = {"onmessage": seen.append}
    with client_of(emulator).live.connect("m", CONFIG, callbacks) as session:
        ticking = gevent.spawn(tick)
        while len(seen) < 5000:
            gevent.sleep(0.05)
    ticking.kill()
assert max(b - a for a, b in zip(ticks, ticks[1:])) < 1.0
"""


@pytest.mark.parametrize(
    "source",
    [_MANY, _EVERYTHING, _TIMEOUTS, _OTHERS_RUN],
    ids=["many", "everything", "timeouts", "others run"],
)
def test_a_patched_program_works(source):
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM + source],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


# In one thread, what a thread costs or how long a flood of callbacks takes is another matter.
_NOT = "chatty or costs_no_processor or without_a_spin or above_1024"
_FILES = [
    ["session/test_receiving.py", "session/test_turns.py", "session/test_threads.py"],
    ["session/test_usage_and_stats.py", "session/test_music.py", "session/test_inbox.py"],
    ["tools/test_runner.py", "transport/test_proxies.py", "session/test_dispatch.py"],
    ["transport/test_receiving.py", "transport/test_tls.py"],
    ["session/test_ending.py"],
]


@pytest.mark.parametrize("files", _FILES, ids=lambda files: Path(files[0]).stem)
def test_our_tests_pass_when_patched(files, tally):
    program = [sys.executable, "-m", "gevent.monkey", "--module", "pytest"]
    options = ["-q", "-p", "no:cacheprovider", "-W", "default", "-k", f"not ({_NOT})"]
    if "session/test_ending.py" in files:  # the others start programs, which are not patched
        options[-1] += " and close"
    done = subprocess.run(
        [*program, *options, *(str(HERE / name) for name in files)],
        capture_output=True,
        text=True,
        timeout=59,
        check=False,
        cwd=HERE.parent,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    tally("tests passed under gevent", int(passed[1]))
