"""Erasing: a tenant's files, rows, secrets and caches, until only a tombstone is left.

Whatever a crash interrupts is begun again and does no harm: what is gone stays gone. Nobody gets in
from the first step on, and the files go once more at the end, for steps that were under way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.adapters.cache import LayeredCache
from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.adapters.secrets import Secrets
from shared.kernel.ids import TenantId
from shared.kernel.killpoints import reach
from shared.tenancy import store
from shared.webhooks.service import secret_names

logger = logging.getLogger(__name__)
ROWS_AT_ONCE = 5000
# Needed until the external search index is empty: they say what is in it and in which.
_LAST = ("mirrored_versions", "tenant_models")
PREFIXES = ("uploads", "derived", "quarantine", "exports")
Mirror = Callable[[TenantId], int]


@dataclass(frozen=True, slots=True)
class TenantErasure:
    """The parts that erasing a tenant needs; ``mirror`` brings the external index in step."""

    database: Database
    objects: Objects
    secrets: Secrets
    cache: LayeredCache
    mirror: Mirror

    def run(self, tenant_id: TenantId, *, until: float) -> bool:
        """Erase as far as the time allows; True when the tenant is gone, or is not to go.

        Raises UnavailableError when something is away: the next run goes on.
        """
        with self.database.transaction(tenant_id) as session:
            if not store.begin_erasure(session):
                return True
            names = [*secret_names(session), *store.list_secret_names(session)]
        reach("tenant_erasure.begun")
        for name in names:
            self.secrets.remove(name)
        if not self._files(tenant_id, until) or not self._rows(tenant_id, _LAST, until):
            return False
        while self.mirror(tenant_id):
            if time.monotonic() > until:
                return False
        if not self._rows(tenant_id, (), until):
            return False
        self.cache.clear(tenant_id)
        with self.database.transaction(tenant_id) as session:
            store.finish_erasure(session)
        reach("tenant_erasure.rows")
        logger.info("tenant erased", extra={"erased_tenant": str(tenant_id)})
        return self._files(tenant_id, until)

    def sweep_remains(self, tenant_id: TenantId) -> None:
        """Remove what a step that was under way may have written after the end."""
        self._files(tenant_id, time.monotonic() + 60)

    def _files(self, tenant_id: TenantId, until: float) -> bool:
        for prefix in PREFIXES:
            self.objects.remove(f"{prefix}/{tenant_id}/")
            reach("tenant_erasure.files")
            if time.monotonic() > until:
                return False
        return True

    def _rows(self, tenant_id: TenantId, but: Sequence[str], until: float) -> bool:
        while True:
            with self.database.transaction(tenant_id) as session:
                erased = store.erase_rows(session, most=ROWS_AT_ONCE, but=but)
            reach("tenant_erasure.slice")
            if erased is None:
                return True
            if time.monotonic() > until:
                return False


def erase_person(session: Session, cache: LayeredCache, person_id: UUID) -> dict[str, object]:
    """Erase what names a person, and every answer that a cache may hold of theirs."""
    counts = store.erase_person(session, person_id)
    if session.tenant_id is not None:
        cache.clear(session.tenant_id)
    return counts
