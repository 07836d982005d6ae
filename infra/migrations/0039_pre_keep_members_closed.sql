-- What came inside a document stays as closed as that one while it lies in the trash, and when it is
-- erased: an attachment that comes back alone must not open because its mail did not.

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
        AND (p.removed_at IS NOT NULL
            OR p.folder_id IS NOT DISTINCT FROM coalesce(d.folder_id, d.removed_folder_id))
    WHERE d.tenant_id = p_tenant AND d.id = p_document;
    RETURN kontor.list_below(
        p_tenant, v_document.above, v_document.beside, 'document', p_document,
        v_document.created_by);
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
        AND (p.removed_at IS NOT NULL OR p.folder_id IS NOT DISTINCT FROM NEW.folder_id);
    NEW.access_list_id := kontor.list_below(
        NEW.tenant_id, v_above, v_beside, 'document', NEW.id, NEW.created_by);
    RETURN NEW;
END $$;

CREATE FUNCTION kontor.leave_grants_inside() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO kontor.access_grants AS g
        (tenant_id, resource_kind, resource_id, subject, level, granted_by)
    SELECT c.tenant_id, 'document', c.id, o.subject, o.level, o.granted_by
    FROM kontor.documents AS c
    JOIN kontor.access_grants AS o ON o.tenant_id = OLD.tenant_id
        AND o.resource_kind = 'document' AND o.resource_id = OLD.id
    WHERE c.tenant_id = OLD.tenant_id AND c.parent_document_id = OLD.id AND NOT c.is_erasing
    ON CONFLICT (tenant_id, resource_kind, resource_id, subject) DO UPDATE
    SET level = CASE WHEN 'deny' IN (g.level, excluded.level) THEN 'deny'
        WHEN kontor.level_rank(excluded.level) > kontor.level_rank(g.level)
        THEN excluded.level ELSE g.level END;
    RETURN OLD;
END $$;
REVOKE ALL ON FUNCTION kontor.leave_grants_inside FROM public;
CREATE TRIGGER leave_grants_inside BEFORE DELETE ON kontor.documents
    FOR EACH ROW EXECUTE FUNCTION kontor.leave_grants_inside();
