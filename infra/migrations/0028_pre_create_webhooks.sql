-- Webhooks: whom a tenant tells what has happened, every telling, and who may tell us something.

CREATE TABLE kontor.webhook_endpoints (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    url text NOT NULL CHECK (length(url) <= 2000),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
    events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 100),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
    detail text NOT NULL DEFAULT '',
    secret_name text NOT NULL,
    former_secret_name text NOT NULL DEFAULT '',
    former_until timestamptz,
    failing_since timestamptz,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

-- One row for an event and an endpoint, however often the bus says it. The body is kept as it is
-- sent: a repetition must have the same bytes.
CREATE TABLE kontor.webhook_deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event text NOT NULL,
    body text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    taken_until timestamptz,
    status integer,
    detail text NOT NULL DEFAULT '',
    duration_ms integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_event_once UNIQUE (tenant_id, endpoint_id, event_id),
    FOREIGN KEY (tenant_id, endpoint_id)
        REFERENCES kontor.webhook_endpoints (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_due ON kontor.webhook_deliveries (tenant_id, due_at)
    WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_finished ON kontor.webhook_deliveries (tenant_id, finished_at)
    WHERE state <> 'waiting';

-- Who may tell us something, under an address whose id nobody can guess.
CREATE TABLE kontor.webhook_sources (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    scheme text NOT NULL CHECK (scheme IN ('standard', 'github')),
    effect text NOT NULL CHECK (effect IN ('event', 'document')),
    folder text NOT NULL DEFAULT '',
    secret_name text NOT NULL,
    received bigint NOT NULL DEFAULT 0,
    received_at timestamptz,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX webhook_source_known ON kontor.webhook_sources (id);

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY
        ARRAY['webhook_endpoints', 'webhook_deliveries', 'webhook_sources'] LOOP
        EXECUTE format('ALTER TABLE kontor.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format($p$CREATE POLICY own_tenant ON kontor.%I
            USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)$p$,
            v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.%I TO kontor_app', v_table);
    END LOOP;
END $$;

-- What comes to an address is from nobody until its signature is checked: whose address is it?
CREATE FUNCTION kontor.find_webhook_tenant(p_source uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.tenant_id FROM kontor.webhook_sources AS s
    JOIN kontor.tenants AS t ON t.id = s.tenant_id
    WHERE s.id = p_source AND t.is_active
$$;
REVOKE ALL ON FUNCTION kontor.find_webhook_tenant FROM public;
GRANT EXECUTE ON FUNCTION kontor.find_webhook_tenant TO kontor_app;

CREATE FUNCTION kontor.is_wanted(p_event text, p_events text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p_event = ANY (p_events) OR '*' = ANY (p_events)
        OR split_part(p_event, '.', 1) || '.*' = ANY (p_events)
$$;

-- What stands in the trail is announced to those who asked for it, and only then.
CREATE FUNCTION kontor.announce_act() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM kontor.webhook_endpoints AS w
        WHERE w.tenant_id = new.tenant_id AND w.state = 'active'
            AND kontor.is_wanted(new.action, w.events)
    ) THEN
        INSERT INTO kontor.outbox (tenant_id, id, destination, name, payload)
        VALUES (new.tenant_id, kontor.new_id(), 'bus', 'ActRecorded', jsonb_build_object(
            'tenant_id', new.tenant_id, 'event_id', new.id, 'action', new.action,
            'subject', new.subject, 'actor_id', new.actor_id, 'details', new.details,
            'at', kontor.trail_time(new.at), 'correlation_id', new.correlation_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER announce_act AFTER INSERT ON kontor.audit_events
    FOR EACH ROW WHEN (new.outcome = 'done') EXECUTE FUNCTION kontor.announce_act();

CREATE TRIGGER note_change AFTER INSERT OR DELETE OR UPDATE OF url, description, events, state,
    secret_name ON kontor.webhook_endpoints
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('webhook_endpoint', 'id');
CREATE TRIGGER note_change AFTER INSERT OR DELETE ON kontor.webhook_sources
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('webhook_source', 'id');
