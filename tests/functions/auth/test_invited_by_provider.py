"""Invited people who come in by a provider that vouches for the invited address."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from shared.adapters.database import Database
from shared.federation import service as federation
from shared.federation.model import Foreigner
from shared.joining import arriving
from shared.kernel.ids import TenantId, UserId
from tests.functions.auth.conftest import Postman
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.auth.test_invited_groups import (
    CHANGES,
    accept,
    colleague,
    invite,
    make_group,
    members,
)
from tests.functions.http_events import call

INVITED = {"email": "Eve@Acme.example"}
BOSSES = {"claims": {"groups": "groups"}, "group_roles": {"bosses": "admin", "staff": "viewer"}}


@pytest.fixture
def beside(database_url: str) -> Iterator[Database]:
    """A connection of its own, for what happens at the same time."""
    with closing(Database(database_url)) as opened:
        yield opened


def people(owner_url: str) -> list[tuple[str, str, str]]:
    """Everybody but the first administrator: address, role, language."""
    with psycopg.connect(owner_url) as connection:
        return connection.execute(
            "SELECT email, role, language FROM kontor.users WHERE email NOT LIKE 'ada@%'"
            " ORDER BY email"
        ).fetchall()  # type: ignore[return-value]


def open_invitations(site: Site) -> int:
    listed = call(site.handler, "GET", "/api/v1/invitations", principal=site.admin)
    return len(listed.body["items"])


def execute(owner_url: str, statement: str) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def test_invitation_is_used_up_and_gives_its_role_groups_and_language(
    mailing: Site, owner_url: str, actions: Callable[[TenantId], list[str]], postman: Postman
) -> None:
    site = mailing
    make_group(site.app, site.admin, "Law")
    provider = site.add_provider()
    assert invite(site.handler, site.admin, "Law", language="de", **INVITED).status == 201
    first = site.sign_in(provider["id"], EVE)
    assert first.json()["user"]["role"] == "editor"
    assert people(owner_url) == [("eve@acme.example", "editor", "de")]
    assert members(owner_url) == {("Law", "eve@acme.example")}
    assert open_invitations(site) == 0
    (mail,) = postman.deliver()
    assert accept(site.handler, mail.token).status == 422
    assert site.user(site.sign_in(provider["id"], EVE)) == site.user(first)
    told = actions(site.admin.tenant_id)
    for action in ("invitation.accepted", "group.joined", "identity.joined"):
        assert told.count(action) == 1, action
    assert "user.added" not in told


def test_invitation_goes_before_the_role_that_a_provider_gives_everybody(
    mailing: Site, owner_url: str
) -> None:
    site = mailing
    provider = site.add_provider(makes_users=True, default_role="viewer", **BOSSES)
    invite(site.handler, site.admin, **INVITED)
    for _ in range(2):
        assert site.sign_in(provider["id"], EVE).json()["user"]["role"] == "editor"
    assert open_invitations(site) == 0


def test_role_that_groups_there_mean_goes_before_the_invitation_and_is_taken_back(
    mailing: Site,
) -> None:
    site = mailing
    provider = site.add_provider(default_role="viewer", **BOSSES)
    invite(site.handler, site.admin, **INVITED)
    boss = {"sub": "eve-1", "claims": {**EVE["claims"], "groups": ["bosses"]}}  # type: ignore[dict-item]
    assert site.sign_in(provider["id"], boss).json()["user"]["role"] == "admin"
    assert site.sign_in(provider["id"], EVE).json()["user"]["role"] == "viewer"


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "eve@acme.example"},
        {"email": "eve@acme.example", "email_verified": False},
        {"email": "eve.else@acme.example", "email_verified": True},
        {"email": "", "email_verified": True},
    ],
)
def test_only_who_shows_the_invited_address_uses_it_up(
    mailing: Site, owner_url: str, claims: dict[str, object]
) -> None:
    site = mailing
    provider = site.add_provider()
    invite(site.handler, site.admin, **INVITED)
    assert site.sign_in(provider["id"], {"sub": "eve-1", "claims": claims}).status_code == 403
    assert (people(owner_url), open_invitations(site)) == ([], 1)


def test_allowed_domains_keep_invited_people_out_too(mailing: Site, owner_url: str) -> None:
    site = mailing
    provider = site.add_provider(allowed_domains=["partner.example"])
    invite(site.handler, site.admin, **INVITED)
    assert site.sign_in(provider["id"], EVE).status_code == 403
    assert (people(owner_url), open_invitations(site)) == ([], 1)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM kontor.invitations",
        "UPDATE kontor.invitations SET expires_at = now()",
        "UPDATE kontor.invitations SET accepted_at = now()",
    ],
)
def test_invitation_that_is_over_lets_nobody_in(mailing: Site, owner_url: str, change: str) -> None:
    site = mailing
    provider = site.add_provider()
    invite(site.handler, site.admin, **INVITED)
    execute(owner_url, change)
    assert site.sign_in(provider["id"], EVE).status_code == 403
    assert people(owner_url) == []


@pytest.mark.parametrize("change", ["switched off", "may bring nobody in", "role is gone"])
def test_invitation_whose_sender_may_not_give_it_any_more_counts_for_nothing(
    mailing: Site, owner_url: str, change: str
) -> None:
    site = mailing
    closed, open_to_all = site.add_provider(), site.add_provider(name="open", makes_users=True)
    invite(site.handler, colleague(site.handler, site.admin), **INVITED)
    execute(owner_url, CHANGES[change])
    assert site.sign_in(closed["id"], EVE).status_code == 403
    assert site.sign_in(open_to_all["id"], EVE).json()["user"]["role"] == "viewer"
    # Nobody answered it: it only counts no more, for its address has an account now.
    assert open_invitations(site) == 1


def test_invitation_of_another_tenant_lets_nobody_in(
    mailing: Site, owner_url: str, other_tenant: TenantId
) -> None:
    site = mailing
    provider = site.add_provider()
    invite(site.handler, site.admin, **INVITED)
    execute(owner_url, f"UPDATE kontor.invitations SET tenant_id = '{other_tenant}'")
    assert site.sign_in(provider["id"], EVE).status_code == 403
    assert people(owner_url) == []


def test_account_that_is_there_by_now_is_not_joined_by_an_invitation(
    mailing: Site, owner_url: str
) -> None:
    site = mailing
    provider = site.add_provider()
    invite(site.handler, site.admin, **INVITED)
    execute(owner_url, "UPDATE kontor.users SET email = 'eve@acme.example'")
    assert site.sign_in(provider["id"], EVE).status_code == 409
    assert open_invitations(site) == 1


def test_of_two_sign_ins_at_once_the_second_finds_the_account_of_the_first(
    mailing: Site, owner_url: str, beside: Database
) -> None:
    site = mailing
    provider_id = UUID(site.add_provider()["id"])
    invite(site.handler, site.admin, **INVITED)
    eve = Foreigner(site.issuer, "eve-1", "eve@acme.example", True, "Eve", ())
    came: list[UserId] = []

    def come() -> None:
        with site.app.database.transaction(site.admin.tenant_id) as session:
            provider = federation.require_provider(session, provider_id)
            came.append(federation.welcome(session, provider, eve).user_id)

    second = threading.Thread(target=come)
    with beside.transaction(site.admin.tenant_id) as session:
        provider = federation.require_provider(session, provider_id)
        came.append(federation.welcome(session, provider, eve).user_id)
        second.start()
        until_somebody_waits(owner_url)
    second.join(30)
    assert len(came) == 2
    assert came[0] == came[1]
    assert len(people(owner_url)) == 1


def test_who_accepts_by_the_link_while_a_provider_signs_in_is_too_late(
    mailing: Site, owner_url: str, postman: Postman, beside: Database
) -> None:
    site = mailing
    invite(site.handler, site.admin, **INVITED)
    (mail,) = postman.deliver()
    answers: list[int] = []
    late = threading.Thread(target=lambda: answers.append(accept(site.handler, mail.token).status))
    with beside.transaction(site.admin.tenant_id) as session:
        held = arriving.hold(session, "eve@acme.example")
        assert held is not None
        arriving.accept(session, held, display_name="Eve", role="editor")
        late.start()
        until_somebody_waits(owner_url)
    late.join(30)
    assert answers == [422]
    assert len(people(owner_url)) == 1


def until_somebody_waits(owner_url: str) -> None:
    deadline = time.monotonic() + 30
    with psycopg.connect(owner_url, autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            assert time.monotonic() < deadline, "nobody waits"
