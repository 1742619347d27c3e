"""What is loaded, and what never is."""

from __future__ import annotations

import pytest
from session.rig import run_script

from livesdk.emulator import Emulator

_LOADED = "import sys; print(sorted(sys.modules.keys() & {%s}))"
_HEAVY = '"asyncio", "numpy", "pyaudio", "google.auth", "PIL", "websockets", "click", "rich"'

_CONVERSATION = """
import sys, livesdk
base_url, ca_file = sys.argv[1:]
client = livesdk.Client(
    api_key="any", http_options={"base_url": base_url}, ca_file=ca_file or None
)
closed = []
with client.live.connect("m", {"response_modalities": ["AUDIO"]}, {"onclose": closed.append}) as s:
    s.send_realtime_input(audio=bytes(32000))
    s.send_realtime_input(audio_stream_end=True)
    assert s.ask("Hello").audio
    s.usage, s.stats, s.transcripts
with client.live.music.connect() as music:
    music.set_weighted_prompts(["piano"])
    music.play()
    next(music.receive())
assert closed
"""


def loaded(program, *arguments, names=_HEAVY):
    done = run_script(program + "\n" + _LOADED % names, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()[-1]


def test_importing_loads_nothing_heavy():
    assert loaded("import livesdk") == "[]"


def test_the_names_of_a_program_load_nothing_heavy():
    program = "import livesdk; livesdk.Client, livesdk.LiveConnectConfig, livesdk.LiveServerMessage"
    assert loaded(program + ", livesdk.Session") == "[]"


def test_all_names_together_load_no_device_and_no_event_loop():
    program = "import livesdk; [getattr(livesdk, name) for name in dir(livesdk)]"
    assert loaded(program) == "[]"


def test_making_a_client_loads_nothing_heavy():
    assert loaded("import livesdk; livesdk.Client(api_key='any')") == "[]"


def test_a_plain_session_loads_no_type_that_it_does_not_use():
    program = (
        "import livesdk; from livesdk import codec\n"
        "config = livesdk.LiveConnectConfig(response_modalities=['AUDIO'])\n"
        "codec.encode(codec.check(config, livesdk.LiveConnectConfig))\n"
        'codec.decode(b\'{"serverContent": {"turnComplete": true}}\')\n'
    )
    unused = ("choices", "formats", "media", "grounding", "retrieval")
    names = ", ".join(f'"livesdk.types.{name}"' for name in unused)
    assert loaded(program, names=names) == "[]"


def test_a_plain_session_loads_no_sound_tools():
    program = "import livesdk; livesdk.Client, livesdk.Session"
    names = '"livesdk.pcm._g711", "livesdk.pcm._loudness", "livesdk.pcm._resample", "wave"'
    assert loaded(program, names=names) == "[]"


@pytest.mark.parametrize("tls", [False, True])
def test_a_whole_conversation_never_loads_asyncio(tls):
    with Emulator(voice="tones", tls=tls) as emulator:
        ca_file = emulator.ca_file if tls else ""
        assert loaded(_CONVERSATION, emulator.base_url, ca_file, names='"asyncio"') == "[]"


@pytest.mark.parametrize("tls", [False, True])
def test_the_emulator_never_loads_asyncio(tls):
    lines = [
        "import sys",
        "from livesdk.emulator import Emulator",
        f"with Emulator(voice='tones', tls={tls}) as emulator:",
        f"    sys.argv[1:] = [emulator.base_url, emulator.ca_file if {tls} else '']",
        *(f"    {line}" for line in _CONVERSATION.strip().splitlines()),
    ]
    assert loaded("\n".join(lines), names='"asyncio"') == "[]"


@pytest.mark.requires("cli")
def test_the_command_line_never_loads_asyncio():
    program = """
import contextlib, sys
from livesdk.cli import main
sys.argv[:] = ["livesdk", "chat", "Hello"]
with contextlib.suppress(SystemExit):
    main()
"""
    done = run_script(program + _LOADED % '"asyncio"')
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"
