"""The command ``livesdk``, on the extra ``cli`` (click and rich).

::

    main ─▶ _app       the commands by name, the global options, the border where errors end
              ├─ demo ─▶ _story      a conversation in steps, each of them checked
              ├─ chat ─▶ _tools      turns by keyboard, pipe or argument, with functions
              ├─ talk ─▶ _talking    by voice, or with WAV files, whose answers
              │          _patience   are waited for while one may come
              ├─ music               from prompts, to a loudspeaker or a file
              ├─ record ─▶ chat      a chat that is written down as it goes
              ├─ replay ─▶ serve     a recording, shown again or served
              ├─ devices             microphones and loudspeakers
              ├─ serve               the emulator, until Ctrl-C
              └─ doctor ─▶ _examine  what is installed, configured and reachable
            _signals    how it ends by one
            _options    what options may be given
            _files      what it is told to write, looked at before
            _service    the service or the emulator, whichever it is to be
            _console    all that is written to a terminal

What a command needs is imported when it runs.  Nothing here loads asyncio.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Optional

__all__ = ["main"]

_CTRL_C = 130  # 128 + SIGINT, as shells have it


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command, and return its exit code: 0, 1 for errors, 2 for usage, 130 for Ctrl-C.

    SIGTERM ends it as Ctrl-C does, with 143.

    Args:
        arguments: What stands after ``livesdk``; ``sys.argv[1:]`` unless given.
    """
    try:
        try:
            from ._app import run
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("click", "rich"):
                raise
            print(
                "The livesdk command needs click and rich:"
                ' python -m pip install "livesdk[cli,emulator]"',
                file=sys.stderr,
            )
            return 1
        return run(arguments)
    except KeyboardInterrupt:
        return _CTRL_C
