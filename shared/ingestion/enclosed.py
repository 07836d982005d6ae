"""Files inside a file on their way to become documents: announced with it, delivered after it.

The bytes lie among the parent's derived files before the transaction; the transaction records
an upload and a job for each; then they are copied to where intake takes them. A crash between
the last two is mended by whoever comes next: the repeated step, or the sweep.
"""

from __future__ import annotations

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.documents import members
from shared.documents.folders import find_home, make_folder
from shared.documents.members import MAX_DEPTH, MAX_MEMBERS, NewMember
from shared.documents.model import Version, derived_prefix, title_of
from shared.ingestion.model import Attachment, ParsedDocument
from shared.ingestion.task import IngestTask
from shared.kernel.errors import InvalidError
from shared.kernel.ids import FolderId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime

ARCHIVE = "application/zip"


def announce(
    session: Session, task: IngestTask, version: Version, document: ParsedDocument
) -> tuple[str, ...]:
    """Record the files inside a version that has just been read; returns what was left out."""
    if not document.attachments:
        return ()
    place = _Place(session, version)
    prefix = f"{derived_prefix(task.tenant_id, task.version_id)}files/"
    announced = members.announce(
        session,
        version,
        [
            NewMember(
                name=one.name,
                size_bytes=one.size_bytes,
                source_key=prefix + one.file,
                folder_id=place.of(one),
            )
            for one in document.attachments
        ],
    )
    for upload in announced.uploads:
        realtime.open_job(
            session, job_id=upload.id, subject=upload.filename, created_by=upload.created_by
        )
    reach("parse.announced")
    return _left_out(announced)


def deliver(database: Database, objects: Objects, task: IngestTask) -> None:
    """Copy the files inside a version to where intake takes them; what lies there stays."""
    with database.transaction(task.tenant_id) as session:
        waiting = members.list_undelivered(session, task.version_id)
    for one in waiting:
        if objects.describe(one.object_key) is None:
            objects.copy(one.source_key, one.object_key)
            reach("parse.delivered")


class _Place:
    """Decides the folder of each file: the parent's, and an archive's own below it."""

    def __init__(self, session: Session, version: Version) -> None:
        self._session = session
        self._version = version
        self._home = find_home(session, version.document_id)
        is_archive = version.media_type == ARCHIVE
        self._own = title_of(version.filename).replace("/", "_") if is_archive else ""
        self._known: dict[str, FolderId | None] = {}

    def of(self, attachment: Attachment) -> FolderId | None:
        """Return the folder of one file, made if it is missing."""
        inner = attachment.name.rpartition("/")[0]
        path = "/".join(part for part in (self._own, inner) if part)
        if path not in self._known:
            self._known[path] = self._made(path)
        return self._known[path]

    def _made(self, path: str) -> FolderId | None:
        """Return the folder at a path below the parent's, or the nearest that can be made."""
        by = self._version.created_by
        while path:
            try:
                return make_folder(self._session, path, created_by=by, within=self._home)
            except InvalidError:
                # Deeper or longer than folders may be.
                path = path.rpartition("/")[0]
        return self._home


def _left_out(announced: members.Announced) -> tuple[str, ...]:
    warnings: list[str] = []
    if announced.too_deep:
        warnings.append(
            f"{announced.too_deep:,} files inside were left out: they lie more than {MAX_DEPTH} "
            "files deep. Put them in by themselves."
        )
    if announced.too_many:
        warnings.append(
            f"{announced.too_many:,} files inside were left out: at most {MAX_MEMBERS:,} are "
            "taken out of one file. Split it."
        )
    return tuple(warnings)
