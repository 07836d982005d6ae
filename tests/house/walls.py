"""What the catalog says of the walls between tenants, and complaints about it."""

from __future__ import annotations

from typing import Any

import psycopg

POLICY = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)"
APP, OWNER = "kontor_app", "kontor_owner"
SHARED = {  # no tenant's own facts
    "schema_migrations", "signing_keys", "embedding_models", "sign_in_tries", "role_templates",
    "plans", "rate_limits",
}  # fmt: skip
# Written by the database itself, or by the operator alone.
KEPT = {
    "audit_links",
    "audit_heads",
    "audit_checkpoints",
    "tenant_quotas",
    "tenant_erasures",
    "tenant_tombstones",
}
Connection = psycopg.Connection[Any]


def open_tables(connection: Connection) -> list[str]:
    """Complain of tables that neither belong to a tenant behind RLS nor are known as shared."""
    rows = connection.execute(
        """
        SELECT c.relname, c.relrowsecurity, c.relispartition,
            EXISTS (SELECT 1 FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull),
            ARRAY(SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy AS p
                WHERE p.polrelid = c.oid AND p.polpermissive),
            ARRAY(SELECT p.polcmd::text || p.polpermissive::text FROM pg_policy AS p
                WHERE p.polrelid = c.oid AND p.polpermissive
                AND p.polwithcheck IS NULL)
        FROM pg_class AS c
        WHERE c.relnamespace = 'kontor'::regnamespace AND c.relkind IN ('r', 'p')
        ORDER BY c.relname
        """
    ).fetchall()
    complaints = []
    for name, is_walled, is_partition, has_tenant, policies, kinds in rows:
        if name in SHARED:
            continue
        if not has_tenant and name != "tenants":
            complaints.append(f"{name}: give it a tenant_id NOT NULL")
        if not is_walled:
            complaints.append(f"{name}: ENABLE ROW LEVEL SECURITY")
        expected = POLICY.replace("tenant_id =", "id =") if name == "tenants" else POLICY
        # A partition asked for by name must answer nothing: walled, and no policy lets any row by.
        if policies != ([] if is_partition else [expected]) or kinds not in (["*true"], []):
            complaints.append(f"{name}: one policy for every command, written {expected}")
        if not is_partition and kinds != ["*true"]:
            complaints.append(f"{name}: the policy must cover every command")
    return complaints


def loose_functions(connection: Connection) -> list[str]:
    """Complain of functions that run as their owner without a pinned search path."""
    rows = connection.execute(
        """
        SELECT p.proname, coalesce(p.proconfig, '{}'), has_function_privilege('public', p.oid, 'x')
        FROM pg_proc AS p
        WHERE p.pronamespace = 'kontor'::regnamespace AND p.prosecdef
        """.replace("'x'", "'execute'")
    ).fetchall()
    complaints = []
    for name, settings, is_public in rows:
        paths = [one.partition("=")[2] for one in settings if one.startswith("search_path=")]
        # Only schemas nobody but the owner may write into; pg_temp last, or it would come first.
        allowed = {"pg_catalog", "kontor", "public", "pg_temp"}
        parts = [part.strip() for part in paths[0].split(",")] if paths else []
        if not parts or not set(parts) <= allowed or parts[-1] != "pg_temp":
            complaints.append(f"{name}: SET search_path = pg_catalog, pg_temp")
        if is_public:
            complaints.append(f"{name}: REVOKE ALL ON FUNCTION … FROM public")
    return complaints


def loose_views(connection: Connection) -> list[str]:
    """Complain of views that see with their owner's eyes."""
    rows = connection.execute(
        """
        SELECT c.relname FROM pg_class AS c
        WHERE c.relnamespace = 'kontor'::regnamespace AND c.relkind IN ('v', 'm')
            AND NOT coalesce(c.reloptions, '{}') @> '{security_invoker=true}'
        """
    ).fetchall()
    return [f"{name}: create it WITH (security_invoker = true)" for (name,) in rows]


def mighty_roles(connection: Connection) -> list[str]:
    """Complain of rights by which the functions' role could step over the walls."""
    row = connection.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
        " FROM pg_roles WHERE rolname = %s",
        (APP,),
    ).fetchone()
    if row is None:
        return [f"{APP}: the role is missing"]
    names = ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB", "REPLICATION")
    complaints = [f"{APP}: takes {what} away" for what, has in zip(names, row, strict=True) if has]
    owned = connection.execute(
        "SELECT relname::text FROM pg_class WHERE pg_get_userbyid(relowner) = %(app)s"
        " UNION SELECT proname::text FROM pg_proc WHERE pg_get_userbyid(proowner) = %(app)s"
        " UNION SELECT nspname::text FROM pg_namespace WHERE pg_get_userbyid(nspowner) = %(app)s",
        {"app": APP},
    ).fetchall()
    complaints += [f"{APP}: owns {name}, past row-level security" for (name,) in owned]
    member = connection.execute(
        "SELECT r.rolname FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.roleid"
        " JOIN pg_roles AS u ON u.oid = m.member WHERE u.rolname = %s",
        (APP,),
    ).fetchall()
    complaints += [f"{APP}: is a member of {name}" for (name,) in member]
    return complaints + _creating(connection)


def _creating(connection: Connection) -> list[str]:
    row = connection.execute(
        "SELECT has_schema_privilege(%(app)s, 'kontor', 'create'),"
        " has_schema_privilege(%(app)s, 'public', 'create')",
        {"app": APP},
    ).fetchone()
    assert row is not None
    names = ("kontor", "public")
    return [f"{APP}: may create in {name}" for name, may in zip(names, row, strict=True) if may]


def too_many_rights(connection: Connection) -> list[str]:
    """Complain of table rights no function needs: they would go around policies or history."""
    rows = connection.execute(
        """
        SELECT c.relname, p.privilege
        FROM pg_class AS c
        CROSS JOIN (VALUES ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p (privilege)
        WHERE c.relnamespace = 'kontor'::regnamespace AND c.relkind IN ('r', 'p')
            AND has_table_privilege(%(app)s, c.oid, p.privilege)
        UNION ALL
        SELECT c.relname, p.privilege
        FROM pg_class AS c
        CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE')) AS p (privilege)
        WHERE c.relnamespace = 'kontor'::regnamespace AND c.relkind IN ('r', 'p')
            AND (c.relname = ANY (%(shared)s) OR c.relname = 'tenants'
                OR c.relname = ANY (%(kept)s)
                OR (c.relname IN ('audit_events', 'audit_anchors') AND p.privilege <> 'INSERT'))
            AND has_table_privilege(%(app)s, c.oid, p.privilege)
        """,
        {"app": APP, "shared": list(SHARED), "kept": list(KEPT)},
    ).fetchall()
    return [f"{name}: REVOKE {privilege} FROM {APP}" for name, privilege in rows]
