"""Quotas, jobs and tombstones; what an export holds, and what it leaves out for which reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.kernel.ids import TenantId

FORMAT: Final = "kontor-export/1"
KEPT_DAYS: Final = 7
EXPORTS: Final = "exports"
# Tables that an export holds, each as JSON lines.
EXPORTED: Final = (
    "tenants",
    "users",
    "roles",
    "groups",
    "group_members",
    "access_grants",
    "share_links",
    "api_keys",
    "sessions",
    "invitations",
    "identities",
    "oidc_providers",
    "sign_in_policies",
    "folders",
    "documents",
    "versions",
    "members",
    "collections",
    "collection_documents",
    "readings",
    "reading_settings",
    "conversations",
    "conversation_settings",
    "messages",
    "citations",
    "message_feedback",
    "saved_searches",
    "saved_search_runs",
    "agent_runs",
    "agent_steps",
    "agent_actions",
    "message_sources",
    "agent_sources",
    "evaluation_runs",
    "tenant_rankings",
    "tenant_models",
    "reprocessings",
    "llm_routes",
    "llm_budgets",
    "llm_spending",
    "llm_calls",
    "tenant_quotas",
    "tenant_tasks",
    "tenant_erasures",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_sources",
    "audit_events",
    "audit_links",
    "audit_checkpoints",
    "audit_anchors",
    "audit_heads",
)
_DERIVED: Final = "is computed from the originals"
_PROOF: Final = "proves who somebody is, and must not leave"
_PASSING: Final = "is work under way, over before anybody reads an export"
LEFT_OUT: Final[Mapping[str, str]] = {
    "chunks": _DERIVED,
    "chunk_vectors": _DERIVED,
    "shadow_chunks": _DERIVED,
    "shadow_vectors": _DERIVED,
    "embedding_cache": _DERIVED,
    "answer_cache": _DERIVED,
    "cache_entries": _DERIVED,
    "corpus_changes": _DERIVED,
    "corpus_statistics": _DERIVED,
    "corpus_versions": _DERIVED,
    "lexeme_statistics": _DERIVED,
    "readable_words": _DERIVED,
    "title_tails": _DERIVED,
    "mirrored_versions": _DERIVED,
    "reprocessing_items": _PASSING,
    "uploads": _PASSING,
    "jobs": _PASSING,
    "job_events": _PASSING,
    "inbox": _PASSING,
    "outbox": _PASSING,
    "running_workflows": _PASSING,
    "running_answers": _PASSING,
    "connections": _PASSING,
    "subscriptions": _PASSING,
    "llm_cooldowns": _PASSING,
    "sweep_positions": _PASSING,
    "dead_letters": _PASSING,
    "refresh_tokens": _PROOF,
    "one_time_tokens": _PROOF,
    "second_factors": _PROOF,
    "recovery_codes": _PROOF,
    "key_secrets": _PROOF,
    "tickets": _PROOF,
    "link_visits": _PROOF,
    "oidc_flows": _PASSING,
    "mails": _PASSING,
    "idempotent_requests": _PASSING,
    "rate_buckets": _PASSING,
    "access_lists": "is computed from the grants",
    "access_entries": "is computed from the grants",
    "tenant_tombstones": "is written when the tenant is gone",
}


@dataclass(frozen=True, slots=True)
class Task:
    """A job of a tenant: an export of all or of one person, or one person's erasure."""

    id: UUID
    kind: str
    person_id: UUID | None
    state: str
    position: dict[str, object]
    counts: dict[str, object]
    detail: str
    requested_by: UUID | None
    requested_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """A tenant that is to be erased, and when: until then it can be taken back."""

    requested_by: str
    requested_at: datetime
    due_at: datetime
    is_running: bool
    counts: dict[str, object]


@dataclass(frozen=True, slots=True)
class Work:
    """Something to go on with: an erasure, what an erased tenant left, or a task."""

    tenant_id: TenantId
    kind: str
    id: UUID

    def to_json(self) -> dict[str, object]:
        """Write it as a queue message."""
        return {"tenant_id": str(self.tenant_id), "kind": self.kind, "id": str(self.id)}

    @classmethod
    def from_json(cls, message: Mapping[str, str]) -> Work:
        """Read a queue message; raises KeyError or ValueError when it is none."""
        return cls(TenantId(UUID(message["tenant_id"])), message["kind"], UUID(message["id"]))


def export_prefix(tenant_id: TenantId, task_id: UUID) -> str:
    """Return where an export lies, ending in a slash."""
    return f"{EXPORTS}/{tenant_id}/{task_id}/"
