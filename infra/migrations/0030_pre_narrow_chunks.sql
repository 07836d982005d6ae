-- Search touches less: candidates are found by numbers that are the tenant's own, and the rows that
-- ranking reads are a third as wide.
--   The index on lexemes held every tenant's in a partition and asked a tsquery about each chunk it
-- met, 3 ms of a search's 8 ms; a tenant of 10,000 chunks paid for the giant beside it.
--   Headings, text and lexemes of a chunk filled half a page, of which ranking reads 800 bytes.

-- Sets one tenant's numbers apart from another's: bits that are random in every id (RFC 9562).
-- Where two tenants' numbers meet all the same, the tenant's predicate tells their chunks apart.
CREATE FUNCTION kontor.tenant_salt(p_tenant uuid) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT ('x' || pg_catalog.right(p_tenant::text, 8))::bit(32)::integer $$;

-- What a chunk says as numbers; the codes of its lexemes are those of its sparse vector. Anybody may
-- call it: a trigger works with the rights of whoever writes.
CREATE FUNCTION kontor.word_codes(p_tenant uuid, p_lexemes text[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(kontor.term_code(l.lexeme) # s.salt), '{}')
    FROM unnest(p_lexemes) AS l (lexeme)
    CROSS JOIN (SELECT kontor.tenant_salt(p_tenant) AS salt) AS s
$$;

-- What is only shown, or rarely compared, moves out of the row; what ranks stays, as long as a
-- page holds it. Adding the column writes every row anew.
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('ALTER TABLE kontor.chunks_%s SET (toast_tuple_target = 1300)', part);
        EXECUTE format('ALTER TABLE kontor.chunks_%s ALTER lexemes SET STORAGE EXTERNAL', part);
    END LOOP;
END $$;
DROP INDEX kontor.chunks_lexemes;
ALTER TABLE kontor.chunks ADD COLUMN codes integer[] STORAGE MAIN
    GENERATED ALWAYS AS (kontor.word_codes(tenant_id, tsvector_to_array(lexemes))) STORED;
ALTER TABLE kontor.chunks ALTER COLUMN codes DROP EXPRESSION;
CREATE INDEX chunks_codes ON kontor.chunks USING gin (codes) WITH (fastupdate = off);
-- Nobody plans by them any more, and gathering them is most of an ANALYZE.
ALTER TABLE kontor.chunks ALTER lexemes SET STATISTICS 0, ALTER codes SET STATISTICS 0,
    ALTER stems SET STATISTICS 0, ALTER grams SET STATISTICS 0, ALTER content SET STATISTICS 0;

-- Rows that come without: from functions of the release before, and out of the shadow.
CREATE FUNCTION kontor.derive_word_codes() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.codes := kontor.word_codes(NEW.tenant_id, tsvector_to_array(NEW.lexemes));
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION kontor.derive_word_codes FROM public;
CREATE TRIGGER derive_word_codes BEFORE INSERT ON kontor.chunks
    FOR EACH ROW WHEN (NEW.codes IS NULL)
    EXECUTE FUNCTION kontor.derive_word_codes();

-- By which words a tenant's candidates are gathered: the rarest, until the chunks they are in fill
-- the budget (1,000 kept MRR within .008 of reading all at a tenth of the cost). Where the rarest
-- alone is in more than twice that, only together with one of the next: what says both is better
-- anyway. Of those so many that a budget of chunks is to be expected, but not more than are worth
-- reading their places (a quarter less work for .02 of the best fifty).
-- p_gathered: in how many of p_total chunks a word and all rarer ones are; 0 gathers always.
-- A chunk is gathered when it says one of alone, or one of first together with one of beside.
CREATE FUNCTION kontor.gathering_codes(
    p_tenant uuid, p_lexemes text[], p_gathered bigint[], p_budget bigint, p_total bigint,
    OUT alone integer[], OUT first integer[], OUT beside integer[]
)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_codes integer[] := kontor.word_codes(p_tenant, p_lexemes);
    v_rarest bigint := (SELECT min(g.gathered) FROM unnest(p_gathered) AS g (gathered)
        WHERE g.gathered > 0);
    v_next bigint;
    v_within bigint;
BEGIN
    first := '{}';
    beside := '{}';
    IF p_gathered IS NULL THEN
        alone := v_codes;
    ELSIF v_rarest IS NULL OR v_rarest <= 2 * p_budget THEN
        alone := ARRAY(SELECT w.code FROM unnest(v_codes, p_gathered) AS w (code, gathered)
            WHERE w.gathered <= greatest(p_budget, v_rarest));
    ELSE
        v_next := (SELECT min(g.gathered) FROM unnest(p_gathered) AS g (gathered)
            WHERE g.gathered > v_rarest);
        v_within := greatest(
            v_next, v_rarest + least(p_budget * p_total / v_rarest, 20 * p_budget));
        SELECT coalesce(array_agg(w.code) FILTER (WHERE w.gathered = 0), '{}'),
            coalesce(array_agg(w.code) FILTER (WHERE w.gathered = v_rarest), '{}'),
            coalesce(array_agg(w.code)
                FILTER (WHERE w.gathered > v_rarest AND w.gathered <= v_within), '{}')
        INTO alone, first, beside
        FROM unnest(v_codes, p_gathered) AS w (code, gathered);
        IF beside = '{}' THEN
            alone := alone || first;
            first := '{}';
        END IF;
    END IF;
END $$;

-- The best of a tenant's chunks by words. At most 5,000 are looked at, which only words met that
-- often, and nothing rarer beside them, can reach. Sorted before they are looked up in documents,
-- one by one, so that only the best are. The tenant's predicate has a form that no index serves:
-- that of the codes, which differ from tenant to tenant, is then the only one, whoever asks, and
-- the statement is planned once a session.
CREATE FUNCTION kontor.nearest_by_codes(
    p_tenant uuid, p_language text, p_alone integer[], p_first integer[], p_beside integer[],
    p_stems public.sparsevec, p_most integer
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
    RETURN (
        SELECT array_agg(best.id) FROM (
            SELECT ranked.id FROM (
                SELECT said.id, said.version_id
                FROM (
                    SELECT h.id, h.version_id, h.stems <#> p_stems AS distance
                    FROM kontor.chunks AS h
                    WHERE (h.tenant_id = p_tenant) IS TRUE AND h.language = p_language
                        AND (h.codes && p_alone OR (h.codes && p_first AND h.codes && p_beside))
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

-- The same within some versions, which versions_within names: current ones. Planned anew each
-- time, because only a list that is known is looked up by hash.
CREATE FUNCTION kontor.nearest_by_codes_within(
    p_tenant uuid, p_language text, p_alone integer[], p_first integer[], p_beside integer[],
    p_stems public.sparsevec, p_versions uuid[], p_most integer
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
            SELECT said.id FROM (
                SELECT h.id, h.stems <#> p_stems AS distance
                FROM kontor.chunks AS h
                WHERE h.tenant_id = p_tenant AND h.language = p_language
                    AND (h.codes && p_alone OR (h.codes && p_first AND h.codes && p_beside))
                    AND h.version_id = ANY (p_versions)
                LIMIT 5000
            ) AS said
            ORDER BY said.distance, said.id
            LIMIT p_most
        ) AS best
    );
END $$;
REVOKE ALL ON FUNCTION kontor.gathering_codes, kontor.nearest_by_codes,
    kontor.nearest_by_codes_within FROM public;

-- Whether a word stands in one of these versions, as in 0013: gathered by its code.
CREATE OR REPLACE FUNCTION kontor.occurs_within(
    p_tenant uuid, p_language text, p_lexeme text, p_versions uuid[]
)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    SELECT p_versions IS NULL OR EXISTS (
        SELECT 1 FROM kontor.chunks AS h
        WHERE h.tenant_id = p_tenant AND h.language = p_language
            AND h.codes @> kontor.word_codes(p_tenant, ARRAY[p_lexeme])
            AND h.lexemes @@ kontor.as_query(p_lexeme)::tsquery
            AND h.version_id = ANY (p_versions)
    )
$$;

-- What holds a phrase, as in 0012: gathered by the codes of its words.
CREATE OR REPLACE FUNCTION kontor.chunks_saying(
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
    v_codes integer[];
    v_language text;
BEGIN
    FOR v_language, v_phrase, v_codes IN
        SELECT c.language, CASE c.language
                WHEN 'de' THEN phraseto_tsquery('pg_catalog.german', p.phrase)
                WHEN 'en' THEN phraseto_tsquery('pg_catalog.english', p.phrase)
                ELSE phraseto_tsquery('pg_catalog.simple', p.phrase)
            END,
            kontor.word_codes(
                p_tenant, tsvector_to_array(kontor.lexemes_of(c.language, p.phrase)))
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
                    AND h.codes @> v_codes AND h.lexemes @@ v_phrase
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

-- As in 0021, but words gather by their codes.
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
    v_alone integer[];
    v_first integer[];
    v_beside integer[];
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
    IF v_size <= p_exact_limit THEN
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
            SELECT w.alone, w.first, w.beside INTO v_alone, v_first, v_beside
            FROM kontor.gathering_codes(v_tenant, v_lexemes, v_gathered,
                least(1000 * v_total / v_size, 5000), v_total) AS w;
            v_part := CASE WHEN v_versions IS NULL
                THEN kontor.nearest_by_codes(v_tenant, v_language, v_alone, v_first, v_beside,
                    v_stems, v_candidates)
                ELSE kontor.nearest_by_codes_within(v_tenant, v_language, v_alone, v_first,
                    v_beside, v_stems, v_versions, v_candidates) END;
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

-- Called by nothing but what is replaced above.
DROP FUNCTION kontor.nearest_by_words, kontor.gathering_query;
