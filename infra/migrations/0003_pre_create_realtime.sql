-- Live connections and what they listen to; jobs and every hop they took.

CREATE TABLE kontor.connections (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id text NOT NULL,
    user_id uuid NOT NULL,
    connected_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.connections ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.connections
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.connections TO kontor_app;

CREATE TABLE kontor.subscriptions (
    tenant_id uuid NOT NULL,
    connection_id text NOT NULL,
    topic text NOT NULL,
    PRIMARY KEY (tenant_id, topic, connection_id),
    FOREIGN KEY (tenant_id, connection_id)
        REFERENCES kontor.connections (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX subscriptions_connection ON kontor.subscriptions (tenant_id, connection_id);
ALTER TABLE kontor.subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.subscriptions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.subscriptions TO kontor_app;

CREATE TABLE kontor.jobs (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    stage text NOT NULL CHECK (stage IN (
        'waiting', 'uploaded', 'analyzing', 'chunking', 'embedding', 'indexing',
        'completed', 'failed'
    )),
    progress real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    detail text NOT NULL DEFAULT '',
    subject text NOT NULL,
    document_id uuid,
    version_id uuid,
    correlation_id text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX jobs_open ON kontor.jobs (tenant_id, updated_at)
    WHERE stage NOT IN ('completed', 'failed');
CREATE INDEX jobs_document ON kontor.jobs (tenant_id, document_id);
ALTER TABLE kontor.jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.jobs
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON kontor.jobs TO kontor_app;

CREATE TABLE kontor.job_events (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL,
    sequence integer NOT NULL,
    at timestamptz NOT NULL,
    stage text NOT NULL,
    progress real NOT NULL,
    step text NOT NULL,
    detail text NOT NULL DEFAULT '',
    duration_ms integer,
    PRIMARY KEY (tenant_id, job_id, sequence),
    FOREIGN KEY (tenant_id, job_id) REFERENCES kontor.jobs (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.job_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.job_events
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT ON kontor.job_events TO kontor_app;
