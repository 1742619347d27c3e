"""``livesdk serve``: the emulator for other programs."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import sys

import pytest

import livesdk

pytestmark = [
    pytest.mark.long,
    pytest.mark.requires("cli", "emulator"),
    pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal"),
]


# Where the signal meets code that is being executed from a string (attrs and namedtuples do that),
# Python ends by the signal itself, whoever caught the exception; a shell calls that 130 as well.
_BY_CTRL_C = (130, -signal.SIGINT)


def exported(text: str) -> dict[str, str]:
    lines = re.findall(r"export (\w+)=(.*)", text)
    return {name: shlex.split(value)[0] for name, value in lines}


def talk(client: livesdk.Client) -> str:
    with client.live.connect("any", {"response_modalities": ["TEXT"]}) as session:
        return session.ask("Hello").text


def test_it_says_where_it_is_and_who_came(program):
    running = program("serve", "--port", "0")
    environ = exported(running.wait_for("Connections:"))
    options = {"base_url": environ["GOOGLE_GEMINI_BASE_URL"]}
    client = livesdk.Client(api_key=environ["GEMINI_API_KEY"], http_options=options)
    assert talk(client) == "Hello! You said: Hello. This is turn 1."
    running.wait_for("BidiGenerateContent")
    running.process.send_signal(signal.SIGINT)
    assert running.end(10) in _BY_CTRL_C
    assert running.stderr == "Stopped.\n\n"


def test_tls_comes_with_the_certificate_to_trust(program):
    running = program("serve", "--port", "0", "--tls")
    environ = exported(running.wait_for("Connections:"))
    options = {"base_url": environ["GOOGLE_GEMINI_BASE_URL"]}
    assert options["base_url"].startswith("https://")
    client = livesdk.Client(api_key="any", http_options=options, ca_file=environ["SSL_CERT_FILE"])
    assert talk(client).startswith("Hello!")
    running.process.send_signal(signal.SIGTERM)
    assert running.end(10) == 143
    assert running.stderr == "Stopped.\n"


def test_the_line_of_python_works_as_it_stands(program):
    running = program("serve", "--port", "0", "--tls")
    shown = running.wait_for("Connections:")
    names: dict[str, object] = {"livesdk": livesdk}
    exec(re.search(r"^ +(client = .*)$", shown, re.MULTILINE)[1], names)
    assert talk(names["client"]).startswith("Hello!")


def test_a_taken_port_is_one_sentence(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = cli("serve", "--port", port)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        f"Error: port {port} is taken — choose another with --port, or 0 for a free one"
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "stream", "moment"),
    [
        (["demo"], "stdout", "Ada"),
        (["demo"], "stdout", "3  Speech"),
        (["demo"], "stdout", "5  An"),
        (["chat"], "stderr", "Talking"),
        (["chat", "Tell me a long story"], "stdout", "\n"),
        (["doctor"], "stdout", "Python"),
    ],
)
def test_a_signal_ends_every_command_at_once(program, arguments, stream, moment, number):
    import subprocess
    import time

    running = program(*arguments, stdin=subprocess.PIPE)
    if moment == "\n":  # the answer comes without a line's end
        running.wait_for("Talking", stream="stderr")
    else:
        running.wait_for(moment, stream=stream)
    began = time.monotonic()
    running.process.send_signal(number)
    assert running.end(10) in (_BY_CTRL_C if number == signal.SIGINT else [143])
    assert time.monotonic() - began < 5
    assert "Traceback" not in running.stderr
    assert "Error" not in running.stderr
