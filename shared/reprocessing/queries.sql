-- :name record_reprocessing :exec
-- The index on open ones refuses a second at the same time.
INSERT INTO kontor.reprocessings (
    tenant_id, id, reason, document_id, folder, model, model_id, state, started_by
)
VALUES (
    %(tenant_id)s, %(id)s, %(reason)s, %(document_id)s, %(folder)s, %(model)s, %(model_id)s,
    'running', %(started_by)s
);

-- :name find_reprocessing :one Reprocessing
-- One of the tenant's.
SELECT id, reason, document_id, folder, model, model_id, state, gate, started_by, created_at,
    updated_at
FROM kontor.reprocessings
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name lock_reprocessing :one Reprocessing
-- Changes of state take turns.
SELECT id, reason, document_id, folder, model, model_id, state, gate, started_by, created_at,
    updated_at
FROM kontor.reprocessings
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
FOR UPDATE;

-- :name list_reprocessings :many Reprocessing
-- Newest first; ids are in the order of time.
SELECT id, reason, document_id, folder, model, model_id, state, gate, started_by, created_at,
    updated_at
FROM kontor.reprocessings
WHERE tenant_id = %(tenant_id)s
ORDER BY id DESC
LIMIT %(limit)s;

-- :name list_unfinished :many Reprocessing
-- What the sweep goes on with: open ones, and the model in use, which later documents need too.
SELECT r.id, r.reason, r.document_id, r.folder, r.model, r.model_id, r.state, r.gate,
    r.started_by, r.created_at, r.updated_at
FROM kontor.reprocessings AS r
WHERE r.tenant_id = %(tenant_id)s AND (
    r.state IN ('running', 'ready', 'switching', 'reverting')
    OR (r.state = 'switched' AND r.reason = 'model' AND r.id = (
        SELECT max(m.id::text)::uuid FROM kontor.reprocessings AS m
        WHERE m.tenant_id = %(tenant_id)s AND m.reason = 'model' AND m.state = 'switched'
    ))
)
ORDER BY r.id
LIMIT 10;

-- :name change_state :exec
-- From one of the states in which that is allowed.
UPDATE kontor.reprocessings SET state = %(state)s, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = ANY (%(allowed)s);

-- :name change_gate :exec
-- What the gate measured last.
UPDATE kontor.reprocessings SET gate = %(gate)s::jsonb, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name plan_readings :exec
-- Every current, completed version in scope gets its next reading.
INSERT INTO kontor.reprocessing_items (
    tenant_id, reprocessing_id, version_id, document_id, reading, former_reading, state
)
SELECT %(tenant_id)s, %(id)s, v.id, v.document_id,
    greatest(1, coalesce((
        SELECT max(r.number) FROM kontor.readings AS r
        WHERE r.tenant_id = %(tenant_id)s AND r.version_id = v.id
    ), 1)) + 1,
    coalesce((
        SELECT r.number FROM kontor.readings AS r
        WHERE r.tenant_id = %(tenant_id)s AND r.version_id = v.id AND r.is_active
    ), 1),
    'planned'
FROM kontor.documents AS d
JOIN kontor.versions AS v ON v.tenant_id = %(tenant_id)s AND v.id = d.current_version_id
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s AND f.id = d.folder_id
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL AND v.stage = 'completed'
    AND (%(document_id)s::uuid IS NULL OR d.id = %(document_id)s)
    AND (%(folder)s = '' OR f.path = %(folder)s OR starts_with(f.path, %(folder)s || '/'))
ON CONFLICT DO NOTHING;

-- :name plan_vectors :exec
-- Every version in the index that lacks a vector of the model; one done before is done again.
INSERT INTO kontor.reprocessing_items AS i (
    tenant_id, reprocessing_id, version_id, document_id, reading, former_reading, state
)
SELECT %(tenant_id)s, %(id)s, c.version_id, c.document_id, c.reading, c.reading, 'planned'
FROM kontor.chunks AS c
WHERE c.tenant_id = %(tenant_id)s AND NOT EXISTS (
    SELECT 1 FROM kontor.chunk_vectors AS v
    WHERE v.tenant_id = %(tenant_id)s AND v.model_id = %(model_id)s AND v.chunk_id = c.id
)
GROUP BY c.version_id, c.document_id, c.reading
ON CONFLICT (tenant_id, reprocessing_id, version_id) DO UPDATE
SET state = 'planned', reading = excluded.reading, former_reading = excluded.former_reading,
    attempt = i.attempt + 1, updated_at = clock_timestamp()
WHERE i.state IN ('ready', 'switched', 'gone');

-- :name list_planned :many Item
-- The next ones; those another transaction takes are skipped.
SELECT i.version_id, i.document_id, i.reading, i.former_reading, i.state, i.attempt, i.detail,
    v.media_type
FROM kontor.reprocessing_items AS i
JOIN kontor.versions AS v ON v.tenant_id = %(tenant_id)s AND v.id = i.version_id
WHERE i.tenant_id = %(tenant_id)s AND i.reprocessing_id = %(id)s AND i.state = 'planned'
ORDER BY i.version_id
LIMIT %(limit)s
FOR UPDATE OF i SKIP LOCKED;

-- :name list_items :many Item
-- Those in one state, a handful at a time.
SELECT i.version_id, i.document_id, i.reading, i.former_reading, i.state, i.attempt, i.detail,
    v.media_type
FROM kontor.reprocessing_items AS i
JOIN kontor.versions AS v ON v.tenant_id = %(tenant_id)s AND v.id = i.version_id
WHERE i.tenant_id = %(tenant_id)s AND i.reprocessing_id = %(id)s AND i.state = ANY (%(states)s)
ORDER BY i.version_id
LIMIT %(limit)s;

-- :name list_silent :many Item
-- Running, and not heard of for a while.
SELECT i.version_id, i.document_id, i.reading, i.former_reading, i.state, i.attempt, i.detail,
    v.media_type
FROM kontor.reprocessing_items AS i
JOIN kontor.versions AS v ON v.tenant_id = %(tenant_id)s AND v.id = i.version_id
WHERE i.tenant_id = %(tenant_id)s AND i.reprocessing_id = %(id)s AND i.state = 'running'
    AND i.updated_at < now() - make_interval(secs => %(older_than_s)s)
ORDER BY i.version_id
LIMIT 100;

-- :name find_item :one Item
-- What a step is to do.
SELECT i.version_id, i.document_id, i.reading, i.former_reading, i.state, i.attempt, i.detail,
    v.media_type
FROM kontor.reprocessing_items AS i
JOIN kontor.versions AS v ON v.tenant_id = %(tenant_id)s AND v.id = i.version_id
    AND v.removed_at IS NULL
WHERE i.tenant_id = %(tenant_id)s AND i.reprocessing_id = %(id)s
    AND i.version_id = %(version_id)s;

-- :name change_item :exec
-- From one of the states in which that is allowed.
UPDATE kontor.reprocessing_items
SET state = %(state)s, detail = %(detail)s, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND reprocessing_id = %(id)s AND version_id = %(version_id)s
    AND state = ANY (%(allowed)s);

-- :name change_attempt :exec
-- A workflow that is started again needs a name of its own.
UPDATE kontor.reprocessing_items SET attempt = attempt + 1, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND reprocessing_id = %(id)s AND version_id = %(version_id)s;

-- :name count_items :many CountRow
-- One row a state. Without LIMIT: there are seven.
SELECT state, count(*) AS count
FROM kontor.reprocessing_items
WHERE tenant_id = %(tenant_id)s AND reprocessing_id = %(id)s
GROUP BY state;

-- :name list_failures :many Failure
-- What a person wants to know of them.
SELECT i.document_id, d.title, i.detail
FROM kontor.reprocessing_items AS i
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = i.document_id
WHERE i.tenant_id = %(tenant_id)s AND i.reprocessing_id = %(id)s AND i.state = 'failed'
ORDER BY i.version_id
LIMIT %(limit)s;

-- :name list_lost :many LostRow
-- New readings that have much less text than the old ones.
SELECT i.document_id, d.title, n.character_count AS characters,
    o.character_count AS former_characters
FROM kontor.reprocessing_items AS i
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = i.document_id
JOIN kontor.readings AS n ON n.tenant_id = %(tenant_id)s AND n.version_id = i.version_id
    AND n.number = i.reading
JOIN kontor.readings AS o ON o.tenant_id = %(tenant_id)s AND o.version_id = i.version_id
    AND o.number = i.former_reading
WHERE i.tenant_id = %(tenant_id)s AND i.reprocessing_id = %(id)s AND i.state = 'ready'
    AND n.character_count < %(share)s::float8 * o.character_count
ORDER BY i.version_id
LIMIT 20;

-- :name find_current :one CurrentRow
-- The row is held, so that no newer version takes its place before the commit.
SELECT d.id
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND d.current_version_id = %(version_id)s
    AND d.removed_at IS NULL
FOR UPDATE;
