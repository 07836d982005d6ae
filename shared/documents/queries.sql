-- :name find_folder :one Folder
-- One folder of the tenant.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_deepest_folder :one Folder
-- The folder at the longest of these paths. Whoever sees two of one path (decision 17) gets their
-- own, else the one that fewer see, else the older one.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s AND path = ANY (%(paths)s::text[])
ORDER BY length(path) DESC, created_by = %(person)s::uuid DESC, access_list_id IS NULL, twin
LIMIT 1;

-- :name find_presence :one Presence
-- For what was bound to a folder: is it gone, or only hidden.
SELECT kontor.path_of(%(id)s) IS NOT NULL AS is_there;

-- :name find_home :one Home
-- Where a document lies.
SELECT folder_id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_folder_named :one Folder
-- A folder by its name and what it lies in; of several as above.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s AND parent_id IS NOT DISTINCT FROM %(parent_id)s::uuid
    AND name = %(name)s
ORDER BY created_by = %(person)s::uuid DESC, access_list_id IS NULL, twin
LIMIT 1;

-- :name record_folder :exec
-- Making a folder that somebody else has just made is no error. Its place is worked out inside.
INSERT INTO kontor.folders (tenant_id, id, parent_id, name, created_by)
VALUES (%(tenant_id)s, %(id)s, %(parent_id)s, %(name)s, %(created_by)s)
ON CONFLICT ON CONSTRAINT folder_name_taken DO NOTHING;

-- :name list_folders :many Folder
-- The tree in reading order.
SELECT id, parent_id, name, path, created_at
FROM kontor.folders
WHERE tenant_id = %(tenant_id)s
    AND (path > %(after)s OR (path = %(after)s AND id > %(after_id)s::uuid))
ORDER BY path, id
LIMIT %(limit)s;

-- :name lock_folders :exec
-- One change of the tree at a time: paths of a whole subtree change in one statement.
SELECT pg_advisory_xact_lock(hashtextextended('kontor.folders:' || %(tenant_id)s::text, 0));

-- :name lock_folders_shared :exec
-- Making folders goes on side by side, but never while the tree is being moved.
SELECT pg_advisory_xact_lock_shared(hashtextextended('kontor.folders:' || %(tenant_id)s::text, 0));

-- :name find_deepest :one Depth
-- How many levels lie at and below a folder.
SELECT coalesce(max(array_length(string_to_array(f.place, '/'), 1)), 0) AS depth
FROM kontor.folders AS top
JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s
    AND (f.place = top.place OR starts_with(f.place, top.place || '/'))
WHERE top.tenant_id = %(tenant_id)s AND top.id = %(id)s;

-- :name change_folder :exec
-- Its name and what it hangs under. Its path, worked out inside (naming it here wakes what follows
-- paths), and those of all below go along; documents point at folders by id, so nothing else moves.
UPDATE kontor.folders SET name = %(name)s, parent_id = %(parent_id)s, path = path
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

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

-- :name list_documents_below :many DocumentIdRow
-- What still lies in a folder and below it, a batch at a time.
SELECT d.id
FROM kontor.folders AS top
JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s
    AND (f.place = top.place OR starts_with(f.place, top.place || '/'))
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.folder_id = f.id
WHERE top.tenant_id = %(tenant_id)s AND top.id = %(id)s
ORDER BY d.id
LIMIT %(limit)s;

-- :name remove_folder_tree :exec
-- All of it at once, children and parents; fails on the foreign key when something is inside.
DELETE FROM kontor.folders AS f
USING kontor.folders AS top
WHERE f.tenant_id = %(tenant_id)s AND top.tenant_id = %(tenant_id)s AND top.id = %(id)s
    AND (f.place = top.place OR starts_with(f.place, top.place || '/'));

-- :name record_upload :exec
-- Its id is the job's id and part of its object key.
INSERT INTO kontor.uploads
    (tenant_id, id, folder_id, document_id, filename, claimed_type, size_bytes, object_key,
     metadata, on_conflict, priority, correlation_id, created_by, expires_at)
VALUES
    (%(tenant_id)s, %(id)s, %(folder_id)s, %(document_id)s, %(filename)s, %(claimed_type)s,
     %(size_bytes)s, %(object_key)s, %(metadata)s::jsonb, %(on_conflict)s, %(priority)s,
     %(correlation_id)s,
     %(created_by)s, %(expires_at)s);

-- :name find_upload :one Upload
-- Locked, so that two announcements of one object take turns.
SELECT id, folder_id, document_id, filename, claimed_type, size_bytes, object_key, metadata,
    on_conflict, duplicate_of, priority, state, correlation_id, created_by, created_at, expires_at
FROM kontor.uploads
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
FOR UPDATE;

-- :name list_waiting_uploads :many Upload
-- Announced, and silent for a while: the reconciler looks whether their bytes arrived.
SELECT id, folder_id, document_id, filename, claimed_type, size_bytes, object_key, metadata,
    on_conflict, duplicate_of, priority, state, correlation_id, created_by, created_at, expires_at
FROM kontor.uploads
WHERE tenant_id = %(tenant_id)s AND state = 'waiting'
    AND created_at < now() - make_interval(secs => %(older_than_s)s)
    -- Each time it was sent again the pause doubles: a slow intake is not buried in repeats.
    AND (resent_at IS NULL OR resent_at < now()
        - make_interval(secs => least(900, %(older_than_s)s * 2 ^ least(resent_count, 10))))
ORDER BY created_at
LIMIT 200;

-- :name change_upload_resent :exec
-- Announced again by the sweep.
UPDATE kontor.uploads SET resent_count = resent_count + 1, resent_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_upload_state :exec
-- From waiting to what became of it; a duplicate says of which document.
UPDATE kontor.uploads SET state = %(state)s, duplicate_of = %(duplicate_of)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_originals :many Original
-- For uploads that brought nothing new: the document that has their bytes, and where it is.
SELECT u.id AS job_id, d.id AS document_id, d.title, coalesce(f.path,
        CASE WHEN kontor.path_of(d.removed_folder_id) IS NULL THEN d.removed_from END, ''
    ) AS folder, (d.removed_at IS NOT NULL) AS is_removed
FROM kontor.uploads AS u
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = u.duplicate_of
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s
    AND f.id = coalesce(d.folder_id, d.removed_folder_id)
WHERE u.tenant_id = %(tenant_id)s AND u.id = ANY (%(job_ids)s) AND u.state = 'duplicate'
LIMIT 200;

-- :name lock_name :exec
-- Two uploads of one name into one folder take turns, so the second finds the first's document.
SELECT pg_advisory_xact_lock(
    hashtextextended(%(tenant_id)s::text || coalesce(%(folder_id)s::text, '') || %(filename)s, 0));

-- :name find_named :one DocumentIdRow
-- The document in a folder whose newest file has this name, if the person may change it; of
-- several the one last changed.
SELECT d.id
FROM kontor.documents AS d
JOIN LATERAL (
    SELECT n.filename FROM kontor.versions AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.document_id = d.id
    ORDER BY n.number DESC LIMIT 1
) AS v ON v.filename = %(filename)s
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL
    AND d.folder_id IS NOT DISTINCT FROM %(folder_id)s::uuid
    AND kontor.may_reach(%(user_id)s, d.access_list_id, 2)
ORDER BY d.updated_at DESC, d.id DESC
LIMIT 1;

-- :name lock_bytes :exec
-- Two uploads of the same bytes take turns, so the second finds the first's version.
SELECT pg_advisory_xact_lock(hashtextextended(%(tenant_id)s::text || encode(%(sha256)s, 'hex'), 0));

-- :name find_same_bytes :one Version
-- The newest version with these bytes that is not removed; a failed one only if no other exists.
-- Where the person may not look, the bytes are not there.
SELECT v.id, v.document_id, v.number, v.filename, v.media_type, v.size_bytes, v.sha256,
    v.object_key, v.object_version, v.job_id, v.stage, v.failure, v.attempt, v.parser,
    v.embedding_model, v.language, v.page_count, v.chunk_count, v.warnings, v.options, v.extracted,
    v.created_by, v.created_at, v.completed_at
FROM kontor.versions AS v
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = v.document_id
WHERE v.tenant_id = %(tenant_id)s AND v.sha256 = %(sha256)s AND v.removed_at IS NULL
    AND kontor.may_reach(%(user_id)s, d.access_list_id,
        CASE WHEN v.stage = 'failed' THEN 2 ELSE 1 END)
ORDER BY (v.stage = 'failed'), v.id DESC
LIMIT 1;

-- :name find_bytes_elsewhere :one Elsewhere
-- Whether another version that the person may see keeps these bytes, so that this one need not.
SELECT EXISTS (
    SELECT 1 FROM kontor.versions AS v
    JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = v.document_id
    WHERE v.tenant_id = %(tenant_id)s AND v.sha256 = %(sha256)s AND v.id <> %(id)s
        AND v.stage <> 'failed' AND v.removed_at IS NULL
        AND kontor.may_reach(%(user_id)s, d.access_list_id, 1)
) AS is_kept;

-- :name may_still_put :one Allowed
-- Whether whoever announced a file may still change the document it is meant for, and the folder.
SELECT coalesce(bool_and(kontor.may_reach(u.created_by, l.access_list_id, 2)), true) AS is_so
FROM kontor.uploads AS u
LEFT JOIN LATERAL (
    SELECT d.access_list_id FROM kontor.documents AS d
    WHERE d.tenant_id = %(tenant_id)s AND d.id = u.document_id
    UNION ALL
    SELECT f.access_list_id FROM kontor.folders AS f
    WHERE f.tenant_id = %(tenant_id)s AND f.id = u.folder_id AND u.document_id IS NULL
) AS l ON true
WHERE u.tenant_id = %(tenant_id)s AND u.id = %(id)s;

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
    page_count, chunk_count, warnings, options, extracted, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL;

-- :name list_versions :many Version
-- Newest first.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, options, extracted, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NULL
ORDER BY number DESC
LIMIT 1000;

-- :name list_stuck_versions :many Version
-- Neither finished nor heard of for a while.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, options, extracted, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND stage NOT IN ('completed', 'failed')
    AND removed_at IS NULL
    AND updated_at < now() - make_interval(secs => %(older_than_s)s)
ORDER BY updated_at
LIMIT 200
FOR UPDATE SKIP LOCKED;

-- :name list_versions_after :many Version
-- A walk through everything, in the order of the ids.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, options, extracted, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND id > %(after)s AND stage <> 'failed'
    AND removed_at IS NULL
ORDER BY id
LIMIT %(limit)s;

-- :name find_rows_of_objects :one Known
-- Whether a row, removed or not, stands for what lies in a folder of storage. An upload that was
-- a duplicate or was rejected needs its object no more, and one that was received has a version.
SELECT
    EXISTS (
        SELECT 1 FROM kontor.uploads
        WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state IN ('waiting', 'dead')
    ) AS is_upload,
    EXISTS (
        SELECT 1 FROM kontor.versions WHERE tenant_id = %(tenant_id)s AND id = %(id)s
    ) AS is_version,
    EXISTS (
        SELECT 1 FROM kontor.versions WHERE tenant_id = %(tenant_id)s AND job_id = %(id)s
    ) AS is_original;

-- :name add_version_warning :exec
-- Once, however often it is found.
UPDATE kontor.versions SET warnings = warnings || %(warning)s::text
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND NOT %(warning)s = ANY (warnings);

-- :name list_removed_unfinished_versions :many Version
-- Removed before they were read; nobody works on them any more, but their jobs still wait.
SELECT id, document_id, number, filename, media_type, size_bytes, sha256, object_key,
    object_version, job_id, stage, failure, attempt, parser, embedding_model, language,
    page_count, chunk_count, warnings, options, extracted, created_by, created_at, completed_at
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND stage NOT IN ('completed', 'failed')
    AND removed_at IS NOT NULL
    AND updated_at < now() - make_interval(secs => %(older_than_s)s)
ORDER BY updated_at
LIMIT 200;

-- :name change_version_stage :exec
-- Every step touches the row, so silence means stuck; a removed one goes no further.
UPDATE kontor.versions
SET stage = %(stage)s, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage NOT IN ('completed', 'failed')
    AND removed_at IS NULL;

-- :name change_version_parsed :exec
-- What reading revealed.
UPDATE kontor.versions
SET parser = %(parser)s, language = %(language)s, page_count = %(page_count)s,
    chunk_count = %(chunk_count)s, warnings = %(warnings)s, options = %(options)s::jsonb,
    extracted = %(extracted)s::jsonb, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_version_failed :exec
-- The reason is for a person; the first one is the true one.
UPDATE kontor.versions
SET stage = 'failed', failure = %(failure)s, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage NOT IN ('completed', 'failed');

-- :name change_version_completed :exec
-- Once; a repeat changes nothing.
UPDATE kontor.versions
SET stage = 'completed', failure = '', embedding_model = %(embedding_model)s,
    completed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage <> 'failed' AND removed_at IS NULL;

-- :name change_version_attempt :exec
-- A restarted workflow needs a name of its own; one that was completed or begun again while
-- somebody thought it stuck stays as it is.
UPDATE kontor.versions
SET attempt = attempt + 1, stage = 'uploaded', updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND stage = %(stage)s AND attempt = %(attempt)s;

-- :name change_current_version :exec
-- Newer versions win even when they finish out of order; a chosen one wins over all that were
-- there when it was chosen, and loses to what comes later.
UPDATE kontor.documents AS d
SET current_version_id = v.id, media_type = v.media_type, language = v.language,
    updated_at = now()
FROM kontor.versions AS v
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(document_id)s
    AND v.tenant_id = %(tenant_id)s AND v.id = %(version_id)s
    AND (d.chosen_at IS NULL OR v.id = d.chosen_version_id OR v.created_at > d.chosen_at)
    AND NOT EXISTS (
        SELECT 1 FROM kontor.versions AS newer
        WHERE newer.tenant_id = %(tenant_id)s AND newer.id = d.current_version_id
            AND newer.number > v.number
            AND (d.chosen_at IS NULL OR newer.created_at > d.chosen_at)
    );

-- :name change_chosen_version :exec
-- From now on, not from when the version came.
UPDATE kontor.documents
SET chosen_version_id = %(version_id)s, chosen_at = clock_timestamp(), updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(document_id)s AND removed_at IS NULL;

-- :name lock_document :one DocumentLock
-- Serialises changes of one document.
SELECT id, title, current_version_id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL
FOR UPDATE;

-- :name find_document :one DocumentRow
-- One document with its folder and the version that counts: the newest, or the chosen one.
SELECT d.id, d.title, coalesce(f.path, '') AS folder, v.media_type, d.language, d.metadata,
    d.tags, v.extracted, d.current_version_id, c.number AS current_version, v.number AS version,
    v.filename, v.job_id, v.stage, v.failure, v.size_bytes, v.page_count, v.chunk_count,
    d.parent_document_id, d.created_by, d.created_at, d.updated_at
FROM kontor.documents AS d
JOIN LATERAL (
    SELECT n.number, n.filename, n.job_id, n.stage, n.failure, n.size_bytes, n.page_count,
        n.chunk_count, n.media_type, n.extracted
    FROM kontor.versions AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.document_id = d.id
        AND (d.chosen_at IS NULL OR n.id = d.chosen_version_id OR n.created_at > d.chosen_at)
    ORDER BY n.number DESC LIMIT 1
) AS v ON true
LEFT JOIN kontor.versions AS c ON c.tenant_id = %(tenant_id)s AND c.id = d.current_version_id
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s AND f.id = d.folder_id
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(id)s AND d.removed_at IS NULL;

-- :name list_documents :many DocumentRow
-- Newest first, optionally below a folder; ids are time-ordered, so the id is the paging key.
SELECT d.id, d.title, coalesce(f.path, '') AS folder, v.media_type, d.language, d.metadata,
    d.tags, v.extracted, d.current_version_id, c.number AS current_version, v.number AS version,
    v.filename, v.job_id, v.stage, v.failure, v.size_bytes, v.page_count, v.chunk_count,
    d.parent_document_id, d.created_by, d.created_at, d.updated_at
FROM kontor.documents AS d
JOIN LATERAL (
    SELECT n.number, n.filename, n.job_id, n.stage, n.failure, n.size_bytes, n.page_count,
        n.chunk_count, n.media_type, n.extracted
    FROM kontor.versions AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.document_id = d.id
        AND (d.chosen_at IS NULL OR n.id = d.chosen_version_id OR n.created_at > d.chosen_at)
    ORDER BY n.number DESC LIMIT 1
) AS v ON true
LEFT JOIN kontor.versions AS c ON c.tenant_id = %(tenant_id)s AND c.id = d.current_version_id
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s AND f.id = d.folder_id
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL
    AND (%(before)s::uuid IS NULL OR d.id < %(before)s)
    AND (%(folder)s = '' OR f.path = %(folder)s OR starts_with(f.path, %(folder)s || '/'))
    AND (%(tags)s::text[] = '{}' OR d.tags @> %(tags)s::text[])
    AND (%(collection_id)s::uuid IS NULL OR EXISTS (
        SELECT 1 FROM kontor.collection_documents AS m
        -- One that is hidden has nothing in it.
        JOIN kontor.collections AS n ON n.tenant_id = %(tenant_id)s AND n.id = m.collection_id
        WHERE m.tenant_id = %(tenant_id)s AND m.collection_id = %(collection_id)s::uuid
            AND m.document_id = d.id
    ))
ORDER BY d.id DESC
LIMIT %(limit)s;

-- :name change_document :exec
-- Absent values stay as they are.
UPDATE kontor.documents
SET title = coalesce(%(title)s, title),
    folder_id = CASE WHEN %(moves)s THEN %(folder_id)s ELSE folder_id END,
    metadata = coalesce(%(metadata)s::jsonb, metadata),
    tags = coalesce(%(tags)s::text[], tags),
    updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL;

-- :name find_description :one Description
-- Locked, so that two people who add something both see it added.
SELECT metadata, tags
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NULL
FOR UPDATE;

-- :name list_tags :many TagCount
-- Every tag in use with how many documents carry it.
SELECT t.tag, count(*) AS document_count
FROM kontor.documents AS d
CROSS JOIN LATERAL unnest(d.tags) AS t (tag)
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL
GROUP BY t.tag
ORDER BY count(*) DESC, t.tag
LIMIT 1000;

-- :name record_collection :exec
-- A taken name inserts nothing, also when two people choose it at once.
INSERT INTO kontor.collections (tenant_id, id, name, description, created_by)
VALUES (%(tenant_id)s, %(id)s, %(name)s, %(description)s, %(created_by)s)
ON CONFLICT DO NOTHING;

-- :name find_collection :one Collection
-- One collection, with how many documents are in it and not in the trash.
SELECT c.id, c.name, c.description, c.created_by, c.created_at, c.updated_at,
    (
        SELECT count(*) FROM kontor.collection_documents AS m
        JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = m.document_id
        WHERE m.tenant_id = %(tenant_id)s AND m.collection_id = c.id AND d.removed_at IS NULL
    ) AS document_count
FROM kontor.collections AS c
WHERE c.tenant_id = %(tenant_id)s AND c.id = %(id)s;

-- :name list_collections :many Collection
-- By name, as people look for them.
SELECT c.id, c.name, c.description, c.created_by, c.created_at, c.updated_at,
    (
        SELECT count(*) FROM kontor.collection_documents AS m
        JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = m.document_id
        WHERE m.tenant_id = %(tenant_id)s AND m.collection_id = c.id AND d.removed_at IS NULL
    ) AS document_count
FROM kontor.collections AS c
WHERE c.tenant_id = %(tenant_id)s AND (lower(c.name) > %(after)s
    OR (lower(c.name) = %(after)s AND c.id > %(after_id)s::uuid))
ORDER BY lower(c.name), c.id
LIMIT %(limit)s;

-- :name list_collections_of :many CollectionName
-- The collections a document is in.
SELECT c.id, c.name
FROM kontor.collection_documents AS m
JOIN kontor.collections AS c ON c.tenant_id = %(tenant_id)s AND c.id = m.collection_id
WHERE m.tenant_id = %(tenant_id)s AND m.document_id = %(document_id)s
ORDER BY lower(c.name)
LIMIT 1000;

-- :name change_collection :exec
-- Absent values stay as they are; a name that another one has changes nothing.
UPDATE kontor.collections AS c
SET name = coalesce(%(name)s, c.name), description = coalesce(%(description)s, c.description),
    updated_at = now()
WHERE c.tenant_id = %(tenant_id)s AND c.id = %(id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.collections AS o
        WHERE o.tenant_id = %(tenant_id)s AND o.id <> c.id AND lower(o.name) = lower(%(name)s)
            AND lower(c.name) <> lower(%(name)s)
    );

-- :name remove_collection :exec
-- The documents stay where they are.
DELETE FROM kontor.collections WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name add_to_collection :exec
-- Documents in the trash or of nobody are passed over; adding twice is adding once.
INSERT INTO kontor.collection_documents (tenant_id, collection_id, document_id, added_by)
SELECT %(tenant_id)s, %(collection_id)s, d.id, %(added_by)s
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND d.id = ANY (%(document_ids)s) AND d.removed_at IS NULL
ON CONFLICT DO NOTHING;

-- :name count_present :one DocumentCount
-- How many of these documents are there.
SELECT count(*) AS count
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND d.id = ANY (%(document_ids)s) AND d.removed_at IS NULL;

-- :name take_from_collection :exec
-- Taking out what is not in it changes nothing.
DELETE FROM kontor.collection_documents
WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection_id)s
    AND document_id = %(document_id)s;

-- :name remove_document :exec
-- Out of sight at once; erased after the days in the trash. It remembers its folder.
UPDATE kontor.documents AS d
SET removed_at = now(), updated_at = now(), removed_by = %(removed_by)s, folder_id = NULL,
    removed_from = coalesce(kontor.path_of(d.folder_id), '')
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(id)s AND d.removed_at IS NULL;

-- :name remove_versions :exec
-- Frees their bytes' hashes, so the same file may come again.
UPDATE kontor.versions SET removed_at = now(), updated_at = now()
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NULL;

-- :name list_removed :many RemovedDocument
-- The trash, last removed first. Removed together means the same moment, so the id breaks ties.
-- The path of a folder that is there and hidden is not told.
SELECT d.id, d.title, coalesce(f.path,
        CASE WHEN kontor.path_of(d.removed_folder_id) IS NULL THEN d.removed_from END, ''
    ) AS folder, d.media_type, v.size_bytes,
    v.number AS version, d.created_by, d.removed_by,
    coalesce(d.removed_at, d.updated_at) AS removed_at, d.is_erasing
FROM kontor.documents AS d
JOIN LATERAL (
    SELECT n.number, n.size_bytes FROM kontor.versions AS n
    WHERE n.tenant_id = %(tenant_id)s AND n.document_id = d.id
    ORDER BY n.number DESC LIMIT 1
) AS v ON true
LEFT JOIN kontor.folders AS f ON f.tenant_id = %(tenant_id)s AND f.id = d.removed_folder_id
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NOT NULL AND NOT d.is_erasing
    AND (%(before)s::timestamptz IS NULL
        OR (d.removed_at, d.id) < (%(before)s::timestamptz, %(before_id)s::uuid))
ORDER BY d.removed_at DESC, d.id DESC
LIMIT %(limit)s;

-- :name lock_removed :one RemovedLock
-- A document in the trash, held until the transaction ends.
SELECT id, title,
    CASE WHEN kontor.path_of(removed_folder_id) IS NOT NULL THEN removed_folder_id END AS folder_id,
    coalesce(removed_from, '') AS folder, current_version_id, created_by, is_erasing
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NOT NULL
FOR UPDATE;

-- :name list_removed_with :many DocumentIdRow
-- What came inside a document and was removed in the same moment comes back with it.
SELECT c.id
FROM kontor.documents AS c
JOIN kontor.documents AS p ON p.tenant_id = %(tenant_id)s AND p.id = c.parent_document_id
WHERE c.tenant_id = %(tenant_id)s AND p.id = %(id)s AND c.removed_at = p.removed_at
    AND NOT c.is_erasing
ORDER BY c.id
LIMIT 2000;

-- :name list_removed_inside :many DocumentIdRow
-- What came inside a document goes for good with it, if it is in the trash as well.
SELECT id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND parent_document_id = %(id)s AND removed_at IS NOT NULL
ORDER BY id
LIMIT 2000;

-- :name find_owner :one DocumentOwner
-- Who put a document in, whether or not it lies in the trash.
SELECT created_by, (removed_at IS NOT NULL) AS is_removed
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_same_elsewhere :one SameElsewhere
-- Bytes of a removed document that have come again meanwhile as another one.
SELECT d.id, d.title
FROM kontor.versions AS mine
JOIN kontor.versions AS theirs ON theirs.tenant_id = %(tenant_id)s AND theirs.sha256 = mine.sha256
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = theirs.document_id
WHERE mine.tenant_id = %(tenant_id)s AND mine.document_id = %(document_id)s
    AND mine.stage <> 'failed' AND theirs.stage <> 'failed' AND theirs.removed_at IS NULL
    AND theirs.document_id <> mine.document_id
LIMIT 1;

-- :name restore_document :exec
-- Back into a folder.
UPDATE kontor.documents
SET removed_at = NULL, removed_by = NULL, removed_from = NULL, folder_id = %(folder_id)s,
    updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NOT NULL AND NOT is_erasing;

-- :name restore_versions :exec
-- Versions are only ever removed together with their document.
UPDATE kontor.versions SET removed_at = NULL, updated_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NOT NULL;

-- :name begin_erasing :exec
-- From here on there is no way back; whoever comes next finishes it.
UPDATE kontor.documents SET is_erasing = true, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND removed_at IS NOT NULL;

-- :name list_erasable_documents :many DocumentIdRow
-- Past their days in the trash, or asked to go at once.
SELECT id
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s
    AND (removed_at < now() - make_interval(days => %(trash_days)s) OR is_erasing)
ORDER BY removed_at
LIMIT 100;

-- :name list_erasable_versions :many ErasableVersion
-- Their objects go before their rows, so nothing can be orphaned. A step that was under way when
-- its document was removed may still write; it notices within the time a step may take.
SELECT id, job_id, object_key,
    (stage NOT IN ('completed', 'failed') AND updated_at > now() - interval '15 minutes')
        AS may_be_written
FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s
ORDER BY number
LIMIT 1000;

-- :name list_erasable_uploads :many ErasableUpload
-- What announced its files, duplicates and refused ones too, and what came inside it: their names
-- and metadata are the document's.
SELECT u.id, u.object_key
FROM kontor.uploads AS u
WHERE u.tenant_id = %(tenant_id)s
    AND (
        u.document_id = %(document_id)s OR u.duplicate_of = %(document_id)s
        OR u.id IN (
            SELECT v.job_id FROM kontor.versions AS v
            WHERE v.tenant_id = %(tenant_id)s AND v.document_id = %(document_id)s
        )
        OR u.id IN (
            SELECT m.id FROM kontor.members AS m
            WHERE m.tenant_id = %(tenant_id)s AND m.parent_document_id = %(document_id)s
                AND m.document_id IS NULL
        )
    )
ORDER BY u.id
LIMIT 10000;

-- :name erase_uploads :exec
-- The rows of these uploads.
DELETE FROM kontor.uploads WHERE tenant_id = %(tenant_id)s AND id = ANY (%(ids)s);

-- :name erase_versions :exec
-- The rows of a removed document's versions.
DELETE FROM kontor.versions
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s AND removed_at IS NOT NULL;

-- :name erase_document :exec
-- The row of a removed document; collections lose it with that.
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
-- It stands on its own from now on, if the person may change it.
UPDATE kontor.documents SET parent_document_id = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
    AND kontor.may_reach(%(user_id)s, access_list_id, 2);

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

-- :name has_quota :one Limited
-- Asked first: most tenants have none, and then nothing is counted.
SELECT EXISTS (
    SELECT 1 FROM kontor.tenant_quotas
    WHERE tenant_id = %(tenant_id)s AND (storage_bytes IS NOT NULL OR documents IS NOT NULL)
) AS is_limited;

-- :name lock_quota :exec
-- Two that fit alone need not fit together.
SELECT pg_advisory_xact_lock(hashtextextended('quota' || %(tenant_id)s::text, 0));

-- :name find_usage :one Usage
-- Files that came inside others count as bytes, not as documents.
SELECT d.count + u.documents AS documents, v.size + u.size AS storage_bytes,
    q.documents AS most_documents, q.storage_bytes AS most_storage_bytes
FROM (
    SELECT count(*) AS count FROM kontor.documents
    WHERE tenant_id = %(tenant_id)s AND removed_at IS NULL AND parent_document_id IS NULL
) AS d
CROSS JOIN (
    SELECT coalesce(sum(size_bytes), 0)::bigint AS size FROM kontor.versions
    WHERE tenant_id = %(tenant_id)s
) AS v
CROSS JOIN (
    SELECT count(*) FILTER (WHERE document_id IS NULL) AS documents,
        coalesce(sum(size_bytes), 0)::bigint AS size
    FROM kontor.uploads
    WHERE tenant_id = %(tenant_id)s AND state = 'waiting' AND expires_at > now()
) AS u
LEFT JOIN kontor.tenant_quotas AS q ON q.tenant_id = %(tenant_id)s;
