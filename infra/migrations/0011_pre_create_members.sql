-- Files inside files: what came in a mail or an archive, and whose child each document is.

ALTER TABLE kontor.documents
    ADD COLUMN parent_document_id uuid,
    ADD CONSTRAINT document_parent FOREIGN KEY (tenant_id, parent_document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE SET NULL (parent_document_id);
CREATE INDEX documents_parent ON kontor.documents (tenant_id, parent_document_id)
    WHERE parent_document_id IS NOT NULL;

-- One row per file inside; its id is its upload's and its job's. The document is known once its
-- bytes are kept; two mails with the same file inside share one document.
CREATE TABLE kontor.members (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    parent_document_id uuid NOT NULL,
    parent_version_id uuid NOT NULL,
    root_document_id uuid NOT NULL,
    name text NOT NULL,
    depth smallint NOT NULL CHECK (depth > 0),
    source_key text NOT NULL,
    document_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent_document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE SET NULL (document_id)
);
CREATE INDEX members_parent ON kontor.members (tenant_id, parent_document_id, name);
CREATE INDEX members_version ON kontor.members (tenant_id, parent_version_id);
CREATE INDEX members_root ON kontor.members (tenant_id, root_document_id);
CREATE INDEX members_document ON kontor.members (tenant_id, document_id)
    WHERE document_id IS NOT NULL;
ALTER TABLE kontor.members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.members
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.members TO kontor_app;
