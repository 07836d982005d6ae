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
INSERT INTO kontor.outbox (tenant_id, id, destination, name, payload)
VALUES (%(tenant_id)s, %(id)s, %(destination)s, %(name)s, %(payload)s::jsonb);

-- :name list_unsent :many Outgoing
-- Oldest first; rows another relay holds are skipped.
SELECT id, destination, name, payload
FROM kontor.outbox
WHERE tenant_id = %(tenant_id)s AND sent_at IS NULL
    AND created_at <= now() - make_interval(secs => %(older_than_s)s)
ORDER BY id
LIMIT 200
FOR UPDATE SKIP LOCKED;

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
