"""Where an answer comes from: search results, maps, retrieved documents (Protocol §9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, define, sparse

if TYPE_CHECKING:
    from .choices import UrlRetrievalStatus

__all__ = [
    "GroundingChunk",
    "GroundingChunkCustomMetadata",
    "GroundingChunkImage",
    "GroundingChunkMaps",
    "GroundingChunkMapsPlaceAnswerSources",
    "GroundingChunkMapsPlaceAnswerSourcesAuthorAttribution",
    "GroundingChunkMapsPlaceAnswerSourcesReviewSnippet",
    "GroundingChunkMapsRoute",
    "GroundingChunkRetrievedContext",
    "GroundingChunkStringList",
    "GroundingChunkWeb",
    "GroundingMetadata",
    "GroundingMetadataSourceFlaggingUri",
    "GroundingSupport",
    "RagChunk",
    "RagChunkPageSpan",
    "RetrievalMetadata",
    "SearchEntryPoint",
    "Segment",
    "UrlContextMetadata",
    "UrlMetadata",
]


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkWeb(Model):
    """A web page."""

    domain: Optional[str] = None
    title: Optional[str] = None
    uri: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkImage(Model):
    """An image found on the web."""

    domain: Optional[str] = None
    image_uri: Optional[str] = None
    source_uri: Optional[str] = None
    title: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkMapsPlaceAnswerSourcesAuthorAttribution(Model):
    """The author of a review."""

    display_name: Optional[str] = None
    photo_uri: Optional[str] = None
    uri: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkMapsPlaceAnswerSourcesReviewSnippet(Model):
    """A piece of a review."""

    author_attribution: Optional[GroundingChunkMapsPlaceAnswerSourcesAuthorAttribution] = None
    flag_content_uri: Optional[str] = None
    google_maps_uri: Optional[str] = None
    relative_publish_time_description: Optional[str] = None
    review: Optional[str] = None
    review_id: Optional[str] = None
    title: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkMapsPlaceAnswerSources(Model):
    """The reviews an answer rests on."""

    flag_content_uri: Optional[str] = None
    review_snippet: Optional[list[GroundingChunkMapsPlaceAnswerSourcesReviewSnippet]] = None
    review_snippets: Optional[list[GroundingChunkMapsPlaceAnswerSourcesReviewSnippet]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkMapsRoute(Model):
    """A route on a map."""

    distance_meters: Optional[int] = None
    duration: Optional[str] = None
    encoded_polyline: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkMaps(Model):
    """A place on a map."""

    place_answer_sources: Optional[GroundingChunkMapsPlaceAnswerSources] = None
    place_id: Optional[str] = None
    route: Optional[GroundingChunkMapsRoute] = None
    text: Optional[str] = None
    title: Optional[str] = None
    uri: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkStringList(Model):
    """A list of strings as metadata."""

    values: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkCustomMetadata(Model):
    """Metadata of a retrieved document."""

    key: Optional[str] = None
    numeric_value: Optional[float] = None
    string_list_value: Optional[GroundingChunkStringList] = None
    string_value: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class RagChunkPageSpan(Model):
    """The pages a chunk covers."""

    first_page: Optional[int] = None
    last_page: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class RagChunk(Model):
    """A chunk of a retrieved document."""

    chunk_id: Optional[str] = None
    file_id: Optional[str] = None
    page_span: Optional[RagChunkPageSpan] = None
    text: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunkRetrievedContext(Model):
    """A document that was retrieved."""

    custom_metadata: Optional[list[GroundingChunkCustomMetadata]] = None
    document_name: Optional[str] = None
    file_search_store: Optional[str] = None
    media_id: Optional[str] = None
    page_number: Optional[int] = None
    rag_chunk: Optional[RagChunk] = None
    text: Optional[str] = None
    title: Optional[str] = None
    uri: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingChunk(Model):
    """One source; one member is set."""

    image: Optional[GroundingChunkImage] = None
    maps: Optional[GroundingChunkMaps] = None
    retrieved_context: Optional[GroundingChunkRetrievedContext] = None
    web: Optional[GroundingChunkWeb] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class Segment(Model):
    """A stretch of the answer, in bytes."""

    start_index: Optional[int] = None
    end_index: Optional[int] = None
    part_index: Optional[int] = None
    text: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingSupport(Model):
    """Which sources support which stretch of the answer."""

    confidence_scores: Optional[list[float]] = None
    grounding_chunk_indices: Optional[list[int]] = None
    rendered_parts: Optional[list[int]] = None
    segment: Optional[Segment] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class SearchEntryPoint(Model):
    """The search suggestions that must be shown with the answer."""

    rendered_content: Optional[str] = None
    sdk_blob: Optional[bytes] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class RetrievalMetadata(Model):
    """How useful a search was judged to be."""

    google_search_dynamic_retrieval_score: Optional[float] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingMetadataSourceFlaggingUri(Model):
    """Where to report a source."""

    flag_content_uri: Optional[str] = None
    source_id: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class GroundingMetadata(Model):
    """Everything about the sources of an answer."""

    google_maps_widget_context_token: Optional[str] = None
    grounding_chunks: Optional[list[GroundingChunk]] = None
    grounding_supports: Optional[list[GroundingSupport]] = None
    image_search_queries: Optional[list[str]] = None
    retrieval_metadata: Optional[RetrievalMetadata] = None
    retrieval_queries: Optional[list[str]] = None
    search_entry_point: Optional[SearchEntryPoint] = None
    source_flagging_uris: Optional[list[GroundingMetadataSourceFlaggingUri]] = None
    web_search_queries: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class UrlMetadata(Model):
    """A URL the model looked at, and whether it could."""

    retrieved_url: Optional[str] = None
    url_retrieval_status: Union[UrlRetrievalStatus, str, None] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class UrlContextMetadata(Model):
    """The URLs the model looked at."""

    url_metadata: Optional[list[UrlMetadata]] = None
    extra: Optional[dict[str, Any]] = None
