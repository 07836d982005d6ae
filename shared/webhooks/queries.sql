-- :name record_endpoint :one Endpoint
-- The secret's name only: the secret itself is in no table.
INSERT INTO kontor.webhook_endpoints
    (tenant_id, id, url, description, events, secret_name, created_by)
VALUES (%(tenant_id)s, %(id)s, %(url)s, %(description)s, %(events)s, %(secret_name)s,
    %(created_by)s)
RETURNING id, url, description, events, state, detail, secret_name, former_secret_name,
    former_until, failing_since, created_at;

-- :name count_endpoints :one Counted
-- There is a most of them: every event would be sent to each.
SELECT count(*) AS count FROM kontor.webhook_endpoints WHERE tenant_id = %(tenant_id)s;

-- :name list_endpoints :many Endpoint
-- All of a tenant's, oldest first.
SELECT id, url, description, events, state, detail, secret_name, former_secret_name,
    former_until, failing_since, created_at
FROM kontor.webhook_endpoints
WHERE tenant_id = %(tenant_id)s
ORDER BY id
LIMIT 50;

-- :name find_endpoint :one Endpoint
-- One of a tenant's.
SELECT id, url, description, events, state, detail, secret_name, former_secret_name,
    former_until, failing_since, created_at
FROM kontor.webhook_endpoints
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
FOR UPDATE;

-- :name change_endpoint :one Endpoint
-- Setting it going again forgets how long it has failed.
UPDATE kontor.webhook_endpoints
SET url = coalesce(%(url)s, url), description = coalesce(%(description)s, description),
    events = coalesce(%(events)s, events), state = coalesce(%(state)s, state),
    detail = CASE WHEN %(state)s = 'active' THEN '' ELSE detail END,
    failing_since = CASE WHEN %(state)s = 'active' THEN NULL ELSE failing_since END,
    updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id, url, description, events, state, detail, secret_name, former_secret_name,
    former_until, failing_since, created_at;

-- :name change_secret :one Endpoint
-- The former secret goes on signing beside the new one for a while.
UPDATE kontor.webhook_endpoints
SET former_secret_name = secret_name, secret_name = %(secret_name)s,
    former_until = now() + make_interval(hours => %(hours)s), updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id, url, description, events, state, detail, secret_name, former_secret_name,
    former_until, failing_since, created_at;

-- :name remove_endpoint :one Endpoint
-- Its deliveries go with it.
DELETE FROM kontor.webhook_endpoints
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id, url, description, events, state, detail, secret_name, former_secret_name,
    former_until, failing_since, created_at;

-- :name list_listening :many Listening
-- Whoever is active; what they asked for is compared by the caller. An endpoint hears of documents
-- that whoever made it may see.
SELECT w.id, w.events
FROM kontor.webhook_endpoints AS w
WHERE w.tenant_id = %(tenant_id)s AND w.state = 'active'
    AND ((%(document_id)s::uuid IS NULL AND %(job_id)s::uuid IS NULL) OR kontor.would_see(
        'user:' || w.created_by::text, %(document_id)s::uuid, %(job_id)s::uuid))
ORDER BY w.id
LIMIT 50;

-- :name record_delivery :one Made
-- The bus may say a thing twice: no row the second time.
INSERT INTO kontor.webhook_deliveries (tenant_id, id, endpoint_id, event_id, event, body)
VALUES (%(tenant_id)s, %(id)s, %(endpoint_id)s, %(event_id)s, %(event)s, %(body)s)
ON CONFLICT ON CONSTRAINT webhook_event_once DO NOTHING
RETURNING id;

-- :name take_delivery :one Taken
-- One sender at a time; whoever dies holding it lets go after a minute.
UPDATE kontor.webhook_deliveries AS d
SET taken_until = now() + interval '1 minute', attempts = d.attempts + 1
FROM kontor.webhook_endpoints AS e
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(id)s AND d.state = 'waiting'
    AND (d.taken_until IS NULL OR d.taken_until < now())
    AND e.tenant_id = %(tenant_id)s AND e.id = d.endpoint_id AND e.state = 'active'
RETURNING d.id, d.endpoint_id, d.attempts, d.body, e.url, e.secret_name, e.former_secret_name,
    e.former_until, e.failing_since;

-- :name settle_delivery :exec
-- What an attempt came to; waiting ones are due again later.
UPDATE kontor.webhook_deliveries
SET state = %(state)s, status = %(status)s, detail = %(detail)s, duration_ms = %(duration_ms)s,
    taken_until = NULL, due_at = now() + make_interval(secs => %(delay_s)s),
    finished_at = CASE WHEN %(state)s = 'waiting' THEN NULL ELSE now() END
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name note_success :exec
-- One good answer and it has never failed.
UPDATE kontor.webhook_endpoints SET failing_since = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND failing_since IS NOT NULL;

-- :name note_failure :exec
-- Since when it has given no good answer.
UPDATE kontor.webhook_endpoints SET failing_since = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND failing_since IS NULL;

-- :name disable_endpoint :exec
-- Until somebody sets it going again.
UPDATE kontor.webhook_endpoints SET state = 'disabled', detail = %(detail)s, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'active';

-- :name list_deliveries :many Delivery
-- Newest first; ids are time-ordered.
SELECT id, endpoint_id, event, state, attempts, due_at, status, detail, duration_ms, created_at,
    finished_at
FROM kontor.webhook_deliveries
WHERE tenant_id = %(tenant_id)s AND endpoint_id = %(endpoint_id)s
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
    AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- :name replay_deliveries :many Made
-- The same bytes under the same id: receivers that know them already need not act again.
UPDATE kontor.webhook_deliveries
SET state = 'waiting', attempts = 0, due_at = now(), taken_until = NULL, finished_at = NULL
WHERE tenant_id = %(tenant_id)s AND endpoint_id = %(endpoint_id)s AND id = ANY (%(ids)s)
    AND state <> 'waiting'
RETURNING id;

-- :name list_dead :many Made
-- What was given up on, oldest first.
SELECT id FROM kontor.webhook_deliveries
WHERE tenant_id = %(tenant_id)s AND endpoint_id = %(endpoint_id)s AND state = 'dead'
ORDER BY id
LIMIT 200;

-- :name list_due :many Made
-- Whose message was lost, or whose time has come; not again before a minute is over.
UPDATE kontor.webhook_deliveries AS d SET due_at = now()
WHERE d.tenant_id = %(tenant_id)s AND d.id IN (
    SELECT w.id FROM kontor.webhook_deliveries AS w
    JOIN kontor.webhook_endpoints AS e ON e.tenant_id = w.tenant_id AND e.id = w.endpoint_id
    WHERE w.tenant_id = %(tenant_id)s AND e.tenant_id = %(tenant_id)s AND e.state = 'active'
        AND w.state = 'waiting' AND w.due_at < now() - interval '1 minute'
        AND (w.taken_until IS NULL OR w.taken_until < now())
    ORDER BY w.due_at
    LIMIT 200
)
RETURNING d.id;

-- :name remove_old_deliveries :exec
-- Finished a month ago.
DELETE FROM kontor.webhook_deliveries
WHERE tenant_id = %(tenant_id)s AND state <> 'waiting'
    AND finished_at < now() - interval '30 days';

-- :name record_source :one Source
-- Its id is the address: random, not time-ordered.
INSERT INTO kontor.webhook_sources
    (tenant_id, id, name, scheme, effect, folder, folder_id, secret_name, created_by)
VALUES (%(tenant_id)s, %(id)s, %(name)s, %(scheme)s, %(effect)s, %(folder)s, %(folder_id)s,
    %(secret_name)s, %(created_by)s)
RETURNING id, name, scheme, effect, folder, folder_id, secret_name, received, received_at,
    created_by, created_at;

-- :name list_sources :many Source
-- All of a tenant's.
SELECT id, name, scheme, effect, folder, folder_id, secret_name, received, received_at,
    created_by, created_at
FROM kontor.webhook_sources
WHERE tenant_id = %(tenant_id)s
ORDER BY created_at, id
LIMIT 50;

-- :name find_source :one Source
-- One of a tenant's.
SELECT id, name, scheme, effect, folder, folder_id, secret_name, received, received_at,
    created_by, created_at
FROM kontor.webhook_sources
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name remove_source :one Source
-- From now on nobody is there.
DELETE FROM kontor.webhook_sources
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id, name, scheme, effect, folder, folder_id, secret_name, received, received_at,
    created_by, created_at;

-- :name count_received :exec
-- For whoever asks whether anything comes at all.
UPDATE kontor.webhook_sources SET received = received + 1, received_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_source_tenant :one Owner
-- In a system transaction: the address says whose it is, the signature that it is meant.
SELECT kontor.find_webhook_tenant(%(id)s) AS tenant_id;
