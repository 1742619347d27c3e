"""Starting the server, and each side's client in a process of its own, again and again in turn."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).parent
SIDES = ("livesdk", "peer")
AND_FLOOR = (*SIDES, "floor")


def environment(ca_file: Optional[str] = None) -> dict[str, str]:
    """What a fresh process gets: this livesdk, compiled modules, none of this machine's keys."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_PROXY", "API_KEY")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    if ca_file:
        env["SSL_CERT_FILE"] = ca_file
    import livesdk

    package = str(Path(livesdk.__file__).parent.parent)
    env["PYTHONPATH"] = os.pathsep.join([package, *filter(None, [env.get("PYTHONPATH")])])
    env.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "livesdk-bench-cache"))
    return env


@contextlib.contextmanager
def server(*arguments: str, cpu: Optional[int] = None) -> Iterator[dict[str, Any]]:
    """Run the server; gives its ``port``, and with TLS its ``ca_file``."""
    command = [sys.executable, str(HERE / "_server.py"), *arguments]
    if cpu is not None:
        command += ["--cpu", str(cpu)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(10)
        process.stdout.close()


def client(
    side: str,
    task: str,
    at: Optional[dict[str, Any]] = None,
    *,
    cpu: Optional[int] = None,
    **given: Any,
) -> dict[str, Any]:
    """Run one task of one side in a fresh process; returns what it measured."""
    told = json.dumps({"task": task, "at": at, "cpu": cpu, **given})
    ca_file = (at or {}).get("ca_file")
    run = subprocess.run(
        [sys.executable, str(HERE / f"_client_{side}.py"), told],
        env=environment(ca_file),
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def in_turn(
    rounds: int, task: str, at: Any = None, *, sides: Sequence[str] = SIDES, **given: Any
) -> list[Sequence[dict[str, Any]]]:
    """Run a task A B A B; returns the results of each side."""
    results: list[list[dict[str, Any]]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, found in zip(sides, results):
            found.append(client(side, task, at, **given))
    return list(results)


def one_cpu() -> Optional[int]:
    """A processor to pin both ends to; ``None`` where processes cannot be pinned."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return max(os.sched_getaffinity(0))
