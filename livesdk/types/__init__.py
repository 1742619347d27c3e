"""Every message, config and value of the Live API as an attrs class, under the official names.

Built with keywords, ``Blob(data=..., mime_type=...)``; ``None`` means not given.  What this SDK
does not know is kept: unknown keys in ``extra``, unknown enum values as the strings they are.
Plain dicts, in snake_case or camelCase, are accepted wherever these classes are.

The modules below load when a name of theirs is first used (PEP 562), because making a class takes
time and most programs use few.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .choices import *  # noqa: F403  # each module lists its names
    from .config import *  # noqa: F403  # each module lists its names
    from .content import *  # noqa: F403  # each module lists its names
    from .enums import *  # noqa: F403  # each module lists its names
    from .formats import *  # noqa: F403  # each module lists its names
    from .grounding import *  # noqa: F403  # each module lists its names
    from .media import *  # noqa: F403  # each module lists its names
    from .messages import *  # noqa: F403  # each module lists its names
    from .music import *  # noqa: F403  # each module lists its names
    from .older import *  # noqa: F403  # each module lists its names
    from .requests import *  # noqa: F403  # each module lists its names
    from .retrieval import *  # noqa: F403  # each module lists its names
    from .tokens import *  # noqa: F403  # each module lists its names
    from .tools import *  # noqa: F403  # each module lists its names

_NAMES = {
    "choices": (
        "ActivityHandling ApiSpec AspectRatio AudioTranscriptionConfigMode AuthType "
        "Delivery DocumentMetadataContentLayer DynamicRetrievalConfigMode EndSensitivity "
        "Environment FeatureSelectionPreference FinishReason FunctionCallingConfigMode "
        "HarmBlockMethod HarmBlockThreshold HarmCategory "
        "HttpElementLocation ImageSize Language MediaProcessing MediaResolution "
        "MusicGenerationMode Outcome PartMediaResolutionLevel PhishBlockThreshold SafetyPolicy "
        "SpreadsheetMetadataContentLayer StartSensitivity ThinkingLevel ToolType TurnCoverage "
        "Type UrlRetrievalStatus VideoMetadataContentLayer Voices"
    ),
    "config": (
        "AudioTranscriptionConfig AutomaticActivityDetection AvatarConfig "
        "ContextWindowCompressionConfig CustomizedAvatar GenerationConfig HistoryConfig "
        "HttpOptions LanguageAuto LanguageHints LiveConnectConfig MultiSpeakerVoiceConfig "
        "PrebuiltVoiceConfig ProactivityConfig RealtimeInputConfig ReplicatedVoiceConfig "
        "SafetySetting SessionResumptionConfig SlidingWindow SpeakerVoiceConfig SpeechConfig "
        "ThinkingConfig TranslationConfig VoiceConfig"
    ),
    "content": (
        "Blob CodeExecutionResult Content ExecutableCode FileData FunctionCall FunctionResponse "
        "FunctionResponseBlob FunctionResponseFileData FunctionResponsePart ModelContent Part "
        "PartialArg ToolCall ToolResponse Transcription UserContent WordInfo"
    ),
    "enums": (
        "Behavior FunctionResponseScheduling InteractionStatus LiveMusicPlaybackControl "
        "MediaModality Modality OpenEnum ResponseStatus Scale ServiceTier TrafficType "
        "TurnCompleteReason VadSignalType VoiceActivityType"
    ),
    "formats": (
        "AudioResponseFormat GenerationConfigRoutingConfig "
        "GenerationConfigRoutingConfigAutoRoutingMode "
        "GenerationConfigRoutingConfigManualRoutingMode ImageResponseFormat "
        "ModelSelectionConfig ResponseFormat TextResponseFormat VideoResponseFormat"
    ),
    "grounding": (
        "GroundingChunk GroundingChunkCustomMetadata GroundingChunkImage GroundingChunkMaps "
        "GroundingChunkMapsPlaceAnswerSources "
        "GroundingChunkMapsPlaceAnswerSourcesAuthorAttribution "
        "GroundingChunkMapsPlaceAnswerSourcesReviewSnippet GroundingChunkMapsRoute "
        "GroundingChunkRetrievedContext GroundingChunkStringList GroundingChunkWeb "
        "GroundingMetadata GroundingMetadataSourceFlaggingUri GroundingSupport RagChunk "
        "RagChunkPageSpan RetrievalMetadata SearchEntryPoint Segment UrlContextMetadata "
        "UrlMetadata"
    ),
    "media": (
        "AudioMetadata DocumentMetadata PartMediaResolution SpeechMetadata SpreadsheetMetadata "
        "VideoMetadata"
    ),
    "messages": (
        "LiveServerContent LiveServerGoAway LiveServerMessage LiveServerSessionResumptionUpdate "
        "LiveServerSetupComplete LiveServerToolCall LiveServerToolCallCancellation "
        "ModalityTokenCount UsageMetadata VoiceActivity VoiceActivityDetectionSignal "
        "VoiceConsentSignature"
    ),
    "music": (
        "AudioChunk LiveMusicClientContent LiveMusicClientMessage LiveMusicClientSetup "
        "LiveMusicFilteredPrompt LiveMusicGenerationConfig LiveMusicServerContent "
        "LiveMusicServerMessage LiveMusicServerSetupComplete LiveMusicSourceMetadata "
        "WeightedPrompt"
    ),
    "older": (
        "GenerativeContentBlob LiveConnectParameters LiveContentResponse LiveGenerationConfig "
        "LiveMusicConfig LiveMusicConnectParameters LiveSendRealtimeInputParameters "
        "LiveSendToolResponseParameters LiveSetupComplete MediaChunk RealtimeInput "
        "ResponseModality ToolCallCancellation ToolListUnion"
    ),
    "requests": (
        "ActivityEnd ActivityStart LiveClientContent LiveClientContextUpdate "
        "LiveClientContextUpdateTools LiveClientMessage LiveClientRealtimeInput LiveClientSetup "
        "LiveClientToolResponse"
    ),
    "retrieval": (
        "ApiAuth ApiAuthApiKeyConfig ApiKeyConfig AuthConfig "
        "AuthConfigGoogleServiceAccountConfig AuthConfigHttpBasicAuthConfig "
        "AuthConfigOauthConfig AuthConfigOidcConfig ExternalApi ExternalApiElasticSearchParams "
        "ExternalApiSimpleSearchParams RagRetrievalConfig RagRetrievalConfigFilter "
        "RagRetrievalConfigHybridSearch RagRetrievalConfigRanking "
        "RagRetrievalConfigRankingLlmRanker RagRetrievalConfigRankingRankService Retrieval "
        "VertexAISearch VertexAISearchDataStoreSpec VertexRagStore VertexRagStoreRagResource"
    ),
    "tokens": ("AuthToken CreateAuthTokenConfig LiveConnectConstraints"),
    "tools": (
        "ComputerUse DynamicRetrievalConfig EnterpriseWebSearch FileSearch "
        "FunctionCallingConfig FunctionDeclaration GoogleMaps GoogleMapsGroundingTypes "
        "GoogleMapsPlaces GoogleMapsRouting GoogleSearch GoogleSearchRetrieval ImageSearch "
        "Interval LatLng McpServer RetrievalConfig Schema SearchTypes StreamableHttpTransport "
        "Tool ToolCodeExecution ToolConfig ToolExaAiSearch ToolParallelAiSearch UrlContext "
        "WebSearch"
    ),
}
"""Which module holds which names."""

_WHERE = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_WHERE)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  # one table, not two


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{module}", __name__), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return list(__all__)
