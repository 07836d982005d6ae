"""Changes an agent may propose, and how each is carried out once its user has said yes.

An action is described by its stored arguments, never by a model's words, and carried out from
those same arguments, with the rights its user has at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.adapters.database import Session
from shared.agents import store
from shared.agents.desk import Desk
from shared.agents.model import Action, Memory, Proposal
from shared.agents.outgoing import check_url
from shared.agents.pages import read_page
from shared.agents.wording import wording
from shared.audit import service as audit
from shared.documents import descriptions
from shared.documents import service as documents
from shared.documents.descriptions import Change
from shared.documents.model import clean_tags, split_path
from shared.documents.service import NewUpload
from shared.kernel.errors import ConflictError, InvalidError
from shared.kernel.ids import DocumentId
from shared.kernel.safe_text import render
from shared.realtime import service as realtime

_LONGEST_TITLE = 120
_PERMISSION = "documents:write"


@dataclass(frozen=True, slots=True)
class Tool:
    """A change by name: the arguments it takes, how it is checked and how it is carried out."""

    arguments: Mapping[str, str]
    propose: Callable[[Session, Mapping[str, str], Memory], Proposal]
    carry_out: Callable[[Desk, Action, Memory], Mapping[str, object]]
    say: Callable[[Action, Memory], str]


class AmbiguousError(InvalidError):
    """Several documents are called like that; ``documents`` are some of them."""

    def __init__(self, detail: str, documents: list[DocumentId]) -> None:
        super().__init__(detail)
        self.documents = documents


def propose(desk: Desk, tool: str, arguments: Mapping[str, str], memory: Memory) -> Proposal:
    """Check what is wanted and put it into a proposal; nothing is changed.

    Raises RefusedError when the user may not change documents, InvalidError for what cannot be
    done, AmbiguousError when it must be asked which document is meant.
    """
    desk.principal.require(_PERMISSION)
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        return TOOLS[tool].propose(session, arguments, memory)


def carry_out(desk: Desk, action: Action, memory: Memory) -> Mapping[str, object]:
    """Carry out a confirmed action; a second time changes nothing more."""
    desk.principal.require(_PERMISSION)
    return TOOLS[action.tool].carry_out(desk, action, memory)


def say(action: Action, memory: Memory) -> str:
    """Say in a sentence what was done."""
    return TOOLS[action.tool].say(action, memory)


def _propose_page(_session: Session, arguments: Mapping[str, str], memory: Memory) -> Proposal:
    url = check_url(arguments.get("url", ""), memory)
    folder = "/".join(split_path(arguments.get("folder", "")))
    where = f" ({folder})" if folder else ""
    title = wording(memory.language).save_page.format(render(url), where)
    return Proposal("save_page", {"url": url, "folder": folder}, title)


def _save_page(desk: Desk, action: Action, memory: Memory) -> Mapping[str, object]:
    """Fetch the page and send it the way of every upload; who may read it says intake."""
    fetched = desk.outgoing.read(str(action.arguments["url"]), memory)
    page = read_page(fetched)
    if not page.text:
        raise InvalidError("The page holds no text.")
    user_id = desk.principal.user_id
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        _claim(session, desk, action)
        suffix = "txt" if fetched.media_type == "text/plain" else "html"
        name = (page.title or str(action.arguments["url"]).split("//", 1)[1])[:_LONGEST_TITLE]
        upload = documents.announce_upload(
            session,
            NewUpload(
                filename=f"{name.replace('/', ' ').strip() or 'page'}.{suffix}",
                size_bytes=len(fetched.body),
                claimed_type=fetched.media_type,
                folder=str(action.arguments["folder"]),
                metadata={"source_url": fetched.url},
            ),
            created_by=user_id,
            max_bytes=desk.max_upload_bytes,
            expiry_s=desk.upload_expiry_s,
        )
        realtime.open_job(session, job_id=upload.id, subject=upload.filename, created_by=user_id)
        _record(session, desk, action, f"job:{upload.id}")
    # After the commit, because intake looks for the upload as soon as the bytes are there. Whoever
    # goes on after a crash in between announces it again; the first one expires.
    desk.objects.put(upload.object_key, fetched.body, media_type=fetched.media_type)
    result = {"job_id": str(upload.id), "filename": upload.filename}
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        _settle(session, desk, action, result)
    return result


def _find_document(session: Session, arguments: Mapping[str, str], memory: Memory) -> store.Titled:
    """Find the one document that is called so; raises when there is none or several."""
    called = arguments.get("document", "").strip()
    words = wording(memory.language)
    found = store.list_titled(session, called) if called else []
    exact = [each for each in found if each.title.casefold() == called.casefold()]
    if len(exact) == 1:
        return exact[0]
    if not found:
        raise InvalidError(words.no_document.format(called))
    if len(found) > 1:
        titles = [each.title for each in found]
        raise AmbiguousError(
            words.which_document.format(", ".join(titles)), [each.id for each in found]
        )
    return found[0]


def _propose_tags(session: Session, arguments: Mapping[str, str], memory: Memory) -> Proposal:
    document = _find_document(session, arguments, memory)
    tags = clean_tags(arguments.get("tags", "").split(","))
    if not tags:
        raise InvalidError("There is no tag to add.")
    title = wording(memory.language).tag_document.format(document.title, ", ".join(tags))
    return Proposal(
        "tag_document",
        {"document_id": str(document.id), "title": document.title, "tags": tags},
        title,
    )


def _tag(desk: Desk, action: Action, _memory: Memory) -> Mapping[str, object]:
    tags = action.arguments["tags"]
    assert isinstance(tags, list)
    return _change(desk, action, Change(add_tags=[str(tag) for tag in tags]))


def _propose_move(session: Session, arguments: Mapping[str, str], memory: Memory) -> Proposal:
    document = _find_document(session, arguments, memory)
    folder = "/".join(split_path(arguments.get("folder", "")))
    if not folder:
        raise InvalidError("There is no folder to move it to.")
    title = wording(memory.language).move_document.format(document.title, folder)
    return Proposal(
        "move_document",
        {"document_id": str(document.id), "title": document.title, "folder": folder},
        title,
    )


def _move(desk: Desk, action: Action, _memory: Memory) -> Mapping[str, object]:
    return _change(desk, action, Change(folder=str(action.arguments["folder"])))


def _change(desk: Desk, action: Action, change: Change) -> Mapping[str, object]:
    document_id = DocumentId(UUID(str(action.arguments["document_id"])))
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        _claim(session, desk, action)
        descriptions.change_document(
            session, document_id, change, changed_by=desk.principal.user_id
        )
        _record(session, desk, action, f"document:{document_id}")
        result = {"document_id": str(document_id)}
        _settle(session, desk, action, result)
    return result


def _claim(session: Session, desk: Desk, action: Action) -> None:
    """Go on only if this very action is confirmed and not yet done; the change is one with it."""
    is_ours = store.change_action(
        session,
        action.id,
        "confirmed",
        before="confirmed",
        decided_by=desk.principal.user_id,
    )
    if not is_ours:
        raise ConflictError("This was done already, or never confirmed.")


def _settle(session: Session, desk: Desk, action: Action, result: Mapping[str, object]) -> None:
    store.change_action(
        session,
        action.id,
        "done",
        before="confirmed",
        decided_by=desk.principal.user_id,
        result=result,
    )


def _record(session: Session, desk: Desk, action: Action, subject: str) -> None:
    audit.record(
        session,
        actor_id=desk.principal.user_id,
        action=f"agent.{action.tool}",
        subject=subject,
        details={"action_id": str(action.id)},
    )


def _say_saved(_action: Action, memory: Memory) -> str:
    return wording(memory.language).saved


def _say_tagged(action: Action, memory: Memory) -> str:
    tags = action.arguments["tags"]
    assert isinstance(tags, list)
    said = ", ".join(map(str, tags))
    return wording(memory.language).tagged.format(action.arguments["title"], said)


def _say_moved(action: Action, memory: Memory) -> str:
    title, folder = action.arguments["title"], action.arguments["folder"]
    return wording(memory.language).moved.format(title, folder)


TOOLS: Mapping[str, Tool] = {
    "save_page": Tool(
        {"url": "address of a page", "folder": "folder path, may be empty"},
        _propose_page,
        _save_page,
        _say_saved,
    ),
    "tag_document": Tool(
        {"document": "its title", "tags": "tags, comma-separated"}, _propose_tags, _tag, _say_tagged
    ),
    "move_document": Tool(
        {"document": "its title", "folder": "folder path"}, _propose_move, _move, _say_moved
    ),
}
