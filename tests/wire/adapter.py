"""livesdk as a judge of wire recordings calls it: a case's call, made in the plainest way.

``run(case, url)`` makes the client of ``case["backend"]``, opens a session and makes the call;
``receive(case, url)`` returns what the SDK exposes for the first message.  Only livesdk's public
names are used.  The arguments of a case are JSON, with one-key objects for what JSON has no
notation for; ``_decoded`` turns them into what a program would write.
"""

from __future__ import annotations

import base64
import io
import os
import queue
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import attrs

import livesdk

NAME = "livesdk"

LIVE_MODEL = "gemini-live-test"
MUSIC_MODEL = "models/lyria-realtime-exp"
WAIT = 5.0


# --------------------------------------------------------------------------------- the two entries


def run(case: dict[str, Any], url: dict[str, str]) -> None:
    """Make a case's call; raises what the SDK raises."""
    call = case["call"]
    method = _snake(call["method"])
    if case["backend"].startswith("firebase"):
        _run_firebase(method, call["args"], case["backend"], url)
        return
    arguments = {_snake(name): _decoded(value) for name, value in call["args"].items()}
    with _client(case["backend"], url) as client:
        if method == "connect":
            client.live.connect(**_named(arguments)).close()
        elif method == "music.connect":
            client.live.music.connect(**_named(arguments)).close()
        elif method.startswith("music."):
            with client.live.music.connect(model=MUSIC_MODEL) as session:
                _call(session, method.removeprefix("music."), arguments)
        else:
            with client.live.connect(model=LIVE_MODEL) as session:
                _call(session, method, arguments)


def receive(case: dict[str, Any], url: dict[str, str]) -> dict[str, Any]:
    """Return what the SDK exposes for the first message after the setup, or for the setup."""
    happened: queue.Queue[Any] = queue.Queue()
    callbacks = livesdk.LiveCallbacks(onmessage=happened.put, onerror=happened.put)
    with _client("mldev" if case["backend"] == "music" else case["backend"], url) as client:
        if case["backend"] == "music":
            session: Any = client.live.music.connect(model=MUSIC_MODEL, callbacks=callbacks)
        else:
            session = client.live.connect(model=LIVE_MODEL, callbacks=callbacks)
        with session:
            if case["category"] == "receive.setup":
                setup_complete = _plain(session.setup_complete)
                return {"session_id": session.session_id, "setup_complete": setup_complete}
            assert happened.get(timeout=WAIT).setup_complete is not None
            message = happened.get(timeout=WAIT)
            if isinstance(message, Exception):
                raise message
    exposed = {"message": _plain(message)}
    for name in ("text", "data"):
        if hasattr(message, name):
            exposed[name] = _plain(getattr(message, name))
    return exposed


# ------------------------------------------------------------------------------------- the clients


class _Credentials:
    """A token that never expires, with or without a project that pays."""

    token = "FAKE_ADC_TOKEN"
    valid = True

    def __init__(self, quota_project_id: str | None = None) -> None:
        self.quota_project_id = quota_project_id

    def refresh(self, request: Any) -> None:
        """Stay as it is."""


CREDENTIALS: dict[str, Callable[[], _Credentials]] = {
    "fake": _Credentials,
    "fake-quota": lambda: _Credentials("quota-project"),
}


@contextmanager
def _client(backend: str, url: dict[str, str]) -> Iterator[livesdk.Client]:
    from battery.backends import BACKENDS  # comes with the recordings

    settings = _filled(BACKENDS[backend], url)
    arguments = settings["python"]
    if "credentials" in arguments:
        arguments["credentials"] = CREDENTIALS[arguments["credentials"]]()
    with _environment(settings.get("env", {})):
        yield livesdk.Client(**arguments)


def _filled(value: Any, url: dict[str, str]) -> Any:
    """Put the server's address where a backend's settings say ``{base}`` or ``{wsbase}``."""
    if isinstance(value, dict):
        return {key: _filled(item, url) for key, item in value.items()}
    return value.format(**url) if isinstance(value, str) else value


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --------------------------------------------------------------------------------------- the calls


def _call(session: Any, method: str, arguments: dict[str, Any]) -> None:
    if method == "close":
        session.close()
    elif method == "close_twice":
        session.close()
        session.close()
    elif method == "send_after_close":
        session.close()
        _send_something(session, arguments)
    elif method == "send_after_server_close":
        session.wait_closed(WAIT)
        _send_something(session, arguments)
    elif method == "exit_context":
        return  # the caller leaves its ``with`` block now
    elif method == "send":
        session.send(arguments.pop("input", None), **arguments)
    else:
        getattr(session, method)(**_named(arguments))


def _send_something(session: Any, arguments: dict[str, Any]) -> None:
    if isinstance(session, livesdk.MusicSession):
        session.play()
    else:
        session.send_client_content(**(arguments or {"turns": "hello"}))


def _named(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without the callbacks of another language's client."""
    return {name: value for name, value in arguments.items() if name != "callbacks"}


def _run_firebase(
    method: str, arguments: dict[str, Any], backend: str, url: dict[str, str]
) -> None:
    given = {_snake(name): _decoded(value) for name, value in arguments.items()}
    vertex = backend == "firebase-vertex"
    options = livesdk.FirebaseOptions(
        project="fb-project",
        api_key="FAKE_FIREBASE_KEY",
        backend="vertex" if vertex else "gemini",
        location="europe-west1" if vertex else None,
    )
    client = livesdk.Client(firebase=options, http_options={"base_url": url["base"]})
    described = {"model": given["model"], **given["model_params"]}
    model = livesdk.get_live_generative_model(client, described)
    if method == "resume_session":
        for resumption in (given["first"], given["second"]):
            model.connect(session_resumption=resumption).close()
        return
    with model.connect() as session:
        if method == "send":  # that client's default is an immediate answer
            session.send(given["request"], turn_complete=given.get("turn_complete", True))
        elif method == "send_audio_realtime":
            session.send_audio_realtime(given["blob"])
        elif method == "send_video_realtime":
            session.send_video_realtime(given["blob"])
        elif method == "send_text_realtime":
            session.send_text_realtime(given["text"])
        elif method == "send_function_responses":
            session.send_function_responses(given["function_responses"])
        elif method == "send_media_chunks":
            session.send_media_chunks(given["chunks"])
        elif method == "send_media_stream":
            session.send_media_stream(given["chunks"], realtime=False, end=False)
        elif method == "receive_after_close":
            session.close()
            next(session.receive())
        elif method != "connect":
            _call(session, method, {})


# ---------------------------------------------------------------------------- notation, both ways


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: "_" + found.group().lower(), name)


def get_weather(location: str, unit: str = "C") -> str:
    """Get the current weather in a city.

    Args:
        location: The city.
        unit: C or F.
    """
    return f"15 {unit} in {location}"


def set_lights(on: bool, brightness: int, color_name: str) -> dict[str, Any]:
    """Switch the lights."""
    return {"on": on, "brightness": brightness, "color_name": color_name}


def no_args() -> None:
    """Do nothing."""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (get_weather, set_lights, no_args)
}


def _decoded(value: Any) -> Any:
    """Turn the notation of arguments into what a program would write."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    for tag, read in _TAGS.items():
        if tag in value:
            return read(value)
    return {key: _decoded(item) for key, item in value.items()}


def _typed(value: dict[str, Any]) -> Any:
    fields = {name: _decoded(item) for name, item in value.get("fields", {}).items()}
    cls = getattr(livesdk.types, value["$type"], None)
    return fields if cls is None else cls(**fields)  # a dict does wherever a type does


def _member(value: dict[str, Any]) -> Any:
    name, _, member = value["$enum"].partition(".")
    cls = getattr(livesdk.types, name, None)
    return getattr(cls, member, member)  # enums are open: the string does as well


def _picture(value: dict[str, Any]) -> Any:
    from PIL import Image  # only these cases need it

    wanted = value["$pil"]
    color = wanted["color"]
    color = tuple(color) if isinstance(color, list) else color
    image = Image.new(wanted["mode"], tuple(wanted["size"]), color)
    if not wanted.get("format"):
        return image
    file = io.BytesIO()
    image.save(file, wanted["format"])
    file.name = f"image.{wanted['format'].lower()}"
    file.seek(0)
    return Image.open(file)


_TAGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "$bytes": lambda value: base64.b64decode(value["$bytes"]),
    "$raw": lambda value: value["$raw"],
    "$type": _typed,
    "$enum": _member,
    "$func": lambda value: FUNCTIONS[value["$func"]],
    "$tuple": lambda value: tuple(_decoded(item) for item in value["$tuple"]),
    "$stream": lambda value: iter([_decoded(item) for item in value["$stream"]]),
    "$pil": _picture,
}


def _plain(value: Any) -> Any:
    """Turn a message into dicts and lists, bytes into their notation."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value)) if field.name != "raw"]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
