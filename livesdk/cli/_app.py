"""The commands by name, the global options, and the border where errors become one sentence."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Optional, TextIO, Union

import click

from .._version import __version__
from ..errors import AudioError, ConnectError, LiveError, LiveTimeout, SessionClosed, SetupError
from ._console import Terminal
from ._signals import Terminated, code_of, termination

__all__ = ["livesdk", "run"]

_ROOMS = ("demo", "chat", "talk", "music", "record", "replay", "devices", "serve", "doctor")
_ADVICE: tuple[tuple[type[LiveError], str], ...] = (
    (SessionClosed, "start the command again"),
    (SetupError, "look at the model's name and the options"),
    (ConnectError, "livesdk doctor looks closer"),
    (LiveTimeout, "try again; livesdk doctor looks closer"),
)
"""What to do about an error that brings no hint of its own."""
_FILES = "livesdk talk --wav FILE --out FILE, livesdk music --out FILE"
"""What does without a device."""


class _Commands(click.Group):
    """Loads a command when it is called for, and ends its errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's own
        return list(_ROOMS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's own
        cmd_name: str,
    ) -> Optional[click.Command]:
        if cmd_name not in _ROOMS:
            return None
        module = importlib.import_module(f".{cmd_name}", __package__)
        command: click.Command = module.command
        if not any(option.name == "debug" for option in command.params):
            command.params.append(_debug_option())
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with termination():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            if not isinstance(stop, Terminated):
                sys.stderr.write("\n")  # after the terminal's own ^C
            ctx.exit(code_of(stop))
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own, and a reader of ours that went away
        except Exception as error:
            if _is_debugging():
                logging.getLogger("livesdk.cli").exception("the command failed")
            Terminal().complain(_sentence(error))
            ctx.exit(1)


def _sentence(error: Exception) -> str:
    if isinstance(error, AudioError):
        from ..audio.devices import WITHOUT_DEVICES

        return str(error).replace(WITHOUT_DEVICES, _FILES)
    if isinstance(error, LiveError):
        return f"{error}{_advice(error)}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return (
        f"{type(error).__name__}: {error} — this should not happen;"
        " run the command again with --debug and report what it says"
    )


def _advice(error: LiveError) -> str:
    if getattr(error, "hint", None) or (isinstance(error, SessionClosed) and error.info.hint):
        return ""  # the text has it
    advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
    return f" — {advice}" if advice else ""


# -------------------------------------------------------------------------------- global options


def _debug_option() -> click.Option:
    return click.Option(
        ["-v", "--debug"],
        is_flag=True,
        expose_value=False,
        callback=_start_debugging,
        help="Write logs to stderr.",
    )


def _start_debugging(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    log = logging.getLogger("livesdk")
    if not wanted or _is_debugging():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    root = ctx.find_root()
    root.call_on_close(lambda: log.removeHandler(handler))
    root.call_on_close(lambda: log.setLevel(logging.NOTSET))


class _Notes(logging.Handler):
    """Shows what the library warns of, one line each; a traceback is for --debug."""

    def emit(self, record: logging.LogRecord) -> None:
        if _is_debugging():
            return
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        Terminal().note(f"Note: {' '.join(text.split())}")


def _is_debugging() -> bool:
    return logging.getLogger("livesdk").isEnabledFor(logging.DEBUG)


class _Lines(logging.Formatter):
    default_msec_format = "%s.%03d"
    default_time_format = "%H:%M:%S"


def _show_warning(
    message: Union[Warning, str],
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Optional[TextIO] = None,
    line: Optional[str] = None,
) -> None:
    """Show a warning of ours as a note, without a place in somebody's code."""
    del filename, lineno, file, line
    if issubclass(category, UserWarning):
        Terminal().note(f"Note: {message}")


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Each command explains itself: livesdk COMMAND --help",
)
@click.version_option(__version__, "--version", message="livesdk %(version)s")
@click.pass_context
def livesdk(ctx: click.Context) -> None:
    """Talk to the Gemini Live API, or to an emulator of it on this machine."""
    ctx.obj = Terminal()
    ctx.with_resource(warnings.catch_warnings())
    warnings.showwarning = _show_warning
    log, notes = logging.getLogger("livesdk"), _Notes(logging.WARNING)
    log.addHandler(notes)
    ctx.call_on_close(lambda: log.removeHandler(notes))


livesdk.params.append(_debug_option())


def run(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command line, and return its exit code."""
    try:
        code = livesdk.main(
            None if arguments is None else list(arguments),
            prog_name="livesdk",
            standalone_mode=False,
        )
    except click.Abort as abort:  # click's own word for it
        return code_of(abort.__cause__)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return _leave_quietly()
    return code if isinstance(code, int) else 0


def _leave_quietly() -> int:
    """End after the reader of our output has gone, without a complaint at the last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
