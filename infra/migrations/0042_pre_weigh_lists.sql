-- Whether one access list lets anybody do more than another does, so that who may only edit a thing
-- opens it to nobody by moving it, nor makes it their own. NULL is no list: open to everybody.
CREATE FUNCTION kontor.is_wider(p_list integer, p_than integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH here AS (
        SELECT nullif(current_setting('app.tenant_id', true), '')::uuid AS tenant_id
    ),
    old AS (
        SELECT e.subject, e.level FROM kontor.access_entries AS e, here
        WHERE e.tenant_id = here.tenant_id AND e.list_id = p_than
    ),
    new AS (
        SELECT e.subject, e.level FROM kontor.access_entries AS e, here
        WHERE e.tenant_id = here.tenant_id AND e.list_id = p_list
    )
    SELECT p_list IS NULL
        OR EXISTS (
            SELECT 1 FROM here
            JOIN kontor.access_lists AS n ON n.tenant_id = here.tenant_id AND n.id = p_list
            JOIN kontor.access_lists AS o ON o.tenant_id = here.tenant_id AND o.id = p_than
            WHERE n.is_open AND NOT o.is_open)
        OR EXISTS (
            SELECT 1 FROM old
            WHERE old.level = 'deny' AND NOT EXISTS (
                SELECT 1 FROM new WHERE new.subject = old.subject AND new.level = 'deny'))
        OR EXISTS (
            SELECT 1 FROM new
            WHERE new.level <> 'deny'
                AND NOT EXISTS (
                    SELECT 1 FROM old
                    WHERE old.subject IN (new.subject, 'everyone') AND old.level <> 'deny'
                        AND (old.level = 'own' OR new.level <> 'own'
                            AND kontor.level_rank(old.level) >= kontor.level_rank(new.level)))
                -- Somebody who is named there may reach as far here through a group.
                AND NOT (new.subject ^@ 'user:' AND EXISTS (
                    SELECT 1 FROM here, kontor.list_ranks(
                        here.tenant_id, substr(new.subject, 6)::uuid) AS r
                    WHERE r.list_id = p_than AND r.rank >= CASE new.level
                        WHEN 'own' THEN 3 ELSE kontor.level_rank(new.level) END)))
$$;
REVOKE ALL ON FUNCTION kontor.is_wider(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kontor.is_wider(integer, integer) TO kontor_app;
