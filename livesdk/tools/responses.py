"""From what a function returned to the response that the model gets.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from .. import codec
from ..types.content import Blob, FunctionResponse, FunctionResponseBlob, FunctionResponsePart

__all__ = ["response_of", "response_of_all"]


def response_of(result: Any) -> FunctionResponse:
    """Make a response of what a function returned.

    A dict is sent as it is; bytes, blobs and pictures become parts; anything else, falsy values
    included, stands under ``"result"``.  What JSON has no notation for is written as one would:
    dataclasses as objects, enums as their values, arrays and sets as lists, dates in ISO 8601.
    """
    if isinstance(result, FunctionResponse):
        return result
    if isinstance(result, Mapping):
        return FunctionResponse(response=_written(result))
    part = _part_of(result)
    if part is not None:
        return FunctionResponse(response={}, parts=[part])
    if isinstance(result, (list, tuple)) and result:
        parts = [_part_of(item) for item in result]
        if all(part is not None for part in parts):
            return FunctionResponse(response={}, parts=[part for part in parts if part])
    return FunctionResponse(response={"result": _written(result)})


def response_of_all(results: Iterable[Any]) -> FunctionResponse:
    """Make one response of all that a generator yielded."""
    return response_of(
        [each.response if isinstance(each, FunctionResponse) else each for each in results]
    )


def _written(value: Any) -> Any:
    from .as_json import as_json  # not for every program

    try:
        return as_json(value)
    except RecursionError:  # it holds itself: that is said where it is sent
        return value


def _part_of(value: Any) -> Optional[FunctionResponsePart]:
    if isinstance(value, FunctionResponsePart):
        return value
    if isinstance(value, (bytes, bytearray)):
        value = Blob(data=bytes(value), mime_type="application/octet-stream")
    if codec.is_picture(value):
        value = Blob(data=codec.picture_bytes(value, "PNG"), mime_type="image/png")
    if not isinstance(value, Blob):
        return None
    blob = FunctionResponseBlob(
        data=value.data, mime_type=value.mime_type, display_name=value.display_name
    )
    return FunctionResponsePart(inline_data=blob)
