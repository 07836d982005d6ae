-- Who may see and do what with which thing.
-- Grants are what people say; access lists are what follows from them, folder by folder, written
-- down once for the many rows that share them. A row's list is NULL where nobody has said
-- anything: then the whole tenant sees it, and looking costs nothing.
--
-- How a list is read, for one person:
--   1. a deny that names the person: nothing
--   2. their own (they made it): manage
--   3. a deny that reaches them through a group or everyone: nothing
--   4. the highest level that reaches them
--   5. a list that grants nobody anything (it only denies or tells owners): edit, as if open
-- Lists never change, so a list's number in a key of a cache says all that it holds.

CREATE TABLE kontor.access_lists (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id integer GENERATED ALWAYS AS IDENTITY,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    is_open boolean NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT access_list_known UNIQUE (tenant_id, digest)
);
CREATE INDEX access_lists_open ON kontor.access_lists (tenant_id) WHERE is_open;
ALTER TABLE kontor.access_lists ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.access_lists
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.access_lists TO kontor_app;

CREATE TABLE kontor.access_entries (
    tenant_id uuid NOT NULL,
    list_id integer NOT NULL,
    subject text COLLATE "C" NOT NULL,
    level text NOT NULL CHECK (level IN ('view', 'edit', 'manage', 'own', 'deny')),
    PRIMARY KEY (tenant_id, subject, list_id, level),
    FOREIGN KEY (tenant_id, list_id)
        REFERENCES kontor.access_lists (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX access_entries_list ON kontor.access_entries (tenant_id, list_id);
ALTER TABLE kontor.access_entries ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.access_entries
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.access_entries TO kontor_app;

-- What people say. A subject is 'everyone', 'group:UUID' or 'user:UUID'; it may outlive the person
-- or group it names, for a thing must not open because somebody left.
CREATE TABLE kontor.access_grants (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    resource_kind text NOT NULL CHECK (resource_kind IN ('folder', 'collection', 'document')),
    resource_id uuid NOT NULL,
    subject text COLLATE "C" NOT NULL
        CHECK (subject ~ '^(everyone|(user|group):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$'),
    level text NOT NULL CHECK (level IN ('view', 'edit', 'manage', 'deny')),
    granted_by uuid NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, resource_kind, resource_id, subject)
);
CREATE INDEX access_grants_subject ON kontor.access_grants (tenant_id, subject);
ALTER TABLE kontor.access_grants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.access_grants
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.access_grants TO kontor_app;

ALTER TABLE kontor.folders ADD COLUMN access_list_id integer, ADD CONSTRAINT folder_access
    FOREIGN KEY (tenant_id, access_list_id) REFERENCES kontor.access_lists (tenant_id, id);
ALTER TABLE kontor.documents ADD COLUMN access_list_id integer, ADD CONSTRAINT document_access
    FOREIGN KEY (tenant_id, access_list_id) REFERENCES kontor.access_lists (tenant_id, id);
ALTER TABLE kontor.collections ADD COLUMN access_list_id integer, ADD CONSTRAINT collection_access
    FOREIGN KEY (tenant_id, access_list_id) REFERENCES kontor.access_lists (tenant_id, id);
CREATE INDEX folders_access ON kontor.folders (tenant_id, access_list_id)
    WHERE access_list_id IS NOT NULL;
CREATE INDEX documents_access ON kontor.documents (tenant_id, access_list_id)
    WHERE access_list_id IS NOT NULL;
CREATE INDEX collections_access ON kontor.collections (tenant_id, access_list_id)
    WHERE access_list_id IS NOT NULL;

-- Links for people without an account. The token itself is not kept, only its hash.
CREATE TABLE kontor.share_links (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    resource_kind text NOT NULL CHECK (resource_kind IN ('folder', 'document')),
    resource_id uuid NOT NULL,
    title text NOT NULL,
    password_hash text NOT NULL DEFAULT '',
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    most_uses integer CHECK (most_uses > 0),
    use_count integer NOT NULL DEFAULT 0,
    failed_count integer NOT NULL DEFAULT 0,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT share_link_token UNIQUE (token_hash)
);
CREATE INDEX share_links_resource ON kontor.share_links (tenant_id, resource_kind, resource_id);
ALTER TABLE kontor.share_links ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.share_links
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.share_links TO kontor_app;

-- Who came through a link: for a short time, with a token of their own.
CREATE TABLE kontor.link_visits (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    link_id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT link_visit_token UNIQUE (token_hash),
    FOREIGN KEY (tenant_id, link_id)
        REFERENCES kontor.share_links (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX link_visits_expiry ON kontor.link_visits (tenant_id, expires_at);
ALTER TABLE kontor.link_visits ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.link_visits
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.link_visits TO kontor_app;

-- Tokens come before a tenant is known. Only what is in force: the link, its maker's account, the
-- tenant.
CREATE FUNCTION kontor.find_share_link(p_token_hash bytea)
RETURNS TABLE (
    tenant_id uuid, link_id uuid, password_hash text, title text, resource_kind text,
    resource_id uuid, expires_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.tenant_id, l.id, l.password_hash, l.title, l.resource_kind, l.resource_id, l.expires_at
    FROM kontor.share_links AS l
    JOIN kontor.tenants AS t ON t.id = l.tenant_id AND t.is_active
    JOIN kontor.users AS u ON u.tenant_id = l.tenant_id AND u.id = l.created_by AND u.is_active
    WHERE l.token_hash = p_token_hash AND l.revoked_at IS NULL AND l.expires_at > now()
        AND (l.most_uses IS NULL OR l.use_count < l.most_uses)
$$;
CREATE FUNCTION kontor.find_link_visit(p_token_hash bytea)
RETURNS TABLE (tenant_id uuid, link_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.tenant_id, l.id
    FROM kontor.link_visits AS v
    JOIN kontor.share_links AS l ON l.tenant_id = v.tenant_id AND l.id = v.link_id
    JOIN kontor.tenants AS t ON t.id = l.tenant_id AND t.is_active
    JOIN kontor.users AS u ON u.tenant_id = l.tenant_id AND u.id = l.created_by AND u.is_active
    WHERE v.token_hash = p_token_hash AND v.expires_at > now()
        AND l.revoked_at IS NULL AND l.expires_at > now()
$$;
REVOKE ALL ON FUNCTION kontor.find_share_link, kontor.find_link_visit FROM public;
GRANT EXECUTE ON FUNCTION kontor.find_share_link, kontor.find_link_visit TO kontor_app;

-- -- whose eyes -------------------------------------------------------------------------------

-- The link the transaction looks through; NULL for people and for the system.
CREATE FUNCTION kontor.viewing_link() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT substr(current_setting('app.viewer', true), 6)::uuid
    WHERE current_setting('app.viewer', true) ^@ 'link:'
$$;

-- The person in whose place a viewer looks: the user, or whoever made the link, while the link is
-- in force and its maker has an account.
CREATE FUNCTION kontor.person_behind(p_tenant uuid, p_viewer text) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_viewer ^@ 'user:' THEN
        RETURN substr(p_viewer, 6)::uuid;
    END IF;
    RETURN (
        SELECT l.created_by
        FROM kontor.share_links AS l
        JOIN kontor.users AS u ON u.tenant_id = p_tenant AND u.id = l.created_by AND u.is_active
        WHERE l.tenant_id = p_tenant AND p_viewer = 'link:' || l.id::text
            AND l.revoked_at IS NULL AND l.expires_at > now()
    );
END $$;

-- Whether a person sees and manages everything in their tenant.
CREATE FUNCTION kontor.oversees(p_tenant uuid, p_user uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM kontor.users AS u
        JOIN kontor.roles AS r ON r.tenant_id = p_tenant AND r.name = u.role
        WHERE u.tenant_id = p_tenant AND u.id = p_user AND u.is_active
            AND r.permissions && '{*,access:*,access:manage}'::text[]
    )
$$;

CREATE FUNCTION kontor.subjects_of(p_tenant uuid, p_user uuid) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['everyone', 'user:' || p_user::text] || ARRAY(
        SELECT 'group:' || m.group_id::text
        FROM kontor.group_members AS m
        WHERE m.tenant_id = p_tenant AND m.user_id = p_user
    )
$$;

CREATE FUNCTION kontor.level_rank(p_level text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE p_level WHEN 'view' THEN 1 WHEN 'edit' THEN 2 WHEN 'manage' THEN 3 ELSE 0 END $$;

-- What each list that names a person, or a group of theirs, or is open, lets them do: 0 nothing,
-- 1 view, 2 edit, 3 manage. Lists that do not reach them at all are not answered.
CREATE FUNCTION kontor.list_ranks(p_tenant uuid, p_user uuid)
RETURNS TABLE (list_id integer, rank integer)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    WITH mine AS MATERIALIZED (
        SELECT e.list_id, bool_or(e.level = 'deny') AS is_denied,
            bool_or(e.level = 'deny' AND e.subject = 'user:' || p_user::text) AS is_named_out,
            bool_or(e.level = 'own') AS is_own,
            max(kontor.level_rank(e.level)) AS rank
        FROM kontor.access_entries AS e
        WHERE e.tenant_id = p_tenant AND e.subject = ANY (kontor.subjects_of(p_tenant, p_user))
        GROUP BY e.list_id
    )
    SELECT m.list_id, CASE
        WHEN m.is_named_out THEN 0
        WHEN m.is_own THEN 3
        WHEN m.is_denied THEN 0
        ELSE greatest(m.rank, CASE WHEN l.is_open THEN 2 ELSE 0 END)
    END
    FROM mine AS m
    JOIN kontor.access_lists AS l ON l.tenant_id = p_tenant AND l.id = m.list_id
    UNION ALL
    SELECT l.id, 2
    FROM kontor.access_lists AS l
    WHERE l.tenant_id = p_tenant AND l.is_open
        AND NOT EXISTS (SELECT 1 FROM mine AS m WHERE m.list_id = l.id)
$$;

-- The lists under which a viewer may do at least so much; NULL means every list there is.
CREATE FUNCTION kontor.lists_allowing(p_tenant uuid, p_viewer text, p_least integer)
RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_user uuid;
    v_lists integer[];
BEGIN
    IF p_tenant IS NULL OR coalesce(p_viewer, '') = '' OR NOT EXISTS (
        SELECT 1 FROM kontor.access_lists AS l WHERE l.tenant_id = p_tenant
    ) THEN
        RETURN NULL;
    END IF;
    IF p_viewer ^@ 'link:' AND p_least > 1 THEN
        RETURN '{}';
    END IF;
    v_user := kontor.person_behind(p_tenant, p_viewer);
    IF v_user IS NULL THEN
        RETURN '{}';
    END IF;
    IF kontor.oversees(p_tenant, v_user) THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(array_agg(r.list_id ORDER BY r.list_id), '{}') INTO v_lists
    FROM kontor.list_ranks(p_tenant, v_user) AS r
    WHERE r.rank >= p_least;
    IF NOT EXISTS (
        SELECT 1 FROM kontor.access_lists AS l
        WHERE l.tenant_id = p_tenant AND l.id <> ALL (v_lists)
    ) THEN
        RETURN NULL;
    END IF;
    RETURN v_lists;
END $$;

-- The same for the transaction's own viewer, to see and to change.
CREATE FUNCTION kontor.visible_lists() RETURNS integer[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT kontor.lists_allowing(
        nullif(current_setting('app.tenant_id', true), '')::uuid,
        current_setting('app.viewer', true), 1)
$$;
CREATE FUNCTION kontor.editable_lists() RETURNS integer[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT kontor.lists_allowing(
        nullif(current_setting('app.tenant_id', true), '')::uuid,
        current_setting('app.viewer', true), 2)
$$;
CREATE FUNCTION kontor.sees_all() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT kontor.viewing_link() IS NULL AND kontor.visible_lists() IS NULL $$;

-- What a link shows: the document itself, or whatever lies in or below its folder.
CREATE FUNCTION kontor.link_shows_folder(p_link uuid, p_folder uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1
        FROM kontor.share_links AS l
        JOIN kontor.users AS u ON u.tenant_id = l.tenant_id AND u.id = l.created_by
            AND u.is_active
        JOIN kontor.folders AS top ON top.tenant_id = l.tenant_id AND top.id = l.resource_id
        JOIN kontor.folders AS f ON f.tenant_id = l.tenant_id AND f.id = p_folder
            AND (f.path = top.path OR f.path ^@ (top.path || '/'))
        WHERE l.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
            AND l.id = p_link AND l.resource_kind = 'folder'
            AND l.revoked_at IS NULL AND l.expires_at > now()
    )
$$;
CREATE FUNCTION kontor.link_shows(p_link uuid, p_document uuid, p_folder uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT kontor.link_shows_folder(p_link, p_folder) OR EXISTS (
        SELECT 1
        FROM kontor.share_links AS l
        JOIN kontor.users AS u ON u.tenant_id = l.tenant_id AND u.id = l.created_by
            AND u.is_active
        WHERE l.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
            AND l.id = p_link AND l.resource_kind = 'document' AND l.resource_id = p_document
            AND l.revoked_at IS NULL AND l.expires_at > now()
            AND EXISTS (
                SELECT 1 FROM kontor.documents AS d
                WHERE d.tenant_id = l.tenant_id AND d.id = p_document AND d.removed_at IS NULL
            )
    )
$$;

-- Whether the viewer sees a document, a version, or what is on its way in; for the rows that hang
-- off them. Asked only where something is hidden from the viewer at all.
CREATE FUNCTION kontor.sees_document(p_document uuid, p_lists integer[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM kontor.documents AS d
        WHERE d.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
            AND d.id = p_document
            AND (d.access_list_id IS NULL OR p_lists IS NULL OR d.access_list_id = ANY (p_lists))
            AND (kontor.viewing_link() IS NULL
                OR kontor.link_shows(kontor.viewing_link(), d.id, d.folder_id))
    );
END $$;
CREATE FUNCTION kontor.sees_version(p_version uuid, p_lists integer[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    RETURN kontor.sees_document(coalesce((
        SELECT v.document_id FROM kontor.versions AS v
        WHERE v.tenant_id = v_tenant AND v.id = p_version
    ), (
        SELECT d.id FROM kontor.documents AS d
        WHERE d.tenant_id = v_tenant AND d.current_version_id = p_version LIMIT 1
    )), p_lists);
END $$;
CREATE FUNCTION kontor.sees_upload(p_upload uuid, p_lists integer[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    RETURN kontor.viewing_link() IS NULL AND EXISTS (
        SELECT 1 FROM kontor.uploads AS u
        LEFT JOIN kontor.folders AS f ON f.tenant_id = v_tenant AND f.id = u.folder_id
        WHERE u.tenant_id = v_tenant AND u.id = p_upload
            AND ('user:' || u.created_by::text = current_setting('app.viewer', true)
                OR ((u.document_id IS NULL OR kontor.sees_document(u.document_id, p_lists))
                    AND (f.access_list_id IS NULL OR f.access_list_id = ANY (p_lists))))
    );
END $$;

-- Whether somebody else would see it: for frames to listeners, and for explaining.
CREATE FUNCTION kontor.would_see(p_viewer text, p_document uuid, p_upload uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_lists integer[] := kontor.lists_allowing(v_tenant, p_viewer, 1);
BEGIN
    IF v_lists IS NULL THEN
        RETURN true;
    END IF;
    IF p_document IS NOT NULL THEN
        RETURN kontor.sees_document(p_document, v_lists);
    END IF;
    RETURN EXISTS (
        SELECT 1 FROM kontor.uploads AS u
        LEFT JOIN kontor.folders AS f ON f.tenant_id = v_tenant AND f.id = u.folder_id
        WHERE u.tenant_id = v_tenant AND u.id = p_upload
            AND ('user:' || u.created_by::text = p_viewer
                OR ((u.document_id IS NULL OR kontor.sees_document(u.document_id, v_lists))
                    AND (f.access_list_id IS NULL OR f.access_list_id = ANY (v_lists))))
    );
END $$;

-- Whether a person may make a file the next version of a document, or be told that it is here.
CREATE FUNCTION kontor.may_reach(p_user uuid, p_list integer, p_least integer) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lists integer[];
BEGIN
    IF p_list IS NULL THEN
        RETURN true;
    END IF;
    v_lists := kontor.lists_allowing(
        nullif(current_setting('app.tenant_id', true), '')::uuid, 'user:' || p_user::text, p_least);
    RETURN v_lists IS NULL OR p_list = ANY (v_lists);
END $$;

-- What a viewer may do with one thing: 0 nothing (also: there is no such thing), 1 view, 2 edit,
-- 3 manage. The permission of the role is asked beside it.
CREATE FUNCTION kontor.access_rank(p_viewer text, p_kind text, p_id uuid) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_list integer;
    v_owner uuid;
    v_folder uuid;
    v_user uuid;
    v_rank integer;
BEGIN
    CASE p_kind
        WHEN 'folder' THEN
            SELECT f.access_list_id, f.created_by, f.id INTO v_list, v_owner, v_folder
            FROM kontor.folders AS f WHERE f.tenant_id = v_tenant AND f.id = p_id;
        WHEN 'document' THEN
            SELECT d.access_list_id, d.created_by, d.folder_id INTO v_list, v_owner, v_folder
            FROM kontor.documents AS d WHERE d.tenant_id = v_tenant AND d.id = p_id;
        ELSE
            SELECT c.access_list_id, c.created_by INTO v_list, v_owner
            FROM kontor.collections AS c WHERE c.tenant_id = v_tenant AND c.id = p_id;
    END CASE;
    IF v_owner IS NULL THEN
        RETURN 0;
    END IF;
    IF p_viewer = '' THEN
        RETURN 3;
    END IF;
    v_user := kontor.person_behind(v_tenant, p_viewer);
    IF v_user IS NULL THEN
        RETURN 0;
    END IF;
    IF kontor.oversees(v_tenant, v_user) THEN
        v_rank := 3;
    ELSIF v_list IS NULL THEN
        v_rank := CASE WHEN v_owner = v_user THEN 3 ELSE 2 END;
    ELSE
        SELECT r.rank INTO v_rank
        FROM kontor.list_ranks(v_tenant, v_user) AS r WHERE r.list_id = v_list;
    END IF;
    IF p_viewer ^@ 'link:' THEN
        v_rank := CASE
            WHEN p_kind = 'document'
                AND kontor.link_shows(substr(p_viewer, 6)::uuid, p_id, v_folder)
                OR p_kind = 'folder'
                AND kontor.link_shows_folder(substr(p_viewer, 6)::uuid, p_id)
            THEN least(v_rank, 1) ELSE 0 END;
    END IF;
    RETURN coalesce(v_rank, 0);
END $$;

-- -- what follows from the grants ---------------------------------------------------------------

-- The list of a thing: what reaches it from above and beside, its own grants, and its owner. NULL
-- when nobody has said anything. Owners above the first grant have no say below it.
CREATE FUNCTION kontor.list_below(
    p_tenant uuid, p_above integer, p_beside integer, p_kind text, p_id uuid, p_owner uuid
)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_subjects text[];
    v_levels text[];
    v_digest bytea;
    v_list integer;
BEGIN
    IF p_above IS NULL AND p_beside IS NULL AND NOT EXISTS (
        SELECT 1 FROM kontor.access_grants AS g
        WHERE g.tenant_id = p_tenant AND g.resource_kind = p_kind AND g.resource_id = p_id
    ) THEN
        RETURN NULL;
    END IF;
    WITH said AS (
        SELECT e.subject, e.level FROM kontor.access_entries AS e
        WHERE e.tenant_id = p_tenant AND e.list_id IN (p_above, p_beside)
        UNION
        SELECT g.subject, g.level FROM kontor.access_grants AS g
        WHERE g.tenant_id = p_tenant AND g.resource_kind = p_kind AND g.resource_id = p_id
        UNION
        SELECT 'user:' || p_owner::text, 'own'
    ),
    -- Of what is granted to one subject on the way down, the most counts.
    kept AS (
        SELECT s.subject, s.level FROM said AS s WHERE s.level IN ('own', 'deny')
        UNION ALL
        SELECT s.subject,
            (ARRAY['view', 'edit', 'manage'])[max(kontor.level_rank(s.level))]
        FROM said AS s WHERE s.level NOT IN ('own', 'deny') GROUP BY s.subject
    )
    SELECT array_agg(k.subject ORDER BY k.subject, k.level),
        array_agg(k.level ORDER BY k.subject, k.level),
        sha256(convert_to(string_agg(
            k.subject || ' ' || k.level, E'\n' ORDER BY k.subject, k.level), 'UTF8'))
    INTO v_subjects, v_levels, v_digest
    FROM kept AS k;
    SELECT l.id INTO v_list FROM kontor.access_lists AS l
    WHERE l.tenant_id = p_tenant AND l.digest = v_digest;
    IF v_list IS NOT NULL THEN
        RETURN v_list;
    END IF;
    INSERT INTO kontor.access_lists (tenant_id, digest, is_open)
    VALUES (p_tenant, v_digest, NOT v_levels && '{view,edit,manage}'::text[])
    ON CONFLICT (tenant_id, digest) DO NOTHING
    RETURNING id INTO v_list;
    IF v_list IS NULL THEN
        SELECT l.id INTO v_list FROM kontor.access_lists AS l
        WHERE l.tenant_id = p_tenant AND l.digest = v_digest;
        RETURN v_list;
    END IF;
    INSERT INTO kontor.access_entries (tenant_id, list_id, subject, level)
    SELECT p_tenant, v_list, e.subject, e.level FROM unnest(v_subjects, v_levels) AS e (subject, level);
    RETURN v_list;
END $$;

-- The list of one document as it lies now. What came inside another follows that one as long as
-- it lies beside it; moved elsewhere, it follows its new folder alone.
CREATE FUNCTION kontor.list_of_document(p_tenant uuid, p_document uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_document record;
BEGIN
    SELECT d.created_by, d.removed_at, d.access_list_id, f.id AS folder_id,
        f.access_list_id AS above, p.access_list_id AS beside
    INTO v_document
    FROM kontor.documents AS d
    LEFT JOIN kontor.folders AS f ON f.tenant_id = p_tenant
        AND (f.id = d.folder_id OR d.removed_at IS NOT NULL AND f.path = d.removed_from)
    LEFT JOIN kontor.documents AS p ON p.tenant_id = p_tenant AND p.id = d.parent_document_id
        AND p.folder_id IS NOT DISTINCT FROM d.folder_id
        AND p.removed_from IS NOT DISTINCT FROM d.removed_from
    WHERE d.tenant_id = p_tenant AND d.id = p_document;
    RETURN kontor.list_below(
        p_tenant, v_document.above, v_document.beside, 'document', p_document,
        v_document.created_by);
END $$;

CREATE FUNCTION kontor.refresh_document(p_tenant uuid, p_document uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_list integer := kontor.list_of_document(p_tenant, p_document);
    v_child uuid;
BEGIN
    UPDATE kontor.documents AS d SET access_list_id = v_list
    WHERE d.tenant_id = p_tenant AND d.id = p_document
        AND d.access_list_id IS DISTINCT FROM v_list;
    FOR v_child IN
        SELECT c.id FROM kontor.documents AS c
        WHERE c.tenant_id = p_tenant AND c.parent_document_id = p_document AND c.id <> p_document
    LOOP
        PERFORM kontor.refresh_document(p_tenant, v_child);
    END LOOP;
END $$;

-- The documents of a folder, and those in the trash that came from it. Those that have nothing of
-- their own share a list with all their owner put there, so a large folder is one statement each.
CREATE FUNCTION kontor.refresh_documents_in(
    p_tenant uuid, p_folder uuid, p_path text, p_list integer
)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_owner uuid;
    v_document uuid;
    v_list integer;
    v_here uuid[];
    v_special uuid[];
BEGIN
    v_here := ARRAY(
        SELECT d.id FROM kontor.documents AS d
        WHERE d.tenant_id = p_tenant AND d.removed_at IS NULL AND d.folder_id = p_folder
        UNION ALL
        SELECT d.id FROM kontor.documents AS d
        WHERE d.tenant_id = p_tenant AND d.removed_at IS NOT NULL AND d.removed_from = p_path
    );
    v_special := ARRAY(
        SELECT d.id FROM kontor.documents AS d
        WHERE d.tenant_id = p_tenant AND d.id = ANY (v_here)
            AND (d.parent_document_id IS NOT NULL OR EXISTS (
                SELECT 1 FROM kontor.access_grants AS g
                WHERE g.tenant_id = p_tenant AND g.resource_kind = 'document'
                    AND g.resource_id = d.id
            ))
        ORDER BY d.id
    );
    FOR v_owner IN
        SELECT DISTINCT d.created_by FROM kontor.documents AS d
        WHERE d.tenant_id = p_tenant AND d.id = ANY (v_here)
    LOOP
        v_list := CASE WHEN p_list IS NOT NULL THEN
            kontor.list_below(p_tenant, p_list, NULL, 'folder', NULL, v_owner) END;
        UPDATE kontor.documents AS d SET access_list_id = v_list
        WHERE d.tenant_id = p_tenant AND d.id = ANY (v_here) AND d.created_by = v_owner
            AND d.id <> ALL (v_special) AND d.access_list_id IS DISTINCT FROM v_list;
    END LOOP;
    -- Ids are in the order of time: a parent comes before what was inside it.
    FOREACH v_document IN ARRAY v_special LOOP
        PERFORM kontor.refresh_document(p_tenant, v_document);
    END LOOP;
END $$;

-- A folder and everything below it, from the top down.
CREATE FUNCTION kontor.refresh_folder(p_tenant uuid, p_folder uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_folder record;
    v_list integer;
BEGIN
    FOR v_folder IN
        WITH RECURSIVE tree AS (
            SELECT f.id, f.parent_id, f.path, f.created_by, 1 AS depth
            FROM kontor.folders AS f WHERE f.tenant_id = p_tenant AND f.id = p_folder
            UNION ALL
            SELECT f.id, f.parent_id, f.path, f.created_by, t.depth + 1
            FROM kontor.folders AS f
            JOIN tree AS t ON f.tenant_id = p_tenant AND f.parent_id = t.id
        )
        SELECT t.id, t.parent_id, t.path, t.created_by FROM tree AS t ORDER BY t.depth, t.id
    LOOP
        v_list := kontor.list_below(p_tenant, (
            SELECT p.access_list_id FROM kontor.folders AS p
            WHERE p.tenant_id = p_tenant AND p.id = v_folder.parent_id
        ), NULL, 'folder', v_folder.id, v_folder.created_by);
        UPDATE kontor.folders AS f SET access_list_id = v_list
        WHERE f.tenant_id = p_tenant AND f.id = v_folder.id
            AND f.access_list_id IS DISTINCT FROM v_list;
        PERFORM kontor.refresh_documents_in(p_tenant, v_folder.id, v_folder.path, v_list);
    END LOOP;
END $$;

-- Lists that nothing has any more would make their readers look twice for nothing.
CREATE FUNCTION kontor.drop_unused_lists(p_tenant uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM kontor.access_lists AS l
    WHERE l.tenant_id = p_tenant
        AND NOT EXISTS (SELECT 1 FROM kontor.documents AS d
            WHERE d.tenant_id = p_tenant AND d.access_list_id = l.id)
        AND NOT EXISTS (SELECT 1 FROM kontor.folders AS f
            WHERE f.tenant_id = p_tenant AND f.access_list_id = l.id)
        AND NOT EXISTS (SELECT 1 FROM kontor.collections AS c
            WHERE c.tenant_id = p_tenant AND c.access_list_id = l.id)
$$;

-- Changes of grants and of the tree take turns; what puts documents and folders in goes on side by
-- side, but never while a change is under way: it would take over a list that is being replaced.
CREATE FUNCTION kontor.hold_access(p_tenant uuid, p_is_change boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_is_change THEN
        PERFORM pg_advisory_xact_lock(
            hashtextextended('kontor.folders:' || p_tenant::text, 0));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(
            hashtextextended('kontor.folders:' || p_tenant::text, 0));
    END IF;
END $$;

CREATE FUNCTION kontor.follow_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_changed record;
    v_last uuid;
BEGIN
    FOR v_changed IN
        SELECT DISTINCT c.tenant_id, c.resource_kind, c.resource_id FROM changed AS c
        ORDER BY c.tenant_id, c.resource_kind DESC, c.resource_id
    LOOP
        IF v_last IS DISTINCT FROM v_changed.tenant_id THEN
            PERFORM kontor.hold_access(v_changed.tenant_id, true);
        END IF;
        CASE v_changed.resource_kind
            WHEN 'folder' THEN
                PERFORM kontor.refresh_folder(v_changed.tenant_id, v_changed.resource_id);
            WHEN 'document' THEN
                PERFORM kontor.refresh_document(v_changed.tenant_id, v_changed.resource_id);
            ELSE
                UPDATE kontor.collections AS c SET access_list_id = kontor.list_below(
                    c.tenant_id, NULL, NULL, 'collection', c.id, c.created_by)
                WHERE c.tenant_id = v_changed.tenant_id AND c.id = v_changed.resource_id;
        END CASE;
        v_last := v_changed.tenant_id;
        PERFORM kontor.drop_unused_lists(v_last);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_added AFTER INSERT ON kontor.access_grants
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION kontor.follow_grants();
CREATE TRIGGER follow_changed AFTER UPDATE ON kontor.access_grants
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION kontor.follow_grants();
CREATE TRIGGER follow_removed AFTER DELETE ON kontor.access_grants
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION kontor.follow_grants();

-- A new folder takes over its parent's list; who may not edit the parent makes none in it.
CREATE FUNCTION kontor.place_folder() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_above integer;
    v_lists integer[];
BEGIN
    NEW.access_list_id := NULL;
    IF NEW.parent_id IS NULL THEN
        RETURN NEW;
    END IF;
    PERFORM kontor.hold_access(NEW.tenant_id, false);
    SELECT p.access_list_id INTO v_above FROM kontor.folders AS p
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.parent_id;
    IF v_above IS NOT NULL THEN
        v_lists := kontor.editable_lists();
        IF v_lists IS NOT NULL AND v_above <> ALL (v_lists) THEN
            RAISE EXCEPTION 'the folder above may not be changed by this viewer'
                USING ERRCODE = '42501';
        END IF;
        NEW.access_list_id := kontor.list_below(
            NEW.tenant_id, v_above, NULL, 'folder', NEW.id, NEW.created_by);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER place_folder BEFORE INSERT ON kontor.folders
    FOR EACH ROW EXECUTE FUNCTION kontor.place_folder();

CREATE FUNCTION kontor.move_folder_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM kontor.hold_access(NEW.tenant_id, true);
    PERFORM kontor.refresh_folder(NEW.tenant_id, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER move_folder_access AFTER UPDATE OF parent_id ON kontor.folders
    FOR EACH ROW WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id)
    EXECUTE FUNCTION kontor.move_folder_access();

-- What lies in the trash keeps what its folder granted when the folder goes: it must not come back
-- open. The folder's owner goes on managing it.
CREATE FUNCTION kontor.leave_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.access_list_id IS NOT NULL THEN
        INSERT INTO kontor.access_grants
            (tenant_id, resource_kind, resource_id, subject, level, granted_by)
        SELECT OLD.tenant_id, 'document', d.id, e.subject,
            CASE WHEN bool_or(e.level = 'deny') THEN 'deny'
                WHEN bool_or(e.level IN ('own', 'manage')) THEN 'manage'
                WHEN bool_or(e.level = 'edit') THEN 'edit' ELSE 'view' END,
            OLD.created_by
        FROM kontor.documents AS d
        JOIN kontor.access_entries AS e ON e.tenant_id = OLD.tenant_id
            AND e.list_id = OLD.access_list_id
        WHERE d.tenant_id = OLD.tenant_id AND d.removed_at IS NOT NULL
            AND d.removed_from = OLD.path
        GROUP BY d.id, e.subject
        ON CONFLICT (tenant_id, resource_kind, resource_id, subject) DO NOTHING;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER leave_grants BEFORE DELETE ON kontor.folders
    FOR EACH ROW EXECUTE FUNCTION kontor.leave_grants();

-- Grants and links go with the thing they were about.
CREATE FUNCTION kontor.forget_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM kontor.access_grants AS g
    WHERE g.tenant_id = OLD.tenant_id AND g.resource_kind = TG_ARGV[0] AND g.resource_id = OLD.id;
    DELETE FROM kontor.share_links AS l
    WHERE l.tenant_id = OLD.tenant_id AND l.resource_kind = TG_ARGV[0] AND l.resource_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_grants AFTER DELETE ON kontor.folders
    FOR EACH ROW EXECUTE FUNCTION kontor.forget_grants('folder');
CREATE TRIGGER forget_grants AFTER DELETE ON kontor.documents
    FOR EACH ROW EXECUTE FUNCTION kontor.forget_grants('document');
CREATE TRIGGER forget_grants AFTER DELETE ON kontor.collections
    FOR EACH ROW EXECUTE FUNCTION kontor.forget_grants('collection');

-- A document takes over its folder's list when it comes and whenever it moves. In the trash it
-- keeps the list it had.
CREATE FUNCTION kontor.place_document() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_above integer;
    v_beside integer;
BEGIN
    IF NEW.removed_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    PERFORM kontor.hold_access(NEW.tenant_id, false);
    SELECT f.access_list_id INTO v_above FROM kontor.folders AS f
    WHERE f.tenant_id = NEW.tenant_id AND f.id = NEW.folder_id;
    SELECT p.access_list_id INTO v_beside FROM kontor.documents AS p
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.parent_document_id
        AND p.folder_id IS NOT DISTINCT FROM NEW.folder_id AND p.removed_at IS NULL;
    NEW.access_list_id := kontor.list_below(
        NEW.tenant_id, v_above, v_beside, 'document', NEW.id, NEW.created_by);
    RETURN NEW;
END $$;
CREATE TRIGGER place_document BEFORE INSERT ON kontor.documents
    FOR EACH ROW EXECUTE FUNCTION kontor.place_document();
CREATE TRIGGER replace_document
    BEFORE UPDATE OF folder_id, parent_document_id, removed_at ON kontor.documents
    FOR EACH ROW WHEN (
        OLD.folder_id IS DISTINCT FROM NEW.folder_id
        OR OLD.parent_document_id IS DISTINCT FROM NEW.parent_document_id
        OR OLD.removed_at IS DISTINCT FROM NEW.removed_at
    ) EXECUTE FUNCTION kontor.place_document();

-- What came inside a document follows it, or stays behind.
CREATE FUNCTION kontor.take_children_along() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_child uuid;
BEGIN
    FOR v_child IN
        SELECT c.id FROM kontor.documents AS c
        WHERE c.tenant_id = NEW.tenant_id AND c.parent_document_id = NEW.id
            AND c.removed_at IS NULL
    LOOP
        PERFORM kontor.refresh_document(NEW.tenant_id, v_child);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER take_children_along AFTER UPDATE OF folder_id, parent_document_id, removed_at
    ON kontor.documents
    FOR EACH ROW WHEN (
        OLD.folder_id IS DISTINCT FROM NEW.folder_id
        OR OLD.parent_document_id IS DISTINCT FROM NEW.parent_document_id
        OR OLD.removed_at IS DISTINCT FROM NEW.removed_at
    ) EXECUTE FUNCTION kontor.take_children_along();

REVOKE ALL ON FUNCTION kontor.viewing_link, kontor.person_behind, kontor.oversees,
    kontor.subjects_of, kontor.list_ranks, kontor.lists_allowing, kontor.visible_lists,
    kontor.editable_lists, kontor.sees_all, kontor.link_shows_folder, kontor.link_shows,
    kontor.sees_document, kontor.sees_version, kontor.sees_upload, kontor.would_see,
    kontor.may_reach, kontor.access_rank, kontor.list_below, kontor.list_of_document,
    kontor.refresh_document, kontor.refresh_documents_in, kontor.refresh_folder,
    kontor.drop_unused_lists, kontor.hold_access, kontor.follow_grants, kontor.place_folder,
    kontor.move_folder_access, kontor.leave_grants, kontor.forget_grants, kontor.place_document,
    kontor.take_children_along FROM public;
-- Policies run with their reader's rights, so these may be called; all of them ask the
-- transaction's tenant, and answer about it alone.
GRANT EXECUTE ON FUNCTION kontor.viewing_link, kontor.visible_lists, kontor.editable_lists,
    kontor.sees_all, kontor.link_shows_folder, kontor.link_shows, kontor.sees_document,
    kontor.sees_version, kontor.sees_upload, kontor.would_see, kontor.may_reach,
    kontor.access_rank TO kontor_app;

-- -- the walls ----------------------------------------------------------------------------------

CREATE POLICY seen ON kontor.documents AS RESTRICTIVE USING (
    (access_list_id IS NULL OR (SELECT kontor.visible_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.visible_lists())::integer[]))
    AND ((SELECT kontor.viewing_link()) IS NULL
        OR kontor.link_shows((SELECT kontor.viewing_link()), id, folder_id))
) WITH CHECK (true);
CREATE POLICY changed ON kontor.documents AS RESTRICTIVE FOR UPDATE USING (
    access_list_id IS NULL OR (SELECT kontor.editable_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.editable_lists())::integer[])
) WITH CHECK (true);
CREATE POLICY removed ON kontor.documents AS RESTRICTIVE FOR DELETE USING (
    access_list_id IS NULL OR (SELECT kontor.editable_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.editable_lists())::integer[])
);
CREATE POLICY seen ON kontor.folders AS RESTRICTIVE USING (
    (access_list_id IS NULL OR (SELECT kontor.visible_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.visible_lists())::integer[]))
    AND ((SELECT kontor.viewing_link()) IS NULL
        OR kontor.link_shows_folder((SELECT kontor.viewing_link()), id))
) WITH CHECK (true);
CREATE POLICY changed ON kontor.folders AS RESTRICTIVE FOR UPDATE USING (
    access_list_id IS NULL OR (SELECT kontor.editable_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.editable_lists())::integer[])
) WITH CHECK (true);
CREATE POLICY removed ON kontor.folders AS RESTRICTIVE FOR DELETE USING (
    access_list_id IS NULL OR (SELECT kontor.editable_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.editable_lists())::integer[])
);
CREATE POLICY seen ON kontor.collections AS RESTRICTIVE USING (
    (access_list_id IS NULL OR (SELECT kontor.visible_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.visible_lists())::integer[]))
    AND (SELECT kontor.viewing_link()) IS NULL
) WITH CHECK (true);
CREATE POLICY changed ON kontor.collections AS RESTRICTIVE FOR UPDATE USING (
    access_list_id IS NULL OR (SELECT kontor.editable_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.editable_lists())::integer[])
) WITH CHECK (true);
CREATE POLICY removed ON kontor.collections AS RESTRICTIVE FOR DELETE USING (
    access_list_id IS NULL OR (SELECT kontor.editable_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.editable_lists())::integer[])
);

-- What hangs off a document. One look per statement for those who see everything.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'versions', 'chunks', 'shadow_chunks', 'title_tails', 'citations', 'collection_documents',
        'embedding_cache'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY seen ON kontor.%I AS RESTRICTIVE USING ((SELECT kontor.sees_all())
                OR kontor.sees_document(document_id, (SELECT kontor.visible_lists())))
             WITH CHECK (true)', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY[
        'chunk_vectors', 'shadow_vectors', 'readings', 'reprocessing_items'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY seen ON kontor.%I AS RESTRICTIVE USING ((SELECT kontor.sees_all())
                OR kontor.sees_version(version_id, (SELECT kontor.visible_lists())))
             WITH CHECK (true)', v_table);
    END LOOP;
END $$;
CREATE POLICY seen ON kontor.members AS RESTRICTIVE USING (
    (SELECT kontor.sees_all())
    OR kontor.sees_document(parent_document_id, (SELECT kontor.visible_lists()))
) WITH CHECK (true);
CREATE POLICY seen ON kontor.message_feedback AS RESTRICTIVE USING (
    (SELECT kontor.sees_all()) OR document_id IS NULL
    OR kontor.sees_document(document_id, (SELECT kontor.visible_lists()))
) WITH CHECK (true);
-- A job is its maker's, and everybody's who sees what it is about.
CREATE POLICY seen ON kontor.jobs AS RESTRICTIVE USING (
    (SELECT kontor.sees_all())
    OR CASE WHEN document_id IS NULL
        THEN kontor.sees_upload(id, (SELECT kontor.visible_lists()))
        ELSE kontor.sees_document(document_id, (SELECT kontor.visible_lists())) END
) WITH CHECK (true);
CREATE POLICY seen ON kontor.job_events AS RESTRICTIVE USING (
    (SELECT kontor.sees_all()) OR EXISTS (
        SELECT 1 FROM kontor.jobs AS j
        WHERE j.tenant_id = job_events.tenant_id AND j.id = job_events.job_id
    )
) WITH CHECK (true);
CREATE POLICY seen ON kontor.dead_letters AS RESTRICTIVE USING (
    (SELECT kontor.sees_all())
    OR kontor.sees_upload(subject, (SELECT kontor.visible_lists()))
    OR kontor.sees_version(subject, (SELECT kontor.visible_lists()))
) WITH CHECK (true);

-- Who may see what, as part of every cache's key: whoever sees the same lists shares entries.
CREATE OR REPLACE FUNCTION kontor.audience() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lists integer[] := kontor.visible_lists();
BEGIN
    IF kontor.viewing_link() IS NOT NULL THEN
        RETURN current_setting('app.viewer', true) || '/' || coalesce(v_lists::text, 'all');
    END IF;
    RETURN CASE WHEN v_lists IS NULL THEN 'tenant'
        ELSE encode(sha256(convert_to(v_lists::text, 'UTF8')), 'hex') END;
END $$;

-- A cache's key is read before what is cached. Whoever joins a group in between finds more than the
-- key says; the raised corpus version sees to it that nobody asks for that key again.
CREATE TRIGGER corpus_changed AFTER INSERT OR UPDATE OR DELETE ON kontor.access_grants
    FOR EACH ROW EXECUTE FUNCTION kontor.note_changed_row();
CREATE TRIGGER corpus_changed AFTER INSERT OR DELETE ON kontor.group_members
    FOR EACH ROW EXECUTE FUNCTION kontor.note_changed_row();
CREATE TRIGGER corpus_changed AFTER UPDATE OF permissions ON kontor.roles
    FOR EACH ROW EXECUTE FUNCTION kontor.note_changed_row();
CREATE TRIGGER corpus_changed AFTER UPDATE OF role, is_active ON kontor.users
    FOR EACH ROW WHEN (OLD.role <> NEW.role OR OLD.is_active <> NEW.is_active)
    EXECUTE FUNCTION kontor.note_changed_row();

-- The current versions a search may look at; NULL means all of the tenant's. This is the one place
-- that decides it, for every kind of search: what is filtered for, and what the viewer may see.
CREATE OR REPLACE FUNCTION kontor.versions_within(p_tenant uuid, p_filters jsonb) RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_lists integer[] := kontor.visible_lists();
    v_link uuid := kontor.viewing_link();
    v_folders uuid[];
    v_folder text := p_filters ->> 'folder';
    v_collection uuid := (p_filters ->> 'collection')::uuid;
    v_tags text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'tags'));
    v_kinds text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'kinds'));
    v_versions uuid[] := ARRAY(
        SELECT jsonb_array_elements_text(p_filters -> 'version_ids'))::uuid[];
    v_documents uuid[] := ARRAY(
        SELECT jsonb_array_elements_text(p_filters -> 'document_ids'))::uuid[];
    v_media_types text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'media_types'));
    v_languages text[] := ARRAY(SELECT jsonb_array_elements_text(p_filters -> 'languages'));
BEGIN
    IF p_filters = '{}' AND v_lists IS NULL AND v_link IS NULL THEN
        RETURN NULL;
    END IF;
    IF v_folder IS NOT NULL THEN
        SELECT coalesce(array_agg(f.id), '{}') INTO v_folders
        FROM kontor.folders AS f
        WHERE f.tenant_id = p_tenant AND (f.path = v_folder OR f.path ^@ (v_folder || '/'));
    END IF;
    RETURN coalesce((
        SELECT array_agg(d.current_version_id)
        FROM kontor.documents AS d
        WHERE d.tenant_id = p_tenant AND d.removed_at IS NULL
            AND d.current_version_id IS NOT NULL
            AND (v_lists IS NULL OR d.access_list_id IS NULL OR d.access_list_id = ANY (v_lists))
            AND (v_link IS NULL OR kontor.link_shows(v_link, d.id, d.folder_id))
            AND (v_folders IS NULL OR d.folder_id = ANY (v_folders))
            AND (v_versions = '{}' OR d.current_version_id = ANY (v_versions))
            AND (v_documents = '{}' OR d.id = ANY (v_documents))
            AND (v_media_types = '{}' OR d.media_type = ANY (v_media_types))
            AND (v_languages = '{}' OR d.language = ANY (v_languages))
            AND (v_tags = '{}' OR d.tags @> v_tags)
            AND (v_kinds = '{}' OR (
                SELECT h.kind FROM kontor.chunks AS h
                WHERE h.tenant_id = p_tenant AND h.version_id = d.current_version_id
                LIMIT 1
            ) = ANY (v_kinds))
            AND (v_collection IS NULL OR EXISTS (
                SELECT 1 FROM kontor.collection_documents AS c
                JOIN kontor.collections AS n ON n.tenant_id = p_tenant AND n.id = c.collection_id
                WHERE c.tenant_id = p_tenant AND c.collection_id = v_collection
                    AND c.document_id = d.id
                    AND (v_lists IS NULL OR n.access_list_id IS NULL
                        OR n.access_list_id = ANY (v_lists))
            ))
            AND (p_filters ->> 'created_after' IS NULL
                OR d.created_at >= (p_filters ->> 'created_after')::timestamptz)
            AND (p_filters ->> 'created_before' IS NULL
                OR d.created_at < (p_filters ->> 'created_before')::timestamptz)
            AND (p_filters -> 'metadata' IS NULL OR d.metadata @> (p_filters -> 'metadata'))
    ), '{}');
END $$;

-- Whether a word stands in anything that the viewer sees.
CREATE FUNCTION kontor.occurs_visibly(p_language text, p_lexeme text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    RETURN kontor.occurs_within(
        v_tenant, p_language, p_lexeme, kontor.versions_within(v_tenant, '{}'));
END $$;
REVOKE ALL ON FUNCTION kontor.occurs_visibly FROM public;
GRANT EXECUTE ON FUNCTION kontor.occurs_visibly TO kontor_app;

-- The same bytes are one document only among those that see each other's: somebody who may not see
-- where a file is must be able to put it, and must not learn that it is here. Who puts the same
-- bytes at once takes turns by a lock, as before.
DROP INDEX kontor.version_same_bytes;
CREATE INDEX version_same_bytes ON kontor.versions (tenant_id, sha256) WHERE removed_at IS NULL;
