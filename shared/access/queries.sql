-- :name find_rank :one RankRow
-- How far a viewer reaches a thing; the function asks owner, roles, groups and lists.
SELECT kontor.access_rank(%(viewer)s, %(kind)s, %(id)s) AS rank;

-- :name find_own_rank :one RankRow
-- The same for the transaction's own viewer.
SELECT kontor.access_rank(
    coalesce(current_setting('app.viewer', true), ''), %(kind)s, %(id)s
) AS rank;

-- :name find_list :one ListRow
-- The list that a folder or a document is closed by; null where it is open.
SELECT f.access_list_id AS list_id
FROM kontor.folders AS f
WHERE f.tenant_id = %(tenant_id)s AND %(kind)s = 'folder' AND f.id = %(id)s
UNION ALL
SELECT d.access_list_id
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND %(kind)s = 'document' AND d.id = %(id)s;

-- :name find_whether_wider :one WiderRow
-- Whether one list lets anybody do more than another does; null is open to everybody.
SELECT kontor.is_wider(%(after)s, %(before)s) AS is_wider;

-- :name find_place :one Place
-- One of the three, by its kind.
SELECT f.path AS title, f.created_by AS owner_id, f.access_list_id IS NULL AS is_open
FROM kontor.folders AS f
WHERE f.tenant_id = %(tenant_id)s AND %(kind)s = 'folder' AND f.id = %(id)s
UNION ALL
SELECT d.title, d.created_by, d.access_list_id IS NULL
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND %(kind)s = 'document' AND d.id = %(id)s
    AND d.removed_at IS NULL
UNION ALL
SELECT c.name, c.created_by, c.access_list_id IS NULL
FROM kontor.collections AS c
WHERE c.tenant_id = %(tenant_id)s AND %(kind)s = 'collection' AND c.id = %(id)s;

-- :name list_grants :many Grant
-- What was said of a thing itself, with the names of today.
SELECT g.subject, coalesce(u.email, o.name, '') AS name, g.level, g.granted_by, g.granted_at
FROM kontor.access_grants AS g
LEFT JOIN kontor.users AS u ON u.tenant_id = %(tenant_id)s AND g.subject = 'user:' || u.id::text
LEFT JOIN kontor.groups AS o ON o.tenant_id = %(tenant_id)s AND g.subject = 'group:' || o.id::text
WHERE g.tenant_id = %(tenant_id)s AND g.resource_kind = %(kind)s AND g.resource_id = %(id)s
ORDER BY g.subject
LIMIT 1000;

-- :name list_effects :many Effect
-- What holds in the end, wherever it was said.
SELECT e.subject, coalesce(u.email, o.name, '') AS name, e.level
FROM (
    SELECT f.access_list_id FROM kontor.folders AS f
    WHERE f.tenant_id = %(tenant_id)s AND %(kind)s = 'folder' AND f.id = %(id)s
    UNION ALL
    SELECT d.access_list_id FROM kontor.documents AS d
    WHERE d.tenant_id = %(tenant_id)s AND %(kind)s = 'document' AND d.id = %(id)s
    UNION ALL
    SELECT c.access_list_id FROM kontor.collections AS c
    WHERE c.tenant_id = %(tenant_id)s AND %(kind)s = 'collection' AND c.id = %(id)s
) AS l
JOIN kontor.access_entries AS e ON e.tenant_id = %(tenant_id)s AND e.list_id = l.access_list_id
LEFT JOIN kontor.users AS u ON u.tenant_id = %(tenant_id)s AND e.subject = 'user:' || u.id::text
LEFT JOIN kontor.groups AS o ON o.tenant_id = %(tenant_id)s AND e.subject = 'group:' || o.id::text
ORDER BY e.subject, e.level
LIMIT 2000;

-- :name record_grants :exec
-- All at once: the lists are worked out once per statement.
INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject, level, granted_by)
SELECT %(tenant_id)s, %(kind)s, %(id)s, w.subject, w.level, %(granted_by)s
FROM unnest(%(subjects)s::text[], %(levels)s::text[]) AS w (subject, level)
ON CONFLICT (tenant_id, resource_kind, resource_id, subject) DO UPDATE
SET level = excluded.level, granted_by = excluded.granted_by, granted_at = now()
WHERE kontor.access_grants.level <> excluded.level;

-- :name remove_grants_but :exec
-- What is not said any more.
DELETE FROM kontor.access_grants
WHERE tenant_id = %(tenant_id)s AND resource_kind = %(kind)s AND resource_id = %(id)s
    AND subject <> ALL (%(subjects)s::text[]);

-- :name find_subject :one SubjectRow
-- By id or by name; who is switched off can still be named.
SELECT 'user:' || u.id::text AS subject
FROM kontor.users AS u
WHERE u.tenant_id = %(tenant_id)s AND %(kind)s = 'user'
    AND (u.id = %(id)s::uuid OR u.email = %(name)s)
UNION ALL
SELECT 'group:' || o.id::text
FROM kontor.groups AS o
WHERE o.tenant_id = %(tenant_id)s AND %(kind)s = 'group'
    AND (o.id = %(id)s::uuid OR lower(o.name) = %(name)s)
LIMIT 1;

-- :name list_readers :many Reader
-- Everybody who reaches a thing, the mightiest first.
SELECT r.id, r.email, r.role, r.rank
FROM (
    SELECT u.id, u.email, u.role,
        kontor.access_rank('user:' || u.id::text, %(kind)s, %(id)s) AS rank
    FROM kontor.users AS u
    WHERE u.tenant_id = %(tenant_id)s AND u.is_active
) AS r
WHERE r.rank > 0
ORDER BY r.rank DESC, r.email
LIMIT 1000;

-- :name list_reach :many Reach
-- Restricted things and how far a person reaches them; what is open they reach anyway.
SELECT r.kind, r.id, r.title, r.rank
FROM (
    SELECT 'folder' AS kind, f.id, f.path AS title,
        kontor.access_rank(%(viewer)s, 'folder', f.id) AS rank
    FROM kontor.folders AS f
    WHERE f.tenant_id = %(tenant_id)s AND f.access_list_id IS NOT NULL
    UNION ALL
    SELECT 'collection', c.id, c.name, kontor.access_rank(%(viewer)s, 'collection', c.id)
    FROM kontor.collections AS c
    WHERE c.tenant_id = %(tenant_id)s AND c.access_list_id IS NOT NULL
    UNION ALL
    SELECT 'document', d.id, d.title, kontor.access_rank(%(viewer)s, 'document', d.id)
    FROM kontor.documents AS d
    JOIN kontor.access_grants AS g ON g.tenant_id = %(tenant_id)s
        AND g.resource_kind = 'document' AND g.resource_id = d.id
    WHERE d.tenant_id = %(tenant_id)s AND d.removed_at IS NULL
    GROUP BY d.id, d.title
) AS r
ORDER BY r.kind DESC, r.title, r.id
LIMIT 2000;

-- :name list_roles :many Role
-- Few per tenant; with how many people have each.
SELECT r.name, r.title, r.permissions, r.is_builtin, (
    SELECT count(*) FROM kontor.users AS u
    WHERE u.tenant_id = %(tenant_id)s AND u.role = r.name
) AS holder_count, r.updated_at
FROM kontor.roles AS r
WHERE r.tenant_id = %(tenant_id)s
ORDER BY r.name
LIMIT 500;

-- :name find_role :one Role
-- One role, with how many people have it.
SELECT r.name, r.title, r.permissions, r.is_builtin, (
    SELECT count(*) FROM kontor.users AS u
    WHERE u.tenant_id = %(tenant_id)s AND u.role = r.name
) AS holder_count, r.updated_at
FROM kontor.roles AS r
WHERE r.tenant_id = %(tenant_id)s AND r.name = %(name)s;

-- :name record_role :exec
-- A taken name inserts nothing.
INSERT INTO kontor.roles (tenant_id, name, title, permissions)
VALUES (%(tenant_id)s, %(name)s, %(title)s, %(permissions)s)
ON CONFLICT (tenant_id, name) DO NOTHING;

-- :name change_role :exec
-- What is NULL stays; whoever has the role has its new permissions from the commit on.
UPDATE kontor.roles
SET title = coalesce(%(title)s, title),
    permissions = coalesce(%(permissions)s::text[], permissions), updated_at = now()
WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- :name remove_role :exec
-- Not one that somebody has, and not one from the template.
DELETE FROM kontor.roles AS r
WHERE r.tenant_id = %(tenant_id)s AND r.name = %(name)s AND NOT r.is_builtin
    AND NOT EXISTS (
        SELECT 1 FROM kontor.users AS u WHERE u.tenant_id = %(tenant_id)s AND u.role = r.name
    );

-- :name lock_administrators :exec
-- Two administrators who take each other's role away take turns: the second finds itself the last.
SELECT pg_advisory_xact_lock(
    hashtextextended('kontor.administrators:' || %(tenant_id)s::text, 0));

-- :name count_administrators :one Count
-- People who can put everything else right again: they manage users and roles and see everything.
SELECT count(*) AS count
FROM kontor.users AS u
JOIN kontor.roles AS r ON r.tenant_id = %(tenant_id)s AND r.name = u.role
WHERE u.tenant_id = %(tenant_id)s AND u.is_active AND u.kind = 'person'
    AND r.permissions && '{*,users:*,users:manage}'::text[]
    AND r.permissions && '{*,roles:*,roles:manage}'::text[]
    AND r.permissions && '{*,access:*,access:manage}'::text[];

-- :name find_person :one Person
-- Locked, so that two changes of one account take turns.
SELECT id, email, display_name, role, is_active
FROM kontor.users
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
FOR UPDATE;

-- :name change_person :exec
-- What is NULL stays.
UPDATE kontor.users
SET display_name = coalesce(%(display_name)s, display_name), role = coalesce(%(role)s, role),
    is_active = coalesce(%(is_active)s::boolean, is_active)
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name remove_person :exec
-- Sessions, keys and memberships go with the account; what the person made stays.
DELETE FROM kontor.users WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_group :exec
-- A taken name inserts nothing, whatever its case.
INSERT INTO kontor.groups (tenant_id, id, name, description, created_by)
VALUES (%(tenant_id)s, %(id)s, %(name)s, %(description)s, %(created_by)s)
ON CONFLICT (tenant_id, lower(name)) DO NOTHING;

-- :name find_group :one Group
-- One group, by its id.
SELECT g.id, g.name, g.description, (
    SELECT count(*) FROM kontor.group_members AS m
    WHERE m.tenant_id = %(tenant_id)s AND m.group_id = g.id
) AS member_count, g.created_by, g.created_at
FROM kontor.groups AS g
WHERE g.tenant_id = %(tenant_id)s AND g.id = %(id)s;

-- :name list_groups :many Group
-- By name.
SELECT g.id, g.name, g.description, (
    SELECT count(*) FROM kontor.group_members AS m
    WHERE m.tenant_id = %(tenant_id)s AND m.group_id = g.id
) AS member_count, g.created_by, g.created_at
FROM kontor.groups AS g
WHERE g.tenant_id = %(tenant_id)s AND lower(g.name) > %(after)s
ORDER BY lower(g.name)
LIMIT %(limit)s;

-- :name list_groups_of :many Group
-- Those one person is in.
SELECT g.id, g.name, g.description, (
    SELECT count(*) FROM kontor.group_members AS o
    WHERE o.tenant_id = %(tenant_id)s AND o.group_id = g.id
) AS member_count, g.created_by, g.created_at
FROM kontor.group_members AS m
JOIN kontor.groups AS g ON g.tenant_id = %(tenant_id)s AND g.id = m.group_id
WHERE m.tenant_id = %(tenant_id)s AND m.user_id = %(user_id)s
ORDER BY lower(g.name)
LIMIT 1000;

-- :name list_groups_named :many Group
-- Those that a directory keeps; names are compared written small.
SELECT g.id, g.name, g.description, (
    SELECT count(*) FROM kontor.group_members AS o
    WHERE o.tenant_id = %(tenant_id)s AND o.group_id = g.id
) AS member_count, g.created_by, g.created_at
FROM kontor.groups AS g
WHERE g.tenant_id = %(tenant_id)s AND lower(g.name) = ANY (%(names)s::text[])
ORDER BY lower(g.name)
LIMIT 1000;

-- :name change_group :exec
-- What is NULL stays; a name that another group has changes nothing.
UPDATE kontor.groups AS g
SET name = coalesce(%(name)s, g.name), description = coalesce(%(description)s, g.description)
WHERE g.tenant_id = %(tenant_id)s AND g.id = %(id)s
    AND NOT EXISTS (
        SELECT 1 FROM kontor.groups AS o
        WHERE o.tenant_id = %(tenant_id)s AND o.id <> g.id AND lower(o.name) = lower(%(name)s)
    );

-- :name remove_group :exec
-- What was granted to it stays granted to nobody: nothing opens because a group went.
DELETE FROM kontor.groups WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_members :many Member
-- By address, which is unique inside a tenant and so is the paging key.
SELECT u.id, u.email, u.display_name, m.added_at
FROM kontor.group_members AS m
JOIN kontor.users AS u ON u.tenant_id = %(tenant_id)s AND u.id = m.user_id
WHERE m.tenant_id = %(tenant_id)s AND m.group_id = %(group_id)s
    AND (%(after)s::text IS NULL OR u.email > %(after)s)
ORDER BY u.email
LIMIT %(limit)s;

-- :name record_member :exec
-- Adding twice is adding once; nobody of another tenant is added.
INSERT INTO kontor.group_members (tenant_id, group_id, user_id, added_by)
SELECT %(tenant_id)s, g.id, u.id, %(added_by)s
FROM kontor.groups AS g
JOIN kontor.users AS u ON u.tenant_id = %(tenant_id)s AND u.id = %(user_id)s
WHERE g.tenant_id = %(tenant_id)s AND g.id = %(group_id)s
ON CONFLICT (tenant_id, group_id, user_id) DO UPDATE SET added_by = kontor.group_members.added_by;

-- :name find_membership :one Count
-- Whether somebody is in a group, or made it.
SELECT count(*) AS count
FROM kontor.groups AS g
WHERE g.tenant_id = %(tenant_id)s AND g.id = %(group_id)s
    AND (g.created_by = %(user_id)s OR EXISTS (
        SELECT 1 FROM kontor.group_members AS m
        WHERE m.tenant_id = %(tenant_id)s AND m.group_id = g.id AND m.user_id = %(user_id)s
    ));

-- :name count_denies :one Count
-- What is denied to a group, wherever that was said.
SELECT count(*) AS count
FROM kontor.access_grants
WHERE tenant_id = %(tenant_id)s AND subject = 'group:' || %(group_id)s::uuid::text
    AND level = 'deny';

-- :name remove_member :exec
-- Out of the group, and from the commit on out of what it was granted.
DELETE FROM kontor.group_members
WHERE tenant_id = %(tenant_id)s AND group_id = %(group_id)s AND user_id = %(user_id)s;

-- :name record_link :exec
-- Only the token's hash.
INSERT INTO kontor.share_links
    (tenant_id, id, token_hash, resource_kind, resource_id, title, password_hash, created_by,
     expires_at, most_uses, allows_download)
VALUES
    (%(tenant_id)s, %(id)s, %(token_hash)s, %(kind)s, %(resource_id)s, %(title)s,
     %(password_hash)s, %(created_by)s, %(expires_at)s, %(most_uses)s, %(allows_download)s);

-- :name find_link :one ShareLink
-- One link of the tenant.
SELECT id, resource_kind, resource_id, title, password_hash <> '' AS has_password, allows_download,
    created_by, created_at, expires_at, revoked_at, most_uses, use_count, failed_count, used_at
FROM kontor.share_links
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_links :many ShareLink
-- Newest first: one's own, or of everybody for who oversees access.
SELECT id, resource_kind, resource_id, title, password_hash <> '' AS has_password, allows_download,
    created_by, created_at, expires_at, revoked_at, most_uses, use_count, failed_count, used_at
FROM kontor.share_links
WHERE tenant_id = %(tenant_id)s AND (%(created_by)s::uuid IS NULL OR created_by = %(created_by)s)
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- :name change_link_revoked :exec
-- Who came through it is out from the commit on.
UPDATE kontor.share_links SET revoked_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND revoked_at IS NULL;

-- :name change_link_used :exec
-- Counted while it may still be used; of two that come for the last use, one finds it.
UPDATE kontor.share_links SET use_count = use_count + 1, used_at = now(), failed_count = 0
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND revoked_at IS NULL AND expires_at > now()
    AND (most_uses IS NULL OR use_count < most_uses);

-- :name change_link_failed :exec
-- Somebody is guessing its password: after so many wrong ones it is over.
UPDATE kontor.share_links
SET failed_count = failed_count + 1,
    revoked_at = CASE WHEN failed_count + 1 >= %(most)s THEN now() ELSE revoked_at END
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name record_visit :exec
-- A token for somebody who came through a link.
INSERT INTO kontor.link_visits (tenant_id, id, link_id, token_hash, expires_at)
VALUES (%(tenant_id)s, %(id)s, %(link_id)s, %(token_hash)s,
    now() + make_interval(secs => %(life_s)s));

-- :name remove_ended_visits :exec
-- Over, and nobody asks for them any more.
DELETE FROM kontor.link_visits WHERE tenant_id = %(tenant_id)s AND expires_at < now();

-- :name find_share_link :one FoundLink
-- Asked before a tenant is known; the function answers links in force only.
SELECT tenant_id, link_id, password_hash, title, resource_kind, resource_id, expires_at,
    allows_download, is_counted, is_used_up, maker, tenant
FROM kontor.find_share_link(%(token_hash)s);

-- :name has_share_link :one Known
-- Whether a token was ever a link's: who holds one may know that it is over.
SELECT kontor.has_share_link(%(token_hash)s) AS is_known;
