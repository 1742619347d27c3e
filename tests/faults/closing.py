"""Peers that meet a close in different ways, and what is to be seen of it."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from rawserver import CLOSE
from recovery.stations import Line, Station
from session.rig import PATIENCE, Heard, Peer, our_threads
from waiting import settled

import livesdk

TIMEOUT = 1.0
SLACK = 0.25
PEERS = ("polite", "silent", "chatty", "stuck", "gone")
MODES = ("thread", "reader", "manual", "executor")


class Scene:
    """A server, a session with it, and how they came to their end.

    Args:
        peer: One of ``PEERS``: answers a close; never does; never does, and goes on talking; reads
            nothing; resets the connection when told.
        before: What it does once the setup is complete.
        earlier: Scripts of the connections before that.
        mode: How callbacks are dispatched.
    """

    def __init__(
        self,
        peer: str,
        *earlier: Callable[[Station], None],
        before: Callable[[Station], None] = lambda _: None,
        mode: str = "thread",
    ) -> None:
        self.peer = peer
        self.heard = Heard()
        self.mode = mode
        self.over = threading.Event()
        self.resets = threading.Event()
        self._before = before
        self._line = Line(*earlier, self._serve)
        self._stack = contextlib.ExitStack()
        self.session: Any = None
        self.closed_at = 0.0  # when close() was called
        self.took = 0.0

    # ------------------------------------------------------------------------------- the server

    def _serve(self, station: Station) -> None:
        station.open()
        self._before(station)
        peer = station.peer
        if self.peer == "chatty":
            talk = threading.Thread(target=self._talk, args=(station,), daemon=True)
            talk.start()
            peer.read_all()
            talk.join()
        elif self.peer == "stuck":
            self.over.wait(2 * PATIENCE)
            peer.read_all()
        elif self.peer == "gone":
            self.resets.wait(PATIENCE)
            linger = struct.pack("ii", 1, 0)
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            self._listen(station)

    def _listen(self, station: Station) -> None:
        while True:
            opcode, payload = station.peer.read()
            if opcode == CLOSE and self.peer == "polite":
                station.peer.send(payload, CLOSE)

    def _talk(self, station: Station) -> None:
        with contextlib.suppress(OSError):
            while not station.peer.over.wait(0.002):
                station.send(usageMetadata={"totalTokenCount": 1})

    @property
    def last(self) -> Station:
        return self._line.stations[-1]

    @property
    def line(self) -> Line:
        return self._line

    # ------------------------------------------------------------------------------- the session

    @contextlib.contextmanager
    def opened(
        self, config: Any = None, *, reconnect: Any = False, told: bool = True, **callbacks: Any
    ) -> Iterator[Scene]:
        """Connect; ``told``: the callbacks of :class:`Heard`, and these."""
        with self._stack as stack:
            stack.enter_context(self._line)
            stack.callback(self.over.set)
            stack.callback(self.resets.set)
            dispatch: Any = self.mode
            if self.mode == "executor":
                dispatch = stack.enter_context(Executor())
            if told:
                callbacks = {**self.hearing(), **callbacks}
            client = livesdk.Client(
                api_key="any", http_options={"base_url": self._line.base_url}, proxy=""
            )
            self.session = client.live.connect(
                "models/m",
                {"response_modalities": ["TEXT"], **(config or {})},
                livesdk.LiveCallbacks(**callbacks, dispatch=dispatch),
                timeout=2 * PATIENCE,
                reconnect=reconnect,
            )
            stack.callback(self.session.close, 0.1)
            yield self

    def hearing(self) -> dict[str, Any]:
        names = {
            "onopen": "open",
            "onmessage": "message",
            "onerror": "error",
            "onclose": "close",
            "on_reconnect": "reconnect",
            "on_go_away": "go_away",
        }
        return {name: self.hears(event) for name, event in names.items()}

    def hears(self, event: str, then: Callable[[], None] = lambda: None) -> Callable[[Any], None]:
        def callback(argument: Any) -> None:
            if event == "open":
                self.session = argument
            self.heard.note(event, argument)
            then()

        return callback

    def close(self) -> None:
        """Call ``close``, and keep how long it took."""
        self.resets.set()
        began = time.monotonic()
        self.closed_at = self.closed_at or began
        self.session.close(timeout=TIMEOUT)
        self.took = max(self.took, time.monotonic() - began)

    def pump_until(self, reached: Callable[[], bool], timeout: float = 2 * PATIENCE) -> None:
        """Wait, and meanwhile do what the program has to in this mode."""
        deadline = time.monotonic() + timeout
        while not reached() and time.monotonic() < deadline:
            if self.mode == "manual" and self.session is not None:
                self.session.pump(0.01)
            else:
                settled(reached, min(0.05, timeout))

    # -------------------------------------------------------------------------------- what is seen

    def problems(self, *, frames: int | None = None) -> list[str]:
        """Say what is wrong once close() was called.

        Args:
            frames: How many close frames there are to be; by default one from a peer that can say.
        """
        found: list[str] = []
        heard = self.heard
        self.pump_until(lambda: "close" in heard.kinds)
        spent = time.monotonic() - self.closed_at
        number = self.session._connection.number
        settled(lambda: not threads_of(number), max(0.0, TIMEOUT + SLACK - spent))
        if self.took > TIMEOUT + SLACK:
            found.append(f"close() took {self.took:.2f} s")
        if spent > TIMEOUT + SLACK:
            found.append(f"onclose came after {spent:.2f} s")
        if heard.kinds.count("close") != 1 or heard.kinds[-1] != "close":
            found.append(f"told: {heard.kinds}")
        else:
            by = heard.all("close")[0].initiated_by
            if by != "local" and not (self.peer == "gone" and by == "network"):
                found.append(f"initiated by {by}")
        if threads_of(number):
            found.append(f"threads: {threads_of(number)}")
        self.over.set()
        if not self.last.peer.ended.wait(PATIENCE):
            found.append("the server has not ended")
        count = len(self.last.peer.of(CLOSE))
        wanted = (0, 1) if self.peer == "gone" else (1 if frames is None else frames,)
        if count not in wanted:
            found.append(f"{count} close frames")
        return found


class Executor:
    """A pool of one thread, as a dispatcher."""

    def __init__(self) -> None:
        self._queue: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="test-pool", daemon=True)

    def __enter__(self) -> Callable[[Callable[[], None]], None]:
        self._thread.start()
        return self._submit

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _submit(self, drain: Callable[[], None]) -> None:
        with self._changed:
            self._queue.append(drain)
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._over)
                if not self._queue:
                    return
                drain = self._queue.pop(0)
            drain()


def threads_of(number: int) -> list[str]:
    return [name for name in our_threads() if name.endswith(f"-{number}")]


def all_at_once(cases: dict[str, Callable[[], list[str]]]) -> dict[str, list[str]]:
    """Run the cases side by side; return what is wrong, by name."""
    wrong: dict[str, list[str]] = {}
    lock = threading.Lock()

    def run(name: str, case: Callable[[], list[str]]) -> None:
        try:
            found = case()
        except Exception as error:  # noqa: BLE001  # one of many: the others go on
            found = [f"{type(error).__name__}: {error}"]
        if found:
            with lock:
                wrong[name] = found

    threads = [
        threading.Thread(target=run, args=item, name=f"test-{item[0]}", daemon=True)
        for item in cases.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE)
    hanging = itertools.compress(cases, [thread.is_alive() for thread in threads])
    return {**wrong, **{name: ["it hangs"] for name in hanging}}


class Place:
    """Somewhere to dial that never answers.

    Args:
        phase: What it is silent in: ``"dns"``, ``"tcp"``, ``"tls"``, ``"upgrade"`` or ``"setup"``.

    Attributes:
        reached: Set once a client waits there.
        peer: The client, where it came so far.
    """

    def __init__(self, phase: str) -> None:
        self.phase = phase
        self.reached = threading.Event()
        self.over = threading.Event()
        self.peer: Peer | None = None
        self._listener = socket.socket()
        self._fillers: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Place:  # noqa: PYI034  # typing has Self from 3.11 on
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0 if self.phase == "tcp" else 16)
        port = self._listener.getsockname()[1]
        scheme = "https" if self.phase == "tls" else "http"
        host = f"slow-{port}.test" if self.phase == "dns" else "127.0.0.1"
        self.host = host
        self.base_url = f"{scheme}://{host}:{port}"
        self.dial_url = f"{'wss' if self.phase == 'tls' else 'ws'}://{host}:{port}/path"
        if self.phase == "tcp":
            self._fill(port)
        elif self.phase != "dns":
            self._thread.start()
        return self

    def _fill(self, port: int) -> None:
        """Take every place in the queue: a further SYN is not answered."""
        while True:
            sock = socket.socket()
            self._fillers.append(sock)
            sock.settimeout(0.05)
            try:
                sock.connect(("127.0.0.1", port))
            except OSError:
                return

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            self.peer = Peer(sock, self.over)
            with sock:
                if self.phase == "setup":
                    self.peer.upgrade()
                    self.peer.read()
                    self.reached.set()
                    self.peer.read_all()
                while sock.recv(4096):
                    self.reached.set()

    def look_up(self, *given: Any, **named: Any) -> Any:
        """Stand in for ``socket.getaddrinfo``."""
        if given[0] == self.host:
            self.reached.set()
            self.over.wait(2 * PATIENCE)
            raise socket.gaierror(socket.EAI_AGAIN, "too late")
        return _look_up(*given, **named)

    def is_reached_by(self, session: livesdk.Session) -> bool:
        if self.phase == "tcp":
            return settled(lambda: session._connection.transport._sock is not None)  # type: ignore[attr-defined]
        return self.reached.wait(PATIENCE)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for sock in (self._listener, *self._fillers):
            sock.close()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)


_look_up = socket.getaddrinfo
PHASES = ("dns", "tcp", "tls", "upgrade", "setup")
