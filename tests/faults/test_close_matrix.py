"""``close(timeout=1)``: from everywhere, at every moment, with peers of every kind.

Each test is a row, of one moment, and runs it with all the peers, and all the ways of dispatching
callbacks, that make sense, side by side.  Everywhere: it returns in time, there is one close frame
at most, and exactly one with a peer that stands; ``onclose`` comes once, last, and in time, and
says "local"; no thread, no descriptor and no output is left.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from faults.closing import MODES, PEERS, PHASES, SLACK, TIMEOUT, Place, Scene, all_at_once
from rawserver import CLOSE
from recovery.stations import FAST, Station
from session.rig import PATIENCE, our_threads
from waiting import Caught, descriptors, settled

import livesdk
from livesdk.protocol import State
from livesdk.transport import Dial

pytestmark = pytest.mark.long

RESUMABLE = {"session_resumption": {}}
BIG = "x" * 20_000_000  # more than the system's buffers take

Case = Callable[[], "list[str]"]


@pytest.fixture(autouse=True)
def _nothing_left(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    gc.collect()
    before = descriptors()
    yield
    assert settled(lambda: our_threads() == [])
    gc.collect()
    assert settled(lambda: descriptors() <= before), "descriptors are left"
    assert capfd.readouterr() == ("", "")


def check(cases: dict[str, Case], tally: Any) -> None:
    assert all_at_once(cases) == {}
    tally("sessions closed", len(cases))


# -------------------------------------------------------------------------------- an open session


def nothing(_: Station) -> None:
    pass


def from_main(scene: Scene) -> list[str]:
    with scene.opened():
        scene.close()
        return scene.problems()


def twice(scene: Scene) -> list[str]:
    with scene.opened():
        scene.close()
        scene.close()
        return scene.problems()


def from_eight_threads(scene: Scene) -> list[str]:
    with scene.opened():
        together = threading.Barrier(8)

        def close() -> None:
            together.wait(PATIENCE)
            scene.close()

        for call in [Caught(close) for _ in range(8)]:
            assert call.outcome() is None
        return scene.problems()


def while_receiving(scene: Scene) -> list[str]:
    with scene.opened():
        receiving = Caught(list, scene.session.receive())
        assert settled(scene.session._receive_lock.locked)
        scene.close()
        outcome = receiving.outcome()
        assert isinstance(outcome, (list, livesdk.SessionClosed))
        return scene.problems()


def while_asking(scene: Scene) -> list[str]:
    with scene.opened():
        asking = Caught(scene.session.ask, "well?", timeout=30)
        assert settled(lambda: scene.session.stats.messages_sent == 1)
        scene.close()
        outcome = asking.outcome()
        assert isinstance(outcome, livesdk.SessionClosed) or outcome.ended_by == "closed"
        return scene.problems()


def from_a_tool(scene: Scene) -> list[str]:
    def hang_up() -> str:
        """End the conversation."""
        opened.wait(PATIENCE)
        scene.close()
        return "done"

    opened = threading.Event()
    with scene.opened({"tools": [hang_up]}):
        opened.set()
        scene.pump_until(lambda: scene.closed_at > 0)
        return scene.problems()


def calls(station: Station) -> None:
    station.send(toolCall={"functionCalls": [{"id": "1", "name": "hang_up", "args": {}}]})


def while_held_back(scene: Scene) -> list[str]:
    with scene.opened(told=False, onclose=scene.hears("close")):
        assert settled(lambda: scene.session._connection._warned)
        scene.close()
        return scene.problems()


def says_much(station: Station) -> None:
    for _ in range(30):
        station.says("x" * 100, done=False)


MOMENTS: dict[str, tuple[Callable[[Scene], list[str]], Callable[[Station], None]]] = {
    "from main": (from_main, nothing),
    "twice": (twice, nothing),
    "from eight threads": (from_eight_threads, nothing),
    "while receiving": (while_receiving, nothing),
    "while asking": (while_asking, nothing),
    "from a tool": (from_a_tool, calls),
}


def test_an_open_session(tally: Any) -> None:
    cases: dict[str, Case] = {}
    for moment, (run, before) in MOMENTS.items():
        for peer in PEERS:
            scene = Scene(peer, before=before)
            cases[f"{moment}, {peer}"] = lambda run=run, scene=scene: run(scene)
    check(cases, tally)


def test_while_held_back(tally: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livesdk.connection.LIMIT", 1000)
    scenes = {peer: Scene(peer, before=says_much) for peer in PEERS}
    check(
        {peer: lambda scene=scene: while_held_back(scene) for peer, scene in scenes.items()}, tally
    )


def test_while_senders_are_blocked(tally: Any) -> None:
    def run(peer: str) -> list[str]:
        scene = Scene(peer)
        with scene.opened():
            session = scene.session
            sending = [Caught(session.send_client_content, BIG) for _ in range(2)]
            assert settled(lambda: session._connection.transport.stats.frames_queued == 2)
            scene.close()
            for call in sending:
                assert isinstance(call.outcome(), livesdk.SessionClosed)
            return scene.problems(frames=0)  # there is half a message before it

    check({peer: lambda peer=peer: run(peer) for peer in ("stuck", "gone")}, tally)


# -------------------------------------------------------------------------------------- callbacks


def drops(station: Station) -> None:
    station.open()
    station.gives("handle")


EVENTS: dict[str, Any] = {
    "onopen": nothing,
    "onmessage": nothing,
    "onerror": lambda station: station.peer.send(b"no JSON"),
    "onclose": nothing,
    "on_reconnect": nothing,
    "on_go_away": lambda station: station.send(goAway={"timeLeft": "50s"}),
}


@pytest.mark.parametrize(
    "events", [("onopen", "onmessage", "onerror"), ("onclose", "on_reconnect", "on_go_away")]
)
def test_a_callback(events: tuple[str, ...], tally: Any) -> None:
    def run(event: str, peer: str, mode: str) -> list[str]:
        again = event == "on_reconnect"
        earlier = [drops] if again else []
        scene = Scene(peer, *earlier, before=EVENTS[event], mode=mode)
        callbacks = {event: scene.hears(event.removeprefix("on").removeprefix("_"), scene.close)}
        config, policy = (RESUMABLE, FAST) if again else (None, False)
        with scene.opened(config, reconnect=policy, **callbacks):
            if event == "onclose":
                scene.close()
            scene.pump_until(lambda: scene.closed_at > 0)
            return scene.problems()

    cases: dict[str, Case] = {}
    for event in events:
        for peer in PEERS:
            for mode in MODES:
                name = f"{event}, {peer}, {mode}"
                cases[name] = lambda of=(event, peer, mode): run(*of)
    check(cases, tally)


# ------------------------------------------------------------------ before connect has finished


class Sessions:
    """Lets a thread that connects have its session before ``connect`` returns it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: dict[threading.Thread, livesdk.Session] = {}

        class Shown(livesdk.Session):
            def __init__(self, **arguments: Any) -> None:
                super().__init__(**arguments)
                made[threading.current_thread()] = self

        monkeypatch.setattr("livesdk.client.Session", Shown)
        self._made = made

    def of(self, thread: threading.Thread) -> livesdk.Session:
        assert settled(lambda: thread in self._made)
        return self._made[thread]


def connect(base_url: str, heard: list[str], **of_client: Any) -> livesdk.Session:
    client = livesdk.Client(
        http_options={"base_url": base_url}, proxy="", **{"api_key": "any", **of_client}
    )
    callbacks = {"onopen": lambda: heard.append("open"), "onclose": lambda: heard.append("close")}
    return client.live.connect("models/m", None, callbacks, timeout=2 * PATIENCE)


def timed_close(session: livesdk.Session) -> list[str]:
    began = time.monotonic()
    session.close(timeout=TIMEOUT)
    took = time.monotonic() - began
    return [] if took <= TIMEOUT + SLACK else [f"close() took {took:.2f} s"]


def never_opened(connecting: Caught, heard: list[str]) -> list[str]:
    error = connecting.outcome()
    found = [] if heard == [] else [f"told: {heard}"]
    if not isinstance(error, livesdk.SessionClosed):
        return [*found, f"connect() came to {error!r}"]
    if (error.info.code, error.info.initiated_by) != (1000, "local"):
        found.append(str(error.info))
    return found


class Credentials:
    """A token that has to be refreshed first, by a function of the test."""

    token = "token"
    valid = False

    def __init__(self, refresh: Callable[[Any], None]) -> None:
        self.refresh = refresh


def test_before_connect_has_finished(tally: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(monkeypatch)

    def at(phase: str) -> list[str]:
        heard: list[str] = []
        with Place(phase) as place:
            look_ups.append(place)
            connecting = Caught(connect, place.base_url, heard)
            session = sessions.of(connecting)
            assert place.is_reached_by(session), connecting.outcome()
            found = timed_close(session)
            place.over.set()  # a look-up cannot be interrupted
            found += never_opened(connecting, heard)
        frames = place.peer.of(CLOSE) if phase == "setup" and place.peer else []
        return found if len(frames) <= 1 else [*found, f"{len(frames)} close frames"]

    def in_credentials(by: str) -> list[str]:
        heard: list[str] = []
        found: list[str] = []
        fetching, go_on = threading.Event(), threading.Event()

        def fetch(_: Any) -> None:
            fetching.set()
            if by == "them":
                found.extend(timed_close(sessions.of(connecting)))
            else:
                go_on.wait(PATIENCE)

        own = {"api_key": None, "vertexai": True, "project": "p", "credentials": Credentials(fetch)}
        connecting = Caught(connect, "http://127.0.0.1:9", heard, **own)
        assert fetching.wait(PATIENCE)
        if by == "another thread":
            found += timed_close(sessions.of(connecting))
            go_on.set()
        return found + never_opened(connecting, heard)

    look_ups: list[Place] = []
    look_up_with(look_ups, monkeypatch)
    check(
        {
            **{phase: lambda phase=phase: at(phase) for phase in PHASES},
            "credentials, by another thread": lambda: in_credentials("another thread"),
            "credentials, by the function": lambda: in_credentials("them"),
        },
        tally,
    )


def look_up_with(places: list[Place], monkeypatch: pytest.MonkeyPatch) -> None:
    usual = socket.getaddrinfo

    def look_up(*given: Any, **named: Any) -> Any:
        for place in places:
            if place.phase == "dns" and given[0] == place.host:
                return place.look_up(*given, **named)
        return usual(*given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize("phase", ["tcp", "setup"])
def test_ctrl_c_while_connecting(phase: str, tally: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    sessions = Sessions(monkeypatch)
    main = threading.current_thread()
    assert main is threading.main_thread()
    with Place(phase) as place:

        def interrupt() -> None:
            assert place.is_reached_by(sessions.of(main))
            assert settled(lambda: bool(sessions.of(main)._connection._condition._waiters))  # type: ignore[attr-defined]
            assert main.ident is not None
            signal.pthread_kill(main.ident, signal.SIGINT)

        interrupting = Caught(interrupt)
        with pytest.raises(KeyboardInterrupt):
            connect(place.base_url, heard)
        interrupting.result()
        assert timed_close(sessions.of(main)) == []
        assert heard == []
    tally("sessions closed")


# ------------------------------------------------------------------------------ between connections


def test_while_reconnecting(tally: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    look_ups: list[Place] = []
    look_up_with(look_ups, monkeypatch)

    def dialling(phase: str, mode: str) -> list[str]:
        cut = threading.Event()

        def drops_when_told(station: Station) -> None:
            drops(station)
            cut.wait(PATIENCE)

        scene = Scene("polite", drops_when_told, mode=mode)
        policy = livesdk.ReconnectPolicy(dial_timeout=60.0)
        with Place(phase) as place, scene.opened(RESUMABLE, reconnect=policy):
            look_ups.append(place)
            connection = scene.session._connection
            usual = connection._service

            def dial() -> Dial:
                return attrs.evolve(
                    usual.dial(), url=place.dial_url, ssl_context=ssl.create_default_context
                )

            connection._service = attrs.evolve(usual, dial=dial)
            cut.set()
            assert settled(lambda: scene.session.reconnecting)
            assert place.is_reached_by(scene.session)
            scene.close()
            took = scene.took
            place.over.set()  # a look-up cannot be interrupted
            frames = place.peer.of(CLOSE) if phase == "setup" and place.peer else []
            found = scene.problems(frames=0)
            if len(frames) > 1:
                found.append(f"{len(frames)} close frames to the silent one")
            return found if took <= TIMEOUT + SLACK else [*found, f"close() took {took:.2f} s"]

    def backing_off(mode: str) -> list[str]:
        cut = threading.Event()

        def drops_when_told(station: Station) -> None:
            drops(station)
            cut.wait(PATIENCE)
            scene.line.refuse_all()

        scene = Scene("polite", drops_when_told, mode=mode)
        policy = livesdk.ReconnectPolicy(first_delay=60.0, longest_delay=60.0)
        with scene.opened(RESUMABLE, reconnect=policy):
            cut.set()
            assert settled(lambda: scene.session._connection._budget.dials == 2)
            scene.close()
            return scene.problems(frames=0)

    cases: dict[str, Case] = {}
    for mode in MODES:
        cases[f"back-off, {mode}"] = lambda mode=mode: backing_off(mode)
        for phase in PHASES:
            cases[f"{phase}, {mode}"] = lambda phase=phase, mode=mode: dialling(phase, mode)
    check(cases, tally)


def test_while_a_connection_is_left(tally: Any) -> None:
    def run(peer: str, mode: str) -> list[str]:
        go = threading.Event()

        def goes_away(station: Station) -> None:
            station.gives("handle")
            go.wait(PATIENCE)
            station.send(goAway={"timeLeft": "50s"})

        scene = Scene(peer, before=goes_away, mode=mode)
        with scene.opened(RESUMABLE, reconnect=FAST):
            go.set()
            assert settled(lambda: scene.session._connection.state is State.RECONNECTING)
            scene.close()
            found = scene.problems()
            return found if len(scene.line.stations) == 1 else [*found, "it went on"]

    peers = ("silent", "chatty", "stuck", "gone")
    cases = {
        f"{peer}, {mode}": lambda peer=peer, mode=mode: run(peer, mode)
        for peer in peers
        for mode in MODES
    }
    check(cases, tally)


# ------------------------------------------------------------------------------------------- a fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("peer", ["polite", "silent"])
def test_in_the_child_of_a_fork(peer: str, tally: Any) -> None:
    scene = Scene(peer)
    with scene.opened():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on forks with threads
            child = os.fork()
        if child == 0:
            try:
                wrong = timed_close(scene.session)
                info = scene.session.close_info
                os._exit(len(wrong) + (info.reason != "forked") + scene.heard.kinds.count("close"))
            finally:
                os._exit(99)
        assert os.waitpid(child, 0)[1] == 0
        assert not scene.session.is_closed
        scene.close()
        assert scene.problems() == []
    tally("sessions closed", 2)
