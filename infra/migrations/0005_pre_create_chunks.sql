-- Chunks, their vectors and the tenant's own term statistics.
-- Narrow vector rows, hash partitions and halfvec follow the measurements: a tenant's exact scan
-- stays in one partition, and each partition's HNSW graph stays small enough to rebuild.

CREATE TABLE kontor.embedding_models (
    id smallint PRIMARY KEY,
    name text NOT NULL,
    revision text NOT NULL,
    dimension integer NOT NULL CHECK (dimension > 0),
    UNIQUE (name, revision)
);
GRANT SELECT ON kontor.embedding_models TO kontor_app;
INSERT INTO kontor.embedding_models (id, name, revision, dimension)
VALUES (1, 'all-MiniLM-L6-v2', '1110a243-f16', 384);

CREATE TABLE kontor.chunks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'document',
    document_id uuid NOT NULL,
    version_id uuid NOT NULL,
    ordinal integer NOT NULL,
    language text NOT NULL CHECK (language IN ('de', 'en', 'simple')),
    heading_path text[] NOT NULL DEFAULT '{}',
    content text NOT NULL,
    span_start integer NOT NULL,
    span_end integer NOT NULL CHECK (span_end >= span_start),
    page_from integer,
    page_to integer,
    boxes jsonb NOT NULL DEFAULT '[]',
    token_count integer NOT NULL,
    lexemes tsvector NOT NULL,
    lexeme_count integer NOT NULL,
    PRIMARY KEY (tenant_id, id)
) PARTITION BY HASH (tenant_id);

CREATE TABLE kontor.chunk_vectors (
    tenant_id uuid NOT NULL,
    chunk_id uuid NOT NULL,
    version_id uuid NOT NULL,
    model_id smallint NOT NULL REFERENCES kontor.embedding_models (id),
    embedding public.halfvec(384) NOT NULL,
    PRIMARY KEY (tenant_id, model_id, chunk_id)
) PARTITION BY HASH (tenant_id);

DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format(
            'CREATE TABLE kontor.chunks_%s PARTITION OF kontor.chunks
             FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format(
            'CREATE TABLE kontor.chunk_vectors_%s PARTITION OF kontor.chunk_vectors
             FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format(
            'ALTER TABLE kontor.chunk_vectors_%s ALTER embedding SET STORAGE PLAIN', part);
        -- Lexemes stay in the row and uncompressed: ranking reads them once per query term.
        EXECUTE format('ALTER TABLE kontor.chunks_%s ALTER lexemes SET STORAGE MAIN', part);
        EXECUTE format('ALTER TABLE kontor.chunks_%s SET (toast_tuple_target = 4080)', part);
        -- A partition asked for by name answers by its own policies, not its parent's.
        EXECUTE format('ALTER TABLE kontor.chunks_%s ENABLE ROW LEVEL SECURITY', part);
        EXECUTE format('ALTER TABLE kontor.chunk_vectors_%s ENABLE ROW LEVEL SECURITY', part);
    END LOOP;
END $$;

CREATE INDEX chunks_version ON kontor.chunks (tenant_id, version_id, ordinal);
CREATE INDEX chunks_lexemes ON kontor.chunks USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX chunk_vectors_version ON kontor.chunk_vectors (tenant_id, version_id);
CREATE INDEX chunk_vectors_graph ON kontor.chunk_vectors
    USING hnsw (embedding public.halfvec_ip_ops) WITH (m = 16, ef_construction = 64);

ALTER TABLE kontor.chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.chunks
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
ALTER TABLE kontor.chunk_vectors ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.chunk_vectors
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.chunks, kontor.chunk_vectors TO kontor_app;

-- In how many of the tenant's chunks a lexeme occurs, per language; and the corpus's size.
CREATE TABLE kontor.lexeme_statistics (
    tenant_id uuid NOT NULL,
    language text NOT NULL,
    lexeme text COLLATE "C" NOT NULL,
    chunk_count integer NOT NULL,
    PRIMARY KEY (tenant_id, language, lexeme)
);
CREATE TABLE kontor.corpus_statistics (
    tenant_id uuid NOT NULL,
    language text NOT NULL,
    chunk_count bigint NOT NULL,
    lexeme_count bigint NOT NULL,
    PRIMARY KEY (tenant_id, language)
);
ALTER TABLE kontor.lexeme_statistics ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.lexeme_statistics
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
ALTER TABLE kontor.corpus_statistics ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.corpus_statistics
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.lexeme_statistics, kontor.corpus_statistics
    TO kontor_app;
