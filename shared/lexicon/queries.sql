-- :name list_written :many WrittenRow
-- What texts say, in the order they were given. Without LIMIT: every text needs its lexemes.
SELECT kontor.chunk_lexemes(t.language, ARRAY[t.heading], t.content)::text AS lexemes
FROM unnest(%(languages)s::text[], %(headings)s::text[], %(contents)s::text[])
    WITH ORDINALITY AS t (language, heading, content, place)
ORDER BY t.place;

-- :name count_lexemes :many CountedRow
-- In how many chunks each occurs, changed by so many: an upsert finds its row by key whatever the
-- planner believes. Without LIMIT: every lexeme counts.
INSERT INTO kontor.lexeme_statistics AS s (tenant_id, language, lexeme, chunk_count)
SELECT %(tenant_id)s, u.language, u.lexeme, u.chunk_count
FROM unnest(%(languages)s::text[], %(lexemes)s::text[], %(counts)s::integer[])
    AS u (language, lexeme, chunk_count)
ON CONFLICT (tenant_id, language, lexeme)
DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count
RETURNING s.language, s.lexeme, s.chunk_count;

-- :name count_corpus :exec
-- The corpus grows or shrinks.
INSERT INTO kontor.corpus_statistics AS s (tenant_id, language, chunk_count, lexeme_count)
VALUES (%(tenant_id)s, %(language)s, %(chunks)s, %(lexemes)s)
ON CONFLICT (tenant_id, language)
DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count,
    lexeme_count = s.lexeme_count + excluded.lexeme_count;

-- :name remove_empty_statistics :exec
-- A lexeme that occurs nowhere any more leaves no row (and no trace of the document).
DELETE FROM kontor.lexeme_statistics
WHERE tenant_id = %(tenant_id)s AND language = %(language)s AND lexeme = ANY (%(lexemes)s)
    AND chunk_count <= 0;

-- :name remove_empty_corpora :exec
-- A language nothing is written in any more leaves no row.
DELETE FROM kontor.corpus_statistics
WHERE tenant_id = %(tenant_id)s AND chunk_count <= 0;

-- :name record_readable_words :exec
-- A form that people can read for every new stem: the one that is said most. The stems are looked
-- up by hash and never joined.
WITH stemmed AS MATERIALIZED (
    SELECT w.word, w.times, CASE %(language)s
            WHEN 'de' THEN (ts_lexize('pg_catalog.german_stem', w.word))[1]
            WHEN 'en' THEN (ts_lexize('pg_catalog.english_stem', w.word))[1]
            ELSE (ts_lexize('pg_catalog.simple', w.word))[1]
        END AS lexeme
    FROM unnest(%(words)s::text[], %(times)s::integer[]) AS w (word, times)
)
INSERT INTO kontor.readable_words (tenant_id, language, lexeme, word, folded)
SELECT DISTINCT ON (s.lexeme) %(tenant_id)s, %(language)s, s.lexeme, s.word, kontor.folded(s.word)
FROM stemmed AS s
WHERE s.lexeme = ANY (%(stems)s::text[])
ORDER BY s.lexeme, s.times DESC, length(s.word), s.word
ON CONFLICT (tenant_id, language, lexeme) DO NOTHING;
