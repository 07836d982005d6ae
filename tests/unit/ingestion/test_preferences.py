"""Settings for reading: kept per tenant, checked, and what chunks of fixed size look like."""

from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.preferences import ReadingSettings, change_settings, cut, find_settings
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId, UserId, new_id
from tests.unit.ingestion.conftest import count_words

USER = UserId(new_id())


def change(database: Database, tenant: TenantId, settings: ReadingSettings) -> None:
    with database.transaction(tenant) as session:
        change_settings(session, settings, most_tokens=254, changed_by=USER)


def find(database: Database, tenant: TenantId) -> ReadingSettings:
    with database.transaction(tenant) as session:
        return find_settings(session, default_tokens=200)


def test_a_tenant_without_wishes_has_the_deployments(database: Database, tenant: TenantId) -> None:
    assert find(database, tenant) == ReadingSettings(chunk_tokens=200)


def test_the_last_wish_counts_and_stays_the_tenants_own(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    change(database, tenant, ReadingSettings(chunk_tokens=64))
    wanted = ReadingSettings(
        strategy="fixed", chunk_tokens=128, overlap_tokens=16, ocr_languages=("eng",)
    )
    change(database, tenant, wanted)
    assert find(database, tenant) == wanted
    assert find(database, other_tenant) == ReadingSettings(chunk_tokens=200)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (ReadingSettings(chunk_tokens=255), "chunk_tokens"),
        (ReadingSettings(chunk_tokens=31), "chunk_tokens"),
        (ReadingSettings(overlap_tokens=8), "overlap_tokens"),
        (ReadingSettings(strategy="fixed", overlap_tokens=113), "overlap_tokens"),
        (ReadingSettings(strategy="random"), "strategy"),  # type: ignore[arg-type]
        (ReadingSettings(ocr_languages=("deu", "../etc")), "ocr_languages"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    database: Database, tenant: TenantId, settings: ReadingSettings, field: str
) -> None:
    with pytest.raises(InvalidError) as raised:
        change(database, tenant, settings)
    assert set(raised.value.fields) == {field}
    assert find(database, tenant) == ReadingSettings(chunk_tokens=200)


def test_no_wish_makes_chunks_longer_than_the_model_reads(
    database: Database, tenant: TenantId
) -> None:
    change(database, tenant, ReadingSettings(strategy="fixed", chunk_tokens=200, overlap_tokens=90))
    with database.transaction(tenant) as session:
        found = find_settings(session, default_tokens=224, model_tokens=126)
    assert (found.chunk_tokens, found.overlap_tokens) == (126, 63)


def prose() -> ParsedDocument:
    draft = Draft()
    draft.heading("Titel", level=1)
    for number in range(40):
        draft.paragraph(" ".join(f"w{number}x{n}" for n in range(17)))
    draft.paragraph("ü" * 300)
    return draft.finish(title="", filename="a", parser="t", parser_version="1")


def test_windows_of_fixed_size_hold_every_word_and_overlap_as_told() -> None:
    document = prose()
    settings = ReadingSettings(strategy="fixed", chunk_tokens=50, overlap_tokens=10)
    chunks = cut(document, settings, count_tokens=count_words)
    assert all(c.text == document.text[c.start : c.end] for c in chunks)
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    assert all(c.token_count <= 50 for c in chunks)
    words = document.text.split()
    assert set(words) == {word for c in chunks for word in c.text.split()}
    assert [c.text.split()[:10] for c in chunks[1:]] == [c.text.split()[-10:] for c in chunks[:-1]]


def test_windows_cut_a_word_that_is_too_long_alone() -> None:
    settings = ReadingSettings(strategy="fixed", chunk_tokens=32)
    chunks = cut(prose(), settings, count_tokens=len)
    assert all(c.token_count <= 32 for c in chunks)
