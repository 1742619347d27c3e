"""Details of media parts that few programs need (Protocol §9.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, define, sparse

if TYPE_CHECKING:
    from .choices import (
        DocumentMetadataContentLayer,
        PartMediaResolutionLevel,
        SpreadsheetMetadataContentLayer,
        VideoMetadataContentLayer,
    )

__all__ = [
    "AudioMetadata",
    "DocumentMetadata",
    "PartMediaResolution",
    "SpeechMetadata",
    "SpreadsheetMetadata",
    "VideoMetadata",
]


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class VideoMetadata(Model):
    """Which part of a video is meant, and how many frames a second of it."""

    content_layers: Optional[list[Union[VideoMetadataContentLayer, str]]] = None
    end_offset: Optional[str] = None
    fps: Optional[float] = None
    start_offset: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class PartMediaResolution(Model):
    """How finely an image or video part is looked at."""

    level: Union[PartMediaResolutionLevel, str, None] = None
    num_tokens: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class SpeechMetadata(Model):
    """Who speaks a part, and how."""

    speaker: Optional[str] = None
    style: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class AudioMetadata(Model):
    """Which stretch of an audio part is meant."""

    end_offset: Optional[str] = None
    start_offset: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class DocumentMetadata(Model):
    """Which pages and layers of a document are meant."""

    content_layers: Optional[list[Union[DocumentMetadataContentLayer, str]]] = None
    end_page: Optional[int] = None
    start_page: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class SpreadsheetMetadata(Model):
    """Which cells and layers of a spreadsheet are meant."""

    content_layers: Optional[list[Union[SpreadsheetMetadataContentLayer, str]]] = None
    sheet_index: Optional[int] = None
    visible_cells: Optional[str] = None
    extra: Optional[dict[str, Any]] = None
