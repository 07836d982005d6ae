-- Words rest on documents: whatever stood before a model when it wrote is written down beside what
-- it wrote, so that words go when a document does, and are kept back from whom it is hidden from.

CREATE TABLE kontor.message_sources (
    tenant_id uuid NOT NULL,
    message_id uuid NOT NULL,
    document_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, message_id, document_id),
    FOREIGN KEY (tenant_id, message_id)
        REFERENCES kontor.messages (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX message_sources_document ON kontor.message_sources (tenant_id, document_id);
ALTER TABLE kontor.message_sources ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.message_sources
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.message_sources TO kontor_app;

CREATE TABLE kontor.agent_sources (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    document_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, run_id, document_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES kontor.agent_runs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX agent_sources_document ON kontor.agent_sources (tenant_id, document_id);
ALTER TABLE kontor.agent_sources ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.agent_sources
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.agent_sources TO kontor_app;
-- A step's sentence may name what a model had read.
GRANT UPDATE (title) ON kontor.agent_steps TO kontor_app;

-- A source may be seen by whoever sees its document; the two functions below look past this.
CREATE POLICY seen ON kontor.message_sources AS RESTRICTIVE USING (
    (SELECT kontor.sees_all())
    OR kontor.sees_document(document_id, (SELECT kontor.visible_lists()))
) WITH CHECK (true);
CREATE POLICY seen ON kontor.agent_sources AS RESTRICTIVE USING (
    (SELECT kontor.sees_all())
    OR kontor.sees_document(document_id, (SELECT kontor.visible_lists()))
) WITH CHECK (true);

-- What was kept before sources were: an answer rests at least on what it cites.
INSERT INTO kontor.message_sources (tenant_id, message_id, document_id)
SELECT DISTINCT c.tenant_id, c.message_id, c.document_id FROM kontor.citations AS c;
INSERT INTO kontor.agent_sources (tenant_id, run_id, document_id)
SELECT r.tenant_id, r.id, (c.cited ->> 'document_id')::uuid
FROM kontor.agent_runs AS r, jsonb_array_elements(r.citations) AS c (cited)
WHERE c.cited ->> 'document_id' IS NOT NULL
UNION
SELECT a.tenant_id, a.run_id, (a.arguments ->> 'document_id')::uuid
FROM kontor.agent_actions AS a
WHERE a.arguments ->> 'document_id' IS NOT NULL;

-- Whether an answer rests on a document that its reader may no longer see: what it cites, and what
-- the model that wrote it had read. What was erased has been taken out of the words already.
CREATE OR REPLACE FUNCTION kontor.cites_hidden(p_message uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_lists integer[] := kontor.visible_lists();
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM (
            SELECT c.document_id FROM kontor.citations AS c
            WHERE c.tenant_id = v_tenant AND c.message_id = p_message
            UNION
            SELECT s.document_id FROM kontor.message_sources AS s
            WHERE s.tenant_id = v_tenant AND s.message_id = p_message
        ) AS r
        JOIN kontor.documents AS d ON d.tenant_id = v_tenant AND d.id = r.document_id
        WHERE NOT kontor.sees_document(d.id, v_lists)
    );
END $$;

-- The same for an agent's run.
CREATE FUNCTION kontor.run_rests_on_hidden(p_run uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_lists integer[] := kontor.visible_lists();
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM kontor.agent_sources AS s
        JOIN kontor.documents AS d ON d.tenant_id = v_tenant AND d.id = s.document_id
        WHERE s.tenant_id = v_tenant AND s.run_id = p_run
            AND NOT kontor.sees_document(d.id, v_lists)
    );
END $$;
REVOKE ALL ON FUNCTION kontor.run_rests_on_hidden FROM public;
GRANT EXECUTE ON FUNCTION kontor.run_rests_on_hidden TO kontor_app;

-- What others tell us may also have documents read anew.
ALTER TABLE kontor.webhook_sources
    DROP CONSTRAINT webhook_sources_effect_check,
    ADD CONSTRAINT webhook_sources_effect_check CHECK (effect IN ('event', 'document', 'reread'));
