"""Accounts: forgotten and changed passwords, verified and changed addresses.

Each link counts once and is sent to the address it is about. A new password ends sessions: all of
them after a reset, all others after a change. What was changed is told by letter.
"""

from __future__ import annotations

from shared.adapters.database import Database, Session
from shared.identity import (
    account_store,
    one_time,
    passwords,
    second_factor,
    sessions,
    store,
    throttling,
)
from shared.identity.account_store import Account
from shared.identity.events import LinkAsked
from shared.identity.letters import Letter, LetterKind
from shared.identity.model import Principal, SignIn, Tenant, User
from shared.identity.one_time import Purpose, Wanted
from shared.identity.post import Mailroom, post
from shared.identity.rights import require_grantable
from shared.identity.service import clean_address, own_tenant, words_about
from shared.kernel.errors import ConflictError, NotFoundError, UnauthenticatedError
from shared.kernel.ids import TenantId, UserId

PATHS: dict[Purpose, str] = {
    "verify_email": "/auth/verify",
    "change_email": "/auth/email/confirm",
    "reset_password": "/auth/password/reset",
}


def list_known(database: Database, email: str, tenant_slug: str | None) -> list[SignIn]:
    """List the accounts an address may mean.

    Where it means none, something is written all the same: the time must not tell.
    """
    address = email.strip().lower()
    with database.system_transaction() as session:
        known = store.list_sign_ins(session, email=address, tenant_slug=tenant_slug)
        if not known:
            throttling.note_unknown(session, address)
    return known


def answer_link(database: Database, mailroom: Mailroom, asked: LinkAsked) -> list[TenantId]:
    """Write the letters somebody without a session asked for; returns whose post to send.

    An address nobody has is answered like any other: with nothing that the asker could see.
    """
    known = list_known(database, asked.email, asked.tenant_slug)
    return [one.tenant_id for one in known if _answer(database, mailroom, asked.purpose, one)]


def _answer(database: Database, mailroom: Mailroom, purpose: str, one: SignIn) -> bool:
    with database.transaction(one.tenant_id) as session:
        account = _own(session, one.user_id)
        if purpose == "reset_password":
            write_link(session, mailroom, account, "reset_password")
        elif purpose == "verify_email" and account.must_verify:
            write_link(session, mailroom, account, "verify_email")
        else:
            return False
    return True


def write_link(
    session: Session,
    mailroom: Mailroom,
    account: Account,
    purpose: Purpose,
    *,
    to: str = "",
) -> None:
    """Send somebody a link that counts once; to ``to`` if it is about another address."""
    tenant = own_tenant(session)
    address = to or account.email
    token = one_time.make(session, tenant.id, Wanted(account.id, purpose, address))
    kinds: dict[Purpose, LetterKind] = {
        "verify_email": "verify_email",
        "change_email": "change_email",
        "reset_password": "reset_password",
    }
    letter = Letter(
        kinds[purpose],
        to=address,
        language=account.language,
        tenant=tenant.name,
        link=mailroom.link(PATHS[purpose], token),
    )
    post(session, mailroom.seal, letter)


def notify(
    session: Session,
    mailroom: Mailroom,
    user_id: UserId,
    kind: LetterKind,
    *,
    to: str = "",
    name: str = "",
) -> None:
    """Tell somebody by letter what was changed of their account; ``name`` of what, if needed."""
    account = _own(session, user_id)
    letter = Letter(
        kind,
        to=to or account.email,
        language=account.language,
        tenant=own_tenant(session).name,
        name=name,
    )
    post(session, mailroom.seal, letter)


def is_address_taken(session: Session, address: str) -> bool:
    """Tell whether somebody of the tenant has an address."""
    return account_store.is_email_taken(session, address)


def settle(session: Session, user: User, language: str) -> None:
    """Note that a letter reached a new account's address, and in which language it was."""
    account_store.change_language(session, user.id, language)
    account_store.change_to_verified(session, user.id, user.email)


def await_verification(session: Session, mailroom: Mailroom, user: User, language: str) -> None:
    """Let a new account sign in only once its address is verified, and send the link for that."""
    account_store.change_language(session, user.id, language)
    account_store.change_to_unverified(session, user.id)
    write_link(session, mailroom, _own(session, user.id), "verify_email")


def reset_password(
    database: Database, mailroom: Mailroom, *, token: str, password: str
) -> tuple[TenantId, UserId]:
    """Set a new password by a link from a letter; ends every session of its owner.

    A second factor stays. Raises InvalidError for a link that does not count or a bad password.
    """
    shown = one_time.present("reset_password", token)
    with database.transaction(shown.tenant_id) as session:
        found = one_time.look(session, shown, "reset_password")
        account = _own(session, found.user_id)
    password_hash = _chosen(account, password)
    with database.transaction(shown.tenant_id) as session:
        one_time.redeem(session, shown, "reset_password")
        account_store.change_password(session, account.id, password_hash)
        account_store.remove_one_time(session, account.id, "reset_password", "change_email")
        account_store.change_to_verified(session, account.id, found.email)
        sessions.end_all(session, account.id, because="the password was reset")
        notify(session, mailroom, account.id, "password_changed")
    return shown.tenant_id, account.id


def change_password(
    database: Database, mailroom: Mailroom, principal: Principal, *, old: str, new: str
) -> None:
    """Set a new password by the old one; ends every other session of the caller.

    Raises UnauthenticatedError for a wrong old one, InvalidError for a bad new one.
    """
    account = check_password(database, principal, old)
    password_hash = _chosen(account, new)
    with database.transaction(principal.tenant_id) as session:
        account_store.change_password(session, account.id, password_hash)
        account_store.remove_one_time(session, account.id, "reset_password", "change_email")
        sessions.end_others(session, principal, because="the password was changed")
        notify(session, mailroom, account.id, "password_changed")


def check_password(database: Database, principal: Principal, password: str) -> Account:
    """Ask for the caller's password once more; raises UnauthenticatedError when it is wrong."""
    with database.transaction(principal.tenant_id) as session:
        account = _own(session, principal.user_id)
    if not passwords.is_right(account.password_hash, password):
        raise UnauthenticatedError("The password is wrong.", hint="Give the one you sign in with.")
    return account


def choose_language(session: Session, principal: Principal, language: str) -> None:
    """Write to the caller in another language from now on."""
    account_store.change_language(session, principal.user_id, language)


def ask_email_change(
    session: Session, mailroom: Mailroom, principal: Principal, *, email: str
) -> None:
    """Send a link to the address somebody wants to have; nothing changes before it is opened.

    An address that is taken gets no letter, and the asker is not told. Raises InvalidError.
    """
    address = clean_address(email)
    if not account_store.is_email_taken(session, address):
        account = _own(session, principal.user_id)
        write_link(session, mailroom, account, "change_email", to=address)


def confirm_email_change(
    session: Session, mailroom: Mailroom, shown_token: str
) -> tuple[UserId, str]:
    """Take a new address over by the link sent to it; returns whose it is and the address.

    Raises InvalidError for a link that does not count, ConflictError when somebody has the
    address by now.
    """
    shown = one_time.present("change_email", shown_token)
    found = one_time.redeem(session, shown, "change_email")
    before = _own(session, found.user_id)
    if not account_store.change_email(session, found.user_id, found.email):
        raise ConflictError("Somebody of your tenant has this address.", hint="Use another one.")
    account_store.remove_one_time(session, found.user_id, "reset_password")
    notify(session, mailroom, found.user_id, "email_changed", to=before.email)
    return found.user_id, found.email


def look(database: Database, purpose: Purpose, token: str) -> tuple[Tenant, str]:
    """Return of what tenant a link is and which address it is about; it still counts afterwards.

    Raises InvalidError for a link that does not count.
    """
    shown = one_time.present(purpose, token)
    with database.transaction(shown.tenant_id) as session:
        found = one_time.look(session, shown, purpose)
        tenant = store.find_tenant(session)
    if tenant is None or not tenant.is_active:
        raise one_time.spent()
    return tenant, found.email


def verify_email(session: Session, shown_token: str) -> UserId:
    """Note that an address is its owner's by the link sent to it; returns whose it is.

    Raises InvalidError for a link that does not count.
    """
    shown = one_time.present("verify_email", shown_token)
    found = one_time.redeem(session, shown, "verify_email")
    if not account_store.change_to_verified(session, found.user_id, found.email):
        raise one_time.spent()
    return found.user_id


def reset_second_factor(
    session: Session, mailroom: Mailroom, principal: Principal, user_id: UserId
) -> None:
    """Remove the second factor of somebody of the caller's tenant; their sessions end.

    Raises RefusedError without users:manage or for somebody who may do more than the caller,
    NotFoundError when there is no such user or factor.
    """
    principal.require("users:manage")
    require_grantable(session, principal, _own(session, user_id).role)
    second_factor.remove(session, user_id)
    sessions.end_all(session, user_id, because="the second factor was reset")
    notify(session, mailroom, user_id, "second_factor_off")


def end_sessions_of(session: Session, principal: Principal, user_id: UserId) -> int:
    """End every session of somebody of the caller's tenant; returns how many ended.

    Raises RefusedError without users:manage, NotFoundError when there is no such user.
    """
    principal.require("users:manage")
    _own(session, user_id)
    return sessions.end_all(session, user_id, because="an administrator ended it")


def remove_expired(session: Session) -> int:
    """Forget links and challenges past their time; returns how many."""
    return account_store.remove_expired_one_time(session)


def _own(session: Session, user_id: UserId) -> Account:
    account = account_store.find_account(session, user_id)
    if account is None:
        raise NotFoundError("There is no such user.")
    return account


def _chosen(account: Account, password: str) -> str:
    about = words_about(account.email, account.display_name)
    return passwords.hash_new(password, about=about)
