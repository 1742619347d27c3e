"""One logger a module, below ``livesdk``.

A library neither prints nor configures handlers: it names loggers and leaves the rest to the
program.
"""

from __future__ import annotations

import logging

__all__ = ["get_logger", "shorten", "words_of"]

EXCERPT = 200
"""Characters of a payload that may appear in a log line, an exception or a repr."""


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module; pass ``__name__``."""
    return logging.getLogger(name)


def words_of(error: BaseException) -> str:
    """Return class and text of an exception of somebody else's, whatever its text does."""
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # noqa: BLE001  # __str__ is somebody else's too
        return name


def shorten(text: str, limit: int = EXCERPT) -> str:
    """Cut ``text`` to ``limit`` characters and say how much is missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text)} characters)"
