"""A session as a JSON Lines file, written while it runs and played back later.

::

    _lines       the file: what a line holds, and what it never does; pure
    _recorder    what users write with
    _tape        a queue, and the thread that writes it down
    _taped       the transport of a session that is recorded
    _follow      how far a replay is, and what it waits for; pure
    _offline     the transport of a session that is replayed
    _replay      a file as messages, or as a session

The emulator plays recordings as well: ``Scenario(recording=Replay(path))``.
"""

from __future__ import annotations

from ._lines import RecordedEvent, RecordingHeader
from ._recorder import Recorder
from ._replay import Replay

__all__ = ["RecordedEvent", "Recorder", "RecordingHeader", "Replay"]
