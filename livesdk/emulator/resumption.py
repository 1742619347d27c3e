"""``sessionResumptionUpdate``: when a session can be taken up again, and from where (§13.7)."""

from __future__ import annotations

from typing import Any, Callable

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
        on_issue: Called with each handle and the number of the last message that it stands for,
            before the client is told.
    """

    def __init__(
        self,
        output: Output,
        handles: Handles,
        config: dict[str, Any] | None,
        *,
        served: bool,
        on_issue: Callable[[str, int], None],
    ) -> None:
        self._output = output
        self._handles = handles
        self._is_on = config is not None
        self._served = served
        self._on_issue = on_issue
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
        handle = self._handles.issue(snapshot)
        self._on_issue(handle, consumed)
        update: dict[str, Any] = {"newHandle": handle, "resumable": True}
        if self.transparent:
            update["lastConsumedClientMessageIndex"] = str(consumed)
        self._output.message({"sessionResumptionUpdate": update})
