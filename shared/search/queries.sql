-- :name find_model_id :one ModelRow
-- Vectors carry this number; other models' vectors are never compared with them.
SELECT id, dimension
FROM kontor.embedding_models
WHERE name = %(name)s AND revision = %(revision)s;

-- :name lock_statistics :exec
-- One indexer per tenant at a time: upserts of shared lexemes in differing orders would deadlock.
SELECT pg_advisory_xact_lock(hashtextextended('kontor.search:' || %(tenant_id)s::text, 0));

-- :name record_chunks :exec
-- Row-level security forbids COPY; one JSON argument and two binary arrays come close.
INSERT INTO kontor.chunks (
    tenant_id, id, kind, document_id, version_id, ordinal, language, heading_path, content,
    span_start, span_end, page_from, page_to, boxes, token_count, lexemes, lexeme_count, reading,
    section, section_start, section_end, grids, codes, stems, grams
)
SELECT
    %(tenant_id)s, c.id, c.kind, %(document_id)s, %(version_id)s, c.ordinal, c.language,
    c.heading_path, c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes,
    c.token_count, c.lexemes, c.lexeme_count, c.reading, c.section, c.section_start, c.section_end,
    c.grids, c.codes, c.stems, c.grams
FROM ROWS FROM (
    json_to_recordset(%(chunks)s::json) AS (
        id uuid, kind text, ordinal integer, language text, heading_path text[], content text,
        span_start integer, span_end integer, page_from integer, page_to integer, boxes jsonb,
        token_count integer, lexemes tsvector, lexeme_count integer, reading integer,
        section integer, section_start integer, section_end integer, grids jsonb, codes integer[]
    ),
    unnest(%(stems)b::public.sparsevec[], %(grams)b::public.sparsevec[])
) AS c (
    id, kind, ordinal, language, heading_path, content, span_start, span_end, page_from, page_to,
    boxes, token_count, lexemes, lexeme_count, reading, section, section_start, section_end, grids,
    codes, stems, grams
);

-- :name record_vectors :exec
-- Vectors arrive as one binary array, in the order of their chunks' ids.
INSERT INTO kontor.chunk_vectors (tenant_id, chunk_id, version_id, model_id, embedding)
SELECT %(tenant_id)s, u.chunk_id, %(version_id)s, %(model_id)s, u.embedding
FROM unnest(%(chunk_ids)s::uuid[], %(vectors)b::public.halfvec[]) AS u (chunk_id, embedding);

-- :name list_said :many SaidRow
-- What a version's chunks say, one page after the other.
SELECT ordinal, language, array_to_string(heading_path || content, E'\n') AS shown,
    lexemes::text AS lexemes
FROM kontor.chunks
WHERE tenant_id = %(tenant_id)s AND version_id = %(version_id)s AND ordinal > %(after)s
ORDER BY ordinal
LIMIT %(most)s;

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

-- :name look_up :many FormRow
-- What the question's words are in the tenant's languages, and what resembles them; and the number
-- of the model it will be embedded by, which saves asking for it.
SELECT kind, word, language, lexeme, chunk_count, corpus_chunks, total_chunks, (
    SELECT m.id FROM kontor.embedding_models AS m
    WHERE m.name = %(name)s AND m.revision = %(revision)s AND m.dimension = %(dimension)s
) AS model_id
FROM kontor.look_up(%(query)s, %(language)s, %(most)s::integer)
ORDER BY kind, word, language, chunk_count DESC, lexeme
LIMIT 20000;

-- :name search :many HitRow
-- One function, so that a session plans its statements once.
SELECT s.chunk_id, s.document_id, s.version_id, s.title, s.heading_path, s.page, s.boxes,
    s.span_start AS start, s.span_end AS "end", s.content AS text, s.score, s.dense AS dense_score,
    s.stems AS lexical_score, s.grams AS gram_score, s.title_share, s.exact AS exact_share,
    s.dense_rank, s.stems_rank AS lexical_rank, s.grams_rank AS gram_rank, s.most_dense,
    s.most_stems AS most_lexical, s.most_grams, s.language, s.media_type, s.ordinal, s.reading,
    s.section_start, s.section_end, s.grids
FROM kontor.find_hits(
    %(asked)s::jsonb, %(weights)s::jsonb, %(vector)s::public.halfvec, %(model_id)s::smallint,
    %(exact_limit)s::integer, %(filters)s::jsonb, %(threshold)s::float8, %(most)s::integer
) AS s
ORDER BY s.score DESC, s.chunk_id
LIMIT %(most)s;

-- :name list_frequencies :many FrequencyRow
-- How often each hit says each term of its language: why it ranks where it does.
SELECT c.id AS chunk_id, u.lexeme, cardinality(u.positions) AS frequency, c.lexeme_count
FROM kontor.chunks AS c
CROSS JOIN LATERAL unnest(c.lexemes) AS u
WHERE c.tenant_id = %(tenant_id)s AND c.id = ANY (%(chunk_ids)s)
    AND (c.language, u.lexeme) IN (
        SELECT l.language, l.lexeme
        FROM unnest(%(languages)s::text[], %(lexemes)s::text[]) AS l (language, lexeme)
    )
ORDER BY c.id, u.lexeme
LIMIT 20000;

-- :name list_lexemes :many LexemesRow
-- What words are in the index of a language: highlights.
SELECT w.language, w.word, tsvector_to_array(kontor.lexemes_of(w.language, w.word)) AS lexemes
FROM unnest(string_to_array(%(languages)s, ' '), string_to_array(%(words)s, ' '))
    AS w (language, word)
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
    section, section_start, section_end, grids, stems, grams
)
SELECT
    %(tenant_id)s, c.id, c.kind, %(document_id)s, %(version_id)s, c.ordinal, c.language,
    c.heading_path, c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes,
    c.token_count, c.lexemes, c.lexeme_count, c.reading, c.section, c.section_start, c.section_end,
    c.grids, c.stems, c.grams
FROM ROWS FROM (
    json_to_recordset(%(chunks)s::json) AS (
        id uuid, kind text, ordinal integer, language text, heading_path text[], content text,
        span_start integer, span_end integer, page_from integer, page_to integer, boxes jsonb,
        token_count integer, lexemes tsvector, lexeme_count integer, reading integer,
        section integer, section_start integer, section_end integer, grids jsonb
    ),
    unnest(%(stems)b::public.sparsevec[], %(grams)b::public.sparsevec[])
) AS c (
    id, kind, ordinal, language, heading_path, content, span_start, span_end, page_from, page_to,
    boxes, token_count, lexemes, lexeme_count, reading, section, section_start, section_end, grids,
    stems, grams
);

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
    section, section_start, section_end, grids, stems, grams
)
SELECT c.tenant_id, c.id, c.kind, c.document_id, c.version_id, c.ordinal, c.language, c.heading_path,
    c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes, c.token_count, c.lexemes,
    c.lexeme_count, c.reading, c.section, c.section_start, c.section_end, c.grids, c.stems,
    c.grams
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
    section, section_start, section_end, grids, stems, grams
)
SELECT c.tenant_id, c.id, c.kind, c.document_id, c.version_id, c.ordinal, c.language, c.heading_path,
    c.content, c.span_start, c.span_end, c.page_from, c.page_to, c.boxes, c.token_count, c.lexemes,
    c.lexeme_count, c.reading, c.section, c.section_start, c.section_end, c.grids, c.stems,
    c.grams
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

-- :name suggest :many SuggestionRow
-- Titles and words for what was typed so far; the function knows what may be seen.
SELECT s.kind, s.label, s.document_id, s.found_in, s.is_exact
FROM kontor.suggest(
    %(starts)s::text[], %(patterns)s::text[], %(filters)s::jsonb, %(most)s::integer
) AS s
LIMIT 100;

-- :name list_unknown_words :many WordRow
-- Which of the query's words stand in nothing that the viewer sees, in no language.
SELECT w.word
FROM unnest(kontor.query_words(%(query)s, %(language)s)) AS w (word)
WHERE NOT EXISTS (
    SELECT 1
    FROM (VALUES ('de'), ('en'), ('simple')) AS l (language)
    JOIN kontor.lexeme_statistics AS s ON s.tenant_id = %(tenant_id)s
        AND s.language = l.language AND s.lexeme = kontor.lexeme_of(l.language, w.word)
        AND ((SELECT kontor.sees_all()) OR kontor.occurs_visibly(s.language, s.lexeme))
)
LIMIT 32;

-- :name list_old_versions :many VersionIdRow
-- Which of these versions are not (or no longer) the ones that are searched.
SELECT u.id
FROM unnest(%(version_ids)s::uuid[]) AS u (id)
WHERE NOT EXISTS (
    SELECT 1 FROM kontor.documents AS d
    WHERE d.tenant_id = %(tenant_id)s AND d.current_version_id = u.id AND d.removed_at IS NULL
)
LIMIT 10;

-- :name rank :many RankRow
-- The ranking alone, for lists too long to read the text of every hit.
SELECT s.chunk_id, s.score, s.dense AS dense_score, s.stems AS lexical_score,
    s.grams AS gram_score, s.title AS title_share, s.exact AS exact_share, s.dense_rank,
    s.stems_rank AS lexical_rank, s.grams_rank AS gram_rank, s.most_dense,
    s.most_stems AS most_lexical, s.most_grams
FROM kontor.find_chunks(
    %(asked)s::jsonb, %(weights)s::jsonb, %(vector)s::public.halfvec, %(model_id)s::smallint,
    %(exact_limit)s::integer, %(filters)s::jsonb, %(most)s::integer
) AS s
WHERE s.score >= %(threshold)s
ORDER BY s.score DESC, s.chunk_id
LIMIT %(most)s;

-- :name list_chosen_hits :many HitRow
-- Hits by the ids and scores that a ranking gave them. Whatever ranked, only what this tenant
-- searches now is shown.
SELECT c.id AS chunk_id, c.document_id, c.version_id, d.title, c.heading_path,
    c.page_from AS page, c.boxes, c.span_start AS start, c.span_end AS "end", c.content AS text,
    s.score, s.dense_score, s.lexical_score, s.gram_score, s.title_share, s.exact_share,
    s.dense_rank, s.lexical_rank, s.gram_rank, s.most_dense, s.most_lexical, s.most_grams,
    c.language, d.media_type, c.ordinal, c.reading, c.section_start, c.section_end, c.grids
FROM jsonb_to_recordset(%(ranks)s::jsonb) AS s (
    chunk_id uuid, score float8, dense_score float8, lexical_score float8, gram_score float8,
    title_share float8, exact_share float8, dense_rank integer, lexical_rank integer,
    gram_rank integer, most_dense float8, most_lexical float8, most_grams float8
)
JOIN kontor.chunks AS c ON c.tenant_id = %(tenant_id)s AND c.id = s.chunk_id
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = c.document_id
    AND d.current_version_id = c.version_id AND d.removed_at IS NULL
ORDER BY s.score DESC, c.id
LIMIT 1000;

-- :name list_documents_of :many DocumentOfRow
-- The document and version of each of some chunks.
SELECT c.id AS chunk_id, c.document_id, c.version_id
FROM kontor.chunks AS c
WHERE c.tenant_id = %(tenant_id)s AND c.id = ANY (%(chunk_ids)s)
LIMIT 2000;

-- :name count_facets :many FacetRow
-- How the documents found fall into folders (and all folders above), collections, types,
-- languages, months, tags, kinds and metadata. One statement, so that all counts agree.
WITH found AS MATERIALIZED (
    SELECT d.id, d.folder_id, d.media_type, d.language, d.created_at, d.tags, d.metadata,
        d.current_version_id
    FROM kontor.documents AS d
    WHERE d.tenant_id = %(tenant_id)s AND d.id = ANY (%(document_ids)s) AND d.removed_at IS NULL
),
facets AS (
    SELECT 'folder' AS facet, array_to_string(p.parts[:n.depth], '/') AS value,
        array_to_string(p.parts[:n.depth], '/') AS label, f.id
    FROM found AS f
    JOIN kontor.folders AS o ON o.tenant_id = %(tenant_id)s AND o.id = f.folder_id
    CROSS JOIN LATERAL (SELECT string_to_array(o.path, '/') AS parts) AS p
    CROSS JOIN LATERAL generate_series(1, cardinality(p.parts)) AS n (depth)
    UNION ALL
    SELECT 'collection', c.id::text, c.name, f.id
    FROM found AS f
    JOIN kontor.collection_documents AS m
        ON m.tenant_id = %(tenant_id)s AND m.document_id = f.id
    JOIN kontor.collections AS c ON c.tenant_id = %(tenant_id)s AND c.id = m.collection_id
    UNION ALL
    SELECT 'media_type', f.media_type, f.media_type, f.id FROM found AS f
    UNION ALL
    SELECT 'language', f.language, f.language, f.id FROM found AS f
    UNION ALL
    SELECT 'month', to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY-MM'),
        to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY-MM'), f.id
    FROM found AS f
    UNION ALL
    SELECT 'year', to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY'),
        to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY'), f.id
    FROM found AS f
    UNION ALL
    SELECT 'tag', t.tag, t.tag, f.id
    FROM found AS f CROSS JOIN LATERAL unnest(f.tags) AS t (tag)
    UNION ALL
    SELECT 'kind', k.kind, k.kind, f.id
    FROM found AS f
    CROSS JOIN LATERAL (
        SELECT h.kind FROM kontor.chunks AS h
        WHERE h.tenant_id = %(tenant_id)s AND h.version_id = f.current_version_id
        LIMIT 1
    ) AS k
    UNION ALL
    SELECT 'metadata.' || m.key, m.value #>> '{}', m.value #>> '{}', f.id
    FROM found AS f CROSS JOIN LATERAL jsonb_each(f.metadata) AS m (key, value)
    WHERE jsonb_typeof(m.value) IN ('string', 'number', 'boolean')
),
counted AS (
    SELECT c.facet, c.value, min(c.label) AS label, count(*) AS document_count,
        row_number() OVER (PARTITION BY c.facet ORDER BY count(*) DESC, min(c.label), c.value)
            AS place,
        count(*) OVER (PARTITION BY c.facet) AS value_count
    FROM facets AS c
    WHERE c.facet = ANY (%(facets)s) OR (c.facet ^@ 'metadata.' AND 'metadata' = ANY (%(facets)s))
    GROUP BY c.facet, c.value
)
SELECT c.facet, c.value, c.label, c.document_count, c.value_count
FROM counted AS c
WHERE c.place <= %(most_values)s
ORDER BY c.facet, c.place
LIMIT 2000;

-- :name list_source_chunks :many SourceChunkRow
-- A document's chunks to find others like it: spread over its whole length.
SELECT n.id, n.language, n.heading_path, n.content
FROM (
    SELECT c.id, c.language, c.heading_path, c.content,
        row_number() OVER (ORDER BY c.ordinal) - 1 AS place, count(*) OVER () AS total
    FROM kontor.chunks AS c
    JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = c.document_id
        AND d.current_version_id = c.version_id AND d.removed_at IS NULL
    WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
) AS n
WHERE n.place %% greatest(1, n.total / %(most)s) = 0
ORDER BY n.place
LIMIT %(most)s;

-- :name list_named_chunks :many SourceChunkRow
-- Chunks by their ids, of what is searched now.
SELECT c.id, c.language, c.heading_path, c.content
FROM kontor.chunks AS c
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = c.document_id
    AND d.current_version_id = c.version_id AND d.removed_at IS NULL
WHERE c.tenant_id = %(tenant_id)s AND c.id = ANY (%(chunk_ids)s)
ORDER BY c.id
LIMIT 100;

-- :name find_mean_vector :one MeanVectorRow
-- What some chunks are about on average; the caller brings it to length 1.
SELECT coalesce(avg(v.embedding::public.vector)::real[], '{}') AS mean
FROM kontor.chunk_vectors AS v
WHERE v.tenant_id = %(tenant_id)s AND v.model_id = %(model_id)s
    AND v.chunk_id = ANY (%(chunk_ids)s);

-- :name weigh_words :many WordWeightRow
-- How telling each word is in this tenant: seldom words are, words of every page are not.
SELECT w.word,
    ln(1 + greatest(n.total - s.chunk_count + 0.5, 0.5) / (s.chunk_count + 0.5))::float8 AS weight
FROM unnest(%(words)s::text[]) AS w (word)
CROSS JOIN LATERAL (SELECT kontor.lexeme_of(%(language)s, w.word) AS lexeme) AS l
JOIN kontor.lexeme_statistics AS s ON s.tenant_id = %(tenant_id)s
    AND s.language = %(language)s AND s.lexeme = l.lexeme
CROSS JOIN (
    SELECT sum(c.chunk_count) AS total
    FROM kontor.corpus_statistics AS c
    WHERE c.tenant_id = %(tenant_id)s
) AS n
LIMIT 1000;

-- :name list_copies :many VersionIdRow
-- Which of these versions say the same as some others do, in four fifths of their chunks or more.
WITH source AS MATERIALIZED (
    SELECT DISTINCT md5(s.content) AS digest
    FROM kontor.chunks AS s
    WHERE s.tenant_id = %(tenant_id)s AND s.version_id = ANY (%(source_ids)s)
)
SELECT c.version_id AS id
FROM kontor.chunks AS c
WHERE c.tenant_id = %(tenant_id)s AND c.version_id = ANY (%(version_ids)s)
GROUP BY c.version_id
HAVING count(*) FILTER (WHERE md5(c.content) IN (SELECT s.digest FROM source AS s))
    >= 0.8 * count(*)
LIMIT 1000;

-- :name find_document_source :one DocumentSourceRow
-- The version of a document that is searched.
SELECT d.current_version_id AS version_id
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(document_id)s AND d.removed_at IS NULL;

-- :name record_saved_search :exec
-- A name is taken once per person.
INSERT INTO kontor.saved_searches (tenant_id, id, name, query, filters, is_shared, created_by)
VALUES (
    %(tenant_id)s, %(id)s, %(name)s, %(query)s, %(filters)s::jsonb, %(is_shared)s, %(user_id)s
)
ON CONFLICT DO NOTHING;

-- :name find_saved_search :one SavedSearch
-- One's own, or one that is shared.
SELECT s.id, s.name, s.query, s.filters, s.is_shared, s.created_by, s.created_at, s.updated_at,
    r.ran_at, coalesce(r.version_ids, '{}') AS seen
FROM kontor.saved_searches AS s
LEFT JOIN kontor.saved_search_runs AS r
    ON r.tenant_id = %(tenant_id)s AND r.search_id = s.id AND r.user_id = %(user_id)s
WHERE s.tenant_id = %(tenant_id)s AND s.id = %(id)s
    AND (s.created_by = %(user_id)s OR s.is_shared);

-- :name list_saved_searches :many SavedSearch
-- By name, one's own and the shared ones.
SELECT s.id, s.name, s.query, s.filters, s.is_shared, s.created_by, s.created_at, s.updated_at,
    r.ran_at, coalesce(r.version_ids, '{}') AS seen
FROM kontor.saved_searches AS s
LEFT JOIN kontor.saved_search_runs AS r
    ON r.tenant_id = %(tenant_id)s AND r.search_id = s.id AND r.user_id = %(user_id)s
WHERE s.tenant_id = %(tenant_id)s AND (s.created_by = %(user_id)s OR s.is_shared)
    AND (lower(s.name), s.id) > (%(after_name)s, %(after_id)s::uuid)
ORDER BY lower(s.name), s.id
LIMIT %(limit)s;

-- :name change_saved_search :exec
-- What is NULL stays.
UPDATE kontor.saved_searches AS s
SET name = coalesce(%(name)s, s.name), query = coalesce(%(query)s, s.query),
    filters = coalesce(%(filters)s::jsonb, s.filters),
    is_shared = coalesce(%(is_shared)s, s.is_shared), updated_at = now()
WHERE s.tenant_id = %(tenant_id)s AND s.id = %(id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.saved_searches AS o
        WHERE o.tenant_id = %(tenant_id)s AND o.created_by = s.created_by AND o.id <> s.id
            AND lower(o.name) = lower(%(name)s)
    );

-- :name remove_saved_search :exec
-- With what each person saw of it.
DELETE FROM kontor.saved_searches
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_search_run :exec
-- What this person has seen now.
INSERT INTO kontor.saved_search_runs AS r (tenant_id, search_id, user_id, version_ids)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(version_ids)s)
ON CONFLICT (tenant_id, search_id, user_id)
DO UPDATE SET version_ids = excluded.version_ids, ran_at = now();

-- :name forget_search_runs :exec
-- The question has changed, so everything it finds is new again.
DELETE FROM kontor.saved_search_runs
WHERE tenant_id = %(tenant_id)s AND search_id = %(id)s;

-- :name find_searchable_versions :one VersionsRow
-- The versions that may be seen under some filters; NULL means all that are current.
SELECT kontor.searchable_versions(%(filters)s::jsonb) AS ids;

-- :name list_cosines :many CosineRow
-- How near some chunks are to a vector.
SELECT v.chunk_id, greatest(-(v.embedding <#> %(vector)s::public.halfvec), 0)::float8 AS cosine
FROM kontor.chunk_vectors AS v
WHERE v.tenant_id = %(tenant_id)s AND v.model_id = %(model_id)s
    AND v.chunk_id = ANY (%(chunk_ids)s)
LIMIT 1000;

-- :name list_mirror_chunks :many MirrorChunkRow
-- All of a version as an external index takes it. Without LIMIT: it is found by all of its text.
SELECT c.id, c.language, d.title, c.heading_path, c.content,
    v.embedding::public.vector::real[] AS vector
FROM kontor.chunks AS c
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = c.document_id
JOIN kontor.chunk_vectors AS v ON v.tenant_id = %(tenant_id)s AND v.model_id = %(model_id)s
    AND v.chunk_id = c.id
WHERE c.tenant_id = %(tenant_id)s AND c.version_id = %(version_id)s
ORDER BY c.ordinal;

-- :name list_unmirrored :many VersionIdRow
-- Current versions that the external index has not, or not as they are now.
SELECT f.version_id AS id
FROM kontor.documents AS d
CROSS JOIN LATERAL (
    SELECT c.id, c.version_id FROM kontor.chunks AS c
    WHERE c.tenant_id = %(tenant_id)s AND c.version_id = d.current_version_id
    ORDER BY c.ordinal
    LIMIT 1
) AS f
LEFT JOIN kontor.mirrored_versions AS m ON m.tenant_id = %(tenant_id)s
    AND m.index_name = %(index_name)s AND m.version_id = d.current_version_id
WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL
    AND m.first_chunk_id IS DISTINCT FROM f.id
ORDER BY d.id
LIMIT %(most)s;

-- :name list_overmirrored :many VersionIdRow
-- Versions that the external index has and search has no more.
SELECT m.version_id AS id
FROM kontor.mirrored_versions AS m
WHERE m.tenant_id = %(tenant_id)s AND m.index_name = %(index_name)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.chunks AS c
        WHERE c.tenant_id = %(tenant_id)s AND c.version_id = m.version_id
    )
ORDER BY m.version_id
LIMIT %(most)s;

-- :name record_mirrored :exec
-- What the external index holds from now on.
INSERT INTO kontor.mirrored_versions AS m (tenant_id, index_name, version_id, first_chunk_id)
VALUES (%(tenant_id)s, %(index_name)s, %(version_id)s, %(first_chunk_id)s)
ON CONFLICT (tenant_id, index_name, version_id)
DO UPDATE SET first_chunk_id = excluded.first_chunk_id, mirrored_at = now();

-- :name remove_mirrored :exec
-- It holds it no longer.
DELETE FROM kontor.mirrored_versions
WHERE tenant_id = %(tenant_id)s AND index_name = %(index_name)s AND version_id = %(version_id)s;

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

-- :name find_tenant_ranking :one OwnRanking
-- The newest weights hold; ids are in the order of time.
SELECT id, dense_weight_en, dense_weight_de, evidence, created_by, created_at
FROM kontor.tenant_rankings
WHERE tenant_id = %(tenant_id)s
ORDER BY id DESC
LIMIT 1;

-- :name record_tenant_ranking :exec
-- Earlier weights stay, to go back to.
INSERT INTO kontor.tenant_rankings (
    tenant_id, id, dense_weight_en, dense_weight_de, evidence, created_by
)
VALUES (
    %(tenant_id)s, %(id)s, %(dense_weight_en)s, %(dense_weight_de)s, %(evidence)s::jsonb,
    %(created_by)s
);

-- :name remove_tenant_ranking :exec
-- Going back: the row before it holds again.
DELETE FROM kontor.tenant_rankings WHERE tenant_id = %(tenant_id)s AND id = %(id)s;
