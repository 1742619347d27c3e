"""``livesdk doctor``: what is installed, configured and reachable, told line by line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ._console import Terminal
from ._service import MODEL, CommandError

if TYPE_CHECKING:
    from ._examine import Finding

__all__ = ["command"]


@click.command("doctor", short_help="Look at what is installed, configured, reachable.")
@click.option("--model", default=MODEL, show_default=True, help="The model of the handshake.")
@click.pass_obj
def command(terminal: Terminal, model: str) -> None:
    """Look at versions, credentials, the network, the emulator and sound devices.

    No key is shown. The exit code is 0 if everything that is configured works.
    """
    from . import _examine

    failed = [
        *_show(terminal, "Installed", _examine.installed()),
        *_show(terminal, "Configured", _examine.configured()),
        *_show(terminal, "The service", _examine.reachable()),
        *_show(terminal, "", [_examine.handshake(model)]),
        *_show(terminal, "This machine", [_examine.emulator()]),
        *_show(terminal, "", _examine.devices()),
    ]
    if failed:
        told = ", ".join(finding.subject for finding in failed)
        raise CommandError(f"not everything works: {told} — the lines marked above say more")
    terminal.line("\n[bold]Everything that is configured works.[/]")


def _show(terminal: Terminal, title: str, findings: Iterable[Finding]) -> list[Finding]:
    """Write each finding as it is made, and return those that are faults."""
    if title:
        terminal.line(f"\n[bold]{title}[/]")
    failed = []
    for finding in findings:
        terminal.finding(finding.subject, finding.text, good=finding.good)
        if finding.advice:
            terminal.finding("", finding.advice, good=None)
        if finding.good is False:
            failed.append(finding)
    return failed
