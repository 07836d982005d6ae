"""A scan through the parse step: a thumbnail beside its text, any page when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from shared.adapters.outbox import QUERIES, Outgoing
from shared.documents import service as documents
from shared.documents.model import derived_prefix
from shared.ingestion import service as ingestion
from shared.ingestion.derived import load_document
from shared.ingestion.intake import take_in
from shared.ingestion.isolation import stop_readers
from shared.ingestion.parsers.page_images import ensure_page_image
from shared.ingestion.service import Limits
from shared.ingestion.task import IngestTask
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.unit.ingestion.pictures import printed, scanned_pdf

LIMITS = Limits(memory_mb=2048, timeout_s=60, chunk_tokens=64, batch_chunks=2)


@pytest.fixture(scope="module", autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    stop_readers()


def _task(app: App, tenant: TenantId) -> IngestTask:
    with app.database.transaction(tenant) as session:
        waiting = session.all(QUERIES["list_unsent"], Outgoing, {"older_than_s": 0})
    requested = [row for row in waiting if row.destination == "ingest_workflow"]
    return IngestTask.from_json(requested[-1].payload["task"])  # type: ignore[arg-type]


def test_a_scan_is_read_and_its_pages_can_be_seen(
    wired: App, tenant: TenantId, uploader: Uploader, tmp_path: Path
) -> None:
    path = scanned_pdf(tmp_path / "scan.pdf", [printed(), "A page of its own words."])
    arrival = uploader.send("scan.pdf", path.read_bytes())
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    task = _task(wired, tenant)
    ingestion.parse(
        wired.database, wired.objects, task,
        count_tokens=wired.tokenizer.count_tokens, limits=LIMITS,
    )  # fmt: skip
    read = load_document(wired.objects, tenant, task.version_id)
    assert "three months" in read.text
    prefix = derived_prefix(tenant, task.version_id)
    with Image.open(BytesIO(wired.objects.get(f"{prefix}thumbnail.webp"))) as small:
        assert small.size[0] == pytest.approx(320, abs=1)
    assert not list(wired.objects.list(f"{prefix}files/"))
    with wired.database.transaction(tenant) as session:
        version = documents.find_version(session, task.version_id)
    key = ensure_page_image(wired.objects, version, prefix, 2)
    assert key == f"{prefix}pages/0002.webp"
    first = wired.objects.describe(key)
    assert ensure_page_image(wired.objects, version, prefix, 2) == key
    assert wired.objects.describe(key) == first
    with Image.open(BytesIO(wired.objects.get(key))) as page:
        assert page.format == "WEBP"
    with pytest.raises(NotFoundError, match="no page 3"):
        ensure_page_image(wired.objects, version, prefix, 3)
