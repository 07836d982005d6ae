-- The trail as a chain nobody can rewrite unseen, and what a tenant's life needs: suspension,
-- quotas, tasks (exports), erasure, and the tombstone that stays.

-- Where the work in hand comes from, as the edge said at the transaction's start (app.origin).
CREATE FUNCTION kontor.origin(p_name text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(nullif(current_setting('app.origin', true), '')::jsonb ->> p_name, '') $$;

-- Time-ordered like the ids that functions make (RFC 9562, version 7).
CREATE FUNCTION kontor.new_id() RETURNS uuid
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (lpad(to_hex(f.ticks >> 12), 12, '0') || '7' || lpad(to_hex(f.ticks & 4095), 3, '0')
        || '8' || substr(replace(gen_random_uuid()::text, '-', ''), 18))::uuid
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 4096000)::bigint) AS f (ticks)
$$;

ALTER TABLE kontor.audit_events
    ADD COLUMN outcome text NOT NULL DEFAULT 'done'
        CHECK (outcome IN ('done', 'refused', 'failed')),
    ADD COLUMN tier text NOT NULL DEFAULT 'standard'
        CHECK (tier IN ('short', 'standard', 'long')),
    ADD COLUMN credential text NOT NULL DEFAULT kontor.origin('credential'),
    ADD COLUMN session_id text NOT NULL DEFAULT kontor.origin('session'),
    ADD COLUMN address text NOT NULL DEFAULT kontor.origin('address'),
    ADD COLUMN user_agent text NOT NULL DEFAULT kontor.origin('agent'),
    ADD COLUMN before_hash bytea CHECK (octet_length(before_hash) = 32),
    ADD COLUMN after_hash bytea CHECK (octet_length(after_hash) = 32);
CREATE INDEX audit_events_subject ON kontor.audit_events (tenant_id, subject, id);
CREATE INDEX audit_events_actor ON kontor.audit_events (tenant_id, actor_id, id);
CREATE INDEX audit_events_tier ON kontor.audit_events (tenant_id, tier, at);

-- The chain lies beside the entries: when an entry's time is over it goes, and its link stays.
CREATE TABLE kontor.audit_links (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    at timestamptz NOT NULL,
    tier text NOT NULL,
    content_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, sequence),
    CONSTRAINT audit_link_of_event UNIQUE (tenant_id, event_id)
);
CREATE TABLE kontor.audit_heads (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    sequence bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE kontor.audit_checkpoints (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE kontor.audit_anchors (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    day date NOT NULL,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    anchored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, day)
);

-- How long an entry of a tier is kept: 30 days, one year, seven years.
CREATE FUNCTION kontor.tier_days(p_tier text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE p_tier WHEN 'short' THEN 30 WHEN 'standard' THEN 365 ELSE 2557 END $$;

CREATE FUNCTION kontor.trail_time(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- What is hashed: a JSON array of texts, which every language writes the same way.
CREATE FUNCTION kontor.trail_content(p_entry kontor.audit_events) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        p_entry.tenant_id::text, p_entry.id::text, kontor.trail_time(p_entry.at),
        p_entry.actor_id::text, p_entry.action, p_entry.subject, p_entry.correlation_id,
        p_entry.details::text, p_entry.outcome, p_entry.tier, p_entry.credential,
        p_entry.session_id, p_entry.address, p_entry.user_agent,
        encode(p_entry.before_hash, 'hex'), encode(p_entry.after_hash, 'hex')
    )::text, 'UTF8'))
$$;

CREATE FUNCTION kontor.trail_link(
    p_tenant uuid, p_sequence bigint, p_previous bytea, p_event uuid, p_at timestamptz,
    p_tier text, p_content bytea
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        p_tenant::text, p_sequence::text, encode(p_previous, 'hex'), p_event::text,
        kontor.trail_time(p_at), p_tier, encode(p_content, 'hex')
    )::text, 'UTF8'))
$$;

-- Runs at commit: entries are written whenever their work is done, but a tenant's chain is locked
-- only for the moment of committing, so audited transactions neither queue nor deadlock.
CREATE FUNCTION kontor.chain_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_head kontor.audit_heads;
    v_content bytea := kontor.trail_content(new);
BEGIN
    SELECT * INTO v_head FROM kontor.audit_heads WHERE tenant_id = new.tenant_id FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO kontor.audit_heads (tenant_id, sequence, hash)
        VALUES (new.tenant_id, 0, decode(repeat('00', 32), 'hex'))
        ON CONFLICT DO NOTHING;
        SELECT * INTO v_head FROM kontor.audit_heads WHERE tenant_id = new.tenant_id FOR UPDATE;
    END IF;
    v_head.sequence := v_head.sequence + 1;
    v_head.hash := kontor.trail_link(
        new.tenant_id, v_head.sequence, v_head.hash, new.id, new.at, new.tier, v_content);
    INSERT INTO kontor.audit_links (tenant_id, sequence, event_id, at, tier, content_hash, hash)
    VALUES (new.tenant_id, v_head.sequence, new.id, new.at, new.tier, v_content, v_head.hash);
    UPDATE kontor.audit_heads SET sequence = v_head.sequence, hash = v_head.hash
    WHERE tenant_id = new.tenant_id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.chain_entry FROM public;
CREATE CONSTRAINT TRIGGER chain_entry AFTER INSERT ON kontor.audit_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION kontor.chain_entry();

-- What was recorded before there was a chain becomes its beginning.
DO $$
DECLARE
    v_entry kontor.audit_events;
    v_tenant uuid;
    v_sequence bigint;
    v_hash bytea;
    v_content bytea;
BEGIN
    FOR v_entry IN SELECT * FROM kontor.audit_events ORDER BY tenant_id, id LOOP
        IF v_tenant IS DISTINCT FROM v_entry.tenant_id THEN
            v_tenant := v_entry.tenant_id;
            v_sequence := 0;
            v_hash := decode(repeat('00', 32), 'hex');
        END IF;
        v_sequence := v_sequence + 1;
        v_content := kontor.trail_content(v_entry);
        v_hash := kontor.trail_link(
            v_tenant, v_sequence, v_hash, v_entry.id, v_entry.at, v_entry.tier, v_content);
        INSERT INTO kontor.audit_links (tenant_id, sequence, event_id, at, tier, content_hash, hash)
        VALUES (v_tenant, v_sequence, v_entry.id, v_entry.at, v_entry.tier, v_content, v_hash);
        INSERT INTO kontor.audit_heads (tenant_id, sequence, hash)
        VALUES (v_tenant, v_sequence, v_hash)
        ON CONFLICT (tenant_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash;
    END LOOP;
END $$;

-- Checks a stretch of the chain behind p_after, whose hash was p_previous. One row: how far it
-- came, and the first thing that is wrong. An entry may be absent only when its time is over.
CREATE FUNCTION kontor.check_trail(
    p_tenant uuid, p_after bigint, p_previous bytea, p_most integer
)
RETURNS TABLE (
    checked bigint, last_sequence bigint, last_hash bytea,
    bad_sequence bigint, bad_event uuid, problem text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_link kontor.audit_links;
    v_entry kontor.audit_events;
    v_is_there boolean;
BEGIN
    checked := 0;
    last_sequence := p_after;
    last_hash := p_previous;
    FOR v_link IN
        SELECT * FROM kontor.audit_links AS l
        WHERE l.tenant_id = p_tenant AND l.sequence > p_after ORDER BY l.sequence LIMIT p_most
    LOOP
        SELECT * INTO v_entry FROM kontor.audit_events AS e
        WHERE e.tenant_id = p_tenant AND e.id = v_link.event_id;
        v_is_there := FOUND;
        problem := CASE
            WHEN v_link.sequence <> last_sequence + 1 THEN 'missing'
            WHEN v_link.hash <> kontor.trail_link(
                p_tenant, v_link.sequence, last_hash, v_link.event_id, v_link.at, v_link.tier,
                v_link.content_hash) THEN 'unchained'
            WHEN v_is_there AND kontor.trail_content(v_entry) <> v_link.content_hash THEN 'changed'
            WHEN NOT v_is_there AND v_link.at
                > now() - make_interval(days => kontor.tier_days(v_link.tier)) THEN 'removed'
        END;
        IF problem IS NOT NULL THEN
            bad_sequence :=
                CASE problem WHEN 'missing' THEN last_sequence + 1 ELSE v_link.sequence END;
            bad_event := CASE problem WHEN 'missing' THEN NULL ELSE v_link.event_id END;
            RETURN NEXT;
            RETURN;
        END IF;
        checked := checked + 1;
        last_sequence := v_link.sequence;
        last_hash := v_link.hash;
    END LOOP;
    IF checked < p_most THEN
        IF EXISTS (
            SELECT 1 FROM kontor.audit_heads AS h WHERE h.tenant_id = p_tenant
                AND (h.sequence <> last_sequence OR h.hash <> last_hash)
        ) THEN
            problem := 'cut';
            bad_sequence := last_sequence + 1;
        ELSE
            SELECT e.id INTO bad_event FROM kontor.audit_events AS e
            WHERE e.tenant_id = p_tenant AND NOT EXISTS (
                SELECT 1 FROM kontor.audit_links AS l
                WHERE l.tenant_id = p_tenant AND l.event_id = e.id)
            ORDER BY e.id LIMIT 1;
            problem := CASE WHEN FOUND THEN 'unchained' END;
            bad_sequence := CASE WHEN FOUND THEN last_sequence + 1 END;
        END IF;
    END IF;
    RETURN NEXT;
END $$;

-- Removes entries of the transaction's tenant whose time is over, and links older than every
-- tier, whose last hash the checkpoint keeps. Nothing younger can be removed through it.
CREATE FUNCTION kontor.expire_trail(p_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_removed integer;
    v_last kontor.audit_links;
BEGIN
    IF v_tenant IS NULL THEN
        RAISE EXCEPTION 'app.tenant_id is not set' USING ERRCODE = '42501';
    END IF;
    DELETE FROM kontor.audit_events AS e WHERE e.tenant_id = v_tenant AND e.id IN (
        SELECT o.id FROM unnest(ARRAY['short', 'standard', 'long']) AS t (tier)
        CROSS JOIN LATERAL (
            SELECT a.id FROM kontor.audit_events AS a
            WHERE a.tenant_id = v_tenant AND a.tier = t.tier
                AND a.at < now() - make_interval(days => kontor.tier_days(t.tier))
            ORDER BY a.at LIMIT p_most
        ) AS o LIMIT p_most);
    GET DIAGNOSTICS v_removed = ROW_COUNT;
    SELECT l.* INTO v_last FROM kontor.audit_links AS l
    WHERE l.tenant_id = v_tenant AND l.sequence < (
        SELECT min(k.sequence) FROM kontor.audit_links AS k
        WHERE k.tenant_id = v_tenant AND (
            k.at >= now() - make_interval(days => kontor.tier_days('long'))
            OR EXISTS (SELECT 1 FROM kontor.audit_events AS e
                WHERE e.tenant_id = v_tenant AND e.id = k.event_id)))
    ORDER BY l.sequence DESC LIMIT 1;
    IF FOUND THEN
        INSERT INTO kontor.audit_checkpoints (tenant_id, sequence, hash)
        VALUES (v_tenant, v_last.sequence, v_last.hash)
        ON CONFLICT (tenant_id) DO UPDATE
            SET sequence = excluded.sequence, hash = excluded.hash, made_at = now();
        DELETE FROM kontor.audit_links AS l
        WHERE l.tenant_id = v_tenant AND l.sequence <= v_last.sequence;
    END IF;
    RETURN v_removed;
END $$;
REVOKE ALL ON FUNCTION kontor.expire_trail FROM public;
GRANT EXECUTE ON FUNCTION kontor.expire_trail TO kontor_app;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY
        ARRAY['audit_links', 'audit_heads', 'audit_checkpoints', 'audit_anchors'] LOOP
        EXECUTE format('ALTER TABLE kontor.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format($p$CREATE POLICY own_tenant ON kontor.%I
            USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)$p$,
            v_table);
        EXECUTE format('GRANT SELECT ON kontor.%I TO kontor_app', v_table);
    END LOOP;
END $$;
GRANT INSERT ON kontor.audit_anchors TO kontor_app;

-- Records a row that was made, changed or removed, whoever did it and however, with the hashes of
-- what it was and is. Arguments: what it is called, and the columns that name it.
CREATE FUNCTION kontor.note_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(old) - 'updated_at' END;
    v_after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(new) - 'updated_at' END;
    v_row jsonb := coalesce(v_after, v_before);
    v_viewer text := coalesce(current_setting('app.viewer', true), '');
    v_name text;
    v_changed jsonb := '{}';
BEGIN
    IF v_before = v_after OR EXISTS (
        SELECT 1 FROM kontor.tenant_erasures AS x
        WHERE x.tenant_id = (v_row ->> 'tenant_id')::uuid AND x.is_running
    ) THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(v_row ->> c.name, '/' ORDER BY c.place) INTO v_name
    FROM unnest(TG_ARGV[1:]) WITH ORDINALITY AS c (name, place);
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_build_object('columns', jsonb_agg(a.key ORDER BY a.key)) INTO v_changed
        FROM jsonb_each(v_after) AS a WHERE v_before -> a.key IS DISTINCT FROM a.value;
    END IF;
    INSERT INTO kontor.audit_events (
        tenant_id, id, actor_id, action, subject, correlation_id, details, before_hash, after_hash)
    VALUES (
        (v_row ->> 'tenant_id')::uuid, kontor.new_id(),
        CASE WHEN v_viewer LIKE 'user:%' THEN substr(v_viewer, 6)::uuid END,
        TG_ARGV[0] || CASE TG_OP
            WHEN 'INSERT' THEN '.made' WHEN 'UPDATE' THEN '.changed' ELSE '.removed' END,
        TG_ARGV[0] || ':' || v_name, kontor.origin('correlation'), v_changed,
        sha256(convert_to(v_before::text, 'UTF8')), sha256(convert_to(v_after::text, 'UTF8')));
    RETURN NULL;
END $$;

-- A tenant's life ---------------------------------------------------------------------------

ALTER TABLE kontor.tenants
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspended_because text NOT NULL DEFAULT '';

-- Asked at the start of every transaction that somebody's eyes look on with.
CREATE FUNCTION kontor.is_suspended(p_tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM kontor.tenants AS t WHERE t.id = p_tenant AND NOT t.is_active) $$;
REVOKE ALL ON FUNCTION kontor.is_suspended FROM public;
GRANT EXECUTE ON FUNCTION kontor.is_suspended TO kontor_app;

-- What a tenant may keep; NULL is no limit. Only the operator writes here.
CREATE TABLE kontor.tenant_quotas (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    storage_bytes bigint CHECK (storage_bytes >= 0),
    documents bigint CHECK (documents >= 0),
    changed_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE kontor.tenant_quotas ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenant_quotas
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.tenant_quotas TO kontor_app;

-- Exports and one person's erasure: jobs that go on where they stopped.
CREATE TABLE kontor.tenant_tasks (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('export', 'person_export', 'person_erasure')),
    person_id uuid CHECK ((person_id IS NULL) = (kind = 'export')),
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'failed', 'expired')),
    position jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(position) = 'object'),
    counts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(counts) = 'object'),
    detail text NOT NULL DEFAULT '',
    requested_by uuid,
    requested_at timestamptz NOT NULL DEFAULT now(),
    touched_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.tenant_tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenant_tasks
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON kontor.tenant_tasks TO kontor_app;

-- A tenant that is to go. Functions cannot write here but through what follows, so that nobody
-- who got into one can skip the time in which an erasure can be taken back.
CREATE TABLE kontor.tenant_erasures (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL,
    is_running boolean NOT NULL DEFAULT false,
    counts jsonb NOT NULL DEFAULT '{}'
);
ALTER TABLE kontor.tenant_erasures ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenant_erasures
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.tenant_erasures TO kontor_app;

-- What stays of an erased tenant: that it was there, when and by whose wish it went, how much.
CREATE TABLE kontor.tenant_tombstones (
    tenant_id uuid PRIMARY KEY,
    slug text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    counts jsonb NOT NULL
);
ALTER TABLE kontor.tenant_tombstones ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.tenant_tombstones
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON kontor.tenant_tombstones TO kontor_app;

CREATE FUNCTION kontor.request_erasure(p_by text, p_grace_days integer) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_due timestamptz;
BEGIN
    INSERT INTO kontor.tenant_erasures (tenant_id, requested_by, due_at)
    VALUES (v_tenant, p_by, now() + make_interval(days => greatest(p_grace_days, 1)))
    ON CONFLICT (tenant_id) DO NOTHING;
    SELECT x.due_at INTO v_due FROM kontor.tenant_erasures AS x WHERE x.tenant_id = v_tenant;
    RETURN v_due;
END $$;

CREATE FUNCTION kontor.cancel_erasure() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM kontor.tenant_erasures AS x
    WHERE x.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
        AND NOT x.is_running;
    RETURN FOUND;
END $$;

-- Begins a due erasure: from here on nobody gets in. False while it is not due, or none is asked.
CREATE FUNCTION kontor.begin_erasure() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    UPDATE kontor.tenant_erasures AS x SET is_running = true
    WHERE x.tenant_id = v_tenant AND x.due_at <= now();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE kontor.tenants AS t SET is_active = false, suspended_at = coalesce(suspended_at, now()),
        suspended_because = 'It is being erased.'
    WHERE t.id = v_tenant AND t.is_active;
    RETURN true;
END $$;

-- The tables whose rows belong to a tenant, those that point to others first.
CREATE FUNCTION kontor.tenant_tables() RETURNS TABLE (name text, depth integer)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE owned AS (
        SELECT c.oid, c.relname::text AS name FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relnamespace = 'kontor'::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition
    ), pointing AS (
        SELECT DISTINCT f.conrelid AS source, f.confrelid AS target
        FROM pg_constraint AS f JOIN owned AS o ON o.oid = f.confrelid
        WHERE f.contype = 'f' AND f.conparentid = 0 AND f.conrelid <> f.confrelid
    ), reached AS (
        SELECT o.oid, 0 AS depth FROM owned AS o
        UNION
        SELECT p.target, r.depth + 1 FROM reached AS r
        JOIN pointing AS p ON p.source = r.oid WHERE r.depth < 12
    )
    SELECT o.name, max(r.depth) FROM reached AS r JOIN owned AS o ON o.oid = r.oid
    GROUP BY o.name ORDER BY max(r.depth), o.name
$$;

-- Erases up to p_most rows of one table of a tenant whose erasure runs; answers which and how
-- many, and no row when nothing but p_but, the trail and the tenant itself is left.
CREATE FUNCTION kontor.erase_rows(p_most integer, p_but text[])
RETURNS TABLE (name text, removed bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    PERFORM 1 FROM kontor.tenant_erasures AS x WHERE x.tenant_id = v_tenant AND x.is_running;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no erasure of this tenant is running' USING ERRCODE = '42501';
    END IF;
    FOR name IN
        SELECT t.name FROM kontor.tenant_tables() AS t
        WHERE t.name NOT LIKE 'audit\_%' AND t.name NOT IN ('tenant_erasures', 'tenant_tombstones')
            AND t.name <> ALL (p_but)
        ORDER BY t.depth, t.name
    LOOP
        -- Folders and documents point to their own kind: whatever is left of them goes at once.
        IF EXISTS (SELECT 1 FROM pg_constraint AS f WHERE f.contype = 'f'
            AND f.conrelid = f.confrelid AND f.conrelid = format('kontor.%I', name)::regclass) THEN
            EXECUTE format('DELETE FROM kontor.%I WHERE tenant_id = $1', name) USING v_tenant;
        ELSE
            EXECUTE format('DELETE FROM kontor.%1$I WHERE tenant_id = $1 AND ctid = ANY (ARRAY('
                'SELECT ctid FROM kontor.%1$I WHERE tenant_id = $1 LIMIT $2))', name)
            USING v_tenant, p_most;
        END IF;
        GET DIAGNOSTICS removed = ROW_COUNT;
        IF removed > 0 THEN
            UPDATE kontor.tenant_erasures AS x SET counts = x.counts || jsonb_build_object(
                name, coalesce((x.counts ->> name)::bigint, 0) + removed)
            WHERE x.tenant_id = v_tenant;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;
END $$;

-- The end: the trail, the tenant, and the tombstone in their place.
CREATE FUNCTION kontor.finish_erasure() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_erasure kontor.tenant_erasures;
    v_entries bigint;
BEGIN
    SELECT * INTO v_erasure FROM kontor.tenant_erasures AS x
    WHERE x.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid AND x.is_running
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no erasure of this tenant is running' USING ERRCODE = '42501';
    END IF;
    DELETE FROM kontor.audit_events AS e WHERE e.tenant_id = v_erasure.tenant_id;
    GET DIAGNOSTICS v_entries = ROW_COUNT;
    DELETE FROM kontor.audit_links AS l WHERE l.tenant_id = v_erasure.tenant_id;
    DELETE FROM kontor.audit_checkpoints AS c WHERE c.tenant_id = v_erasure.tenant_id;
    DELETE FROM kontor.audit_anchors AS a WHERE a.tenant_id = v_erasure.tenant_id;
    DELETE FROM kontor.audit_heads AS h WHERE h.tenant_id = v_erasure.tenant_id;
    INSERT INTO kontor.tenant_tombstones (tenant_id, slug, requested_by, requested_at, counts)
    SELECT t.id, t.slug, v_erasure.requested_by, v_erasure.requested_at,
        v_erasure.counts || jsonb_build_object('audit_events', v_entries)
    FROM kontor.tenants AS t WHERE t.id = v_erasure.tenant_id;
    DELETE FROM kontor.tenant_erasures AS x WHERE x.tenant_id = v_erasure.tenant_id;
    DELETE FROM kontor.tenants AS t WHERE t.id = v_erasure.tenant_id;
END $$;

-- For the sweep, which serves every tenant, suspended ones too: what is to be gone on with. Who went
-- within the hour is looked at again: a step that was under way may have left a file behind.
CREATE FUNCTION kontor.list_tenant_work() RETURNS TABLE (tenant_id uuid, kind text, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT x.tenant_id, 'erasure', x.tenant_id FROM kontor.tenant_erasures AS x
    WHERE x.due_at <= now()
    UNION ALL
    SELECT t.tenant_id, 'remains', t.tenant_id FROM kontor.tenant_tombstones AS t
    WHERE t.erased_at > now() - interval '1 hour'
    UNION ALL
    SELECT k.tenant_id, k.kind, k.id FROM kontor.tenant_tasks AS k
    WHERE k.state = 'waiting'
        OR (k.state = 'running' AND k.touched_at < now() - interval '2 minutes')
$$;

-- One person's rows: whatever names a user_id goes; what was made for all stays, under a name
-- that says no more than that somebody was there.
CREATE FUNCTION kontor.erase_person(p_person uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    v_counts jsonb := '{}';
    v_table text;
    v_removed bigint;
BEGIN
    PERFORM 1 FROM kontor.tenant_tasks AS k WHERE k.tenant_id = v_tenant
        AND k.kind = 'person_erasure' AND k.state = 'running' AND k.person_id = p_person;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no erasure of this person is running' USING ERRCODE = '42501';
    END IF;
    FOR v_table IN
        SELECT t.name FROM kontor.tenant_tables() AS t
        JOIN pg_attribute AS a ON a.attrelid = format('kontor.%I', t.name)::regclass
            AND a.attname = 'user_id' AND NOT a.attisdropped
        WHERE t.name <> 'llm_spending'
        ORDER BY t.depth, t.name
    LOOP
        EXECUTE format('DELETE FROM kontor.%I WHERE tenant_id = $1 AND user_id = $2', v_table)
        USING v_tenant, p_person;
        GET DIAGNOSTICS v_removed = ROW_COUNT;
        v_counts := v_counts || jsonb_build_object(v_table, v_removed);
    END LOOP;
    UPDATE kontor.users AS u SET email = 'erased-' || u.id || '@erased.invalid',
        display_name = 'Erased', password_hash = '!', is_active = false,
        token_epoch = u.token_epoch + 1, signed_in_at = NULL
    WHERE u.tenant_id = v_tenant AND u.id = p_person;
    RETURN v_counts;
END $$;

-- The columns of tenants' tables that say whose a row is.
CREATE FUNCTION kontor.person_columns() RETURNS TABLE (name text, person text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.name, a.attname::text
    FROM kontor.tenant_tables() AS t
    JOIN pg_attribute AS a ON a.attrelid = format('kontor.%I', t.name)::regclass
        AND NOT a.attisdropped AND a.atttypid = 'uuid'::regtype
        AND (a.attname IN ('user_id', 'actor_id', 'created_by')
            OR (t.name = 'users' AND a.attname = 'id'))
    ORDER BY t.name, a.attname
$$;

-- Columns of a table that hold proofs of identity or parts of them: they leave in no export.
CREATE FUNCTION kontor.secret_columns(p_table text) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(a.attname::text ORDER BY a.attname), '{}')
    FROM pg_attribute AS a
    WHERE a.attrelid = format('kontor.%I', p_table)::regclass AND a.attnum > 0
        AND a.attname ~ '(password|secret|token|hash|otp|recovery|digest|verifier|nonce)'
        AND p_table NOT LIKE 'audit\_%'
        AND a.attname !~ '(^|_)tokens(_|$)' AND a.attname NOT IN ('token_epoch', 'token_count')
$$;

-- Rows of one of the tenant's tables as JSON, in the order of its key, behind the row p_after.
CREATE FUNCTION kontor.export_rows(
    p_table text, p_after jsonb, p_column text, p_value uuid, p_most integer
) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_keys text;
    v_behind text;
BEGIN
    PERFORM 1 FROM kontor.tenant_tables() AS t WHERE t.name = p_table;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no table of tenants', p_table USING ERRCODE = '42501';
    END IF;
    SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY k.place),
        string_agg(format('r.%I', a.attname), ', ' ORDER BY k.place)
    INTO v_keys, v_behind
    FROM pg_index AS i
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = format('kontor.%I', p_table)::regclass AND i.indisprimary;
    RETURN QUERY EXECUTE format(
        'SELECT to_jsonb(t) - $1 FROM kontor.%1$I AS t'
        ' WHERE t.tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid'
        ' AND ($2 IS NULL OR (%2$s) > (SELECT %3$s'
        '     FROM jsonb_populate_record(NULL::kontor.%1$I, $2) AS r))'
        ' AND %4$s ORDER BY %2$s LIMIT $4',
        p_table, v_keys, v_behind,
        CASE WHEN p_column IS NULL THEN '$3 IS NULL' ELSE format('t.%I = $3', p_column) END)
    USING kontor.secret_columns(p_table), p_after, p_value, p_most;
END $$;

REVOKE ALL ON FUNCTION kontor.request_erasure, kontor.cancel_erasure, kontor.begin_erasure,
    kontor.erase_rows, kontor.finish_erasure, kontor.list_tenant_work, kontor.erase_person
    FROM public;
GRANT EXECUTE ON FUNCTION kontor.request_erasure, kontor.cancel_erasure, kontor.begin_erasure,
    kontor.erase_rows, kontor.finish_erasure, kontor.list_tenant_work, kontor.erase_person
    TO kontor_app;

-- What people change in tables of their own is noted by the database itself.
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON kontor.folders
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('folder', 'id');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON kontor.collections
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('collection', 'id');
CREATE TRIGGER note_change AFTER INSERT OR DELETE ON kontor.collection_documents
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change(
        'collection_document', 'collection_id', 'document_id');
CREATE TRIGGER note_change AFTER DELETE OR UPDATE OF title, is_pinned, is_archived
    ON kontor.conversations FOR EACH ROW EXECUTE FUNCTION kontor.note_change('conversation', 'id');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON kontor.saved_searches
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('saved_search', 'id');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON kontor.llm_routes
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('llm_route', 'name');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON kontor.llm_budgets
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('llm_budget', 'scope', 'period');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON kontor.reading_settings
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('reading_settings', 'tenant_id');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OF state ON kontor.reprocessings
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('reprocessing', 'id');
CREATE TRIGGER note_change AFTER INSERT ON kontor.evaluation_runs
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('evaluation_run', 'id');
CREATE TRIGGER note_change AFTER INSERT ON kontor.tenant_tasks
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('tenant_task', 'id');
CREATE TRIGGER note_change AFTER INSERT ON kontor.tenant_erasures
    FOR EACH ROW EXECUTE FUNCTION kontor.note_change('tenant_erasure', 'tenant_id');
CREATE TRIGGER note_removal AFTER DELETE ON kontor.tenant_erasures
    FOR EACH ROW WHEN (NOT old.is_running)
    EXECUTE FUNCTION kontor.note_change('tenant_erasure', 'tenant_id');
