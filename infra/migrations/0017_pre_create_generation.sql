-- Language models: which a tenant uses for what, what it may spend, and what every call took.
-- Prices are US dollars per million tokens, costs are billionths of a US dollar.

-- A tenant's own routes. Where it has one for a purpose, the deployment's are not used for it.
-- The key is a secret's name, never the key itself.
CREATE TABLE kontor.llm_routes (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    model text NOT NULL CHECK (length(model) BETWEEN 3 AND 200),
    purposes text[] NOT NULL,
    tier smallint NOT NULL DEFAULT 0 CHECK (tier BETWEEN 0 AND 9),
    weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
    api_base text NOT NULL DEFAULT '',
    key_secret text NOT NULL DEFAULT '',
    timeout_s integer NOT NULL DEFAULT 60 CHECK (timeout_s BETWEEN 1 AND 600),
    context_tokens integer CHECK (context_tokens > 0),
    price_in_usd double precision CHECK (price_in_usd >= 0),
    price_out_usd double precision CHECK (price_out_usd >= 0),
    is_direct boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE kontor.llm_routes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.llm_routes
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.llm_routes TO kontor_app;

-- What may be spent: by everybody together ('tenant'), or by each person ('user'), a day or month.
CREATE TABLE kontor.llm_budgets (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    scope text NOT NULL CHECK (scope IN ('tenant', 'user')),
    period text NOT NULL CHECK (period IN ('day', 'month')),
    tokens bigint CHECK (tokens >= 0),
    cost_nanousd bigint CHECK (cost_nanousd >= 0),
    when_spent text NOT NULL DEFAULT 'extract' CHECK (when_spent IN ('extract', 'refuse')),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, scope, period),
    CHECK (tokens IS NOT NULL OR cost_nanousd IS NOT NULL)
);
ALTER TABLE kontor.llm_budgets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.llm_budgets
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.llm_budgets TO kontor_app;

-- One row per call: reserved before it, taken by the function that speaks to the model, settled
-- after it. Old rows go; what they took stays in llm_spending.
CREATE TABLE kontor.llm_calls (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    user_id uuid,
    purpose text NOT NULL,
    state text NOT NULL DEFAULT 'reserved'
        CHECK (state IN ('reserved', 'taken', 'done', 'stopped', 'failed')),
    reserved_tokens integer NOT NULL CHECK (reserved_tokens >= 0),
    reserved_nanousd bigint NOT NULL DEFAULT 0,
    route text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    tokens_in integer NOT NULL DEFAULT 0,
    tokens_out integer NOT NULL DEFAULT 0,
    cost_nanousd bigint NOT NULL DEFAULT 0,
    is_estimated boolean NOT NULL DEFAULT false,
    first_word_ms integer,
    duration_ms integer,
    problem text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX llm_calls_open ON kontor.llm_calls (tenant_id, created_at)
    WHERE state IN ('reserved', 'taken');
CREATE INDEX llm_calls_age ON kontor.llm_calls (tenant_id, created_at);
ALTER TABLE kontor.llm_calls ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.llm_calls
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.llm_calls TO kontor_app;

-- What was spent, by day, person and model; calls in nobody's name have the nil UUID.
CREATE TABLE kontor.llm_spending (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    day date NOT NULL,
    user_id uuid NOT NULL,
    model text NOT NULL,
    calls bigint NOT NULL,
    failed bigint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    cost_nanousd bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, user_id, model)
);
ALTER TABLE kontor.llm_spending ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.llm_spending
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.llm_spending TO kontor_app;

-- Routes that just failed are left alone for a while, by every instance.
CREATE TABLE kontor.llm_cooldowns (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    route text NOT NULL,
    until timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (tenant_id, route)
);
ALTER TABLE kontor.llm_cooldowns ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.llm_cooldowns
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.llm_cooldowns TO kontor_app;
