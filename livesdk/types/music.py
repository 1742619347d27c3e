"""Live music: what is sent, and what arrives (Protocol §11).

Audio is PCM, 16-bit little-endian, stereo, 48 000 Hz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..pcm import rate_of
from ._base import Model, define, frozen, sparse

if TYPE_CHECKING:
    from .choices import MusicGenerationMode
    from .content import Blob, Content
    from .enums import LiveMusicPlaybackControl, Scale

__all__ = [
    "AudioChunk",
    "LiveMusicClientContent",
    "LiveMusicClientMessage",
    "LiveMusicClientSetup",
    "LiveMusicFilteredPrompt",
    "LiveMusicGenerationConfig",
    "LiveMusicServerContent",
    "LiveMusicServerMessage",
    "LiveMusicServerSetupComplete",
    "LiveMusicSourceMetadata",
    "WeightedPrompt",
]


@frozen(kw_only=True, eq=False, repr=False)
class WeightedPrompt(Model):
    """A prompt with its weight; weights may have any size but 0."""

    text: Optional[str] = None
    weight: Optional[float] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveMusicGenerationConfig(Model):
    """How the music sounds (Protocol §11.1).

    The wire replaces the whole object; :meth:`MusicSession.set_music_generation_config` merges
    for you.

    Attributes:
        temperature: 0 to 3.
        top_k: 1 to 1000.
        guidance: 0 to 6.
        bpm: 60 to 200; takes effect after a reset of the context.
        density: 0 to 1.
        brightness: 0 to 1.
        scale: Takes effect after a reset of the context.
    """

    bpm: Optional[int] = None
    brightness: Optional[float] = None
    density: Optional[float] = None
    guidance: Optional[float] = None
    music_generation_mode: Union[MusicGenerationMode, str, None] = None
    mute_bass: Optional[bool] = None
    mute_drums: Optional[bool] = None
    only_bass_and_drums: Optional[bool] = None
    scale: Union[Scale, str, None] = None
    seed: Optional[int] = None
    temperature: Optional[float] = None
    top_k: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveMusicClientSetup(Model):
    """The first message of a music session."""

    model: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveMusicClientContent(Model):
    """The prompts; they replace those before."""

    weighted_prompts: Optional[list[WeightedPrompt]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveMusicClientMessage(Model):
    """One frame to the music server; exactly one member is set."""

    setup: Optional[LiveMusicClientSetup] = None
    client_content: Optional[LiveMusicClientContent] = None
    music_generation_config: Optional[LiveMusicGenerationConfig] = None
    playback_control: Union[LiveMusicPlaybackControl, str, None] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveMusicServerSetupComplete(Model):
    """The music session is open."""

    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveMusicSourceMetadata(Model):
    """What a chunk was made from."""

    client_content: Optional[LiveMusicClientContent] = None
    music_generation_config: Optional[LiveMusicGenerationConfig] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class AudioChunk(Model):
    """A piece of music."""

    data: Optional[bytes] = None
    mime_type: Optional[str] = None
    source_metadata: Optional[LiveMusicSourceMetadata] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveMusicServerContent(Model):
    """Music that was made.

    Attributes:
        audio_chunks: The music.
        model_turn: Where older descriptions of the API have it (Protocol §16).
    """

    audio_chunks: Optional[list[AudioChunk]] = None
    model_turn: Optional[Content] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveMusicFilteredPrompt(Model):
    """A prompt that was refused; the music goes on."""

    filtered_reason: Optional[str] = None
    text: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveMusicServerMessage(Model):
    """One frame from the music server."""

    setup_complete: Optional[LiveMusicServerSetupComplete] = None
    server_content: Optional[LiveMusicServerContent] = None
    filtered_prompt: Optional[LiveMusicFilteredPrompt] = None
    error: Optional[dict[str, Any]] = None
    extra: Optional[dict[str, Any]] = None
    raw: Optional[dict[str, Any]] = None

    @property
    def audio(self) -> Optional[bytes]:
        """The music of all chunks: PCM, 16-bit little-endian, stereo; ``None`` if there is none."""
        chunks = self._chunks()
        return b"".join(chunk.data or b"" for chunk in chunks) if chunks else None

    @property
    def sample_rate_hz(self) -> Optional[int]:
        """The rate of the music, 48 000 where the MIME type names none; ``None`` without music."""
        chunks = self._chunks()
        return rate_of(chunks[0].mime_type, 48_000) if chunks else None

    def _chunks(self) -> list[Union[AudioChunk, Blob]]:
        content = self.server_content
        if content is None:
            return []
        parts = (content.model_turn.parts or []) if content.model_turn else []
        blobs = [part.inline_data for part in parts if part.inline_data]
        return [*(content.audio_chunks or []), *blobs]
