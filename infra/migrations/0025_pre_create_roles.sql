-- Roles as data: a tenant's own rows, begun from a template; and groups of its people.

-- What a new tenant's roles are made of. Three sets, because organisations differ; whichever was
-- taken, a tenant goes on with roles of its own.
CREATE TABLE kontor.role_templates (
    template text NOT NULL,
    name text NOT NULL,
    title text NOT NULL,
    permissions text[] NOT NULL,
    PRIMARY KEY (template, name)
);
GRANT SELECT ON kontor.role_templates TO kontor_app;
INSERT INTO kontor.role_templates (template, name, title, permissions) VALUES
    ('editorial', 'admin', 'Administrator', '{*}'),
    ('editorial', 'editor', 'Editor',
        '{documents:read,documents:write,documents:share,search,chat}'),
    ('editorial', 'viewer', 'Viewer', '{documents:read,search,chat}'),
    ('community', 'admin', 'Administrator', '{*}'),
    ('community', 'moderator', 'Moderator',
        '{documents:*,search,chat,users:read,groups:manage,system:read}'),
    ('community', 'user', 'User',
        '{documents:read,documents:write,documents:share,search,chat}'),
    ('community', 'guest', 'Guest', '{documents:read,search}'),
    ('research', 'admin', 'Administrator', '{*}'),
    ('research', 'analyst', 'Analyst',
        '{documents:read,documents:write,documents:share,search,chat,search:manage}'),
    ('research', 'reader', 'Reader', '{documents:read,search,chat}');

CREATE TABLE kontor.roles (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    title text NOT NULL CHECK (title <> '' AND length(title) <= 200),
    permissions text[] NOT NULL CHECK (cardinality(permissions) <= 200),
    -- From the template: it can be changed, but not taken away.
    is_builtin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE kontor.roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.roles
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.roles TO kontor_app;

-- Gives a tenant the roles of a template instead of those it has from another. Roles that somebody
-- holds stay. Operators only: it is part of making a tenant.
CREATE FUNCTION kontor.use_role_template(p_tenant uuid, p_template text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM kontor.roles AS r
    WHERE r.tenant_id = p_tenant AND r.is_builtin AND NOT EXISTS (
        SELECT 1 FROM kontor.users AS u WHERE u.tenant_id = p_tenant AND u.role = r.name
    );
    INSERT INTO kontor.roles (tenant_id, name, title, permissions, is_builtin)
    SELECT p_tenant, t.name, t.title, t.permissions, true
    FROM kontor.role_templates AS t WHERE t.template = p_template
    ON CONFLICT (tenant_id, name) DO NOTHING;
    IF NOT FOUND AND NOT EXISTS (
        SELECT 1 FROM kontor.role_templates AS t WHERE t.template = p_template
    ) THEN
        RAISE EXCEPTION 'there is no role template %', p_template USING ERRCODE = '22023';
    END IF;
END $$;
REVOKE ALL ON FUNCTION kontor.use_role_template FROM public;

CREATE FUNCTION kontor.give_first_roles() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM kontor.use_role_template(NEW.id, 'editorial');
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.give_first_roles FROM public;
CREATE TRIGGER give_first_roles AFTER INSERT ON kontor.tenants
    FOR EACH ROW EXECUTE FUNCTION kontor.give_first_roles();
SELECT kontor.use_role_template(t.id, 'editorial') FROM kontor.tenants AS t;

-- Whatever role a person has, it is one of their tenant's.
ALTER TABLE kontor.users DROP CONSTRAINT users_role_check;
ALTER TABLE kontor.users ADD CONSTRAINT users_role
    FOREIGN KEY (tenant_id, role) REFERENCES kontor.roles (tenant_id, name);
CREATE INDEX users_role ON kontor.users (tenant_id, role);

-- Groups of people. They hold no groups: who is in one is a list that can be read.
CREATE TABLE kontor.groups (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX group_name_taken ON kontor.groups (tenant_id, lower(name));
ALTER TABLE kontor.groups ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.groups
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.groups TO kontor_app;

CREATE TABLE kontor.group_members (
    tenant_id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    added_by uuid NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, group_id, user_id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES kontor.groups (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES kontor.users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX group_members_user ON kontor.group_members (tenant_id, user_id);
ALTER TABLE kontor.group_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.group_members
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.group_members TO kontor_app;

-- Accounts can be removed for good. What a person put in stays and names them by id; what was
-- only theirs goes with them.
GRANT DELETE ON kontor.users TO kontor_app;
CREATE FUNCTION kontor.forget_person() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM kontor.conversations AS c
    WHERE c.tenant_id = OLD.tenant_id AND c.user_id = OLD.id;
    DELETE FROM kontor.agent_runs AS r WHERE r.tenant_id = OLD.tenant_id AND r.user_id = OLD.id;
    DELETE FROM kontor.saved_searches AS s
    WHERE s.tenant_id = OLD.tenant_id AND s.created_by = OLD.id AND NOT s.is_shared;
    DELETE FROM kontor.saved_search_runs AS s
    WHERE s.tenant_id = OLD.tenant_id AND s.user_id = OLD.id;
    DELETE FROM kontor.connections AS c
    WHERE c.tenant_id = OLD.tenant_id AND c.user_id = OLD.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION kontor.forget_person FROM public;
CREATE TRIGGER forget_person AFTER DELETE ON kontor.users
    FOR EACH ROW EXECUTE FUNCTION kontor.forget_person();
