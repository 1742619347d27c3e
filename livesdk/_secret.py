"""What holds a key is never pickled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["HoldsSecret"]


class HoldsSecret:
    """Refuses to be pickled, because pickles are written to disks, queues and logs.

    Copies within the process are the object itself: none of these is ever changed.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Say what to do instead."""
        raise TypeError(
            f"{type(self).__name__} holds a key and is not pickled: make it anew in each process"
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self
