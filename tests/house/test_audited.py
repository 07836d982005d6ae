"""The trail: every route that changes something leaves an entry, or stands here with its reason.

Acts are found in two places: recorded by name in the code, and noted by the database at every
change of a table. Whatever is claimed here must exist there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import psycopg
import pytest

from infra.local.postgres import EmbeddedPostgres
from infra.local.serverless import load_service
from tests.databases import Databases
from tests.house.tree import ROOT, sources

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
SHELVES = ("folders", "documents", "collections")
# Route → one act that it leaves behind when it has done what it is for.
ACTS = {
    "DELETE /api/v1/caches": "caches.cleared",
    "DELETE /api/v1/collections/{collection_id}": "collection.removed",
    "DELETE /api/v1/collections/{collection_id}/documents/{document_id}": "collection.emptied",
    "DELETE /api/v1/conversations/{conversation_id}": "conversation.removed",
    "DELETE /api/v1/documents/{document_id}": "document.removed",
    "DELETE /api/v1/evaluation/ranking": "ranking.undone",
    "DELETE /api/v1/folders/{folder_id}": "folder.removed",
    "DELETE /api/v1/groups/{group_id}": "group.removed",
    "DELETE /api/v1/groups/{group_id}/members/{user_id}": "group.left",
    "DELETE /api/v1/invitations/{invitation_id}": "invitation.withdrawn",
    "DELETE /api/v1/keys/{key_id}": "key.changed",
    "DELETE /api/v1/llm/budgets/{scope}/{period}": "llm_budget.removed",
    "DELETE /api/v1/llm/routes/{name}": "llm_route.removed",
    "DELETE /api/v1/messages/{message_id}/feedback": "feedback.taken_back",
    "DELETE /api/v1/oidc/providers/{provider_id}": "provider.removed",
    "DELETE /api/v1/roles/{name}": "role.removed",
    "DELETE /api/v1/searches/{search_id}": "search.removed",
    "DELETE /api/v1/shares/{share_id}": "share.revoked",
    "DELETE /api/v1/tenant/erasure": "tenant_erasure.removed",
    "DELETE /api/v1/trash/{document_id}": "document.erase_requested",
    "DELETE /api/v1/users/{user_id}": "user.removed",
    "DELETE /api/v1/users/{user_id}/second-factor": "user.second_factor_reset",
    "DELETE /api/v1/users/{user_id}/sessions": "user.sessions_ended",
    "DELETE /api/v1/webhook-sources/{source_id}": "webhook_source.removed",
    "DELETE /api/v1/webhooks/{endpoint_id}": "webhook_endpoint.removed",
    "DELETE /auth/identities": "identity.parted",
    "DELETE /auth/sessions/{session_id}": "session.ended",
    "PATCH /api/v1/collections/{collection_id}": "collection.changed",
    "PATCH /api/v1/conversations/{conversation_id}": "conversation.changed",
    "PATCH /api/v1/documents/{document_id}": "document.changed",
    "PATCH /api/v1/folders/{folder_id}": "folder.moved",
    "PATCH /api/v1/groups/{group_id}": "group.changed",
    "PATCH /api/v1/keys/{key_id}": "key.changed",
    "PATCH /api/v1/roles/{name}": "role.changed",
    "PATCH /api/v1/searches/{search_id}": "search.changed",
    "PATCH /api/v1/users/{user_id}": "user.changed",
    "PATCH /api/v1/webhooks/{endpoint_id}": "webhook_endpoint.changed",
    "POST /api/v1/agents/runs": "agent.run_begun",
    "POST /api/v1/agents/runs/{run_id}/confirm": "agent.action_decided",
    "POST /api/v1/assets": "upload.announced",
    "POST /api/v1/chat": "question.asked",
    "POST /api/v1/collections": "collection.added",
    "POST /api/v1/collections/{collection_id}/documents": "collection.filled",
    "POST /api/v1/dead-letters/redrive": "dead_letter.redriven",
    "POST /api/v1/documents/{document_id}/versions/{number}/restore": "version.restored",
    "POST /api/v1/evaluation/runs": "evaluation_run.made",
    "POST /api/v1/folders": "folder.made",
    "POST /api/v1/groups": "group.added",
    "POST /api/v1/invitations": "invitation.sent",
    "POST /api/v1/keys": "key.made",
    "POST /api/v1/keys/{key_id}/rotate": "key.changed",
    "POST /api/v1/messages/{message_id}/feedback": "feedback.given",
    "POST /api/v1/oidc/providers": "provider.made",
    "POST /api/v1/reprocessings": "reprocessing.made",
    "POST /api/v1/reprocessings/{reprocessing_id}/abandon": "reprocessing.changed",
    "POST /api/v1/reprocessings/{reprocessing_id}/drop": "reprocessing.changed",
    "POST /api/v1/reprocessings/{reprocessing_id}/gate": "reprocessing.changed",
    "POST /api/v1/reprocessings/{reprocessing_id}/revert": "reprocessing.changed",
    "POST /api/v1/reprocessings/{reprocessing_id}/switch": "reprocessing.changed",
    "POST /api/v1/roles": "role.added",
    "POST /api/v1/searches": "search.saved",
    "POST /api/v1/shares": "share.made",
    "POST /api/v1/tenant/erasure": "tenant_erasure.made",
    "POST /api/v1/tenant/exports": "tenant_task.made",
    "POST /api/v1/trash/{document_id}/restore": "document.restored",
    "POST /api/v1/users": "user.added",
    "POST /api/v1/users/import": "user.imported",
    "POST /api/v1/users/{user_id}/erasure": "tenant_task.made",
    "POST /api/v1/users/{user_id}/export": "tenant_task.made",
    "POST /api/v1/webhook-sources": "webhook_source.made",
    "POST /api/v1/webhooks": "webhook_endpoint.made",
    "POST /api/v1/webhooks/{endpoint_id}/replay": "webhook_endpoint.replayed",
    "POST /api/v1/webhooks/{endpoint_id}/secret": "webhook_endpoint.changed",
    "POST /api/v1/webhooks/{endpoint_id}/test": "webhook_endpoint.tried",
    "POST /auth/email/confirm": "user.email_changed",
    "POST /auth/forms/{purpose}": "invitation.accepted",
    "POST /auth/identities": "identity.joining_begun",
    "POST /auth/identities/confirm": "identity.joined",
    "POST /auth/invitations/accept": "invitation.accepted",
    "POST /auth/login": "user.signed_in",
    "POST /auth/login/enrol": "user.second_factor_set",
    "POST /auth/login/second-factor": "user.signed_in",
    "POST /auth/logout": "user.signed_out",
    "POST /auth/logout-all": "user.signed_out_everywhere",
    "POST /auth/oidc/token": "user.signed_in",
    "POST /auth/oidc/{provider_id}/backchannel-logout": "session.ended_by_provider",
    "POST /auth/password": "user.password_changed",
    "POST /auth/password/reset": "user.password_reset",
    "POST /auth/register": "tenant.registered",
    "POST /auth/totp": "second_factor.made",
    "POST /auth/totp/confirm": "user.second_factor_set",
    "POST /auth/totp/disable": "user.second_factor_removed",
    "POST /auth/verify": "user.email_verified",
    "POST /auth/email": "user.email_change_asked",
    "POST /auth/totp/recovery-codes": "user.recovery_codes_renewed",
    "PUT /auth/language": "user.language_changed",
    "POST /hooks/{source_id}": "webhook.received",
    "POST /s/{token}": "share.opened",
    "POST /s/{token}/enter": "share.opened",
    "PUT /api/v1/evaluation/ranking": "ranking.changed",
    "PUT /api/v1/groups/{group_id}/members/{user_id}": "group.joined",
    "PUT /api/v1/llm/budgets/{scope}/{period}": "llm_budget.made",
    "PUT /api/v1/llm/routes/{name}": "llm_route.made",
    "PUT /api/v1/oidc/providers/{provider_id}": "provider.changed",
    "PUT /api/v1/settings/conversations": "conversations.keeping_changed",
    "PUT /api/v1/settings/reading": "reading_settings.made",
    "PUT /api/v1/sign-in-policy": "sign_in_policy.made",
    **{f"POST /api/v1/{kind}/{{{kind[:-1]}_id}}/access": "grant.made" for kind in SHELVES},
    **{f"PUT /api/v1/{kind}/{{{kind[:-1]}_id}}/access": "grant.made" for kind in SHELVES},
    **{
        f"DELETE /api/v1/{kind}/{{{kind[:-1]}_id}}/access/{{subject}}": "grant.removed"
        for kind in SHELVES
    },
}
_ONLY_READS = "it only reads; POST because what is asked for does not fit an address"
_OWN_RUN = "it goes on with a run whose beginning, and every act of which, is recorded"
REASONS = {
    "POST /api/v1/agents/runs/{run_id}/cancel": _OWN_RUN,
    "POST /api/v1/agents/runs/{run_id}/continue": _OWN_RUN,
    "POST /api/v1/agents/runs/{run_id}/reply": _OWN_RUN,
    "POST /api/v1/evaluation/fit": "it computes; what is adopted is recorded as ranking.changed",
    "POST /api/v1/evaluation/retrieval": _ONLY_READS,
    "POST /api/v1/llm/trials": "it changes nothing; what it costs stands in llm_calls",
    "POST /api/v1/messages/{message_id}/show": "it turns a page of one's own conversation",
    "POST /api/v1/messages/{message_id}/stop": "it ends one's own answer, which says so",
    "POST /api/v1/search": _ONLY_READS,
    "POST /api/v1/similar": _ONLY_READS,
    "POST /api/v1/searches/{search_id}/run": "it remembers what one has seen, for oneself",
    "POST /auth/password/forgot": "it sends a mail; following its link is recorded",
    "POST /auth/forms/{purpose}/again": "it sends a mail; following its link is recorded",
    "POST /auth/refresh": "the session goes on; its reuse is recorded as session.reuse_detected",
    "POST /auth/tickets": "it gives a pass for seconds; what is done with it is recorded",
    "POST /auth/verify/resend": "it sends a mail; following its link is recorded",
    "POST /v1/chat/completions": "the client keeps the conversation; calls stand in llm_calls",
    "POST /v1/embeddings": _ONLY_READS,
}
# Tables whose changes the database does not note by itself.
_ACT = "its changes are recorded as acts by the code that makes them"
_MACHINE = "machines write it, in the course of work that is recorded"
QUIET = {
    **dict.fromkeys(
        ("conversation_settings", "tenant_rankings", "message_feedback", "webhook_deliveries",
         "link_visits", "versions", "uploads", "dead_letters", "agent_runs", "agent_actions",
         "tenant_quotas"), _ACT),
    **dict.fromkeys(
        ("chunks", "chunk_vectors", "shadow_chunks", "shadow_vectors", "embedding_cache",
         "answer_cache", "cache_entries", "corpus_changes", "corpus_statistics",
         "corpus_versions", "lexeme_statistics", "readable_words", "title_tails",
         "mirrored_versions", "reprocessing_items", "readings", "members", "jobs", "job_events",
         "inbox", "outbox", "running_workflows", "running_answers", "connections",
         "subscriptions", "llm_cooldowns", "llm_calls", "llm_spending", "sweep_positions",
         "tenant_models", "agent_steps", "messages", "citations", "saved_search_runs",
         "message_sources", "agent_sources",
         "access_lists", "access_entries", "oidc_flows", "mails", "idempotent_requests",
         "rate_buckets"), _MACHINE),
    **dict.fromkeys(
        ("refresh_tokens", "one_time_tokens", "recovery_codes", "key_secrets", "tickets"),
        "it holds proofs; what is proved with them is recorded"),
    **dict.fromkeys(
        ("audit_events", "audit_links", "audit_heads", "audit_checkpoints", "audit_anchors",
         "tenant_tombstones"), "it is the trail, or what stays of one"),
}  # fmt: skip


def changing_routes() -> set[str]:
    """List what every function serves that may change something."""
    routes = {route.key for route in load_service(ROOT).http_routes}
    return {key for key in routes if key.partition(" ")[0] in CHANGING}


def undecided(routes: set[str], acts: dict[str, str], reasons: dict[str, str]) -> list[str]:
    """Complain of routes that leave no entry and give no reason, and of claims about none."""
    known = set(acts) | set(reasons)
    complaints = [f"{key}: say which act it leaves, or why none" for key in sorted(routes - known)]
    complaints += [f"{key}: there is no such route" for key in sorted(known - routes)]
    complaints += [f"{key}: act and reason" for key in sorted(set(acts) & set(reasons))]
    return complaints


def spoken() -> set[str]:
    """List the texts in the code that are written like acts."""
    return {
        node.value
        for source in sources(ROOT, "shared", "functions")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value
    }


def noted(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, set[str]]:
    """List the tables whose changes the database notes, and the acts it calls them by."""
    rows = connection.execute(
        "SELECT tgrelid::regclass::text, tgtype::int, encode(tgargs, 'escape') FROM pg_trigger"
        " WHERE tgfoid = 'kontor.note_change'::regproc"
    ).fetchall()
    found: dict[str, set[str]] = {}
    for table, kind, arguments in rows:
        name = str(arguments).split("\\000")[1]
        verbs = {4: "made", 8: "removed", 16: "changed"}
        acts = {f"{name}.{verb}" for bit, verb in verbs.items() if int(str(kind)) & bit}
        found.setdefault(str(table).removeprefix("kontor."), set()).update(acts)
    return found


@pytest.fixture(scope="module")
def catalog(
    postgres: EmbeddedPostgres, databases: Databases
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with databases.lend() as name, psycopg.connect(postgres.dsn(name)) as connection:
        yield connection


def test_every_changing_route_leaves_an_act_or_says_why_not() -> None:
    assert not undecided(changing_routes(), ACTS, REASONS)


def test_every_act_that_is_claimed_is_recorded_somewhere(
    catalog: psycopg.Connection[tuple[object, ...]],
) -> None:
    known = spoken() | {act for acts in noted(catalog).values() for act in acts}
    assert not sorted(set(ACTS.values()) - known)


def test_every_table_is_noted_or_says_why_not(
    catalog: psycopg.Connection[tuple[object, ...]],
) -> None:
    rows = catalog.execute("SELECT name FROM kontor.tenant_tables()").fetchall()
    tables = {str(name) for (name,) in rows}
    seen = set(noted(catalog))
    assert not sorted(tables - seen - set(QUIET)), "add a note_change trigger, or a reason"
    assert not sorted(set(QUIET) - tables)
    assert not sorted(set(QUIET) & seen)


def test_undecided_route_is_refused() -> None:
    assert not undecided({"POST /a", "PUT /b"}, {"POST /a": "a.done"}, {"PUT /b": "reads"})
    assert len(undecided({"POST /a"}, {}, {})) == 1
    assert len(undecided(set(), {"POST /a": "a.done"}, {})) == 1
    assert len(undecided({"POST /a"}, {"POST /a": "a.b"}, {"POST /a": "x"})) == 1
