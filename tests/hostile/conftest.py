"""Servers of bytes and sessions with them, as the tests of sessions have them."""

from session.conftest import connect, raw, serve

__all__ = ["connect", "raw", "serve"]
