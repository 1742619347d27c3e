"""Sessions inside programs that have a loop already: asyncio's, and a notebook's."""

from __future__ import annotations

import asyncio
import contextlib
import io
import textwrap
import threading

from session.rig import CONFIG, MODEL, client_for
from waiting import Caught

import livesdk


def test_a_running_loop_in_the_same_thread_is_not_noticed(serve):
    client = client_for(serve())

    async def main() -> str:
        with client.live.connect(MODEL, CONFIG) as session:  # blocks the loop, as asked
            return session.ask("from a coroutine").text

    assert "from a coroutine" in asyncio.run(main())


def test_callbacks_can_run_in_the_loop_while_the_session_lives_in_a_thread(serve):
    client = client_for(serve())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        heard: list[tuple[str, threading.Thread]] = []
        closed = asyncio.Event()

        def note(kind: str) -> None:
            heard.append((kind, threading.current_thread()))
            if kind == "close":
                closed.set()

        callbacks = livesdk.LiveCallbacks(
            onmessage=lambda: note("message"),
            onclose=lambda: note("close"),
            dispatch=loop.call_soon_threadsafe,
        )

        def talk() -> str:
            with client.live.connect(MODEL, CONFIG, callbacks) as session:
                return session.ask("from a thread").text

        assert "from a thread" in await asyncio.to_thread(talk)
        await asyncio.wait_for(closed.wait(), 10)
        assert heard[-1][0] == "close"
        assert {thread for _, thread in heard} == {threading.current_thread()}

    asyncio.run(main())


CELLS = (
    """
    import threading, livesdk
    heard = threading.Event()
    client = livesdk.Client(api_key="any", http_options={"base_url": base_url})
    callbacks = {"onmessage": lambda m: m.text and heard.set()}
    session = client.live.connect(model, config, callbacks)
    """,
    "print(session.ask('from the second cell').text)",
    "print(session.is_closed, heard.wait(10))",
    "session.close(); print(session.close_info.clean)",
)


def test_a_notebook_keeps_a_session_from_cell_to_cell(serve):
    """Cells run in a coroutine, as in a kernel; here in a thread that is not the main one."""
    output = io.StringIO()
    names = {"base_url": serve().base_url, "model": MODEL, "config": CONFIG}

    async def kernel() -> None:
        for cell in CELLS:
            exec(textwrap.dedent(cell), names)
            await asyncio.sleep(0)

    def run() -> None:
        with contextlib.redirect_stdout(output):
            asyncio.run(kernel())

    Caught(run).result(30)
    answer, state, ended = output.getvalue().splitlines()
    assert "from the second cell" in answer
    assert (state, ended) == ("False True", "True")
