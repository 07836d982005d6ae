-- :name find_model_id :one ModelRow
-- Vectors carry this number; other models' vectors are never compared with them.
SELECT id, dimension
FROM kontor.embedding_models
WHERE name = %(name)s AND revision = %(revision)s;

-- :name lock_statistics :exec
-- One indexer per tenant at a time: upserts of shared lexemes in differing orders would deadlock.
SELECT pg_advisory_xact_lock(hashtextextended('kontor.search:' || %(tenant_id)s::text, 0));

-- :name record_chunks :exec
-- Row-level security forbids COPY; one JSON argument and a set-returning function come close.
INSERT INTO kontor.chunks (
    tenant_id, id, kind, document_id, version_id, ordinal, language, heading_path, content,
    span_start, span_end, page_from, page_to, boxes, token_count, lexemes, lexeme_count, reading,
    section, section_start, section_end, grids
)
SELECT
    %(tenant_id)s, c.id, c.kind, %(document_id)s, %(version_id)s, c.ordinal, c.language,
    c.heading_path, c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes,
    c.token_count, l.lexemes,
    (SELECT coalesce(sum(cardinality(u.positions)), 0) FROM unnest(l.lexemes) AS u),
    c.reading, c.section, c.section_start, c.section_end, c.grids
FROM json_to_recordset(%(chunks)s::json) AS c (
    id uuid, kind text, ordinal integer, language text, heading_path text[], content text,
    span_start integer, span_end integer, page_from integer, page_to integer, boxes jsonb,
    token_count integer, searched text, reading integer, section integer, section_start integer,
    section_end integer, grids jsonb
)
CROSS JOIN LATERAL kontor.chunk_lexemes(
    c.language, c.heading_path, coalesce(nullif(c.searched, ''), c.content)
) AS l (lexemes);

-- :name record_vectors :exec
-- Vectors arrive as one binary array, in the order of their chunks' ids.
INSERT INTO kontor.chunk_vectors (tenant_id, chunk_id, version_id, model_id, embedding)
SELECT %(tenant_id)s, u.chunk_id, %(version_id)s, %(model_id)s, u.embedding
FROM unnest(%(chunk_ids)s::uuid[], %(vectors)b::public.halfvec[]) AS u (chunk_id, embedding);

-- :name add_lexeme_statistics :exec
-- Counts in how many chunks of the version each lexeme occurs.
INSERT INTO kontor.lexeme_statistics AS s (tenant_id, language, lexeme, chunk_count)
SELECT c.tenant_id, c.language, l.lexeme, count(*)
FROM kontor.chunks AS c
CROSS JOIN LATERAL unnest(tsvector_to_array(c.lexemes)) AS l (lexeme)
WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
GROUP BY c.tenant_id, c.language, l.lexeme
ON CONFLICT (tenant_id, language, lexeme)
DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count;

-- :name add_corpus_statistics :exec
-- The corpus grows by the version's chunks.
INSERT INTO kontor.corpus_statistics AS s (tenant_id, language, chunk_count, lexeme_count)
SELECT c.tenant_id, c.language, count(*), sum(c.lexeme_count)
FROM kontor.chunks AS c
WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
GROUP BY c.tenant_id, c.language
ON CONFLICT (tenant_id, language)
DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count,
    lexeme_count = s.lexeme_count + excluded.lexeme_count;

-- :name subtract_lexeme_statistics :exec
-- The exact reverse of adding, before the chunks go.
WITH gone AS (
    SELECT c.language, l.lexeme, count(*) AS chunk_count
    FROM kontor.chunks AS c
    CROSS JOIN LATERAL unnest(tsvector_to_array(c.lexemes)) AS l (lexeme)
    WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
    GROUP BY c.language, l.lexeme
)
UPDATE kontor.lexeme_statistics AS s SET chunk_count = s.chunk_count - g.chunk_count
FROM gone AS g
WHERE s.tenant_id = %(tenant_id)s AND s.language = g.language AND s.lexeme = g.lexeme;

-- :name remove_empty_statistics :exec
-- A lexeme that occurs nowhere any more leaves no row (and no trace of the document).
DELETE FROM kontor.lexeme_statistics AS s
USING kontor.chunks AS c
CROSS JOIN LATERAL unnest(tsvector_to_array(c.lexemes)) AS l (lexeme)
WHERE s.tenant_id = %(tenant_id)s AND s.chunk_count <= 0
    AND c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
    AND s.language = c.language AND s.lexeme = l.lexeme;

-- :name subtract_corpus_statistics :exec
-- The corpus shrinks by the version's chunks.
UPDATE kontor.corpus_statistics AS s
SET chunk_count = s.chunk_count - g.chunk_count, lexeme_count = s.lexeme_count - g.lexeme_count
FROM (
    SELECT c.language, count(*) AS chunk_count, sum(c.lexeme_count) AS lexeme_count
    FROM kontor.chunks AS c
    WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
    GROUP BY c.language
) AS g
WHERE s.tenant_id = %(tenant_id)s AND s.language = g.language;

-- :name remove_empty_corpora :exec
-- A language nothing is written in any more leaves no row.
DELETE FROM kontor.corpus_statistics
WHERE tenant_id = %(tenant_id)s AND chunk_count <= 0;

-- :name remove_vectors :exec
-- Vectors first: nothing may point at a chunk that is gone.
DELETE FROM kontor.chunk_vectors
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s;

-- :name remove_chunks :exec
-- The version's chunks themselves.
DELETE FROM kontor.chunks
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s;

-- :name count_chunks :one CountRow
-- Zero means: this version is not in the index.
SELECT count(*) AS count
FROM kontor.chunks
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s;

-- :name search :many HitRow
-- The function answers ids and scores; the rows themselves come under row-level security.
-- LIMIT keeps each look-up one step in an index, also before the tables were ever analysed.
SELECT c.id AS chunk_id, c.document_id, c.version_id, d.title, c.heading_path,
    c.page_from AS page, c.boxes, c.span_start AS start, c.span_end AS "end", c.content AS text,
    s.score, s.dense_score, s.lexical_score, c.language, d.media_type, c.ordinal, c.reading,
    c.section_start, c.section_end, c.grids
FROM kontor.search(
    %(query)s, %(language)s, %(vector)s::public.halfvec, %(model_id)s::smallint,
    %(dense_weight)s::float8, %(exact_limit)s::integer, %(filters)s::jsonb, %(most)s::integer
) AS s
CROSS JOIN LATERAL (
    SELECT h.id, h.document_id, h.version_id, h.heading_path, h.page_from, h.boxes, h.span_start,
        h.span_end, h.content, h.language, h.ordinal, h.reading, h.section_start, h.section_end,
        h.grids
    FROM kontor.chunks AS h
    WHERE h.tenant_id = %(tenant_id)s AND h.id = s.chunk_id
    LIMIT 1
) AS c
CROSS JOIN LATERAL (
    SELECT t.title, t.media_type
    FROM kontor.documents AS t
    WHERE t.tenant_id = %(tenant_id)s AND t.id = c.document_id
    LIMIT 1
) AS d
WHERE s.score >= %(threshold)s
ORDER BY s.score DESC, c.id
LIMIT %(most)s;

-- :name list_matching_words :many MatchingWord
-- Which of the hits' words the question's words become in the hit's language: highlights.
SELECT w.language, w.word
FROM unnest(%(languages)s::text[], %(words)s::text[]) AS w (language, word)
JOIN (
    SELECT l.language, array_agg(kontor.lexeme_of(l.language, q.word)) AS lexemes
    FROM unnest(kontor.query_words(%(query)s, %(query_language)s)) AS q (word)
    CROSS JOIN (VALUES ('de'), ('en'), ('simple')) AS l (language)
    GROUP BY l.language
) AS asked ON asked.language = w.language
WHERE tsvector_to_array(kontor.lexemes_of(w.language, w.word)) && asked.lexemes
LIMIT 20000;

-- :name find_active_model :one ActiveModelRow
-- Tenants without a row have the deployment's model.
SELECT m.id, m.name
FROM kontor.tenant_models AS t
JOIN kontor.embedding_models AS m ON m.id = t.model_id
WHERE t.tenant_id = %(tenant_id)s;

-- :name register_model :one ModelIdRow
-- The functions' role may add a model and nothing more.
SELECT kontor.register_embedding_model(%(name)s, %(revision)s, %(dimension)s) AS id;

-- :name record_active_model :exec
-- Questions are embedded by this model from the commit on.
INSERT INTO kontor.tenant_models (tenant_id, model_id)
VALUES (%(tenant_id)s, %(model_id)s)
ON CONFLICT (tenant_id) DO UPDATE SET model_id = excluded.model_id, updated_at = now();

-- :name record_shadow :exec
-- As record_chunks, but where search does not look.
INSERT INTO kontor.shadow_chunks (
    tenant_id, id, kind, document_id, version_id, ordinal, language, heading_path, content,
    span_start, span_end, page_from, page_to, boxes, token_count, lexemes, lexeme_count, reading,
    section, section_start, section_end, grids
)
SELECT
    %(tenant_id)s, c.id, c.kind, %(document_id)s, %(version_id)s, c.ordinal, c.language,
    c.heading_path, c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes,
    c.token_count, l.lexemes,
    (SELECT coalesce(sum(cardinality(u.positions)), 0) FROM unnest(l.lexemes) AS u),
    c.reading, c.section, c.section_start, c.section_end, c.grids
FROM json_to_recordset(%(chunks)s::json) AS c (
    id uuid, kind text, ordinal integer, language text, heading_path text[], content text,
    span_start integer, span_end integer, page_from integer, page_to integer, boxes jsonb,
    token_count integer, searched text, reading integer, section integer, section_start integer,
    section_end integer, grids jsonb
)
CROSS JOIN LATERAL kontor.chunk_lexemes(
    c.language, c.heading_path, coalesce(nullif(c.searched, ''), c.content)
) AS l (lexemes);


-- :name record_shadow_vectors :exec
-- As record_vectors, but where search does not look.
INSERT INTO kontor.shadow_vectors (tenant_id, chunk_id, version_id, model_id, embedding)
SELECT %(tenant_id)s, u.chunk_id, %(version_id)s, %(model_id)s, u.embedding
FROM unnest(%(chunk_ids)s::uuid[], %(vectors)b::public.halfvec[]) AS u (chunk_id, embedding);

-- :name count_shadow :one CountRow
-- Zero means: this reading is not kept.
SELECT count(*) AS count
FROM kontor.shadow_chunks
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND reading = %(reading)s;

-- :name move_to_shadow :exec
-- What was searched so far is kept to go back to.
INSERT INTO kontor.shadow_chunks (
    tenant_id, id, kind, document_id, version_id, ordinal, language, heading_path, content,
    span_start, span_end, page_from, page_to, boxes, token_count, lexemes, lexeme_count, reading,
    section, section_start, section_end, grids
)
SELECT c.tenant_id, c.id, c.kind, c.document_id, c.version_id, c.ordinal, c.language, c.heading_path,
    c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes, c.token_count, c.lexemes,
    c.lexeme_count, c.reading, c.section, c.section_start, c.section_end, c.grids
FROM kontor.chunks AS c
WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s;

-- :name move_vectors_to_shadow :exec
-- With the vectors of every model.
INSERT INTO kontor.shadow_vectors (tenant_id, chunk_id, version_id, model_id, embedding)
SELECT v.tenant_id, v.chunk_id, v.version_id, v.model_id, v.embedding
FROM kontor.chunk_vectors AS v
WHERE v.tenant_id = %(tenant_id)s AND v.version_id = %(version_id)s;

-- :name move_from_shadow :exec
-- The reading that is searched from the commit on.
INSERT INTO kontor.chunks (
    tenant_id, id, kind, document_id, version_id, ordinal, language, heading_path, content,
    span_start, span_end, page_from, page_to, boxes, token_count, lexemes, lexeme_count, reading,
    section, section_start, section_end, grids
)
SELECT c.tenant_id, c.id, c.kind, c.document_id, c.version_id, c.ordinal, c.language, c.heading_path,
    c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes, c.token_count, c.lexemes,
    c.lexeme_count, c.reading, c.section, c.section_start, c.section_end, c.grids
FROM kontor.shadow_chunks AS c
WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s AND c.reading = %(reading)s;

-- :name move_vectors_from_shadow :exec
-- With the vectors of every model.
INSERT INTO kontor.chunk_vectors (tenant_id, chunk_id, version_id, model_id, embedding)
SELECT v.tenant_id, v.chunk_id, v.version_id, v.model_id, v.embedding
FROM kontor.shadow_vectors AS v
JOIN kontor.shadow_chunks AS c ON c.tenant_id = %(tenant_id)s AND c.id = v.chunk_id
WHERE v.tenant_id = %(tenant_id)s AND v.version_id = %(version_id)s AND c.reading = %(reading)s;

-- :name remove_shadow_vectors :exec
-- Vectors first: nothing may point at a chunk that is gone.
DELETE FROM kontor.shadow_vectors AS v
USING kontor.shadow_chunks AS c
WHERE v.tenant_id = %(tenant_id)s AND v.version_id = %(version_id)s
    AND c.tenant_id = %(tenant_id)s AND c.id = v.chunk_id AND c.reading = %(reading)s;

-- :name remove_shadow_chunks :exec
-- A reading that is searched, or that nobody wants any more.
DELETE FROM kontor.shadow_chunks
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND reading = %(reading)s;

-- :name list_chunk_ids :many ChunkIdRow
-- In the order of the text. Without LIMIT: every chunk needs its vector.
SELECT id
FROM kontor.chunks
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s
ORDER BY ordinal;

-- :name remove_vectors_of :exec
-- One model's vectors of a version, before they are written anew.
DELETE FROM kontor.chunk_vectors
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND model_id = %(model_id)s;

-- :name remove_other_vectors :exec
-- The tenant will not go back to its former models.
DELETE FROM kontor.chunk_vectors
WHERE tenant_id = %(tenant_id)s AND model_id <> %(model_id)s;

-- :name remove_model_vectors :exec
-- A model that was tried and not taken.
DELETE FROM kontor.chunk_vectors
WHERE tenant_id = %(tenant_id)s AND model_id = %(model_id)s;

-- :name list_sample :many SampleRow
-- Chunks that every run of the gate asks about: the order of a hash is no order of time.
SELECT c.id, c.content, c.heading_path, c.language
FROM kontor.chunks AS c
WHERE c.tenant_id = %(tenant_id)s
ORDER BY md5(c.content)
LIMIT %(most)s;

-- :name find_nearest :one NearestRow
-- What the recall gate compares, exact or through the graph.
SELECT coalesce(
    kontor.nearest_chunks(
        %(vector)s::public.halfvec, %(model_id)s::smallint, %(most)s, %(is_exact)s
    ), '{}'
) AS ids;

-- :name find_longest :one LongestRow
-- What a model must be able to read.
SELECT coalesce(max(token_count), 0) AS tokens
FROM kontor.chunks
WHERE tenant_id = %(tenant_id)s;

-- :name list_siblings :many SiblingRow
-- What stands around chunks in their own sections, in the order of the text.
SELECT c.id AS chunk_id, n.ordinal - c.ordinal AS distance, n.content AS text
FROM kontor.chunks AS c
JOIN kontor.chunks AS n ON n.tenant_id = %(tenant_id)s AND n.version_id = c.version_id
    AND n.section = c.section AND n.ordinal <> c.ordinal
    AND n.ordinal BETWEEN c.ordinal - %(around)s AND c.ordinal + %(around)s
WHERE c.tenant_id = %(tenant_id)s AND c.id = ANY (%(chunk_ids)s)
ORDER BY c.id, n.ordinal
LIMIT 1000;

-- :name list_neighbours :many NeighbourRow
-- What stands directly before and after hits in their own sections.
SELECT DISTINCT ON (n.id) n.id AS chunk_id, n.document_id, n.version_id, d.title, n.heading_path,
    n.page_from AS page, n.boxes, n.span_start AS start, n.span_end AS "end", n.content AS text,
    n.language, d.media_type, n.ordinal, n.reading, n.section_start, n.section_end, n.grids
FROM kontor.chunks AS c
JOIN kontor.chunks AS n ON n.tenant_id = %(tenant_id)s AND n.version_id = c.version_id
    AND n.section = c.section AND n.ordinal BETWEEN c.ordinal - 1 AND c.ordinal + 1
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = n.document_id
    AND d.current_version_id = n.version_id AND d.removed_at IS NULL
WHERE c.tenant_id = %(tenant_id)s AND c.id = ANY (%(chunk_ids)s)
    AND n.id <> ALL (%(chunk_ids)s)
ORDER BY n.id
LIMIT 300;
