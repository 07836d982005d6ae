"""One's own account: a forgotten password, a changed one, another address; and guessers waiting."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.http_events import Answer, Handler, call

NEW = "mein Hund heißt anders als dieser"
Actions = Callable[[TenantId], list[str]]


def forget(handler: Handler, email: str = "Ada@acme.example", **more: str) -> Answer:
    return call(handler, "POST", "/auth/password/forgot", body={"email": email, **more})


def reset(handler: Handler, token: str, password: str = NEW) -> Answer:
    body = {"token": token, "password": password}
    return call(handler, "POST", "/auth/password/reset", body=body)


def caller_of(served: App, answer: Answer) -> Principal:
    assert answer.status == 200
    return served.verifier.verify(answer.body["access_token"])


def test_forgotten_password_is_set_anew_by_a_link_that_counts_once(
    handler: Handler,
    served: App,
    postman: Postman,
    admin: Principal,
    sign_in: SignIn,
    actions: Actions,
) -> None:
    before = sign_in()
    assert forget(handler).status == 202
    (mail,) = postman.deliver()
    assert (mail.to, mail.subject) == ("ada@acme.example", "Set a new password")
    assert "https://kontor.example/auth/password/reset?token=" in mail.text
    assert reset(handler, mail.token, "short").status == 422
    assert reset(handler, mail.token).status == 204
    assert reset(handler, mail.token, "still another password").status == 422
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(before.body["access_token"])
    assert (sign_in().status, sign_in(password=NEW).status) == (401, 200)
    (notice,) = postman.deliver()
    assert notice.subject == "Your password was changed"
    assert "token" not in notice.text
    assert "user.password_reset" in actions(admin.tenant_id)


def test_unknown_address_gets_the_same_answer_and_no_letter(
    handler: Handler, postman: Postman
) -> None:
    known, unknown = forget(handler), forget(handler, "eve@acme.example")
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert len(postman.carrier.facts) == 2
    assert [mail.to for mail in postman.deliver()] == ["ada@acme.example"]


def test_neither_bus_nor_table_holds_a_link_that_counts(
    handler: Handler, postman: Postman, owner_url: str
) -> None:
    forget(handler)
    from functions.mail.handler import handler as send

    fact = postman.carrier.facts.pop()
    send({"detail-type": fact.name, "detail": dict(fact.detail)}, None)
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT sealed FROM kontor.mails").fetchall()
        tokens = connection.execute("SELECT token_hash FROM kontor.one_time_tokens").fetchall()
    waiting = str(postman.carrier.facts)
    (mail,) = postman.deliver()
    assert mail.token not in waiting
    assert (len(rows), len(tokens)) == (1, 1)
    assert mail.token.encode() not in bytes(rows[0][0]) + bytes(tokens[0][0])
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM kontor.mails").fetchone() == (0,)


def test_newer_link_voids_the_older_one_and_none_counts_for_another_purpose(
    handler: Handler, postman: Postman
) -> None:
    forget(handler)
    (old,) = postman.deliver()
    forget(handler)
    (new,) = postman.deliver()
    assert reset(handler, old.token).status == 422
    for path in ("/auth/verify", "/auth/email/confirm"):
        assert call(handler, "POST", path, body={"token": new.token}).status == 422
    assert reset(handler, new.token).status == 204


@pytest.mark.parametrize("token", ["x", "kontor_ln_" + "A" * 64, "kontor_rt_" + "A" * 64])
def test_token_that_is_none_is_refused(handler: Handler, postman: Postman, token: str) -> None:
    assert reset(handler, token).status == 422


def test_expired_link_is_refused(handler: Handler, postman: Postman, owner_url: str) -> None:
    forget(handler)
    (mail,) = postman.deliver()
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.one_time_tokens SET expires_at = now()")
    assert reset(handler, mail.token).status == 422


def test_password_is_changed_with_the_old_one_and_ends_other_sessions(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn
) -> None:
    other, mine = sign_in(), sign_in()
    caller = caller_of(served, mine)
    wrong = {"old_password": "not the old one", "new_password": NEW}
    path = "/auth/password"
    assert call(handler, "POST", path, body=wrong, principal=caller).status == 401
    weak = {"old_password": PASSWORD, "new_password": "ada@acme.example"}
    assert call(handler, "POST", path, body=weak, principal=caller).status == 422
    right = {"old_password": PASSWORD, "new_password": NEW}
    assert call(handler, "POST", path, body=right, principal=caller).status == 204
    assert served.verifier.verify(mine.body["access_token"])
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(other.body["access_token"])
    assert [mail.subject for mail in postman.deliver()] == ["Your password was changed"]
    assert sign_in(password=NEW).status == 200


def test_address_changes_when_the_link_sent_to_it_is_opened(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn
) -> None:
    caller = caller_of(served, sign_in())
    language = {"language": "de"}
    assert call(handler, "PUT", "/auth/language", body=language, principal=caller).status == 204
    body = {"email": "Ada@new.example", "password": PASSWORD}
    assert call(handler, "POST", "/auth/email", body=body, principal=caller).status == 202
    (mail,) = postman.deliver()
    assert (mail.to, mail.language) == ("ada@new.example", "de")
    assert sign_in("ada@new.example").status == 401
    confirm = {"token": mail.token}
    assert call(handler, "POST", "/auth/email/confirm", body=confirm).status == 204
    assert (sign_in("ada@new.example").status, sign_in().status) == (200, 401)
    (notice,) = postman.deliver()
    assert (notice.to, notice.subject) == (
        "ada@acme.example",
        "Ihre E-Mail-Adresse wurde geändert",
    )


def test_taken_address_is_not_told_to_whoever_asks_for_it(
    handler: Handler, served: App, postman: Postman, admin: Principal, sign_in: SignIn
) -> None:
    new = {"email": "bea@acme.example", "display_name": "Bea", "password": NEW}
    call(handler, "POST", "/api/v1/users", body=new, principal=admin)
    caller = caller_of(served, sign_in())
    answers = []
    for email in ("bea@acme.example", "free@acme.example"):
        body = {"email": email, "password": PASSWORD}
        answers.append(call(handler, "POST", "/auth/email", body=body, principal=caller))
    assert answers[0].body == answers[1].body
    assert [mail.to for mail in postman.deliver()] == ["free@acme.example"]
    wrong = {"email": "x@acme.example", "password": "not the password"}
    assert call(handler, "POST", "/auth/email", body=wrong, principal=caller).status == 401


def test_administrator_ends_the_sessions_of_others_of_the_tenant_only(
    handler: Handler, served: App, admin: Principal, other_tenant: TenantId, sign_in: SignIn
) -> None:
    mine = sign_in()
    path = f"/api/v1/users/{admin.user_id}/sessions"
    stranger = Principal(other_tenant, admin.user_id, "e@g.example", "admin")
    assert call(handler, "DELETE", path, principal=stranger).status == 404
    viewer = Principal(admin.tenant_id, admin.user_id, "v@acme.example", "viewer")
    assert call(handler, "DELETE", path, principal=viewer).status == 403
    assert call(handler, "DELETE", path, principal=admin).body == {"ended": 1}
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(mine.body["access_token"])


# -- guessers wait -----------------------------------------------------------------------------


def test_sixth_wrong_try_waits_even_with_the_right_password(
    handler: Handler, admin: Principal, sign_in: SignIn, actions: Actions
) -> None:
    for _ in range(5):
        assert sign_in(password="a wrong password").status == 401
    waiting = sign_in()
    assert waiting.status == 429
    assert 0 < int(waiting.headers["retry-after"]) <= 60
    assert waiting.body["type"] == "urn:kontor:problem:limited"
    assert actions(admin.tenant_id) == ["user.sign_in_failed"] * 5


def test_unknown_account_waits_like_a_known_one(sign_in: SignIn, admin: Principal) -> None:
    answers: dict[str, list[Answer]] = {"ada@acme.example": [], "eve@acme.example": []}
    for email, given in answers.items():
        given.extend(sign_in(email, "a wrong password") for _ in range(6))
    known, unknown = answers.values()
    assert [one.status for one in known] == [one.status for one in unknown] == [401] * 5 + [429]
    ignored = {"correlation_id", "hint"}
    for one, other in zip(known, unknown, strict=True):
        assert {k: v for k, v in one.body.items() if k not in ignored} == {
            k: v for k, v in other.body.items() if k not in ignored
        }


def test_right_password_forgives_the_wrong_ones_before_it(
    sign_in: SignIn, admin: Principal
) -> None:
    for _ in range(2):
        for _ in range(4):
            assert sign_in(password="a wrong password").status == 401
        assert sign_in().status == 200


def test_links_by_mail_are_asked_for_at_most_so_often(handler: Handler, postman: Postman) -> None:
    for email in ("ada@acme.example", "eve@acme.example"):
        assert [forget(handler, email).status for _ in range(6)] == [202] * 5 + [429]


def test_wrong_own_password_is_counted_and_on_record(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn, actions: Actions
) -> None:
    caller = caller_of(served, sign_in())
    wrong = {"old_password": "not the old one", "new_password": NEW}
    statuses = [
        call(handler, "POST", "/auth/password", body=wrong, principal=caller).status
        for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]
    assert actions(caller.tenant_id)[:5] == ["user.secret_refused"] * 5
