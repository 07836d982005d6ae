"""Wiring: settings become adapters and models, each built once, when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shared.adapters import outbox
from shared.adapters.bus import Bus
from shared.adapters.database import Database
from shared.adapters.objects import Objects
from shared.adapters.queues import Queue
from shared.adapters.secrets import Secrets
from shared.adapters.sockets import Sockets
from shared.adapters.telemetry import configure_logging
from shared.adapters.workflows import Workflows
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId, VersionId
from shared.kernel.settings import Settings, settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.adapters.database import Session
    from shared.adapters.scanner import Scanner
    from shared.documents.model import Version
    from shared.identity.service import Verifier
    from shared.inference.embedding import Embedder, Tokenizer
    from shared.inference.language_models import LanguageModel
    from shared.inference.model import EmbeddingModel
    from shared.ingestion.model import Chunk


class SearchIndex:
    """Brings two rooms of one floor together: what ingestion writes and search finds."""

    def __init__(self, model: EmbeddingModel) -> None:
        self._model = model

    def write(
        self,
        session: Session,
        version: Version,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float16],
    ) -> None:
        """Make a version's chunks findable; vectors lie in the order of the chunks."""
        from shared.search.model import NewChunk
        from shared.search.service import index_version

        index_version(
            session,
            document_id=version.document_id,
            version_id=version.id,
            model=self._model,
            chunks=(
                NewChunk(
                    ordinal=chunk.ordinal,
                    language=chunk.language,
                    heading_path=chunk.heading_path,
                    content=chunk.text,
                    span_start=chunk.start,
                    span_end=chunk.end,
                    page_from=chunk.page_from,
                    page_to=chunk.page_to,
                    boxes=tuple(asdict(box) for box in chunk.boxes),
                    token_count=chunk.token_count,
                )
                for chunk in chunks
            ),
            vectors=vectors,
        )

    def remove(self, session: Session, version_id: VersionId) -> None:
        """Take a version's chunks out of the index."""
        from shared.search.service import remove_version

        remove_version(session, version_id)


class App:
    """Everything a handler may need; nothing is opened before it is used."""

    def __init__(self, config: Settings) -> None:
        self.settings = config
        self._aws = {"region": config.storage_region, "endpoint": config.aws_endpoint_url}

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets Manager."""
        return Secrets(**self._aws)

    @cached_property
    def database(self) -> Database:
        """The tenants' database; its URL comes from the settings or from the named secret."""
        url = self.settings.database_url.get_secret_value()
        if not url and self.settings.database_secret:
            url = self.secrets.read(self.settings.database_secret)
        if not url:
            raise UnavailableError(
                "No database is configured.", hint="Set DATABASE_URL or DATABASE_SECRET."
            )
        return Database(url)

    @cached_property
    def verifier(self) -> Verifier:
        """Turns access tokens into principals; keeps the public keys for a minute."""
        from shared.identity.service import Verifier

        return Verifier(self.database, issuer=self.settings.token_issuer)

    @cached_property
    def objects(self) -> Objects:
        """The bucket of uploads and derived files."""
        return Objects(self.settings.media_bucket, **self._aws)

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
    def scanner(self) -> Scanner:
        """The malware gate: the built-in signatures, and the scanner that is configured."""
        from pathlib import Path

        from shared.adapters.scanner import ClamdScanner, GuardDutyScanner
        from shared.ingestion.screening import Gate
        from shared.ingestion.signature_scanner import SignatureScanner

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

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model."""
        from shared.inference.registry import open_embedder

        return open_embedder(
            self.settings.model_dir,
            self.settings.embedding_model,
            threads=self.settings.embedding_threads,
        )

    @cached_property
    def chunk_index(self) -> SearchIndex:
        """The search index as ingestion sees it."""
        from shared.inference.registry import known_model

        return SearchIndex(known_model(self.settings.embedding_model).model)

    @cached_property
    def language_model(self) -> LanguageModel | None:
        """The configured language model, or ``None``: then answers are extracted."""
        if not self.settings.llm_model:
            return None
        from shared.inference.language_models import LiteLLMLanguageModel

        return LiteLLMLanguageModel(
            self.settings.llm_model,
            api_base=self.settings.llm_api_base,
            api_key=self.settings.llm_api_key.get_secret_value(),
            timeout_s=self.settings.llm_timeout_s,
        )

    def relay(self, tenant_id: TenantId) -> None:
        """Send what this tenant's last transaction announced."""
        outbox.try_relay(self.database, tenant_id, bus=self.bus, workflows=self.workflows)


@cache
def app() -> App:
    """Return the process's one App, configured from the environment, with logging set up."""
    config = settings()
    configure_logging(config.log_level)
    return App(config)
