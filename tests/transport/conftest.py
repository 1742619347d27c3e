"""Transports that are closed after each test, and a throw-away certificate authority."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from livesdk.transport import Dial, WebSocketTransport


@pytest.fixture(scope="session")
def certificates() -> Iterator[Any]:
    """Of a server named localhost: ``context`` for the server, ``ca_file`` for clients."""
    from livesdk.emulator.tls import Certificates  # the package is an extra

    made = Certificates.make("localhost")
    yield made
    made.remove()


@pytest.fixture(scope="session")
def trusting(certificates: Any) -> ssl.SSLContext:
    """A client's context that trusts the authority."""
    return ssl.create_default_context(cafile=certificates.ca_file)


@pytest.fixture
def transport() -> Iterator[WebSocketTransport]:
    """One transport, not opened."""
    made = WebSocketTransport()
    yield made
    made.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., WebSocketTransport]]:
    """Open transports; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def open_to(
            url: str,
            *,
            timeout: float = 20.0,
            headers: dict[str, str] | None = None,
            proxy: str | None = "",
            context: ssl.SSLContext | None = None,
            **options: Any,
        ) -> WebSocketTransport:
            made = WebSocketTransport(**options)
            stack.callback(made.close)
            request = Dial(
                url=url,
                headers=headers or {},
                proxy=proxy,
                ssl_context=lambda: context or ssl.create_default_context(),
            )
            made.open(request, time.monotonic() + timeout)
            return made

        yield open_to
