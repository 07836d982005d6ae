"""Orphans: rows whose objects are gone, and objects of which no row knows.

Storage and database are written one after the other, so a crash can leave one without the other,
and people delete things by hand. Each sweep looks at one page and goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.objects import ObjectInfo, Objects
from shared.documents import service as documents
from shared.documents.model import Version
from shared.kernel.clock import now
from shared.kernel.ids import JobId, TenantId, VersionId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage
from shared.recovery import store

logger = logging.getLogger(__name__)
GRACE = timedelta(days=1)  # no step takes that long between its object and its row
VERSIONS_PER_SWEEP = 25  # each costs one request
OBJECTS_PER_SWEEP = 1000  # one page of a listing
FIRST_ID = str(UUID(int=0))
GONE = "The original file is missing from storage. Upload it again."
GONE_BUT_READ = "The original file is missing from storage; its text can still be searched."


@dataclass(frozen=True, slots=True)
class Orphans:
    """Looks for what has lost its other half in one tenant."""

    database: Database
    objects: Objects

    def sweep(self, tenant_id: TenantId) -> dict[str, int]:
        """Look at the next page of each kind; returns how many orphans of which kind it mended."""
        return {
            "versions_without_original": self._versions(tenant_id),
            "uploads_without_row": self._objects(tenant_id, "uploads", _knows_upload),
            "derived_without_row": self._objects(tenant_id, "derived", _knows_version),
        }

    def _versions(self, tenant_id: TenantId) -> int:
        """Tell of versions whose original is gone: unread ones fail, read ones carry a warning."""
        name = "versions"
        with self.database.transaction(tenant_id) as session:
            after = store.find_position(session, name) or FIRST_ID
            page = documents.list_versions_after(
                session, VersionId(UUID(after)), limit=VERSIONS_PER_SWEEP
            )
        gone = [v for v in page if not self.objects.has(v.object_key, version=v.object_version)]
        with self.database.transaction(tenant_id) as session:
            mended = sum(_tell_gone(session, version) for version in gone)
            reach("orphans.told")
            position = str(page[-1].id) if len(page) == VERSIONS_PER_SWEEP else ""
            store.record_position(session, name, position, found=mended)
        return mended

    def _objects(
        self, tenant_id: TenantId, kind: str, knows: Callable[[Session, UUID], bool]
    ) -> int:
        """Remove objects older than a day whose upload or version no row knows."""
        prefix = f"{kind}/{tenant_id}/"
        with self.database.transaction(tenant_id) as session:
            after = store.find_position(session, kind)
        page = list(islice(self.objects.list(prefix, after=after), OBJECTS_PER_SWEEP))
        removed = 0
        for folder, owner_id in _old_folders(prefix, page):
            with self.database.transaction(tenant_id) as session:
                is_known = knows(session, owner_id)
            if not is_known:
                removed += self.objects.remove(folder)
                reach("orphans.removed")
                logger.warning("object without a row removed", extra={"folder": folder})
        with self.database.transaction(tenant_id) as session:
            position = page[-1].key if len(page) == OBJECTS_PER_SWEEP else ""
            store.record_position(session, kind, position, found=removed)
        return removed


def _old_folders(prefix: str, page: list[ObjectInfo]) -> Iterator[tuple[str, UUID]]:
    """Give each folder below a prefix whose objects on this page are all old, and its id."""
    newest: dict[str, ObjectInfo] = {}
    for info in page:
        owner = info.key.removeprefix(prefix).partition("/")[0]
        if owner not in newest or info.modified_at > newest[owner].modified_at:
            newest[owner] = info
    for owner, info in newest.items():
        if info.modified_at > now() - GRACE:
            continue
        try:
            yield f"{prefix}{owner}/", UUID(owner)
        except ValueError:
            logger.warning("object is in no folder of ours", extra={"key": info.key})


def _knows_upload(session: Session, upload_id: UUID) -> bool:
    return documents.has_upload(session, JobId(upload_id))


def _knows_version(session: Session, version_id: UUID) -> bool:
    return documents.has_version(session, VersionId(version_id))


def _tell_gone(session: Session, version: Version) -> int:
    """Write into a version that its original is gone; returns 1 if that was news."""
    if version.stage == Stage.COMPLETED:
        return documents.warn(session, version.id, GONE_BUT_READ)
    if not documents.fail(session, version.id, GONE):
        return 0
    realtime.report(
        session,
        Report(
            job_id=version.job_id,
            stage=Stage.FAILED,
            progress=1.0,
            step="sweep",
            detail=GONE,
            document_id=version.document_id,
            version_id=version.id,
        ),
    )
    return 1
