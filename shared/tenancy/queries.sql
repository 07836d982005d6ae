-- :name record_task :one Task
-- Begins with the next look that anybody takes.
INSERT INTO kontor.tenant_tasks (tenant_id, id, kind, person_id, requested_by)
VALUES (%(tenant_id)s, %(id)s, %(kind)s, %(person_id)s, %(requested_by)s)
RETURNING id, kind, person_id, state, position, counts, detail, requested_by, requested_at,
    finished_at;

-- :name find_open_task :one Task
-- The same wish twice is one job.
SELECT id, kind, person_id, state, position, counts, detail, requested_by, requested_at,
    finished_at
FROM kontor.tenant_tasks
WHERE tenant_id = %(tenant_id)s AND kind = %(kind)s AND state IN ('waiting', 'running')
    AND person_id IS NOT DISTINCT FROM %(person_id)s::uuid
LIMIT 1;

-- :name find_task :one Task
-- One of a tenant's.
SELECT id, kind, person_id, state, position, counts, detail, requested_by, requested_at,
    finished_at
FROM kontor.tenant_tasks
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_tasks :many Task
-- Newest first.
SELECT id, kind, person_id, state, position, counts, detail, requested_by, requested_at,
    finished_at
FROM kontor.tenant_tasks
WHERE tenant_id = %(tenant_id)s
ORDER BY id DESC
LIMIT 100;

-- :name take_task :one Task
-- One worker at a time; whoever died holding it is replaced after two minutes.
UPDATE kontor.tenant_tasks SET state = 'running', touched_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND (state = 'waiting'
    OR (state = 'running' AND touched_at < now() - interval '2 minutes'))
RETURNING id, kind, person_id, state, position, counts, detail, requested_by, requested_at,
    finished_at;

-- :name change_position :exec
-- How far a job has come, in the transaction after what it wrote.
UPDATE kontor.tenant_tasks
SET position = %(position)s::jsonb, counts = %(counts)s::jsonb, touched_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name release_task :exec
-- Handed on to the next worker.
UPDATE kontor.tenant_tasks SET state = 'waiting'
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'running';

-- :name finish_task :exec
-- Done, failed or expired.
UPDATE kontor.tenant_tasks
SET state = %(state)s, detail = %(detail)s, counts = coalesce(%(counts)s::jsonb, counts),
    finished_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_expired_exports :many Task
-- Old enough to be taken away.
SELECT id, kind, person_id, state, position, counts, detail, requested_by, requested_at,
    finished_at
FROM kontor.tenant_tasks
WHERE tenant_id = %(tenant_id)s AND state = 'done' AND kind <> 'person_erasure'
    AND finished_at < now() - make_interval(days => %(days)s)
ORDER BY id
LIMIT 20;

-- :name export_rows :many RowOfTable
-- Rows of one table in the order of its key; see the function for what is withheld.
SELECT r AS content
FROM kontor.export_rows(%(table)s, %(after)s::jsonb, %(column)s, %(value)s, %(limit)s) AS r
LIMIT %(limit)s;

-- :name list_withheld :many Withheld
-- Answers and runs whose words rest on what the viewer may not see any more.
SELECT m.id
FROM kontor.messages AS m
WHERE m.tenant_id = %(tenant_id)s AND m.id = ANY (%(ids)s) AND kontor.cites_hidden(m.id)
UNION ALL
SELECT r.id
FROM kontor.agent_runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id = ANY (%(ids)s) AND kontor.run_rests_on_hidden(r.id)
LIMIT %(limit)s;

-- :name export_tenant :many RowOfTable
-- The tenant's own row.
SELECT to_jsonb(t) AS content FROM kontor.tenants AS t WHERE t.id = %(tenant_id)s LIMIT 1;

-- :name list_person_columns :many PersonColumn
-- Which tables hold rows of a person. Without LIMIT: bounded by the number of tables.
SELECT name, person FROM kontor.person_columns();

-- :name list_originals :many Original
-- Files in the order of their versions; two of one name at one path are told apart.
SELECT v.id, v.document_id, v.number, v.filename, v.object_key, v.object_version, v.size_bytes,
    v.id = coalesce(d.current_version_id, v.id) AS is_current, d.title,
    coalesce(f.path, '') AS folder,
    EXISTS (
        SELECT 1 FROM kontor.documents AS o
        LEFT JOIN kontor.folders AS g ON g.tenant_id = %(tenant_id)s AND g.id = o.folder_id
        WHERE o.tenant_id = %(tenant_id)s AND coalesce(g.path, '') = coalesce(f.path, '')
            AND o.title = d.title AND o.id < d.id
    ) AS is_second
FROM kontor.versions AS v
JOIN kontor.documents AS d ON d.tenant_id = v.tenant_id AND d.id = v.document_id
LEFT JOIN kontor.folders AS f ON f.tenant_id = d.tenant_id AND f.id = d.folder_id
WHERE v.tenant_id = %(tenant_id)s AND d.tenant_id = %(tenant_id)s
    AND (f.tenant_id = %(tenant_id)s OR f.tenant_id IS NULL)
    AND (%(after)s::uuid IS NULL OR v.id > %(after)s)
    AND (%(created_by)s::uuid IS NULL OR v.created_by = %(created_by)s)
ORDER BY v.id
LIMIT %(limit)s;

-- :name request_erasure :one Due
-- At least a day of grace: the function sees to it.
SELECT kontor.request_erasure(%(by)s, %(days)s) AS due_at;

-- :name cancel_erasure :one Answered
-- Possible until it has begun.
SELECT kontor.cancel_erasure() AS is_so;

-- :name find_erasure :one ErasureRequest
-- The tenant's own.
SELECT requested_by, requested_at, due_at, is_running, counts
FROM kontor.tenant_erasures
WHERE tenant_id = %(tenant_id)s;

-- :name begin_erasure :one Answered
-- From here on nobody gets in.
SELECT kontor.begin_erasure() AS is_so;

-- :name erase_rows :one Erased
-- One table's rows, so many at a time.
SELECT name, removed FROM kontor.erase_rows(%(most)s, %(but)s);

-- :name finish_erasure :one Nothing
-- The trail, the tenant, and the tombstone in their place.
SELECT kontor.finish_erasure()::text AS nothing;

-- :name erase_person :one Counts
-- Whatever names the person goes.
SELECT kontor.erase_person(%(id)s) AS counts;

-- :name list_work :many Work
-- In a system transaction. Without LIMIT: what is under way at one time is little.
SELECT tenant_id, kind, id FROM kontor.list_tenant_work();

-- :name list_secret_names :many SecretName
-- Secrets that other rooms keep under names of theirs.
SELECT key_secret AS name FROM kontor.llm_routes
WHERE tenant_id = %(tenant_id)s AND key_secret <> ''
ORDER BY name
LIMIT 1000;

-- :name suspend_tenant :one Answered
-- Operators only: functions have no right to it.
UPDATE kontor.tenants
SET is_active = false, suspended_at = now(), suspended_because = %(because)s
WHERE id = %(tenant_id)s
RETURNING NOT is_active AS is_so;

-- :name resume_tenant :one Answered
-- Operators only: functions have no right to it. One that is being erased stays suspended.
UPDATE kontor.tenants SET is_active = true, suspended_at = NULL, suspended_because = ''
WHERE id = %(tenant_id)s AND NOT EXISTS (
    SELECT 1 FROM kontor.tenant_erasures AS x
    WHERE x.tenant_id = %(tenant_id)s AND x.is_running
)
RETURNING is_active AS is_so;

-- :name drop_connections :exec
-- Nothing is pushed to them any more; what they say is refused at the door.
DELETE FROM kontor.connections WHERE tenant_id = %(tenant_id)s;

-- :name set_quota :exec
-- Operators only: functions have no right to it.
INSERT INTO kontor.tenant_quotas (tenant_id, storage_bytes, documents)
VALUES (%(tenant_id)s, %(storage_bytes)s, %(documents)s)
ON CONFLICT (tenant_id) DO UPDATE
    SET storage_bytes = excluded.storage_bytes, documents = excluded.documents,
        changed_at = now();

-- :name order_erasure :exec
-- Operators only: without the day of grace that functions must give.
INSERT INTO kontor.tenant_erasures (tenant_id, requested_by, due_at)
VALUES (%(tenant_id)s, %(by)s, now() + make_interval(days => %(days)s))
ON CONFLICT (tenant_id) DO UPDATE SET due_at = excluded.due_at
WHERE NOT kontor.tenant_erasures.is_running;
