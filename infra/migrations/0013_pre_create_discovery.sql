-- Finding as people do it: words they can read instead of stems, titles by any of their words,
-- searches they keep, and the two filters that were missing.

-- A text as suggestions compare it: without case, umlauts and accents. Marks go before the case
-- does, so that the server's locale has no say in it.
CREATE FUNCTION kontor.folded(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT lower(regexp_replace(
        normalize(replace(replace(p_text, 'ß', 'ss'), 'ẞ', 'ss'), NFKD), '[\u0300-\u036f]', '', 'g'
    ))
$$;

-- One readable word per stem. Rows live and die with the tenant's statistics, so their number is
-- bounded by what is indexed now, and a word that occurs nowhere any more is gone.
CREATE TABLE kontor.readable_words (
    tenant_id uuid NOT NULL,
    language text NOT NULL,
    lexeme text COLLATE "C" NOT NULL,
    word text NOT NULL CHECK (length(word) <= 64),
    folded text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, language, lexeme),
    FOREIGN KEY (tenant_id, language, lexeme)
        REFERENCES kontor.lexeme_statistics (tenant_id, language, lexeme) ON DELETE CASCADE
);
CREATE INDEX readable_words_folded ON kontor.readable_words (tenant_id, folded);
ALTER TABLE kontor.readable_words ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.readable_words
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.readable_words TO kontor_app;

-- Every tail of a title that begins with a word: what is typed is then always a beginning.
CREATE TABLE kontor.title_tails (
    tenant_id uuid NOT NULL,
    folded text COLLATE "C" NOT NULL,
    document_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, folded, document_id),
    FOREIGN KEY (tenant_id, document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX title_tails_document ON kontor.title_tails (tenant_id, document_id);
ALTER TABLE kontor.title_tails ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.title_tails
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.title_tails TO kontor_app;

-- At most 16 tails of 64 letters: nobody types more to find a title.
CREATE FUNCTION kontor.tails_of(p_title text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT left(array_to_string(w.words[n.place:], ' '), 64)
    FROM (SELECT regexp_split_to_array(
        trim(regexp_replace(kontor.folded(p_title), '[^[:alnum:]§]+', ' ', 'g')), ' ')) AS w (words),
        generate_series(1, least(cardinality(w.words), 16)) AS n (place)
    WHERE w.words[n.place] <> ''
$$;

CREATE FUNCTION kontor.keep_title_tails() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM kontor.title_tails AS t
    WHERE t.tenant_id = new.tenant_id AND t.document_id = new.id;
    INSERT INTO kontor.title_tails (tenant_id, folded, document_id)
    SELECT new.tenant_id, tail, new.id FROM kontor.tails_of(new.title) AS tail;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_title_tails AFTER INSERT OR UPDATE OF title ON kontor.documents
    FOR EACH ROW EXECUTE FUNCTION kontor.keep_title_tails();
INSERT INTO kontor.title_tails (tenant_id, folded, document_id)
SELECT d.tenant_id, tail, d.id FROM kontor.documents AS d, kontor.tails_of(d.title) AS tail;

-- Searches that people keep. ``version_ids`` of a run are what its user saw last time: whatever is
-- found and not among them is new.
CREATE TABLE kontor.saved_searches (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 255),
    query text NOT NULL CHECK (query <> '' AND length(query) <= 4000),
    filters jsonb NOT NULL CHECK (jsonb_typeof(filters) = 'object'),
    is_shared boolean NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX saved_search_name_taken
    ON kontor.saved_searches (tenant_id, created_by, lower(name));
ALTER TABLE kontor.saved_searches ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.saved_searches
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.saved_searches TO kontor_app;

CREATE TABLE kontor.saved_search_runs (
    tenant_id uuid NOT NULL,
    search_id uuid NOT NULL,
    user_id uuid NOT NULL,
    version_ids uuid[] NOT NULL CHECK (cardinality(version_ids) <= 1000),
    ran_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, search_id, user_id),
    FOREIGN KEY (tenant_id, search_id)
        REFERENCES kontor.saved_searches (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.saved_search_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.saved_search_runs
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.saved_search_runs TO kontor_app;

-- What an external index holds of each version: the first chunk's id is another one after every
-- new indexing, so whatever was written, removed or read anew since is found by comparing.
CREATE TABLE kontor.mirrored_versions (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    index_name text NOT NULL,
    version_id uuid NOT NULL,
    first_chunk_id uuid NOT NULL,
    mirrored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, index_name, version_id)
);
ALTER TABLE kontor.mirrored_versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.mirrored_versions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.mirrored_versions TO kontor_app;

-- The current versions a search may look at; NULL means all of the tenant's. Also by version and
-- by kind: a version's chunks are all of one kind, so its first chunk speaks for it.
CREATE OR REPLACE FUNCTION kontor.versions_within(p_tenant uuid, p_filters jsonb) RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_folders uuid[];
    v_folder text := p_filters ->> 'folder';
    v_collection uuid := (p_filters ->> 'collection')::uuid;
    v_tags text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'tags'));
    v_kinds text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'kinds'));
    v_versions uuid[] := ARRAY(
        SELECT jsonb_array_elements_text(p_filters -> 'version_ids'))::uuid[];
    v_documents uuid[] := ARRAY(
        SELECT jsonb_array_elements_text(p_filters -> 'document_ids'))::uuid[];
    v_media_types text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'media_types'));
    v_languages text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'languages'));
BEGIN
    IF p_filters = '{}' THEN
        RETURN NULL;
    END IF;
    IF v_folder IS NOT NULL THEN
        SELECT coalesce(array_agg(f.id), '{}') INTO v_folders
        FROM kontor.folders AS f
        WHERE f.tenant_id = p_tenant AND (f.path = v_folder OR f.path ^@ (v_folder || '/'));
    END IF;
    RETURN coalesce((
        SELECT array_agg(d.current_version_id)
        FROM kontor.documents AS d
        WHERE d.tenant_id = p_tenant AND d.removed_at IS NULL
            AND d.current_version_id IS NOT NULL
            AND (v_folders IS NULL OR d.folder_id = ANY (v_folders))
            AND (v_versions = '{}' OR d.current_version_id = ANY (v_versions))
            AND (v_documents = '{}' OR d.id = ANY (v_documents))
            AND (v_media_types = '{}' OR d.media_type = ANY (v_media_types))
            AND (v_languages = '{}' OR d.language = ANY (v_languages))
            AND (v_tags = '{}' OR d.tags @> v_tags)
            AND (v_kinds = '{}' OR (
                SELECT h.kind FROM kontor.chunks AS h
                WHERE h.tenant_id = p_tenant AND h.version_id = d.current_version_id
                LIMIT 1
            ) = ANY (v_kinds))
            AND (v_collection IS NULL OR EXISTS (
                SELECT 1 FROM kontor.collection_documents AS c
                WHERE c.tenant_id = p_tenant AND c.collection_id = v_collection
                    AND c.document_id = d.id
            ))
            AND (p_filters ->> 'created_after' IS NULL
                OR d.created_at >= (p_filters ->> 'created_after')::timestamptz)
            AND (p_filters ->> 'created_before' IS NULL
                OR d.created_at < (p_filters ->> 'created_before')::timestamptz)
            AND (p_filters -> 'metadata' IS NULL OR d.metadata @> (p_filters -> 'metadata'))
    ), '{}');
END $$;

-- The same for whoever searches elsewhere (an external index): what may be seen is decided here.
CREATE FUNCTION kontor.searchable_versions(p_filters jsonb) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF v_tenant IS NULL THEN
        RAISE EXCEPTION 'app.tenant_id is not set' USING ERRCODE = '42501';
    END IF;
    RETURN kontor.versions_within(v_tenant, p_filters);
END $$;

-- Words and titles that begin as typed (p_starts), or are one slip away from it (p_patterns, asked
-- only when too little begins as typed). Both come folded. Only what the filters' versions hold
-- is answered. Slips are looked for behind the first letter, which keeps the scan to one letter
-- of the tenant's words.
CREATE FUNCTION kontor.suggest(
    p_starts text[], p_patterns text[], p_filters jsonb, p_most integer
)
RETURNS TABLE (kind text, label text, document_id uuid, found_in integer, is_exact boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_versions uuid[];
    v_first text := left(p_starts[1], 1);
    v_count integer;
    v_more integer;
BEGIN
    IF v_tenant IS NULL THEN
        RAISE EXCEPTION 'app.tenant_id is not set' USING ERRCODE = '42501';
    END IF;
    v_versions := kontor.versions_within(v_tenant, p_filters);
    RETURN QUERY
        SELECT 'title'::text, d.title, d.id, 1, true
        FROM unnest(p_starts) AS s (start)
        JOIN kontor.title_tails AS t
            ON t.tenant_id = v_tenant AND t.folded >= s.start AND t.folded < s.start || chr(1114109)
        JOIN kontor.documents AS d ON d.tenant_id = v_tenant AND d.id = t.document_id
        WHERE d.removed_at IS NULL AND d.current_version_id IS NOT NULL
            AND (v_versions IS NULL OR d.current_version_id = ANY (v_versions))
        GROUP BY d.id, d.title
        ORDER BY min(length(t.folded)), d.title, d.id
        LIMIT p_most;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN QUERY
        SELECT 'word'::text, w.word, NULL::uuid, w.chunk_count, true
        FROM (
            SELECT DISTINCT ON (r.folded) r.word, r.folded, r.language, r.lexeme, s.chunk_count
            FROM unnest(p_starts) AS b (start)
            JOIN kontor.readable_words AS r ON r.tenant_id = v_tenant
                AND r.folded >= b.start AND r.folded < b.start || chr(1114109)
            JOIN kontor.lexeme_statistics AS s ON s.tenant_id = v_tenant
                AND s.language = r.language AND s.lexeme = r.lexeme
            ORDER BY r.folded, s.chunk_count DESC, r.word
        ) AS w
        WHERE kontor.occurs_within(v_tenant, w.language, w.lexeme, v_versions)
        ORDER BY w.chunk_count DESC, w.word
        LIMIT p_most;
    GET DIAGNOSTICS v_more = ROW_COUNT;
    IF v_count + v_more > 0 OR cardinality(p_patterns) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT 'word'::text, w.word, NULL::uuid, w.chunk_count, false
        FROM (
            SELECT DISTINCT ON (r.folded) r.word, r.folded, r.language, r.lexeme, s.chunk_count
            FROM kontor.readable_words AS r
            JOIN kontor.lexeme_statistics AS s ON s.tenant_id = v_tenant
                AND s.language = r.language AND s.lexeme = r.lexeme
            WHERE r.tenant_id = v_tenant
                AND r.folded >= v_first AND r.folded < v_first || chr(1114109)
                AND r.folded LIKE ANY (p_patterns)
            ORDER BY r.folded, s.chunk_count DESC, r.word
        ) AS w
        WHERE kontor.occurs_within(v_tenant, w.language, w.lexeme, v_versions)
        ORDER BY w.chunk_count DESC, w.word
        LIMIT p_most;
    RETURN QUERY
        SELECT 'title'::text, d.title, d.id, 1, false
        FROM kontor.title_tails AS t
        JOIN kontor.documents AS d ON d.tenant_id = v_tenant AND d.id = t.document_id
        WHERE t.tenant_id = v_tenant
            AND t.folded >= v_first AND t.folded < v_first || chr(1114109)
            AND t.folded LIKE ANY (p_patterns)
            AND d.removed_at IS NULL AND d.current_version_id IS NOT NULL
            AND (v_versions IS NULL OR d.current_version_id = ANY (v_versions))
        GROUP BY d.id, d.title
        ORDER BY min(length(t.folded)), d.title, d.id
        LIMIT p_most;
END $$;

-- Whether a word stands in one of these versions; NULL are all of the tenant's, and then its being
-- in the statistics says so.
CREATE FUNCTION kontor.occurs_within(
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
            AND h.lexemes @@ kontor.as_query(p_lexeme)::tsquery
            AND h.version_id = ANY (p_versions)
    )
$$;

REVOKE ALL ON FUNCTION kontor.versions_within, kontor.occurs_within, kontor.suggest,
    kontor.searchable_versions FROM public;
GRANT EXECUTE ON FUNCTION kontor.suggest, kontor.searchable_versions TO kontor_app;

-- What is indexed already gets its words as new documents do.
INSERT INTO kontor.readable_words (tenant_id, language, lexeme, word, folded)
SELECT DISTINCT ON (w.tenant_id, w.language, s.lexeme)
    w.tenant_id, w.language, s.lexeme, w.word, kontor.folded(w.word)
FROM (
    SELECT c.tenant_id, c.language, t.token AS word, count(*) AS times
    FROM kontor.chunks AS c
    CROSS JOIN LATERAL ts_parse(
        'default', array_to_string(c.heading_path, E'\n') || E'\n' || c.content
    ) AS t (kind, token)
    WHERE t.kind IN (1, 2, 10, 11) AND length(t.token) BETWEEN 4 AND 40
    GROUP BY c.tenant_id, c.language, t.token
) AS w
JOIN kontor.lexeme_statistics AS s ON s.tenant_id = w.tenant_id AND s.language = w.language
    AND s.lexeme = CASE w.language
        WHEN 'de' THEN (ts_lexize('pg_catalog.german_stem', w.word))[1]
        WHEN 'en' THEN (ts_lexize('pg_catalog.english_stem', w.word))[1]
        ELSE (ts_lexize('pg_catalog.simple', w.word))[1]
    END
ORDER BY w.tenant_id, w.language, s.lexeme, w.times DESC, length(w.word), w.word;
