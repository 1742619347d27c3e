"""One conversation whose connection is cut again and again, and what both sides know of it.

::

    senders ─▶ session ─▶ relay, which cuts ─▶ emulator
       │                                          │
       ▼ what returned, what raised               ▼ frames and handles of each connection
    client's record  ◀──── compared, message by message ────▶  server's record, folded

The server's record is folded: a connection that resumes a handle begins with what that handle
stands for, and what came later on the connection that gave it is not part of the conversation.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import logging
import os
import queue
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Callable

from relay import Relay
from session.rig import Heard

import livesdk
from livesdk.emulator import Emulator, Ping, Scenario

LONG = os.environ.get("LIVESDK_STRESS") == "thousands"
PATIENCE = 60.0
MODEL = "m"
STUBBORN = livesdk.ReconnectPolicy(
    attempts=10**9, seconds=1e9, first_delay=0.001, longest_delay=0.004, dial_timeout=20.0
)
_NEVER = 1 << 60
_MARK = re.compile(r"<(\w+):(\d+)>")
_SAMPLES = 16  # of four bits each: a number in 1 ms of what is as good as silence
CHUNK_MS = 1.0

Mark = tuple[str, int]
"""The thread that sent a message, and its number there."""


def first_seed() -> int:
    """Return the seed to begin with, and print it; ``LIVESDK_STRESS_SEED`` runs one again."""
    seed = int(os.environ.get("LIVESDK_STRESS_SEED", random.randrange(10**9)))
    print(f"seed {seed}")
    return seed


# ------------------------------------------------------------------------------------ both records


def sound(number: int) -> bytes:
    """Return a chunk of audio that can be told from all others."""
    return b"".join(((number >> 4 * place) & 15).to_bytes(2, "little") for place in range(_SAMPLES))


def _number(pcm: bytes) -> int:
    return sum(pcm[2 * place] << 4 * place for place in range(_SAMPLES))


def marks_of(frame: dict[str, Any]) -> list[Mark]:
    """Return the marks that a frame of the client carries."""
    audio = frame.get("realtimeInput", {}).get("audio")
    if audio is not None:
        return [("audio", _number(base64.b64decode(audio["data"])))]
    return [(thread, int(number)) for thread, number in _MARK.findall(str(frame))]


def resumed(connection: Any) -> str | None:
    """Return the handle that a connection's setup brought."""
    handle = connection.frames[0]["setup"].get("sessionResumption", {}).get("handle")
    return handle if handle is None else str(handle)


def folded(emulator: Emulator) -> list[dict[str, Any]]:
    """Return the messages that the conversation of the last connection consists of."""
    connections = [connection for connection in emulator.connections if connection.frames]
    wanted = {resumed(connection) for connection in connections}
    stands: dict[str | None, list[dict[str, Any]]] = {None: []}
    log: list[dict[str, Any]] = []
    for connection in connections:
        base, messages = stands[resumed(connection)], connection.frames[1:]
        for handle, consumed in connection.handles.items():
            if handle in wanted:
                stands[handle] = base + messages[:consumed]
        log = base + messages
    return log


def by_thread(marks: list[Mark]) -> dict[str, list[int]]:
    sorted_out: dict[str, list[int]] = defaultdict(list)
    for thread, number in marks:
        sorted_out[thread].append(number)
    return dict(sorted_out)


# ---------------------------------------------------------------------------------------- the cuts


class Cuts:
    """Where each connection is cut: in openings as well as later, either way, by FIN or RST.

    Args:
        seed: Decides the places.
        count: How many; the connections after that are whole.
        tls: Openings are longer.
    """

    def __init__(self, seed: int, count: int, *, tls: bool) -> None:
        self._chance = random.Random(seed)
        self._left = count
        self._opening = {"up": 1900 if tls else 900, "down": 3300 if tls else 500}
        self.began = threading.Event()
        self.over = threading.Event()
        self.made = 0
        self.in_openings = 0

    def next(self, relay: Relay) -> None:
        """Decide about the connection that begins."""
        relay.up.cut_at(_NEVER)
        relay.down.cut_at(_NEVER)
        if not self.began.is_set():
            return
        if not self._left:
            self.over.set()
            return
        self._left -= 1
        self.made += 1
        self._set(relay, 0)

    def begin(self, relay: Relay) -> None:
        """Cut the connection that stands: the first one was left in peace until now."""
        self.began.set()
        self._left -= 1
        self.made += 1
        self._set(relay, 1 << 20, reset=False)
        relay.reset()

    def _set(self, relay: Relay, more: int, *, reset: bool | None = None) -> None:
        chance = self._chance
        name = chance.choice(["up", "up", "down"])
        opening = self._opening[name]
        if chance.random() < 0.35:
            offset = chance.randrange(opening)
            self.in_openings += 1
        else:
            spread = chance.choice([300, 3_000, 60_000] if name == "up" else [300, 6_000])
            offset = opening + chance.randrange(spread)
        by_reset = chance.random() < 0.5 if reset is None else reset
        way = relay.up if name == "up" else relay.down
        way.cut_at(offset + more, reset=by_reset)


# --------------------------------------------------------------------------------- the conversation


@contextlib.contextmanager
def left_out() -> Iterator[list[str]]:
    """Collect the ids of cancelled calls whose responses this thread does not get sent."""
    ids: list[str] = []
    here = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here and "cancelled" in record.getMessage():
                ids.append(str(record.args))

    logger, listener = logging.getLogger("livesdk.senders"), Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield ids
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


class Talk:
    """A session through a relay, and the threads that send.

    Attributes:
        sent: What was sent, by thread, as far as the call returned.
        raised: What was given to a sender that raised.
        infos: What ``on_reconnect`` was told.
        numbers: The connection that each was about, as the emulator counts.
    """

    def __init__(self, seed: int, cuts: int, *, tls: bool, transparent: bool) -> None:
        self.seed = seed
        self.transparent = transparent
        self._tls = tls
        self.cuts = Cuts(seed, cuts, tls=tls)
        self.sent: dict[str, list[int]] = defaultdict(list)
        self.raised: dict[str, list[int]] = defaultdict(list)
        self.unexpected: list[BaseException] = []
        self.infos: list[livesdk.ReconnectInfo] = []
        self.numbers: list[int] = []
        self.heard = Heard()
        self._handle = threading.Event()
        self._calls: queue.Queue[Any] = queue.Queue()
        self.emulator: Emulator
        self.session: livesdk.Session

    @contextlib.contextmanager
    def running(self) -> Iterator[Talk]:
        """Connect, and serve what the connection needs until the block is left."""
        scenario = Scenario(chunk_interval=0.0, playback_delay=0.0)
        with (
            Emulator(scenario, tls=self._tls, voice="tones") as self.emulator,
            Relay(("127.0.0.1", self.emulator.port), on_connect=self._connects) as self.relay,
            self._client().live.connect(
                MODEL,
                self._config(),
                livesdk.LiveCallbacks(
                    onmessage=self._received,
                    on_reconnect=self._reconnected,
                    onerror=self.heard.hears("error"),
                    onclose=self.heard.hears("close"),
                    dispatch="thread" if self.transparent else "reader",
                ),
                reconnect=STUBBORN,
                tool_audio="send",
                timeout=PATIENCE,
            ) as self.session,
        ):
            assert self._handle.wait(PATIENCE)
            yield self

    def _connects(self) -> None:
        self.cuts.next(self.relay)

    def _client(self) -> livesdk.Client:
        scheme = "https" if self._tls else "http"
        more: dict[str, Any] = {"ca_file": self.emulator.ca_file} if self._tls else {}
        return livesdk.Client(
            vertexai=self.transparent,
            api_key="any",
            http_options={"base_url": f"{scheme}://127.0.0.1:{self.relay.port}"},
            proxy="",
            **more,
        )

    def _config(self) -> dict[str, Any]:
        resumption = {"transparent": True} if self.transparent else {}
        by_hand = {"name": "ring_bell", "description": "Rings."}
        return {
            "response_modalities": ["TEXT"],
            "session_resumption": resumption,
            "tools": [{"function_declarations": [by_hand]}],
        }

    def _reconnected(self, info: livesdk.ReconnectInfo) -> None:
        self.infos.append(info)
        self.numbers.append(self.emulator.connections[-1].number)

    def _received(self, message: Any) -> None:
        for call in message.tool_calls:
            self._calls.put(call)
        update = message.session_resumption_update
        if update is not None and update.new_handle:
            self._handle.set()

    # Senders: each is a thread of its own, with a name and its own chance.

    def send(self, thread: str, number: int, call: Callable[[], None]) -> bool:
        """Send a message, and note what became of it."""
        try:
            call()
        except (livesdk.LiveTimeout, livesdk.SessionReconnecting):
            self.raised[thread].append(number)
            return False
        self.sent[thread].append(number)
        return True

    def says(self, thread: str, until: threading.Event) -> None:
        """Text of all sizes, every now and then the end of a turn, or what asks for a call."""
        chance = random.Random(f"{self.seed} {thread}")
        number = 0
        while not until.is_set():
            number += 1
            mark = f"<{thread}:{number}>"
            ends = chance.random() < 0.12
            words = "ring_bell" if ends and chance.random() < 0.5 else "x" * _size(chance)
            timeout = 0.002 if chance.random() < 0.1 else PATIENCE
            self.send(
                thread,
                number,
                lambda text=f"{mark} {words}", ends=ends, timeout=timeout: (
                    self.session.send_client_content(text, turn_complete=ends, timeout=timeout)
                ),
            )
            until.wait(chance.random() * 0.01)

    def speaks(self, until: threading.Event) -> None:
        """Chunks of audio, at a quarter of the pace of speech: four seconds are kept in a gap."""
        number = 0
        while not until.wait(0.004):
            number += 1
            self.send(
                "audio",
                number,
                lambda number=number: self.session.send_realtime_input(audio=sound(number)),
            )

    def says_and_waits(self, until: threading.Event) -> None:
        """Sound, a few texts, one that ends the turn, and on once a handle knows of them."""
        chance = random.Random(f"{self.seed} alone")
        number = spoken = 0
        while not until.is_set():
            for _ in range(chance.randrange(10)):
                spoken += 1
                chunk = sound(spoken)
                self.send(
                    "audio",
                    spoken,
                    lambda chunk=chunk: self.session.send_realtime_input(audio=chunk),
                )
            for ends in [False] * chance.randrange(4) + [True]:
                number += 1
                text = f"<alone:{number}> {'x' * _size(chance)}"
                self.send(
                    "alone",
                    number,
                    lambda text=text, ends=ends: self.session.send_client_content(
                        text, turn_complete=ends, timeout=PATIENCE
                    ),
                )
            while not (until.is_set() or self._nothing_is_under_way()):
                until.wait(0.002)

    def _nothing_is_under_way(self) -> bool:
        """All that was sent has arrived or is lost; the session has the handle that knows of it."""
        connection = self.emulator.connections[-1]
        payload = f"{time.monotonic()}".encode()
        self.emulator.inject(Ping(payload))
        if not connection.wait_pong(payload, 0.1):  # the answer comes behind what was sent
            return False
        known = list(connection.handles.items())[-1:]
        return known == [(self.session.resumption_handle, len(connection.frames) - 1)]

    def answers(self, until: threading.Event) -> None:
        """A response to each call that comes."""
        number = 0
        while True:
            try:
                call = self._calls.get(timeout=0.05)
            except queue.Empty:
                if until.is_set():
                    return
                continue
            number += 1
            response = {
                "id": call.id,
                "name": call.name,
                "response": {"output": f"<answer:{number}>"},
            }
            self.send("answer", number, functools.partial(self._answer, response))

    def _answer(self, response: dict[str, Any]) -> None:
        with left_out() as ids:
            self.session.send_tool_response(response, timeout=PATIENCE)
        if ids:
            raise livesdk.SessionReconnecting("the call is cancelled: nothing was sent")

    def everybody_sends(self) -> None:
        """Let all threads send until all cuts are made; then make sure that all has arrived."""
        texts = [functools.partial(self.says, name) for name in ("a", "b", "c")]
        self.send_until_over(*texts, self.speaks, self.answers)

    def send_until_over(self, *senders: Callable[[threading.Event], None]) -> None:
        over = self.cuts.over
        threads = [
            threading.Thread(target=self._guarded, args=(sender, over), daemon=True)
            for sender in senders
        ]
        for thread in threads:
            thread.start()
        self.cuts.begin(self.relay)
        finished = over.wait(600.0)
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads), "a sender hangs"
        if self.unexpected:
            raise self.unexpected[0]
        assert finished, f"only {self.cuts.made} cuts: {self.session.close_info}"
        self.settle()

    def _guarded(self, sender: Callable[[threading.Event], None], until: threading.Event) -> None:
        try:
            sender(until)
        except BaseException as error:  # noqa: BLE001  # everybody_sends tells
            self.unexpected.append(error)
            self.cuts.over.set()

    def settle(self) -> None:
        """Send one last message; whatever was sent before has arrived when it has."""
        last = "<last:1>"
        self.send("last", 1, lambda: self.session.send_client_content(last, turn_complete=False))
        self.emulator.connections[-1].wait_for(lambda frame: last in str(frame), timeout=PATIENCE)


def _size(chance: random.Random) -> int:
    return chance.choice([0, 0, 10, 120, 130, 1_000, 8_000])
