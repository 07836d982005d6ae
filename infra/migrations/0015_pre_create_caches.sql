-- Caches, and the one number that keeps them honest: a tenant's corpus version.
-- It rises in the same commit as anything that could change what a search finds, so an entry of an
-- older corpus is asked for by nobody any more, in whatever cache or process it lies.

CREATE TABLE kontor.corpus_versions (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id) ON DELETE CASCADE,
    version bigint NOT NULL
);
ALTER TABLE kontor.corpus_versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.corpus_versions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.corpus_versions TO kontor_app;

-- What searches found, kept for other processes. Unlogged: losing it costs one search each.
CREATE UNLOGGED TABLE kontor.cache_entries (
    tenant_id uuid NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    space text NOT NULL,
    content bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);
CREATE INDEX cache_entries_expiry ON kontor.cache_entries (tenant_id, expires_at);
ALTER TABLE kontor.cache_entries ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.cache_entries
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.cache_entries TO kontor_app;

-- Answers by the meaning of their question. ``scope`` hashes everything but the question that an
-- answer depends on: audience, corpus version, models, filters.
CREATE UNLOGGED TABLE kontor.answer_cache (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    scope bytea NOT NULL CHECK (length(scope) = 32),
    question text NOT NULL,
    embedding public.halfvec NOT NULL,
    answer jsonb NOT NULL CHECK (jsonb_typeof(answer) = 'object'),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX answer_cache_scope ON kontor.answer_cache (tenant_id, scope);
ALTER TABLE kontor.answer_cache ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.answer_cache
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.answer_cache TO kontor_app;

-- One row per tenant that a transaction has changed, while it lasts: the counter itself is raised
-- at the commit. Raised earlier, its row would be held while the transaction still waits for
-- others, and two that change documents and index in differing order would lock each other out.
CREATE UNLOGGED TABLE kontor.corpus_changes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.corpus_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.corpus_changes
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

CREATE FUNCTION kontor.raise_corpus_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO kontor.corpus_versions AS v (tenant_id, version)
    SELECT t.id, 1 FROM kontor.tenants AS t WHERE t.id = NEW.tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET version = v.version + 1;
    DELETE FROM kontor.cache_entries AS c WHERE c.tenant_id = NEW.tenant_id;
    DELETE FROM kontor.answer_cache AS a WHERE a.tenant_id = NEW.tenant_id;
    DELETE FROM kontor.corpus_changes AS n WHERE n.tenant_id = NEW.tenant_id AND n.id = NEW.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.raise_corpus_version FROM public;
CREATE CONSTRAINT TRIGGER raise_corpus_version AFTER INSERT ON kontor.corpus_changes
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION kontor.raise_corpus_version();

-- Notes, once per transaction and tenant, that a tenant's corpus has changed.
CREATE FUNCTION kontor.note_corpus_change(p_tenant uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_mark text := txid_current()::text || '/' || p_tenant::text;
BEGIN
    IF current_setting('kontor.corpus_noted', true) IS DISTINCT FROM v_mark THEN
        INSERT INTO kontor.corpus_changes (tenant_id) VALUES (p_tenant);
        PERFORM set_config('kontor.corpus_noted', v_mark, true);
    END IF;
END $$;
REVOKE ALL ON FUNCTION kontor.note_corpus_change FROM public;

-- For tables of few rows: whoever changes a row says whose it is.
CREATE FUNCTION kontor.note_changed_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM kontor.note_corpus_change(CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id
        ELSE NEW.tenant_id END);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.note_changed_row FROM public;

-- For the index, which is written by the hundred rows: once per statement, for the tenant whose
-- transaction it is. An operator's own statement has none; it counts for everybody.
CREATE FUNCTION kontor.note_changed_index() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF v_tenant IS NULL THEN
        PERFORM kontor.note_corpus_change(v.tenant_id) FROM kontor.corpus_versions AS v;
    ELSE
        PERFORM kontor.note_corpus_change(v_tenant);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.note_changed_index FROM public;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'documents', 'folders', 'collection_documents', 'tenant_models'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER corpus_changed AFTER INSERT OR UPDATE OR DELETE ON kontor.%I
             FOR EACH ROW EXECUTE FUNCTION kontor.note_changed_row()', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['chunks', 'chunk_vectors'] LOOP
        EXECUTE format(
            'CREATE TRIGGER corpus_changed AFTER INSERT OR UPDATE OR DELETE ON kontor.%I
             FOR EACH STATEMENT EXECUTE FUNCTION kontor.note_changed_index()', v_table);
    END LOOP;
END $$;

-- Who may see what, as part of every cache's key. ``versions_within`` decides which versions a
-- search may look at; today that depends on the tenant alone, so all its people share entries.
-- Whoever lets it depend on the caller must answer here what of the caller it depends on.
CREATE FUNCTION kontor.audience() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'tenant'::text $$;
REVOKE ALL ON FUNCTION kontor.audience FROM public;
GRANT EXECUTE ON FUNCTION kontor.audience TO kontor_app;

-- Makes everything that was cached for the tenant worthless, by hand: from the commit on nobody
-- asks for it any more, in no process.
CREATE FUNCTION kontor.clear_caches() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF v_tenant IS NULL THEN
        RAISE EXCEPTION 'app.tenant_id is not set' USING ERRCODE = '42501';
    END IF;
    PERFORM kontor.note_corpus_change(v_tenant);
END $$;
REVOKE ALL ON FUNCTION kontor.clear_caches FROM public;
GRANT EXECUTE ON FUNCTION kontor.clear_caches TO kontor_app;
