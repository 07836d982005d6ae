"""How people come in: invited by letter, registering, taken over from another system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import bcrypt
import psycopg
import pytest

from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.identity.service import create_tenant
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.http_events import Answer, Handler, call

NEW = "mein Hund heißt anders als dieser"


def invite(handler: Handler, admin: Principal, **changes: str) -> Answer:
    body = {"email": "Bea@Acme.example", "role": "editor", "language": "de", **changes}
    return call(handler, "POST", "/api/v1/invitations", body=body, principal=admin)


def accept(handler: Handler, token: str, password: str = NEW) -> Answer:
    body = {"token": token, "display_name": "Bea", "password": password}
    return call(handler, "POST", "/auth/invitations/accept", body=body)


def test_invited_person_joins_with_a_password_of_their_own(
    handler: Handler,
    postman: Postman,
    admin: Principal,
    sign_in: SignIn,
    actions: Callable[[TenantId], list[str]],
) -> None:
    made = invite(handler, admin)
    assert (made.status, made.body["email"]) == (201, "bea@acme.example")
    assert "token" not in made.body
    (mail,) = postman.deliver()
    assert (mail.to, mail.language) == ("bea@acme.example", "de")
    assert "ada lädt Sie ein, in „Acme“ mitzuarbeiten" in mail.text
    assert "https://kontor.example/auth/invitations/accept?token=" in mail.text
    joined = accept(handler, mail.token)
    assert (joined.status, joined.body["role"], joined.body["tenant"]) == (201, "editor", "acme")
    assert accept(handler, mail.token).status == 422
    assert sign_in("bea@acme.example", NEW).status == 200
    listed = call(handler, "GET", "/api/v1/invitations", principal=admin).body
    assert listed["items"] == []
    told = [each for each in actions(admin.tenant_id) if each.startswith("invitation.")]
    assert told[0] == "invitation.accepted"
    assert told[-1] == "invitation.sent"


def test_inviting_again_sends_a_new_link_and_voids_the_old_one(
    handler: Handler, postman: Postman, admin: Principal
) -> None:
    first = invite(handler, admin).body
    (old,) = postman.deliver()
    second = invite(handler, admin, role="viewer", language="en").body
    (new,) = postman.deliver()
    assert (second["id"], second["role"]) == (first["id"], "viewer")
    assert new.subject == "You are invited to “Acme” on Kontor"
    assert accept(handler, old.token).status == 422
    assert accept(handler, new.token).body["role"] == "viewer"


def test_withdrawn_or_expired_invitation_lets_nobody_in(
    handler: Handler, postman: Postman, admin: Principal, owner_url: str
) -> None:
    made = invite(handler, admin).body
    (withdrawn,) = postman.deliver()
    path = f"/api/v1/invitations/{made['id']}"
    assert call(handler, "DELETE", path, principal=admin).status == 204
    assert call(handler, "DELETE", path, principal=admin).status == 404
    assert accept(handler, withdrawn.token).status == 422
    invite(handler, admin)
    (expired,) = postman.deliver()
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.invitations SET expires_at = now()")
    assert accept(handler, expired.token).status == 422


def test_only_administrators_invite_list_and_withdraw(
    handler: Handler, postman: Postman, admin: Principal
) -> None:
    made = invite(handler, admin).body
    editor = replace(admin, role="editor", permissions=None)
    assert invite(handler, editor).status == 403
    assert call(handler, "GET", "/api/v1/invitations", principal=editor).status == 403
    path = f"/api/v1/invitations/{made['id']}"
    assert call(handler, "DELETE", path, principal=editor).status == 403


def test_invitation_stays_inside_its_tenant(
    handler: Handler, postman: Postman, admin: Principal, owner: Database
) -> None:
    made = invite(handler, admin).body
    with owner.system_transaction() as session:
        tenant, user = create_tenant(
            session, slug="globex", name="G", admin_email="e@g.example", admin_password=PASSWORD
        )
    stranger = Principal(tenant.id, user.id, user.email, "admin")
    path = f"/api/v1/invitations/{made['id']}"
    assert call(handler, "DELETE", path, principal=stranger).status == 404
    assert call(handler, "GET", "/api/v1/invitations", principal=stranger).body["items"] == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"email": "ada@acme.example"}, 409), ({"email": "nobody"}, 422), ({"role": "root"}, 422)],
)
def test_invitation_that_could_not_be_accepted_is_not_sent(
    handler: Handler, postman: Postman, admin: Principal, changes: dict[str, str], status: int
) -> None:
    assert invite(handler, admin, **changes).status == status
    assert postman.deliver() == []


def test_bad_password_leaves_the_invitation_open(
    handler: Handler, postman: Postman, admin: Principal
) -> None:
    invite(handler, admin)
    (mail,) = postman.deliver()
    for bad in ("short", "password123456", "bea@acme.example", "Bea Bea Bea Bea"):
        answer = accept(handler, mail.token, bad)
        assert (answer.status, list(answer.body["fields"])) == (422, ["password"]), bad
    assert accept(handler, mail.token).status == 201


def test_strangers_names_bring_no_links_into_a_letter(
    handler: Handler, postman: Postman, admin: Principal, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.users SET display_name = 'https://evil.example <b>{tenant}</b>'"
        )
        connection.execute("UPDATE kontor.tenants SET name = 'Acme' || chr(10) || 'Bcc: x@y.z'")
    invite(handler, admin)
    (mail,) = postman.deliver()
    assert "https://evil" not in mail.text
    assert "evil.example" not in mail.html
    assert "<b>" not in mail.html
    assert "\n" not in mail.subject


# -- registration ------------------------------------------------------------------------------


def register(handler: Handler, **changes: str) -> Answer:
    body = {
        "tenant": "initech",
        "tenant_name": "Initech",
        "email": "peter@initech.example",
        "display_name": "Peter",
        "password": NEW,
        "language": "en",
        **changes,
    }
    return call(handler, "POST", "/auth/register", body=body)


def test_registered_person_signs_in_once_the_address_is_confirmed(
    handler: Handler, postman: Postman, sign_in: SignIn
) -> None:
    made = register(handler)
    assert (made.status, made.body["user"]["role"]) == (201, "admin")
    refused = sign_in("peter@initech.example", NEW)
    assert refused.status == 403
    assert "confirmed" in refused.body["detail"]
    (mail,) = postman.deliver()
    confirm = {"token": mail.token}
    assert call(handler, "POST", "/auth/verify", body=confirm).status == 204
    assert call(handler, "POST", "/auth/verify", body=confirm).status == 422
    assert sign_in("peter@initech.example", NEW).body["user"]["tenant"] == "initech"


def test_another_link_to_confirm_is_sent_and_voids_the_first(
    handler: Handler, postman: Postman, sign_in: SignIn
) -> None:
    register(handler)
    (first,) = postman.deliver()
    again = {"email": "peter@initech.example"}
    assert call(handler, "POST", "/auth/verify/resend", body=again).status == 202
    (second,) = postman.deliver()
    assert call(handler, "POST", "/auth/verify", body={"token": first.token}).status == 422
    assert call(handler, "POST", "/auth/verify", body={"token": second.token}).status == 204
    assert call(handler, "POST", "/auth/verify/resend", body=again).status == 202
    assert postman.deliver() == []


def test_nobody_registers_where_that_is_closed(
    handler: Handler, postman: Postman, served: App
) -> None:
    served.settings = served.settings.model_copy(update={"registration": "closed"})
    assert register(handler).status == 403


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"tenant": "acme"}, 409),
        ({"tenant": "Ini tech"}, 422),
        ({"email": "peter"}, 422),
        ({"password": "initech-initech"}, 422),
        ({"tenant_name": "\x07"}, 422),
    ],
)
def test_bad_registration_makes_nothing(
    handler: Handler, postman: Postman, owner_url: str, changes: dict[str, str], status: int
) -> None:
    assert register(handler, **changes).status == status
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT slug FROM kontor.tenants").fetchall()
    assert rows == [("acme",)]
    assert postman.deliver() == []


# -- people from elsewhere ---------------------------------------------------------------------


def bring(handler: Handler, admin: Principal, *hashes: str) -> Answer:
    people = [
        {"email": f"p{number}@acme.example", "display_name": "P", "password_hash": each}
        for number, each in enumerate(hashes)
    ]
    return call(handler, "POST", "/api/v1/users/import", body={"people": people}, principal=admin)


def test_imported_bcrypt_hash_counts_and_becomes_argon2id(
    handler: Handler, admin: Principal, owner_url: str, sign_in: SignIn
) -> None:
    made = bcrypt.hashpw(b"old", bcrypt.gensalt(4, b"2a")).decode()
    as_php = "$2y" + bcrypt.hashpw("Grüße".encode(), bcrypt.gensalt(4)).decode()[3:]
    answer = bring(handler, admin, made, as_php)
    assert (answer.status, [one["role"] for one in answer.body["items"]]) == (201, ["viewer"] * 2)
    assert "password" not in str(answer.body)
    assert sign_in("p0@acme.example", "wrong").status == 401
    for _ in range(2):
        assert sign_in("p0@acme.example", "old").status == 200
        assert sign_in("p1@acme.example", "Grüße").status == 200
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT password_hash FROM kontor.users").fetchall()
    assert all(row[0].startswith("$argon2id$") for row in rows)


@pytest.mark.parametrize(
    "password_hash",
    [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$31$" + "a" * 53,
        "$2b$12$short",
        "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
    ],
)
def test_one_hash_that_cannot_be_checked_keeps_all_out(
    handler: Handler, admin: Principal, owner_url: str, password_hash: str
) -> None:
    good = bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()
    assert bring(handler, admin, good, password_hash).status == 422
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM kontor.users").fetchone() == (1,)


def test_only_administrators_import(handler: Handler, admin: Principal) -> None:
    good = bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()
    assert bring(handler, replace(admin, role="editor", permissions=None), good).status == 403
