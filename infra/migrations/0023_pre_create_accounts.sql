-- Accounts: sessions and their refresh tokens, second factors, invitations, links sent by mail,
-- and the count of wrong tries that slows a guesser down.

ALTER TABLE kontor.users
    ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language IN ('de', 'en')),
    ADD COLUMN verified_at timestamptz,
    -- Somebody who registered may not sign in before the address is known to be theirs.
    ADD COLUMN must_verify boolean NOT NULL DEFAULT false;

CREATE TABLE kontor.sessions (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    user_agent text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 256),
    address text NOT NULL DEFAULT '' CHECK (length(address) <= 64),
    methods text[] NOT NULL,
    revoked_at timestamptz,
    revoked_because text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON kontor.sessions (tenant_id, user_id, id);
CREATE INDEX sessions_expiry ON kontor.sessions (tenant_id, expires_at);
ALTER TABLE kontor.sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.sessions
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.sessions TO kontor_app;

-- The family of a refresh token is its session. A used one stays until the session goes, so that
-- its second use shows that somebody else has it.
CREATE TABLE kontor.refresh_tokens (
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    session_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, token_hash),
    FOREIGN KEY (tenant_id, session_id)
        REFERENCES kontor.sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session ON kontor.refresh_tokens (tenant_id, session_id);
ALTER TABLE kontor.refresh_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.refresh_tokens
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.refresh_tokens TO kontor_app;

-- A socket hears nothing more from the moment its session ends: its subscriptions go with it.
ALTER TABLE kontor.connections ADD COLUMN session_id uuid;
CREATE INDEX connections_session ON kontor.connections (tenant_id, session_id)
    WHERE session_id IS NOT NULL;

CREATE FUNCTION kontor.forget_connections() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM kontor.connections AS c
    WHERE c.tenant_id = NEW.tenant_id AND c.session_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_connections
    AFTER UPDATE OF revoked_at ON kontor.sessions
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION kontor.forget_connections();

-- Links and challenges that count once: who holds the token may do the one thing it is for.
CREATE TABLE kontor.one_time_tokens (
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    user_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN (
        'verify_email', 'change_email', 'reset_password', 'second_factor', 'enrolment'
    )),
    email text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, token_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX one_time_tokens_user ON kontor.one_time_tokens (tenant_id, user_id, purpose);
CREATE INDEX one_time_tokens_expiry ON kontor.one_time_tokens (tenant_id, expires_at);
ALTER TABLE kontor.one_time_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.one_time_tokens
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.one_time_tokens TO kontor_app;

CREATE TABLE kontor.invitations (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    email text NOT NULL CHECK (email = lower(email) AND email LIKE '%_@_%'),
    role text NOT NULL,
    language text NOT NULL CHECK (language IN ('de', 'en')),
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, token_hash)
);
CREATE UNIQUE INDEX invitations_open ON kontor.invitations (tenant_id, email)
    WHERE accepted_at IS NULL;
ALTER TABLE kontor.invitations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.invitations
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.invitations TO kontor_app;

-- Second factors: the secret is sealed with a key the database does not hold. ``last_step`` is the
-- newest time step whose code was taken, so that no code counts twice (RFC 6238, section 5.2).
CREATE TABLE kontor.second_factors (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    sealed_secret bytea NOT NULL,
    last_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.second_factors ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.second_factors
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.second_factors TO kontor_app;

CREATE TABLE kontor.recovery_codes (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    PRIMARY KEY (tenant_id, user_id, code_hash),
    FOREIGN KEY (tenant_id, user_id)
        REFERENCES kontor.second_factors (tenant_id, user_id) ON DELETE CASCADE
);
ALTER TABLE kontor.recovery_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.recovery_codes
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.recovery_codes TO kontor_app;

CREATE TABLE kontor.sign_in_policies (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id) ON DELETE CASCADE,
    requires_second_factor boolean NOT NULL DEFAULT false
);
ALTER TABLE kontor.sign_in_policies ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.sign_in_policies
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON kontor.sign_in_policies TO kontor_app;

-- Mails on their way out. The text holds links that count, so it is sealed, and goes once sent.
CREATE TABLE kontor.mails (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX mails_age ON kontor.mails (tenant_id, created_at);
ALTER TABLE kontor.mails ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.mails
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.mails TO kontor_app;

-- Wrong tries by the hash of whom they were about or where they came from. Both are known before
-- a tenant is, so the table is nobody's; functions reach it through the two below only.
CREATE TABLE kontor.sign_in_tries (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    tries integer NOT NULL,
    tried_at timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);
CREATE INDEX sign_in_tries_age ON kontor.sign_in_tries (tried_at);

-- Counts a try before it is made, so that guesses sent all at once are counted one by one. Answers
-- how many seconds to wait, 0 to go on. From ``p_most`` tries on each one closes the door for
-- twice as long as the one before, at most ``p_window_s``; a quiet ``p_window_s`` forgives all.
CREATE FUNCTION kontor.take_try(p_key bytea, p_most integer, p_wait_s integer, p_window_s integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    known kontor.sign_in_tries%ROWTYPE;
    counted integer;
BEGIN
    INSERT INTO kontor.sign_in_tries AS t (key, tries, tried_at, blocked_until)
    VALUES (p_key, 0, moment, '-infinity')
    ON CONFLICT (key) DO UPDATE SET key = t.key
    RETURNING t.* INTO known;
    moment := clock_timestamp();
    IF known.blocked_until > moment THEN
        RETURN ceil(extract(epoch FROM known.blocked_until - moment));
    END IF;
    counted := 1 + CASE
        WHEN greatest(known.tried_at, known.blocked_until)
            < moment - make_interval(secs => p_window_s) THEN 0
        ELSE known.tries
    END;
    UPDATE kontor.sign_in_tries AS t
    SET tries = counted,
        tried_at = moment,
        blocked_until = CASE
            WHEN counted < p_most THEN '-infinity'
            ELSE moment + make_interval(
                secs => least(p_window_s, p_wait_s * 2 ^ least(counted - p_most, 20))
            )
        END
    WHERE t.key = p_key;
    RETURN 0;
END
$$;
REVOKE ALL ON FUNCTION kontor.take_try FROM public;
GRANT EXECUTE ON FUNCTION kontor.take_try TO kontor_app;

-- A right try forgives the wrong ones before it.
CREATE FUNCTION kontor.forgive_tries(p_key bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM kontor.sign_in_tries WHERE key = p_key $$;
REVOKE ALL ON FUNCTION kontor.forgive_tries FROM public;
GRANT EXECUTE ON FUNCTION kontor.forgive_tries TO kontor_app;

-- A right try counts neither for nor against where it came from: what was free before is again.
CREATE FUNCTION kontor.give_back_try(p_key bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE kontor.sign_in_tries SET tries = greatest(0, tries - 1), blocked_until = '-infinity'
    WHERE key = p_key
$$;
REVOKE ALL ON FUNCTION kontor.give_back_try FROM public;
GRANT EXECUTE ON FUNCTION kontor.give_back_try TO kontor_app;

CREATE FUNCTION kontor.forget_old_tries() RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM kontor.sign_in_tries WHERE tried_at < now() - interval '1 day' $$;
REVOKE ALL ON FUNCTION kontor.forget_old_tries FROM public;
GRANT EXECUTE ON FUNCTION kontor.forget_old_tries TO kontor_app;

-- Registration makes a tenant; functions may do that in this one way, and whether anybody may
-- register is a setting. Answers nothing when the slug is taken.
CREATE FUNCTION kontor.register_tenant(p_id uuid, p_slug text, p_name text)
RETURNS TABLE (
    id uuid, slug text, name text, is_active boolean, created_at timestamptz
)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO kontor.tenants AS t (id, slug, name)
    VALUES (p_id, p_slug, p_name)
    ON CONFLICT (slug) DO NOTHING
    RETURNING t.id, t.slug, t.name, t.is_active, t.created_at
$$;
REVOKE ALL ON FUNCTION kontor.register_tenant FROM public;
GRANT EXECUTE ON FUNCTION kontor.register_tenant TO kontor_app;
