"""The server itself: many at once, its end, TLS, and what it must not load."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import websocket
from emulator.phone import GEMINI, Phone, text_of
from waiting import descriptors
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from livesdk.emulator import Burst, Emulator, Reply, Scenario
from livesdk.emulator.voice import choose_voice, hum
from livesdk.errors import ConfigError, LiveError


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("livesdk-emulator")]


def test_twenty_connections_do_not_touch_each_other(emulate, dial):
    emulator = emulate()
    callers = [dial(emulator) for _ in range(20)]

    def converse(number: int) -> list[str]:
        caller = callers[number]
        caller.setup()
        return [caller.ask(f"I am {number}"), caller.ask("What did I say?")]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(converse, range(20)))
    for number, (first, second) in enumerate(answers):
        assert first == f"You said: I am {number}. This is turn 1."
        assert second == f'Before, you said "I am {number}".'
    assert len(emulator.connections) == 20
    assert len(emulator.wait_for("clientContent", count=40)) == 40


def test_threads_are_named_daemon_and_gone_after_stop(emulate, dial):
    emulator = emulate()
    dial(emulator).setup()
    assert len(_threads()) == 2
    assert all(t.daemon for t in threading.enumerate() if t.name.startswith("livesdk-emulator"))
    emulator.stop()
    assert _threads() == []
    emulator.stop()


def test_stop_closes_with_1001_and_records_stay(emulate, dial):
    emulator = emulate()
    caller = dial(emulator)
    caller.setup()
    emulator.stop()
    assert caller.end() == (1001, "")
    assert emulator.connections[0].close_code == 1001
    assert emulator.frames


def test_stop_is_bounded_whatever_clients_do(emulate):
    emulator = emulate(Scenario(replies=[Reply(match="go", steps=[Burst(20_000)])]))
    url = f"ws://127.0.0.1:{emulator.port}{GEMINI}?key=k"
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_connection(("127.0.0.1", emulator.port)))  # says nothing
        deaf = stack.enter_context(connect(url, proxy=None, max_queue=1, close_timeout=0))
        caller = Phone(deaf)
        caller.setup()
        caller.say("go")
        caller.next()  # and reads no more
        began = time.monotonic()
        emulator.stop(timeout=1.0)
        assert time.monotonic() - began < 2.0
        assert _threads() == []


def test_an_emulator_runs_once_at_a_time_and_can_run_again():
    emulator = Emulator(voice="tones")
    with pytest.raises(LiveError):
        _ = emulator.base_url
    for _ in range(2):
        with emulator:
            assert emulator.base_url == f"http://127.0.0.1:{emulator.port}"
            with pytest.raises(LiveError):
                emulator.start()


def test_a_port_of_ones_own_can_be_taken_again_at_once(emulate):
    with Emulator(voice="tones") as first:
        port = first.port
    with Emulator(port=port, voice="tones") as second:
        assert second.port == port


class SecurePhone(Phone):
    """A caller whose one thread does all of its TLS: two would break the connection at times."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._line = websocket.create_connection(url, sslopt={"context": context}, timeout=5)

    def send(self, frame):
        self._line.send(json.dumps(frame))

    def next(self, timeout=5.0):
        return json.loads(self._line.recv())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._line.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_is_verified_by_the_ca_file(emulate, host):
    emulator = emulate(tls=True)
    assert emulator.base_url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=emulator.ca_file)
    trusting.verify_flags |= getattr(ssl, "VERIFY_X509_STRICT", 0)
    with SecurePhone(f"wss://{host}:{emulator.port}{GEMINI}?key=k", trusting) as caller:
        caller.setup()
        assert caller.ask("Hello").startswith("Hello!")


def test_tls_is_refused_without_the_ca_file(emulate):
    emulator = emulate(tls=True)
    url = f"wss://127.0.0.1:{emulator.port}{GEMINI}?key=k"
    with pytest.raises(ssl.SSLCertVerificationError):
        SecurePhone(url, ssl.create_default_context())
    with pytest.raises(LiveError):
        _ = Emulator(voice="tones").ca_file


def test_tls_carries_both_directions_at_once(emulate):
    emulator = emulate(Scenario(replies=[Reply(match="go", steps=[Burst(2000)])]), tls=True)
    trusting = ssl.create_default_context(cafile=emulator.ca_file)
    url = f"wss://127.0.0.1:{emulator.port}{GEMINI}?key=k"
    with SecurePhone(url, trusting) as caller:
        caller.setup(realtimeInputConfig={"automaticActivityDetection": {"disabled": True}})
        caller.say("go")
        for _ in range(300):  # the burst fills the socket meanwhile
            caller.talk(bytes(6400), chunk_ms=200)
        assert len(emulator.wait_for("realtimeInput.audio", count=300)) == 300
        assert text_of(caller.until("turnComplete")).split()[-1] == "1999"


def test_waiting_in_vain_says_what_came(phone):
    emulator, caller = phone()
    caller.talk(bytes(3200))
    emulator.wait_for("realtimeInput.audio")
    with pytest.raises(TimeoutError, match=r"setup.*realtimeInput\.audio"):
        emulator.wait_for("toolResponse", timeout=0)
    found = emulator.connections[0].wait_for(lambda frame: "setup" in frame)
    assert found == [emulator.frames[0]]
    with pytest.raises(TimeoutError):
        emulator.wait_connections(2, timeout=0)


def test_frames_are_recorded_as_they_came(phone):
    emulator, caller = phone()
    frame = {"realtime_input": {"text": "x", "audio": None}}
    caller.send(frame)
    assert emulator.wait_for("realtimeInput.text") == [frame]


def test_a_text_always_sounds_the_same_and_unlike_another():
    assert hum("Hello there.") == hum("Hello there.")
    assert hum("Hello there.") != hum("Good evening.")


def test_a_voice_of_ones_own_is_used(emulate, dial):
    caller = dial(emulate(voice=lambda text: bytes(2 * len(text) * 2400)))
    caller.send({"setup": {"model": "models/m"}})
    caller.until("setupComplete")
    caller.say("Say ab")
    frames = caller.until("turnComplete")
    usage = frames[-1]["usageMetadata"]
    assert usage["responseTokenCount"] == 5  # two letters, 100 ms each, 25 tokens a second


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Emulator(voice="opera"),
        lambda: Emulator({"replies": []}),
        lambda: Emulator(api_keys="one"),
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


@pytest.mark.requires("voice")
def test_espeak_speaks():
    sound = choose_voice("espeak")("What time is it?")
    assert 0.5 < len(sound) / 48_000 < 3


def test_neither_import_nor_conversation_loads_asyncio():
    program = """
import json, sys, threading
from livesdk.emulator import Emulator
with Emulator(voice="tones") as emulator:
    import socket
    with socket.create_connection(("127.0.0.1", emulator.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\n"
                      b"Connection: Upgrade\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n"
                      b"Sec-WebSocket-Version: 13\\r\\n\\r\\n")
        assert plain.recv(99).startswith(b"HTTP/1.1 404")
with Emulator(tls=True, voice="tones") as emulator:
    pass
print([name for name in sys.modules if name.split(".")[0] in ("asyncio", "numpy", "pyaudio")])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


def test_the_end_of_a_connection_can_be_waited_for(phone):
    emulator, caller = phone()
    [connection] = emulator.connections
    assert not connection.wait_closed(timeout=0)
    assert connection.close_code is None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connection.wait_closed)
        caller.socket.close(1000, "bye")
        assert waiting.result()
    assert (connection.close_code, connection.close_reason) == (1000, "bye")
    assert connection.closed_by == "client"


def test_a_client_that_vanishes_is_noted(emulate, dial):
    emulator = emulate()
    caller = dial(emulator)
    caller.setup()
    caller.socket.socket.shutdown(2)
    connection = emulator.connections[0]
    assert connection.wait_closed()
    assert (connection.close_code, connection.closed_by) == (1006, "network")
    with contextlib.suppress(ConnectionClosed):
        caller.socket.recv(1)


def test_frames_are_forgotten_on_request(emulate, dial):
    emulator = emulate(record=False)
    caller = dial(emulator)
    caller.setup()
    assert caller.ask("Hello")
    assert emulator.frames == emulator.connections[0].frames == []


def test_connections_leave_no_descriptor_behind(emulate, dial):
    emulator = emulate()
    if not descriptors():
        pytest.skip("this system does not tell how many descriptors are open")
    counts = []
    for _ in range(30):
        caller = dial(emulator)
        caller.setup()
        caller.socket.close()
        assert emulator.connections[-1].wait_closed()
        counts.append(descriptors())
    assert counts[-1] <= counts[4] + 3
