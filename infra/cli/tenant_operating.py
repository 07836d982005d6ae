"""`kontor tenant …`: what the operator does with a tenant, over the owner's connection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.cli.tenant import tenant as tenant  # noqa: PLC0414 - with what is added here

if TYPE_CHECKING:
    from shared.adapters.database import Session

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant's short name.")]
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@tenant.command()
def suspend(
    slug: Slug,
    *,
    because: Annotated[str, typer.Option("--because", help="Why, for the trail.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Let nobody of a tenant in from now on; nothing is lost."""
    from shared.tenancy import service

    with _of(slug, data) as session:
        service.suspend(session, because=because)
    typer.echo(f"{slug} is suspended. Let its people in again: kontor tenant resume {slug}")


@tenant.command()
def resume(slug: Slug, *, data: Data = DEFAULT_DATA) -> None:
    """Let a suspended tenant's people in again."""
    from shared.tenancy import service

    with _of(slug, data) as session:
        service.resume(session)
    typer.echo(f"{slug} is let in again.")


@tenant.command()
def quota(
    slug: Slug,
    *,
    storage: Annotated[
        str, typer.Option("--storage", metavar="SIZE", help="Such as 500M or 20G; empty: no limit.")
    ] = "",
    documents: Annotated[
        int | None, typer.Option("--documents", min=0, help="How many; left out: no limit.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Say what a tenant may keep; what is left out is not limited."""
    from shared.tenancy import service

    size = _bytes(storage) if storage else None
    with _of(slug, data) as session:
        service.set_quota(session, storage_bytes=size, documents=documents)
    kept = "no limit" if size is None else f"{size:,} bytes"
    many = "no limit" if documents is None else f"{documents:,}"
    typer.echo(f"{slug}: storage {kept}, documents {many}.")


@tenant.command()
def export(slug: Slug, *, data: Data = DEFAULT_DATA) -> None:
    """Write everything that is a tenant's into archives, in the background."""
    from shared.tenancy import service
    from shared.tenancy.model import export_prefix

    with _of(slug, data) as session:
        task = service.open_export(session, requested_by=None)
        assert session.tenant_id is not None
        where = export_prefix(session.tenant_id, task.id)
    typer.echo(f"Export {task.id} begins within a minute; it lies under {where} in the bucket.")


@tenant.command()
def erase(
    slug: Slug,
    *,
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="SLUG", help="Its short name once more.")
    ] = "",
    grace_days: Annotated[
        int, typer.Option("--grace-days", min=0, max=90, help="Days until it begins.")
    ] = 7,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take an erasure back.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Erase a tenant for good: files, rows, secrets, caches; a tombstone stays."""
    from shared.kernel.errors import InvalidError
    from shared.tenancy import service

    if not cancel and confirm != slug:
        raise InvalidError(
            "The erasure is not confirmed.", hint=f"Add --confirm {slug} if you mean it."
        )
    with _of(slug, data) as session:
        if cancel:
            service.take_back_erasure(session)
        else:
            service.order_erasure(session, days=grace_days)
    if cancel:
        typer.echo(f"{slug} will not be erased.")
        return
    begins = "within a minute" if grace_days == 0 else f"in {grace_days} days"
    typer.echo(f"{slug} will be erased: that begins {begins}.")
    if grace_days:
        typer.echo(f"Until then: kontor tenant erase {slug} --cancel")


@contextmanager
def _of(slug: str, data: Data) -> Iterator[Session]:
    """Open a transaction of the tenant's on the owner's connection; raises NotFoundError."""
    from infra.cli.owner import owner_url
    from shared.adapters.database import Database
    from shared.kernel.errors import NotFoundError
    from shared.kernel.ids import TenantId

    with owner_url(data) as url:
        database = Database(url)
        try:
            with database.system_transaction() as session:
                row = session.connection.execute(
                    "SELECT id FROM kontor.tenants WHERE slug = %s", (slug,)
                ).fetchone()
            if row is None:
                raise NotFoundError(f"There is no tenant {slug}.", hint="See kontor tenant ls.")
            with database.transaction(TenantId(row[0])) as session:
                yield session
        finally:
            database.close()


def _bytes(text: str) -> int:
    from shared.kernel.errors import InvalidError

    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidError(f"{text!r} is no size.", hint="Write it like 500M or 20G.")
    return int(float(found[1]) * 1024 ** _POWERS[found[2].upper()])
