-- Links to collections, links that let look and keep the files, and folders whose names tell
-- nobody what is hidden.

ALTER TABLE kontor.share_links
    DROP CONSTRAINT share_links_resource_kind_check,
    ADD CONSTRAINT share_links_resource_kind_check
        CHECK (resource_kind IN ('folder', 'document', 'collection')),
    ADD COLUMN allows_download boolean NOT NULL DEFAULT true;

-- -- links ----------------------------------------------------------------------------------------

-- A link in force, and nothing otherwise: it lasts, and whoever made it has an account that may
-- read. What a link shows, to whom and whether its token counts is all decided from here.
CREATE FUNCTION kontor.link_in_force(p_tenant uuid, p_link uuid)
RETURNS TABLE (resource_kind text, resource_id uuid, created_by uuid)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.resource_kind, l.resource_id, l.created_by
    FROM kontor.share_links AS l
    JOIN kontor.users AS u ON u.tenant_id = p_tenant AND u.id = l.created_by AND u.is_active
    JOIN kontor.roles AS r ON r.tenant_id = p_tenant AND r.name = u.role
        AND r.permissions && '{*,documents:*,documents:read}'::text[]
    WHERE l.tenant_id = p_tenant AND l.id = p_link
        AND l.revoked_at IS NULL AND l.expires_at > now()
$$;

CREATE OR REPLACE FUNCTION kontor.person_behind(p_tenant uuid, p_viewer text) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_viewer ^@ 'user:' THEN
        RETURN substr(p_viewer, 6)::uuid;
    END IF;
    IF p_viewer ^@ 'link:' THEN
        RETURN (SELECT l.created_by
            FROM kontor.link_in_force(p_tenant, substr(p_viewer, 6)::uuid) AS l);
    END IF;
    RETURN NULL;
END $$;

-- Whether a person may give a document to others by itself. A collection only names documents:
-- whoever looks at one may put it in, so a link to the collection shows no more than its maker
-- could have shown one by one.
CREATE FUNCTION kontor.may_share(p_tenant uuid, p_user uuid, p_owner uuid, p_list integer)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_list IS NULL AND p_owner = p_user OR kontor.oversees(p_tenant, p_user) THEN
        RETURN true;
    END IF;
    RETURN p_list IS NOT NULL AND kontor.may_reach(p_user, p_list, 3);
END $$;

CREATE FUNCTION kontor.link_shows_collection(p_link uuid, p_collection uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM kontor.link_in_force(v_tenant, p_link) AS l
        JOIN kontor.collections AS c ON c.tenant_id = v_tenant AND c.id = l.resource_id
        WHERE l.resource_kind = 'collection' AND l.resource_id = p_collection
            AND kontor.may_reach(l.created_by, c.access_list_id, 1)
    );
END $$;

-- What a link shows: the document itself, or what its collection names, or whatever lies in or below
-- its folder. Two sets, in order, worked out once per statement for the many rows that are looked
-- for in them; ``p_only`` asks about one thing alone.
CREATE FUNCTION kontor.link_folders(p_link uuid, p_only uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    RETURN ARRAY(
        SELECT f.id
        FROM kontor.link_in_force(v_tenant, p_link) AS l
        JOIN kontor.folders AS top ON top.tenant_id = v_tenant AND top.id = l.resource_id
        JOIN kontor.folders AS f ON f.tenant_id = v_tenant
            AND (f.place = top.place OR f.place ^@ (top.place || '/'))
        WHERE l.resource_kind = 'folder' AND (p_only IS NULL OR f.id = p_only)
        ORDER BY f.id
    );
END $$;
CREATE FUNCTION kontor.link_documents(p_link uuid, p_only uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_link record;
BEGIN
    SELECT l.resource_kind, l.resource_id, l.created_by INTO v_link
    FROM kontor.link_in_force(v_tenant, p_link) AS l;
    IF v_link.resource_kind = 'document' THEN
        RETURN ARRAY(
            SELECT d.id FROM kontor.documents AS d
            WHERE d.tenant_id = v_tenant AND d.id = v_link.resource_id AND d.removed_at IS NULL
        );
    ELSIF v_link.resource_kind = 'collection'
        AND kontor.link_shows_collection(p_link, v_link.resource_id)
    THEN
        RETURN ARRAY(
            SELECT d.id
            FROM kontor.collection_documents AS m
            JOIN kontor.documents AS d ON d.tenant_id = v_tenant AND d.id = m.document_id
                AND d.removed_at IS NULL
            WHERE m.tenant_id = v_tenant AND m.collection_id = v_link.resource_id
                AND (p_only IS NULL OR m.document_id = p_only)
                AND kontor.may_share(v_tenant, v_link.created_by, d.created_by, d.access_list_id)
            ORDER BY d.id
        );
    END IF;
    RETURN '{}';
END $$;
CREATE FUNCTION kontor.is_in(p_id uuid, p_sorted uuid[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A binary search. Where nothing is at or before the id, there is no element 0.
    RETURN coalesce(p_sorted[width_bucket(p_id, p_sorted)] = p_id, false);
END $$;
CREATE OR REPLACE FUNCTION kontor.link_shows_folder(p_link uuid, p_folder uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT p_folder IS NOT NULL AND p_folder = ANY (kontor.link_folders(p_link, p_folder)) $$;
CREATE OR REPLACE FUNCTION kontor.link_shows(p_link uuid, p_document uuid, p_folder uuid)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_document = ANY (kontor.link_documents(p_link, p_document))
        OR kontor.link_shows_folder(p_link, p_folder);
END $$;

CREATE OR REPLACE FUNCTION kontor.access_rank(p_viewer text, p_kind text, p_id uuid) RETURNS integer
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
    v_link uuid;
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
        v_link := substr(p_viewer, 6)::uuid;
        v_rank := CASE WHEN CASE p_kind
            WHEN 'document' THEN kontor.link_shows(v_link, p_id, v_folder)
            WHEN 'folder' THEN kontor.link_shows_folder(v_link, p_id)
            ELSE kontor.link_shows_collection(v_link, p_id)
        END THEN least(v_rank, 1) ELSE 0 END;
    END IF;
    RETURN coalesce(v_rank, 0);
END $$;

-- A set is worked out by a sub-select, so that it is once for a whole statement.
ALTER POLICY seen ON kontor.documents USING (
    (access_list_id IS NULL OR (SELECT kontor.visible_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.visible_lists())::integer[]))
    AND ((SELECT kontor.viewing_link()) IS NULL
        OR kontor.is_in(id, (SELECT kontor.link_documents(kontor.viewing_link(), NULL)))
        OR kontor.is_in(folder_id, (SELECT kontor.link_folders(kontor.viewing_link(), NULL))))
);
ALTER POLICY seen ON kontor.folders USING (
    (access_list_id IS NULL OR (SELECT kontor.visible_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.visible_lists())::integer[]))
    AND ((SELECT kontor.viewing_link()) IS NULL
        OR kontor.is_in(id, (SELECT kontor.link_folders(kontor.viewing_link(), NULL))))
);
ALTER POLICY seen ON kontor.collections USING (
    (access_list_id IS NULL OR (SELECT kontor.visible_lists()) IS NULL
        OR access_list_id = ANY ((SELECT kontor.visible_lists())::integer[]))
    AND ((SELECT kontor.viewing_link()) IS NULL
        OR kontor.link_shows_collection((SELECT kontor.viewing_link()), id))
);

-- Tokens come before a tenant is known. These answer more than before; who asks for less gets it.
DROP FUNCTION kontor.find_share_link;
DROP FUNCTION kontor.find_link_visit;
CREATE FUNCTION kontor.find_share_link(p_token_hash bytea)
RETURNS TABLE (
    tenant_id uuid, link_id uuid, password_hash text, title text, resource_kind text,
    resource_id uuid, expires_at timestamptz, allows_download boolean, is_counted boolean,
    is_used_up boolean, maker text, tenant text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.tenant_id, l.id, l.password_hash, l.title, l.resource_kind, l.resource_id,
        l.expires_at, l.allows_download, l.most_uses IS NOT NULL,
        coalesce(l.use_count >= l.most_uses, false), u.display_name, t.name
    FROM kontor.share_links AS l
    JOIN kontor.tenants AS t ON t.id = l.tenant_id AND t.is_active
    JOIN kontor.users AS u ON u.tenant_id = l.tenant_id AND u.id = l.created_by
    CROSS JOIN LATERAL kontor.link_in_force(l.tenant_id, l.id) AS f
    WHERE l.token_hash = p_token_hash
$$;
CREATE FUNCTION kontor.has_share_link(p_token_hash bytea) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM kontor.share_links AS l WHERE l.token_hash = p_token_hash) $$;
CREATE FUNCTION kontor.find_link_visit(p_token_hash bytea)
RETURNS TABLE (tenant_id uuid, link_id uuid, allows_download boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.tenant_id, l.id, l.allows_download
    FROM kontor.link_visits AS v
    JOIN kontor.share_links AS l ON l.tenant_id = v.tenant_id AND l.id = v.link_id
    JOIN kontor.tenants AS t ON t.id = l.tenant_id AND t.is_active
    CROSS JOIN LATERAL kontor.link_in_force(l.tenant_id, l.id) AS f
    WHERE v.token_hash = p_token_hash AND v.expires_at > now()
$$;

-- -- folders of one name --------------------------------------------------------------------------

-- Where a folder of some name is hidden from somebody, the name is free for them: they get one of
-- their own. Both are called the same; ``twin`` tells them apart for the database, and ``place`` is
-- the path with the twins marked, by which a tree is told from the other that looks like it. Nobody
-- is ever shown either.
ALTER TABLE kontor.folders
    ADD COLUMN twin integer NOT NULL DEFAULT 0,
    ADD COLUMN place text COLLATE "C";
UPDATE kontor.folders SET place = path;
ALTER TABLE kontor.folders
    ALTER COLUMN place SET NOT NULL,
    DROP CONSTRAINT folder_name_taken,
    ADD CONSTRAINT folder_name_taken UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, name, twin);
CREATE INDEX folders_place ON kontor.folders (tenant_id, place);

CREATE FUNCTION kontor.shown_path(p_place text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT regexp_replace(p_place, '\x1f[0-9]+', '', 'g') $$;

-- What the trash is told of the folder something lay in, whoever asks: its path when it is removed,
-- and later whether it is still there.
CREATE FUNCTION kontor.path_of(p_folder uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT f.path FROM kontor.folders AS f
        WHERE f.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
            AND f.id = p_folder
    );
END $$;

-- Which twin a folder is to be: the one that the viewer sees already, so that it is found taken, or
-- a new one beside those that are hidden.
CREATE FUNCTION kontor.twin_for(p_tenant uuid, p_folder uuid, p_parent uuid, p_name text)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lists integer[] := kontor.visible_lists();
BEGIN
    RETURN (
        SELECT coalesce(
            min(f.twin) FILTER (WHERE f.access_list_id IS NULL OR v_lists IS NULL
                OR f.access_list_id = ANY (v_lists)),
            max(f.twin) + 1, 0)
        FROM kontor.folders AS f
        WHERE f.tenant_id = p_tenant AND f.parent_id IS NOT DISTINCT FROM p_parent
            AND f.name = p_name AND f.id <> p_folder
    );
END $$;

CREATE OR REPLACE FUNCTION kontor.place_folder() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_above record;
    v_lists integer[];
BEGIN
    PERFORM kontor.hold_access(NEW.tenant_id, false);
    SELECT p.access_list_id, p.place INTO v_above FROM kontor.folders AS p
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.parent_id;
    NEW.twin := kontor.twin_for(NEW.tenant_id, NEW.id, NEW.parent_id, NEW.name);
    NEW.place := coalesce(v_above.place || '/', '') || NEW.name
        || CASE WHEN NEW.twin > 0 THEN E'\x1f' || NEW.twin::text ELSE '' END;
    NEW.path := kontor.shown_path(NEW.place);
    IF TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    NEW.access_list_id := NULL;
    IF v_above.access_list_id IS NOT NULL THEN
        v_lists := kontor.editable_lists();
        IF v_lists IS NOT NULL AND v_above.access_list_id <> ALL (v_lists) THEN
            RAISE EXCEPTION 'the folder above may not be changed by this viewer'
                USING ERRCODE = '42501';
        END IF;
        NEW.access_list_id := kontor.list_below(
            NEW.tenant_id, v_above.access_list_id, NULL, 'folder', NEW.id, NEW.created_by);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER replace_folder BEFORE UPDATE OF name, parent_id ON kontor.folders
    FOR EACH ROW WHEN (
        OLD.name IS DISTINCT FROM NEW.name OR OLD.parent_id IS DISTINCT FROM NEW.parent_id
    ) EXECUTE FUNCTION kontor.place_folder();

-- What lies below goes along, also what whoever moves the folder may not see.
CREATE FUNCTION kontor.follow_folder() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE kontor.folders AS f
    SET place = NEW.place || substr(f.place, length(OLD.place) + 1),
        path = kontor.shown_path(NEW.place || substr(f.place, length(OLD.place) + 1))
    WHERE f.tenant_id = NEW.tenant_id AND f.place ^@ (OLD.place || '/');
    RETURN NULL;
END $$;
CREATE TRIGGER follow_folder AFTER UPDATE OF name, parent_id ON kontor.folders
    FOR EACH ROW WHEN (OLD.place IS DISTINCT FROM NEW.place)
    EXECUTE FUNCTION kontor.follow_folder();

-- What comes in from other systems goes to the very folder that was meant when they were let in, and
-- not to whichever has its path when it comes.
ALTER TABLE kontor.webhook_sources ADD COLUMN folder_id uuid;

-- Collections the same way. The index over names alone stays until nothing relies on it (0038).
ALTER TABLE kontor.collections ADD COLUMN twin integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX collection_twin_taken ON kontor.collections (tenant_id, lower(name), twin);
CREATE FUNCTION kontor.name_collection() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lists integer[] := kontor.visible_lists();
BEGIN
    SELECT coalesce(
        min(c.twin) FILTER (WHERE c.access_list_id IS NULL OR v_lists IS NULL
            OR c.access_list_id = ANY (v_lists)),
        max(c.twin) + 1, 0)
    INTO NEW.twin
    FROM kontor.collections AS c
    WHERE c.tenant_id = NEW.tenant_id AND lower(c.name) = lower(NEW.name) AND c.id <> NEW.id;
    RETURN NEW;
END $$;
CREATE TRIGGER name_collection BEFORE INSERT ON kontor.collections
    FOR EACH ROW EXECUTE FUNCTION kontor.name_collection();
CREATE TRIGGER rename_collection BEFORE UPDATE OF name ON kontor.collections
    FOR EACH ROW WHEN (lower(OLD.name) <> lower(NEW.name))
    EXECUTE FUNCTION kontor.name_collection();

REVOKE ALL ON FUNCTION kontor.link_in_force, kontor.link_folders, kontor.link_documents,
    kontor.is_in, kontor.may_share, kontor.link_shows_collection,
    kontor.find_share_link, kontor.has_share_link, kontor.find_link_visit, kontor.shown_path,
    kontor.path_of, kontor.twin_for, kontor.follow_folder,
    kontor.name_collection FROM public;
GRANT EXECUTE ON FUNCTION kontor.link_folders, kontor.link_documents, kontor.is_in,
    kontor.link_shows_collection, kontor.find_share_link,
    kontor.has_share_link, kontor.find_link_visit, kontor.path_of TO kontor_app;
