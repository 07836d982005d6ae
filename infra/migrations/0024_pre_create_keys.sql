-- Keys that programs call with, keys that sign tokens by turns, sign-in at other people's identity
-- providers, and tickets that are good for one use. Secrets are kept as SHA-256 of 256 random bits.

-- A service account is a user that holds keys and can never sign in.
ALTER TABLE kontor.users ADD COLUMN kind text NOT NULL DEFAULT 'person'
    CHECK (kind IN ('person', 'service'));

CREATE TABLE kontor.api_keys (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    hint text NOT NULL,
    scopes text[] NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    rotated_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.api_keys
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.api_keys TO kontor_app;
CREATE INDEX api_keys_holder ON kontor.api_keys (tenant_id, user_id);

-- A key has one secret, and for a while after its rotation the one before it.
CREATE TABLE kontor.key_secrets (
    tenant_id uuid NOT NULL,
    key_id uuid NOT NULL,
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    ends_at timestamptz,
    PRIMARY KEY (tenant_id, key_id, secret_hash),
    FOREIGN KEY (tenant_id, key_id) REFERENCES kontor.api_keys (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.key_secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.key_secrets
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.key_secrets TO kontor_app;
CREATE UNIQUE INDEX key_secrets_hash ON kontor.key_secrets (secret_hash);

-- A key says by itself whose it is, so it is found before a tenant is known. Only one in force.
CREATE FUNCTION kontor.find_key(p_hash bytea)
RETURNS TABLE (
    tenant_id uuid, key_id uuid, user_id uuid, scopes text[], is_used_lately boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.tenant_id, k.id, k.user_id, k.scopes,
        coalesce(k.last_used_at > now() - interval '10 minutes', false)
    FROM kontor.key_secrets AS s
    JOIN kontor.api_keys AS k ON k.tenant_id = s.tenant_id AND k.id = s.key_id
    WHERE s.secret_hash = p_hash
        AND (s.ends_at IS NULL OR s.ends_at > now())
        AND k.revoked_at IS NULL AND k.expires_at > now()
$$;
REVOKE ALL ON FUNCTION kontor.find_key FROM public;
GRANT EXECUTE ON FUNCTION kontor.find_key TO kontor_app;

-- A socket hears nothing more from the moment its key ends, as with a session.
CREATE TRIGGER forget_connections
    AFTER UPDATE OF revoked_at ON kontor.api_keys
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION kontor.forget_connections();

-- A public key is published a while before its private half signs, and retires after its tokens.
ALTER TABLE kontor.signing_keys ADD COLUMN signs_from timestamptz NOT NULL DEFAULT now();

-- Good for one use and one minute: to open a socket, or to end a sign-in in another program.
CREATE TABLE kontor.tickets (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    ticket_hash bytea NOT NULL CHECK (octet_length(ticket_hash) = 32),
    purpose text NOT NULL CHECK (purpose IN ('socket', 'sign_in')),
    user_id uuid NOT NULL,
    body jsonb NOT NULL DEFAULT '{}',
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, ticket_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.tickets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tickets
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.tickets TO kontor_app;
CREATE INDEX tickets_expiry ON kontor.tickets (tenant_id, expires_at);

CREATE TABLE kontor.oidc_providers (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL UNIQUE,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    title text NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    secret_name text NOT NULL,
    scopes text[] NOT NULL,
    claims jsonb NOT NULL,
    allowed_domains text[] NOT NULL,
    trusted_domains text[] NOT NULL,
    group_roles jsonb NOT NULL,
    group_groups jsonb NOT NULL,
    default_role text NOT NULL,
    makes_users boolean NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
ALTER TABLE kontor.oidc_providers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.oidc_providers
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.oidc_providers TO kontor_app;

-- Who a person is at an issuer: (issuer, subject) and nothing else, because e-mail addresses move.
CREATE TABLE kontor.identities (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL,
    email text NOT NULL,
    -- Whether the account was made by the first sign-in: then its role follows the groups.
    made_user boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    signed_in_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.identities ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.identities
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.identities TO kontor_app;
CREATE INDEX identities_user ON kontor.identities (tenant_id, user_id);

-- A sign-in that is under way at a provider; its state and the browser's cookie are kept as hashes.
CREATE TABLE kontor.oidc_flows (
    tenant_id uuid NOT NULL,
    state_hash bytea NOT NULL CHECK (octet_length(state_hash) = 32),
    cookie_hash bytea NOT NULL CHECK (octet_length(cookie_hash) = 32),
    provider_id uuid NOT NULL,
    nonce text NOT NULL,
    code_verifier text NOT NULL,
    return_to text NOT NULL,
    challenge text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, state_hash),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES kontor.oidc_providers (tenant_id, id)
        ON DELETE CASCADE
);
ALTER TABLE kontor.oidc_flows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.oidc_flows
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.oidc_flows TO kontor_app;
CREATE INDEX oidc_flows_expiry ON kontor.oidc_flows (tenant_id, expires_at);

-- Asked before sign-in: the providers of a tenant by its slug, an unknown slug has none.
CREATE FUNCTION kontor.find_oidc_providers(p_tenant_slug text, p_id uuid)
RETURNS TABLE (tenant_id uuid, id uuid, name text, title text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.tenant_id, p.id, p.name, p.title
    FROM kontor.oidc_providers AS p
    JOIN kontor.tenants AS t ON t.id = p.tenant_id
    WHERE (t.slug = p_tenant_slug OR p.id = p_id) AND t.is_active AND p.is_active
    ORDER BY p.title, p.id
    LIMIT 50
$$;
REVOKE ALL ON FUNCTION kontor.find_oidc_providers FROM public;
GRANT EXECUTE ON FUNCTION kontor.find_oidc_providers TO kontor_app;
