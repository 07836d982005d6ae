"""What people say about documents: titles, places, metadata and tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents import descriptions
from shared.documents import service as documents
from shared.documents.descriptions import Change
from shared.documents.model import MAX_TAG, DocumentRow, clean_tags
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, new_id
from tests.unit.documents.library import Office


def change(office: Office, document_id: DocumentId, **fields: object) -> DocumentRow:
    with office.database.transaction(office.tenant) as session:
        return descriptions.change_document(
            session,
            document_id,
            Change(**fields),  # type: ignore[arg-type]
            changed_by=office.user,
        )


def test_changes_touch_only_what_is_given(office: Office) -> None:
    kept = office.keep(b"1", folder="x", metadata={"author": "Mia"})
    renamed = change(office, kept.document_id, title="Neuer Titel")
    assert (renamed.title, renamed.folder, renamed.metadata) == (
        "Neuer Titel", "x", {"author": "Mia"},
    )  # fmt: skip
    assert change(office, kept.document_id, folder="").folder == ""
    with pytest.raises(InvalidError):
        change(office, kept.document_id, title="  ")


def test_metadata_is_merged_or_replaced(office: Office) -> None:
    document = office.keep(b"1", metadata={"author": "Mia", "year": 2025}).document_id
    merged = change(office, document, metadata={"year": 2026, "author": None, "pages": 3})
    assert merged.metadata == {"year": 2026, "pages": 3}
    assert change(office, document, metadata={}).metadata == {"year": 2026, "pages": 3}
    replaced = change(office, document, metadata={"a": None}, metadata_mode="replace")
    assert replaced.metadata == {"a": None}
    with pytest.raises(InvalidError):
        change(office, document, metadata={str(n): n for n in range(65)})


def test_tags_are_normalised_replaced_added_and_taken(office: Office) -> None:
    document = office.keep(b"1").document_id
    assert change(office, document, tags=["Signed", " lease  2026 ", "#signed"]).tags == [
        "lease 2026", "signed",
    ]  # fmt: skip
    assert change(office, document, add_tags=["Äpfel"], remove_tags=["SIGNED"]).tags == [
        "lease 2026", "äpfel",
    ]  # fmt: skip
    assert change(office, document, title="b").tags == ["lease 2026", "äpfel"]
    assert change(office, document, tags=[]).tags == []


@pytest.mark.parametrize("tags", [[""], ["#"], ["a,b"], ["x" * 65], [str(n) for n in range(51)]])
def test_tags_that_cannot_be_are_refused(office: Office, tags: list[str]) -> None:
    with pytest.raises(InvalidError):
        change(office, office.keep(b"1").document_id, tags=tags)


@given(st.lists(st.text(max_size=70), max_size=5))
def test_any_tag_becomes_a_clean_one_or_is_refused(tags: list[str]) -> None:
    try:
        clean = clean_tags(tags)
    except InvalidError:
        return
    assert clean == sorted(set(clean)) == clean_tags(clean)
    assert all(0 < len(tag) <= 3 * MAX_TAG and tag == tag.strip() for tag in clean)


def test_tags_are_counted_and_filter_lists(office: Office) -> None:
    first, second, gone = (office.keep(bytes([n])).document_id for n in range(3))
    change(office, first, tags=["lease", "signed"])
    change(office, second, tags=["lease"])
    change(office, gone, tags=["lease"])
    with office.database.transaction(office.tenant) as session:
        documents.remove_document(session, gone)
        counts = [(row.tag, row.document_count) for row in descriptions.list_tags(session)]
        both = documents.list_documents(
            session, folder="", cursor=None, limit=9, tags=["Signed", "lease"]
        )
    assert counts == [("lease", 2), ("signed", 1)]
    assert [row.id for row in both.items] == [first]


def test_what_is_not_there_is_not_found(office: Office) -> None:
    with pytest.raises(NotFoundError):
        change(office, DocumentId(new_id()), title="a")
