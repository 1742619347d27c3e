"""The first door: ``Client(...).live.connect(...)``, in the style of the official SDKs.

A client holds what its sessions share: who it is, one TLS context, the credentials.  It has no
thread and no connection of its own, and may be used from any thread.
"""

from __future__ import annotations

import os
import ssl
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

import attrs

from . import codec
from ._checks import check_positive, check_whole_number
from ._lock import ProcessLock
from ._log import get_logger
from ._secret import HoldsSecret
from .auth_tokens import AuthTokens
from .calls import ToolAudio, checked_tool_audio
from .configure import checked_config, setup_message
from .credentials import Tokens, default_project
from .dispatch import LiveCallbacks, callbacks_from
from .endpoint import (
    Access,
    FirebaseOptions,
    model_resource,
    request_headers,
    resolve,
    service_url,
)
from .errors import ConfigError
from .families import warnings_for
from .history import history_of, setup_for_history
from .retry import ReconnectPolicy, checked_policy
from .service import CallbackErrors, Options
from .session import Session
from .tools import split_tools
from .transport import Dial
from .types.config import HttpOptions, LiveConnectConfig, SessionResumptionConfig

if TYPE_CHECKING:
    from .music import MusicSession
    from .recording import Recorder

__all__ = ["Client", "Live", "LiveMusic"]

_log = get_logger(__name__)

DEFAULT_TIMEOUT = 10.0
MUSIC_MODEL = "models/lyria-realtime-exp"


class Client(HoldsSecret):
    """Who connects, and to which backend.

    Without arguments it takes ``GOOGLE_API_KEY`` or ``GEMINI_API_KEY`` from the environment, or
    with ``GOOGLE_GENAI_USE_VERTEXAI=true`` the project and location of ``GOOGLE_CLOUD_PROJECT`` and
    ``GOOGLE_CLOUD_LOCATION`` (Protocol §1.5).  It holds a key, and cannot be pickled: make one in
    each process.

    Args:
        api_key: A key of the Gemini Developer API, an ephemeral token (``auth_tokens/…``), or with
            ``vertexai=True`` a key for Vertex AI: alone for express mode, or beside ``project``.
            It travels in a header, never in the URL.
        vertexai: Use Vertex AI.
        project: The Google Cloud project, for Vertex AI.
        location: The region, ``"global"``, ``"us"`` or ``"eu"``, for Vertex AI.
        credentials: An object with ``token``, ``valid`` and ``refresh``; the machine's own ones
            unless given (extra ``vertex``).
        http_options: :class:`HttpOptions` or a dict: ``base_url`` (``http`` and ``ws`` stay plain),
            ``api_version``, ``headers``, ``timeout`` in milliseconds.
        firebase: :class:`FirebaseOptions`: connect through Firebase AI Logic.
        ssl_context: Used for ``wss`` as it is.
        ca_file: Certificates to trust instead of the system's.
        proxy: ``http://user:password@host:port`` or ``socks5://…``; ``""`` for none; the
            environment decides unless given.
        ping_interval: Seconds between our pings; ``None`` for none.
        liveness_timeout: Seconds without any byte until a connection counts as lost; ``None``:
            for ever.
        max_message_bytes: A larger message ends the session.
        enterprise: Another name for ``vertexai``, which it overrides.

    Raises:
        ConfigError: Nothing to identify with, or arguments that contradict each other.
    """

    def __init__(
        self,
        *,
        api_key: Optional[str] = None,
        vertexai: Optional[bool] = None,
        project: Optional[str] = None,
        location: Optional[str] = None,
        credentials: Optional[Any] = None,
        http_options: Union[HttpOptions, Mapping[str, Any], None] = None,
        firebase: Optional[FirebaseOptions] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
        ca_file: Optional[str] = None,
        proxy: Optional[str] = None,
        ping_interval: Optional[float] = 25.0,
        liveness_timeout: Optional[float] = 60.0,
        max_message_bytes: int = 64 * 1024 * 1024,
        enterprise: Optional[bool] = None,
    ) -> None:
        options = codec.check(http_options or {}, HttpOptions, "http_options")
        if firebase is not None and (api_key or vertexai or enterprise or project or location):
            raise ConfigError(
                "firebase: it names the project and the key itself; leave out api_key, vertexai,"
                " enterprise, project and location"
            )
        if firebase is not None and credentials is not None:
            raise ConfigError("firebase: credentials belong to Vertex AI; leave them out")
        self._access = resolve(
            os.environ,
            api_key=api_key,
            vertexai=vertexai if enterprise is None else enterprise,
            project=project,
            location=location,
            has_credentials=credentials is not None,
            http_options=options,
            firebase=firebase,
        )
        if self._access.needs_credentials and self._access.project is None:
            self._access = _with_project(self._access, credentials)
        self._tokens = Tokens(credentials)
        self._timeout = DEFAULT_TIMEOUT
        if options.timeout is not None:
            check_positive("http_options.timeout", options.timeout)
            self._timeout = options.timeout / 1000
        self._tls = _Tls(ssl_context, ca_file)
        self._proxy = proxy
        if ping_interval is not None:
            check_positive("ping_interval", ping_interval)
        if liveness_timeout is not None:
            check_positive("liveness_timeout", liveness_timeout)
        check_whole_number("max_message_bytes", max_message_bytes)
        self._options = Options(
            ping_interval=ping_interval,
            liveness_timeout=liveness_timeout,
            max_message_bytes=max_message_bytes,
        )
        self.live = Live(self)
        self.auth_tokens = AuthTokens(self._access, self._tls.context, proxy)

    @property
    def vertexai(self) -> bool:
        """The client speaks to Vertex AI."""
        return self._access.backend == "vertex"

    def __repr__(self) -> str:
        """Show where it connects, without the key."""
        where = self._access.base_url or self._access.project or "default"
        return f"<livesdk.Client {self._access.backend} {where}>"

    def __enter__(self) -> Client:  # noqa: PYI034  # nobody derives from it
        """Return the client; at the end of the block nothing is left to be done."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: a client holds no connection; each session is closed by itself."""

    def _dial(self, access: Access, service: str) -> Callable[[], Dial]:
        """Return what makes the request of one dial; it fetches tokens, on the reader's thread."""
        url = service_url(access, service)

        def dial() -> Dial:
            bearer, quota_project = None, None
            if access.needs_credentials:
                bearer, quota_project = self._tokens.fetch()
            return Dial(
                url=url,
                headers=request_headers(access, bearer, quota_project),
                proxy=self._proxy,
                ssl_context=self._tls.context,
            )

        return dial

    def _deadline(self, timeout: Optional[float]) -> float:
        seconds = self._timeout if timeout is None else timeout
        check_positive("timeout", seconds)
        return time.monotonic() + seconds


class Live:
    """``client.live``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.music = LiveMusic(client)

    def connect(
        self,
        model: Any = None,
        config: Union[LiveConnectConfig, Mapping[str, Any], None] = None,
        callbacks: Union[LiveCallbacks, Mapping[str, Any], None] = None,
        *,
        timeout: Optional[float] = None,
        reconnect: Union[ReconnectPolicy, bool, None] = None,
        history: Any = None,
        tool_audio: ToolAudio = "drop",
        callback_errors: CallbackErrors = "report",
        recorder: Optional[Recorder] = None,
    ) -> Session:
        """Open a session; blocks until the server has accepted the setup.

        Args:
            model: A name such as ``"gemini-3.8-live"``, with or without ``models/``.
            config: :class:`LiveConnectConfig` or a dict in snake_case or camelCase.
            callbacks: :class:`LiveCallbacks` or a dict; all of them optional.
            timeout: Seconds for everything: look-up, connecting, proxy, TLS, upgrade and setup.
            reconnect: Whether the session goes on when its connection ends, and how hard to try: a
                :class:`ReconnectPolicy`, True, False, or ``None``: if the config has
                ``session_resumption`` (``{}`` asks for handles; with True that is done for you).
            history: What a fresh session is told first: turns as of ``send_client_content``, or a
                function that returns them, called again if a handle is refused on the way and a
                fresh session has to take over.  A session that is resumed with a handle is told
                nothing.
            tool_audio: ``"drop"`` realtime audio (its end too) and video while a BLOCKING function
                call is open, because the service ends sessions that send it (1008); or ``"send"``
                it.
            callback_errors: ``"report"`` a callback's exception to ``onerror``, or ``"raise"``:
                close, and re-raise from ``wait_closed()``.
            recorder: Writes the session down; see :mod:`livesdk.recording`.

        Returns:
            The open session; use it in a ``with`` block, or close it.

        Raises:
            ConfigError: An argument is wrong; nothing was sent.
            ConnectError: No connection; ``phase`` says why.
            AuthenticationError: The credential is refused.
            SetupError: The server refused the setup, or closed before accepting it.
            DecodeError: What the server said before the setup was complete is not JSON.
            LiveTimeout: The deadline passed; ``phase`` says where.
        """
        model, config, callbacks = _parameters(model, config, callbacks)
        client = self._client
        checked = checked_config(config)
        access = client._access.for_session(checked.http_options)
        if model is None:
            raise ConfigError("model: expected a name such as 'gemini-3.8-live'")
        plain, functions = split_tools(checked.tools, "config.tools")
        policy = checked_policy(reconnect, configured=checked.session_resumption is not None)
        if policy is not None and checked.session_resumption is None:
            checked = attrs.evolve(checked, session_resumption=SessionResumptionConfig())
        setup = setup_message(access, model, attrs.evolve(checked, tools=plain))
        if history is not None:
            setup = setup_for_history(setup)
        for text in warnings_for(setup, access):
            warnings.warn(text, UserWarning, stacklevel=2)
        deadline = client._deadline(timeout)
        options = attrs.evolve(
            _with_callback_errors(client._options, callback_errors), reconnect=policy
        )
        session = Session(
            access=access,
            setup=setup,
            dial=client._dial(access, "live"),
            callbacks=callbacks_from(callbacks),
            conversations=_conversation,
            functions=functions,
            tool_audio=checked_tool_audio(tool_audio),
            history=history_of(history, setup, access),
            options=_with_recorder(options, recorder, "live", setup.model, access),
        )
        session._connection.start(deadline)
        return session


class LiveMusic:
    """``client.live.music``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def connect(
        self,
        model: Any = MUSIC_MODEL,
        config: Any = None,
        callbacks: Union[LiveCallbacks, Mapping[str, Any], None] = None,
        *,
        timeout: Optional[float] = None,
        callback_errors: CallbackErrors = "report",
        recorder: Optional[Recorder] = None,
    ) -> MusicSession:
        """Open a music session; blocks until the server has accepted the setup (Protocol §11).

        Args:
            model: The music model.
            config: A :class:`LiveMusicGenerationConfig` or dict, sent once the session is open.
            callbacks: As of :meth:`Live.connect`; ``onmessage`` gets
                :class:`LiveMusicServerMessage`.
            timeout: Seconds for everything.
            callback_errors: As of :meth:`Live.connect`.
            recorder: As of :meth:`Live.connect`.

        Raises:
            ConfigError: An argument is wrong, or the backend has no music.
            LiveError: As of :meth:`Live.connect`.
        """
        from .music import MusicSession, checked_music_config  # loads when it is wanted

        model, config, callbacks = _parameters(model, config, callbacks)
        model = MUSIC_MODEL if model is None else model
        client = self._client
        music_config = checked_music_config(config)
        deadline = client._deadline(timeout)
        access, name = client._access, model_resource(client._access, model)
        options = _with_callback_errors(client._options, callback_errors)
        session = MusicSession(
            model=name,
            dial=client._dial(access, "music"),
            callbacks=callbacks_from(callbacks),
            options=_with_recorder(options, recorder, "music", name, access),
        )
        session._connection.start(deadline)
        try:
            if config is not None:
                session.set_music_generation_config(
                    music_config, timeout=max(0.0, deadline - time.monotonic())
                )
        except BaseException:  # nobody else has the session, to close it
            session.close()
            raise
        return session


def _conversation(session: Session, /, **options: Any) -> Any:
    """Make what ``session.start_audio_conversation()`` starts; sound loads when it is wanted."""
    from .conversation._handlers import make_conversation

    return make_conversation(session, **options)


def _parameters(model: Any, config: Any, callbacks: Any) -> tuple[Any, Any, Any]:
    """Take the one object that the JS client's ``connect`` gets apart (Protocol §16)."""
    if isinstance(model, str) or model is None:
        return model, config, callbacks
    found = model if isinstance(model, Mapping) else None
    if found is None and hasattr(model, "callbacks"):
        found = {name: getattr(model, name) for name in ("model", "config", "callbacks")}
    if found is None or set(found) - {"model", "config", "callbacks"}:
        raise ConfigError("connect: expected model=, config= and callbacks=")
    return found.get("model"), found.get("config") or config, found.get("callbacks") or callbacks


def _with_callback_errors(options: Options, callback_errors: CallbackErrors) -> Options:
    if callback_errors not in ("report", "raise"):
        raise ConfigError(
            f"callback_errors: expected 'report' or 'raise', got {callback_errors!r:.40}"
        )
    return attrs.evolve(options, callback_errors=callback_errors)


def _with_recorder(
    options: Options, recorder: Any, service: str, model: Optional[str], access: Access
) -> Options:
    """Have the session written down; the last thing before it is made, since it opens the file."""
    if recorder is None:
        return options
    from .recording import Recorder  # not for every client

    if not isinstance(recorder, Recorder):
        raise ConfigError(f"recorder: expected a Recorder, got {type(recorder).__name__}")
    recorder._tape.begin(
        service=service,
        model=model or "",
        backend=access.backend,
        vertex_rules=access.vertex_rules,
    )
    return attrs.evolve(options, tap=recorder._tape)


def _with_project(access: Access, credentials: Optional[Any]) -> Access:
    """Find the project in the credentials, where nothing else names it."""
    project = getattr(credentials, "project_id", None) if credentials else default_project()
    if not project and access.base_url is None:
        raise ConfigError("Vertex AI needs a project: pass project=... or set GOOGLE_CLOUD_PROJECT")
    return attrs.evolve(access, project=project)


class _Tls:
    """Makes one TLS context for all sessions of a client, when the first one needs it."""

    def __init__(self, context: Optional[ssl.SSLContext], ca_file: Optional[str]) -> None:
        if context is not None and not isinstance(context, ssl.SSLContext):
            raise ConfigError(f"ssl_context: expected an SSLContext, got {type(context).__name__}")
        if ca_file is not None and not Path(ca_file).is_file():
            raise ConfigError(f"ca_file: no such file: {ca_file}")
        self._context = context
        self._is_ours = context is None
        self._ca_file = ca_file
        self._lock = ProcessLock()
        self._pid = os.getpid()

    def context(self) -> ssl.SSLContext:
        """Return the one context; any thread, also of a fork's child."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()  # a thread of the parent may have held a lock of OpenSSL
            if self._is_ours:
                self._context = None
        with self._lock:
            if self._context is None:
                try:
                    self._context = ssl.create_default_context(cafile=self._ca_file)
                except (ssl.SSLError, OSError) as error:
                    raise ConfigError(f"ca_file: not a file of certificates: {error}") from error
            return self._context
