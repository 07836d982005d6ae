-- Waiting in order, running within bounds, and dead letters that people can see and send again.

-- 0 a single small file … 3 a huge file of a bulk upload; lower starts first.
ALTER TABLE kontor.outbox ADD COLUMN priority smallint NOT NULL DEFAULT 0
    CHECK (priority BETWEEN 0 AND 3);
CREATE INDEX outbox_waiting_starts ON kontor.outbox (tenant_id, created_at)
    WHERE sent_at IS NULL AND destination = 'ingest_workflow';

-- What has been started and not yet settled; its number bounds what is started next.
CREATE TABLE kontor.running_workflows (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE kontor.running_workflows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.running_workflows
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.running_workflows TO kontor_app;

-- Sharing needs two numbers across tenants, and nothing else about them.
CREATE FUNCTION kontor.count_running_workflows()
RETURNS TABLE (running bigint, tenants bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT count(*) FROM kontor.running_workflows),
        (SELECT count(*) FROM (
            SELECT r.tenant_id FROM kontor.running_workflows AS r
            UNION
            SELECT o.tenant_id FROM kontor.outbox AS o
            WHERE o.sent_at IS NULL AND o.destination = 'ingest_workflow'
        ) AS busy)
$$;
REVOKE ALL ON FUNCTION kontor.count_running_workflows FROM public;
GRANT EXECUTE ON FUNCTION kontor.count_running_workflows TO kontor_app;

-- Whose turn it is: those with the least running, then those who have waited longest.
CREATE FUNCTION kontor.list_waiting_tenants()
RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.tenant_id
    FROM kontor.outbox AS o
    WHERE o.sent_at IS NULL AND o.destination = 'ingest_workflow'
    GROUP BY o.tenant_id
    ORDER BY
        (SELECT count(*) FROM kontor.running_workflows AS r WHERE r.tenant_id = o.tenant_id),
        min(o.created_at)
    LIMIT 4
$$;
REVOKE ALL ON FUNCTION kontor.list_waiting_tenants FROM public;
GRANT EXECUTE ON FUNCTION kontor.list_waiting_tenants TO kontor_app;

-- What was given up on; one row for one upload or version, however often it came.
CREATE TABLE kontor.dead_letters (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    source text NOT NULL CHECK (source IN ('intake', 'ingest')),
    subject uuid NOT NULL,
    title text NOT NULL,
    reason text NOT NULL,
    error text NOT NULL DEFAULT '',
    correlation_id text NOT NULL DEFAULT '',
    times integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    redriven_by uuid,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT dead_letter_known UNIQUE (tenant_id, source, subject)
);
ALTER TABLE kontor.dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.dead_letters
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.dead_letters TO kontor_app;

ALTER TABLE kontor.uploads
    ADD COLUMN priority text NOT NULL DEFAULT 'interactive'
        CHECK (priority IN ('interactive', 'bulk')),
    ADD COLUMN resent_count integer NOT NULL DEFAULT 0,
    ADD COLUMN resent_at timestamptz;
ALTER TABLE kontor.uploads DROP CONSTRAINT uploads_state_check;
ALTER TABLE kontor.uploads ADD CONSTRAINT uploads_state_check
    CHECK (state IN ('waiting', 'received', 'duplicate', 'rejected', 'expired', 'dead'));

-- How far a search through storage has come, so that the next sweep goes on from there.
CREATE TABLE kontor.sweep_positions (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    name text NOT NULL,
    position text NOT NULL DEFAULT '',
    found jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(found) = 'object'),
    swept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE kontor.sweep_positions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.sweep_positions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON kontor.sweep_positions TO kontor_app;
