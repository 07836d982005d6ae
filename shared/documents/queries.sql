-- :name find_folder :one Folder
-- One folder of the tenant.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_folder_by_path :one Folder
-- Paths are unique because names are unique under their parent.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s AND path = %(path)s;

-- :name record_folder :exec
-- Making a folder that somebody else has just made is no error.
INSERT INTO kontor.folders (tenant_id, id, parent_id, name, path, created_by)
VALUES (%(tenant_id)s, %(id)s, %(parent_id)s, %(name)s, %(path)s, %(created_by)s)
ON CONFLICT ON CONSTRAINT folder_name_taken DO NOTHING;

-- :name list_folders :many Folder
-- The tree in reading order.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s AND path > %(after)s
ORDER BY path
LIMIT %(limit)s;

-- :name remove_folder :exec
-- Only an empty one goes.
DELETE FROM kontor.folders AS f
WHERE f.tenant_id = %(tenant_id)s AND f.id = %(id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.folders AS c
        WHERE c.tenant_id = %(tenant_id)s AND c.parent_id = f.id
    )
    AND NOT EXISTS (
        SELECT 1 FROM kontor.documents AS d
        WHERE d.tenant_id = %(tenant_id)s AND d.folder_id = f.id
    );

-- :name record_upload :exec
-- Its id is the job's id and part of its object key.
INSERT INTO kontor.uploads
    (tenant_id, id, folder_id, document_id, filename, claimed_type, size_bytes, object_key,
     metadata, correlation_id, created_by, expires_at)
VALUES
    (%(tenant_id)s, %(id)s, %(folder_id)s, %(document_id)s, %(filename)s, %(claimed_type)s,
     %(size_bytes)s, %(object_key)s, %(metadata)s::jsonb, %(correlation_id)s, %(created_by)s,
     %(expires_at)s);

-- :name find_upload :one Upload
-- Locked, so that two announcements of one object take turns.
SELECT id, folder_id, document_id, filename, claimed_type, size_bytes, object_key, metadata,
    state, correlation_id, created_by, created_at, expires_at
FROM kontor.uploads
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
FOR UPDATE;

-- :name list_waiting_uploads :many Upload
-- Announced, and silent for a while: the reconciler looks whether their bytes arrived.
SELECT id, folder_id, document_id, filename, claimed_type, size_bytes, object_key, metadata,
    state, correlation_id, created_by, created_at, expires_at
FROM kontor.uploads
WHERE tenant_id = %(tenant_id)s AND state = 'waiting'
    AND created_at < now() - make_interval(secs => %(older_than_s)s)
ORDER BY created_at
LIMIT 200;

-- :name change_upload_state :exec
-- From waiting to what became of it.
UPDATE kontor.uploads SET state = %(state)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name lock_bytes :exec
-- Two uploads of the same bytes take turns, so the second finds the first's version.
SELECT pg_advisory_xact_lock(hashtextextended(%(tenant_id)s::text || encode(%(sha256)s, 'hex'), 0));

-- :name find_same_bytes :one Version
-- The newest version with these bytes that is not removed; a failed one only if no other exists.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s AND removed_at IS NULL
ORDER BY (stage = 'failed'), id DESC
LIMIT 1;

-- :name record_document :exec
-- A document begins with its first version.
INSERT INTO kontor.documents
    (tenant_id, id, folder_id, title, media_type, metadata, created_by)
VALUES
    (%(tenant_id)s, %(id)s, %(folder_id)s, %(title)s, %(media_type)s, %(metadata)s::jsonb,
     %(created_by)s);

-- :name record_version :exec
-- The document's row is locked by the caller, so the number is free.
INSERT INTO kontor.versions
    (tenant_id, id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
     object_version, job_id, stage, created_by)
SELECT %(tenant_id)s, %(id)s, %(document_id)s, coalesce(max(number), 0) + 1, %(filename)s,
    %(media_type)s, %(size_bytes)s, %(sha256)s, %(object_key)s, %(object_version)s, %(job_id)s,
    'uploaded', %(created_by)s
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s;

-- :name find_version :one Version
-- One version of the tenant.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL;

-- :name list_versions :many Version
-- Newest first.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NULL
ORDER BY number DESC
LIMIT 1000;

-- :name list_stuck_versions :many Version
-- Neither finished nor heard of for a while.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND stage NOT IN ('completed', 'failed')
    AND removed_at IS NULL
    AND updated_at < now() - make_interval(secs => %(older_than_s)s)
ORDER BY updated_at
LIMIT 200
FOR UPDATE SKIP LOCKED;

-- :name change_version_stage :exec
-- Every step touches the row, so silence means stuck.
UPDATE kontor.versions
SET stage = %(stage)s, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage NOT IN ('completed', 'failed');

-- :name change_version_parsed :exec
-- What reading revealed.
UPDATE kontor.versions
SET parser = %(parser)s, language = %(language)s, page_count = %(page_count)s,
    chunk_count = %(chunk_count)s, warnings = %(warnings)s, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_version_failed :exec
-- The reason is for a person.
UPDATE kontor.versions
SET stage = 'failed', failure = %(failure)s, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage <> 'completed';

-- :name change_version_completed :exec
-- Once; a repeat changes nothing.
UPDATE kontor.versions
SET stage = 'completed', failure = '', embedding_model = %(embedding_model)s,
    completed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage <> 'failed' AND removed_at IS NULL;

-- :name change_version_attempt :exec
-- A restarted workflow needs a name of its own.
UPDATE kontor.versions
SET attempt = attempt + 1, stage = 'uploaded', updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_current_version :exec
-- Newer versions win even when they finish out of order.
UPDATE kontor.documents AS d
SET current_version_id = v.id, media_type = v.media_type, language = v.language,
    updated_at = now()
FROM kontor.versions AS v
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(document_id)s
    AND v.tenant_id = %(tenant_id)s AND v.id = %(version_id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.versions AS newer
        WHERE newer.tenant_id = %(tenant_id)s AND newer.id = d.current_version_id
            AND newer.number > v.number
    );

-- :name lock_document :one DocumentLock
-- Serialises changes of one document.
SELECT id, title, current_version_id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL
FOR UPDATE;

-- :name find_document :one DocumentRow
-- One document with its folder and newest version.
SELECT d.id, d.title, coalesce(f.path, '') AS folder, v.media_type, d.language, d.metadata,
    d.current_version_id, v.number AS version, v.job_id, v.stage, v.failure, v.size_bytes,
    v.page_count, v.chunk_count, d.parent_document_id, d.created_at, d.updated_at
FROM kontor.documents AS d
JOIN LATERAL (
    SELECT n.number, n.job_id, n.stage, n.failure, n.size_bytes, n.page_count, n.chunk_count,
        n.media_type
    FROM kontor.versions AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.document_id = d.id
    ORDER BY n.number DESC LIMIT 1
) AS v ON true
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s AND f.id = d.folder_id
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(id)s AND d.removed_at IS NULL;

-- :name list_documents :many DocumentRow
-- Newest first, optionally below a folder; ids are time-ordered, so the id is the paging key.
SELECT d.id, d.title, coalesce(f.path, '') AS folder, v.media_type, d.language, d.metadata,
    d.current_version_id, v.number AS version, v.job_id, v.stage, v.failure, v.size_bytes,
    v.page_count, v.chunk_count, d.parent_document_id, d.created_at, d.updated_at
FROM kontor.documents AS d
JOIN LATERAL (
    SELECT n.number, n.job_id, n.stage, n.failure, n.size_bytes, n.page_count, n.chunk_count,
        n.media_type
    FROM kontor.versions AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.document_id = d.id
    ORDER BY n.number DESC LIMIT 1
) AS v ON true
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s AND f.id = d.folder_id
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL
    AND (%(before)s::uuid IS NULL OR d.id < %(before)s)
    AND (%(folder)s = '' OR f.path = %(folder)s OR starts_with(f.path, %(folder)s || '/'))
ORDER BY d.id DESC
LIMIT %(limit)s;

-- :name change_document :exec
-- Absent values stay as they are.
UPDATE kontor.documents
SET title = coalesce(%(title)s, title),
    folder_id = CASE WHEN %(moves)s THEN %(folder_id)s ELSE folder_id END,
    metadata = coalesce(%(metadata)s::jsonb, metadata),
    updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL;

-- :name remove_document :exec
-- Out of sight at once; erased after the days in the trash.
UPDATE kontor.documents SET removed_at = now(), updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL;

-- :name remove_versions :exec
-- Frees their bytes' hashes, so the same file may come again.
UPDATE kontor.versions SET removed_at = now(), updated_at = now()
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NULL;

-- :name list_erasable_documents :many ErasableDocument
-- Past their days in the trash.
SELECT id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s
    AND removed_at < now() - make_interval(days => %(trash_days)s)
ORDER BY removed_at
LIMIT 100
FOR UPDATE SKIP LOCKED;

-- :name list_erasable_versions :many ErasableVersion
-- Their objects go before their rows, so nothing can be orphaned.
SELECT id, object_key
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s
ORDER BY number
LIMIT 1000;

-- :name erase_versions :exec
-- The rows of a removed document's versions.
DELETE FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NOT NULL;

-- :name erase_document :exec
-- The row of a removed document.
DELETE FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NOT NULL;

-- :name record_member :exec
-- Its id is its upload's; a repeat finds it there.
INSERT INTO kontor.members
    (tenant_id, id, parent_document_id, parent_version_id, root_document_id, name, depth,
     source_key)
VALUES
    (%(tenant_id)s, %(id)s, %(parent_document_id)s, %(parent_version_id)s, %(root_document_id)s,
     %(name)s, %(depth)s, %(source_key)s)
ON CONFLICT (tenant_id, id) DO NOTHING;

-- :name find_member :one Member
-- The file inside that an upload brings, if it brings one.
SELECT id, parent_document_id, parent_version_id, root_document_id, name, depth, source_key,
    document_id
FROM kontor.members
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_members :many MemberState
-- What came inside a document, and what became of each.
SELECT m.id, m.name, m.document_id, u.state
FROM kontor.members AS m
JOIN kontor.uploads AS u ON u.tenant_id = %(tenant_id)s AND u.id = m.id
WHERE m.tenant_id = %(tenant_id)s AND m.parent_document_id = %(parent_document_id)s
ORDER BY m.name, m.id
LIMIT 2000;

-- :name list_undelivered_members :many Delivery
-- Recorded with their parent, but their bytes may not lie where intake looks for them.
SELECT u.object_key, m.source_key
FROM kontor.members AS m
JOIN kontor.uploads AS u ON u.tenant_id = %(tenant_id)s AND u.id = m.id AND u.state = 'waiting'
WHERE m.tenant_id = %(tenant_id)s AND m.parent_version_id = %(parent_version_id)s
ORDER BY m.id
LIMIT 2000;

-- :name count_members :one MemberCount
-- Everything that came out of one file, at any depth.
SELECT count(*) AS count
FROM kontor.members
WHERE tenant_id = %(tenant_id)s AND root_document_id = %(root_document_id)s;

-- :name change_member_document :exec
-- Its bytes are kept: as a document of its own, or as one that was here before.
UPDATE kontor.members SET document_id = %(document_id)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_document_parent :exec
-- Only of one that has just begun: what was here before stands as it stood.
UPDATE kontor.documents AS d SET parent_document_id = %(parent_document_id)s
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(id)s AND d.id <> %(parent_document_id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.versions AS v
        WHERE v.tenant_id = %(tenant_id)s AND v.document_id = d.id AND v.number > 1
    );

-- :name free_document :exec
-- It stands on its own from now on.
UPDATE kontor.documents SET parent_document_id = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name adopt_children :exec
-- Files that also came inside another document go on as that document's.
UPDATE kontor.documents AS d SET parent_document_id = m.parent_document_id
FROM kontor.members AS m
JOIN kontor.documents AS p
    ON p.tenant_id = %(tenant_id)s AND p.id = m.parent_document_id AND p.removed_at IS NULL
WHERE d.tenant_id = %(tenant_id)s AND d.parent_document_id = %(parent_document_id)s
    AND d.removed_at IS NULL
    AND m.tenant_id = %(tenant_id)s AND m.document_id = d.id
    AND m.parent_document_id <> %(parent_document_id)s AND m.parent_document_id <> d.id;

-- :name list_children :many ChildDocument
-- The documents that came inside one and go with it.
SELECT id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND parent_document_id = %(parent_document_id)s
    AND removed_at IS NULL
ORDER BY id
LIMIT 2000;
