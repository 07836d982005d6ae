-- Tenants, their people, the keys that sign for them, and the trail of what they did.
-- Policy on every tenant table: the row's tenant is the transaction's tenant, written directly
-- (a sub-select would hide it from the planner: 44 ms instead of 0.09 ms).

CREATE TABLE kontor.tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE kontor.tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenants
    USING (id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.tenants TO kontor_app;

CREATE TABLE kontor.users (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    email text NOT NULL CHECK (email = lower(email) AND email LIKE '%_@_%'),
    display_name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    is_active boolean NOT NULL DEFAULT true,
    token_epoch integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    signed_in_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email)
);
ALTER TABLE kontor.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.users
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON kontor.users TO kontor_app;
CREATE INDEX users_email ON kontor.users (email);

-- Sign-in happens before a tenant is known, so it is the one question asked across tenants.
CREATE FUNCTION kontor.find_sign_in(p_email text, p_tenant_slug text)
RETURNS TABLE (
    tenant_id uuid, tenant_slug text, user_id uuid, password_hash text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.tenant_id, t.slug, u.id, u.password_hash
    FROM kontor.users AS u
    JOIN kontor.tenants AS t ON t.id = u.tenant_id
    WHERE u.email = lower(p_email)
        AND u.is_active AND t.is_active
        AND (p_tenant_slug IS NULL OR t.slug = p_tenant_slug)
    ORDER BY t.slug
    LIMIT 20
$$;
REVOKE ALL ON FUNCTION kontor.find_sign_in FROM public;
GRANT EXECUTE ON FUNCTION kontor.find_sign_in TO kontor_app;

-- Public halves of the signing keys: the authorizer checks signatures without any secret.
CREATE TABLE kontor.signing_keys (
    id text PRIMARY KEY,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
GRANT SELECT ON kontor.signing_keys TO kontor_app;

CREATE TABLE kontor.audit_events (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    action text NOT NULL,
    subject text NOT NULL,
    correlation_id text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.audit_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.audit_events
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT ON kontor.audit_events TO kontor_app;
