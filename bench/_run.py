"""What every script does when it is started: read ``--quick``, measure, print."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from _tables import Table

Main = Callable[[bool], list[Table]]


def run(main: Main) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="only see whether it works")
    for table in main(parser.parse_args().quick):
        print(table, flush=True)
