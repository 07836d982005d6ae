-- How much anybody may ask of the service, and answers kept so that a repeated request does
-- nothing twice. Both are written at the edge, before any room is entered.

-- Plans are names; their figures are rows, so that an operator changes them without a release.
CREATE TABLE kontor.plans (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9-]{0,30}$')
);
INSERT INTO kontor.plans (name) VALUES ('public'), ('free'), ('team'), ('enterprise'), ('own');
GRANT SELECT ON kontor.plans TO kontor_app;

-- A scope without a row has no limit. `burst` is how much may be asked at once, `per_minute` how
-- fast it comes back. 'public' is everybody who is not signed in; 'own' is the operator's tenant.
CREATE TABLE kontor.rate_limits (
    plan text NOT NULL REFERENCES kontor.plans (name),
    scope text NOT NULL CHECK (scope IN ('user', 'key', 'link', 'tenant', 'address')),
    per_minute integer NOT NULL CHECK (per_minute > 0),
    burst integer NOT NULL CHECK (burst > 0),
    PRIMARY KEY (plan, scope)
);
INSERT INTO kontor.rate_limits (plan, scope, per_minute, burst) VALUES
    ('public', 'address', 100, 100),
    ('free', 'user', 100, 100),
    ('free', 'key', 100, 100),
    ('free', 'link', 60, 60),
    ('free', 'tenant', 1000, 1000),
    ('team', 'user', 600, 600),
    ('team', 'key', 1200, 1200),
    ('team', 'link', 120, 120),
    ('team', 'tenant', 6000, 6000),
    ('enterprise', 'user', 3000, 3000),
    ('enterprise', 'key', 6000, 6000),
    ('enterprise', 'link', 600, 600),
    ('enterprise', 'tenant', 60000, 60000);
GRANT SELECT ON kontor.rate_limits TO kontor_app;

ALTER TABLE kontor.tenants
    ADD COLUMN plan text NOT NULL DEFAULT 'free' REFERENCES kontor.plans (name)
    CHECK (plan <> 'public');

-- Token buckets. Unlogged: after a crash everybody's bucket is full, which harms nobody, and a
-- commit waits for no disk (32,000 a second over 1,000 callers, 28,000 on one, measured with
-- pgbench). Addresses have the nil UUID for a tenant. No role but the owner touches the rows.
CREATE UNLOGGED TABLE kontor.rate_buckets (
    tenant_id uuid NOT NULL,
    scope text NOT NULL,
    caller text NOT NULL,
    tokens double precision NOT NULL,
    filled_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, scope, caller)
) WITH (fillfactor = 50);
ALTER TABLE kontor.rate_buckets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.rate_buckets
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

-- Takes what one request costs from one bucket: one upsert, whose row lock makes it exact however
-- many ask at once. NULL when the bucket does not hold it; then nothing is taken.
CREATE FUNCTION kontor.take_from_bucket(
    p_tenant uuid, p_scope text, p_caller text, p_cost double precision,
    p_per_minute integer, p_burst integer
)
RETURNS double precision
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO kontor.rate_buckets AS b (tenant_id, scope, caller, tokens, filled_at)
    VALUES (p_tenant, p_scope, p_caller, p_burst - p_cost, clock_timestamp())
    ON CONFLICT (tenant_id, scope, caller) DO UPDATE SET
        tokens = least(p_burst, b.tokens + p_per_minute / 60.0
            * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at))) - p_cost,
        filled_at = greatest(b.filled_at, clock_timestamp())
    WHERE least(p_burst, b.tokens + p_per_minute / 60.0
            * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at))) >= p_cost
    RETURNING b.tokens
$$;
REVOKE ALL ON FUNCTION kontor.take_from_bucket FROM public;

-- What a bucket holds now; a caller who never asked has a full one.
CREATE FUNCTION kontor.bucket_level(
    p_tenant uuid, p_scope text, p_caller text, p_per_minute integer, p_burst integer
)
RETURNS double precision
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT least(p_burst, b.tokens + p_per_minute / 60.0
            * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)))
        FROM kontor.rate_buckets AS b
        WHERE b.tenant_id = p_tenant AND b.scope = p_scope AND b.caller = p_caller
    ), p_burst)
$$;
REVOKE ALL ON FUNCTION kontor.bucket_level FROM public;

-- Charges a caller, then its tenant, in one round trip; one that the tenant refuses gets back what
-- was taken. Answers the limit that refused, else the tightest. No row: nothing is limited.
CREATE FUNCTION kontor.charge_caller(
    p_tenant uuid, p_scope text, p_caller text, p_cost integer
)
RETURNS TABLE (
    scope text, per_minute integer, burst integer, tokens double precision, is_allowed boolean
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    owner uuid := coalesce(p_tenant, nobody);
    chosen text := coalesce((SELECT t.plan FROM kontor.tenants AS t WHERE t.id = p_tenant), 'public');
    figures record;
    cost double precision;
    took double precision := 0;
    remaining double precision;
BEGIN
    FOR figures IN
        SELECT r.scope, r.per_minute, r.burst FROM kontor.rate_limits AS r
        WHERE r.plan = chosen AND r.scope IN (p_scope, 'tenant')
        ORDER BY r.scope = 'tenant'
    LOOP
        cost := least(p_cost, figures.burst);
        remaining := kontor.take_from_bucket(
            owner, figures.scope, CASE figures.scope WHEN 'tenant' THEN '' ELSE p_caller END,
            cost, figures.per_minute, figures.burst);
        IF remaining IS NULL AND took > 0 THEN
            UPDATE kontor.rate_buckets AS b SET tokens = b.tokens + took
            WHERE b.tenant_id = owner AND b.scope = p_scope AND b.caller = p_caller;
        END IF;
        IF remaining IS NULL OR charge_caller.tokens IS NULL
            OR remaining / figures.burst < charge_caller.tokens / charge_caller.burst
        THEN
            scope := figures.scope;
            per_minute := figures.per_minute;
            burst := figures.burst;
            tokens := coalesce(remaining, kontor.bucket_level(
                owner, figures.scope, CASE figures.scope WHEN 'tenant' THEN '' ELSE p_caller END,
                figures.per_minute, figures.burst));
            is_allowed := remaining IS NOT NULL;
        END IF;
        EXIT WHEN remaining IS NULL;
        took := cost;
    END LOOP;
    IF burst IS NOT NULL THEN
        RETURN NEXT;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION kontor.charge_caller FROM public;
GRANT EXECUTE ON FUNCTION kontor.charge_caller TO kontor_app;

-- What a caller and its tenant may still ask, without taking anything.
CREATE FUNCTION kontor.rate_levels(p_tenant uuid, p_scope text, p_caller text)
RETURNS TABLE (
    scope text, per_minute integer, burst integer, tokens double precision, is_allowed boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.scope, r.per_minute, r.burst,
        kontor.bucket_level(p_tenant, r.scope,
            CASE r.scope WHEN 'tenant' THEN '' ELSE p_caller END, r.per_minute, r.burst),
        true
    FROM kontor.tenants AS t
    JOIN kontor.rate_limits AS r ON r.plan = t.plan
    WHERE t.id = p_tenant AND r.scope IN (p_scope, 'tenant')
    ORDER BY r.scope = 'tenant'
    LIMIT 10
$$;
REVOKE ALL ON FUNCTION kontor.rate_levels FROM public;
GRANT EXECUTE ON FUNCTION kontor.rate_levels TO kontor_app;

-- Buckets that have been full for long say nothing that an absent one would not.
CREATE FUNCTION kontor.forget_full_buckets()
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM kontor.rate_buckets WHERE filled_at < clock_timestamp() - interval '1 hour'
        RETURNING 1
    )
    SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION kontor.forget_full_buckets FROM public;
GRANT EXECUTE ON FUNCTION kontor.forget_full_buckets TO kontor_app;

-- Requests with an Idempotency-Key: who has begun one, and what was answered. `id` is a hash of
-- caller, route and key; the request itself is kept as a hash only.
CREATE TABLE kontor.idempotent_requests (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id text NOT NULL CHECK (length(id) BETWEEN 1 AND 400),
    state text NOT NULL CHECK (state IN ('INPROGRESS', 'COMPLETED')),
    request_hash text NOT NULL,
    answer text NOT NULL DEFAULT '',
    -- While in progress: from then on somebody else may begin anew, whoever began must be dead.
    taken_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX idempotent_requests_expiry ON kontor.idempotent_requests (tenant_id, expires_at);
ALTER TABLE kontor.idempotent_requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.idempotent_requests
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.idempotent_requests TO kontor_app;

-- What all versions of a tenant take, whoever may see them: a quota is the tenant's.
CREATE FUNCTION kontor.stored_bytes(p_tenant uuid)
RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(sum(v.size_bytes), 0)::bigint FROM kontor.versions AS v
    WHERE v.tenant_id = p_tenant
$$;
REVOKE ALL ON FUNCTION kontor.stored_bytes FROM public;
GRANT EXECUTE ON FUNCTION kontor.stored_bytes TO kontor_app;
