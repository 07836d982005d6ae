-- Vectors of any width: a model brings its own dimension and its own graph, and what was embedded
-- once is not embedded again.
-- One partial HNSW index per model: its graph holds that model's vectors and no others, so another
-- model's vectors, which lie elsewhere, are neither walked past nor paid for.

DROP INDEX kontor.chunk_vectors_graph;
ALTER TABLE kontor.chunk_vectors ALTER COLUMN embedding TYPE public.halfvec;
ALTER TABLE kontor.shadow_vectors ALTER COLUMN embedding TYPE public.halfvec;
-- pgvector's HNSW holds no wider halfvec, and a row beyond 4,000 numbers would not fit its page.
ALTER TABLE kontor.embedding_models
    ADD CONSTRAINT embedding_models_width CHECK (dimension BETWEEN 1 AND 4000);

-- Builds a model's graph where it is missing. Called when a model is registered, while it has no
-- vectors yet: the build then reads the table once and holds writers for that long.
CREATE FUNCTION kontor.make_vector_graph(p_model smallint, p_dimension integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS chunk_vectors_graph_%1$s ON kontor.chunk_vectors
         USING hnsw ((embedding::halfvec(%2$s)) halfvec_ip_ops)
         WITH (m = 16, ef_construction = 64) WHERE model_id = %1$s', p_model, p_dimension);
END $$;
REVOKE ALL ON FUNCTION kontor.make_vector_graph FROM public;
SELECT kontor.make_vector_graph(m.id, m.dimension) FROM kontor.embedding_models AS m;

CREATE OR REPLACE FUNCTION kontor.register_embedding_model(
    p_name text, p_revision text, p_dimension integer
)
RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id smallint;
BEGIN
    SELECT m.id INTO v_id FROM kontor.embedding_models AS m
    WHERE m.name = p_name AND m.revision = p_revision;
    IF v_id IS NOT NULL THEN
        RETURN v_id;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('kontor.embedding_models', 0));
    SELECT m.id INTO v_id FROM kontor.embedding_models AS m
    WHERE m.name = p_name AND m.revision = p_revision;
    IF v_id IS NULL THEN
        INSERT INTO kontor.embedding_models (id, name, revision, dimension)
        SELECT coalesce(max(m.id), 0) + 1, p_name, p_revision, p_dimension
        FROM kontor.embedding_models AS m
        RETURNING id INTO v_id;
        PERFORM kontor.make_vector_graph(v_id, p_dimension);
    END IF;
    RETURN v_id;
END $$;

-- The nearest chunks through the model's graph. The statement is written out with the model's
-- number and width: only then does the planner see that the partial index fits. Sorting is priced
-- out so that the planner walks the graph in its own order whatever it believes of the filters.
CREATE OR REPLACE FUNCTION kontor.nearest_by_graph(
    p_tenant uuid, p_model smallint, p_vector public.halfvec, p_versions uuid[], p_most integer
)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
SET hnsw.ef_search = 100
SET hnsw.iterative_scan = relaxed_order
SET enable_sort = off
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_found uuid[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(n.chunk_id) FROM (
            SELECT v.chunk_id
            FROM kontor.chunk_vectors AS v
            WHERE v.tenant_id = $1 AND v.model_id = %1$s
                AND ($3 IS NULL OR v.version_id = ANY ($3))
                AND (
                    SELECT true FROM kontor.documents AS d
                    WHERE d.tenant_id = $1 AND d.current_version_id = v.version_id
                        AND d.removed_at IS NULL
                    LIMIT 1
                )
            ORDER BY v.embedding::halfvec(%2$s) <#> $2::halfvec(%2$s)
            LIMIT $4
        ) AS n', p_model, vector_dims(p_vector)
    ) INTO v_found USING p_tenant, p_vector, p_versions, p_most;
    RETURN v_found;
END $$;

-- The tenant's nearest current chunks to a vector, through the graph or by reading every vector:
-- what the recall gate compares. The tenant comes from the transaction only.
CREATE OR REPLACE FUNCTION kontor.nearest_chunks(
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
    v_found uuid[];
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
    EXECUTE format(
        'SELECT array_agg(n.chunk_id) FROM (
            SELECT v.chunk_id
            FROM kontor.chunk_vectors AS v
            WHERE v.tenant_id = $1 AND v.model_id = %1$s
            ORDER BY v.embedding::halfvec(%2$s) <#> $2::halfvec(%2$s)
            LIMIT $3
        ) AS n', p_model, vector_dims(p_vector)
    ) INTO v_found USING v_tenant, p_vector, p_most;
    RETURN v_found;
END $$;

-- Vectors by what was embedded: the same text of the same tenant costs the model only once, also
-- when a file is read again or comes again. Unlogged, because losing it costs time and nothing
-- else. Float16 bytes: nobody searches here. With the document its rows go.
CREATE UNLOGGED TABLE kontor.embedding_cache (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    document_id uuid NOT NULL,
    vector bytea NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, model, sha256),
    FOREIGN KEY (tenant_id, document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX embedding_cache_document ON kontor.embedding_cache (tenant_id, document_id);
CREATE INDEX embedding_cache_age ON kontor.embedding_cache (tenant_id, used_at);
ALTER TABLE kontor.embedding_cache ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.embedding_cache
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.embedding_cache TO kontor_app;
