-- Invitations into groups, accounts at providers joined by hand, and where a session was opened.

-- Whoever accepts is in these groups at once. A group that is removed meanwhile is left out.
ALTER TABLE kontor.invitations ADD COLUMN group_ids uuid[] NOT NULL DEFAULT '{}'
    CHECK (cardinality(group_ids) <= 50);

-- A visit to a provider that joins an account there to somebody's account here: whose, and the
-- session that began it, without which it ends.
ALTER TABLE kontor.oidc_flows
    ADD COLUMN link_user_id uuid,
    ADD COLUMN link_session_id uuid,
    ADD CHECK ((link_user_id IS NULL) = (link_session_id IS NULL)),
    -- It ends with a code for who began it, never with tokens.
    ADD CHECK (link_user_id IS NULL OR return_to <> ''),
    ADD FOREIGN KEY (tenant_id, link_user_id) REFERENCES kontor.users (tenant_id, id)
        ON DELETE CASCADE,
    ADD FOREIGN KEY (tenant_id, link_session_id) REFERENCES kontor.sessions (tenant_id, id)
        ON DELETE CASCADE;

ALTER TABLE kontor.tickets DROP CONSTRAINT tickets_purpose_check;
ALTER TABLE kontor.tickets ADD CONSTRAINT tickets_purpose_check
    CHECK (purpose IN ('socket', 'sign_in', 'link_start', 'link'));

-- Where a session was opened, so that it can be ended there too.
ALTER TABLE kontor.sessions
    ADD COLUMN provider_id uuid,
    ADD FOREIGN KEY (tenant_id, provider_id) REFERENCES kontor.oidc_providers (tenant_id, id)
        ON DELETE SET NULL (provider_id);

-- Kept with a challenge as well: the session is opened after the code.
ALTER TABLE kontor.one_time_tokens
    ADD COLUMN provider_id uuid,
    ADD FOREIGN KEY (tenant_id, provider_id) REFERENCES kontor.oidc_providers (tenant_id, id)
        ON DELETE CASCADE;
