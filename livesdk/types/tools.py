"""What the model may use besides its own words (Protocol §3.6)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, frozen

if TYPE_CHECKING:
    from .choices import (
        DynamicRetrievalConfigMode,
        Environment,
        FunctionCallingConfigMode,
        PhishBlockThreshold,
        SafetyPolicy,
        Type,
    )
    from .enums import Behavior
    from .retrieval import AuthConfig, Retrieval

__all__ = [
    "ComputerUse",
    "DynamicRetrievalConfig",
    "EnterpriseWebSearch",
    "FileSearch",
    "FunctionCallingConfig",
    "FunctionDeclaration",
    "GoogleMaps",
    "GoogleMapsGroundingTypes",
    "GoogleMapsPlaces",
    "GoogleMapsRouting",
    "GoogleSearch",
    "GoogleSearchRetrieval",
    "ImageSearch",
    "Interval",
    "LatLng",
    "McpServer",
    "RetrievalConfig",
    "Schema",
    "SearchTypes",
    "StreamableHttpTransport",
    "Tool",
    "ToolCodeExecution",
    "ToolConfig",
    "ToolExaAiSearch",
    "ToolParallelAiSearch",
    "UrlContext",
    "WebSearch",
]


@frozen(kw_only=True, eq=False, repr=False)
class Schema(Model):
    """A type in the OpenAPI manner, with upper-case type names.

    Attributes:
        type: ``"STRING"``, ``"OBJECT"`` and so on.
    """

    type: Union[Type, str, None] = None
    format: Optional[str] = None
    title: Optional[str] = None
    description: Optional[str] = None
    nullable: Optional[bool] = None
    enum: Optional[list[str]] = None
    items: Optional[Schema] = None
    properties: Optional[dict[str, Schema]] = None
    required: Optional[list[str]] = None
    additional_properties: Optional[Any] = None
    any_of: Optional[list[Schema]] = None
    default: Optional[Any] = None
    defs: Optional[dict[str, Schema]] = None
    example: Optional[Any] = None
    max_items: Optional[int] = None
    max_length: Optional[int] = None
    max_properties: Optional[int] = None
    maximum: Optional[float] = None
    min_items: Optional[int] = None
    min_length: Optional[int] = None
    min_properties: Optional[int] = None
    minimum: Optional[float] = None
    pattern: Optional[str] = None
    property_ordering: Optional[list[str]] = None
    ref: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class FunctionDeclaration(Model):
    """A function that the model may ask for.

    Attributes:
        name: At most 128 characters: letters, digits, ``_ . : -``.
        parameters: The arguments as a Schema; or use ``parameters_json_schema``.
        behavior: ``BLOCKING`` or ``NON_BLOCKING``; the default depends on the model.
    """

    name: Optional[str] = None
    description: Optional[str] = None
    parameters: Optional[Schema] = None
    parameters_json_schema: Optional[Any] = None
    response: Optional[Schema] = None
    response_json_schema: Optional[Any] = None
    behavior: Union[Behavior, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class WebSearch(Model):
    """Search the web."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ImageSearch(Model):
    """Search for images."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class SearchTypes(Model):
    """What a search looks for."""

    image_search: Optional[ImageSearch] = None
    web_search: Optional[WebSearch] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class Interval(Model):
    """A stretch of time."""

    end_time: Union[datetime, str, None] = None
    start_time: Union[datetime, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GoogleSearch(Model):
    """Ground answers in Google Search."""

    blocking_confidence: Union[PhishBlockThreshold, str, None] = None
    exclude_domains: Optional[list[str]] = None
    search_types: Optional[SearchTypes] = None
    time_range_filter: Optional[Interval] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class DynamicRetrievalConfig(Model):
    """When the older search is used."""

    dynamic_threshold: Optional[float] = None
    mode: Union[DynamicRetrievalConfigMode, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GoogleSearchRetrieval(Model):
    """The older form of Google Search."""

    dynamic_retrieval_config: Optional[DynamicRetrievalConfig] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ToolCodeExecution(Model):
    """The service runs code that the model writes."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class UrlContext(Model):
    """The model may look at URLs."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GoogleMapsPlaces(Model):
    """Ground in places."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GoogleMapsRouting(Model):
    """Ground in routes."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GoogleMapsGroundingTypes(Model):
    """What of Google Maps is used."""

    places: Optional[GoogleMapsPlaces] = None
    routing: Optional[GoogleMapsRouting] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GoogleMaps(Model):
    """Ground answers in Google Maps."""

    auth_config: Optional[AuthConfig] = None
    enable_widget: Optional[bool] = None
    grounding_types: Optional[GoogleMapsGroundingTypes] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ComputerUse(Model):
    """The model may drive a computer."""

    disabled_safety_policies: Optional[list[Union[SafetyPolicy, str]]] = None
    enable_prompt_injection_detection: Optional[bool] = None
    environment: Union[Environment, str, None] = None
    excluded_predefined_functions: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class EnterpriseWebSearch(Model):
    """Web search for enterprises (Vertex only)."""

    blocking_confidence: Union[PhishBlockThreshold, str, None] = None
    exclude_domains: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ToolParallelAiSearch(Model):
    """Search by Parallel (Vertex only)."""

    api_key: Optional[str] = None
    custom_configs: Optional[Any] = None
    enable_data_retention: Optional[bool] = None
    enable_zero_data_retention: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ToolExaAiSearch(Model):
    """Search by Exa (Vertex only)."""

    api_key: Optional[str] = None
    custom_configs: Optional[Any] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class FileSearch(Model):
    """Search in uploaded files (Developer API only)."""

    file_search_store_names: Optional[list[str]] = None
    metadata_filter: Optional[str] = None
    top_k: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class StreamableHttpTransport(Model):
    """How an MCP server is reached."""

    headers: Optional[dict[str, str]] = None
    sse_read_timeout: Optional[str] = None
    terminate_on_close: Optional[bool] = None
    timeout: Optional[str] = None
    url: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class McpServer(Model):
    """An MCP server that the service calls."""

    name: Optional[str] = None
    streamable_http_transport: Optional[StreamableHttpTransport] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class Tool(Model):
    """One or several tools; each member is one kind.

    Attributes:
        function_declarations: Functions the program answers for; at most 512.
    """

    function_declarations: Optional[list[FunctionDeclaration]] = None
    google_search: Optional[GoogleSearch] = None
    code_execution: Optional[ToolCodeExecution] = None
    url_context: Optional[UrlContext] = None
    computer_use: Optional[ComputerUse] = None
    enterprise_web_search: Optional[EnterpriseWebSearch] = None
    exa_ai_search: Optional[ToolExaAiSearch] = None
    file_search: Optional[FileSearch] = None
    google_maps: Optional[GoogleMaps] = None
    google_search_retrieval: Optional[GoogleSearchRetrieval] = None
    mcp_servers: Optional[list[McpServer]] = None
    parallel_ai_search: Optional[ToolParallelAiSearch] = None
    retrieval: Optional[Retrieval] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class FunctionCallingConfig(Model):
    """Whether the model may, must or must not call functions."""

    allowed_function_names: Optional[list[str]] = None
    mode: Union[FunctionCallingConfigMode, str, None] = None
    stream_function_call_arguments: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LatLng(Model):
    """A place on the globe, in degrees."""

    latitude: Optional[float] = None
    longitude: Optional[float] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RetrievalConfig(Model):
    """Where the user is, and in which language."""

    language_code: Optional[str] = None
    lat_lng: Optional[LatLng] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ToolConfig(Model):
    """How tools are used (Protocol §3.1); Firebase backends document it."""

    function_calling_config: Optional[FunctionCallingConfig] = None
    include_server_side_tool_invocations: Optional[bool] = None
    retrieval_config: Optional[RetrievalConfig] = None
    extra: Optional[dict[str, Any]] = None
