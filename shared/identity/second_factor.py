"""Second factors: codes that change every 30 seconds (RFC 6238), and recovery codes for bad days.

The secret is sealed where it lies. A code counts once, a recovery code too; SHA-1 and six digits
because every authenticator app speaks them (RFC 4226 shows why HMAC-SHA-1 is sound here).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from shared.adapters.database import Session
from shared.identity import account_store
from shared.identity.sealing import Seal
from shared.kernel.errors import ConflictError, NotFoundError, UnauthenticatedError
from shared.kernel.ids import UserId

STEP_S, DIGITS = 30, 6
_DRIFT = 1  # a code of the step before or after counts: clocks differ, people type slowly
_SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits
_CODES, _CODE_BYTES = 10, 15
ISSUER = "Kontor"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: the secret in base32, and the same as an address."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment()"


def code_at(secret: bytes, step: int) -> str:
    """Return the code of one time step (RFC 4226, section 5.3)."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: bytes, code: str, *, at_s: float) -> int | None:
    """Return the time step a code belongs to, near a moment; ``None`` when it is wrong."""
    now = int(at_s) // STEP_S
    found, shown = None, code.encode("utf-8", "replace")
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), shown):
            found = step
    return found


def is_on(session: Session, user_id: UserId) -> bool:
    """Tell whether somebody's sign-in asks for a code."""
    factor = account_store.find_factor(session, user_id)
    return factor is not None and factor.confirmed_at is not None


def begin(session: Session, seal: Seal, user_id: UserId, *, email: str) -> Enrolment:
    """Make a secret; it counts once a code of it has been shown.

    Raises ConflictError while another one is in use.
    """
    secret = secrets.token_bytes(_SECRET_BYTES)
    sealed = seal.close(secret, about=_about(session, user_id))
    if not account_store.record_factor(session, user_id, sealed_secret=sealed):
        raise ConflictError(
            "A second factor is in use already.", hint="Remove it first, with a code of it."
        )
    text = base64.b32encode(secret).decode()
    label = quote(f"{ISSUER}:{email}")
    options = urlencode({"secret": text, "issuer": ISSUER, "digits": DIGITS, "period": STEP_S})
    return Enrolment(text, f"otpauth://totp/{label}?{options}")


def confirm(session: Session, seal: Seal, user_id: UserId, code: str) -> list[str]:
    """Begin to ask for codes, after a first right one; returns recovery codes, shown only now.

    Raises NotFoundError when nothing was begun, ConflictError when it is in use already,
    UnauthenticatedError for a wrong code.
    """
    factor = account_store.find_factor(session, user_id)
    if factor is None:
        raise NotFoundError("No second factor was begun.", hint="Begin with POST /auth/totp.")
    if factor.confirmed_at is not None:
        raise ConflictError("The second factor is in use already.")
    _take_code(session, seal, user_id, factor, code)
    account_store.change_factor_to_confirmed(session, user_id)
    return renew_recovery_codes(session, user_id)


def check(session: Session, seal: Seal, user_id: UserId, code: str) -> str:
    """Take a code or a recovery code; returns which it was: ``totp`` or ``recovery_code``.

    Raises UnauthenticatedError when it is wrong, was used, or nothing is in use.
    """
    factor = account_store.find_factor(session, user_id)
    if factor is None or factor.confirmed_at is None:
        raise wrong_code()
    bare = re.sub(r"[\s-]", "", code)
    if len(bare) == DIGITS:
        _take_code(session, seal, user_id, factor, bare)
        return "totp"
    if not account_store.take_recovery_code(session, user_id, _recovery_hash(user_id, bare)):
        raise wrong_code()
    return "recovery_code"


def remove(session: Session, user_id: UserId) -> None:
    """Ask for codes no more; raises NotFoundError when nothing was in use."""
    if not account_store.remove_factor(session, user_id):
        raise NotFoundError("No second factor is in use.")


def renew_recovery_codes(session: Session, user_id: UserId) -> list[str]:
    """Make ten new recovery codes, each good once, in place of the old ones."""
    codes = [_recovery_code() for _ in range(_CODES)]
    account_store.replace_recovery_codes(
        session, user_id, [_recovery_hash(user_id, code.replace("-", "")) for code in codes]
    )
    return codes


def count_recovery_codes(session: Session, user_id: UserId) -> int:
    """Count the recovery codes that are left."""
    return account_store.count_recovery_codes(session, user_id)


def wrong_code() -> UnauthenticatedError:
    """Say that a code does not count, whatever the reason."""
    return UnauthenticatedError(
        "The code is wrong, was used already or has expired.", hint="Wait for the next code."
    )


def _take_code(
    session: Session, seal: Seal, user_id: UserId, factor: account_store.Factor, code: str
) -> None:
    """Use the code's time step up: it and those before it never count again."""
    secret = seal.open(factor.sealed_secret, about=_about(session, user_id))
    step = step_of(secret, code, at_s=time.time())
    if step is None or not account_store.change_last_step(session, user_id, step):
        raise wrong_code()


def _about(session: Session, user_id: UserId) -> str:
    """Return what a sealed secret is bound to: nobody can move it to another person."""
    return f"totp:{session.tenant_id}:{user_id}"


def _recovery_code() -> str:
    """Make a code of 120 random bits: too many to try, so one round of SHA-256 keeps it."""
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_hash(user_id: UserId, bare: str) -> bytes:
    return hashlib.sha256(f"{user_id}:{bare.lower()}".encode("utf-8", "replace")).digest()
