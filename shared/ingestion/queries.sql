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
