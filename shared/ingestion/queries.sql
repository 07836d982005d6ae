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
