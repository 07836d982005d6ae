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

-- :name record_dead_letter :exec
-- The same upload or version again is the same letter, open once more.
INSERT INTO kontor.dead_letters
    (tenant_id, id, source, subject, title, reason, error, correlation_id)
VALUES
    (%(tenant_id)s, %(id)s, %(source)s, %(subject)s, %(title)s, %(reason)s, %(error)s,
     %(correlation_id)s)
ON CONFLICT ON CONSTRAINT dead_letter_known DO UPDATE
SET times = dead_letters.times + 1, last_at = clock_timestamp(), reason = excluded.reason,
    error = excluded.error, correlation_id = excluded.correlation_id,
    redriven_at = NULL, redriven_by = NULL;

-- :name list_dead_letters :many DeadLetter
-- Newest first; ids are time-ordered.
SELECT id, source, subject, title, reason, error, correlation_id, times, first_at, last_at,
    redriven_at, redriven_by
FROM kontor.dead_letters
WHERE tenant_id = %(tenant_id)s
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
    AND (NOT %(open_only)s OR redriven_at IS NULL)
ORDER BY id DESC
LIMIT %(limit)s;

-- :name find_dead_letter :one DeadLetter
-- Locked: two redrives of one letter take turns.
SELECT id, source, subject, title, reason, error, correlation_id, times, first_at, last_at,
    redriven_at, redriven_by
FROM kontor.dead_letters
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
FOR UPDATE;

-- :name change_dead_letter_redriven :exec
-- Set going again; it stays on record.
UPDATE kontor.dead_letters
SET redriven_at = clock_timestamp(), redriven_by = %(redriven_by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND redriven_at IS NULL;

-- :name change_to_sent :exec
-- Sent once more after a crash in between is harmless: listeners are idempotent.
UPDATE kontor.outbox SET sent_at = now()
WHERE tenant_id = %(tenant_id)s AND id = ANY (%(ids)s);

-- :name remove_old_sent :exec
-- A day is kept for looking back.
DELETE FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s AND sent_at < now() - interval '1 day';

-- :name list_active_tenants :many TenantRow
-- The sweep's only question across tenants. Without LIMIT: nobody may be passed over.
SELECT tenant_id FROM kontor.list_active_tenants();

-- :name find_sweep_position :one SweepPosition
-- Where a search goes on.
SELECT name, position, found, swept_at
FROM kontor.sweep_positions
WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- :name list_sweep_positions :many SweepPosition
-- For looking at: what the last sweep found.
SELECT name, position, found, swept_at
FROM kontor.sweep_positions
WHERE tenant_id = %(tenant_id)s
ORDER BY name
LIMIT 100;

-- :name record_sweep_position :exec
-- One row for each search.
INSERT INTO kontor.sweep_positions (tenant_id, name, position, found)
VALUES (%(tenant_id)s, %(name)s, %(position)s, %(found)s::jsonb)
ON CONFLICT (tenant_id, name) DO UPDATE
SET position = excluded.position, found = excluded.found, swept_at = clock_timestamp();
