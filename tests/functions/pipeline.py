"""The ingest workflow run by hand: every requested execution, step after step, in this process."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.adapters.outbox import request_workflow
from shared.documents import service as documents
from shared.documents.model import Upload
from shared.documents.service import NewUpload, ReceivedFile
from shared.ingestion import service as ingestion
from shared.ingestion.embeddings import Batch
from shared.ingestion.intake import Arrival, take_in
from shared.ingestion.service import Limits
from shared.ingestion.task import IngestTask
from shared.kernel.context import working_on
from shared.kernel.hashing import sha256_of
from shared.kernel.ids import DocumentId, JobId, TenantId, UserId, new_id
from shared.realtime import service as realtime
from shared.realtime.model import Job
from shared.search import service as search
from shared.search.model import Filters, SearchRequest
from shared.wiring import App

LIMITS = Limits(memory_mb=2048, timeout_s=60, chunk_tokens=64, batch_chunks=2)


@dataclass
class Pipeline:
    """Takes files in and carries them through, as the deployed parts would."""

    app: App
    tenant: TenantId
    user: UserId = field(default_factory=lambda: UserId(new_id()))
    ran: set[str] = field(default_factory=set)
    embedded: list[str] = field(default_factory=list)

    def announce(self, filename: str, body: bytes, **fields: object) -> Upload:
        """Announce a file and put its bytes where a client would."""
        new = NewUpload(filename=filename, size_bytes=len(body), **fields)  # type: ignore[arg-type]
        with (
            working_on(correlation="test", tenant=str(self.tenant)),
            self.app.database.transaction(self.tenant) as session,
        ):
            upload = documents.announce_upload(
                session, new, created_by=self.user, max_bytes=1 << 20, expiry_s=60
            )
            realtime.open_job(session, job_id=upload.id, subject=filename, created_by=self.user)
        self.app.objects.put(upload.object_key, body)
        return upload

    def send(self, text: str, filename: str = "lease.md", **fields: object) -> JobId:
        """Announce a file, send it and take it in."""
        upload = self.announce(filename, text.encode(), **fields)
        arrival = Arrival(self.tenant, upload.id, upload.object_key, "")
        take_in(self.app.database, self.app.objects, arrival, max_bytes=1 << 20)
        return upload.id

    def put_as(self, media_type: str, body: bytes, filename: str) -> DocumentId:
        """Put in a file whose type is known, and run its workflow to the end."""
        upload = self.announce(filename, body)
        file = ReceivedFile(
            sha256=sha256_of([body]),
            size_bytes=len(body),
            media_type=media_type,
            object_version="",
        )
        with self.app.database.transaction(self.tenant) as session:
            kept = documents.keep(session, upload, file)
            documents.settle_upload(session, upload.id, "received")
            task = IngestTask(self.tenant, kept.document_id, kept.version_id, upload.id, 1, "test")
            request_workflow(session, task.execution_name, {"task": task.to_json()})
        self.run()
        return kept.document_id

    def take_members(self) -> None:
        """Take in what came inside other files, as S3's announcements of the copies would."""
        with self.app.database.transaction(self.tenant) as session:
            waiting = documents.list_waiting_uploads(session, older_than_s=0)
        for upload in waiting:
            arrival = Arrival(self.tenant, upload.id, upload.object_key, "")
            take_in(self.app.database, self.app.objects, arrival, max_bytes=1 << 20)
        self.run()

    def put(self, text: str, filename: str = "lease.md", **fields: object) -> DocumentId:
        """Send a file and run its workflow to the end."""
        job_id = self.send(text, filename, **fields)
        self.run()
        document_id = self.job(job_id).document_id
        assert document_id is not None
        return document_id

    def job(self, job_id: JobId) -> Job:
        """Return a job."""
        with self.app.database.transaction(self.tenant) as session:
            return realtime.find_job(session, job_id)

    def tasks(self) -> list[IngestTask]:
        """List the tasks of executions that were requested and not run yet."""
        with self.app.database.transaction(self.tenant) as session:
            rows = session.connection.execute(
                "SELECT payload -> 'task' FROM kontor.outbox"
                " WHERE destination = 'ingest_workflow' ORDER BY id"
            ).fetchall()
        found = [IngestTask.from_json(task) for (task,) in rows]
        return [task for task in found if task.execution_name not in self.ran]

    def run(self) -> None:
        """Run what was requested."""
        for task in self.tasks():
            self.ran.add(task.execution_name)
            self._run(task)

    def _run(self, task: IngestTask) -> None:
        app = self.app
        count = app.tokenizer.count_tokens
        answer = ingestion.parse(app.database, app.objects, task, count_tokens=count, limits=LIMITS)
        for batch in answer["batches"]:  # type: ignore[attr-defined]
            done = ingestion.embed(
                app.database,
                app.objects,
                task,
                Batch(**batch),
                embedder=_Noted(app, self),  # type: ignore[arg-type]
            )
            assert done["count"]
        ingestion.index(app.database, app.objects, task, chunk_index=app.chunk_index)
        ingestion.settle_completed(
            app.database,
            task,
            chunk_index=app.chunk_index,
            embedding_model=app.settings.embedding_model,
        )

    def find(self, query: str, filters: Filters | None = None) -> list[str]:
        """Search and return the passages."""
        request = SearchRequest(query=query, filters=filters or Filters())
        with self.app.database.transaction(self.tenant) as session:
            return [h.text for h in search.find(session, self.app.embedder, request).hits]


class _Noted:
    """The real embedder, noting which texts it was given."""

    def __init__(self, app: App, pipeline: Pipeline) -> None:
        self._embedder = app.embedder
        self._pipeline = pipeline
        self.model = app.embedder.model

    def embed(self, texts: list[str]) -> object:
        """Embed and note."""
        self._pipeline.embedded += texts
        return self._embedder.embed(texts)
