"""One HTTP request with its answer, by the way that sessions go: proxy, TLS, and one deadline.

It runs on a thread of its own, because a look-up of a name cannot be interrupted: whoever asks has
the answer, or :class:`LiveTimeout`, at the deadline at the latest.
"""

from __future__ import annotations

import io
import threading
from typing import Any, Optional
from urllib.parse import urlsplit

from ..errors import LiveTimeout
from ._dial import Attempt, Dial
from ._line import Late, Line
from ._upgrade import message_in, refusal
from ._waiting import Waker, remaining

__all__ = ["exchange"]

_LIMIT = 1 << 20
"""Bytes of an answer that are read at most."""


def exchange(request: Dial, content: bytes, deadline: float, *, phase: str) -> bytes:
    """Send a POST and return the body of its answer.

    Args:
        request: As for a session: ``ws`` stands for ``http``, and ``wss`` for ``https``.
        deadline: Of ``time.monotonic``.
        phase: What errors call the part after the connection stands.

    Raises:
        ConfigError: The URL, the proxy or a header is none.
        ConnectError: No answer, or a refusal; redirects are not followed.
        LiveTimeout: The deadline passed, with the phase.
    """
    asking = _Asking(request, content, deadline, phase)
    threading.Thread(target=asking.run, name="livesdk-post", daemon=True).start()
    try:
        asking.ended.wait(remaining(deadline))
        return asking.outcome()
    finally:
        asking.give_up()


class _Asking:
    """One exchange: :meth:`run` on its thread, all else on that of whoever asks."""

    def __init__(self, request: Dial, content: bytes, deadline: float, phase: str) -> None:
        self.ended = threading.Event()
        self._content = content
        self._phase = phase
        self._given_up = False
        self._waker = Waker()
        try:
            self._attempt = Attempt(request, self._waker, deadline, self._check)
        except BaseException:
            self._waker.close()
            raise
        self._body = b""
        self._error: Optional[BaseException] = None

    def run(self) -> None:
        try:
            with self._attempt as attempt:
                sock = attempt.connect()
                attempt.phase = self._phase
                self._body = _ask(attempt, attempt.line(sock), self._content)
                attempt.give_up()
        except BaseException as error:  # noqa: BLE001  # raised again in the thread of whoever asks
            self._error = error
        finally:
            self._waker.close()
            self.ended.set()

    def outcome(self) -> bytes:
        """Return the body or raise the error; not ended yet means too late."""
        if not self.ended.is_set():
            phase = self._attempt.phase
            raise LiveTimeout(f"no answer in time: the deadline passed in {phase!r}", phase=phase)
        if self._error is not None:
            raise self._error
        return self._body

    def give_up(self) -> None:
        """Have the thread end at its next step; nothing where it has ended."""
        self._given_up = True
        self._waker.wake()

    def _check(self, sock: Any) -> None:
        if self._given_up and sock is not None:
            raise Late


def _ask(attempt: Attempt, line: Line, content: bytes) -> bytes:
    from http.client import HTTPException, HTTPResponse  # takes 10 ms, and few make tokens

    line.send(memoryview(_head(attempt, len(content)) + content))
    answer = HTTPResponse(_Answer(line), method="POST")  # type: ignore[arg-type]  # all it uses
    try:
        answer.begin()
        if 200 <= answer.status < 300:
            return answer.read(_LIMIT)
        words = attempt.secrets.struck_from(message_in(answer.read(_LIMIT)))
    except HTTPException as error:
        raise ValueError(f"the answer is not HTTP ({type(error).__name__})") from None
    finally:
        answer.close()  # the collector closes it and its file in any order, and may complain
    raise refusal(answer.status, words, attempt.phase, what="the request")


def _head(attempt: Attempt, size: int) -> bytes:
    parts = urlsplit(attempt.request.url)
    lines = (
        f"POST {parts.path or '/'} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        f"Content-Length: {size}",
        "Connection: close",
        "",
    )
    return "\r\n".join(lines).encode() + attempt.secrets.lines() + b"\r\n"


class _Answer(io.RawIOBase):
    """What ``http.client`` takes for a socket, and the file it reads from."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._line.recv(len(buffer))
        except ConnectionError:  # an end that may be in order: http.client knows
            return 0
        buffer[: len(data)] = data
        return len(data)
