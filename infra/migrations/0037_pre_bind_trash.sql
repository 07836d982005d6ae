-- What lies in the trash belongs to the folder it came from, not to whichever has its path now: a
-- folder made anew under an old name, and shared, must not open what another one of that name left
-- behind.

ALTER TABLE kontor.documents ADD COLUMN removed_folder_id uuid;
CREATE INDEX documents_removed_folder ON kontor.documents (tenant_id, removed_folder_id)
    WHERE removed_folder_id IS NOT NULL;

-- What was removed before is still bound by its path, once.
UPDATE kontor.documents AS d SET removed_folder_id = f.id
FROM kontor.folders AS f
WHERE d.removed_at IS NOT NULL AND f.tenant_id = d.tenant_id AND f.path = d.removed_from
    AND f.created_at <= d.removed_at;

CREATE OR REPLACE FUNCTION kontor.list_of_document(p_tenant uuid, p_document uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_document record;
BEGIN
    SELECT d.created_by, f.access_list_id AS above, p.access_list_id AS beside
    INTO v_document
    FROM kontor.documents AS d
    LEFT JOIN kontor.folders AS f ON f.tenant_id = p_tenant
        AND f.id = coalesce(d.folder_id, d.removed_folder_id)
    LEFT JOIN kontor.documents AS p ON p.tenant_id = p_tenant AND p.id = d.parent_document_id
        AND p.folder_id IS NOT DISTINCT FROM d.folder_id
        AND p.removed_folder_id IS NOT DISTINCT FROM d.removed_folder_id
        AND (p.removed_at IS NULL) = (d.removed_at IS NULL)
    WHERE d.tenant_id = p_tenant AND d.id = p_document;
    RETURN kontor.list_below(
        p_tenant, v_document.above, v_document.beside, 'document', p_document,
        v_document.created_by);
END $$;

-- The documents of a folder, and those in the trash that came from it.
CREATE OR REPLACE FUNCTION kontor.refresh_documents_in(
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
        WHERE d.tenant_id = p_tenant AND d.removed_folder_id = p_folder
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

-- What lies in the trash keeps what its folder granted when the folder goes, and above all what it
-- denied: of two words about one person a deny stays, else the greater.
CREATE OR REPLACE FUNCTION kontor.leave_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.access_list_id IS NOT NULL THEN
        INSERT INTO kontor.access_grants AS g
            (tenant_id, resource_kind, resource_id, subject, level, granted_by)
        SELECT OLD.tenant_id, 'document', d.id, e.subject,
            CASE WHEN bool_or(e.level = 'deny') THEN 'deny'
                WHEN bool_or(e.level IN ('own', 'manage')) THEN 'manage'
                WHEN bool_or(e.level = 'edit') THEN 'edit' ELSE 'view' END,
            OLD.created_by
        FROM kontor.documents AS d
        JOIN kontor.access_entries AS e ON e.tenant_id = OLD.tenant_id
            AND e.list_id = OLD.access_list_id
        WHERE d.tenant_id = OLD.tenant_id AND d.removed_folder_id = OLD.id
        GROUP BY d.id, e.subject
        ON CONFLICT (tenant_id, resource_kind, resource_id, subject) DO UPDATE
        SET level = CASE WHEN 'deny' IN (g.level, excluded.level) THEN 'deny'
            WHEN kontor.level_rank(excluded.level) > kontor.level_rank(g.level)
            THEN excluded.level ELSE g.level END;
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION kontor.place_document() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_above integer;
    v_beside integer;
BEGIN
    IF NEW.removed_at IS NOT NULL THEN
        IF TG_OP = 'UPDATE' AND OLD.removed_at IS NULL THEN
            NEW.removed_folder_id := OLD.folder_id;
        END IF;
        RETURN NEW;
    END IF;
    NEW.removed_folder_id := NULL;
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

-- Paths follow names, for what the mover does not see as well: hidden folders below, and what lies
-- hidden in the trash.
CREATE FUNCTION kontor.follow_path() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE kontor.folders AS f SET path = NEW.path || '/' || f.name
    WHERE f.tenant_id = NEW.tenant_id AND f.parent_id = NEW.id
        AND f.path <> NEW.path || '/' || f.name;
    UPDATE kontor.documents AS d SET removed_from = NEW.path
    WHERE d.tenant_id = NEW.tenant_id AND d.removed_folder_id = NEW.id
        AND d.removed_from <> NEW.path;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.follow_path FROM public;
CREATE TRIGGER follow_path AFTER UPDATE OF path ON kontor.folders
    FOR EACH ROW WHEN (OLD.path <> NEW.path) EXECUTE FUNCTION kontor.follow_path();
