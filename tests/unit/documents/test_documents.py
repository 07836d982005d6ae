"""Folders, names, uploads and versions on a real database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.database import Database
from shared.documents import folders
from shared.documents import service as documents
from shared.documents.model import clean_filename, split_path, title_of, upload_key
from shared.documents.service import NewUpload, ReceivedFile
from shared.kernel.errors import InvalidError, NotFoundError, TooLargeError
from shared.kernel.ids import DocumentId, JobId, TenantId, UserId, new_id

USER = UserId(new_id())


def _announce(database: Database, tenant: TenantId, **fields: object) -> JobId:
    new = NewUpload(**{"filename": "a.txt", "size_bytes": 3, **fields})  # type: ignore[arg-type]
    with database.transaction(tenant) as session:
        return documents.announce_upload(
            session, new, created_by=USER, max_bytes=100, expiry_s=60
        ).id


def _keep(database: Database, tenant: TenantId, upload: JobId, content: bytes) -> documents.Kept:
    file = ReceivedFile(
        sha256=content.ljust(32, b"."), size_bytes=3, media_type="text/plain", object_version="1"
    )
    with database.transaction(tenant) as session:
        return documents.keep(session, documents.find_upload(session, upload), file)


@given(st.text())
def test_any_filename_becomes_a_plain_one_or_is_refused(filename: str) -> None:
    try:
        name = clean_filename(filename)
    except InvalidError:
        return
    assert name
    assert len(name) <= 255
    assert not set(name) & set("/\\\0\n\r")
    assert name not in {".", ".."}
    name.encode("utf-8")
    key = upload_key(TenantId(new_id()), JobId(new_id()), name)
    assert key.count("/") == 3
    assert key.isascii()


@pytest.mark.parametrize("path", ["a/../b", "..", "a/" + "x" * 256, "/".join("a" * 33), "a\x00b"])
def test_folder_paths_that_cannot_be_kept_are_refused(path: str) -> None:
    with pytest.raises(InvalidError):
        split_path(path)


def test_paths_and_titles_are_read_as_people_mean_them() -> None:
    assert split_path("/Verträge//2026\\Q3/") == ["Verträge", "2026", "Q3"]
    assert title_of("jahres_bericht.v2.pdf") == "jahres bericht.v2"
    assert title_of(".env") == ".env"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"size_bytes": 0}, InvalidError),
        ({"size_bytes": 101}, TooLargeError),
        ({"filename": "/"}, InvalidError),
        ({"filename": "a\ud800.txt"}, InvalidError),
        ({"document_id": DocumentId(new_id())}, NotFoundError),
        ({"metadata": {str(n): n for n in range(65)}}, InvalidError),
    ],
)
def test_announcements_that_cannot_work_are_refused(
    database: Database, tenant: TenantId, fields: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _announce(database, tenant, **fields)


def test_missing_folders_are_made_once(database: Database, tenant: TenantId) -> None:
    for _ in range(2):
        _announce(database, tenant, folder="Verträge/2026")
    with database.transaction(tenant) as session:
        page = folders.list_folders(session, cursor=None, limit=10)
    assert [folder.path for folder in page.items] == ["Verträge", "Verträge/2026"]


def test_lists_page_through_everything_once_and_respect_folders(
    database: Database, tenant: TenantId
) -> None:
    for number in range(7):
        folder = "a" if number % 2 else "ab"
        upload = _announce(database, tenant, filename=f"{number}.txt", folder=folder)
        _keep(database, tenant, upload, str(number).encode())
    titles, cursor = [], None
    with database.transaction(tenant) as session:
        while True:
            page = documents.list_documents(session, folder="", cursor=cursor, limit=3)
            titles += [row.title for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        inside = documents.list_documents(session, folder="a", cursor=None, limit=50)
    assert titles == ["6", "5", "4", "3", "2", "1", "0"]
    assert [row.title for row in inside.items] == ["5", "3", "1"]


def test_a_removed_document_frees_its_bytes_and_answers_not_found(
    database: Database, tenant: TenantId
) -> None:
    kept = _keep(database, tenant, _announce(database, tenant), b"1")
    assert _keep(database, tenant, _announce(database, tenant), b"1").outcome == "duplicate"
    with database.transaction(tenant) as session:
        (version,) = documents.remove_document(session, kept.document_id)
        assert version.id == kept.version_id
        with pytest.raises(NotFoundError):
            documents.find_document(session, kept.document_id)
        with pytest.raises(NotFoundError):
            documents.remove_document(session, kept.document_id)
    again = _keep(database, tenant, _announce(database, tenant), b"1")
    assert again.outcome == "new"
    assert again.document_id != kept.document_id


def test_not_yours_and_not_there_are_the_same(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    kept = _keep(database, tenant, _announce(database, tenant), b"1")
    with database.transaction(other_tenant) as session:
        with pytest.raises(NotFoundError) as theirs:
            documents.find_document(session, kept.document_id)
        with pytest.raises(NotFoundError) as nowhere:
            documents.find_document(session, DocumentId(new_id()))
        assert documents.list_documents(session, folder="", cursor=None, limit=9).items == []
    assert theirs.value.problem() == nowhere.value.problem()
