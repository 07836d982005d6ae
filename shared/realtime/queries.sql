-- :name record_job :exec
-- Opened together with its upload.
INSERT INTO kontor.jobs (tenant_id, id, stage, subject, correlation_id, created_by)
VALUES (%(tenant_id)s, %(id)s, 'waiting', %(subject)s, %(correlation_id)s, %(created_by)s);

-- :name change_job :one Job
-- Also the lock that orders the hops of one job.
UPDATE kontor.jobs
SET stage = %(stage)s, progress = %(progress)s, detail = %(detail)s,
    document_id = coalesce(%(document_id)s, document_id),
    version_id = coalesce(%(version_id)s, version_id),
    updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id, stage, progress, detail, subject, document_id, version_id, correlation_id,
    created_by, created_at, updated_at;

-- :name record_hop :one Hop
-- The job's row is locked, so the next number is free.
INSERT INTO kontor.job_events
    (tenant_id, job_id, sequence, at, stage, progress, step, detail, duration_ms)
SELECT %(tenant_id)s, %(job_id)s, count(*) + 1, clock_timestamp(), %(stage)s, %(progress)s,
    %(step)s, %(detail)s, %(duration_ms)s
FROM kontor.job_events
WHERE tenant_id = %(tenant_id)s AND job_id = %(job_id)s
RETURNING job_id, sequence, at, stage, progress, step, detail, duration_ms;

-- :name find_job :one Job
-- One job of the tenant.
SELECT id, stage, progress, detail, subject, document_id, version_id, correlation_id,
    created_by, created_at, updated_at
FROM kontor.jobs
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_jobs :many Job
-- Newest first; ids are time-ordered, so the id alone is the paging key.
SELECT id, stage, progress, detail, subject, document_id, version_id, correlation_id,
    created_by, created_at, updated_at
FROM kontor.jobs
WHERE tenant_id = %(tenant_id)s
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
    AND (NOT %(open_only)s OR stage NOT IN ('completed', 'failed'))
ORDER BY id DESC
LIMIT %(limit)s;

-- :name list_hops :many Hop
-- A job's story.
SELECT job_id, sequence, at, stage, progress, step, detail, duration_ms
FROM kontor.job_events
WHERE tenant_id = %(tenant_id)s AND job_id = %(job_id)s
ORDER BY sequence
LIMIT 2000;

-- :name list_document_hops :many Hop
-- The story of every job that touched a document.
SELECT e.job_id, e.sequence, e.at, e.stage, e.progress, e.step, e.detail, e.duration_ms
FROM kontor.job_events AS e
JOIN kontor.jobs AS j ON j.tenant_id = e.tenant_id AND j.id = e.job_id
WHERE e.tenant_id = %(tenant_id)s AND j.tenant_id = %(tenant_id)s
    AND j.document_id = %(document_id)s
ORDER BY e.at, e.sequence
LIMIT 2000;

-- :name record_connection :exec
-- API Gateway never reuses an id while it is open.
INSERT INTO kontor.connections (tenant_id, id, user_id, session_id, expires_at)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(session_id)s, %(expires_at)s)
ON CONFLICT (tenant_id, id) DO NOTHING;

-- :name find_connection :one Listener
-- Whether a connection may still speak and listen.
SELECT id AS connection_id FROM kontor.connections
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND expires_at > now();

-- :name remove_connection :exec
-- Its subscriptions go with it.
DELETE FROM kontor.connections WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name remove_expired_connections :exec
-- A lost $disconnect leaves a row behind; API Gateway closes connections after two hours.
DELETE FROM kontor.connections WHERE tenant_id = %(tenant_id)s AND expires_at < now();

-- :name record_subscription :exec
-- Subscribing twice is subscribing once.
INSERT INTO kontor.subscriptions (tenant_id, connection_id, topic)
VALUES (%(tenant_id)s, %(connection_id)s, %(topic)s)
ON CONFLICT DO NOTHING;

-- :name remove_subscription :exec
-- Unsubscribing from what was never subscribed is no error.
DELETE FROM kontor.subscriptions
WHERE tenant_id = %(tenant_id)s AND connection_id = %(connection_id)s AND topic = %(topic)s;

-- :name list_listeners :many Listener
-- A connection that listens on several topics hears a frame once; whoever may not see what it is
-- about hears nothing.
SELECT DISTINCT s.connection_id
FROM kontor.subscriptions AS s
JOIN kontor.connections AS c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
WHERE s.tenant_id = %(tenant_id)s AND c.tenant_id = %(tenant_id)s
    AND s.topic = ANY (%(topics)s) AND c.expires_at > now()
    AND kontor.would_see(CASE WHEN EXISTS (
            SELECT 1 FROM kontor.api_keys AS k
            WHERE k.tenant_id = %(tenant_id)s AND k.id = c.session_id
                AND NOT k.scopes && '{access:manage}'::text[]
        ) THEN 'keys:' ELSE 'user:' END || c.user_id::text,
        %(document_id)s::uuid, %(job_id)s::uuid)
LIMIT 10000;

-- :name remove_document_jobs :exec
-- Jobs carry the file's name and what was said of it; their hops go with them.
DELETE FROM kontor.jobs
WHERE tenant_id = %(tenant_id)s AND (document_id = %(document_id)s OR id = ANY (%(ids)s));
