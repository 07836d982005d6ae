"""What may be ordered anew, and how the workflows of it are named."""

from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.inference.registry import known_model
from shared.ingestion.task import IngestTask
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, JobId, TenantId, UserId, VersionId, new_id
from shared.reprocessing import service
from shared.reprocessing.model import Order

MINILM = known_model("all-MiniLM-L6-v2").model


@pytest.mark.parametrize(
    ("order", "with_model"),
    [
        (Order(reason="parser", document_id=DocumentId(new_id()), folder="a"), False),
        (Order(reason="parser"), True),
        (Order(reason="model"), False),
        (Order(reason="model", folder="a", model=MINILM.name), True),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    database: Database, tenant: TenantId, order: Order, with_model: bool
) -> None:
    model = MINILM if with_model else None
    with pytest.raises(InvalidError), database.transaction(tenant) as session:
        service.start(session, order, started_by=UserId(new_id()), model=model)
    with database.transaction(tenant) as session:
        assert service.list_all(session) == []


def test_a_document_that_is_not_there_cannot_be_read_again(
    database: Database, tenant: TenantId
) -> None:
    order = Order(reason="parser", document_id=DocumentId(new_id()))
    with pytest.raises(NotFoundError), database.transaction(tenant) as session:
        service.start(session, order, started_by=UserId(new_id()))


def test_nothing_to_embed_is_ready_at_once(database: Database, tenant: TenantId) -> None:
    order = Order(reason="model", model=MINILM.name)
    with database.transaction(tenant) as session:
        made = service.start(session, order, started_by=UserId(new_id()), model=MINILM)
    assert (made.reprocessing.state, dict(made.counts)) == ("ready", {})


def test_a_task_reads_back_equal_and_names_its_workflow_within_the_limit() -> None:
    task = IngestTask(
        tenant_id=TenantId(new_id()),
        document_id=DocumentId(new_id()),
        version_id=VersionId(new_id()),
        job_id=JobId(new_id()),
        attempt=12,
        correlation_id="c",
        reading=3,
        reprocessing=new_id(),
    )
    assert IngestTask.from_json(task.to_json()) == task
    assert len(task.execution_name) <= 80  # Step Functions takes no more
    assert task.execution_name.endswith("-12")
