"""Ephemeral tokens, for programs that must not hold the key (Protocol §12)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, define, frozen, sparse

if TYPE_CHECKING:
    from .config import HttpOptions, LiveConnectConfig

__all__ = [
    "AuthToken",
    "CreateAuthTokenConfig",
    "LiveConnectConstraints",
]


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class AuthToken(Model):
    """A token; its name is the secret, so it never shows in a repr."""

    name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None

    def __repr__(self) -> str:
        """Show that there is one, and no more."""
        return f"AuthToken(name={'<hidden>' if self.name else None})"


@frozen(kw_only=True, eq=False, repr=False)
class LiveConnectConstraints(Model):
    """What a session made with the token is bound to."""

    model: Optional[str] = None
    config: Optional[LiveConnectConfig] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class CreateAuthTokenConfig(Model):
    """What a token may be used for.

    Attributes:
        uses: New sessions; 1 by default, 0 for no limit. Resuming is not counted.
        expire_time: When messages are refused; 30 minutes from now by default, less than 20
            hours ahead.
        new_session_expire_time: When new sessions are refused; 60 seconds from now by
            default.
        lock_additional_fields: ``None``: the whole setup is locked.  ``[]``: the fields set
            in the constraints.  A list: those, and the ones named.
    """

    http_options: Optional[HttpOptions] = None
    expire_time: Union[datetime, str, None] = None
    new_session_expire_time: Union[datetime, str, None] = None
    uses: Optional[int] = None
    live_connect_constraints: Optional[LiveConnectConstraints] = None
    lock_additional_fields: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None
