-- :name charge_caller :one Standing
-- Outside any transaction: one statement, one round trip. No row when nothing is limited.
SELECT scope, per_minute, burst, tokens, is_allowed
FROM kontor.charge_caller(%(tenant)s::uuid, %(scope)s, %(caller)s, %(cost)s);

-- :name list_standings :many Standing
-- What is left of each limit, the caller's own first; nothing is taken.
SELECT scope, per_minute, burst, tokens, is_allowed
FROM kontor.rate_levels(%(tenant_id)s, %(scope)s, %(caller)s)
LIMIT 10;

-- :name find_plan :one Plan
-- The transaction's own tenant's.
SELECT plan FROM kontor.tenants WHERE id = %(tenant_id)s;

-- :name find_stored :one Stored
-- All versions of the tenant, those its caller may not see included.
SELECT kontor.stored_bytes(%(tenant_id)s) AS size_bytes;

-- :name change_plan :one Plan
-- Operators only: functions have no right to change a tenant. No row for an unknown one.
UPDATE kontor.tenants SET plan = %(plan)s
WHERE id = %(tenant_id)s AND EXISTS (SELECT 1 FROM kontor.plans AS p WHERE p.name = %(plan)s)
RETURNING plan;

-- :name forget_full_buckets :one Forgotten
-- Of every tenant at once; the function answers a number only.
SELECT kontor.forget_full_buckets() AS buckets;

-- :name record_request :one Begun
-- Begins a request, anew when its answer is too old or whoever began it must be dead.
INSERT INTO kontor.idempotent_requests AS r
    (tenant_id, id, state, request_hash, answer, taken_until, expires_at)
VALUES (%(tenant_id)s, %(id)s, 'INPROGRESS', %(request_hash)s, '', %(taken_until)s, %(expires_at)s)
ON CONFLICT (tenant_id, id) DO UPDATE SET
    state = excluded.state, request_hash = excluded.request_hash, answer = '',
    taken_until = excluded.taken_until, expires_at = excluded.expires_at
WHERE r.expires_at < clock_timestamp()
    OR (r.state = 'INPROGRESS' AND r.taken_until < clock_timestamp())
RETURNING id;

-- :name find_request :one KnownRequest
-- What is known of a request; whoever asks compares the hash.
SELECT state, request_hash, answer, taken_until, expires_at
FROM kontor.idempotent_requests
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_request_to_completed :exec
-- Keeps the answer. A row that somebody else took over in the meantime has their hash: same request.
UPDATE kontor.idempotent_requests
SET state = 'COMPLETED', answer = %(answer)s, expires_at = %(expires_at)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND request_hash = %(request_hash)s;

-- :name remove_request :exec
-- A request that failed may be tried again with the same key.
DELETE FROM kontor.idempotent_requests WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name remove_expired_requests :exec
-- Answers older than a day.
DELETE FROM kontor.idempotent_requests
WHERE tenant_id = %(tenant_id)s AND expires_at < clock_timestamp();
