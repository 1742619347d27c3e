"""Every table, or those that are named: ``python bench``, ``python bench decode up``.

``--quick`` only shows that all of it works; ``--results`` also writes RESULTS.rst.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from _tables import versions

NAMES = [
    "decode",
    "encode",
    "startup",
    "round_trip",
    "down",
    "up",
    "sessions",
    "first_audio",
    "memory",
    "audio",
]
_HEAD = """\
What livesdk costs
==================

Beside google-genai, the official client ("peer"), and beside the least that the standard library
needs for the same bytes ("floor"); measured in turn, A B A B, medians, in one run of
``python bench --results``.  The ratios say something, the times belong to a machine.  What each
table measures stands at the top of the script of its name.

"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="only see whether it works")
    parser.add_argument("--results", action="store_true", help="write RESULTS.rst")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    tables = [versions()]
    print(tables[0], flush=True)
    for name in options.names or NAMES:
        for table in importlib.import_module(name).main(options.quick):
            print(table, flush=True)
            tables.append(table)
    if options.results:
        text = _HEAD + "\n".join(map(str, tables))
        (Path(__file__).parent / "RESULTS.rst").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
