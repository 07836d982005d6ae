-- :name record_event :one AuditEvent
-- Commits with the change it tells of; the role has no right to update or delete.
INSERT INTO kontor.audit_events
    (tenant_id, id, actor_id, action, subject, correlation_id, details)
VALUES (%(tenant_id)s, %(id)s, %(actor_id)s, %(action)s, %(subject)s, %(correlation_id)s,
    %(details)s::jsonb)
RETURNING id, at, actor_id, action, subject, correlation_id, details;

-- :name list_events :many AuditEvent
-- Newest first; ids are time-ordered, so the id alone is the paging key.
SELECT id, at, actor_id, action, subject, correlation_id, details
FROM kontor.audit_events
WHERE tenant_id = %(tenant_id)s
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
    AND (%(action)s::text IS NULL OR action = %(action)s)
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY id DESC
LIMIT %(limit)s;
