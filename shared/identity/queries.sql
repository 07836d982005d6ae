-- :name list_sign_ins :many SignIn
-- Asked before a tenant is known; the function answers active accounts only.
SELECT tenant_id, tenant_slug, user_id, password_hash
FROM kontor.find_sign_in(%(email)s, %(tenant_slug)s::text)
LIMIT 20;

-- :name change_password_hash :exec
-- Only while nobody has changed the password in the meantime.
UPDATE kontor.users SET password_hash = %(new_hash)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND password_hash = %(old_hash)s;

-- :name change_to_signed_in :one User
-- An account that was switched off since its password was checked answers no row.
UPDATE kontor.users SET signed_in_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND is_active
RETURNING id, email, display_name, role, is_active, token_epoch, created_at, signed_in_at;

-- :name change_token_epoch :exec
-- Every token issued so far is void from this commit on.
UPDATE kontor.users SET token_epoch = token_epoch + 1
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_bearer :one Bearer
-- What the authorizer must know of a token's bearer and session now, in one look.
SELECT u.email, u.role, u.token_epoch, u.is_active AND t.is_active AS is_active,
    s.id IS NOT NULL AS is_signed_in
FROM kontor.users AS u
JOIN kontor.tenants AS t ON t.id = u.tenant_id
LEFT JOIN kontor.sessions AS s ON s.tenant_id = %(tenant_id)s AND s.id = %(session_id)s
    AND s.user_id = u.id AND s.revoked_at IS NULL AND s.expires_at > now()
WHERE u.tenant_id = %(tenant_id)s AND t.id = %(tenant_id)s AND u.id = %(id)s;

-- :name find_user :one User
-- One person of the tenant.
SELECT id, email, display_name, role, is_active, token_epoch, created_at, signed_in_at
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_users :many User
-- By e-mail address, which is unique inside a tenant and so is the paging key.
SELECT id, email, display_name, role, is_active, token_epoch, created_at, signed_in_at
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR email > %(after)s)
ORDER BY email
LIMIT %(limit)s;

-- :name record_user :one User
-- Answers no row when the address is taken in this tenant.
INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role)
VALUES (%(tenant_id)s, %(id)s, %(email)s, %(display_name)s, %(password_hash)s, %(role)s)
ON CONFLICT (tenant_id, email) DO NOTHING
RETURNING id, email, display_name, role, is_active, token_epoch, created_at, signed_in_at;

-- :name find_tenant :one Tenant
-- The transaction's own tenant.
SELECT id, slug, name, is_active, created_at
FROM kontor.tenants
WHERE id = %(tenant_id)s;

-- :name record_tenant :one Tenant
-- Operators only: functions have no right to insert here. No row when the slug is taken.
INSERT INTO kontor.tenants (id, slug, name)
VALUES (%(tenant_id)s, %(slug)s, %(name)s)
ON CONFLICT (slug) DO NOTHING
RETURNING id, slug, name, is_active, created_at;

-- :name list_signing_keys :many PublicKey
-- Keys whose tokens are accepted; a key retires at a moment set ahead of time.
SELECT id, public_key
FROM kontor.signing_keys
WHERE retired_at IS NULL OR retired_at > now()
ORDER BY created_at DESC, id
LIMIT 20;

-- :name record_signing_key :exec
-- Operators only; the thumbprint makes repeats harmless.
INSERT INTO kontor.signing_keys (id, public_key)
VALUES (%(id)s, %(public_key)s)
ON CONFLICT (id) DO NOTHING;

-- :name record_session :exec
-- Opened by a sign-in; its id goes into every token of it.
INSERT INTO kontor.sessions
    (tenant_id, id, user_id, expires_at, user_agent, address, methods)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(expires_at)s, %(user_agent)s, %(address)s,
    %(methods)s);

-- :name change_to_seen :one Lasting
-- At every renewal, so about as often as an access token ends.
UPDATE kontor.sessions
SET seen_at = now(), user_agent = %(user_agent)s, address = %(address)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND revoked_at IS NULL AND expires_at > now()
RETURNING user_id, expires_at;

-- :name change_to_revoked :exec
-- A trigger forgets the session's open connections in the same commit.
UPDATE kontor.sessions SET revoked_at = now(), revoked_because = %(because)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND user_id = %(user_id)s
    AND revoked_at IS NULL AND expires_at > now();

-- :name change_all_to_revoked :exec
-- All of a person's, or all but the one a call rests on.
UPDATE kontor.sessions SET revoked_at = now(), revoked_because = %(because)s
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND revoked_at IS NULL
    AND expires_at > now() AND (%(but)s::uuid IS NULL OR id <> %(but)s);

-- :name list_sessions :many UserSession
-- Newest first; ids are time-ordered, so the id alone is the paging key.
SELECT id, user_id, created_at, seen_at, expires_at, user_agent, address, methods
FROM kontor.sessions
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND revoked_at IS NULL
    AND expires_at > now() AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- :name remove_ended_sessions :exec
-- Kept for a month, so that a stolen refresh token is still known for one.
DELETE FROM kontor.sessions
WHERE tenant_id = %(tenant_id)s AND expires_at < now() - interval '30 days';

-- :name record_refresh_token :exec
-- Only its hash.
INSERT INTO kontor.refresh_tokens (tenant_id, token_hash, session_id, expires_at)
VALUES (%(tenant_id)s, %(token_hash)s, %(session_id)s, %(expires_at)s);

-- :name change_to_used :one UsedToken
-- Of two that come at once, the second waits for the first and then finds it used.
UPDATE kontor.refresh_tokens SET used_at = now()
WHERE tenant_id = %(tenant_id)s AND token_hash = %(token_hash)s AND used_at IS NULL
    AND expires_at > now()
RETURNING session_id;

-- :name find_refresh_token :one KnownToken
-- Why a token could not be used.
SELECT r.session_id, s.user_id, r.used_at
FROM kontor.refresh_tokens AS r
JOIN kontor.sessions AS s ON s.tenant_id = %(tenant_id)s AND s.id = r.session_id
WHERE r.tenant_id = %(tenant_id)s AND r.token_hash = %(token_hash)s;
