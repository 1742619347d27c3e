"""Google credentials: a fresh access token for each dial (extra ``vertex``).

A credentials object is anything with ``token``, ``valid`` and ``refresh(request)``, and perhaps
``quota_project_id``.  Refreshing goes over the network; it is done on the reader's thread, under a
lock, so that many sessions of one client refresh once.  google-auth is loaded when it is needed.
"""

from __future__ import annotations

from typing import Any, Optional

from ._lock import ProcessLock
from ._secret import HoldsSecret
from .errors import AuthenticationError, ConfigError

__all__ = ["Tokens", "default_project"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Tokens(HoldsSecret):
    """Where a client's sessions get their access token; any thread.

    Args:
        credentials: An object as above; ``None``: the machine's default ones.
    """

    def __init__(self, credentials: Optional[Any]) -> None:
        for name in ("token", "valid", "refresh"):
            if credentials is not None and not hasattr(credentials, name):
                raise ConfigError(f"credentials: expected an object with {name!r}")
        self._credentials = credentials
        self._lock = ProcessLock()  # around the refresh: a network call, and meant to be

    def fetch(self) -> tuple[str, Optional[str]]:
        """Return a valid token and the quota project, refreshing if needed; may block.

        Raises:
            AuthenticationError: No token is to be had.
        """
        with self._lock:
            if self._credentials is None:
                self._credentials = _default_credentials()
            credentials = self._credentials
            token = _token_of(credentials)
        if not token:
            raise AuthenticationError(
                "the credentials gave no access token", phase="credentials", hint=_HINT
            )
        return str(token), getattr(credentials, "quota_project_id", None)


_HINT = "run 'gcloud auth application-default login', or pass credentials=..."


def _token_of(credentials: Any) -> Any:
    try:
        if not credentials.valid or not credentials.token:
            credentials.refresh(_request())
        return credentials.token
    except ConfigError:
        raise
    except Exception as error:  # whatever the user's object or google-auth raises
        raise AuthenticationError(
            f"the credentials could not be refreshed: {type(error).__name__}",
            phase="credentials",
            hint=_HINT,
        ) from error


def _request() -> Any:
    try:
        from google.auth.transport.requests import Request  # an extra
    except ImportError:
        return None  # a credentials object of the user's own may not need one
    return Request()


def _default_credentials() -> Any:
    credentials, _ = _google_default()
    return credentials


def default_project() -> Optional[str]:
    """Return the project of the machine's default credentials, if they name one."""
    _, project = _google_default()
    return project


def _google_default() -> tuple[Any, Optional[str]]:
    try:
        import google.auth  # an extra
    except ImportError as error:
        raise ConfigError(
            "Vertex AI with the machine's credentials needs google-auth:"
            ' pip install "livesdk[vertex]", or pass credentials=...'
        ) from error
    try:
        credentials, project = google.auth.default(scopes=[_SCOPE])
    except Exception as error:  # google.auth.exceptions, of which none may cross
        raise AuthenticationError(
            "no Google credentials on this machine", phase="credentials", hint=_HINT
        ) from error
    return credentials, project
