"""Versions: replaced by name, gone back to, and never displaced by what was there before."""

from __future__ import annotations

import pytest

from shared.documents import service as documents
from shared.documents import trash
from shared.documents.model import DocumentRow
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.ids import DocumentId, TenantId
from tests.unit.documents.library import Office


def find(office: Office, document_id: DocumentId) -> DocumentRow:
    with office.database.transaction(office.tenant) as session:
        return documents.find_document(session, document_id)


def choose(office: Office, document_id: DocumentId, number: int) -> documents.Version:
    with office.database.transaction(office.tenant) as session:
        return documents.choose_version(session, document_id, number)


def revive(office: Office, version: documents.Version) -> None:
    with office.database.transaction(office.tenant) as session:
        documents.begin_again(session, version)


def three_versions(office: Office) -> DocumentId:
    document = office.put(b"1").document_id
    for content in (b"2", b"3"):
        office.put(content, document_id=document)
    return document


def test_an_older_version_becomes_current_and_is_what_lists_show(office: Office) -> None:
    document = three_versions(office)
    first = choose(office, document, 1)
    assert find(office, document).current_version == 3
    revive(office, first)
    assert (find(office, document).version, find(office, document).stage) == (1, "uploaded")
    superseded = office.finish(first.id)
    assert superseded is not None
    row = find(office, document)
    assert (row.version, row.current_version, row.stage) == (1, 1, "completed")


def test_what_came_before_the_choice_does_not_displace_it_but_what_comes_later_does(
    office: Office,
) -> None:
    document = office.put(b"1").document_id
    slow = office.keep(b"2", document_id=document)
    choose(office, document, 1)
    assert office.finish(slow.version_id) == slow.version_id
    assert find(office, document).current_version == 1
    later = office.put(b"3", document_id=document)
    row = find(office, document)
    assert (row.current_version_id, row.version) == (later.version_id, 3)


def test_a_version_under_way_cannot_be_gone_back_to(office: Office) -> None:
    document = office.put(b"1").document_id
    office.keep(b"2", document_id=document)
    with pytest.raises(ConflictError, match="still being read"):
        choose(office, document, 2)
    with pytest.raises(NotFoundError):
        choose(office, document, 3)


def test_bytes_of_an_earlier_version_bring_it_back(office: Office) -> None:
    document = three_versions(office)
    kept = office.keep(b"1", document_id=document)
    assert (kept.outcome, kept.number, kept.document_id) == ("restored", 1, document)
    assert office.keep(b"3", document_id=document).outcome == "restored"


def test_bytes_of_an_earlier_version_elsewhere_are_told_as_such(office: Office) -> None:
    document = office.put(b"1", "lease.txt", folder="contracts").document_id
    office.put(b"2", document_id=document)
    kept = office.keep(b"1", "copy.txt")
    assert (kept.outcome, kept.document_id, kept.title) == ("duplicate", document, "lease")
    assert (kept.folder, kept.number, kept.is_current) == ("contracts", 1, False)


def test_the_same_name_is_another_document_unless_asked_otherwise(office: Office) -> None:
    first = office.put(b"1", "plan.txt", folder="a")
    kept_both = office.put(b"2", "plan.txt", folder="a")
    assert kept_both.document_id != first.document_id
    elsewhere = office.put(b"3", "plan.txt", folder="b", on_conflict="version")
    top = office.put(b"4", "plan.txt", on_conflict="version")
    assert len({first.document_id, elsewhere.document_id, top.document_id}) == 3
    replaced = office.put(b"5", "plan.txt", folder="a", on_conflict="version")
    assert replaced.document_id == kept_both.document_id
    again = office.put(b"6", "plan.txt", on_conflict="version")
    assert again.document_id == top.document_id
    assert find(office, top.document_id).current_version == 2


def test_a_duplicate_names_its_original(office: Office, other_tenant: TenantId) -> None:
    kept = office.put(b"1", "lease.txt", folder="contracts")
    upload = office.announce("copy.txt")
    with office.database.transaction(office.tenant) as session:
        documents.settle_upload(session, upload, "duplicate", duplicate_of=kept.document_id)
        original = documents.list_originals(session, [upload])[upload]
        assert (original.title, original.folder, original.is_removed) == (
            "lease", "contracts", False,
        )  # fmt: skip
        documents.remove_document(session, kept.document_id)
        removed = documents.list_originals(session, [upload])[upload]
        assert (removed.folder, removed.is_removed) == ("contracts", True)
    with office.database.transaction(other_tenant) as session:
        assert documents.list_originals(session, [upload]) == {}


def test_the_trash_is_listed_paged_and_emptied_by_restoring(office: Office) -> None:
    ids = [office.put(bytes([n]), folder="x").document_id for n in range(5)]
    for document_id in ids:
        with office.database.transaction(office.tenant) as session:
            documents.remove_document(session, document_id, removed_by=office.user)
    found, cursor = [], None
    with office.database.transaction(office.tenant) as session:
        while True:
            page = trash.list_removed(session, cursor=cursor, limit=2)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    assert [row.id for row in found] == ids[::-1]
    assert {(row.folder, row.removed_by) for row in found} == {("x", office.user)}
    with office.database.transaction(office.tenant) as session:
        trash.restore_document(session, ids[0], restored_by=office.user)
        with pytest.raises(NotFoundError):
            trash.restore_document(session, ids[0], restored_by=office.user)
        assert len(trash.list_removed(session, cursor=None, limit=9).items) == 4
    assert find(office, ids[0]).folder == "x"


def test_a_file_put_again_meanwhile_stays_the_only_one(office: Office) -> None:
    kept = office.put(b"1")
    with office.database.transaction(office.tenant) as session:
        documents.remove_document(session, kept.document_id)
    office.put(b"1", "again.txt")
    with office.database.transaction(office.tenant) as session:
        with pytest.raises(ConflictError, match="put again as “again”"):
            trash.restore_document(session, kept.document_id, restored_by=office.user)
        trash.begin_erasing(session, kept.document_id)
        assert trash.list_removed(session, cursor=None, limit=9).items == []
        assert trash.list_erasable(session, trash_days=30) == [kept.document_id]
