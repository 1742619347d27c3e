"""One logger a module, below ``livesdk``.

A library neither prints nor configures handlers: it names loggers and leaves the rest to the
program.
"""

from __future__ import annotations

import logging

__all__ = ["get_logger", "shorten"]

EXCERPT = 200
"""Characters of a payload that may appear in a log line, an exception or a repr."""


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module; pass ``__name__``."""
    return logging.getLogger(name)


def shorten(text: str, limit: int = EXCERPT) -> str:
    """Cut ``text`` to ``limit`` characters and say how much is missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text)} characters)"
