-- A provider's sign-in is asked for a code as a password's is: a challenge remembers which of them
-- went before it, and a provider says whether its own second factor counts and how old a sign-in
-- there may be.

ALTER TABLE kontor.one_time_tokens
    ADD COLUMN after_method text NOT NULL DEFAULT 'password'
        CHECK (after_method IN ('password', 'oidc'));

ALTER TABLE kontor.oidc_providers
    ADD COLUMN trusts_second_factor boolean NOT NULL DEFAULT false,
    ADD COLUMN second_factor_acr text[] NOT NULL DEFAULT '{}',
    ADD COLUMN max_age_s integer CHECK (max_age_s BETWEEN 0 AND 31536000);
