"""Trash and erasing over HTTP: taken out again without reading, or gone from every room."""

from __future__ import annotations

import gzip
from email.message import EmailMessage

import psycopg
import pytest

from shared.answering import conversations
from shared.answering import service as answering
from shared.answering.model import Question
from shared.documents import service as documents
from shared.documents import trash
from shared.identity.model import Principal
from shared.ingestion import readings
from shared.ingestion.derived import load_chunks, load_document, reading_prefix
from shared.ingestion.preferences import find_settings
from shared.kernel import killpoints
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import DocumentId, TenantId, UserId, new_id
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.documents.conftest import Ask
from tests.functions.pipeline import Pipeline

SECRET = "Zebrafinch"
TEXT = f"# Lease\n\nThe lease of the garden of {SECRET} ends on 31 December 2026.\n"
QUESTION = "When does the lease of the garden end?"


class CrashError(Exception):
    """Stands for kill -9 inside a process we want to keep."""


@pytest.fixture
def document(pipeline: Pipeline) -> DocumentId:
    return pipeline.put(TEXT, f"{SECRET}.md", folder=SECRET, metadata={"who": SECRET})


def mentions(owner_url: str, word: str) -> list[str]:
    """List the tables in which any row says a word; the append-only trail is another matter."""
    found = []
    with psycopg.connect(owner_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'kontor'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
            " AND relname NOT IN ('audit_events', 'folders') ORDER BY relname"
        ).fetchall()
        for (table,) in tables:
            query = f"SELECT count(*) FROM kontor.{table} AS t WHERE t::text ILIKE %s"
            (count,) = connection.execute(query.encode(), (f"%{word}%",)).fetchone() or (0,)
            found += [table] if count else []
    return found


def objects(desk: App) -> list[str]:
    return [info.key for prefix in ("uploads/", "derived/") for info in desk.objects.list(prefix)]


def all_versions(desk: App) -> int:
    listed = desk.objects._client.list_object_versions(Bucket=desk.objects.bucket)
    return len(listed.get("Versions", [])) + len(listed.get("DeleteMarkers", []))


def ask_about(desk: App, principal: Principal) -> answering.Answer:
    tools = answering.instruments(
        desk.settings,
        database=desk.database,
        embedder=desk.embedder,
        open_language_model=lambda _purpose="chat": None,
    )
    return answering.ask(tools, principal, Question(text=QUESTION), emit=lambda _event: None)


def test_a_removed_document_comes_back_without_being_read_again(
    ask: Ask, pipeline: Pipeline, document: DocumentId
) -> None:
    assert ask("DELETE", f"/documents/{document}").status == 204
    assert pipeline.find(QUESTION) == []
    assert ask("GET", f"/documents/{document}").status == 404
    (row,) = ask("GET", "/trash").body["items"]
    assert (row["id"], row["folder"], row["title"]) == (str(document), SECRET, SECRET)
    assert row["erased_at"] > row["removed_at"]
    embedded = len(pipeline.embedded)
    answer = ask("POST", f"/trash/{document}/restore")
    assert (answer.status, answer.body["folder"]) == (202, SECRET)
    pipeline.run()
    assert SECRET in pipeline.find(QUESTION)[0]
    assert len(pipeline.embedded) == embedded
    assert ask("GET", "/trash").body["items"] == []
    assert ask("POST", f"/trash/{document}/restore").status == 404


def test_a_document_comes_back_with_the_reading_that_was_searched(
    ask: Ask, pipeline: Pipeline, document: DocumentId, desk: App, tenant: TenantId
) -> None:
    with desk.database.transaction(tenant) as session:
        (version,) = documents.list_versions(session, document)
    first, second = (reading_prefix(tenant, version.id, number) for number in (1, 2))
    for info in list(desk.objects.list(first)):
        desk.objects.copy(info.key, info.key.replace(first, second))
    for name in ("chunks.json.gz", "document.json.gz"):
        text = gzip.decompress(desk.objects.get(first + name)).decode()
        body = gzip.compress(text.replace("2026", "2062").encode())
        desk.objects.put(second + name, body)
    with desk.database.transaction(tenant) as session:
        parsed = load_document(desk.objects, tenant, version.id, reading=2)
        chunks = load_chunks(desk.objects, tenant, version.id, reading=2)
        wanted = find_settings(session, default_tokens=64)
        readings.record_reading(session, version.id, parsed, chunks, settings=wanted, number=2)
        readings.activate(session, version.id, 2)
    embedded = len(pipeline.embedded)
    ask("DELETE", f"/documents/{document}")
    ask("POST", f"/trash/{document}/restore")
    pipeline.run()
    assert "2062" in pipeline.find(QUESTION)[0]
    assert len(pipeline.embedded) == embedded
    shown = ask("GET", f"/documents/{document}/versions/1/text").body
    assert (shown["reading"], "2062" in shown["text"]) == (2, True)
    desk.objects.remove(second)
    ask("DELETE", f"/documents/{document}")
    ask("POST", f"/trash/{document}/restore")
    pipeline.run()
    assert "2026" in pipeline.find(QUESTION)[0], "what is lost is read as at first"


def test_a_document_removed_while_it_was_read_is_read_once_it_is_back(
    ask: Ask, pipeline: Pipeline
) -> None:
    document = pipeline.job(pipeline.send(TEXT)).document_id
    ask("DELETE", f"/documents/{document}")
    ask("POST", f"/trash/{document}/restore")
    pipeline.run()
    assert SECRET in pipeline.find(QUESTION)[0]


def test_erasing_leaves_no_word_in_any_table_and_no_object(
    ask: Ask, pipeline: Pipeline, document: DocumentId, desk: App, editor: Principal, owner_url: str
) -> None:
    pipeline.put(TEXT.replace("2026", "2031"), f"{SECRET}2.md", document_id=document)
    pipeline.send(TEXT.replace("2026", "2031"), f"{SECRET} copy.md")
    ask("PATCH", f"/documents/{document}", body={"tags": [SECRET]})
    answer = ask_about(desk, editor)
    assert SECRET in answer.text
    assert len(mentions(owner_url, SECRET)) > 6
    assert ask("DELETE", f"/documents/{document}", query={"permanent": "true"}).status == 204
    assert mentions(owner_url, SECRET) == []
    assert mentions(owner_url, str(document)) == ["citations"]
    assert objects(desk) == []
    assert all_versions(desk) == 0
    with desk.database.transaction(editor.tenant_id) as session:
        thread = conversations.show_conversation(session, editor, answer.conversation_id)
        citation = conversations.find_citation(session, editor, answer.citations[0].id)
    assert "has been erased" in thread.messages[1].content
    assert (citation.title, citation.quote, citation.is_erased) == ("Erased document", "", True)
    for path in (f"/documents/{document}", f"/trash/{document}"):
        assert ask("DELETE", path, query={"permanent": "true"}).status == 404


def test_erasing_one_document_touches_no_other(
    ask: Ask, pipeline: Pipeline, document: DocumentId, desk: App, editor: Principal
) -> None:
    other = pipeline.put("# Hedge\n\nThe hedge is cut in May by the tenant.\n", "hedge.md")
    before = len(objects(desk))
    ask("DELETE", f"/documents/{document}", query={"permanent": "true"})
    assert 0 < len(objects(desk)) < before
    assert "hedge" in pipeline.find("When is the hedge cut?")[0]
    assert ask("GET", f"/documents/{other}").body["stage"] == "completed"


def test_what_is_in_the_trash_can_be_erased_at_once(
    ask: Ask, document: DocumentId, owner_url: str
) -> None:
    ask("DELETE", f"/documents/{document}")
    assert ask("DELETE", f"/trash/{document}").status == 204
    assert mentions(owner_url, SECRET) == []


def test_only_the_owner_and_administrators_erase(
    ask: Ask,
    document: DocumentId,
    tenant: TenantId,
    viewer: Principal,
    admin: Principal,
    stranger: Principal,
) -> None:
    path, query = f"/documents/{document}", {"permanent": "true"}
    colleague = Principal(tenant, UserId(new_id()), "col@acme.example", "editor")
    refused = ask("DELETE", path, query=query, principal=colleague)
    assert refused.status == 403
    assert "administrators" in refused.body["detail"]
    assert ask("DELETE", path, query=query, principal=viewer).status == 403
    assert ask("DELETE", path, query=query, principal=stranger).status == 404
    assert ask("GET", path).status == 200
    assert ask("DELETE", path, query=query, principal=admin).status == 204


def test_the_trash_is_closed_to_others(
    ask: Ask, document: DocumentId, viewer: Principal, stranger: Principal
) -> None:
    ask("DELETE", f"/documents/{document}")
    assert ask("GET", "/trash", principal=stranger).body["items"] == []
    assert ask("GET", "/trash", principal=None).status == 401
    restore = f"/trash/{document}/restore"
    assert ask("POST", restore, principal=stranger).status == 404
    assert ask("POST", restore, principal=viewer).status == 403
    assert ask("DELETE", f"/trash/{document}", principal=viewer).status == 403
    assert ask("DELETE", f"/trash/{document}", principal=stranger).status == 404
    assert ask("GET", "/trash", query={"cursor": "x"}).status == 422


@pytest.mark.parametrize("point", ["erase.hidden", "erase.original", "erase.derived", "erase.rows"])
def test_a_crash_while_erasing_hides_the_document_and_the_sweep_finishes(
    ask: Ask,
    pipeline: Pipeline,
    document: DocumentId,
    desk: App,
    tenant: TenantId,
    owner_url: str,
    point: str,
) -> None:
    with desk.database.transaction(tenant) as session:
        for version in documents.remove_document(session, document):
            desk.chunk_index.remove(session, version.id)
    with _dying_at(point), pytest.raises(CrashError):
        desk.erasure.erase(tenant, document)
    assert pipeline.find(QUESTION) == []
    if point != "erase.hidden":
        assert ask("POST", f"/trash/{document}/restore").status == 404
        assert ask("GET", "/trash").body["items"] == []
        assert desk.erasure.erase_due(tenant, trash_days=30) == 1
    else:
        desk.erasure.erase(tenant, document)
    assert mentions(owner_url, SECRET) == []
    assert objects(desk) == []
    assert desk.erasure.erase_due(tenant, trash_days=30) == 0


class _dying_at:  # noqa: N801 - reads as a phrase
    def __init__(self, point: str) -> None:
        self._point = point

    def __enter__(self) -> None:
        killpoints.arm(self._reach)

    def __exit__(self, *_: object) -> None:
        killpoints.arm(None)

    def _reach(self, reached: str) -> None:
        if reached == self._point:
            killpoints.arm(None)
            raise CrashError(reached)


def test_files_of_a_step_that_was_under_way_are_taken_later(
    ask: Ask, pipeline: Pipeline, desk: App, tenant: TenantId, owner_url: str
) -> None:
    job = pipeline.job(pipeline.send(TEXT, f"{SECRET}.md"))
    answer = ask("DELETE", f"/documents/{job.document_id}", query={"permanent": "true"})
    assert answer.status == 202
    desk.objects.put(f"derived/{tenant}/{job.version_id}/document.json.gz", b"late")
    assert desk.erasure.erase_due(tenant, trash_days=30) == 0
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.versions SET updated_at = now() - interval '1 hour'")
    assert desk.erasure.erase_due(tenant, trash_days=30) == 1
    assert mentions(owner_url, SECRET) == []
    assert objects(desk) == []


def mail(**files: bytes) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = SECRET, "ada@acme.example"
    message.set_content(f"Two files of {SECRET} for you.")
    for name, body in files.items():
        message.add_attachment(
            body, maintype="application", subtype="octet-stream", filename=f"{name}.md"
        )
    return message.as_bytes()


def test_what_came_inside_a_document_goes_and_comes_with_it(
    ask: Ask, pipeline: Pipeline, desk: App, owner_url: str
) -> None:
    inside = mail(lease=TEXT.encode(), damaged=b"\x00\x01 Zebrafinch \x00" * 9)
    parent = pipeline.put_as("message/rfc822", inside, f"{SECRET}.eml")
    pipeline.take_members()
    members = ask("GET", f"/documents/{parent}").body["members"]
    assert [(m["name"], m["state"]) for m in members] == [
        ("damaged.md", "rejected"), ("lease.md", "received"),
    ]  # fmt: skip
    child = members[1]["document_id"]
    assert SECRET in pipeline.find(QUESTION)[0]
    ask("DELETE", f"/documents/{parent}")
    assert ask("GET", f"/documents/{child}").status == 404
    assert pipeline.find(QUESTION) == []
    assert len(ask("GET", "/trash").body["items"]) == 2
    ask("POST", f"/trash/{parent}/restore")
    pipeline.run()
    assert ask("GET", f"/documents/{child}").body["stage"] == "completed"
    assert SECRET in pipeline.find(QUESTION)[0]
    assert ask("DELETE", f"/documents/{parent}", query={"permanent": "true"}).status == 204
    assert mentions(owner_url, SECRET) == []
    assert mentions(owner_url, str(child)) == []
    assert mentions(owner_url, "damaged.md") == []
    assert objects(desk) == []


def test_an_upload_for_a_document_in_the_trash_is_refused(
    ask: Ask, pipeline: Pipeline, document: DocumentId, desk: App, tenant: TenantId
) -> None:
    ask("DELETE", f"/documents/{document}")
    with desk.database.transaction(tenant) as session:
        assert trash.find_owner(session, document).is_removed
    with pytest.raises(documents.NotFoundError):
        pipeline.send("other", document_id=document)


def test_storage_that_is_away_is_said_and_the_rest_goes_later(
    desk: App, document: DocumentId, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.database.transaction(tenant) as session:
        documents.remove_document(session, document)
    client, desk.objects._client = desk.objects._client, _away(desk)
    with pytest.raises(UnavailableError):
        desk.erasure.erase(tenant, document)
    desk.objects._client = client
    assert desk.erasure.erase_due(tenant, trash_days=30) == 1
    with desk.database.transaction(tenant) as session:
        assert realtime.trace(session, document) == []


def _away(desk: App) -> object:
    """A client whose storage does not answer."""
    from shared.adapters import aws as clients

    return clients.client("s3", region=desk.settings.storage_region, endpoint="http://127.0.0.1:9")


def test_more_objects_than_one_call_names_are_all_removed(desk: App) -> None:
    for number in range(1_003):
        desk.objects.put(f"derived/x/{number:04}", b"1")
    desk.objects.put("derived/x/0000", b"2")
    desk.objects.put("derived/y", b"stays")
    assert desk.objects.remove("derived/x/") == 1_003
    assert objects(desk) == ["derived/y"]
    assert all_versions(desk) == 1
    assert desk.objects.remove("derived/x/") == 0
