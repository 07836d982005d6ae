-- The same search for less of the processor. What a search costs was mostly planning its
-- statements anew, reading every vector of middling tenants, and asking for look-alikes nobody
-- needs. Signatures and results stay, so functions of the version before may go on calling.
-- Statements here are planned once a session (force_generic_plan). Each has one shape whatever the
-- tables' statistics say, also before there are any: where the shape depends on the tenant's size,
-- there are two statements and a condition.

-- A language's lexeme of a word is written out instead of calling kontor.lexeme_of: a function
-- with a search path of its own costs more than the parser inside it.
CREATE OR REPLACE FUNCTION kontor.look_up(p_query text, p_language text, p_most_words integer)
RETURNS TABLE (
    kind text, word text, language text, lexeme text, chunk_count integer, corpus_chunks bigint,
    total_chunks bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_words text[] := (kontor.query_words(p_query, p_language))[1:500];
    v_are_few boolean := cardinality(v_words) <= p_most_words;
    v_known text[] := '{}';
    v_language text;
    v_languages text[];
    v_sizes bigint[];
    v_size bigint;
    v_total bigint;
    v_asked text[];
    v_lexemes text[];
    v_counts integer[];
BEGIN
    SELECT array_agg(c.language), array_agg(c.chunk_count), sum(c.chunk_count)
    INTO v_languages, v_sizes, v_total
    FROM kontor.corpus_statistics AS c
    WHERE c.tenant_id = v_tenant AND c.chunk_count > 0;
    FOR v_language, v_size IN
        SELECT l.language, l.size FROM unnest(v_languages, v_sizes) AS l (language, size)
    LOOP
        SELECT array_agg(f.word), array_agg(f.lexeme), array_agg(f.chunk_count)
        INTO v_asked, v_lexemes, v_counts
        FROM (
            SELECT x.word, x.lexeme, coalesce((
                SELECT s.chunk_count
                FROM kontor.lexeme_statistics AS s
                WHERE s.tenant_id = v_tenant AND s.language = v_language AND s.lexeme = x.lexeme
            ), 0) AS chunk_count
            FROM (
                SELECT w.word, (
                    SELECT u.lexeme
                    FROM unnest(tsvector_to_array(kontor.lexemes_of(v_language, w.word)))
                        AS u (lexeme)
                    ORDER BY length(u.lexeme) DESC, u.lexeme
                    LIMIT 1
                ) AS lexeme
                FROM unnest(v_words) AS w (word)
            ) AS x
            WHERE x.lexeme IS NOT NULL
        ) AS f;
        v_known := v_known || ARRAY(
            SELECT a.word FROM unnest(v_asked, v_counts) AS a (word, found) WHERE a.found > 0);
        RETURN QUERY
            SELECT 'exact'::text, a.word, v_language, a.lexeme, a.found, v_size, v_total
            FROM unnest(v_asked, v_lexemes, v_counts) AS a (word, lexeme, found);
        IF v_are_few AND v_language = 'de' THEN
            RETURN QUERY
                SELECT s.kind, s.word, v_language, s.lexeme, s.chunk_count, v_size, v_total
                FROM kontor.compounds_of(v_tenant, v_asked, v_lexemes) AS s;
        END IF;
    END LOOP;
    -- Only what no language knows may be a slip of the pen.
    IF v_are_few AND NOT v_words <@ v_known THEN
        RETURN QUERY
            SELECT 'neighbour'::text, s.word, l.language, s.lexeme, s.chunk_count, l.size, v_total
            FROM unnest(v_languages, v_sizes) AS l (language, size)
            CROSS JOIN LATERAL kontor.neighbours_of(
                v_tenant, l.language,
                ARRAY(SELECT w.word FROM unnest(v_words) AS w (word) WHERE w.word <> ALL (v_known))
            ) AS s;
    END IF;
END $$;

-- What German words are made of, and what is made of them.
CREATE FUNCTION kontor.compounds_of(p_tenant uuid, p_words text[], p_lexemes text[])
RETURNS TABLE (kind text, word text, lexeme text, chunk_count integer)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY
        SELECT 'part'::text, a.word, s.lexeme, s.chunk_count
        FROM unnest(p_words, p_lexemes) AS a (word, lexeme)
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
            WHERE e.tenant_id = p_tenant AND e.language = 'de' AND e.lexeme = p.part COLLATE "C"
            LIMIT 1
        ) AS s
        WHERE length(a.lexeme) >= 8 AND a.lexeme !~ '[0-9]';
    RETURN QUERY
        SELECT 'compound'::text, a.word, s.lexeme, s.chunk_count
        FROM unnest(p_words, p_lexemes) AS a (word, lexeme)
        CROSS JOIN LATERAL (
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = p_tenant AND b.language = 'de'
                    AND b.lexeme > a.lexeme COLLATE "C"
                    AND b.lexeme < (a.lexeme || U&'\+10FFFF') COLLATE "C"
                LIMIT 200
            )
            UNION
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = p_tenant AND b.language = 'de'
                    AND reverse(b.lexeme) > reverse(a.lexeme) COLLATE "C"
                    AND reverse(b.lexeme) < (reverse(a.lexeme) || U&'\+10FFFF') COLLATE "C"
                LIMIT 200
            )
            ORDER BY 2 DESC, 1
            LIMIT 12
        ) AS s
        WHERE length(a.lexeme) >= 5 AND a.lexeme !~ '[0-9]';
END $$;

-- Lexemes of a language that share the first or the second half of words nobody wrote.
CREATE FUNCTION kontor.neighbours_of(p_tenant uuid, p_language text, p_words text[])
RETURNS TABLE (word text, lexeme text, chunk_count integer)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY
        SELECT a.word, s.lexeme, s.chunk_count
        FROM (
            SELECT x.word, x.lexeme, length(x.lexeme) / 2 AS half
            FROM (
                SELECT w.word, kontor.lexeme_of(p_language, w.word) AS lexeme
                FROM unnest(p_words) AS w (word)
            ) AS x
            WHERE length(x.lexeme) BETWEEN 4 AND 40 AND x.lexeme !~ '[0-9]'
        ) AS a
        CROSS JOIN LATERAL (
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = p_tenant AND b.language = p_language
                    AND b.lexeme >= left(a.lexeme, a.half) COLLATE "C"
                    AND b.lexeme < (left(a.lexeme, a.half) || U&'\+10FFFF') COLLATE "C"
                    AND length(b.lexeme) BETWEEN length(a.lexeme) - 2 AND length(a.lexeme) + 2
                LIMIT 300
            )
            UNION
            (
                SELECT b.lexeme, b.chunk_count
                FROM kontor.lexeme_statistics AS b
                WHERE b.tenant_id = p_tenant AND b.language = p_language
                    AND reverse(b.lexeme) >= reverse(right(a.lexeme, a.half)) COLLATE "C"
                    AND reverse(b.lexeme)
                        < (reverse(right(a.lexeme, a.half)) || U&'\+10FFFF') COLLATE "C"
                    AND length(b.lexeme) BETWEEN length(a.lexeme) - 2 AND length(a.lexeme) + 2
                LIMIT 300
            )
        ) AS s;
END $$;
REVOKE ALL ON FUNCTION kontor.compounds_of, kontor.neighbours_of FROM public;

-- By which words a tenant's candidates are gathered: the rarest, until the chunks they are in fill
-- the budget (1,000 kept MRR within .008 of reading all at a tenth of the cost). Where the rarest
-- alone is in more, only together with one of the next: what says both is better anyway.
-- p_gathered: in how many of p_total chunks a word and all rarer ones are; 0 gathers always.
CREATE FUNCTION kontor.gathering_query(
    p_lexemes text[], p_gathered bigint[], p_budget bigint, p_total bigint
)
RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rarest bigint := (SELECT min(g.gathered) FROM unnest(p_gathered) AS g (gathered)
        WHERE g.gathered > 0);
    v_next bigint := (SELECT min(g.gathered) FROM unnest(p_gathered) AS g (gathered)
        WHERE g.gathered > v_rarest);
    v_within bigint := greatest(
        v_next, v_rarest + p_budget * p_total / greatest(v_rarest, 1));
    v_one tsquery;
    v_other tsquery;
    v_always tsquery;
BEGIN
    IF p_gathered IS NULL OR v_rarest IS NULL OR v_rarest <= p_budget THEN
        RETURN (
            SELECT string_agg(kontor.as_query(w.lexeme), ' | ')::tsquery
            FROM unnest(p_lexemes, p_gathered) AS w (lexeme, gathered)
            WHERE p_gathered IS NULL OR w.gathered <= p_budget
        );
    END IF;
    SELECT (string_agg(kontor.as_query(w.lexeme), ' | ')
            FILTER (WHERE w.gathered = v_rarest))::tsquery,
        (string_agg(kontor.as_query(w.lexeme), ' | ')
            FILTER (WHERE w.gathered > v_rarest AND w.gathered <= v_within))::tsquery,
        (string_agg(kontor.as_query(w.lexeme), ' | ')
            FILTER (WHERE w.gathered = 0))::tsquery
    INTO v_one, v_other, v_always
    FROM unnest(p_lexemes, p_gathered) AS w (lexeme, gathered);
    v_one := coalesce(v_one && v_other, v_one);
    RETURN coalesce(v_one || v_always, v_one, v_always);
END $$;

-- The best of a tenant's chunks by words. Planned anew each time: how many chunks have the words,
-- and how many the tenant has in its partition, decide which index serves. At most 5,000 are
-- looked at, which only words met that often, and nothing rarer beside them, can reach. Sorted
-- before they are looked up in documents, one by one, so that only the best are.
CREATE FUNCTION kontor.nearest_by_words(
    p_tenant uuid, p_language text, p_wanted tsquery, p_stems public.sparsevec, p_versions uuid[],
    p_most integer
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    RETURN (
        SELECT array_agg(best.id) FROM (
            SELECT ranked.id FROM (
                SELECT said.id, said.version_id
                FROM (
                    SELECT h.id, h.version_id, h.stems <#> p_stems AS distance
                    FROM kontor.chunks AS h
                    WHERE h.tenant_id = p_tenant AND h.language = p_language
                        AND h.lexemes @@ p_wanted
                        AND (p_versions IS NULL OR h.version_id = ANY (p_versions))
                    LIMIT 5000
                ) AS said
                ORDER BY said.distance, said.id
            ) AS ranked
            WHERE (
                SELECT true FROM kontor.documents AS d
                WHERE d.tenant_id = p_tenant AND d.current_version_id = ranked.version_id
                    AND d.removed_at IS NULL
                LIMIT 1
            )
            LIMIT p_most
        ) AS best
    );
END $$;

-- The same where little may be seen: every chunk is weighed.
CREATE FUNCTION kontor.nearest_by_stems(
    p_tenant uuid, p_language text, p_stems public.sparsevec, p_versions uuid[], p_most integer
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    IF p_versions IS NOT NULL THEN
        RETURN (
            SELECT array_agg(best.id) FROM (
                SELECT h.id
                FROM kontor.chunks AS h
                WHERE h.tenant_id = p_tenant AND h.version_id = ANY (p_versions)
                    AND h.language = p_language AND h.stems <#> p_stems < 0
                ORDER BY h.stems <#> p_stems, h.id
                LIMIT p_most
            ) AS best
        );
    END IF;
    RETURN (
        SELECT array_agg(best.id) FROM (
            SELECT ranked.id FROM (
                SELECT h.id, h.version_id
                FROM kontor.chunks AS h
                WHERE h.tenant_id = p_tenant AND h.language = p_language
                    AND h.stems <#> p_stems < 0
                ORDER BY h.stems <#> p_stems, h.id
            ) AS ranked
            WHERE (
                SELECT true FROM kontor.documents AS d
                WHERE d.tenant_id = p_tenant AND d.current_version_id = ranked.version_id
                    AND d.removed_at IS NULL
                LIMIT 1
            )
            LIMIT p_most
        ) AS best
    );
END $$;

-- The nearest chunks by reading every vector that may be seen: 0.6 ms per thousand, recall 1.
-- Adding zero keeps the graph's index out of it.
CREATE OR REPLACE FUNCTION kontor.nearest_by_scan(
    p_tenant uuid, p_model smallint, p_vector public.halfvec, p_versions uuid[], p_most integer
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    IF p_versions IS NULL THEN
        RETURN (
            SELECT array_agg(n.chunk_id) FROM (
                SELECT v.chunk_id
                FROM kontor.chunk_vectors AS v
                WHERE v.tenant_id = p_tenant AND v.model_id = p_model
                    AND EXISTS (
                        SELECT 1 FROM kontor.documents AS d
                        WHERE d.tenant_id = p_tenant AND d.current_version_id = v.version_id
                            AND d.removed_at IS NULL
                    )
                ORDER BY (v.embedding <#> p_vector) + 0, v.chunk_id
                LIMIT p_most
            ) AS n
        );
    END IF;
    -- versions_within names current versions only.
    RETURN (
        SELECT array_agg(n.chunk_id) FROM (
            SELECT v.chunk_id
            FROM kontor.chunk_vectors AS v
            WHERE v.tenant_id = p_tenant AND v.version_id = ANY (p_versions)
                AND v.model_id = p_model
            ORDER BY (v.embedding <#> p_vector) + 0, v.chunk_id
            LIMIT p_most
        ) AS n
    );
END $$;

-- Whether reading every vector costs less than walking the graph, which all tenants of a partition
-- share: the walk passes as many strangers for each chunk it finds as the tenant is small.
-- Measured at 384 numbers: 0.6 us a vector read, 0.4 ms a walk among one's own.
CREATE FUNCTION kontor.is_scan_cheaper(p_tenant uuid, p_vector public.halfvec, p_size bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    -- The file's size says how many vectors are in it also before anything was analysed.
    v_bytes bigint := pg_relation_size((
        SELECT v.tableoid FROM kontor.chunk_vectors AS v WHERE v.tenant_id = p_tenant LIMIT 1));
BEGIN
    RETURN p_size::float8 * p_size <= 700 * coalesce(v_bytes, 0) / (2.0 * vector_dims(p_vector) + 90);
END $$;

-- What may be seen of a tenant, counted up to p_most.
CREATE FUNCTION kontor.visible_size(p_tenant uuid, p_versions uuid[], p_most bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    IF p_versions IS NULL THEN
        RETURN (
            SELECT coalesce(sum(c.chunk_count), 0)::bigint
            FROM kontor.corpus_statistics AS c WHERE c.tenant_id = p_tenant
        );
    END IF;
    RETURN (
        SELECT count(*) FROM (
            SELECT 1 FROM kontor.chunks AS h
            WHERE h.tenant_id = p_tenant AND h.version_id = ANY (p_versions)
            LIMIT p_most
        ) AS within
    );
END $$;

-- As in 0012, whose comment says what the arguments and scores are, but
--   vectors are read one by one up to p_exact_limit, and only where that costs less than the graph;
--   words gather up to a budget (kontor.gathering_query): wanted is sorted from rare to frequent,
--   and gathered says in how many chunks each and all before it are;
--   titles and patterns are compared only with what can match.
CREATE OR REPLACE FUNCTION kontor.find_chunks(
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
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_versions uuid[];
    v_size bigint;
    v_found uuid[];
    v_language text;
    v_lexemes text[];
    v_gathered bigint[];
    v_total bigint;
    v_wanted tsquery;
    v_part uuid[];
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
    IF v_versions = '{}' OR p_model IS NULL THEN
        RETURN;
    END IF;
    v_total := kontor.visible_size(v_tenant, NULL, 0);
    v_size := CASE WHEN v_versions IS NULL THEN v_total
        ELSE kontor.visible_size(v_tenant, v_versions, greatest(p_exact_limit, 1000) + 1) END;
    IF v_size <= p_exact_limit AND kontor.is_scan_cheaper(v_tenant, p_vector, v_size) THEN
        v_found := kontor.nearest_by_scan(v_tenant, p_model, p_vector, v_versions, v_candidates);
    ELSE
        v_found := kontor.nearest_by_graph(v_tenant, p_model, p_vector, v_versions, v_candidates);
    END IF;
    v_found := coalesce(v_found, '{}');
    FOR v_language, v_lexemes, v_gathered, v_stems IN
        SELECT t.language, t.wanted, t.gathered, kontor.stem_query(t.weights)
        FROM jsonb_to_recordset(p_asked -> 'terms') AS t (
            language text, wanted text[], gathered bigint[], weights jsonb
        )
    LOOP
        CASE v_language
            WHEN 'de' THEN v_german := v_stems;
            WHEN 'en' THEN v_english := v_stems;
            ELSE v_simple := v_stems;
        END CASE;
        CONTINUE WHEN v_lexemes = '{}';
        IF v_size <= 500 THEN
            v_part := kontor.nearest_by_stems(
                v_tenant, v_language, v_stems, v_versions, v_candidates);
        ELSE
            -- The fewer may be seen, the more have to be gathered to see as many.
            v_wanted := kontor.gathering_query(
                v_lexemes, v_gathered, least(1000 * v_total / v_size, 5000), v_total);
            v_part := kontor.nearest_by_words(
                v_tenant, v_language, v_wanted, v_stems, v_versions, v_candidates);
        END IF;
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
            CASE WHEN d.title_codes && v_titles THEN (
                SELECT sum(m.weight) / v_title_total FROM (
                    SELECT max(w.weight) AS weight
                    FROM unnest(v_titles, v_title_words, v_title_weights)
                        AS w (code, word, weight)
                    WHERE w.code = ANY (d.title_codes)
                    GROUP BY w.word
                ) AS m
            ) ELSE 0 END AS title,
            CASE WHEN v_patterns = '{}' THEN 0 ELSE (
                SELECT sum(CASE
                    WHEN array_to_string(h.heading_path, E'\n') ~* p.pattern
                        OR d.title ~* p.pattern THEN 1.5
                    WHEN h.content ~* p.pattern THEN 1 ELSE 0 END
                ) / cardinality(v_patterns)
                FROM unnest(v_patterns) AS p (pattern)
            ) END::float8 AS exact
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
REVOKE ALL ON FUNCTION kontor.gathering_query, kontor.nearest_by_words, kontor.nearest_by_stems,
    kontor.nearest_by_scan, kontor.is_scan_cheaper, kontor.visible_size FROM public;
