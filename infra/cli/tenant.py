"""`kontor tenant`: the operator adds tenants, over the owner's own connection to the database."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, AsJson, Data

tenant = typer.Typer(
    no_args_is_help=True, help="Add and list tenants (for whoever runs the server)."
)


@tenant.command()
def add(
    slug: Annotated[str, typer.Argument(help="Short name: small letters, digits, hyphens.")],
    *,
    email: Annotated[str, typer.Option("--email", "-e", help="The first administrator.")],
    name: Annotated[str, typer.Option("--name", help="Full name; the slug if not given.")] = "",
    password: Annotated[
        str, typer.Option("--password", help="At least 12 characters; made up if not given.")
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Add a tenant and its first administrator."""
    from infra.cli.owner import owner_url
    from infra.cli.terminal import print_json
    from shared.adapters.database import Database
    from shared.identity.service import create_tenant

    chosen = password or secrets.token_urlsafe(12)
    with owner_url(data) as url:
        database = Database(url)
        try:
            with database.system_transaction() as session:
                made, admin = create_tenant(
                    session,
                    slug=slug,
                    name=name or slug,
                    admin_email=email,
                    admin_password=chosen,
                )
        finally:
            database.close()
    if as_json:
        shown = {} if password else {"password": chosen}
        print_json({"id": str(made.id), "slug": made.slug, "email": admin.email, **shown})
        return
    typer.echo(f"Added tenant {made.slug} ({made.id}), administrator {admin.email}.")
    if not password:
        typer.echo(f"Password, shown only now: {chosen}")


@tenant.command()
def plan(
    slug: Annotated[str, typer.Argument(help="The tenant's short name.")],
    name: Annotated[str, typer.Argument(metavar="PLAN", help="free, team, enterprise or own.")],
    *,
    data: Data = DEFAULT_DATA,
) -> None:
    """Give a tenant another plan: how many requests a minute it may send."""
    from infra.cli.owner import owner_url
    from shared.adapters.database import Database
    from shared.kernel.errors import NotFoundError
    from shared.limits.service import choose_plan

    with owner_url(data) as url:
        database = Database(url)
        try:
            with database.system_transaction() as session:
                found = session.connection.execute(
                    "SELECT id FROM kontor.tenants WHERE slug = %s", (slug,)
                ).fetchone()
            if found is None:
                raise NotFoundError(f"There is no tenant {slug}.", hint="List: kontor tenant ls.")
            with database.transaction(found[0]) as session:
                choose_plan(session, name)
        finally:
            database.close()
    typer.echo(f"{slug} has the plan {name} now.")


@tenant.command(name="ls")
def list_tenants(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List tenants with their people and documents."""
    import psycopg

    from infra.cli.owner import owner_url
    from infra.cli.terminal import plural, print_json
    from shared.kernel.errors import UnavailableError

    statement = (
        "SELECT t.slug, t.name, t.is_active,"
        " (SELECT count(*) FROM kontor.users AS u WHERE u.tenant_id = t.id),"
        " (SELECT count(*) FROM kontor.documents AS d"
        "  WHERE d.tenant_id = t.id AND d.removed_at IS NULL)"
        " FROM kontor.tenants AS t ORDER BY t.slug LIMIT 1000"
    )
    with owner_url(data) as url:
        try:
            with psycopg.connect(url, connect_timeout=10) as connection:
                rows = connection.execute(statement).fetchall()
        except psycopg.OperationalError as error:
            raise UnavailableError(
                "The database does not answer.", hint="Check DATABASE_URL."
            ) from error
    names = ("slug", "name", "is_active", "users", "documents")
    if as_json:
        print_json({"items": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    for slug, name, is_active, users, documents in rows:
        state = "" if is_active else " (off)"
        typer.echo(
            f"{slug}{state}\t{name}\t{plural(users, 'user')}\t{plural(documents, 'document')}"
        )
