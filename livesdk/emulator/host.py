"""The emulator as users meet it: start, look, inject, stop."""

from __future__ import annotations

import functools
import threading
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Callable

from ..errors import ConfigError, LiveError
from .addresses import (
    Address,
    error_body,
    find_address,
    judge_credential,
    refuse_upgrade,
    token_name,
)
from .app import App, HttpAnswer, Request
from .base import Guest, House, Opening, SessionBase
from .faults import HttpStatus, OpeningFault, SilentUpgrade
from .listener import Listener
from .live import LiveSession
from .memory import Handles
from .music import MusicSession
from .output import Output
from .playback import PlaybackSession
from .record import Connection, Frame, Journal, Wanted
from .scenario import Scenario, Script, as_steps
from .server import Line
from .stage import Gates
from .steps import Step
from .tls import Certificates
from .tokens import Tokens
from .voice import Voice, choose_voice

__all__ = ["Emulator"]


class Emulator:
    """A local server that speaks the Live protocol: it answers, records, and fails on demand.

    ::

        with Emulator() as emulator:
            client = livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url})

    Threads: one that accepts and one for each connection, all daemon and named
    ``livesdk-emulator-…``.  Every public method may be called from any thread.

    Args:
        scenario: What to answer and what to break; without one it converses by itself.
        host: The address to listen on.
        port: The port; 0 for a free one.
        tls: Serve ``https`` with a certificate made for this emulator; ``ca_file`` verifies it.
        strict_models: Refuse the model names, modalities and options that the service would.
        voice: ``"auto"``, ``"tones"``, ``"espeak"``, or a function from text to PCM (24 000 Hz,
            mono).
        api_keys: The keys and token names that count, beside the tokens made here; ``None`` for any
            that is not empty.
        record: Keep the clients' frames; a server that runs for hours had better not.

    Raises:
        ConfigError: An argument makes no sense.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        strict_models: bool = False,
        voice: str | Voice = "auto",
        api_keys: Collection[str] | None = None,
        record: bool = True,
    ) -> None:
        if scenario is not None and not isinstance(scenario, Scenario):
            raise ConfigError(f"a Scenario is expected, not {scenario!r}")
        if isinstance(api_keys, str):
            raise ConfigError("api_keys takes several keys, in a list or set")
        self.scenario = scenario or Scenario()
        self._host = host
        self._wanted_port = port
        self._tls = tls
        self._api_keys = api_keys
        self._tokens = Tokens(api_keys)
        self._journal = Journal(keep_frames=record)
        self._gates = Gates()
        self._house = House(
            script=Script(self.scenario),
            journal=self._journal,
            handles=Handles(),
            gates=self._gates,
            voice=choose_voice(voice),
            strict_models=strict_models,
        )
        self._lock = threading.Lock()
        self._sessions: dict[Line, SessionBase] = {}
        self._open: dict[Line, Connection] = {}
        self._listener: Listener | None = None
        self._certificates: Certificates | None = None

    # Life.

    def start(self) -> Emulator:
        """Listen.  Returns the emulator.

        Raises:
            LiveError: It was started already.
            OSError: The port is taken.
        """
        if self._listener is not None:
            raise LiveError("the emulator was started already")
        if self._tls:
            self._certificates = Certificates.make(self._host)
        self._listener = Listener(
            self._host,
            self._wanted_port,
            tls=self._certificates.context if self._certificates else None,
            open_app=self._open_app,
            on_end=self._on_end,
        )
        return self

    def stop(self, timeout: float = 2.0) -> None:
        """Close every connection with 1001 and the port; what does not follow is dropped.

        Any number of times.  Records stay readable.

        Args:
            timeout: How long to wait for clients, in seconds.
        """
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop(timeout)
        if self._certificates is not None:
            self._certificates.remove()
            self._certificates = None

    def __enter__(self) -> Emulator:  # noqa: PYI034  # typing has Self from 3.11 on
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # Where it is.

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            LiveError: It does not run.
        """
        return self._running().port

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:…``, for ``http_options``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def ca_file(self) -> str:
        """The path of the certificate authority's certificate, while it runs with ``tls=True``."""
        if self._certificates is None:
            raise LiveError("there is a ca_file only while the emulator runs with tls=True")
        return self._certificates.ca_file

    # What it has seen.

    @property
    def frames(self) -> list[Frame]:
        """The clients' frames as decoded JSON, in order, over all connections."""
        return self._journal.frames

    @property
    def connections(self) -> list[Connection]:
        """All connections so far, ended ones included."""
        return self._journal.connections

    def wait_for(self, wanted: Wanted, count: int = 1, timeout: float = 5.0) -> list[Frame]:
        """Wait until the clients have sent ``count`` such frames, and return those there are.

        Args:
            wanted: A kind such as ``"toolResponse"`` or ``"realtimeInput.audio"``, or a predicate.
            count: How many.
            timeout: In seconds.

        Raises:
            TimeoutError: They did not come; the text says what came.
        """
        return self._journal.wait_for(wanted, count, timeout)

    def wait_connections(self, count: int = 1, timeout: float = 5.0) -> list[Connection]:
        """Wait until ``count`` connections have been opened, ended ones included; return all.

        Raises:
            TimeoutError: They did not come.
        """
        return self._journal.wait_connections(count, timeout)

    # What it shall do.

    def inject(self, *wanted: str | Step | Sequence[str | Step]) -> None:
        """Perform steps now, in every live connection; opening faults meet the next one.

        Lists are taken as their steps, and texts are said, as in a reply.

        Steps that say something become a turn of the model; the others happen beside it.  Opening
        faults of another call meet the connection after that: call it three times with
        ``HttpStatus(503)``, and the fourth connection opens.

        Raises:
            ConfigError: Something is no step; nothing is performed then.
        """
        steps = [step for item in wanted for step in as_steps(item)]
        openings = [step for step in steps if isinstance(step, OpeningFault)]
        if openings:
            self._house.script.inject(openings)
        now = [step for step in steps if not isinstance(step, OpeningFault)]
        if now:
            self._in_sessions(lambda session: session.perform(now))

    def send(self, message: Mapping[str, Any]) -> None:
        """Send this frame now, to every live connection."""
        self._in_sessions(lambda session: session.push(message))

    def release(self, name: str) -> None:
        """Open the gate that ``Wait(name)`` waits for, for good."""
        self._gates.release(name)
        self._in_sessions(lambda session: session.poke())

    def forget_handles(self) -> None:
        """Make every resumption handle given out so far invalid."""
        self._house.handles.forget()

    # Connections come and go, in their own threads.

    def _open_app(self, request: Request, line: Line) -> App | HttpAnswer | None:
        if request.method != "GET":
            return _json_answer(*self._tokens.answer(request), {})
        connection = self._journal.open(request.path, request.query, request.headers)
        with self._lock:
            self._open[line] = connection
        wanted = self._house.script.next_opening()
        opening = Opening(wanted)
        if opening.find(SilentUpgrade) is not None:
            return None
        address = _called(request, opening)
        if isinstance(address, HttpAnswer):
            connection.status = address.status
            return address
        return self._session(line, self._guest(request, address, connection, opening))

    def _guest(
        self, request: Request, address: Address, connection: Connection, opening: Opening
    ) -> Guest:
        name = token_name(request.query, request.headers) if address.constrained else ""
        token = self._tokens.find(name)
        refusal = judge_credential(address, request.query, request.headers, self._api_keys)
        return Guest(
            address=address,
            connection=connection,
            opening=opening,
            refusal=None if token is not None else refusal,
            token=token,
        )

    def _session(self, line: Line, guest: Guest) -> SessionBase:
        address = guest.address
        output = Output(line, text_frames=self.scenario.text_frames, vertex=address.is_vertex)
        session = self._kind(address.service)(line, output, self._house, guest)
        with self._lock:
            self._sessions[line] = session
        return session

    def _kind(self, service: str) -> type[SessionBase]:
        if self.scenario.recording is not None:
            return PlaybackSession
        return MusicSession if service == "music" else LiveSession

    def _on_end(self, line: Line, code: int, reason: str, by: str) -> None:
        with self._lock:
            session = self._sessions.pop(line, None)
            connection = self._open.pop(line, None)
        if session is not None:
            session.ended()
        if connection is not None:
            self._journal.close(connection, code, reason, by)

    def _in_sessions(self, action: Callable[[SessionBase], None]) -> None:
        with self._lock:
            sessions = list(self._sessions.items())
        for line, session in sessions:
            line.post(functools.partial(action, session))

    def _running(self) -> Listener:
        if self._listener is None:
            raise LiveError("the emulator does not run: use it in a with statement, or start() it")
        return self._listener


def _called(request: Request, opening: Opening) -> Address | HttpAnswer:
    """Return what is being called, or the answer to an upgrade that fails."""
    fault = opening.find(HttpStatus)
    if fault is not None:
        body = error_body(fault.status, fault.message) if fault.body is None else fault.body
        return _json_answer(fault.status, body, fault.headers)
    address = find_address(request.path)
    if address is None:
        body = error_body(404, f"The requested URL {request.path} was not found.")
        return _json_answer(404, body, {})
    refused = refuse_upgrade(address, request.query, request.headers)
    return address if refused is None else _json_answer(*refused, {})


def _json_answer(status: int, body: str, headers: Mapping[str, str]) -> HttpAnswer:
    return HttpAnswer(
        status=status,
        body=body,
        headers={"Content-Type": "application/json; charset=UTF-8", **headers},
    )
