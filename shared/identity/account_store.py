"""The rows of accounts beside sessions: links, second factors, mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.identity.model import FirstFactor, ProviderSession
from shared.identity.store import QUERIES
from shared.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class Account:
    """What a person's own affairs need to know of them."""

    id: UserId
    email: str
    display_name: str
    language: str
    password_hash: str = field(repr=False)
    role: str
    must_verify: bool


@dataclass(frozen=True, slots=True)
class OneTime:
    """What a token that counts once stands for: whose it is, and the address it is about.

    ``after_method`` is how a challenge's owner showed the first factor.
    """

    user_id: UserId
    email: str
    after_method: FirstFactor
    provider_id: UUID | None
    provider_sid: str

    @property
    def there(self) -> ProviderSession | None:
        """Return where a challenge's owner showed the first factor, if at an identity provider."""
        return ProviderSession(self.provider_id, self.provider_sid) if self.provider_id else None


@dataclass(frozen=True, slots=True)
class Factor:
    """Somebody's second factor; it counts once confirmed."""

    sealed_secret: bytes = field(repr=False)
    last_step: int
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class HowMany:
    """How many."""

    number: int


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """What a tenant asks of everybody's sign-in."""

    requires_second_factor: bool


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A mail on its way out, sealed."""

    id: UUID
    sealed: bytes


# -- people ------------------------------------------------------------------------------------


def find_account(session: Session, user_id: UserId) -> Account | None:
    """Look a person's own affairs up."""
    return session.find(QUERIES["find_account"], Account, {"id": user_id})


def change_to_verified(session: Session, user_id: UserId, email: str) -> bool:
    """Note that an address is this person's; False when they have another one by now."""
    return session.execute(QUERIES["change_to_verified"], {"id": user_id, "email": email}) > 0


def change_email(session: Session, user_id: UserId, email: str) -> bool:
    """Give a person another, verified address; False when it is taken in this tenant."""
    return session.execute(QUERIES["change_email"], {"id": user_id, "email": email}) > 0


def change_password(session: Session, user_id: UserId, password_hash: str) -> None:
    """Give a person another password."""
    session.execute(QUERIES["change_password"], {"id": user_id, "password_hash": password_hash})


def change_language(session: Session, user_id: UserId, language: str) -> None:
    """Note in which language a person is written to."""
    session.execute(QUERIES["change_language"], {"id": user_id, "language": language})


def change_to_unverified(session: Session, user_id: UserId) -> None:
    """Let a person sign in only after the address was verified."""
    session.execute(QUERIES["change_to_unverified"], {"id": user_id})


def is_email_taken(session: Session, email: str) -> bool:
    """Tell whether somebody of the tenant has an address."""
    return session.get(QUERIES["count_email"], HowMany, {"email": email}).number > 0


# -- links and challenges ----------------------------------------------------------------------


def record_one_time(
    session: Session,
    token_hash: bytes,
    user_id: UserId,
    *,
    purpose: str,
    email: str,
    after_method: FirstFactor,
    there: ProviderSession | None,
    expires_at: datetime,
) -> None:
    """Insert a token that counts once."""
    session.execute(
        QUERIES["record_one_time"],
        {
            "token_hash": token_hash,
            "user_id": user_id,
            "purpose": purpose,
            "email": email,
            "after_method": after_method,
            "provider_id": there.provider_id if there else None,
            "provider_sid": there.sid if there else "",
            "expires_at": expires_at,
        },
    )


def find_one_time(session: Session, token_hash: bytes, purpose: str) -> OneTime | None:
    """Look a token up that still counts."""
    params = {"token_hash": token_hash, "purpose": purpose}
    return session.find(QUERIES["find_one_time"], OneTime, params)


def take_one_time(session: Session, token_hash: bytes, purpose: str) -> OneTime | None:
    """Use a token up that still counts."""
    params = {"token_hash": token_hash, "purpose": purpose}
    return session.find(QUERIES["take_one_time"], OneTime, params)


def remove_one_time(session: Session, user_id: UserId, *purposes: str) -> None:
    """Delete a person's tokens of some purposes."""
    params = {"user_id": user_id, "purposes": list(purposes)}
    session.execute(QUERIES["remove_one_time"], params)


def remove_expired_one_time(session: Session) -> int:
    """Delete tokens past their time; returns how many."""
    return session.execute(QUERIES["remove_expired_one_time"])


# -- second factors ----------------------------------------------------------------------------


def find_factor(session: Session, user_id: UserId) -> Factor | None:
    """Look a person's second factor up, and lock it until the transaction ends."""
    return session.find(QUERIES["find_factor"], Factor, {"user_id": user_id})


def record_factor(session: Session, user_id: UserId, *, sealed_secret: bytes) -> bool:
    """Keep a new secret in place of an unconfirmed one; False when one is in use."""
    params = {"user_id": user_id, "sealed_secret": sealed_secret}
    return session.execute(QUERIES["record_factor"], params) > 0


def change_factor_to_confirmed(session: Session, user_id: UserId) -> None:
    """Begin to ask for codes."""
    session.execute(QUERIES["change_factor_to_confirmed"], {"user_id": user_id})


def change_last_step(session: Session, user_id: UserId, step: int) -> bool:
    """Use a time step up; False when it or a later one was used before."""
    params = {"user_id": user_id, "step": step}
    return session.execute(QUERIES["change_last_step"], params) > 0


def remove_factor(session: Session, user_id: UserId) -> bool:
    """Delete a second factor and its recovery codes; False when there was none."""
    return session.execute(QUERIES["remove_factor"], {"user_id": user_id}) > 0


def replace_recovery_codes(session: Session, user_id: UserId, hashes: Sequence[bytes]) -> None:
    """Put new recovery codes in place of a person's old ones."""
    session.execute(QUERIES["remove_recovery_codes"], {"user_id": user_id})
    params = {"user_id": user_id, "hashes": list(hashes)}
    session.execute(QUERIES["record_recovery_codes"], params)


def take_recovery_code(session: Session, user_id: UserId, code_hash: bytes) -> bool:
    """Use a recovery code up; False when it is not one of the person's."""
    params = {"user_id": user_id, "code_hash": code_hash}
    return session.execute(QUERIES["take_recovery_code"], params) > 0


def count_recovery_codes(session: Session, user_id: UserId) -> int:
    """Count a person's recovery codes."""
    return session.get(QUERIES["count_recovery_codes"], HowMany, {"user_id": user_id}).number


def find_sign_in_policy(session: Session) -> SignInPolicy | None:
    """Look up what the tenant asks of every sign-in."""
    return session.find(QUERIES["find_sign_in_policy"], SignInPolicy)


def record_sign_in_policy(session: Session, *, requires_second_factor: bool) -> None:
    """Set what the tenant asks of every sign-in."""
    params = {"requires_second_factor": requires_second_factor}
    session.execute(QUERIES["record_sign_in_policy"], params)


# -- mails -------------------------------------------------------------------------------------


def record_mail(session: Session, mail_id: UUID, *, sealed: bytes) -> None:
    """Insert a mail on its way out."""
    session.execute(QUERIES["record_mail"], {"id": mail_id, "sealed": sealed})


def take_mail(session: Session, mail_id: UUID) -> SealedMail | None:
    """Take a mail out; ``None`` when it went already. Undone if the transaction is."""
    return session.find(QUERIES["take_mail"], SealedMail, {"id": mail_id})


def list_waiting_mails(session: Session) -> list[SealedMail]:
    """List mails that should have gone out by now."""
    return session.all(QUERIES["list_waiting_mails"], SealedMail)


def remove_old_mails(session: Session) -> int:
    """Delete mails whose links no longer count; returns how many."""
    return session.execute(QUERIES["remove_old_mails"])
