"""`kontor migrate`: bring a database's schema up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, AsJson, Data


def migrate(
    *,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            help="The owner's database URL; else DATABASE_URL, else the local server's.",
        ),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when something is missing.")
    ] = False,
    signing_secret: Annotated[
        str,
        typer.Option(
            "--signing-secret",
            metavar="NAME",
            help="Also make the key that signs tokens, in this secret of your AWS account.",
        ),
    ] = "",
    identity_secret: Annotated[
        str,
        typer.Option(
            "--identity-secret",
            metavar="NAME",
            help="Also make the key that seals second factors and mails, in this secret.",
        ),
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Apply what is missing of infra/migrations, in order, each file once."""
    from contextlib import nullcontext

    from infra.cli.owner import owner_url
    from infra.cli.terminal import print_json
    from infra.migrations import runner
    from shared.adapters.transport import encrypted_by
    from shared.kernel.settings import settings

    given = nullcontext(encrypted_by(settings(), url)) if url else owner_url(data)
    with given as target:
        pending = list_pending(target)
        applied = [] if check else runner.migrate(target)
        if signing_secret and not check:
            make_signing_key(target, signing_secret)
        if identity_secret and not check:
            make_identity_key(identity_secret)
    if as_json:
        print_json({"pending": pending if check else [], "applied": applied})
    elif check:
        typer.echo("\n".join(["missing:", *pending]) if pending else "Nothing is missing.")
    else:
        typer.echo("\n".join(f"applied {name}" for name in applied) or "Nothing was missing.")
    if check and pending:
        raise typer.Exit(1)


def make_signing_key(owner_url: str, secret: str) -> None:
    """Make the signing key in Secrets Manager and publish its public half, where missing."""
    from shared.adapters.database import Database
    from shared.adapters.secrets import Secrets
    from shared.identity.keys import ensure_signing_key
    from shared.kernel.settings import settings

    config = settings()
    vault = Secrets(region=config.storage_region, endpoint=config.aws_endpoint_url)
    database = Database(owner_url)
    try:
        with database.system_transaction() as session:
            ensure_signing_key(session, vault, secret)
    finally:
        database.close()


def make_identity_key(secret: str) -> None:
    """Make the key that seals second factors and mails in Secrets Manager, where missing."""
    from shared.adapters.secrets import Secrets
    from shared.identity.sealing import ensure_seal
    from shared.kernel.settings import settings

    config = settings()
    ensure_seal(Secrets(region=config.storage_region, endpoint=config.aws_endpoint_url), secret)


def list_pending(url: str) -> list[str]:
    """List the migrations a database lacks. Raises UnavailableError when it does not answer."""
    import psycopg

    from infra.migrations.runner import list_migrations
    from shared.kernel.errors import UnavailableError

    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            rows = connection.execute("SELECT number FROM kontor.schema_migrations").fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        rows = []
    except psycopg.OperationalError as error:
        raise UnavailableError("The database does not answer.", hint="Check its URL.") from error
    known = {str(row[0]) for row in rows}
    return [each.name for each in list_migrations() if each.number not in known]
