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
-- An account or tenant that was switched off since the password was checked answers no row.
UPDATE kontor.users SET signed_in_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND is_active
    AND EXISTS (SELECT 1 FROM kontor.tenants AS t WHERE t.id = %(tenant_id)s AND t.is_active)
RETURNING id, email, display_name, role, is_active, token_epoch, created_at, signed_in_at;

-- :name change_token_epoch :exec
-- Every token issued so far is void from this commit on.
UPDATE kontor.users SET token_epoch = token_epoch + 1
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name find_bearer :one Bearer
-- What the authorizer must know of a token's bearer and session now, in one look.
SELECT u.email, u.role, u.token_epoch, u.is_active AND t.is_active AS is_active,
    s.id IS NOT NULL AS is_signed_in, r.permissions
FROM kontor.users AS u
JOIN kontor.tenants AS t ON t.id = u.tenant_id
JOIN kontor.roles AS r ON r.tenant_id = %(tenant_id)s AND r.name = u.role
LEFT JOIN kontor.sessions AS s ON s.tenant_id = %(tenant_id)s AND s.id = %(session_id)s
    AND s.user_id = u.id AND s.revoked_at IS NULL AND s.expires_at > now()
WHERE u.tenant_id = %(tenant_id)s AND t.id = %(tenant_id)s AND u.id = %(id)s;

-- :name use_role_template :exec
-- Operators only: instead of the roles every tenant begins with.
SELECT kontor.use_role_template(%(tenant_id)s, %(template)s);

-- :name find_rights :one Rights
-- What a role allows today; no row when the tenant has no such role.
SELECT permissions
FROM kontor.roles
WHERE tenant_id = %(tenant_id)s AND name = %(role)s;

-- :name find_visit :one Visit
-- Asked before a tenant is known; the function answers visits in force only.
SELECT tenant_id, link_id, allows_download
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

-- :name find_key :one FoundKey
-- Asked before a tenant is known; the function answers keys in force only.
SELECT tenant_id, key_id, user_id, scopes, is_used_lately
FROM kontor.find_key(%(hash)s);

-- :name change_key_used :exec
-- Coarse on purpose: a busy key writes once in ten minutes.
UPDATE kontor.api_keys SET last_used_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_key :exec
-- The key without its secret.
INSERT INTO kontor.api_keys
    (tenant_id, id, user_id, name, hint, scopes, created_by, expires_at)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(name)s, %(hint)s, %(scopes)s, %(created_by)s,
    now() + make_interval(days => %(days)s));

-- :name record_key_secret :exec
-- A secret as its hash; it holds until the next rotation's grace is over.
INSERT INTO kontor.key_secrets (tenant_id, key_id, secret_hash)
VALUES (%(tenant_id)s, %(key_id)s, %(hash)s);

-- :name change_key_secrets :exec
-- The secrets so far end with the grace; one that ends earlier stays as it is.
UPDATE kontor.key_secrets SET ends_at = now() + make_interval(secs => %(grace_s)s)
WHERE tenant_id = %(tenant_id)s AND key_id = %(key_id)s
    AND (ends_at IS NULL OR ends_at > now() + make_interval(secs => %(grace_s)s));

-- :name remove_key_secrets :exec
-- What no longer opens anything need not be kept.
DELETE FROM kontor.key_secrets
WHERE tenant_id = %(tenant_id)s AND key_id = %(key_id)s AND ends_at <= now();

-- :name find_own_key :one ApiKey
-- One key with its holder; of one holder only, or of anybody.
SELECT k.id, k.user_id, u.email, u.kind, u.role, k.name, k.hint, k.scopes, k.created_by,
    k.created_at, k.expires_at, k.rotated_at, k.revoked_at, k.last_used_at
FROM kontor.api_keys AS k
JOIN kontor.users AS u ON u.tenant_id = k.tenant_id AND u.id = k.user_id
WHERE k.tenant_id = %(tenant_id)s AND u.tenant_id = %(tenant_id)s AND k.id = %(id)s
    AND (%(user_id)s::uuid IS NULL OR k.user_id = %(user_id)s);

-- :name list_keys :many ApiKey
-- Newest first; of one holder only, or of everybody.
SELECT k.id, k.user_id, u.email, u.kind, u.role, k.name, k.hint, k.scopes, k.created_by,
    k.created_at, k.expires_at, k.rotated_at, k.revoked_at, k.last_used_at
FROM kontor.api_keys AS k
JOIN kontor.users AS u ON u.tenant_id = k.tenant_id AND u.id = k.user_id
WHERE k.tenant_id = %(tenant_id)s AND u.tenant_id = %(tenant_id)s
    AND (%(user_id)s::uuid IS NULL OR k.user_id = %(user_id)s)
    AND (%(before)s::uuid IS NULL OR k.id < %(before)s)
ORDER BY k.id DESC
LIMIT %(limit)s;

-- :name count_keys :one Count
-- Keys of one holder that are in force.
SELECT count(*)::int AS value
FROM kontor.api_keys
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
    AND revoked_at IS NULL AND expires_at > now();

-- :name change_key :exec
-- Name, scopes and end of life; what is not given stays.
UPDATE kontor.api_keys SET
    name = coalesce(%(name)s, name),
    scopes = coalesce(%(scopes)s::text[], scopes),
    expires_at = coalesce(now() + make_interval(days => %(days)s::int), expires_at)
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_key_rotated :exec
-- A new secret begins a new life.
UPDATE kontor.api_keys
SET rotated_at = now(), hint = %(hint)s,
    expires_at = greatest(expires_at, now() + make_interval(days => %(days)s))
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_key_revoked :exec
-- From this commit on no secret of the key opens anything.
UPDATE kontor.api_keys SET revoked_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND revoked_at IS NULL;

-- :name list_holdings :many Holding
-- Every account with what opens the door for it now; by address, which is the paging key.
SELECT u.id, u.email, u.display_name, u.kind, u.role, u.is_active, u.signed_in_at,
    u.password_hash <> '!' AS has_password,
    EXISTS (SELECT 1 FROM kontor.second_factors AS f WHERE f.tenant_id = %(tenant_id)s
        AND f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS has_second_factor,
    (SELECT count(*)::int FROM kontor.sessions AS s WHERE s.tenant_id = %(tenant_id)s
        AND s.user_id = u.id AND s.revoked_at IS NULL AND s.expires_at > now()) AS session_count,
    (SELECT count(*)::int FROM kontor.api_keys AS k WHERE k.tenant_id = %(tenant_id)s
        AND k.user_id = u.id AND k.revoked_at IS NULL AND k.expires_at > now()) AS key_count,
    (SELECT max(k.last_used_at) FROM kontor.api_keys AS k WHERE k.tenant_id = %(tenant_id)s
        AND k.user_id = u.id) AS key_used_at
FROM kontor.users AS u
WHERE u.tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR u.email > %(after)s)
ORDER BY u.email
LIMIT %(limit)s;

-- :name record_service_account :exec
-- A user without a password: no hash has this form, so no password fits.
INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role, kind)
VALUES (%(tenant_id)s, %(id)s, %(email)s, %(display_name)s, '!', %(role)s, 'service');

-- :name find_holder :one Holder
-- Whose account a key or ticket is: a person's or a program's, and what role it has.
SELECT u.id, u.email, u.kind, u.role, u.token_epoch, u.is_active AND t.is_active AS is_active
FROM kontor.users AS u
JOIN kontor.tenants AS t ON t.id = u.tenant_id
WHERE u.tenant_id = %(tenant_id)s AND t.id = %(tenant_id)s AND u.id = %(id)s;

-- :name find_linkable :one Linkable
-- The account of an address; whether it may be joined is decided elsewhere.
SELECT id, kind, is_active
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND email = %(email)s;

-- :name find_linkable_user :one Linkable
-- The same by id.
SELECT id, kind, is_active
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_foreign_user :exec
-- A person without a password: no hash has this form, so no password fits.
INSERT INTO kontor.users
    (tenant_id, id, email, display_name, password_hash, role, verified_at)
VALUES (%(tenant_id)s, %(id)s, %(email)s, %(display_name)s, '!', %(role)s, now());

-- :name list_signing_keys :many PublicKey
-- Keys whose tokens are accepted; a key retires at a moment set ahead of time.
SELECT id, public_key
FROM kontor.signing_keys
WHERE retired_at IS NULL OR retired_at > now()
ORDER BY created_at DESC, id
LIMIT 20;

-- :name find_signing_kid :one SigningKid
-- The key that signs now: the newest whose moment has come.
SELECT id AS kid
FROM kontor.signing_keys
WHERE signs_from <= now() AND (retired_at IS NULL OR retired_at > now())
ORDER BY signs_from DESC, created_at DESC, id
LIMIT 1;

-- :name list_coming_keys :many SigningKid
-- Keys that are published and do not sign yet.
SELECT id AS kid
FROM kontor.signing_keys
WHERE signs_from > now() AND (retired_at IS NULL OR retired_at > now())
ORDER BY signs_from
LIMIT 20;

-- :name list_key_states :many KeyState
-- Every signing key there ever was, newest first, for operators.
SELECT id, created_at, signs_from, retired_at
FROM kontor.signing_keys
ORDER BY signs_from DESC, created_at DESC
LIMIT 100;

-- :name change_keys_retired :exec
-- Operators only; a key that retires earlier keeps its moment.
UPDATE kontor.signing_keys
SET retired_at = least(retired_at, now() + make_interval(secs => %(after_s)s))
WHERE retired_at IS NULL OR retired_at > now();

-- :name record_next_key :exec
-- Operators only; published now, signing later.
INSERT INTO kontor.signing_keys (id, public_key, signs_from)
VALUES (%(id)s, %(public_key)s, now() + make_interval(secs => %(lead_s)s));

-- :name record_signing_key :exec
-- Operators only; the thumbprint makes repeats harmless.
INSERT INTO kontor.signing_keys (id, public_key)
VALUES (%(id)s, %(public_key)s)
ON CONFLICT (id) DO NOTHING;

-- :name record_session :exec
-- Opened by a sign-in; its id goes into every token of it.
INSERT INTO kontor.sessions
    (tenant_id, id, user_id, expires_at, user_agent, address, methods, provider_id, provider_sid)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(expires_at)s, %(user_agent)s, %(address)s,
    %(methods)s, %(provider_id)s, %(provider_sid)s);

-- :name find_opening :one Opening
-- When and where one's session was opened; renewing its tokens changes neither.
SELECT created_at, provider_id
FROM kontor.sessions
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND user_id = %(user_id)s
    AND revoked_at IS NULL AND expires_at > now();

-- :name change_opened_there_to_revoked :exec
-- Those that a person opened at one of some providers, but not the one a call rests on.
UPDATE kontor.sessions SET revoked_at = now(), revoked_because = %(because)s
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND revoked_at IS NULL
    AND expires_at > now() AND provider_id = ANY (%(provider_ids)s::uuid[])
    AND (%(but)s::uuid IS NULL OR id <> %(but)s);

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

-- :name find_account :one Account
-- A person's own affairs: sign-in, password, address.
SELECT id, email, display_name, language, password_hash, role, must_verify
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_to_verified :exec
-- Only while the address is still the one that was asked about.
UPDATE kontor.users SET verified_at = now(), must_verify = false
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND email = %(email)s;

-- :name change_email :exec
-- The link that leads here was sent to the new address, so it is verified.
UPDATE kontor.users AS u SET email = %(email)s, verified_at = now(), must_verify = false
WHERE u.tenant_id = %(tenant_id)s AND u.id = %(id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.users AS o
        WHERE o.tenant_id = %(tenant_id)s AND o.email = %(email)s AND o.id <> u.id
    );

-- :name change_password :exec
-- After the old one or a link was shown; the caller ends sessions.
UPDATE kontor.users SET password_hash = %(password_hash)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_language :exec
-- The language of mails.
UPDATE kontor.users SET language = %(language)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_to_unverified :exec
-- Of somebody who registered: nobody has vouched for the address yet.
UPDATE kontor.users SET must_verify = true
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name count_email :one HowMany
-- Addresses are unique inside a tenant.
SELECT count(*) AS number FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND email = %(email)s;

-- :name record_one_time :exec
-- Only its hash.
INSERT INTO kontor.one_time_tokens (tenant_id, token_hash, user_id, purpose, email, after_method,
    provider_id, provider_sid, expires_at)
VALUES (%(tenant_id)s, %(token_hash)s, %(user_id)s, %(purpose)s, %(email)s, %(after_method)s,
    %(provider_id)s, %(provider_sid)s, %(expires_at)s);

-- :name find_one_time :one OneTime
-- Looked at, not used up: a wrong code leaves the challenge as it is.
SELECT user_id, email, after_method, provider_id, provider_sid
FROM kontor.one_time_tokens
WHERE tenant_id = %(tenant_id)s AND token_hash = %(token_hash)s AND purpose = %(purpose)s
    AND expires_at > now();

-- :name take_one_time :one OneTime
-- Of two that come at once, one finds it.
DELETE FROM kontor.one_time_tokens
WHERE tenant_id = %(tenant_id)s AND token_hash = %(token_hash)s AND purpose = %(purpose)s
    AND expires_at > now()
RETURNING user_id, email, after_method, provider_id, provider_sid;

-- :name remove_one_time :exec
-- A newer one replaces those before it; a new password those that the old one began.
DELETE FROM kontor.one_time_tokens
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND purpose = ANY (%(purposes)s);

-- :name remove_expired_one_time :exec
-- They count for nothing any more.
DELETE FROM kontor.one_time_tokens WHERE tenant_id = %(tenant_id)s AND expires_at < now();

-- :name find_factor :one Factor
-- Locked, so that of two codes shown at once the second sees what the first used up.
SELECT sealed_secret, last_step, confirmed_at
FROM kontor.second_factors
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
FOR UPDATE;

-- :name record_factor :exec
-- Beginning anew replaces what was begun, never what is in use.
INSERT INTO kontor.second_factors AS f (tenant_id, user_id, sealed_secret)
VALUES (%(tenant_id)s, %(user_id)s, %(sealed_secret)s)
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET sealed_secret = EXCLUDED.sealed_secret, last_step = 0, created_at = now()
WHERE f.confirmed_at IS NULL;

-- :name change_factor_to_confirmed :exec
-- From now on every sign-in asks for a code.
UPDATE kontor.second_factors SET confirmed_at = now()
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- :name change_last_step :exec
-- A code counts once, and so does every code before it (RFC 6238, section 5.2).
UPDATE kontor.second_factors SET last_step = %(step)s
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND last_step < %(step)s;

-- :name remove_factor :exec
-- Its recovery codes go with it.
DELETE FROM kontor.second_factors
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- :name remove_recovery_codes :exec
-- New ones replace all.
DELETE FROM kontor.recovery_codes
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- :name record_recovery_codes :exec
-- Only their hashes.
INSERT INTO kontor.recovery_codes (tenant_id, user_id, code_hash)
SELECT %(tenant_id)s, %(user_id)s, unnest(%(hashes)s::bytea[]);

-- :name take_recovery_code :exec
-- It counts once.
DELETE FROM kontor.recovery_codes
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND code_hash = %(code_hash)s;

-- :name count_recovery_codes :one HowMany
-- So that people know when to make new ones.
SELECT count(*) AS number FROM kontor.recovery_codes
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- :name find_sign_in_policy :one SignInPolicy
-- No row means that nothing beyond the password is asked.
SELECT requires_second_factor
FROM kontor.sign_in_policies
WHERE tenant_id = %(tenant_id)s;

-- :name record_sign_in_policy :exec
-- One row a tenant.
INSERT INTO kontor.sign_in_policies (tenant_id, requires_second_factor)
VALUES (%(tenant_id)s, %(requires_second_factor)s)
ON CONFLICT (tenant_id) DO UPDATE SET requires_second_factor = EXCLUDED.requires_second_factor;

-- :name record_mail :exec
-- Commits with what it tells of.
INSERT INTO kontor.mails (tenant_id, id, sealed) VALUES (%(tenant_id)s, %(id)s, %(sealed)s);

-- :name take_mail :one SealedMail
-- Gone for good only when the mail server took it and the transaction commits.
DELETE FROM kontor.mails WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id, sealed;

-- :name list_waiting_mails :many SealedMail
-- Those whose sending failed: the sweep announces them again.
SELECT id, sealed FROM kontor.mails
WHERE tenant_id = %(tenant_id)s AND created_at < now() - interval '2 minutes'
ORDER BY created_at
LIMIT 100;

-- :name remove_old_mails :exec
-- Their links have expired.
DELETE FROM kontor.mails
WHERE tenant_id = %(tenant_id)s AND created_at < now() - interval '3 days';

-- :name take_try :one Wait
-- Counts before the try is made, across tenants; answers seconds to wait, 0 to go on.
SELECT kontor.take_try(%(key)s, %(most)s, %(wait_s)s, %(window_s)s) AS seconds;

-- :name forgive_tries :exec
-- After a right try.
SELECT kontor.forgive_tries(%(key)s);

-- :name give_back_try :exec
-- A right try counts neither for nor against where it came from.
SELECT kontor.give_back_try(%(key)s);

-- :name forget_old_tries :exec
-- Of a day ago or more: their waits are over.
SELECT kontor.forget_old_tries();

-- :name register_tenant :one Tenant
-- The one way in which functions make a tenant. No row when the slug is taken.
SELECT id, slug, name, is_active, created_at
FROM kontor.register_tenant(%(tenant_id)s, %(slug)s, %(name)s);
