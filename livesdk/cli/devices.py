"""``livesdk devices``: the microphones and loudspeakers of this machine."""

from __future__ import annotations

import json

import attrs
import click
from rich.table import Table

from ._console import Terminal, plain

__all__ = ["command"]


@click.command("devices", short_help="List microphones and loudspeakers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a device.")
@click.pass_obj
def command(terminal: Terminal, as_json: bool) -> None:
    """List the sound devices; talk and music take their index, or a part of their name."""
    from ..audio import list_devices

    devices = list_devices()
    if as_json:
        for device in devices:
            click.echo(json.dumps(attrs.asdict(device)))
        return
    if not devices:
        terminal.note("There is no sound device; livesdk talk --wav FILE --out FILE needs none.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("", "name", "by", "in", "out", "Hz", ""):
        table.add_column(title, justify="right" if title in ("in", "out", "Hz", "") else "left")
    for device in devices:
        defaults = [
            word
            for word, chosen in (
                ("microphone", device.is_default_input),
                ("loudspeaker", device.is_default_output),
            )
            if chosen
        ]
        table.add_row(
            str(device.index),
            plain(device.name),
            plain(device.host),
            str(device.inputs or "–"),
            str(device.outputs or "–"),
            str(device.rate_hz),
            f"default {' and '.join(defaults)}" if defaults else "",
        )
    terminal.out.print(table)
