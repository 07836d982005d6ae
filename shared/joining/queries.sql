-- :name record_invitation :one Invitation
-- Inviting an address again renews its open invitation: the mail sent before no longer counts.
INSERT INTO kontor.invitations AS i
    (tenant_id, id, email, role, language, token_hash, invited_by, created_at, expires_at,
    group_ids)
VALUES (%(tenant_id)s, %(id)s, %(email)s, %(role)s, %(language)s, %(token_hash)s,
    %(invited_by)s, %(created_at)s, %(expires_at)s, %(group_ids)s::uuid[])
ON CONFLICT (tenant_id, email) WHERE accepted_at IS NULL DO UPDATE
SET role = EXCLUDED.role, language = EXCLUDED.language, token_hash = EXCLUDED.token_hash,
    invited_by = EXCLUDED.invited_by, created_at = EXCLUDED.created_at,
    expires_at = EXCLUDED.expires_at, group_ids = EXCLUDED.group_ids
RETURNING i.id, i.email, i.role, i.language, i.invited_by, i.created_at, i.expires_at,
    ARRAY(
        SELECT g.id FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::uuid[] AS group_ids,
    ARRAY(
        SELECT g.name FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::text[] AS group_names;

-- :name list_invitations :many Invitation
-- Those nobody has answered, the expired ones too: they can be sent again or withdrawn.
SELECT i.id, i.email, i.role, i.language, i.invited_by, i.created_at, i.expires_at,
    ARRAY(
        SELECT g.id FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::uuid[] AS group_ids,
    ARRAY(
        SELECT g.name FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::text[] AS group_names
FROM kontor.invitations AS i
WHERE i.tenant_id = %(tenant_id)s AND i.accepted_at IS NULL
    AND (%(before)s::uuid IS NULL OR i.id < %(before)s)
ORDER BY i.id DESC
LIMIT %(limit)s;

-- :name find_invitation :one Invitation
-- One that counts still, to be shown before it is taken.
SELECT i.id, i.email, i.role, i.language, i.invited_by, i.created_at, i.expires_at,
    ARRAY(
        SELECT g.id FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::uuid[] AS group_ids,
    ARRAY(
        SELECT g.name FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::text[] AS group_names
FROM kontor.invitations AS i
WHERE i.tenant_id = %(tenant_id)s AND i.token_hash = %(token_hash)s AND i.accepted_at IS NULL
    AND i.expires_at > now();

-- :name take_invitation :one Invitation
-- Of two who accept at once, one finds it open. A group that is gone by now is left out.
UPDATE kontor.invitations AS i SET accepted_at = now()
WHERE i.tenant_id = %(tenant_id)s AND i.token_hash = %(token_hash)s AND i.accepted_at IS NULL
    AND i.expires_at > now()
RETURNING i.id, i.email, i.role, i.language, i.invited_by, i.created_at, i.expires_at,
    ARRAY(
        SELECT g.id FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::uuid[] AS group_ids,
    ARRAY(
        SELECT g.name FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::text[] AS group_names;

-- :name hold_invitation_to :one Invitation
-- Locked: whoever answers it a second time waits, and finds it answered.
SELECT i.id, i.email, i.role, i.language, i.invited_by, i.created_at, i.expires_at,
    ARRAY(
        SELECT g.id FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::uuid[] AS group_ids,
    ARRAY(
        SELECT g.name FROM kontor.groups AS g
        WHERE g.tenant_id = %(tenant_id)s AND g.id = ANY (i.group_ids)
        ORDER BY lower(g.name)
    )::text[] AS group_names
FROM kontor.invitations AS i
WHERE i.tenant_id = %(tenant_id)s AND i.email = %(email)s AND i.accepted_at IS NULL
    AND i.expires_at > now()
FOR UPDATE OF i;

-- :name change_to_accepted :exec
-- One that is held.
UPDATE kontor.invitations SET accepted_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND accepted_at IS NULL;

-- :name remove_invitation :exec
-- An accepted one stays: it says who let somebody in.
DELETE FROM kontor.invitations
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND accepted_at IS NULL;

-- :name list_taken_addresses :many Taken
-- Those of some addresses that people of the tenant have by now: they came another way.
SELECT email
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND email = ANY (%(addresses)s::text[])
LIMIT 500;
