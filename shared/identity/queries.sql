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
-- What the authorizer must know of a token's bearer now, in one look.
SELECT u.email, u.role, u.token_epoch, u.is_active AND t.is_active AS is_active,
    r.permissions
FROM kontor.users AS u
JOIN kontor.tenants AS t ON t.id = u.tenant_id
JOIN kontor.roles AS r ON r.tenant_id = %(tenant_id)s AND r.name = u.role
WHERE u.tenant_id = %(tenant_id)s AND t.id = %(tenant_id)s AND u.id = %(id)s;

-- :name find_rights :one Rights
-- What a role allows today; no row when the tenant has no such role.
SELECT permissions
FROM kontor.roles
WHERE tenant_id = %(tenant_id)s AND name = %(role)s;

-- :name find_visit :one Visit
-- Asked before a tenant is known; the function answers visits in force only.
SELECT tenant_id, link_id
FROM kontor.find_link_visit(%(token_hash)s);

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
