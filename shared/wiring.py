"""Wiring: settings become adapters and models, each built once, when first asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

from shared.adapters import outbox
from shared.adapters.bus import Bus
from shared.adapters.database import Database
from shared.adapters.objects import Objects
from shared.adapters.queues import Queue
from shared.adapters.secrets import Secrets
from shared.adapters.sockets import Sockets
from shared.adapters.telemetry import configure_logging
from shared.adapters.transport import check_settings, encrypted_by
from shared.adapters.workflows import Workflows
from shared.indexing import SearchIndex
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.ids import DocumentId, TenantId, UserId
from shared.kernel.settings import Settings, settings

if TYPE_CHECKING:
    from shared.adapters.allowing import AllowList
    from shared.adapters.cache import LayeredCache
    from shared.adapters.cache_redis import RedisCache
    from shared.adapters.database import Session
    from shared.adapters.egress import Egress
    from shared.adapters.scanner import Scanner
    from shared.agents.outgoing import Outgoing
    from shared.federation.client import OidcClient
    from shared.generation.bridge import Bridge, Line
    from shared.generation.language_models import LanguageModel
    from shared.generation.model import Purpose
    from shared.generation.switchboard import Switchboard
    from shared.identity.post import Mailroom
    from shared.identity.service import Verifier
    from shared.inference.embedding import Embedder, Tokenizer
    from shared.inference.model import EmbeddingModel
    from shared.inference.reranking.port import Reranker
    from shared.ingestion.erasure import Erasure
    from shared.recovery.settling import Settler
    from shared.tenancy.working import Workshop
    from shared.webhooks.service import Wires

logger = logging.getLogger(__name__)
_MIRRORED_AT_ONCE = 50


def _complete(model: LanguageModel, prompt: str) -> str:
    """Ask a language model one thing, and wait for all of its answer."""
    from shared.inference.model import Message

    return "".join(model.stream([Message("user", prompt)], max_tokens=400, temperature=0.0))


class App:
    """Everything a handler may need; nothing is opened before it is used."""

    def __init__(self, config: Settings) -> None:
        self.settings = config
        self._aws = {"region": config.storage_region, "endpoint": config.aws_endpoint_url}
        self._other_embedders: dict[str, Embedder] = {}
        self._rerankers: dict[str, Reranker] = {}

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets Manager."""
        return Secrets(**self._aws)

    @cached_property
    def database(self) -> Database:
        """The tenants' database; its URL comes from the settings or from the named secret."""
        url = self.settings.database_url.get_secret_value()
        secret = self.settings.database_secret
        if url:
            return Database(self._encrypted(url), sign_in=self._sign_in)
        if not secret:
            raise UnavailableError(
                "No database is configured.", hint="Set DATABASE_URL or DATABASE_SECRET."
            )
        return Database(
            self._encrypted(self.secrets.read(secret)),
            renew=lambda: self._encrypted(self.secrets.renew(secret)),
            sign_in=self._sign_in,
        )

    def _encrypted(self, url: str) -> str:
        """Return a database's address that nothing crosses a network under in the clear."""
        try:
            return encrypted_by(self.settings, url)
        except InvalidError as error:
            # Whoever asks now is not the one to mend it, and is not told where it lies.
            logger.error(error.detail, extra={"hint": error.hint})  # noqa: TRY400 - no trace
            raise UnavailableError(
                "The database's address is refused.", hint="The reason is in the log."
            ) from error

    @cached_property
    def _sign_in(self) -> Callable[[str], str] | None:
        """What makes a password for each connection, where the deployment uses such."""
        if self.settings.database_auth == "password":
            return None
        from shared.adapters.database_tokens import DatabaseTokens

        return DatabaseTokens(region=self.settings.storage_region).make

    @cached_property
    def verifier(self) -> Verifier:
        """Turns access tokens into principals; keeps the public keys for a minute."""
        from shared.identity.service import Verifier

        return Verifier(self.database, issuer=self.settings.token_issuer)

    @cached_property
    def mailroom(self) -> Mailroom:
        """What letters to people are sealed, written and sent with."""
        from shared.identity.post import open_mailroom

        return open_mailroom(self.settings, self.secrets)

    @cached_property
    def objects(self) -> Objects:
        """The bucket of uploads and derived files."""
        return Objects(self.settings.media_bucket, **self._aws)

    @cached_property
    def anchors(self) -> Objects | None:
        """The bucket of the trail's heads, whose objects nobody can change."""
        bucket = self.settings.audit_bucket
        return Objects(bucket, **self._aws) if bucket else None

    @cached_property
    def bus(self) -> Bus:
        """The event bus."""
        return Bus(self.settings.event_bus, **self._aws)

    @cached_property
    def workflows(self) -> Workflows:
        """The ingest state machine."""
        return Workflows(self.settings.ingest_workflow, **self._aws)

    @cached_property
    def intake_queue(self) -> Queue:
        """The queue S3 announces uploads on."""
        return Queue(self.settings.intake_queue_url, **self._aws)

    @cached_property
    def dead_letter_queue(self) -> Queue:
        """The queue of uploads that intake gave up on."""
        return Queue(self.settings.dead_letter_queue_url, **self._aws)

    @cached_property
    def scanner(self) -> Scanner:
        """The malware gate: the built-in signatures, and the scanner that is configured."""
        from pathlib import Path

        from shared.adapters.scanner import ClamdScanner, GuardDutyScanner
        from shared.files.screening import Gate
        from shared.files.signature_scanner import SignatureScanner

        hashes = self.settings.malware_hashes
        scanners: list[Scanner] = [SignatureScanner(Path(hashes) if hashes else None)]
        if self.settings.malware_gate == "clamd":
            scanners.append(ClamdScanner(self.settings.clamd_address))
        elif self.settings.malware_gate == "guardduty":
            scanners.append(GuardDutyScanner(self.objects))
        return Gate(scanners)

    @cached_property
    def sockets(self) -> Sockets:
        """The WebSocket API's connections."""
        return Sockets(self.settings.websocket_endpoint, region=self.settings.storage_region)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The embedding model's tokenizer alone: counts tokens without loading the model."""
        from shared.inference.registry import open_tokenizer

        return open_tokenizer(self.settings.model_dir, self.settings.embedding_model)

    def tokenizer_named(self, name: str) -> Tokenizer:
        """Return a model's tokenizer by the model's name."""
        from shared.inference.registry import open_tokenizer

        if name == self.settings.embedding_model:
            return self.tokenizer
        return open_tokenizer(self.settings.model_dir, name)

    def model_named(self, name: str) -> EmbeddingModel:
        """Return what is known of a model without opening it."""
        from shared.inference.registry import find_model

        return find_model(self.settings.model_dir, name)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model."""
        return self._open_embedder(self.settings.embedding_model)

    def _open_embedder(self, name: str) -> Embedder:
        from shared.inference.registry import open_embedder
        from shared.inference.remembering import RememberingEmbedder

        opened = open_embedder(
            self.settings.model_dir, name, threads=self.settings.embedding_threads
        )
        return RememberingEmbedder(opened)

    def embedder_named(self, name: str) -> Embedder:
        """Return a model by its name, opened once."""
        if name == self.settings.embedding_model:
            return self.embedder
        if name not in self._other_embedders:
            self._other_embedders[name] = self._open_embedder(name)
        return self._other_embedders[name]

    def passage_embedder_named(self, name: str) -> Embedder:
        """Return a model as chunks are embedded on their way into the index, opened once."""
        from shared.inference.registry import open_embedder

        if name not in self._passage_embedders:
            self._passage_embedders[name] = open_embedder(
                self.settings.model_dir,
                name,
                threads=self.settings.embedding_threads,
                arithmetic=self.settings.passage_arithmetic,
            )
        return self._passage_embedders[name]

    @cached_property
    def _passage_embedders(self) -> dict[str, Embedder]:
        return {}

    def embedder_in(self, session: Session) -> Embedder:
        """Return the model that embeds this tenant's documents and questions."""
        return self.embedder_named(self.chunk_index.active_model(session))

    def model_of(self, tenant_id: TenantId) -> str:
        """Return the name of a tenant's model, looked up in a transaction of its own."""
        with self.database.transaction(tenant_id) as session:
            return self.chunk_index.active_model(session)

    def passage_embedder_of(self, tenant_id: TenantId) -> Embedder:
        """Return a tenant's model, ready to embed chunks."""
        return self.passage_embedder_named(self.model_of(tenant_id))

    @cached_property
    def chunk_index(self) -> SearchIndex:
        """The search index as ingestion sees it."""
        from shared.search.external import indexes_of

        return SearchIndex(self.settings.embedding_model, indexes_of(self.settings))

    def mirror(self, tenant_id: TenantId) -> int:
        """Bring the external search index in step for one tenant, a few versions at a time."""
        if not self.chunk_index.is_mirrored:
            return 0
        from shared.inference.registry import find_model

        with self.database.transaction(tenant_id) as session:
            name = self.chunk_index.active_model(session)
            model = find_model(self.settings.model_dir, name)
            return self.chunk_index.catch_up(session, model, most=_MIRRORED_AT_ONCE)

    @cached_property
    def erasure(self) -> Erasure:
        """Erases documents for good, in every room that keeps something of them."""
        from shared.agents.service import forget_document as forget_in_runs
        from shared.answering.service import forget_document
        from shared.ingestion.erasure import Erasure

        forgetting = (forget_document, forget_in_runs, self._forget_cached)
        return Erasure(self.database, self.objects, self.chunk_index, forgetting)

    def _forget_cached(self, session: Session, _document_id: DocumentId) -> None:
        """Leave no word of an erased document in a cache that outlives this process."""
        from shared.adapters.cache_database import clear_caches

        clear_caches(session)
        if session.tenant_id is not None:
            self.cache.clear(session.tenant_id)

    @cached_property
    def cache(self) -> LayeredCache:
        """What searches found: in this process, in Redis where there is one, in the database."""
        from shared.adapters.cache import LayeredCache, Level, MemoryCache
        from shared.adapters.cache_database import DatabaseCache

        config = self.settings
        levels = [Level(MemoryCache(most=config.cache_items), config.cache_memory_s)]
        if self.redis is not None:
            levels.append(Level(self.redis, config.cache_shared_s))
        levels.append(Level(DatabaseCache(self.database), config.cache_shared_s))
        return LayeredCache(levels)

    @cached_property
    def redis(self) -> RedisCache | None:
        """The cache that processes share without asking the database, where one is configured."""
        url = self.settings.redis_url.get_secret_value()
        if not url:
            return None
        from shared.adapters.cache_redis import open_redis

        return open_redis(url, prefix=f"kontor:{self.settings.stage}")

    @cached_property
    def egress(self) -> Egress:
        """The only way out to other people's servers."""
        from shared.adapters.egress import Egress

        return Egress(inside=self.settings.egress_inside, allow=self.egress_allow)

    @cached_property
    def egress_allow(self) -> AllowList:
        """Which public hosts may be reached."""
        from shared.adapters.allowing import read_allow_list

        return read_allow_list(self.settings.egress_allow)

    @cached_property
    def oidc_client(self) -> OidcClient:
        """The conversation with identity providers; small answers, or none in five seconds."""
        from shared.adapters.egress import Egress, Limits
        from shared.federation.client import OidcClient

        limits = Limits(most_bytes=512 * 1024, timeout_s=5.0)
        inside = self.settings.oidc_inside
        egress = Egress(inside=inside, allow=self.egress_allow, limits=limits)
        return OidcClient(egress, inside=inside)

    @cached_property
    def tenant_queue(self) -> Queue:
        """The queue of tenants' jobs."""
        return Queue(self.settings.tenant_queue_url, **self._aws)

    @cached_property
    def workshop(self) -> Workshop:
        """What tenants' jobs are done with."""
        from shared.tenancy.erasing import TenantErasure
        from shared.tenancy.working import Workshop

        erasure = TenantErasure(self.database, self.objects, self.secrets, self.cache, self.mirror)
        return Workshop(self.database, self.objects, self.tenant_queue, erasure)

    @cached_property
    def webhook_queue(self) -> Queue:
        """The queue of webhook deliveries."""
        return Queue(self.settings.webhook_queue_url, **self._aws)

    @cached_property
    def webhook_wires(self) -> Wires:
        """What webhooks are sent with."""
        from shared.adapters.egress import Egress, Limits
        from shared.webhooks.service import Wires

        limits = Limits(most_bytes=64 * 1024, timeout_s=10.0, most_redirects=0)
        inside = self.settings.webhook_inside
        egress = Egress(inside=inside, allow=self.egress_allow, limits=limits)
        return Wires(egress, self.secrets, self.settings.stage)

    @cached_property
    def outgoing(self) -> Outgoing:
        """What agents may search and read on the web; nothing while no web search is set up."""
        from shared.adapters.websearch.port import Provider
        from shared.adapters.websearch.registry import open_web_search
        from shared.agents.outgoing import Outgoing

        provider = Provider(
            address=self.settings.web_search_url,
            key=self.settings.web_search_key.get_secret_value(),
            paths=self.settings.web_search_paths,
        )
        search = open_web_search(self.settings.web_search_provider, provider, self.egress)
        return Outgoing(self.egress, search)

    @cached_property
    def bridge(self) -> Bridge:
        """The way to language models: budgets, routes, and the function that speaks to them."""
        from shared.generation.bridge import Bridge
        from shared.generation.deployment import deployment_limits, deployment_routes

        return Bridge(
            database=self.database,
            routes=deployment_routes(self.settings),
            limits=deployment_limits(self.settings),
            open_line=lambda: self._line,
        )

    @cached_property
    def _line(self) -> Line:
        if not self.settings.llm_url:
            return self.switchboard.answer
        from shared.generation.bridge import remote_line
        from shared.generation.deployment import deployment_url

        return remote_line(deployment_url(self.settings))

    @cached_property
    def switchboard(self) -> Switchboard:
        """What answers calls to language models; only functions with LiteLLM can use it."""
        from shared.generation.deployment import deployment_routes
        from shared.generation.switchboard import Switchboard

        return Switchboard(
            database=self.database,
            routes=deployment_routes(self.settings),
            read_secret=self._read_secret,
            forget_secret=self._forget_secret,
            default_key=self.settings.llm_api_key.get_secret_value(),
            first_word_s=self.settings.llm_first_word_s,
            private_hosts=self.llm_private_hosts,
            allow=self.egress_allow,
        )

    def _read_secret(self, name: str) -> str:
        return self.secrets.read(name)

    def _forget_secret(self, name: str) -> None:
        self.secrets.forget(name)

    @property
    def llm_private_hosts(self) -> frozenset[str]:
        """Hosts inside that tenants' routes to language models may name."""
        named = self.settings.llm_private_hosts.split(",")
        return frozenset(host for each in named if (host := each.strip()))

    def language_model(
        self, tenant_id: TenantId, user_id: UserId | None = None, purpose: Purpose = "chat"
    ) -> LanguageModel | None:
        """Return the model that serves a purpose for somebody, or ``None``: then extract."""
        from shared.generation.model import Caller

        return self.bridge.open(Caller(tenant_id=tenant_id, user_id=user_id), purpose)

    def reranker(self, name: str, tenant_id: TenantId, user_id: UserId) -> Reranker:
        """Return a reranker by its name; what it asks of a language model counts for ``user_id``.

        Raises InvalidError for an unknown name, UnavailableError when something is missing for it.
        """
        from shared.inference.reranking.port import Supplies
        from shared.inference.reranking.registry import open_reranker

        if name in self._rerankers:
            return self._rerankers[name]
        model = self.language_model(tenant_id, user_id, "rerank") if name == "llm" else None
        supplies = Supplies(
            model_path=self.settings.reranker_model,
            threads=self.settings.embedding_threads,
            complete=partial(_complete, model) if model else None,
        )
        opened = open_reranker(name, supplies)
        if name != "llm":  # that one belongs to whoever asks
            self._rerankers[name] = opened
        return opened

    @cached_property
    def settler(self) -> Settler:
        """What decides how an ingest that failed ends."""
        from shared.recovery.settling import Settler

        return Settler(self.database, self.chunk_index, self.settings.give_up_after_s)

    def relay(self, tenant_id: TenantId) -> None:
        """Send what this tenant's last transaction announced, and start what may start."""
        outbox.try_relay(
            self.database,
            tenant_id,
            bus=self.bus,
            workflows=self.workflows,
            max_running=self.settings.max_running_workflows,
        )

    def relay_facts(self, tenant_id: TenantId) -> None:
        """Send what this tenant's last transaction announced; workflows wait for others."""
        outbox.try_send_facts(self.database, tenant_id, bus=self.bus)

    def relay_waiting(self) -> None:
        """Start workflows of whoever's turn it is, after one has ended."""
        with self.database.system_transaction() as session:
            tenants = outbox.list_waiting_tenants(session)
        for tenant_id in tenants:
            self.relay(tenant_id)


@cache
def app() -> App:
    """Return the process's one App, configured from the environment, with logging set up.

    Raises InvalidError for settings that are wrong or would send something in the clear.
    """
    config = settings()
    configure_logging(config.log_level)
    check_settings(config)
    return App(config)
