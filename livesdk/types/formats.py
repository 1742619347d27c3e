"""Parts of GenerationConfig that other APIs use and Live passes on (Protocol §3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, frozen

if TYPE_CHECKING:
    from .choices import AspectRatio, Delivery, FeatureSelectionPreference, ImageSize

__all__ = [
    "AudioResponseFormat",
    "GenerationConfigRoutingConfig",
    "GenerationConfigRoutingConfigAutoRoutingMode",
    "GenerationConfigRoutingConfigManualRoutingMode",
    "ImageResponseFormat",
    "ModelSelectionConfig",
    "ResponseFormat",
    "TextResponseFormat",
    "VideoResponseFormat",
]


@frozen(kw_only=True, eq=False, repr=False)
class AudioResponseFormat(Model):
    """Audio output."""

    bit_rate: Optional[int] = None
    delivery: Union[Delivery, str, None] = None
    mime_type: Optional[str] = None
    sample_rate: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ImageResponseFormat(Model):
    """Image output."""

    aspect_ratio: Union[AspectRatio, str, None] = None
    delivery: Union[Delivery, str, None] = None
    image_size: Union[ImageSize, str, None] = None
    mime_type: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class TextResponseFormat(Model):
    """Text output."""

    json_schema: Optional[Any] = None
    mime_type: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class VideoResponseFormat(Model):
    """Video output."""

    aspect_ratio: Union[AspectRatio, str, None] = None
    delivery: Union[Delivery, str, None] = None
    duration: Optional[str] = None
    gcs_uri: Optional[str] = None
    resolution: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ResponseFormat(Model):
    """One form of output."""

    audio: Optional[AudioResponseFormat] = None
    image: Optional[ImageResponseFormat] = None
    text: Optional[TextResponseFormat] = None
    video: Optional[VideoResponseFormat] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ModelSelectionConfig(Model):
    """Which model to prefer."""

    feature_selection_preference: Union[FeatureSelectionPreference, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GenerationConfigRoutingConfigAutoRoutingMode(Model):
    """Routing by preference."""

    model_routing_preference: Optional[Any] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GenerationConfigRoutingConfigManualRoutingMode(Model):
    """Routing to a named model."""

    model_name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GenerationConfigRoutingConfig(Model):
    """How a request is routed."""

    auto_mode: Optional[GenerationConfigRoutingConfigAutoRoutingMode] = None
    manual_mode: Optional[GenerationConfigRoutingConfigManualRoutingMode] = None
    extra: Optional[dict[str, Any]] = None
