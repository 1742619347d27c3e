"""``livesdk serve``: the emulator, for programs in any language, until Ctrl-C."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from ._console import Terminal, plain
from ._service import CommandError, need_emulator

if TYPE_CHECKING:
    from ..emulator import Connection, Emulator

__all__ = ["command", "serve"]

_PORT = 8765
_FOREVER = 3600.0  # a wait that is begun again


@click.command("serve", short_help="Run the emulator for other programs.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="The port; 0 picks a free one.",
)
@click.option("--tls", is_flag=True, help="Serve https, with a certificate made for this run.")
@click.option(
    "--voice",
    type=click.Choice(["auto", "tones", "espeak"]),
    default="auto",
    show_default=True,
    help="How it sounds; espeak needs the extra voice.",
)
@click.option("--strict-models", is_flag=True, help="Refuse what the service's models refuse.")
@click.pass_obj
def command(
    terminal: Terminal, host: str, port: int, tls: bool, voice: str, strict_models: bool
) -> None:
    """Serve the Live protocol on this machine, until Ctrl-C.

    Any API key is accepted; programs find it through GOOGLE_GEMINI_BASE_URL or base_url.
    """
    need_emulator()
    from ..emulator import Emulator

    emulator = Emulator(host=host, port=port, tls=tls, voice=voice, strict_models=strict_models)
    serve(terminal, emulator, host=host, port=port, tls=tls)


def serve(
    terminal: Terminal,
    emulator: Emulator,
    *,
    port: int,
    host: str = "127.0.0.1",
    tls: bool = False,
    option: str = "--port",
) -> None:
    """Run an emulator until Ctrl-C, and tell of each connection.

    Args:
        option: Where another port is chosen.
    """
    try:
        emulator.start()
    except OSError as error:
        raise CommandError(_why_not(error, host, port, option)) from error
    try:
        _introduce(terminal, emulator, tls=tls)
        _watch(terminal, emulator)
    finally:
        emulator.stop()
        terminal.note("Stopped.")


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken — choose another with {option}, or 0 for a free one"
    return f"cannot listen on {host}, port {port}: {error.strerror or error}"


def _introduce(terminal: Terminal, emulator: Emulator, *, tls: bool) -> None:
    base_url = emulator.base_url
    terminal.line(f"The emulator serves at [bold green]{escape(base_url)}[/]")
    terminal.line("To have a program use it:\n")
    for name, value in _environment(emulator, tls=tls).items():
        terminal.out.print(f"    export {name}={value}", markup=False, soft_wrap=True)
    terminal.line("\nor, in Python:\n")
    for line in _python(emulator, tls=tls):
        terminal.out.print(f"    {line}", markup=False, soft_wrap=True)
    terminal.line("\n[dim]Ctrl-C ends it.  Connections:[/]")
    sys.stdout.flush()


def _environment(emulator: Emulator, *, tls: bool) -> dict[str, str]:
    wanted = {"GOOGLE_GEMINI_BASE_URL": emulator.base_url, "GEMINI_API_KEY": "any"}
    if tls:
        wanted["SSL_CERT_FILE"] = emulator.ca_file
    return wanted


def _python(emulator: Emulator, *, tls: bool) -> list[str]:
    trusted = f", ca_file={emulator.ca_file!r}" if tls else ""
    options = f'api_key="any", http_options={{"base_url": "{emulator.base_url}"}}{trusted}'
    return [f"client = livesdk.Client({options})"]


def _watch(terminal: Terminal, emulator: Emulator) -> None:
    """Tell of each connection, until a signal ends it."""
    shown = 0
    while True:
        try:
            connections = emulator.wait_connections(shown + 1, timeout=_FOREVER)
        except TimeoutError:
            continue
        for connection in connections[shown:]:
            shown += 1
            _tell(terminal, shown, connection)


def _tell(terminal: Terminal, number: int, connection: Connection) -> None:
    method = plain(connection.path.rpartition("/")[2])
    refused = connection.status >= 400
    outcome = f" [red]refused with {connection.status}[/]" if refused else ""
    terminal.line(f"{number:4}  {escape(method)}{outcome}")
    sys.stdout.flush()
