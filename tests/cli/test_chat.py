"""``livesdk chat``: one turn or many, on a terminal, in a pipe, as JSON."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import wave

import pytest

from livesdk.emulator import Call, Close, Drop, Reply, Say, Scenario

pytestmark = [pytest.mark.requires("cli", "emulator"), pytest.mark.long]


def test_one_question_is_answered_on_stdout_and_nothing_else(cli):
    result = cli("chat", "Hello", "there")
    assert result.exit_code == 0
    assert result.stdout == "Hello! You said: Hello there. This is turn 1.\n"
    assert "the emulator on this machine" in result.stderr


def test_every_line_of_a_pipe_is_a_turn_of_one_session(cli):
    result = cli("chat", input="one\n\nwhat did I say\n")
    assert result.exit_code == 0
    assert result.stdout == 'You said: one. This is turn 1.\nBefore, you said "one".\n'


def test_quit_ends_it_and_unknown_commands_are_explained(cli):
    result = cli("chat", input="/what\n/usage\nHi\n/usage\n/quit\nnever said\n")
    assert result.exit_code == 0
    assert "never" not in result.stdout
    assert "/what is not known" in result.stderr
    assert "\n0 tokens so far" in result.stderr


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # the latter in the locale C
def test_a_pipe_that_is_not_utf_8_is_one_sentence(program, errors):
    environ = {**os.environ, "PYTHONIOENCODING": f"utf-8:{errors}"}
    running = program("chat", stdin=subprocess.PIPE, env=environ)
    running.process.stdin.buffer.write(b"caf\xe9\n")
    running.process.stdin.close()
    assert running.end() == 1
    last = running.stderr.splitlines()[-1]
    assert last.startswith("Error: standard input is not text in UTF-8: convert it before")
    assert running.stdout == ""


def test_json_is_one_object_a_turn(cli):
    result = cli("chat", "--json", input="one\nwhat did I say\n")
    assert result.exit_code == 0
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["input"] == "one"
    assert first["text"] == "You said: one. This is turn 1."
    assert first["audio_ms"] > 500
    assert first["sample_rate_hz"] == 24_000
    assert first["time_to_first_audio_ms"] > 0
    assert first["usage"]["total"] > 0
    assert first["interrupted"] is False
    assert second["text"] == 'Before, you said "one".'


def test_text_modality_has_no_audio(cli, recwarn):
    result = cli("chat", "--json", "--modality", "text", "--model", "any", "Hello")
    told = json.loads(result.stdout)
    assert told["text"] == "Hello! You said: Hello. This is turn 1."
    assert told["audio_ms"] == 0
    assert told["sample_rate_hz"] is None


def test_audio_is_saved(cli, tmp_path):
    result = cli("chat", "--save-audio", "kept.wav", input="one\ntwo\n")
    assert result.exit_code == 0
    with wave.open(str(tmp_path / "kept.wav")) as kept:
        seconds = kept.getnframes() / kept.getframerate()
    assert f"Saved {seconds:.1f} s of audio in kept.wav." in result.stderr


def test_a_file_is_kept_where_there_is_nothing_new_to_write(cli, tmp_path):
    (tmp_path / "kept.wav").write_bytes(b"precious")
    assert cli("chat", "--save-audio", "kept.wav", input="").exit_code == 0
    assert (tmp_path / "kept.wav").read_bytes() == b"precious"


def test_a_link_to_a_file_to_come_stays_a_link(cli, tmp_path):
    (tmp_path / "link.wav").symlink_to("kept.wav")
    assert cli("chat", "--save-audio", "link.wav", "Hello").exit_code == 0
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "kept.wav").stat().st_size > 1000


def test_the_options_reach_the_setup(cli, service):
    emulator = service()
    result = cli("chat", "--model", "m", "--voice", "Kore", "--system", "Be brief.", "Hello")
    assert result.exit_code == 0
    setup = emulator.frames[0]["setup"]
    assert setup["model"] == "models/m"
    assert setup["generationConfig"]["responseModalities"] == ["AUDIO"]
    voice = setup["generationConfig"]["speechConfig"]["voiceConfig"]
    assert voice == {"prebuiltVoiceConfig": {"voiceName": "Kore"}}
    assert setup["systemInstruction"]["parts"] == [{"text": "Be brief."}]


def test_what_cannot_go_together_is_a_usage_error(cli):
    result = cli("chat", "--modality", "text", "--voice", "Kore", "Hello")
    assert result.exit_code == 2
    assert "--modality audio" in result.stderr


def test_what_a_model_is_known_to_refuse_is_a_note(program):
    running = program("chat", "--modality", "text", "Hello")
    assert running.end() == 0
    assert "Note: gemini-3.8-live: response_modalities: this model answers in AUDIO" in (
        running.stderr
    )
    assert "UserWarning" not in running.stderr


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY too (any word will do if it asks for no key)"),
        ("GOOGLE_VERTEX_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI=true too"),
    ],
)
def test_a_server_without_a_key_is_not_passed_over(cli, monkeypatch, name, what):
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    result = cli("chat", "Hello")
    assert result.exit_code == 1
    assert f"Error: {name} names a server: to talk to it, set {what}" in result.stderr
    assert result.stderr.endswith(", or add --emulator\n")
    assert result.stderr.count("\n") == 1
    assert cli("chat", "--emulator", "Hello").stdout.startswith("Hello!")


def test_a_server_and_any_word_for_a_key_are_enough(cli, service, monkeypatch):
    emulator = service()
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    assert cli("chat", "Hello").stdout.startswith("Hello!")
    assert len(emulator.connections) == 1


def test_a_refused_key_is_one_sentence_with_what_to_do(cli, service):
    service(api_keys={"another"})
    result = cli("chat", "Hello")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "API key" in last
    assert "very-secret" not in result.output


@pytest.mark.parametrize(
    "fault", [Close(1011, "You exceeded your quota."), Close(1008, "Entity not found.")]
)
def test_a_session_that_ends_in_the_middle_is_an_error(cli, service, fault):
    service(Scenario(replies=[[Say("Well"), fault]]))
    result = cli("chat", "Hello")
    assert result.exit_code == 1
    assert "the session is closed: 10" in result.stderr


def test_a_clean_end_in_the_middle_is_an_error_too(cli, service):
    service(Scenario(replies=[[Say("Well"), Close(1000, "bye")]]))
    result = cli("chat", "Hello")
    assert result.exit_code == 1
    assert "ended before the answer did" in result.stderr


def test_a_lost_connection_is_made_up_for(cli, service):
    service(Scenario(replies=[[Say("Well"), Drop()], [Say("Well, hello.")]]))
    result = cli("chat", "Hello")
    assert result.exit_code == 0
    assert "asking again" in result.stderr
    assert "Well, hello." in result.stdout


def test_the_models_words_cannot_steer_the_terminal(cli, service):
    nasty = "\x1b[2J\x1b]0;owned\x07 [bold]not markup[/bold] \x9b31m"
    service(Scenario(replies=[Reply(match="Hello", steps=[Say(nasty)])]))
    result = cli("chat", "--modality", "text", "--model", "any", "Hello")
    assert result.exit_code == 0
    assert "[bold]not markup[/bold]" in result.stdout
    assert not set(result.stdout) & {"\x1b", "\x07", "\x9b"}


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path):
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        [sys.executable, "-m", "livesdk", "chat", "--json"],
        input="Hello\n" * 20,
        stdout=write_end,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
        timeout=50,
        check=False,
    )
    os.close(write_end)
    assert result.returncode == 1
    assert "Error" not in result.stderr
    assert "Exception" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_it_prompts_and_ends_at_ctrl_d(tmp_path):
    master, slave = pty.openpty()
    environ = {**os.environ, "TERM": "dumb", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-m", "livesdk", "chat"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=tmp_path,
        env=environ,
    )
    os.close(slave)
    try:
        seen = read_until(master, b"you     ")
        assert b"/quit or Ctrl-D ends" in seen
        os.write(master, b"Hello\n")
        assert b"model   Hello! You said: Hello." in read_until(master, b"turn 1.")
        read_until(master, b"you     ")
        os.write(master, b"\x04")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read_until(master: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        seen += os.read(master, 4096)
    return seen


def test_functions_of_the_folder_run_and_are_shown(cli, tmp_path, monkeypatch):
    (tmp_path / "my_tools_for_chat.py").write_text(
        "def get_weather(city: str) -> dict:\n"
        "    'Tell the weather.'\n"
        "    return {'sky': 'clear over ' + city}\n"
        "def broken() -> None:\n"
        "    raise ValueError('out of order')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    tools = ["--tool", "my_tools_for_chat:get_weather", "--tool", "my_tools_for_chat:broken"]
    result = cli("chat", *tools, "get_weather in Paris")
    assert result.exit_code == 0
    assert "sky clear over Paris" in result.stdout
    assert "get_weather(city='Paris') → {'sky': 'clear over Paris'}" in result.stderr
    told = json.loads(cli("chat", *tools, "--json", "use broken").stdout)
    [call] = told["function_calls"]
    assert (call["name"], call["args"], call["error"]) == (
        "broken",
        {},
        "ValueError: out of order",
    )


@pytest.fixture
def explosive(tmp_path, monkeypatch) -> str:
    """A module with functions that go wrong; its name."""
    (tmp_path / "my_explosive_tools.py").write_text(
        "def boom(words: str = '') -> None:\n"
        "    'Explode.'\n"
        "    raise ValueError('bang,\\nand smoke')\n"
        "def fizzle():\n"
        "    'Go out slowly.'\n"
        "    yield {'sparks': 3}\n"
        "    raise ValueError('wet')\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_explosive_tools", raising=False)
    return "my_explosive_tools"


def test_a_tool_that_raises_is_one_line_and_the_model_is_told(cli, service, explosive):
    emulator = service()
    result = cli("chat", "--tool", f"{explosive}:boom", "use boom")
    assert result.exit_code == 0
    _, _, line = result.stderr.splitlines()
    assert line.startswith("boom(words='use boom') → ValueError: bang, and smoke (")
    [told] = emulator.wait_for("toolResponse")[0]["toolResponse"]["functionResponses"]
    assert told["response"] == {"error": "ValueError: bang,\nand smoke"}


def test_long_arguments_do_not_hide_what_a_tool_raised(cli, service, explosive):
    service(Scenario(replies=[[Call("boom", {"words": "long " * 200}), Say("Oh.")]]))
    result = cli("chat", "--tool", f"{explosive}:boom", "Hello")
    assert "→ ValueError: bang, and smoke" in result.stderr


def test_debugging_shows_where_a_tool_raised(cli, explosive):
    result = cli("chat", "--debug", "--tool", f"{explosive}:boom", "use boom")
    assert result.exit_code == 0
    assert "Traceback" in result.stderr
    assert "my_explosive_tools.py" in result.stderr


def test_a_tool_that_raises_halfway_shows_no_traceback(cli, explosive):
    result = cli("chat", "--tool", f"{explosive}:fizzle", "use fizzle")
    assert result.exit_code == 0
    assert "Note: the tool fizzle raised: ValueError: wet" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("json", "expected module:function"),
        ("json:nothing_of_the_kind", "has no function"),
        ("no_such_module_here:f", "cannot be imported"),
    ],
)
def test_a_tool_that_is_none_is_one_sentence(cli, reference, words):
    result = cli("chat", "--tool", reference, "Hello")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
