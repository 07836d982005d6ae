-- :name find_receipt :one Receipt
-- What a consumer answered when it first handled this message.
SELECT result
FROM kontor.inbox
WHERE tenant_id = %(tenant_id)s AND consumer = %(consumer)s AND message_key = %(message_key)s;

-- :name record_receipt :exec
-- A second handler of the same message waits here for the first and then finds the conflict.
INSERT INTO kontor.inbox (tenant_id, consumer, message_key, result)
VALUES (%(tenant_id)s, %(consumer)s, %(message_key)s, %(result)s::jsonb)
ON CONFLICT DO NOTHING;

-- :name remove_receipts :exec
-- Forgets receipts so that a restarted workflow does its work again.
DELETE FROM kontor.inbox
WHERE tenant_id = %(tenant_id)s AND message_key LIKE %(message_key)s || '%%';

-- :name remove_old_receipts :exec
-- Repeats come within hours; two weeks is the longest a queue keeps a message.
DELETE FROM kontor.inbox
WHERE tenant_id = %(tenant_id)s AND received_at < now() - interval '15 days';

-- :name record_outgoing :exec
-- Commits with the effects it announces.
INSERT INTO kontor.outbox (tenant_id, id, destination, name, payload, priority)
VALUES (%(tenant_id)s, %(id)s, %(destination)s, %(name)s, %(payload)s::jsonb, %(priority)s);

-- :name list_unsent :many Outgoing
-- Everything that waits, oldest first: for looking at it.
SELECT id, destination, name, payload
FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s AND sent_at IS NULL
    AND created_at <= now() - make_interval(secs => %(older_than_s)s)
ORDER BY id
LIMIT 200;

-- :name list_unsent_facts :many Outgoing
-- Oldest first; rows another relay holds are skipped.
SELECT id, destination, name, payload
FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s AND sent_at IS NULL AND destination = 'bus'
    AND created_at <= now() - make_interval(secs => %(older_than_s)s)
ORDER BY id
LIMIT 200
FOR UPDATE SKIP LOCKED;

-- :name find_capacity :one Capacity
-- How much runs of this tenant and of all, and how many tenants share what may run.
SELECT own.running AS running_here, everywhere.running AS running_everywhere, everywhere.tenants
FROM (
    SELECT count(*) AS running FROM kontor.running_workflows WHERE tenant_id = %(tenant_id)s
) AS own
CROSS JOIN kontor.count_running_workflows() AS everywhere;

-- :name has_waiting_starts :one Waiting
-- Asked first, so that a relay with nothing to start takes no lock.
SELECT EXISTS (
    SELECT 1 FROM kontor.outbox
    WHERE tenant_id = %(tenant_id)s AND sent_at IS NULL AND destination = 'ingest_workflow'
        AND created_at <= now() - make_interval(secs => %(older_than_s)s)
) AS is_waiting;

-- :name is_start_waiting :one Waiting
-- Silence of a version whose turn has not come is no sign of trouble.
SELECT EXISTS (
    SELECT 1 FROM kontor.outbox
    WHERE tenant_id = %(tenant_id)s AND sent_at IS NULL AND destination = 'ingest_workflow'
        AND name = %(name)s
) AS is_waiting;

-- :name lock_starts :exec
-- Relays of one tenant count and start one after another, so that together they keep the limit.
SELECT pg_advisory_xact_lock(hashtextextended('starts' || %(tenant_id)s::text, 0));

-- :name list_waiting_starts :many Outgoing
-- By priority, but a quarter of an hour of waiting outweighs one step of it: nobody starves.
SELECT id, destination, name, payload
FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s AND sent_at IS NULL AND destination = 'ingest_workflow'
    AND created_at <= now() - make_interval(secs => %(older_than_s)s)
ORDER BY created_at + priority * interval '15 minutes', id
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- :name record_running :exec
-- Started twice is running once.
INSERT INTO kontor.running_workflows (tenant_id, name)
VALUES (%(tenant_id)s, %(name)s)
ON CONFLICT DO NOTHING;

-- :name remove_running :exec
-- Settled, or found dead.
DELETE FROM kontor.running_workflows WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- :name list_running :many Running
-- Oldest first: whose end nobody has told of is found among these.
SELECT name
FROM kontor.running_workflows
WHERE tenant_id = %(tenant_id)s
    AND started_at < now() - make_interval(secs => %(older_than_s)s)
ORDER BY started_at
LIMIT 100;

-- :name list_waiting_tenants :many TenantRow
-- Whose turn it is when something has ended.
SELECT tenant_id FROM kontor.list_waiting_tenants() LIMIT 4;

-- :name find_interruptions :one Interruptions
-- How often a version's workflow ended for want of something, and since when.
SELECT count(*) AS times, min(received_at) AS since
FROM kontor.inbox
WHERE tenant_id = %(tenant_id)s AND consumer = %(consumer)s
    AND message_key LIKE %(message_key)s || '%%'
    AND result ->> 'outcome' = %(outcome)s;

-- :name change_to_sent :exec
-- Sent once more after a crash in between is harmless: listeners are idempotent.
UPDATE kontor.outbox SET sent_at = now()
WHERE tenant_id = %(tenant_id)s AND id = ANY (%(ids)s);

-- :name remove_old_sent :exec
-- A day is kept for looking back.
DELETE FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s AND sent_at < now() - interval '1 day';

-- :name remove_outgoing_of :exec
-- Announcements of a document that is erased and of its jobs: they name its file.
DELETE FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s
    AND (payload ->> 'document_id' = %(document_id)s
        OR payload -> 'task' ->> 'document_id' = %(document_id)s
        OR payload ->> 'job_id' = ANY (%(job_ids)s));

-- :name list_active_tenants :many TenantRow
-- The sweep's only question across tenants. Without LIMIT: nobody may be passed over.
SELECT tenant_id FROM kontor.list_active_tenants();

-- :name find_corpus_state :one CorpusState
-- Part of every cache's key; a tenant that nothing was ever put into is at 0.
SELECT coalesce((
    SELECT v.version FROM kontor.corpus_versions AS v WHERE v.tenant_id = %(tenant_id)s
), 0) AS version, kontor.audience() AS audience;

-- :name find_cache_entry :one EntryRow
-- One look-up by the whole key.
SELECT content, expires_at
FROM kontor.cache_entries
WHERE tenant_id = %(tenant_id)s AND digest = %(digest)s AND expires_at > now();

-- :name record_cache_entry :exec
-- A cache cleans up as it is filled: each write takes some of what has expired with it.
WITH expired AS (
    DELETE FROM kontor.cache_entries AS e
    WHERE e.tenant_id = %(tenant_id)s AND e.digest IN (
        SELECT o.digest FROM kontor.cache_entries AS o
        WHERE o.tenant_id = %(tenant_id)s AND o.expires_at < now() AND o.digest <> %(digest)s
        LIMIT 20
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO kontor.cache_entries (tenant_id, digest, space, content, expires_at)
VALUES (%(tenant_id)s, %(digest)s, %(space)s, %(content)s, %(expires_at)s)
ON CONFLICT (tenant_id, digest)
DO UPDATE SET content = excluded.content, expires_at = excluded.expires_at;

-- :name remove_cache_entries :exec
-- Everything of the tenant.
DELETE FROM kontor.cache_entries WHERE tenant_id = %(tenant_id)s;

-- :name remove_expired_entries :exec
-- What nobody wrote over; the sweep takes it.
DELETE FROM kontor.cache_entries WHERE tenant_id = %(tenant_id)s AND expires_at < now();

-- :name remove_expired_answers :exec
-- Answers have their time as well.
DELETE FROM kontor.answer_cache WHERE tenant_id = %(tenant_id)s AND expires_at < now();

-- :name clear_caches :exec
-- By hand: the corpus version rises, and with it every key changes.
SELECT kontor.clear_caches();

-- :name find_cache_sizes :one CacheSizes
-- What an administrator is shown.
SELECT
    (SELECT count(*) FROM kontor.cache_entries AS e
        WHERE e.tenant_id = %(tenant_id)s AND e.expires_at > now()) AS entry_count,
    (SELECT coalesce(sum(length(e.content)), 0) FROM kontor.cache_entries AS e
        WHERE e.tenant_id = %(tenant_id)s AND e.expires_at > now())::bigint AS size_bytes,
    (SELECT count(*) FROM kontor.answer_cache AS a
        WHERE a.tenant_id = %(tenant_id)s AND a.expires_at > now()) AS answer_count,
    (SELECT count(*) FROM kontor.embedding_cache AS v
        WHERE v.tenant_id = %(tenant_id)s) AS vector_count;
