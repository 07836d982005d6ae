-- :name list_provider_links :many ProviderLink
-- Asked before a tenant is known; the function answers active ones only.
SELECT tenant_id, id, name, title
FROM kontor.find_oidc_providers(%(tenant_slug)s::text, %(id)s::uuid)
LIMIT 50;

-- :name list_providers :many Provider
-- By name, for administrators.
SELECT id, name, title, issuer, client_id, secret_name, scopes, claims, allowed_domains,
    trusted_domains, group_roles, group_groups, default_role, makes_users, trusts_second_factor,
    second_factor_acr, max_age_s, takes_untyped_logout, is_active, created_at, updated_at
FROM kontor.oidc_providers
WHERE tenant_id = %(tenant_id)s
ORDER BY name
LIMIT 50;

-- :name find_provider :one Provider
-- One provider of the tenant.
SELECT id, name, title, issuer, client_id, secret_name, scopes, claims, allowed_domains,
    trusted_domains, group_roles, group_groups, default_role, makes_users, trusts_second_factor,
    second_factor_acr, max_age_s, takes_untyped_logout, is_active, created_at, updated_at
FROM kontor.oidc_providers
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_provider :exec
-- Inserts or changes, found by its id.
INSERT INTO kontor.oidc_providers AS p (tenant_id, id, name, title, issuer, client_id, secret_name,
    scopes, claims, allowed_domains, trusted_domains, group_roles, group_groups, default_role,
    makes_users, trusts_second_factor, second_factor_acr, max_age_s,
    takes_untyped_logout, is_active)
VALUES (%(tenant_id)s, %(id)s, %(name)s, %(title)s, %(issuer)s, %(client_id)s, %(secret_name)s,
    %(scopes)s, %(claims)s::jsonb, %(allowed_domains)s, %(trusted_domains)s,
    %(group_roles)s::jsonb, %(group_groups)s::jsonb, %(default_role)s, %(makes_users)s,
    %(trusts_second_factor)s, %(second_factor_acr)s, %(max_age_s)s, %(takes_untyped_logout)s,
    %(is_active)s)
ON CONFLICT (tenant_id, id) DO UPDATE SET
    name = excluded.name, title = excluded.title, issuer = excluded.issuer,
    client_id = excluded.client_id, secret_name = excluded.secret_name, scopes = excluded.scopes,
    claims = excluded.claims, allowed_domains = excluded.allowed_domains,
    trusted_domains = excluded.trusted_domains, group_roles = excluded.group_roles,
    group_groups = excluded.group_groups, default_role = excluded.default_role,
    makes_users = excluded.makes_users, trusts_second_factor = excluded.trusts_second_factor,
    second_factor_acr = excluded.second_factor_acr, max_age_s = excluded.max_age_s,
    takes_untyped_logout = excluded.takes_untyped_logout,
    is_active = excluded.is_active, updated_at = now()
WHERE p.tenant_id = %(tenant_id)s;

-- :name remove_provider :exec
-- Sign-ins under way go with it; identities stay, for the issuer may come back.
DELETE FROM kontor.oidc_providers
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_flow :exec
-- A sign-in that is under way.
INSERT INTO kontor.oidc_flows (tenant_id, state_hash, cookie_hash, provider_id, nonce,
    code_verifier, return_to, challenge, link_user_id, link_session_id, expires_at)
VALUES (%(tenant_id)s, %(state_hash)s, %(cookie_hash)s, %(provider_id)s, %(nonce)s,
    %(code_verifier)s, %(return_to)s, %(challenge)s, %(link_user_id)s, %(link_session_id)s,
    now() + make_interval(secs => %(life_s)s));

-- :name take_flow :one Flow
-- Deleting is taking: a state counts once. Another browser takes nothing away with it.
DELETE FROM kontor.oidc_flows
WHERE tenant_id = %(tenant_id)s AND state_hash = %(state_hash)s
    AND cookie_hash = %(cookie_hash)s AND expires_at > now()
RETURNING provider_id, cookie_hash, nonce, code_verifier, return_to, challenge, link_user_id,
    link_session_id;

-- :name remove_old_flows :exec
-- Sign-ins that never came back.
DELETE FROM kontor.oidc_flows
WHERE tenant_id = %(tenant_id)s AND expires_at <= now();

-- :name find_identity :one Identity
-- By issuer and subject and nothing else: addresses change hands.
SELECT user_id, made_user
FROM kontor.identities
WHERE tenant_id = %(tenant_id)s AND issuer = %(issuer)s AND subject = %(subject)s;

-- :name record_identity :exec
-- Joins a subject of an issuer to an account.
INSERT INTO kontor.identities (tenant_id, issuer, subject, user_id, email, made_user)
VALUES (%(tenant_id)s, %(issuer)s, %(subject)s, %(user_id)s, %(email)s, %(made_user)s);

-- :name change_identity_used :exec
-- The address is kept for people to recognise it by; nothing is decided by it.
UPDATE kontor.identities SET signed_in_at = now(), email = %(email)s
WHERE tenant_id = %(tenant_id)s AND issuer = %(issuer)s AND subject = %(subject)s;

-- :name list_identities :many KnownIdentity
-- Of one person, the latest sign-in first.
SELECT issuer, subject, email, created_at, signed_in_at
FROM kontor.identities
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
ORDER BY signed_in_at DESC, issuer, subject
LIMIT 50;

-- :name remove_identity :exec
-- Parts a person from an identity.
DELETE FROM kontor.identities
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
    AND issuer = %(issuer)s AND subject = %(subject)s;

-- :name record_linked_identity :exec
-- By hand. Of two accounts that want one identity, the first has it.
INSERT INTO kontor.identities (tenant_id, issuer, subject, user_id, email, made_user)
VALUES (%(tenant_id)s, %(issuer)s, %(subject)s, %(user_id)s, %(email)s, false)
ON CONFLICT (tenant_id, issuer, subject) DO NOTHING;

-- :name find_own_way :one OwnWay
-- Locked, so that two who take a person's last ways in take turns.
SELECT password_hash <> '!' AS has_password
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND id = %(user_id)s
FOR UPDATE;

-- :name count_other_identities :one Count
-- Those by which a person may sign in today, but for one.
SELECT count(*) AS count
FROM kontor.identities AS i
WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s
    AND NOT (i.issuer = %(issuer)s AND i.subject = %(subject)s)
    AND EXISTS (
        SELECT 1 FROM kontor.oidc_providers AS p
        WHERE p.tenant_id = %(tenant_id)s AND p.issuer = i.issuer AND p.is_active
    );

-- :name change_to_ended_there :many EndedThere
-- Of one person, of one session of theirs, or of whoever has that session.
UPDATE kontor.sessions AS s SET revoked_at = now(), revoked_because = %(because)s
WHERE s.tenant_id = %(tenant_id)s AND s.provider_id = %(provider_id)s AND s.revoked_at IS NULL
    AND s.expires_at > now() AND s.created_at < %(before)s
    AND (%(sid)s = '' OR s.provider_sid = %(sid)s OR (s.provider_sid = '' AND %(subject)s <> ''))
    AND (%(subject)s = '' OR s.user_id IN (
        SELECT i.user_id FROM kontor.identities AS i
        WHERE i.tenant_id = %(tenant_id)s AND i.issuer = %(issuer)s AND i.subject = %(subject)s
    ))
RETURNING s.id, s.user_id;

-- :name remove_challenges_there :exec
-- Sign-ins at a provider that wait for a code.
DELETE FROM kontor.one_time_tokens AS t
WHERE t.tenant_id = %(tenant_id)s AND t.provider_id = %(provider_id)s
    AND t.purpose IN ('second_factor', 'enrolment') AND t.created_at < %(before)s
    AND (%(sid)s = '' OR t.provider_sid = %(sid)s OR (t.provider_sid = '' AND %(subject)s <> ''))
    AND (%(subject)s = '' OR t.user_id IN (
        SELECT i.user_id FROM kontor.identities AS i
        WHERE i.tenant_id = %(tenant_id)s AND i.issuer = %(issuer)s AND i.subject = %(subject)s
    ));

-- :name remove_codes_there :exec
-- Sign-ins at a provider that were handed over, and not taken yet.
DELETE FROM kontor.tickets AS t
WHERE t.tenant_id = %(tenant_id)s AND t.purpose = 'sign_in'
    AND t.body ->> 'provider' = %(provider_id)s::text
    AND t.expires_at < %(before)s + make_interval(secs => %(life_s)s)
    AND (%(sid)s = '' OR t.body ->> 'sid' = %(sid)s
        OR (t.body ->> 'sid' = '' AND %(subject)s <> ''))
    AND (%(subject)s = '' OR t.user_id IN (
        SELECT i.user_id FROM kontor.identities AS i
        WHERE i.tenant_id = %(tenant_id)s AND i.issuer = %(issuer)s AND i.subject = %(subject)s
    ));
