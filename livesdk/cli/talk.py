"""``livesdk talk``: a spoken conversation, by microphone and loudspeaker or by WAV files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import attrs
import click

from ..errors import AudioError
from ._console import Terminal
from ._files import check_apart, check_writable, is_one
from ._options import check_device, device
from ._patience import hear_out
from ._service import MODEL, Service, open_service, show_service
from ._talking import TalkView

if TYPE_CHECKING:
    from ..audio import AudioInput, AudioOutput
    from ..conversation import AudioConversation
    from ..conversation._choices import Echo, Turns
    from ..emulator import Scenario
    from ..session import Session

__all__ = ["command"]

_TICK = 0.5
_FALLBACK = Path("answer.wav")
_PHRASES = (
    "hello",
    "hello there",
    "how are you",
    "what time is it",
    "what is the weather in paris",
    "tell me a story",
    "count to five",
    "what did i say before",
    "stop please",
    "thank you",
    "goodbye",
    "hello this is a recording can you hear me",
)
"""What the emulator understands, with the extra ``voice``."""


@attrs.frozen(kw_only=True)
class _Wish:
    """What the options ask for."""

    wav: Optional[Path]
    out: Optional[Path]
    microphone: Union[int, str, None]
    speaker: Union[int, str, None]
    echo: Echo
    turns: Turns
    block_ms: Optional[int]
    config: dict[str, Any]
    model: str


@click.command("talk", short_help="Talk by voice, or ask with a WAV file.")
@click.option(
    "--wav",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ask with this WAV file in place of a microphone, and end after the answer.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is to be heard into this WAV file in place of a loudspeaker.",
)
@click.option("--microphone", metavar="DEVICE", help="Index or part of the name; see devices.")
@click.option("--speaker", metavar="DEVICE", help="Index or part of the name; see devices.")
@click.option(
    "--echo",
    type=click.Choice(["half-duplex", "none", "webrtc"]),
    help="half-duplex: not heard while the model speaks, the default. none: with headphones."
    " webrtc: cancelled (extra aec).",
)
@click.option("--push-to-talk", is_flag=True, help="Enter begins and ends what you say.")
@click.option(
    "--hybrid",
    is_flag=True,
    help="Pause the model's voice as soon as you speak; needs --echo none or webrtc.",
)
@click.option(
    "--block-ms",
    type=click.IntRange(5, 200),
    help="How much the devices take at a time: 20 in and 15 out unless given; 40 on a busy"
    " machine.",
)
@click.option("--model", default=MODEL, show_default=True, help="The model to talk to.")
@click.option("--voice", help="A voice by its name, such as Kore or Puck.")
@click.option("--system", help="A system instruction.")
@click.option("--emulator", is_flag=True, help="Stay on this machine, even with a key.")
@click.pass_obj
def command(
    terminal: Terminal,
    *,
    wav: Optional[Path],
    out: Optional[Path],
    microphone: Optional[str],
    speaker: Optional[str],
    echo: Optional[Literal["none", "half-duplex", "webrtc"]],
    push_to_talk: bool,
    hybrid: bool,
    block_ms: Optional[int],
    model: str,
    voice: Optional[str],
    system: Optional[str],
    emulator: bool,
) -> None:
    """Talk to a model by voice, until Ctrl-C; with --wav, ask once.

    Echo first: while the model speaks you are not heard, since a microphone beside a loudspeaker
    would hear the model. With headphones, --echo none lets you cut in.

    Without a key in GOOGLE_API_KEY or GEMINI_API_KEY an emulator in this process answers; with the
    extra "voice" it really speaks, and understands a few phrases such as "what time is it".
    """
    if push_to_talk and (hybrid or wav):
        raise click.UsageError("--push-to-talk goes with neither --hybrid nor --wav.")
    echo = echo or ("none" if wav or push_to_talk else "half-duplex")
    if hybrid and echo == "half-duplex":
        raise click.UsageError(
            "--hybrid listens while the model speaks: add --echo none where there are headphones,"
            " or --echo webrtc (extra aec)."
        )
    check_apart(out, "--out", wav, "--wav")
    wish = _Wish(
        wav=wav,
        out=out,
        microphone=device(microphone),
        speaker=device(speaker),
        echo=echo,
        turns="push-to-talk" if push_to_talk else "hybrid" if hybrid else "server",
        block_ms=block_ms,
        config=_config(voice, system, manual=push_to_talk),
        model=model,
    )
    if out is not None:
        check_writable(out, "--out")
    source = _source(wish)
    output, note = _output(wish)
    with open_service(emulator=emulator, scenario=_scenario) as service:
        show_service(terminal.err.print, service)
        hints = [*_hints(wish, service), note]
        _talk(terminal, wish, service, source, output, hints)


# ----------------------------------------------------------------------------- what is needed


def _config(voice: Optional[str], system: Optional[str], *, manual: bool) -> dict[str, Any]:
    config: dict[str, Any] = {
        "response_modalities": ["AUDIO"],
        "input_audio_transcription": {},
        "output_audio_transcription": {},
    }
    if voice:
        config["speech_config"] = voice
    if system:
        config["system_instruction"] = system
    if manual:
        config["realtime_input_config"] = {"automatic_activity_detection": {"disabled": True}}
    return config


def _scenario() -> Scenario:
    from ..emulator import Scenario

    return Scenario(phrases=_PHRASES, playback_delay="realtime")


def _source(wish: _Wish) -> AudioInput:
    if wish.wav is not None:
        from ..audio import WavInput

        return WavInput(wish.wav)
    from ..audio import Microphone

    check_device(wish.microphone, "input")
    return Microphone(wish.microphone, block_ms=wish.block_ms or 20)


def _output(wish: _Wish) -> tuple[AudioOutput, str]:
    """Return where the answer goes, and a note if that is a surprise."""
    from ..audio import Speaker, WavOutput, list_devices

    if wish.out is not None:
        return WavOutput(wish.out), ""
    if wish.wav is not None and wish.speaker is None:
        try:
            found = any(each.outputs for each in list_devices())
        except AudioError:
            found = False
        if not found:
            if is_one(_FALLBACK, wish.wav):
                raise click.UsageError(
                    f"There is no loudspeaker, and {_FALLBACK} is the question:"
                    " say with --out where the answer goes."
                )
            check_writable(_FALLBACK, "--out")
            return WavOutput(_FALLBACK), f"No loudspeaker here: the answer goes to {_FALLBACK}."
    check_device(wish.speaker, "output")
    return Speaker(wish.speaker, block_ms=wish.block_ms or 15), ""


def _hints(wish: _Wish, service: Service) -> list[str]:
    hints = []
    if wish.wav is None:
        hints.append(
            "Press Enter, speak, press Enter. Ctrl-C ends."
            if wish.turns == "push-to-talk"
            else "Speak. Ctrl-C ends."
        )
    if wish.echo == "half-duplex":
        hints.append("You are not heard while the model speaks; with headphones: --echo none")
    if service.is_emulator:
        from ..emulator._recognise import is_available

        hints.append(
            f"The emulator understands: {'; '.join(_PHRASES[:-1])}."
            if is_available()
            else 'To be understood by the emulator: python -m pip install "livesdk[voice]"'
        )
    return hints


# ----------------------------------------------------------------------------- the conversation


def _talk(
    terminal: Terminal,
    wish: _Wish,
    service: Service,
    source: AudioInput,
    output: AudioOutput,
    hints: list[str],
) -> None:
    from ..audio import WavInput
    from ..conversation import AudioConversation

    position = None
    if isinstance(source, WavInput):
        file = source
        position = lambda: (file.position_ms, file.duration_ms)  # noqa: E731  # of this very file
    view = TalkView(terminal, position)
    with service.client.live.connect(wish.model, wish.config, reconnect=True) as session:
        conversation = AudioConversation(
            session,
            microphone=source,
            speaker=output,
            echo=wish.echo,
            turns=wish.turns,
            on_transcript=view.on_transcript,
            on_playback=view.on_playback,
            on_level=view.on_level,
        )
        try:
            conversation.start()
            for hint in filter(None, hints):  # now that somebody listens
                terminal.note(hint)
            with view, conversation:
                _go_on(wish, conversation, view)
        except KeyboardInterrupt:  # the way out
            _sum_up(terminal, session, conversation, wish, output)
            raise
        if conversation.error is not None:
            raise conversation.error
        _sum_up(terminal, session, conversation, wish, output)


def _go_on(wish: _Wish, conversation: AudioConversation, view: TalkView) -> None:
    """Wait for the end: of the answer to a file, or of the user's patience."""
    from ..audio import WavInput

    if isinstance(conversation.microphone, WavInput):
        hear_out(conversation, conversation.microphone, view, str(wish.wav))
        return
    if wish.turns == "push-to-talk":
        _follow_enter(conversation)
    while not conversation.wait(_TICK):
        pass


def _follow_enter(conversation: AudioConversation) -> None:
    for _ in sys.stdin:
        if not conversation.running:
            return
        conversation.talking = not conversation.talking
    conversation.talking = False


def _sum_up(
    terminal: Terminal,
    session: Session,
    conversation: AudioConversation,
    wish: _Wish,
    output: AudioOutput,
) -> None:
    stats = session.stats
    cut = conversation.interruptions
    parts = [f"{stats.turns} turn{'' if stats.turns == 1 else 's'}"]
    if cut:
        parts.append(f"{cut} interruption{'' if cut == 1 else 's'}")
    parts.append(f"{output.played_ms / 1000:.1f} s heard")
    path = wish.out or getattr(output, "path", None)
    if path is not None:
        parts.append(f"written to {path}")
    terminal.note(", ".join(parts) + ".")
