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
