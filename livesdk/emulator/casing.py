"""Key spelling: the service takes camelCase and snake_case, mixed too (Protocol §13.2).

The emulator works on camelCase.  What belongs to the user keeps its spelling: arguments, responses,
labels, JSON schemas, and the property names of OpenAPI schemas.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["camel", "camel_key", "snake"]

_USERS_OWN = frozenset({"args", "response", "labels", "parametersJsonSchema", "responseJsonSchema"})
_NAMES_OF_USER = frozenset({"properties"})
_DECLARATION_KEYS = frozenset({"parameters", "parametersJsonSchema", "behavior", "description"})


def camel(body: Any) -> Any:
    """Return a copy with camelCase keys, and without what is ``null`` (null means unset)."""
    if isinstance(body, list):
        return [camel(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        camel_key(key): _value(camel_key(key), value, body)
        for key, value in body.items()
        if value is not None
    }


def _value(key: str, value: Any, parent: dict[str, Any]) -> Any:
    if key in _USERS_OWN and not (key == "response" and _is_declaration(parent)):
        return value
    if key in _NAMES_OF_USER and isinstance(value, dict):
        return {name: camel(schema) for name, schema in value.items()}
    return camel(value)


def _is_declaration(parent: dict[str, Any]) -> bool:
    """A function declaration's ``response`` is a schema; a function response's is the user's."""
    return bool(_DECLARATION_KEYS & {camel_key(key) for key in parent})


def camel_key(key: Any) -> str:
    """Spell one key in camelCase."""
    head, *rest = str(key).split("_")
    if not rest or not head:
        return str(key)
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def snake(name: str) -> str:
    """Spell one name as the service does where it says what is wrong: ``google_search``."""
    return re.sub(r"(?=[A-Z])", "_", name).lower()
