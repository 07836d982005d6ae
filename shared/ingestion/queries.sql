-- :name find_settings :one SettingsRow
-- A tenant without a row reads as the deployment does.
SELECT strategy, chunk_tokens, overlap_tokens, ocr_languages
FROM kontor.reading_settings
WHERE tenant_id = %(tenant_id)s;

-- :name record_settings :exec
-- The last word counts.
INSERT INTO kontor.reading_settings (
    tenant_id, strategy, chunk_tokens, overlap_tokens, ocr_languages, changed_by
)
VALUES (
    %(tenant_id)s, %(strategy)s, %(chunk_tokens)s, %(overlap_tokens)s, %(ocr_languages)s,
    %(changed_by)s
)
ON CONFLICT (tenant_id) DO UPDATE SET strategy = excluded.strategy,
    chunk_tokens = excluded.chunk_tokens, overlap_tokens = excluded.overlap_tokens,
    ocr_languages = excluded.ocr_languages, changed_by = excluded.changed_by, updated_at = now();

-- :name record_reading :exec
-- A step that is repeated writes the same once more.
INSERT INTO kontor.readings (
    tenant_id, version_id, number, is_active, parser, options, language, page_count, warnings,
    chunk_count, character_count
)
VALUES (
    %(tenant_id)s, %(version_id)s, %(number)s, %(is_active)s, %(parser)s, %(options)s::jsonb,
    %(language)s, %(page_count)s, %(warnings)s, %(chunk_count)s, %(character_count)s
)
ON CONFLICT (tenant_id, version_id, number) DO UPDATE SET parser = excluded.parser,
    options = excluded.options, language = excluded.language, page_count = excluded.page_count,
    warnings = excluded.warnings, chunk_count = excluded.chunk_count,
    character_count = excluded.character_count;

-- :name find_active_reading :one Reading
-- The one that is searched.
SELECT number, is_active, parser, options, language, page_count, warnings, chunk_count,
    character_count, created_at
FROM kontor.readings
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND is_active;

-- :name find_reading :one Reading
-- Any one by its number.
SELECT number, is_active, parser, options, language, page_count, warnings, chunk_count,
    character_count, created_at
FROM kontor.readings
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND number = %(number)s;

-- :name change_to_passive :exec
-- Before another one becomes active: only one may be.
UPDATE kontor.readings SET is_active = false
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND is_active;

-- :name change_to_active :exec
-- The reading that is searched from the commit on.
UPDATE kontor.readings SET is_active = true
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND number = %(number)s;

-- :name remove_reading :exec
-- A reading nobody wanted; the searched one stays whatever is asked.
DELETE FROM kontor.readings
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND number = %(number)s
    AND NOT is_active;

-- :name list_known_vectors :many KnownVector
-- What this model made of these texts before.
SELECT sha256, vector
FROM kontor.embedding_cache
WHERE tenant_id = %(tenant_id)s AND model = %(model)s AND sha256 = ANY (%(keys)s)
LIMIT 1000;

-- :name touch_known_vectors :exec
-- What is used stays; once a day is enough to know it.
UPDATE kontor.embedding_cache SET used_at = now()
WHERE tenant_id = %(tenant_id)s AND model = %(model)s AND sha256 = ANY (%(keys)s)
    AND used_at < now() - interval '1 day';

-- :name record_known_vectors :exec
-- Held by its document's row until the commit: a document that goes takes them with it, and one
-- that is being erased gets none.
INSERT INTO kontor.embedding_cache (tenant_id, model, sha256, document_id, vector)
SELECT %(tenant_id)s, %(model)s, u.sha256, d.id, u.vector
FROM (
    SELECT id FROM kontor.documents
    WHERE tenant_id = %(tenant_id)s AND id = %(document_id)s AND NOT is_erasing
    FOR KEY SHARE
) AS d
CROSS JOIN unnest(%(keys)s::bytea[], %(vectors)s::bytea[]) AS u (sha256, vector)
ON CONFLICT (tenant_id, model, sha256) DO NOTHING;

-- :name remove_known_vectors :exec
-- Nothing of an erased document stays.
DELETE FROM kontor.embedding_cache
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s;

-- :name remove_old_vectors :exec
-- What nobody used for long, and beyond the bound what was not used for longest.
DELETE FROM kontor.embedding_cache AS c
WHERE c.tenant_id = %(tenant_id)s AND (
    c.used_at < now() - make_interval(days => %(days)s)
    OR c.used_at <= (
        SELECT o.used_at FROM kontor.embedding_cache AS o
        WHERE o.tenant_id = %(tenant_id)s
        ORDER BY o.used_at DESC OFFSET %(most)s LIMIT 1
    )
);
