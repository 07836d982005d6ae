-- Folders, documents and their immutable versions; uploads on their way in.

CREATE TABLE kontor.folders (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    parent_id uuid,
    name text NOT NULL CHECK (name <> '' AND name !~ '/' AND length(name) <= 255),
    path text COLLATE "C" NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES kontor.folders (tenant_id, id),
    CONSTRAINT folder_name_taken UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, name)
);
CREATE INDEX folders_path ON kontor.folders (tenant_id, path);
ALTER TABLE kontor.folders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.folders
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.folders TO kontor_app;

CREATE TABLE kontor.documents (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    folder_id uuid,
    title text NOT NULL,
    media_type text NOT NULL,
    language text NOT NULL DEFAULT 'simple',
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    current_version_id uuid,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, folder_id) REFERENCES kontor.folders (tenant_id, id)
);
CREATE INDEX documents_folder ON kontor.documents (tenant_id, folder_id) WHERE removed_at IS NULL;
ALTER TABLE kontor.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.documents
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.documents TO kontor_app;

CREATE TABLE kontor.versions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    document_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    filename text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    object_key text NOT NULL,
    object_version text NOT NULL,
    job_id uuid NOT NULL,
    stage text NOT NULL CHECK (stage IN (
        'uploaded', 'analyzing', 'chunking', 'embedding', 'indexing', 'completed', 'failed'
    )),
    failure text NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 1,
    parser text NOT NULL DEFAULT '',
    embedding_model text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    page_count integer,
    chunk_count integer NOT NULL DEFAULT 0,
    warnings text[] NOT NULL DEFAULT '{}',
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES kontor.documents (tenant_id, id),
    CONSTRAINT version_number_taken UNIQUE (tenant_id, document_id, number)
);
-- The same bytes are one version inside a tenant; other tenants are never consulted.
CREATE UNIQUE INDEX version_same_bytes ON kontor.versions (tenant_id, sha256)
    WHERE stage <> 'failed' AND removed_at IS NULL;
CREATE INDEX versions_open ON kontor.versions (tenant_id, updated_at)
    WHERE stage NOT IN ('completed', 'failed');
ALTER TABLE kontor.versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.versions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.versions TO kontor_app;

CREATE TABLE kontor.uploads (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    folder_id uuid,
    document_id uuid,
    filename text NOT NULL,
    claimed_type text NOT NULL,
    size_bytes bigint NOT NULL,
    object_key text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'received', 'duplicate', 'rejected', 'expired')),
    correlation_id text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX uploads_waiting ON kontor.uploads (tenant_id, created_at) WHERE state = 'waiting';
ALTER TABLE kontor.uploads ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.uploads
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.uploads TO kontor_app;
