-- Readings: how a version was read and cut, the cells and sections of its chunks, and what is
-- needed to read everything anew while search goes on answering from what it has.

ALTER TABLE kontor.chunks
    ADD COLUMN reading integer NOT NULL DEFAULT 1,
    ADD COLUMN section integer NOT NULL DEFAULT 0,
    ADD COLUMN section_start integer NOT NULL DEFAULT 0,
    ADD COLUMN section_end integer NOT NULL DEFAULT 0,
    ADD COLUMN grids jsonb NOT NULL DEFAULT '[]';

ALTER TABLE kontor.citations
    ADD COLUMN reading integer NOT NULL DEFAULT 1,
    ADD COLUMN cells jsonb NOT NULL DEFAULT '[]';

-- What a tenant wants of reading; a tenant without a row has the deployment's settings.
CREATE TABLE kontor.reading_settings (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    strategy text NOT NULL CHECK (strategy IN ('structured', 'fixed')),
    chunk_tokens integer NOT NULL CHECK (chunk_tokens BETWEEN 32 AND 510),
    overlap_tokens integer NOT NULL CHECK (overlap_tokens BETWEEN 0 AND chunk_tokens / 2),
    ocr_languages text[] NOT NULL,
    changed_by uuid NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE kontor.reading_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.reading_settings
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.reading_settings TO kontor_app;

-- Every reading of a version: the first is 1. One of them is searched; the others wait to be, or
-- are kept to go back to and for citations that point into their text.
CREATE TABLE kontor.readings (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    version_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    is_active boolean NOT NULL,
    parser text NOT NULL,
    options jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
    language text NOT NULL,
    page_count integer,
    warnings text[] NOT NULL,
    chunk_count integer NOT NULL,
    character_count integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, version_id, number),
    FOREIGN KEY (tenant_id, version_id) REFERENCES kontor.versions (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX readings_active ON kontor.readings (tenant_id, version_id) WHERE is_active;
ALTER TABLE kontor.readings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.readings
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.readings TO kontor_app;

-- A tenant's embedding model, once it differs from the deployment's.
CREATE TABLE kontor.tenant_models (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    model_id smallint NOT NULL REFERENCES kontor.embedding_models (id),
    updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE kontor.tenant_models ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenant_models
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.tenant_models TO kontor_app;

-- Reading or embedding anew what a scope holds.
CREATE TABLE kontor.reprocessings (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    reason text NOT NULL CHECK (reason IN ('parser', 'chunking', 'model')),
    document_id uuid,
    folder text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    model_id smallint REFERENCES kontor.embedding_models (id),
    state text NOT NULL CHECK (state IN (
        'running', 'ready', 'switching', 'switched', 'reverting', 'reverted', 'abandoned'
    )),
    gate jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(gate) = 'object'),
    started_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
-- One at a time: two campaigns over one document would take each other's place.
CREATE UNIQUE INDEX reprocessings_open ON kontor.reprocessings (tenant_id)
    WHERE state IN ('running', 'ready', 'switching', 'reverting');
ALTER TABLE kontor.reprocessings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.reprocessings
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.reprocessings TO kontor_app;

CREATE TABLE kontor.reprocessing_items (
    tenant_id uuid NOT NULL,
    reprocessing_id uuid NOT NULL,
    version_id uuid NOT NULL,
    document_id uuid NOT NULL,
    reading integer NOT NULL,
    former_reading integer NOT NULL,
    state text NOT NULL CHECK (state IN (
        'planned', 'running', 'ready', 'failed', 'switched', 'reverted', 'gone'
    )),
    attempt integer NOT NULL DEFAULT 1,
    detail text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, reprocessing_id, version_id),
    FOREIGN KEY (tenant_id, version_id) REFERENCES kontor.versions (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, reprocessing_id)
        REFERENCES kontor.reprocessings (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX reprocessing_items_state
    ON kontor.reprocessing_items (tenant_id, reprocessing_id, state, version_id);
ALTER TABLE kontor.reprocessing_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.reprocessing_items
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.reprocessing_items TO kontor_app;

-- Readings that search does not see: those to come, and those to go back to.
CREATE TABLE kontor.shadow_chunks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    document_id uuid NOT NULL,
    version_id uuid NOT NULL,
    ordinal integer NOT NULL,
    language text NOT NULL,
    heading_path text[] NOT NULL,
    content text NOT NULL,
    span_start integer NOT NULL,
    span_end integer NOT NULL,
    page_from integer,
    page_to integer,
    boxes jsonb NOT NULL,
    token_count integer NOT NULL,
    lexemes tsvector NOT NULL,
    lexeme_count integer NOT NULL,
    reading integer NOT NULL,
    section integer NOT NULL,
    section_start integer NOT NULL,
    section_end integer NOT NULL,
    grids jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, version_id) REFERENCES kontor.versions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX shadow_chunks_reading ON kontor.shadow_chunks (tenant_id, version_id, reading);
ALTER TABLE kontor.shadow_chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.shadow_chunks
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.shadow_chunks TO kontor_app;

CREATE TABLE kontor.shadow_vectors (
    tenant_id uuid NOT NULL,
    chunk_id uuid NOT NULL,
    version_id uuid NOT NULL,
    model_id smallint NOT NULL REFERENCES kontor.embedding_models (id),
    embedding public.halfvec(384) NOT NULL,
    PRIMARY KEY (tenant_id, model_id, chunk_id),
    FOREIGN KEY (tenant_id, version_id) REFERENCES kontor.versions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX shadow_vectors_version ON kontor.shadow_vectors (tenant_id, version_id);
ALTER TABLE kontor.shadow_vectors ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.shadow_vectors
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.shadow_vectors TO kontor_app;

-- Models come with releases and with an operator's own copies; their number is given here. The
-- functions' role may add one, never change or remove one.
CREATE FUNCTION kontor.register_embedding_model(p_name text, p_revision text, p_dimension integer)
RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id smallint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('kontor.embedding_models', 0));
    SELECT m.id INTO v_id FROM kontor.embedding_models AS m
    WHERE m.name = p_name AND m.revision = p_revision;
    IF v_id IS NULL THEN
        INSERT INTO kontor.embedding_models (id, name, revision, dimension)
        SELECT coalesce(max(m.id), 0) + 1, p_name, p_revision, p_dimension
        FROM kontor.embedding_models AS m
        RETURNING id INTO v_id;
    END IF;
    RETURN v_id;
END $$;
REVOKE ALL ON FUNCTION kontor.register_embedding_model FROM public;
GRANT EXECUTE ON FUNCTION kontor.register_embedding_model TO kontor_app;

-- The tenant's nearest current chunks to a vector, through the graph or by reading every vector:
-- what the recall gate compares. The tenant comes from the transaction only.
CREATE FUNCTION kontor.nearest_chunks(
    p_vector public.halfvec, p_model smallint, p_most integer, p_is_exact boolean
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
SET hnsw.ef_search = 100
SET hnsw.iterative_scan = relaxed_order
SET enable_seqscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF v_tenant IS NULL THEN
        RAISE EXCEPTION 'app.tenant_id is not set' USING ERRCODE = '42501';
    END IF;
    IF p_is_exact THEN
        RETURN (
            SELECT array_agg(n.chunk_id) FROM (
                SELECT v.chunk_id
                FROM kontor.chunk_vectors AS v
                WHERE v.tenant_id = v_tenant AND v.model_id = p_model
                ORDER BY (v.embedding <#> p_vector) + 0, v.chunk_id
                LIMIT p_most
            ) AS n
        );
    END IF;
    RETURN (
        SELECT array_agg(n.chunk_id) FROM (
            SELECT v.chunk_id
            FROM kontor.chunk_vectors AS v
            WHERE v.tenant_id = v_tenant AND v.model_id = p_model
            ORDER BY v.embedding <#> p_vector
            LIMIT p_most
        ) AS n
    );
END $$;
REVOKE ALL ON FUNCTION kontor.nearest_chunks FROM public;
GRANT EXECUTE ON FUNCTION kontor.nearest_chunks TO kontor_app;
