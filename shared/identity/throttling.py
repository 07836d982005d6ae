"""Throttling: wrong tries make the next one wait, longer each time, never for ever.

Counted per account and per address before the try is made, in a transaction of its own: guesses
that come all at once are counted one by one, and an unknown account is counted like a known one.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from dataclasses import dataclass

from shared.adapters.database import Database, Session
from shared.identity import store
from shared.kernel.errors import LimitedError

logger = logging.getLogger(__name__)
_NETWORK_BITS = 64  # who has one IPv6 address has all of its network


@dataclass(frozen=True, slots=True)
class Patience:
    """How many tries are free in ``window_s``, and how long the first wait after them is."""

    account_tries: int = 5
    address_tries: int = 20
    wait_s: int = 60
    window_s: int = 900


@dataclass(frozen=True, slots=True)
class Try:
    """One try: what for, whom it is about (an address, an id) and where it comes from."""

    purpose: str
    account: str
    address: str = ""

    @property
    def account_key(self) -> bytes:
        """Return what the account's tries are counted under: nobody can read whom it means."""
        return _key(self.purpose, "account", self.account.strip().lower())

    @property
    def address_key(self) -> bytes:
        """Return what the address's tries are counted under."""
        return _key(self.purpose, "address", _network(self.address))


def take(database: Database, tried: Try, patience: Patience) -> None:
    """Count a try that is about to be made; raises LimitedError when it must wait.

    The address is asked first: one that is closed cannot close accounts.
    """
    with database.system_transaction() as session:
        wait_s = _take(session, tried, patience)
    if wait_s:
        logger.warning("tries throttled", extra={"purpose": tried.purpose, "wait_s": wait_s})
        raise LimitedError(
            "Too many tries.", retry_after_s=wait_s, hint=f"Try again in {wait_s} seconds."
        )


def forgive(database: Database, tried: Try) -> None:
    """Forget the account's wrong tries after a right one; of the address only this try."""
    with database.system_transaction() as session:
        store.forgive_tries(session, tried.account_key)
        if tried.address:
            store.give_back_try(session, tried.address_key)


def forget_old(session: Session) -> None:
    """Forget tries of a day ago or more."""
    store.forget_old_tries(session)


def _take(session: Session, tried: Try, patience: Patience) -> int:
    timing = {"wait_s": patience.wait_s, "window_s": patience.window_s}
    if tried.address:
        wait_s = store.take_try(session, tried.address_key, most=patience.address_tries, **timing)
        if wait_s:
            return wait_s
    return store.take_try(session, tried.account_key, most=patience.account_tries, **timing)


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004
        return str(found)
    return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
