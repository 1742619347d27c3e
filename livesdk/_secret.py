"""What holds a key is never pickled, and what in a header is secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SHORTEST_SECRET", "HoldsSecret", "secrets_in"]

SHORTEST_SECRET = 8
"""Characters from which on a word may be a secret; shorter ones are such as "Bearer"."""

_PUBLIC_HEADERS = frozenset(
    {
        "content-type",
        "user-agent",
        "x-firebase-appid",
        "x-firebase-appversion",
        "x-goog-api-client",
        "x-goog-user-project",
    }
)


def secrets_in(headers: Mapping[str, str]) -> Iterator[str]:
    """Return what no text may show of these headers: values, and the words of each."""
    for name, value in headers.items():
        if name.lower() in _PUBLIC_HEADERS:
            continue
        for word in (value, *value.split()):
            if len(word) >= SHORTEST_SECRET:
                yield word


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
