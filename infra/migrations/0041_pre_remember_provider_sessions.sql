-- A provider's own name for the session there (sid), so that its sign-out can mean this one alone.

ALTER TABLE kontor.sessions
    ADD COLUMN provider_sid text NOT NULL DEFAULT '' CHECK (length(provider_sid) <= 255);

-- Kept with a challenge as well: the session is opened after the code.
ALTER TABLE kontor.one_time_tokens
    ADD COLUMN provider_sid text NOT NULL DEFAULT '' CHECK (length(provider_sid) <= 255);

-- A provider's sign-out asks for those that it opened and that go on.
CREATE INDEX sessions_provider ON kontor.sessions (tenant_id, provider_id, provider_sid)
    WHERE provider_id IS NOT NULL AND revoked_at IS NULL;

-- Whether logout tokens count that a provider does not type as such.
ALTER TABLE kontor.oidc_providers ADD COLUMN takes_untyped_logout boolean NOT NULL DEFAULT false;
