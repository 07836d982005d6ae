-- The life of a document: the version that was chosen, the trash, tags, collections, and what a
-- version was read with.

ALTER TABLE kontor.documents
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 100),
    -- A person chose this version at that moment: of the others only younger ones replace it.
    ADD COLUMN chosen_version_id uuid,
    ADD COLUMN chosen_at timestamptz,
    ADD COLUMN removed_by uuid,
    -- The folder's path, so that the folder itself may go while its documents lie in the trash.
    ADD COLUMN removed_from text COLLATE "C",
    -- Erasing has begun and is finished by whoever comes next: there is no way back.
    ADD COLUMN is_erasing boolean NOT NULL DEFAULT false
        CHECK (NOT is_erasing OR removed_at IS NOT NULL);
UPDATE kontor.documents AS d
SET folder_id = NULL, removed_from = coalesce((
    SELECT f.path FROM kontor.folders AS f WHERE f.tenant_id = d.tenant_id AND f.id = d.folder_id
), '')
WHERE d.removed_at IS NOT NULL;
CREATE INDEX documents_trash ON kontor.documents (tenant_id, removed_at)
    WHERE removed_at IS NOT NULL;

ALTER TABLE kontor.versions
    ADD COLUMN options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    ADD COLUMN extracted jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(extracted) = 'object');

ALTER TABLE kontor.uploads
    ADD COLUMN on_conflict text NOT NULL DEFAULT 'keep' CHECK (on_conflict IN ('keep', 'version')),
    ADD COLUMN duplicate_of uuid;

CREATE TABLE kontor.collections (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 255),
    description text NOT NULL DEFAULT '',
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX collection_name_taken ON kontor.collections (tenant_id, lower(name));
ALTER TABLE kontor.collections ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.collections
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.collections TO kontor_app;

CREATE TABLE kontor.collection_documents (
    tenant_id uuid NOT NULL,
    collection_id uuid NOT NULL,
    document_id uuid NOT NULL,
    added_by uuid NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, collection_id, document_id),
    FOREIGN KEY (tenant_id, collection_id)
        REFERENCES kontor.collections (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX collection_documents_document
    ON kontor.collection_documents (tenant_id, document_id);
ALTER TABLE kontor.collection_documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.collection_documents
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.collection_documents TO kontor_app;

-- What erasing takes out of other rooms: the words of citations and answers, jobs and their story.
CREATE INDEX citations_document ON kontor.citations (tenant_id, document_id);
GRANT UPDATE (title, heading_path, page, boxes, cells, quote) ON kontor.citations TO kontor_app;
GRANT UPDATE (content) ON kontor.messages TO kontor_app;
GRANT DELETE ON kontor.jobs TO kontor_app;

-- The current versions a search may look at; NULL means all of the tenant's.
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
            AND (v_documents = '{}' OR d.id = ANY (v_documents))
            AND (v_media_types = '{}' OR d.media_type = ANY (v_media_types))
            AND (v_languages = '{}' OR d.language = ANY (v_languages))
            AND (v_tags = '{}' OR d.tags @> v_tags)
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
