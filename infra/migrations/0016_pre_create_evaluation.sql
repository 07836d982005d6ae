-- Evaluation: what people think of answers, the runs that measured search, and the weights that a
-- tenant's results are mixed with.

-- One opinion per person and answer, changeable. A corrected citation is a span of a version's
-- text; its words are looked up when they are needed, so that nothing here outlives a document.
CREATE TABLE kontor.message_feedback (
    tenant_id uuid NOT NULL,
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('up', 'down')),
    reason text NOT NULL DEFAULT '' CHECK (reason IN (
        '', 'wrong', 'incomplete', 'outdated', 'wrong_source', 'not_answered', 'other'
    )),
    comment text NOT NULL DEFAULT '' CHECK (length(comment) <= 2000),
    document_id uuid,
    version_id uuid,
    span_start integer,
    span_end integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, message_id, user_id),
    CHECK ((span_start IS NULL) = (span_end IS NULL) AND span_end > span_start),
    CHECK (span_start IS NULL OR document_id IS NOT NULL),
    FOREIGN KEY (tenant_id, message_id)
        REFERENCES kontor.messages (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, document_id)
        REFERENCES kontor.documents (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX message_feedback_time ON kontor.message_feedback (tenant_id, updated_at, message_id);
CREATE INDEX message_feedback_document ON kontor.message_feedback (tenant_id, document_id)
    WHERE document_id IS NOT NULL;
ALTER TABLE kontor.message_feedback ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.message_feedback
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.message_feedback TO kontor_app;

-- Runs as `kontor eval` saves them: every measure's value, question by question.
CREATE TABLE kontor.evaluation_runs (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('retrieval', 'answers', 'feedback')),
    name text NOT NULL,
    run jsonb NOT NULL CHECK (jsonb_typeof(run) = 'object'),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.evaluation_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.evaluation_runs
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.evaluation_runs TO kontor_app;

-- The newest row holds; taking it away brings back the one before, and without any the
-- deployment's settings. `evidence` is what the gate saw when it let the weights in.
CREATE TABLE kontor.tenant_rankings (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    dense_weight_en float8 NOT NULL CHECK (dense_weight_en BETWEEN 0 AND 1),
    dense_weight_de float8 NOT NULL CHECK (dense_weight_de BETWEEN 0 AND 1),
    evidence jsonb NOT NULL CHECK (jsonb_typeof(evidence) = 'object'),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.tenant_rankings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenant_rankings
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.tenant_rankings TO kontor_app;
