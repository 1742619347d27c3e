"""Masking what a client sends (RFC 6455 §5.3): the keys, and the quickest way to apply one.

In Python that is most of what a chunk of audio costs on its way out.  So others do it where they
are at hand: the one function of websockets that is written in C, where that is installed (extra
``emulator``; whoever moved here from google-genai has it), or NumPy if it is loaded already.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Optional

__all__ = ["Keys", "masked"]

_KEY = struct.Struct("4s")
_SPEEDUPS = "websockets.speedups"
_WORTH_LOADING = 512
"""Bytes: what is said in text is masked as quickly in Python."""
_WORTH_NUMPY = 2 * 1024


class Keys:
    """Masking keys, unpredictable as RFC 6455 §10.3 asks; any thread.

    Drawn from the system for 64 frames at once: a call for each would be half the cost of a small
    one.
    """

    def __init__(self) -> None:
        self._drawn = _KEY.iter_unpack(b"")

    def next(self) -> bytes:
        """Return a key that nobody gets again."""
        for (key,) in self._drawn:  # one step, whoever else takes one at the same time
            return key  # type: ignore[no-any-return]
        self._drawn = _KEY.iter_unpack(os.urandom(256))
        return self.next()


def masked(payload: bytes, key: bytes) -> bytes:
    """XOR a payload with the repeated key."""
    size = len(payload)
    if size >= _WORTH_LOADING:
        in_c = _mask_of_websockets()
        if in_c is not None:
            return in_c(payload, key)
    numpy: Any = sys.modules.get("numpy") if size >= _WORTH_NUMPY else None
    if hasattr(numpy, "frombuffer"):  # not while it is being imported
        return _with_numpy(numpy, payload, key)
    return _as_integers(payload, key)


@cache
def _mask_of_websockets() -> Optional[Callable[[bytes, bytes], bytes]]:
    """Load that one module, without the package around it, which takes a hundred times as long.

    ``None`` where it is not installed, or not compiled, or does something else than it did.
    """
    from importlib.machinery import ExtensionFileLoader, PathFinder
    from importlib.util import find_spec, module_from_spec

    try:
        module: Any = sys.modules.get(_SPEEDUPS)
        if module is None:
            package = find_spec("websockets")
            folders = package.submodule_search_locations if package else None
            spec = PathFinder.find_spec(_SPEEDUPS, folders) if folders else None
            if spec is None or not isinstance(spec.loader, ExtensionFileLoader):
                return None
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
        mask: Callable[[bytes, bytes], bytes] = module.apply_mask
        sample = os.urandom(67), os.urandom(4)
        return mask if mask(*sample) == _as_integers(*sample) else None
    except Exception:  # noqa: BLE001  # whatever is wrong with it, there are other ways
        return None


def _with_numpy(numpy: Any, payload: bytes, key: bytes) -> bytes:
    whole = len(payload) & ~3
    words = numpy.frombuffer(payload, "u4", whole // 4) ^ numpy.frombuffer(key, "u4")
    rest = bytes(a ^ b for a, b in zip(payload[whole:], key))
    return bytes(words.tobytes() + rest)


def _as_integers(payload: bytes, key: bytes) -> bytes:
    """Mask without help: the whole payload is one big integer."""
    size = len(payload)
    words = (size + 3) // 4
    mask = int.from_bytes(key, "little") * _repeated(words)
    mixed = int.from_bytes(payload, "little") ^ mask
    if size & 3:
        return mixed.to_bytes(4 * words, "little")[:size]
    return mixed.to_bytes(size, "little")


@lru_cache(maxsize=64)
def _repeated(words: int) -> int:
    """Return what makes so many words of one by multiplication, quicker than by repeating it."""
    return int.from_bytes(b"\1\0\0\0" * words, "little")
