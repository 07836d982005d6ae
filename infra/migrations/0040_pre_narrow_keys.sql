-- A key that is not given access:manage looks with its holder's eyes, but not over everything: who
-- oversees access may give a program a key that sees what everybody sees. Its viewer is written
-- 'keys:' and the holder's id.

CREATE OR REPLACE FUNCTION kontor.person_behind(p_tenant uuid, p_viewer text) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_viewer ^@ 'user:' OR p_viewer ^@ 'keys:' THEN
        RETURN substr(p_viewer, 6)::uuid;
    END IF;
    IF p_viewer ^@ 'link:' THEN
        RETURN (SELECT l.created_by
            FROM kontor.link_in_force(p_tenant, substr(p_viewer, 6)::uuid) AS l);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION kontor.lists_allowing(p_tenant uuid, p_viewer text, p_least integer)
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
    IF NOT p_viewer ^@ 'keys:' AND kontor.oversees(p_tenant, v_user) THEN
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
    IF NOT p_viewer ^@ 'keys:' AND kontor.oversees(v_tenant, v_user) THEN
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

CREATE OR REPLACE FUNCTION kontor.sees_upload(p_upload uuid, p_lists integer[]) RETURNS boolean
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
            AND (u.created_by::text = substr(current_setting('app.viewer', true), 6)
                OR ((u.document_id IS NULL OR kontor.sees_document(u.document_id, p_lists))
                    AND (f.access_list_id IS NULL OR f.access_list_id = ANY (p_lists))))
    );
END $$;

-- What such a key changes, its holder has changed.
CREATE OR REPLACE FUNCTION kontor.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(old) - 'updated_at' END;
    v_after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(new) - 'updated_at' END;
    v_row jsonb := coalesce(v_after, v_before);
    v_tenant uuid := (v_row ->> 'tenant_id')::uuid;
    v_old bytea := sha256(convert_to(v_before::text, 'UTF8'));
    v_new bytea := sha256(convert_to(v_after::text, 'UTF8'));
    v_viewer text := coalesce(current_setting('app.viewer', true), '');
    v_act uuid := nullif(current_setting('kontor.act', true), '')::uuid;
    v_changed jsonb := '{}';
BEGIN
    IF v_before = v_after OR EXISTS (
        SELECT 1 FROM kontor.tenant_erasures AS x WHERE x.tenant_id = v_tenant AND x.is_running
    ) THEN
        RETURN NULL;
    END IF;
    UPDATE kontor.audit_events AS e SET
        before_hash = CASE WHEN v_old IS NULL THEN e.before_hash
            WHEN e.before_hash IS NULL THEN v_old ELSE sha256(e.before_hash || v_old) END,
        after_hash = CASE WHEN v_new IS NULL THEN e.after_hash
            WHEN e.after_hash IS NULL THEN v_new ELSE sha256(e.after_hash || v_new) END
    WHERE e.tenant_id = v_tenant AND e.id = v_act AND NOT EXISTS (
        SELECT 1 FROM kontor.audit_links AS l WHERE l.tenant_id = v_tenant AND l.event_id = v_act);
    IF FOUND THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_build_object('columns', jsonb_agg(a.key ORDER BY a.key)) INTO v_changed
        FROM jsonb_each(v_after) AS a WHERE v_before -> a.key IS DISTINCT FROM a.value;
    END IF;
    INSERT INTO kontor.audit_events (
        tenant_id, id, actor_id, action, subject, correlation_id, details, tier, before_hash,
        after_hash)
    SELECT v_tenant, kontor.new_id(),
        CASE WHEN v_viewer LIKE ANY ('{user:%,keys:%}') THEN substr(v_viewer, 6)::uuid END,
        TG_ARGV[1] || CASE TG_OP
            WHEN 'INSERT' THEN '.made' WHEN 'UPDATE' THEN '.changed' ELSE '.removed' END,
        TG_ARGV[1] || ':' || string_agg(v_row ->> c.name, '/' ORDER BY c.place),
        kontor.origin('correlation'), v_changed, TG_ARGV[0], v_old, v_new
    FROM unnest(TG_ARGV[2:]) WITH ORDINALITY AS c (name, place);
    -- A note is no act: the next row is noted by itself.
    PERFORM set_config('kontor.act', '', true);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION kontor.would_see(p_viewer text, p_document uuid, p_upload uuid) RETURNS boolean
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
            AND (u.created_by::text = substr(p_viewer, 6)
                OR ((u.document_id IS NULL OR kontor.sees_document(u.document_id, v_lists))
                    AND (f.access_list_id IS NULL OR f.access_list_id = ANY (v_lists))))
    );
END $$;
