"""Whom a command talks to: the service, if the environment names a credential, or an emulator."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Optional

import attrs
from rich.markup import escape

from ..errors import LiveError
from ._console import plain

if TYPE_CHECKING:
    from ..client import Client
    from ..emulator import Scenario

__all__ = [
    "MODEL",
    "CommandError",
    "Service",
    "emulated_client",
    "find_credential",
    "need_emulator",
    "open_service",
    "show_service",
    "what_lacks",
]

MODEL = "gemini-3.8-live"
_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_SERVERS = {
    "GOOGLE_GEMINI_BASE_URL": "GEMINI_API_KEY too (any word will do if it asks for no key)",
    "GOOGLE_VERTEX_BASE_URL": "GOOGLE_GENAI_USE_VERTEXAI=true too",
}
"""What a client needs beside a server's address."""
_VERTEX = ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI")


class CommandError(LiveError):
    """A command cannot do what it is for; the text says why and what to do."""


@attrs.frozen(kw_only=True)
class Service:
    """Somebody to talk to.

    Attributes:
        client: Set up for it.
        is_emulator: It is the one in this process.
        who: What it is, as the end of "Talking to …".
        why: How that was decided, as a sentence.
    """

    client: Client
    is_emulator: bool
    who: str
    why: str


def find_credential(environ: Mapping[str, str]) -> Optional[str]:
    """Return the name of the variable that makes a client talk to the service, if one does."""
    for name in _VERTEX:
        if environ.get(name, "").lower() in ("true", "1"):
            return name
    return next((name for name in _KEYS if environ.get(name, "").strip()), None)


def what_lacks(environ: Mapping[str, str]) -> Optional[str]:
    """Say what to set where a server is named and nothing to go there with."""
    if find_credential(environ) is not None:
        return None
    named = next((name for name in _SERVERS if environ.get(name)), None)
    return f"{named} names a server: to talk to it, set {_SERVERS[named]}" if named else None


def need_emulator() -> None:
    """Raise :class:`CommandError` unless the extra ``emulator`` is installed."""
    if importlib.util.find_spec("websockets") is None:
        raise CommandError(
            'the emulator needs the package websockets: python -m pip install "livesdk[emulator]"'
        )


def emulated_client(base_url: str, **options: Any) -> Client:
    """Return a client of an emulator that the environment cannot lead elsewhere."""
    from ..client import Client

    return Client(
        api_key="emulator",
        vertexai=False,
        http_options={"base_url": base_url, "api_version": "v1beta"},
        proxy="",
        **options,
    )


@contextmanager
def open_service(
    *, emulator: bool, scenario: Optional[Callable[[], Scenario]] = None
) -> Iterator[Service]:
    """Choose the service or an emulator in this process, which then runs inside the block.

    Args:
        emulator: Take the emulator even where there is a key.
        scenario: Makes what the emulator plays.

    Raises:
        CommandError: The environment names a server, and no key; or there is no emulator.
    """
    variable = find_credential(os.environ)
    if variable is not None and not emulator:
        yield _real(variable)
        return
    lacks = what_lacks(os.environ)
    if lacks and not emulator:
        raise CommandError(f"{lacks}, or add --emulator")
    need_emulator()
    from ..emulator import Emulator

    why = "No GOOGLE_API_KEY or GEMINI_API_KEY is set; with one it talks to the service."
    if variable is not None:
        why = f"--emulator goes before {variable}."
    with Emulator(scenario() if scenario else None) as local:
        yield Service(
            client=emulated_client(local.base_url),
            is_emulator=True,
            who="the emulator on this machine",
            why=why,
        )


def _real(variable: str) -> Service:
    from ..client import Client

    client = Client()
    base = os.environ.get("GOOGLE_VERTEX_BASE_URL" if client.vertexai else "GOOGLE_GEMINI_BASE_URL")
    what = "Vertex AI" if client.vertexai else "the Gemini API"
    return Service(
        client=client,
        is_emulator=False,
        who=f"{what} at {base}" if base else what,
        why=f"{variable} is set; --emulator would stay on this machine.",
    )


def show_service(write: Callable[[str], None], service: Service) -> None:
    """Say whom the command talks to, and why; ``write`` takes rich's markup."""
    write(f"Talking to [bold]{escape(plain(service.who))}[/].")
    write(f"[dim]{escape(plain(service.why))}[/]")
