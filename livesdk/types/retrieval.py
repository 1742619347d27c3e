"""Retrieval from stores of documents, and the credentials for them (Vertex only; Protocol §3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, frozen

if TYPE_CHECKING:
    from .choices import ApiSpec, AuthType, HttpElementLocation

__all__ = [
    "ApiAuth",
    "ApiAuthApiKeyConfig",
    "ApiKeyConfig",
    "AuthConfig",
    "AuthConfigGoogleServiceAccountConfig",
    "AuthConfigHttpBasicAuthConfig",
    "AuthConfigOauthConfig",
    "AuthConfigOidcConfig",
    "ExternalApi",
    "ExternalApiElasticSearchParams",
    "ExternalApiSimpleSearchParams",
    "RagRetrievalConfig",
    "RagRetrievalConfigFilter",
    "RagRetrievalConfigHybridSearch",
    "RagRetrievalConfigRanking",
    "RagRetrievalConfigRankingLlmRanker",
    "RagRetrievalConfigRankingRankService",
    "Retrieval",
    "VertexAISearch",
    "VertexAISearchDataStoreSpec",
    "VertexRagStore",
    "VertexRagStoreRagResource",
]


@frozen(kw_only=True, eq=False, repr=False)
class ApiKeyConfig(Model):
    """An API key for another service."""

    api_key_secret: Optional[str] = None
    api_key_string: Optional[str] = None
    http_element_location: Union[HttpElementLocation, str, None] = None
    name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AuthConfigGoogleServiceAccountConfig(Model):
    """A service account."""

    service_account: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AuthConfigHttpBasicAuthConfig(Model):
    """HTTP basic authentication."""

    credential_secret: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AuthConfigOauthConfig(Model):
    """OAuth."""

    access_token: Optional[str] = None
    service_account: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AuthConfigOidcConfig(Model):
    """OpenID Connect."""

    id_token: Optional[str] = None
    service_account: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AuthConfig(Model):
    """How another service is told who asks."""

    api_key: Optional[str] = None
    api_key_config: Optional[ApiKeyConfig] = None
    auth_type: Union[AuthType, str, None] = None
    google_service_account_config: Optional[AuthConfigGoogleServiceAccountConfig] = None
    http_basic_auth_config: Optional[AuthConfigHttpBasicAuthConfig] = None
    oauth_config: Optional[AuthConfigOauthConfig] = None
    oidc_config: Optional[AuthConfigOidcConfig] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ApiAuthApiKeyConfig(Model):
    """An API key by its secret."""

    api_key_secret_version: Optional[str] = None
    api_key_string: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ApiAuth(Model):
    """The older form of AuthConfig."""

    api_key_config: Optional[ApiAuthApiKeyConfig] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ExternalApiElasticSearchParams(Model):
    """How Elasticsearch is asked."""

    index: Optional[str] = None
    num_hits: Optional[int] = None
    search_template: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ExternalApiSimpleSearchParams(Model):
    """How a simple search API is asked."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ExternalApi(Model):
    """A search API of your own."""

    api_auth: Optional[ApiAuth] = None
    api_spec: Union[ApiSpec, str, None] = None
    auth_config: Optional[AuthConfig] = None
    elastic_search_params: Optional[ExternalApiElasticSearchParams] = None
    endpoint: Optional[str] = None
    simple_search_params: Optional[ExternalApiSimpleSearchParams] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class VertexAISearchDataStoreSpec(Model):
    """One data store of a search."""

    data_store: Optional[str] = None
    filter: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class VertexAISearch(Model):
    """Vertex AI Search."""

    data_store_specs: Optional[list[VertexAISearchDataStoreSpec]] = None
    datastore: Optional[str] = None
    engine: Optional[str] = None
    filter: Optional[str] = None
    max_results: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class VertexRagStoreRagResource(Model):
    """A corpus, or files of it."""

    rag_corpus: Optional[str] = None
    rag_file_ids: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RagRetrievalConfigFilter(Model):
    """What is left out."""

    metadata_filter: Optional[str] = None
    vector_distance_threshold: Optional[float] = None
    vector_similarity_threshold: Optional[float] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RagRetrievalConfigHybridSearch(Model):
    """Words against meaning."""

    alpha: Optional[float] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RagRetrievalConfigRankingLlmRanker(Model):
    """Ranking by a model."""

    model_name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RagRetrievalConfigRankingRankService(Model):
    """Ranking by a service."""

    model_name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RagRetrievalConfigRanking(Model):
    """How results are ranked."""

    llm_ranker: Optional[RagRetrievalConfigRankingLlmRanker] = None
    rank_service: Optional[RagRetrievalConfigRankingRankService] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RagRetrievalConfig(Model):
    """How documents are found."""

    filter: Optional[RagRetrievalConfigFilter] = None
    hybrid_search: Optional[RagRetrievalConfigHybridSearch] = None
    ranking: Optional[RagRetrievalConfigRanking] = None
    top_k: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class VertexRagStore(Model):
    """A RAG store."""

    rag_corpora: Optional[list[str]] = None
    rag_resources: Optional[list[VertexRagStoreRagResource]] = None
    rag_retrieval_config: Optional[RagRetrievalConfig] = None
    similarity_top_k: Optional[int] = None
    store_context: Optional[bool] = None
    vector_distance_threshold: Optional[float] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class Retrieval(Model):
    """Answer from stored documents."""

    disable_attribution: Optional[bool] = None
    external_api: Optional[ExternalApi] = None
    vertex_ai_search: Optional[VertexAISearch] = None
    vertex_rag_store: Optional[VertexRagStore] = None
    extra: Optional[dict[str, Any]] = None
