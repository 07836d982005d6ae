-- Search finds more than whole stems: character 4-grams (German compounds, misspellings), exact
-- phrases and identifiers, and titles. What is new is derived from what is stored, by generated
-- columns, so nothing that writes chunks or documents has to know of it. kontor.search stays for
-- functions of the version before.

-- What a chunk says, as two sparse vectors in which BM25 (k1 1.2, b 0.75) is an inner product with
-- the question's weights: one or two microseconds a chunk, however many words are asked for
-- (ts_rank took two for every word). One vector holds whole lexemes, the other the character
-- 4-grams inside them; grams of stems did as well as grams of words on XQuAD at two thirds of the
-- size. The average length is a constant: chunks are cut to a size, whatever the corpus (nDCG@10
-- differed by less than .002). Collisions of the hash (2^28 places) are harmless.
CREATE FUNCTION kontor.term_code(p_term text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT 1 + (pg_catalog.hashtext(p_term) & 268435455) $$;

CREATE FUNCTION kontor.bm25_vector(p_codes integer[], p_counts bigint[], p_average float8)
RETURNS public.sparsevec
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT (
        '{' || coalesce(string_agg(
            t.code || ':'
                || (t.tf * 2.2 / (t.tf + 1.2 * (0.25 + 0.75 * t.total / p_average)))::numeric(8, 5),
            ',' ORDER BY t.code
        ), '') || '}/268435456'
    )::public.sparsevec
    FROM (
        SELECT c.code, sum(c.tf)::float8 AS tf, sum(sum(c.tf)) OVER ()::float8 AS total
        FROM unnest(p_codes, p_counts) AS c (code, tf)
        GROUP BY c.code
        ORDER BY c.code
        LIMIT 16000
    ) AS t
$$;

CREATE FUNCTION kontor.stem_vector(p_lexemes tsvector) RETURNS public.sparsevec
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT kontor.bm25_vector(
        coalesce(array_agg(kontor.term_code(u.lexeme)), '{}'),
        coalesce(array_agg(coalesce(cardinality(u.positions), 1)::bigint), '{}'),
        100
    )
    FROM unnest(p_lexemes) AS u
$$;

CREATE FUNCTION kontor.gram_vector(p_lexemes tsvector) RETURNS public.sparsevec
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT kontor.bm25_vector(
        coalesce(array_agg(kontor.term_code(substr(w.word, i.at, 4))), '{}'),
        coalesce(array_agg(w.tf), '{}'),
        500
    )
    FROM (
        SELECT ' ' || u.lexeme || ' ' AS word, coalesce(cardinality(u.positions), 1)::bigint AS tf
        FROM unnest(p_lexemes) AS u
    ) AS w
    CROSS JOIN LATERAL generate_series(1, greatest(length(w.word) - 3, 1)) AS i (at)
$$;

-- Stems stay in the row: every candidate is ranked by them.
ALTER TABLE kontor.chunks
    ADD COLUMN stems public.sparsevec GENERATED ALWAYS AS (kontor.stem_vector(lexemes)) STORED,
    ADD COLUMN grams public.sparsevec GENERATED ALWAYS AS (kontor.gram_vector(lexemes)) STORED;
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('ALTER TABLE kontor.chunks_%s ALTER stems SET STORAGE MAIN', part);
    END LOOP;
END $$;

-- The question's side of both: {lexeme: weight}. A gram is as heavy as its heaviest word.
CREATE FUNCTION kontor.stem_query(p_weights jsonb) RETURNS public.sparsevec
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT (
        '{' || coalesce(string_agg(t.code || ':' || t.weight, ',' ORDER BY t.code), '')
            || '}/268435456'
    )::public.sparsevec
    FROM (
        SELECT kontor.term_code(w.key) AS code, max(w.value::float8)::numeric(9, 5) AS weight
        FROM jsonb_each_text(p_weights) AS w
        GROUP BY 1
    ) AS t
$$;

CREATE FUNCTION kontor.gram_query(p_weights jsonb) RETURNS public.sparsevec
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT kontor.stem_query(coalesce(jsonb_object_agg(g.gram, g.weight), '{}'))
    FROM (
        SELECT substr(' ' || w.key || ' ', i.at, 4) AS gram, max(w.value::float8) AS weight
        FROM jsonb_each_text(p_weights) AS w
        CROSS JOIN LATERAL generate_series(1, greatest(length(w.key) - 1, 1)) AS i (at)
        GROUP BY 1
        LIMIT 4000
    ) AS g
$$;

-- A title's words in every language's form, as numbers that differ from tenant to tenant: one
-- tenant's many titles never lie in the way of another's search.
CREATE FUNCTION kontor.title_code(p_tenant uuid, p_lexeme text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$
    SELECT pg_catalog.hashtextextended(
        p_lexeme, pg_catalog.hashtextextended(p_tenant::text, 0))
$$;

CREATE FUNCTION kontor.title_codes(p_tenant uuid, p_title text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT kontor.title_code(p_tenant, x.lexeme)), '{}')
    FROM (VALUES ('de'), ('en'), ('simple')) AS l (language)
    CROSS JOIN LATERAL unnest(tsvector_to_array(kontor.lexemes_of(
        l.language, translate(p_title, '_-./\()[]+', '          ')
    ))) AS x (lexeme)
$$;

ALTER TABLE kontor.documents
    ADD COLUMN title_codes bigint[]
        GENERATED ALWAYS AS (kontor.title_codes(tenant_id, title)) STORED;
CREATE INDEX documents_title_codes ON kontor.documents USING gin (title_codes)
    WITH (fastupdate = off) WHERE removed_at IS NULL;

-- Lexemes by their ends: German compounds carry their meaning there.
CREATE INDEX lexeme_endings ON kontor.lexeme_statistics (tenant_id, language, reverse(lexeme));

-- What the question's words are in each of the tenant's languages, and what resembles them:
--   exact      the word's own lexeme, also where no chunk has it (chunk_count 0)
--   part       a lexeme the word begins or ends with (a long word may be a compound)
--   compound   a lexeme that begins or ends with the word
--   neighbour  for a word nobody wrote: lexemes sharing its first or second half
-- Which of them count, and how much, is the caller's to decide. Questions of more words than
-- p_most_words say enough without what resembles them.
CREATE FUNCTION kontor.look_up(p_query text, p_language text, p_most_words integer)
RETURNS TABLE (
    kind text, word text, language text, lexeme text, chunk_count integer, corpus_chunks bigint,
    total_chunks bigint
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET jit = off
AS $$
    WITH tenant AS MATERIALIZED (
        SELECT nullif(current_setting('app.tenant_id', true), '')::uuid AS id
    ),
    corpus AS MATERIALIZED (
        SELECT c.language, c.chunk_count
        FROM tenant AS t
        JOIN kontor.corpus_statistics AS c ON c.tenant_id = t.id AND c.chunk_count > 0
    ),
    words AS MATERIALIZED (
        SELECT w.word
        FROM unnest(kontor.query_words(p_query, p_language)) AS w (word)
        LIMIT 500
    ),
    asked AS MATERIALIZED (
        SELECT w.word, c.language, x.lexeme, coalesce((
            SELECT s.chunk_count
            FROM kontor.lexeme_statistics AS s
            WHERE s.tenant_id = (SELECT t.id FROM tenant AS t) AND s.language = c.language
                AND s.lexeme = x.lexeme
        ), 0) AS chunk_count
        FROM words AS w
        CROSS JOIN corpus AS c
        CROSS JOIN LATERAL (SELECT kontor.lexeme_of(c.language, w.word) AS lexeme) AS x
        WHERE x.lexeme IS NOT NULL
    ),
    alone AS MATERIALIZED (
        SELECT a.word, a.language, a.lexeme
        FROM asked AS a
        WHERE a.lexeme !~ '[0-9]' AND (SELECT count(*) FROM words) <= p_most_words
    ),
    unknown AS MATERIALIZED (
        SELECT a.word, a.language, a.lexeme, length(a.lexeme) / 2 AS half
        FROM alone AS a
        WHERE length(a.lexeme) BETWEEN 4 AND 40
            AND NOT EXISTS (
                SELECT 1 FROM asked AS o WHERE o.word = a.word AND o.chunk_count > 0
            )
    ),
    found AS (
        SELECT 'exact' AS kind, a.word, a.language, a.lexeme, a.chunk_count
        FROM asked AS a
        UNION ALL
        SELECT 'part', a.word, a.language, s.lexeme, s.chunk_count
        FROM alone AS a
        CROSS JOIN LATERAL (
            SELECT DISTINCT p.part
            FROM generate_series(4, least(length(a.lexeme), 60) - 3) AS n (letters)
            CROSS JOIN LATERAL (
                VALUES (left(a.lexeme, n.letters)), (right(a.lexeme, n.letters))
            ) AS p (part)
        ) AS p
        CROSS JOIN LATERAL (
            SELECT e.lexeme, e.chunk_count
            FROM kontor.lexeme_statistics AS e
            WHERE e.tenant_id = (SELECT t.id FROM tenant AS t) AND e.language = a.language
                AND e.lexeme = p.part COLLATE "C"
            LIMIT 1
        ) AS s
        WHERE a.language = 'de' AND length(a.lexeme) >= 8
        UNION ALL
        SELECT 'compound', a.word, a.language, s.lexeme, s.chunk_count
        FROM alone AS a
        CROSS JOIN LATERAL (
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = (SELECT t.id FROM tenant AS t) AND b.language = a.language
                    AND b.lexeme > a.lexeme COLLATE "C"
                    AND b.lexeme < (a.lexeme || U&'\+10FFFF') COLLATE "C"
                LIMIT 200
            )
            UNION
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = (SELECT t.id FROM tenant AS t) AND b.language = a.language
                    AND reverse(b.lexeme) > reverse(a.lexeme) COLLATE "C"
                    AND reverse(b.lexeme) < (reverse(a.lexeme) || U&'\+10FFFF') COLLATE "C"
                LIMIT 200
            )
            ORDER BY 2 DESC, 1
            LIMIT 12
        ) AS s
        WHERE a.language = 'de' AND length(a.lexeme) >= 5
        UNION ALL
        SELECT 'neighbour', a.word, a.language, s.lexeme, s.chunk_count
        FROM unknown AS a
        CROSS JOIN LATERAL (
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = (SELECT t.id FROM tenant AS t) AND b.language = a.language
                    AND b.lexeme >= left(a.lexeme, a.half) COLLATE "C"
                    AND b.lexeme < (left(a.lexeme, a.half) || U&'\+10FFFF') COLLATE "C"
                    AND length(b.lexeme) BETWEEN length(a.lexeme) - 2 AND length(a.lexeme) + 2
                LIMIT 300
            )
            UNION
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = (SELECT t.id FROM tenant AS t) AND b.language = a.language
                    AND reverse(b.lexeme) >= reverse(right(a.lexeme, a.half)) COLLATE "C"
                    AND reverse(b.lexeme)
                        < (reverse(right(a.lexeme, a.half)) || U&'\+10FFFF') COLLATE "C"
                    AND length(b.lexeme) BETWEEN length(a.lexeme) - 2 AND length(a.lexeme) + 2
                LIMIT 300
            )
        ) AS s
    )
    SELECT f.kind, f.word, f.language, f.lexeme, f.chunk_count, c.chunk_count,
        (SELECT sum(n.chunk_count)::bigint FROM corpus AS n)
    FROM found AS f
    JOIN corpus AS c ON c.language = f.language
$$;

-- Chunks in which a phrase stands as it was asked for; those that have it in a heading first.
CREATE FUNCTION kontor.chunks_saying(
    p_tenant uuid, p_phrases text[], p_versions uuid[], p_most integer
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_found uuid[] := '{}';
    v_part uuid[];
    v_phrase tsquery;
    v_language text;
BEGIN
    FOR v_language, v_phrase IN
        SELECT c.language, CASE c.language
                WHEN 'de' THEN phraseto_tsquery('pg_catalog.german', p.phrase)
                WHEN 'en' THEN phraseto_tsquery('pg_catalog.english', p.phrase)
                ELSE phraseto_tsquery('pg_catalog.simple', p.phrase)
            END
        FROM unnest(p_phrases) AS p (phrase)
        CROSS JOIN kontor.corpus_statistics AS c
        WHERE c.tenant_id = p_tenant AND c.chunk_count > 0
    LOOP
        CONTINUE WHEN numnode(v_phrase) = 0;
        SELECT array_agg(best.id) INTO v_part FROM (
            SELECT said.id FROM (
                SELECT h.id, ts_rank('{0.1, 0.1, 0.1, 1}', h.lexemes, v_phrase) AS rank
                FROM kontor.chunks AS h
                WHERE h.tenant_id = p_tenant AND h.language = v_language
                    AND h.lexemes @@ v_phrase
                    AND (p_versions IS NULL OR h.version_id = ANY (p_versions))
                    AND (
                        SELECT true FROM kontor.documents AS d
                        WHERE d.tenant_id = p_tenant AND d.current_version_id = h.version_id
                            AND d.removed_at IS NULL
                        LIMIT 1
                    )
                LIMIT 2000
            ) AS said
            ORDER BY said.rank DESC, said.id
            LIMIT p_most
        ) AS best;
        v_found := v_found || coalesce(v_part, '{}');
    END LOOP;
    RETURN v_found;
END $$;

-- The beginnings of documents whose titles hold at least half of what was asked, by weight.
-- Titles are gathered by the heavier words alone: the others may stand in every title.
CREATE FUNCTION kontor.chunks_titled(
    p_tenant uuid, p_codes bigint[], p_words integer[], p_weights float8[], p_versions uuid[]
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_gathering bigint[] := ARRAY(
        SELECT w.code FROM unnest(p_codes, p_weights) AS w (code, weight)
        WHERE w.weight >= 0.6 * (SELECT max(m.weight) FROM unnest(p_weights) AS m (weight)));
    v_total float8 := (
        SELECT sum(m.weight) FROM (
            SELECT max(w.weight) AS weight
            FROM unnest(p_words, p_weights) AS w (word, weight) GROUP BY w.word
        ) AS m);
BEGIN
    RETURN (
        SELECT array_agg(c.id) FROM (
            SELECT t.current_version_id AS version_id
            FROM (
                SELECT d.id, d.current_version_id, d.title_codes
                FROM kontor.documents AS d
                WHERE d.tenant_id = p_tenant AND d.removed_at IS NULL
                    AND d.current_version_id IS NOT NULL AND d.title_codes && v_gathering
                    AND (p_versions IS NULL OR d.current_version_id = ANY (p_versions))
                LIMIT 500
            ) AS t
            CROSS JOIN LATERAL (
                SELECT sum(m.weight) AS weight FROM (
                    SELECT max(w.weight) AS weight
                    FROM unnest(p_codes, p_words, p_weights) AS w (code, word, weight)
                    WHERE w.code = ANY (t.title_codes)
                    GROUP BY w.word
                ) AS m
            ) AS s
            WHERE s.weight >= 0.5 * v_total
            ORDER BY s.weight DESC, t.id
            LIMIT 10
        ) AS best
        CROSS JOIN LATERAL (
            SELECT h.id FROM kontor.chunks AS h
            WHERE h.tenant_id = p_tenant AND h.version_id = best.version_id
            ORDER BY h.ordinal
            LIMIT 3
        ) AS c
    );
END $$;

-- The chunks of the tenant that fit, ranked. Candidates come from four arms: the nearest vectors,
-- BM25 of the wanted terms, exact phrases, titles. Every score is then exact for their union:
--   dense   cosine
--   stems   BM25 of the terms (k1 1.2, b 0.75)
--   grams   BM25 of character 4-grams
--   title   share of the question's weight that stands in the document's title
--   exact   share of the asked phrases and identifiers that the chunk has; what stands in a
--           heading or title counts half again as much
-- said = stems + t * title * the question's weight: a word in the title counts like t in the text.
-- score = w * dense/max + (1 - w) * ((1 - g) * said/max + g * grams/max) + exact, divided by one
-- plus the largest exact.
-- p_asked: {terms: [{language, wanted: [lexeme], weights: {lexeme: weight}}], words: [{number,
--   weight, forms}], grams: {lexeme: weight}, phrases: [text], patterns: [regular expression]}.
-- p_weights: {dense, grams, title}.
CREATE FUNCTION kontor.find_chunks(
    p_asked jsonb,
    p_weights jsonb,
    p_vector public.halfvec,
    p_model smallint,
    p_exact_limit integer,
    p_filters jsonb,
    p_most integer,
    p_candidates integer DEFAULT 50
)
RETURNS TABLE (
    chunk_id uuid, score float8, dense float8, stems float8, grams float8, title float8,
    exact float8, dense_rank integer, stems_rank integer, grams_rank integer,
    most_dense float8, most_stems float8, most_grams float8
)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
SET enable_seqscan = off
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_versions uuid[];
    v_size bigint;
    v_found uuid[];
    v_part uuid[];
    v_language text;
    v_wanted tsquery;
    v_stems public.sparsevec;
    v_german public.sparsevec := '{}/268435456';
    v_english public.sparsevec := '{}/268435456';
    v_simple public.sparsevec := '{}/268435456';
    v_candidates integer := greatest(p_candidates, p_most);
    v_grams public.sparsevec := kontor.gram_query(coalesce(p_asked -> 'grams', '{}'));
    v_titles bigint[];
    v_title_words integer[];
    v_title_weights float8[];
    v_title_total float8;
    v_patterns text[] := ARRAY(SELECT jsonb_array_elements_text(p_asked -> 'patterns'));
    w_dense float8 := (p_weights ->> 'dense')::float8;
    w_grams float8 := (p_weights ->> 'grams')::float8;
    w_title float8 := (p_weights ->> 'title')::float8;
BEGIN
    IF v_tenant IS NULL THEN
        RAISE EXCEPTION 'app.tenant_id is not set' USING ERRCODE = '42501';
    END IF;
    v_versions := kontor.versions_within(v_tenant, p_filters);
    IF v_versions = '{}' THEN
        RETURN;
    END IF;
    IF v_versions IS NULL THEN
        SELECT sum(c.chunk_count) INTO v_size
        FROM kontor.corpus_statistics AS c WHERE c.tenant_id = v_tenant;
    ELSE
        SELECT count(*) INTO v_size FROM (
            SELECT 1 FROM kontor.chunk_vectors AS v
            WHERE v.tenant_id = v_tenant AND v.version_id = ANY (v_versions)
            LIMIT p_exact_limit + 1
        ) AS within;
    END IF;
    IF v_size <= p_exact_limit THEN
        v_found := kontor.nearest_by_scan(v_tenant, p_model, p_vector, v_versions, v_candidates);
    ELSE
        v_found := kontor.nearest_by_graph(v_tenant, p_model, p_vector, v_versions, v_candidates);
    END IF;
    v_found := coalesce(v_found, '{}');
    FOR v_language, v_wanted, v_stems IN
        SELECT t.language, (
                SELECT string_agg(kontor.as_query(w.lexeme), ' | ')::tsquery
                FROM jsonb_array_elements_text(t.wanted) AS w (lexeme)
            ), kontor.stem_query(t.weights)
        FROM jsonb_to_recordset(p_asked -> 'terms') AS t (
            language text, wanted jsonb, weights jsonb
        )
    LOOP
        CASE v_language
            WHEN 'de' THEN v_german := v_stems;
            WHEN 'en' THEN v_english := v_stems;
            ELSE v_simple := v_stems;
        END CASE;
        CONTINUE WHEN v_wanted IS NULL;
        -- Sorted first, so that only the best are looked up in documents, one by one.
        SELECT array_agg(best.id) INTO v_part FROM (
            SELECT ranked.id FROM (
                SELECT h.id, h.version_id
                FROM kontor.chunks AS h
                WHERE h.tenant_id = v_tenant AND h.language = v_language
                    AND h.lexemes @@ v_wanted
                    AND (v_versions IS NULL OR h.version_id = ANY (v_versions))
                ORDER BY h.stems <#> v_stems, h.id
            ) AS ranked
            WHERE (
                SELECT true FROM kontor.documents AS d
                WHERE d.tenant_id = v_tenant AND d.current_version_id = ranked.version_id
                    AND d.removed_at IS NULL
                LIMIT 1
            )
            LIMIT v_candidates
        ) AS best;
        v_found := v_found || coalesce(v_part, '{}');
    END LOOP;
    IF v_patterns <> '{}' THEN
        v_found := v_found || kontor.chunks_saying(
            v_tenant, ARRAY(SELECT jsonb_array_elements_text(p_asked -> 'phrases')),
            v_versions, v_candidates);
    END IF;
    SELECT array_agg(kontor.title_code(v_tenant, f.form)), array_agg(w.number),
        array_agg(w.weight), sum(w.weight) FILTER (WHERE f.place = 1)
    INTO v_titles, v_title_words, v_title_weights, v_title_total
    FROM jsonb_to_recordset(p_asked -> 'words') AS w (number integer, weight float8, forms text[])
    CROSS JOIN LATERAL unnest(w.forms) WITH ORDINALITY AS f (form, place);
    IF v_titles IS NOT NULL AND w_title > 0 THEN
        v_found := v_found
            || kontor.chunks_titled(
                v_tenant, v_titles, v_title_words, v_title_weights, v_versions);
    END IF;
    RETURN QUERY
    WITH scored AS MATERIALIZED (
        SELECT h.id,
            coalesce((
                SELECT greatest(-(v.embedding <#> p_vector), 0)
                FROM kontor.chunk_vectors AS v
                WHERE v.tenant_id = v_tenant AND v.model_id = p_model AND v.chunk_id = h.id
            ), 0) AS dense,
            greatest(-(h.stems <#> CASE h.language
                WHEN 'de' THEN v_german WHEN 'en' THEN v_english ELSE v_simple END), 0) AS stems,
            greatest(-(h.grams <#> v_grams), 0) AS grams,
            coalesce((
                SELECT sum(m.weight) / v_title_total FROM (
                    SELECT max(w.weight) AS weight
                    FROM unnest(v_titles, v_title_words, v_title_weights)
                        AS w (code, word, weight)
                    WHERE w.code = ANY (d.title_codes)
                    GROUP BY w.word
                ) AS m
            ), 0) AS title,
            coalesce((
                SELECT sum(CASE
                    WHEN array_to_string(h.heading_path, E'\n') ~* p.pattern
                        OR d.title ~* p.pattern THEN 1.5
                    WHEN h.content ~* p.pattern THEN 1 ELSE 0 END
                ) / greatest(cardinality(v_patterns), 1)
                FROM unnest(v_patterns) AS p (pattern)
            ), 0)::float8 AS exact
        FROM kontor.chunks AS h
        CROSS JOIN LATERAL (
            SELECT t.title, t.title_codes
            FROM kontor.documents AS t
            WHERE t.tenant_id = v_tenant AND t.id = h.document_id
            LIMIT 1
        ) AS d
        WHERE h.tenant_id = v_tenant AND h.id = ANY (v_found)
    ),
    counted AS MATERIALIZED (
        SELECT s.id, s.dense, s.stems, s.grams, s.title, s.exact,
            s.stems + w_title * s.title * coalesce(v_title_total, 0) AS said
        FROM scored AS s
    ),
    most AS MATERIALIZED (
        SELECT nullif(max(s.dense), 0) AS dense, nullif(max(s.said), 0) AS stems,
            nullif(max(s.grams), 0) AS grams, max(s.exact) AS exact
        FROM counted AS s
    )
    SELECT s.id,
        (w_dense * coalesce(s.dense / m.dense, 0)
            + (1 - w_dense) * (
                (1 - w_grams) * coalesce(s.said / m.stems, 0)
                + w_grams * coalesce(s.grams / m.grams, 0)
            )
            + s.exact) / (1 + m.exact) AS fused,
        s.dense, s.stems, s.grams, s.title, s.exact,
        (rank() OVER (ORDER BY s.dense DESC))::integer,
        (rank() OVER (ORDER BY s.stems DESC))::integer,
        (rank() OVER (ORDER BY s.grams DESC))::integer,
        coalesce(m.dense, 0), coalesce(m.stems, 0), coalesce(m.grams, 0)
    FROM counted AS s
    CROSS JOIN most AS m
    ORDER BY fused DESC, s.id
    LIMIT p_most;
END $$;

REVOKE ALL ON FUNCTION kontor.look_up, kontor.find_chunks, kontor.chunks_saying,
    kontor.chunks_titled FROM public;
GRANT EXECUTE ON FUNCTION kontor.look_up, kontor.find_chunks TO kontor_app;
