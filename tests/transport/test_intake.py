"""Memory that is freed is used again, in a process of its own: another test may have seen to it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys
from livesdk.transport._intake import _keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    _keep_freed_memory()
for _ in range(3):
    messages = [bytes(2_000) for _ in range(2_000)]
    del messages
before = faults()
for _ in range(50):
    messages = [bytes(2_000) for _ in range(2_000)]
    del messages
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library, other habits")
def test_where_much_arrives_freed_memory_is_not_given_back():
    found = {
        what: int(subprocess.check_output([sys.executable, "-c", _PROGRAM, what], timeout=30))
        for what in ("given back", "kept")
    }
    assert found["kept"] < 100 < found["given back"], found
