"""``sessionResumptionUpdate``: when a session can be taken up again, and from where (§13.7)."""

from __future__ import annotations

from typing import Any

from .memory import Handles, Snapshot
from .output import Output

__all__ = ["Resumption"]


class Resumption:
    """Tells one client its handles.

    Args:
        output: Where updates go.
        handles: The emulator's.
        config: ``setup.sessionResumption``; ``None`` if the client did not ask.
        served: Without, every update says that the session cannot be resumed.
    """

    def __init__(
        self, output: Output, handles: Handles, config: dict[str, Any] | None, *, served: bool
    ) -> None:
        self._output = output
        self._handles = handles
        self._is_on = config is not None
        self._served = served
        self.transparent = bool(config and config.get("transparent"))
        self._told: bool | None = None

    def busy(self) -> None:
        """Generating, or a call is open: not now."""
        if self._is_on and self._told is not False:
            self._told = False
            self._output.message({"sessionResumptionUpdate": {"resumable": False}})

    def quiet(self, snapshot: Snapshot, consumed: int) -> None:
        """From here the session can be resumed.

        Args:
            snapshot: What the new handle stands for.
            consumed: The number of the last client message in it, 1 for the first after the setup.
        """
        if not self._served:
            self.busy()
        if not self._is_on or not self._served:
            return
        self._told = True
        update: dict[str, Any] = {"newHandle": self._handles.issue(snapshot), "resumable": True}
        if self.transparent:
            update["lastConsumedClientMessageIndex"] = str(consumed)
        self._output.message({"sessionResumptionUpdate": update})
