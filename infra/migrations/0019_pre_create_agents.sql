-- Runs of agents, the steps they took, and the changes they proposed and were allowed or not.

CREATE TABLE kontor.agent_runs (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    task text NOT NULL,
    state text NOT NULL
        CHECK (state IN ('running', 'waiting', 'asking', 'done', 'failed', 'cancelled')),
    next_node text NOT NULL,
    steps integer NOT NULL DEFAULT 0,
    -- What the run has found so far, never words of the library; emptied when it ends.
    memory jsonb NOT NULL CHECK (jsonb_typeof(memory) = 'object'),
    answer text NOT NULL DEFAULT '',
    answer_state text NOT NULL DEFAULT ''
        CHECK (answer_state IN ('', 'answer', 'related', 'unknown', 'smalltalk')),
    answerer text NOT NULL DEFAULT '',
    citations jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(citations) = 'array'),
    detail text NOT NULL DEFAULT '',
    -- Who works on it has it until then; afterwards it may be taken up again.
    taken_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX agent_runs_user ON kontor.agent_runs (tenant_id, user_id, id);
ALTER TABLE kontor.agent_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.agent_runs
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.agent_runs TO kontor_app;

CREATE TABLE kontor.agent_steps (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    node text NOT NULL,
    title text NOT NULL,
    took_ms integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, run_id, number),
    FOREIGN KEY (tenant_id, run_id) REFERENCES kontor.agent_runs (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.agent_steps ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.agent_steps
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.agent_steps TO kontor_app;

CREATE TABLE kontor.agent_actions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    tool text NOT NULL,
    arguments jsonb NOT NULL CHECK (jsonb_typeof(arguments) = 'object'),
    title text NOT NULL,
    state text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'declined', 'done', 'failed')),
    result jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(result) = 'object'),
    decided_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (decided_by IS NOT NULL OR state = 'proposed'),
    FOREIGN KEY (tenant_id, run_id) REFERENCES kontor.agent_runs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX agent_actions_run ON kontor.agent_actions (tenant_id, run_id, id);
ALTER TABLE kontor.agent_actions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.agent_actions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.agent_actions TO kontor_app;
