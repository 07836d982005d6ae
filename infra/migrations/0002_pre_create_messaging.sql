-- Inbox and outbox: a step's receipt, its effects and what it announces commit together.

CREATE TABLE kontor.inbox (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    consumer text NOT NULL,
    message_key text NOT NULL,
    result jsonb NOT NULL DEFAULT '{}',
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, consumer, message_key)
);
ALTER TABLE kontor.inbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.inbox
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.inbox TO kontor_app;

CREATE TABLE kontor.outbox (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    destination text NOT NULL CHECK (destination IN ('bus', 'ingest_workflow')),
    name text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX outbox_unsent ON kontor.outbox (created_at) WHERE sent_at IS NULL;
ALTER TABLE kontor.outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.outbox
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.outbox TO kontor_app;

-- The sweep serves every tenant, one at a time: it learns only which tenants have work waiting.
CREATE FUNCTION kontor.list_active_tenants()
RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.id FROM kontor.tenants AS t WHERE t.is_active ORDER BY t.id $$;
REVOKE ALL ON FUNCTION kontor.list_active_tenants FROM public;
GRANT EXECUTE ON FUNCTION kontor.list_active_tenants TO kontor_app;
