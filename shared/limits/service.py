"""Use cases of limits: charge a caller, show what is left, choose a plan; tidy up."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from shared.adapters.database import Database, Session
from shared.kernel.errors import InvalidError
from shared.limits import store
from shared.limits.model import Caller, Standing, TooManyRequestsError, cost_of

_NETWORK_BITS = 64


def charge(database: Database, caller: Caller, route_key: str) -> Standing | None:
    """Take what a request costs, in one round trip; ``None`` when nothing limits it.

    Raises TooManyRequestsError when it is too much, UnavailableError without a database.
    """
    cost = cost_of(route_key)
    if not cost:
        return None
    standing = store.charge_caller(database, caller, cost)
    if standing is not None and not standing.is_allowed:
        raise TooManyRequestsError(standing, cost)
    return standing


def caller_at(address: str) -> Caller:
    """Return whose bucket a network address is: an IPv6 network of 64 bits is one household.

    Addresses are kept as hashes only: they say who somebody is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        network = address
    else:
        network = parsed.compressed
        if isinstance(parsed, IPv6Address):
            network = str(int(parsed) >> _NETWORK_BITS)
    return Caller("address", sha256(network.encode()).hexdigest()[:32])


def standings(session: Session, caller: Caller) -> list[Standing]:
    """List what is left of each limit of a caller, without taking anything."""
    return store.list_standings(session, caller)


def plan_of(session: Session) -> str:
    """Return the name of the tenant's plan."""
    plan = store.find_plan(session)
    return plan.plan if plan is not None else "free"


def stored_bytes(session: Session) -> int:
    """Return what all versions of the tenant take, whoever asks."""
    return store.find_stored(session)


def choose_plan(session: Session, plan: str) -> None:
    """Give the session's tenant a plan; on the owner's connection.

    Raises InvalidError when there is no such plan.
    """
    if plan == "public" or store.change_plan(session, plan) is None:
        raise InvalidError(f"There is no plan {plan!r}.", hint="Use free, team, enterprise or own.")


def tidy(session: Session) -> int:
    """Throw away buckets that are full; returns how many. In a system transaction."""
    return store.forget_full_buckets(session)
