"""Files that a command is told to write: looked at before anything is opened."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Optional

import click

from ._service import CommandError

__all__ = ["check_apart", "check_not_read", "check_writable", "is_one"]


def check_writable(path: Path, option: str) -> None:
    """Find out before a conversation, and without a trace, whether a file can be written.

    Raises:
        CommandError: It cannot; the option is where another is chosen.
    """
    place = Path(os.path.realpath(path))  # so that a link to nothing stays a link
    existed = place.exists()
    try:
        with place.open("ab"):
            pass
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror or error} — choose another with {option}"
        ) from error
    if not existed:
        place.unlink()


def check_apart(
    path: Optional[Path], option: str, other: Optional[Path], other_option: str
) -> None:
    """See to it that two files, where both are given, are two, however they are spelled.

    Raises:
        click.UsageError: They are one.
    """
    if path is not None and other is not None and is_one(path, other):
        raise click.UsageError(f"{option} and {other_option} name one file: {path}.")


def is_one(path: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file, or would if it were there."""
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:
        return path.samefile(other)  # by a hard link, or in other letters where case is nothing
    except OSError:  # one of them is not there yet
        return False


def check_not_read(path: Optional[Path], option: str) -> None:
    """See to it that a file to be written, if one is given, is not standard input.

    Raises:
        click.UsageError: It is.
    """
    if path is not None and _is_standard_input(path):
        raise click.UsageError(f"{option} and standard input are one file: {path}.")


def _is_standard_input(path: Path) -> bool:
    try:
        here, piped = path.stat(), os.fstat(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):  # not there, or no file of the system's
        return False
    return stat.S_ISREG(here.st_mode) and os.path.samestat(here, piped)
