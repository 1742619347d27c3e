"""What ``livesdk`` gives away: every name there, documented, and nothing else."""

from __future__ import annotations

import importlib
import inspect

import pytest

import livesdk
from livesdk import emulator, errors, recording, types

_PUBLIC = """
    Client LiveGenerativeModel Session LiveSession MusicSession LiveCallbacks Turn CloseInfo
    __version__ types LiveConnectConfig LiveServerMessage LiveServerContent LiveClientMessage
    Content Part Blob FunctionCall FunctionResponse FunctionDeclaration Tool SpeechConfig
    LiveMusicGenerationConfig LiveMusicServerMessage WeightedPrompt HttpOptions
    LiveError ConfigError ProtocolError LocalProtocolError DecodeError ConnectError
    AuthenticationError SetupError SessionClosed SessionReconnecting LiveTimeout
    ConcurrentReceiveError AudioError ToolError CallbackError
"""

_OLDER = {
    "AIModel": "LiveGenerativeModel",
    "GenerativeContentBlob": "Blob",
    "LiveMusicSession": "MusicSession",
    "LiveSendRealtimeInputParameters": "LiveClientRealtimeInput",
    "LiveSendToolResponseParameters": "LiveClientToolResponse",
    "LiveSession": "Session",
    "LiveSetupComplete": "LiveServerSetupComplete",
    "MediaChunk": "Blob",
    "RealtimeInput": "LiveClientRealtimeInput",
    "ServiceConnectionHandshakeFailedException": "SetupAuthenticationError",
    "ToolCallCancellation": "LiveServerToolCallCancellation",
}
_OLDER_OF_THEIR_OWN = """
    LiveConnectParameters LiveMusic LiveMusicConnectParameters ToolCall ToolListUnion ToolResponse
    Voices get_live_generative_model live_model
"""


@pytest.mark.parametrize("name", sorted({*dir(livesdk), *_PUBLIC.split()}))
def test_a_public_name_is_there_and_documented(name):
    value = getattr(livesdk, name)
    assert name in dir(livesdk)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert inspect.getdoc(value)


def test_all_and_dir_agree():
    assert set(livesdk.__all__) <= set(dir(livesdk))
    assert set(dir(livesdk)) == {*livesdk.__all__, *types.__all__}
    assert len(livesdk.__all__) == len(set(livesdk.__all__))
    assert len(types.__all__) == len(set(types.__all__))


def test_nothing_else_is_public_in_the_package():
    for name in dir(livesdk):
        getattr(livesdk, name)
    plumbing = {"Any", "TYPE_CHECKING", "annotations", "importlib"}
    others = {name for name in vars(livesdk) if not name.startswith("_")} - set(dir(livesdk))
    modules = {name for name in others if inspect.ismodule(getattr(livesdk, name))}
    assert others - modules - plumbing == set()


def test_a_star_import_gives_what_all_says():
    names: dict[str, object] = {}
    exec("from livesdk import *", names)
    assert set(livesdk.__all__) <= names.keys()


@pytest.mark.parametrize("module", [errors, types, emulator, recording])
def test_every_public_class_of_a_module_is_exported_by_it(module):
    for name in module.__all__:
        assert getattr(module, name) is not None
    own = {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    assert {name for name in own if not name.startswith("_")} <= set(module.__all__)


def test_recordings_are_documented_and_nothing_else_of_them_is_public():
    assert set(recording.__all__) == {"RecordedEvent", "Recorder", "RecordingHeader", "Replay"}
    for name in recording.__all__:
        kind = getattr(recording, name)
        members = {m: getattr(kind, m) for m in dir(kind) if not m.startswith("_")}
        assert inspect.getdoc(kind)
        assert [m for m, v in members.items() if callable(v) and not inspect.getdoc(v)] == []


def test_every_error_is_exported():
    tree = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, livesdk.LiveError)
    }
    assert tree <= set(livesdk.__all__)


@pytest.mark.parametrize("name", sorted(_OLDER))
def test_an_older_name_is_the_same_class(name):
    assert getattr(livesdk, name) is getattr(livesdk, _OLDER[name])


@pytest.mark.parametrize("name", _OLDER_OF_THEIR_OWN.split())
def test_an_older_name_is_there(name):
    assert getattr(livesdk, name) is not None


def test_older_ways_to_say_things():
    assert livesdk.SpeechConfig(voice=livesdk.Voices.FENRIR).voice == "Fenrir"
    music = livesdk.LiveMusicConfig(tempo=100, mode="QUALITY")
    assert (music.bpm, music.music_generation_mode) == (100, "QUALITY")
    assert hasattr(livesdk.LiveServerMessage, "audio_as_float")
    for name in ("start_media_stream", "send_media_chunks", "send_media_stream", "send"):
        assert callable(getattr(livesdk.Session, name))
    assert callable(livesdk.MusicSession.send)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Sesion"):
        livesdk.Sesion  # noqa: B018  # that it raises is the point


def test_public_methods_are_documented():
    undocumented = [
        f"{name}.{member}"
        for name in dir(livesdk)
        for kind in [getattr(livesdk, name)]
        if inspect.isclass(kind) and kind.__module__.startswith("livesdk")
        for member, value in inspect.getmembers(kind)
        if not member.startswith("_")
        and (isinstance(value, property) or inspect.isroutine(value))
        and not inspect.getdoc(value)
    ]
    assert undocumented == []


def test_the_version_is_that_of_its_module():
    assert livesdk.__version__ == importlib.import_module("livesdk._version").__version__
