"""The decoder, the frame reader and the upgrade against a coverage-guided fuzzer.

``LIVESDK_FUZZ_SECONDS`` is the time for each target, 120 unless given.  A crash is printed with
the input that caused it, in base64.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hostile.values import MALFORMED, NOT_UTF8, fields, frames, nests
from rawserver import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame, upgrade_answer

from livesdk.types.messages import LiveServerMessage

SECONDS = int(os.environ.get("LIVESDK_FUZZ_SECONDS") or 120)
HERE = Path(__file__).parent
GOLDEN = HERE.parent / "wire" / "golden"


def golden():
    """Return the frames of the official clients' servers."""
    for name in ("server.json", "music_server.json"):
        for case in json.loads((GOLDEN / name).read_text("utf-8")):
            found = case.get("frame", case) if isinstance(case, dict) else case
            yield json.dumps(found).encode()


def seeds_of_decode():
    yield from golden()
    yield from (*MALFORMED, *NOT_UTF8, *nests(3))
    yield from (one.encode() for one in itertools.islice(frames(), 0, None, 97))


def seeds_of_frames():
    opcodes = (CONT, TEXT, BINARY, CLOSE, PING, PONG, 3, 11)
    for opcode, size, fin in itertools.product(opcodes, (0, 1, 125, 126, 300), (True, False)):
        yield frame(opcode, b"x" * size, fin=fin)
    yield frame(TEXT, b"gr", fin=False) + frame(PING) + frame(CONT, "ün".encode())
    yield close_frame(1000, b"bye") + frame(BINARY, b"late")
    yield b"\x82\x7f" + (1 << 62).to_bytes(8, "big")


def seeds_of_upgrade():
    yield upgrade_answer("x" * 24)
    yield upgrade_answer("x", Set_Cookie="a=b", Sec_WebSocket_Protocol="y")
    for status in (101, 200, 302, 401, 404, 503):
        body = b'{"error": {"message": "no \\"way\\" <b>a-very-secret-key</b>"}}'
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nLocation: /\r\n\r\n"
        yield head.encode() + body
        yield f"HTTP/1.0 {status}\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\n\r\n".encode()
    yield b"SSH-2.0-OpenSSH\r\n\r\n"


SEEDS = {"decode": seeds_of_decode, "frames": seeds_of_frames, "upgrade": seeds_of_upgrade}
WORDS = {
    "decode": sorted({step for way in fields(LiveServerMessage) for step in way}),
    "upgrade": [
        "HTTP/1.1 101",
        "Sec-WebSocket-Accept: ",
        "Upgrade: websocket",
        "chunked",
        "\\x0d\\x0a",
    ],
}


@pytest.mark.requires("atheris")
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("target", SEEDS)
def test_a_fuzzer_finds_nothing(tmp_path, tally, target):
    corpus = tmp_path / target
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[target]()):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = (f'"{word}"\n' for word in WORDS.get(target, ("\\x81\\x00",)))
    (tmp_path / f"{target}.dict").write_text("".join(words))
    done = subprocess.run(
        [sys.executable, str(HERE / "harness.py"), target, str(SECONDS), str(corpus)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=SECONDS + 50,
    )
    crashes = {path.name: base64.b64encode(path.read_bytes()) for path in corpus.glob("crash-*")}
    assert done.returncode == 0, f"{crashes}\n{done.stdout[-3000:]}{done.stderr[-5000:]}"
    executed = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
    assert executed, done.stderr[-2000:]
    assert int(executed[1]) > 1000
    tally(f"inputs fuzzed ({target})", int(executed[1]))
