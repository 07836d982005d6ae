"""The one configuration: a frozen object read once from the environment, validated at start.

Every field is an environment variable of the same name in capitals. Each has a default that runs
offline, a unit where it has one, and a sentence; README's table is generated from them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, SecretStr, ValidationError

from shared.kernel.errors import InvalidError
from shared.kernel.identity_settings import IdentitySettings
from shared.kernel.setting import setting


class Settings(IdentitySettings):
    """All settings. Secrets are ``SecretStr``, so they never show in a repr or a log."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # where things are
    stage: Annotated[str, setting("local", "Name of the deployment, part of every resource name.")]
    database_url: Annotated[
        SecretStr,
        setting(
            SecretStr(""),
            "Postgres 16+ with pgvector; for `kontor up` the owner's URL, empty means embedded.",
        ),
    ]
    database_secret: Annotated[
        str, setting("", "Name of the secret that holds the database URL, read when it is unset.")
    ]
    database_auth: Annotated[
        Literal["password", "iam"],
        setting(
            "password",
            "How the functions sign in to Postgres: password, or iam for RDS's 15-minute tokens.",
        ),
    ]
    unencrypted_hosts: Annotated[
        str,
        setting(
            "",
            "Hosts that may be spoken to without TLS, comma-separated: their network is encrypted "
            "otherwise. This machine always may.",
        ),
    ]
    aws_endpoint_url: Annotated[
        str, setting("", "Endpoint for every AWS call; empty means the real one.")
    ]
    storage_region: Annotated[str, setting("eu-central-1", "AWS region of buckets and queues.")]
    media_bucket: Annotated[
        str, setting("kontor-local-media", "Bucket for uploads and derived files.")
    ]
    audit_bucket: Annotated[
        str,
        setting("", "Bucket with Object Lock that the trail's heads are anchored in; empty: none."),
    ]
    event_bus: Annotated[str, setting("kontor-local", "EventBridge bus that carries all facts.")]
    intake_queue_url: Annotated[
        str, setting("", "Queue that S3 announces new uploads on; the sweep re-sends lost ones.")
    ]
    dead_letter_queue_url: Annotated[
        str, setting("", "Queue of uploads that intake gave up on, read by functions/bury.")
    ]
    ingest_workflow: Annotated[str, setting("", "ARN of the ingest state machine.")]
    public_url: Annotated[
        str, setting("", "Public address of the API, for links in mails and sign-in redirects.")
    ]
    websocket_endpoint: Annotated[
        str, setting("", "Callback URL of the WebSocket API's connections.")
    ]
    websocket_url: Annotated[
        str, setting("", "Public address of the WebSocket API, told to clients.")
    ]
    chat_stream_url: Annotated[
        str, setting("", "Public address of the streaming chat function, told to clients.")
    ]
    signing_secret: Annotated[
        str, setting("kontor-local-signing-key", "Name of the secret with the Ed25519 signing key.")
    ]
    model_dir: Annotated[str, setting("", "Folder with the embedding models' files.")]
    tessdata_dir: Annotated[
        str,
        setting("", "Folder with Tesseract's models; empty means those that come with Kontor."),
    ]

    # limits
    max_upload_bytes: Annotated[
        int, setting(100 * 1024 * 1024, "Largest file accepted.", unit="bytes", gt=0)
    ]
    max_direct_bytes: Annotated[
        int,
        setting(
            4 * 1024 * 1024,
            "Largest file accepted in the request body itself; bigger ones go to storage directly.",
            unit="bytes",
            gt=0,
            le=4_500_000,
        ),
    ]
    upload_expiry_s: Annotated[
        int, setting(3600, "How long a presigned upload stays valid.", unit="s", ge=60, le=43200)
    ]
    max_json_bytes: Annotated[
        int,
        setting(
            4 * 1024 * 1024,
            "Largest JSON body that is read.",
            unit="bytes",
            ge=1024,
            le=6 * 1024 * 1024,
        ),
    ]
    parse_memory_mb: Annotated[
        int, setting(2048, "Memory one document may take while it is parsed.", unit="MB", ge=256)
    ]
    page_images: Annotated[
        int,
        setting(
            0,
            "Pages of a PDF drawn as images when it is read; others when first looked at.",
            unit="pages",
            ge=0,
        ),
    ]
    docling_artifacts_path: Annotated[
        str,
        setting(
            "",
            "Folder with the weights of docling's PDF models, which then read PDFs; needs PyTorch.",
        ),
    ]
    parse_timeout_s: Annotated[
        int, setting(240, "Time one document may take to be parsed.", unit="s", ge=5, le=840)
    ]
    malware_gate: Annotated[
        str,
        setting(
            "builtin",
            "Who looks for malware beside the built-in signatures: builtin, clamd or guardduty.",
            pattern="^(builtin|clamd|guardduty)$",
        ),
    ]
    clamd_address: Annotated[
        str,
        setting("/var/run/clamav/clamd.ctl", "Socket file or host:port of clamd."),
    ]
    malware_hashes: Annotated[
        str, setting("", "File with SHA-256 sums of files to refuse, one a line.")
    ]
    stuck_after_s: Annotated[
        int,
        setting(
            60,
            "A version silent for this long whose workflow has ended is started again.",
            unit="s",
            ge=1,
        ),
    ]
    give_up_after_s: Annotated[
        int,
        setting(
            3 * 24 * 3600,
            "How long ingestion waits for something that is away before it gives up.",
            unit="s",
            ge=60,
        ),
    ]
    max_running_workflows: Annotated[
        int,
        setting(
            12,
            "Documents read at once; the rest wait, interactive before bulk, small before huge.",
            unit="workflows",
            ge=1,
        ),
    ]
    trash_days: Annotated[
        int, setting(30, "How long a removed document can be brought back.", unit="days", ge=0)
    ]

    # chunks and embeddings
    chunk_tokens: Annotated[
        int, setting(224, "Largest chunk, heading context included.", unit="tokens", ge=32, le=254)
    ]
    embedding_model: Annotated[
        str, setting("all-MiniLM-L6-v2", "Embedding model for documents and questions.")
    ]
    embedding_threads: Annotated[
        int, setting(0, "Threads for one embedding call; 0 means every core.", ge=0, le=64)
    ]
    passage_arithmetic: Annotated[
        Literal["float32", "int8"],
        setting(
            "int8",
            "What chunks are embedded in, where the model was built for it: int8 takes half the "
            "time and finds as much.",
        ),
    ]
    embed_batch_chunks: Annotated[
        int, setting(64, "Chunks one embed step handles.", unit="chunks", ge=1, le=512)
    ]
    embedding_cache_days: Annotated[
        int,
        setting(90, "How long vectors of texts nobody embeds again are kept.", unit="days", ge=0),
    ]
    embedding_cache_vectors: Annotated[
        int,
        setting(200_000, "Vectors kept per tenant to embed no text twice.", unit="vectors", ge=0),
    ]

    # search and answers
    exact_scan_chunks: Annotated[
        int,
        setting(10_000, "Tenants up to this size are searched exactly.", unit="chunks", ge=0),
    ]
    dense_weight_en: Annotated[
        float, setting(0.6, "Share of the vector score in English search.", ge=0, le=1)
    ]
    dense_weight_de: Annotated[
        float, setting(0.2, "Share of the vector score in German search.", ge=0, le=1)
    ]
    search_backend: Annotated[
        str,
        setting(
            "postgres",
            "Who finds candidates: postgres, or opensearch beside it.",
            pattern="^(postgres|opensearch)$",
        ),
    ]
    opensearch_url: Annotated[
        SecretStr, setting(SecretStr(""), "Address of OpenSearch, for SEARCH_BACKEND.")
    ]
    rerank: Annotated[
        str,
        setting(
            "none",
            "Who judges passages once more: none, features, cross-encoder or llm.",
            pattern="^(none|features|cross-encoder|llm)$",
        ),
    ]
    rerank_factor: Annotated[
        int, setting(4, "Passages judged for each one wanted.", unit="passages", ge=1, le=10)
    ]
    reranker_model: Annotated[str, setting("", "Folder with a cross-encoder, for RERANK.")]
    gram_weight: Annotated[
        float, setting(0.5, "Share of character 4-grams in what words say.", ge=0, le=1)
    ]
    title_weight: Annotated[
        float,
        setting(
            1.0, "What a word in a document's title counts beside one in the text.", ge=0, le=10
        ),
    ]
    similarity_threshold: Annotated[
        float,
        setting(0.0, "Hits less likely to help than this are left out; 0 keeps all.", ge=0, le=1),
    ]
    redis_url: Annotated[
        SecretStr,
        setting(
            SecretStr(""),
            "Redis or Valkey between each process's cache and the database's; empty means none.",
        ),
    ]
    cache_items: Annotated[
        int, setting(1000, "Search results each process keeps in its memory.", unit="items", ge=0)
    ]
    cache_memory_s: Annotated[
        int, setting(300, "How long a process keeps a search result.", unit="s", ge=0)
    ]
    cache_shared_s: Annotated[
        int, setting(3600, "How long Redis and the database keep a search result.", unit="s", ge=0)
    ]
    answer_cache: Annotated[
        str,
        setting(
            "models",
            "Whose answers are kept for questions that mean the same: off, models or all.",
            pattern="^(off|models|all)$",
        ),
    ]
    answer_cache_similarity: Annotated[
        float, setting(0.9, "Cosine from which two questions may mean the same.", ge=0.5, le=1)
    ]
    answer_cache_s: Annotated[int, setting(3600, "How long an answer is kept.", unit="s", ge=1)]
    answer_threshold: Annotated[
        float,
        setting(0.12, "Probability from which quotes are given as the answer.", ge=0, le=1),
    ]
    related_threshold: Annotated[
        float,
        setting(0.06, "Probability from which passages are shown as related.", ge=0, le=1),
    ]
    enable_elyza_fallback: Annotated[
        bool,
        setting(
            False,  # noqa: FBT003 - a default, not a flag
            "Whether small talk follows where the documents answer nothing.",
        ),
    ]
    history_messages: Annotated[
        int,
        setting(
            5, "Earlier messages read to understand a follow-up.", unit="messages", ge=0, le=50
        ),
    ]
    passage_tokens: Annotated[
        int,
        setting(2400, "Room for passages in a prompt.", unit="tokens", ge=200, le=200_000),
    ]
    unsupported: Annotated[
        Literal["mark", "drop"],
        setting(
            "mark", "What becomes of a model's sentence that no passage supports: mark or drop."
        ),
    ]
    conversation_days: Annotated[
        int,
        setting(
            0,
            "How long conversations are kept where a tenant says nothing; 0 keeps them.",
            unit="days",
            ge=0,
            le=36500,
        ),
    ]
    llm_model: Annotated[
        str, setting("", "LiteLLM model name, e.g. ollama_chat/llama3; empty answers extractively.")
    ]
    llm_api_base: Annotated[str, setting("", "Address of the language model's API.")]
    llm_api_key: Annotated[SecretStr, setting(SecretStr(""), "Key for the language model's API.")]
    llm_timeout_s: Annotated[
        int, setting(60, "Time a language model may take to answer.", unit="s", ge=1, le=600)
    ]
    llm_first_word_s: Annotated[
        float,
        setting(
            20.0,
            "Time until a language model's first word, over all routes tried; then we extract.",
            unit="s",
            gt=0,
            le=600,
        ),
    ]
    llm_routes: Annotated[
        str, setting("", "JSON list of routes to language models, or the path of a file with one.")
    ]
    llm_private_hosts: Annotated[
        str,
        setting(
            "127.0.0.1,localhost",
            "Hosts inside that tenants' routes may name, comma-separated; else public ones only.",
        ),
    ]
    llm_tenant_tokens_per_month: Annotated[
        int, setting(0, "Tokens one tenant may spend a month; 0: no limit.", unit="tokens", ge=0)
    ]
    llm_user_tokens_per_day: Annotated[
        int, setting(0, "Tokens one person may spend a day; 0: no limit.", unit="tokens", ge=0)
    ]
    llm_url: Annotated[str, setting("", "Address of the function that speaks to language models.")]
    openai_url: Annotated[
        str, setting("", "Public address of the OpenAI-compatible API, told to clients.")
    ]

    # agents and the web
    web_search_provider: Annotated[
        str,
        setting(
            "",
            "Web search for agents: searxng, brave or json; empty keeps agents off the web.",
            pattern="^(|searxng|brave|json)$",
        ),
    ]
    web_search_url: Annotated[
        str,
        setting(
            "", "Address of SearXNG; for json a URL with {query}, {most} and {language} in it."
        ),
    ]
    web_search_key: Annotated[SecretStr, setting(SecretStr(""), "Key for the web search.")]
    web_search_paths: Annotated[
        str,
        setting(
            "results=results url=url title=title snippet=snippet",
            "Where a json web search has its results and their parts, as dotted paths.",
        ),
    ]
    egress_allow: Annotated[
        str,
        setting(
            "",
            "Hosts that may be fetched from, comma-separated, *.example.org for all below; empty: "
            "every public one, none: not one.",
        ),
    ]
    egress_inside: Annotated[
        str,
        setting("", "One host:port that may be fetched from though it is private: your SearXNG."),
    ]
    agent_max_steps: Annotated[
        int, setting(12, "Steps one agent run may take.", unit="steps", ge=1, le=100)
    ]
    agent_max_tokens: Annotated[
        int,
        setting(30_000, "A language model's tokens one agent run may take.", unit="tokens", ge=0),
    ]
    agent_max_seconds: Annotated[
        float, setting(180.0, "Working time of one agent run.", unit="s", gt=0)
    ]
    agent_max_pages: Annotated[
        int, setting(3, "Web pages one agent run may read.", unit="pages", ge=0, le=20)
    ]

    # webhooks
    webhook_queue_url: Annotated[
        str, setting("", "Queue of webhook deliveries that are worth a look.")
    ]
    webhook_inside: Annotated[
        str,
        setting("", "One host:port that webhooks may be sent to though it is private."),
    ]
    webhook_disable_days: Annotated[
        int,
        setting(5, "Days of failing after which a webhook is switched off.", unit="days", ge=1),
    ]
    webhook_max_bytes: Annotated[
        int,
        setting(1_048_576, "Largest message taken from a webhook source.", unit="bytes", ge=1024),
    ]

    tenant_queue_url: Annotated[
        str, setting("", "Queue of exports and erasures that are to be gone on with.")
    ]

    # logs
    log_level: Annotated[
        str, setting("INFO", "Least severe log line that is written.", pattern="^[A-Z]+$")
    ]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build settings from a mapping of variable names (capitals) to text.

    Raises InvalidError naming every variable that is wrong, without repeating its value.
    """
    known = {
        name: environ[name.upper()] for name in Settings.model_fields if name.upper() in environ
    }
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        fields = {str(e["loc"][0]).upper(): str(e["msg"]) for e in error.errors()}
        listed = "; ".join(f"{name}: {problem}" for name, problem in fields.items())
        raise InvalidError(
            f"Settings are wrong: {listed}.", hint="Correct or unset them.", fields=fields
        ) from error


@cache
def settings() -> Settings:
    """Return the process's settings, read from the environment at the first call."""
    return read_settings(os.environ)  # noqa: TID251 - the one place that reads the environment
