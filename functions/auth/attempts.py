"""What tries of secrets share: how many are free, and what a failed one leaves in the trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.audit import service as audit
from shared.identity import store, throttling
from shared.identity.model import Device, Principal
from shared.identity.throttling import Patience, Try
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId
from shared.wiring import App


def patience_of(app: App) -> Patience:
    """Read how many tries are free here."""
    config = app.settings
    return Patience(account_tries=config.sign_in_tries, address_tries=config.sign_in_address_tries)


@contextmanager
def counted(app: App, tried: Try) -> Iterator[None]:
    """Count a try before it is made, and forgive the ones before it when it was right.

    Raises LimitedError when it must wait.
    """
    throttling.take(app.database, tried, patience_of(app))
    yield
    throttling.forgive(app.database, tried)


@contextmanager
def counted_for(app: App, caller: Principal, device: Device) -> Iterator[None]:
    """Count a try of a password or code by somebody who is signed in, and record a failed one."""
    tried = Try("own_secret", str(caller.user_id), device.address)
    try:
        with counted(app, tried):
            yield
    except UnauthenticatedError:
        record_failure(app, caller.tenant_id, caller.user_id, "user.secret_refused", device)
        raise


def record_failed_sign_in(app: App, email: str, tenant: str | None, device: Device) -> None:
    """Leave a failed sign-in in the trail of every tenant that knows the address.

    Where none does, something is written all the same: the time must not tell.
    """
    with app.database.system_transaction() as session:
        accounts = store.list_sign_ins(session, email=email.strip().lower(), tenant_slug=tenant)
        if not accounts:
            nobody = Try("unknown", email).account_key
            store.take_try(session, nobody, most=1_000_000, wait_s=1, window_s=60)
    for one in accounts:
        record_failure(app, one.tenant_id, one.user_id, "user.sign_in_failed", device)


def record_failure(
    app: App, tenant_id: TenantId, user_id: UserId, action: str, device: Device
) -> None:
    """Leave a refused try in the trail, in a transaction of its own."""
    with app.database.transaction(tenant_id) as session:
        audit.record(
            session,
            actor_id=None,
            action=action,
            subject=f"user:{user_id}",
            details={"address": device.address, "user_agent": device.user_agent},
        )
