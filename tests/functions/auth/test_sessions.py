"""Sessions as a client meets them: renewed, listed, ended, and refused at once when over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.adapters.database import Database
from shared.audit import service as audit
from shared.identity import opaque, sessions
from shared.identity.keys import load_signing_key
from shared.identity.model import Device, Principal
from shared.identity.sessions import TokenRules
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD
from tests.functions.http_events import Answer, Handler, call


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.auth.handler import handler

    return handler


def sign_in(handler: Handler, agent: str = "browser") -> Answer:
    body = {"email": "ada@acme.example", "password": PASSWORD}
    answer = call(handler, "POST", "/auth/login", body=body, headers={"user-agent": agent})
    assert answer.status == 200
    return answer


def renew(handler: Handler, token: str) -> Answer:
    return call(handler, "POST", "/auth/refresh", body={"refresh_token": token})


def actions(served: App, tenant_id: TenantId) -> list[str]:
    with served.database.transaction(tenant_id) as session:
        return [entry.action for entry in audit.list_events(session).items]


def test_refresh_token_gives_new_tokens_of_the_same_session(
    handler: Handler, served: App, admin: Principal
) -> None:
    first = sign_in(handler).body
    second = renew(handler, first["refresh_token"])
    assert second.status == 200
    assert second.headers["cache-control"] == "no-store"
    assert second.body["session_id"] == first["session_id"]
    assert second.body["refresh_token"] != first["refresh_token"]
    assert served.verifier.verify(second.body["access_token"]).user_id == admin.user_id
    assert renew(handler, second.body["refresh_token"]).status == 200


def test_second_use_of_a_refresh_token_ends_the_session_and_is_on_record(
    handler: Handler, served: App, admin: Principal
) -> None:
    other = sign_in(handler).body
    first = sign_in(handler).body
    second = renew(handler, first["refresh_token"]).body
    assert renew(handler, first["refresh_token"]).status == 401
    for token in (first["access_token"], second["access_token"]):
        with pytest.raises(UnauthenticatedError, match="signed out"):
            served.verifier.verify(token)
    assert renew(handler, second["refresh_token"]).status == 401
    assert served.verifier.verify(other["access_token"])
    assert actions(served, admin.tenant_id)[0] == "session.reuse_detected"


def test_of_two_renewals_at_once_one_counts_and_the_session_ends(
    handler: Handler, served: App, database_url: str, admin: Principal
) -> None:
    shown = opaque.present("refresh", sign_in(handler).body["refresh_token"])
    assert shown is not None
    with served.database.system_transaction() as asking:
        key = load_signing_key(asking, served.secrets, served.settings.signing_secret)

    def once(_number: int) -> object:
        database = Database(database_url)
        try:
            with database.transaction(shown.tenant_id) as session:
                return sessions.renew(
                    session, shown, device=Device(), rules=TokenRules(key, "kontor", 900)
                )
        except UnauthenticatedError as error:
            return error
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(once, range(4)))
    given = [answer for answer in answers if hasattr(answer, "access_token")]
    assert len(given) == 1
    assert any(isinstance(answer, sessions.Theft) for answer in answers)
    with pytest.raises(UnauthenticatedError):
        served.verifier.verify(given[0].access_token)


@pytest.mark.parametrize("token", ["x", "kontor_rt_", "kontor_rt_" + "A" * 64, "a" * 250])
def test_unknown_refresh_token_is_refused(handler: Handler, admin: Principal, token: str) -> None:
    assert renew(handler, token).status == 401


def test_refresh_token_does_not_count_in_another_tenant(
    handler: Handler, served: App, admin: Principal, other_tenant: TenantId
) -> None:
    token = sign_in(handler).body["refresh_token"]
    shown = opaque.present("refresh", token)
    assert shown is not None
    moved = replace(shown, tenant_id=other_tenant)
    with served.database.system_transaction() as asking:
        key = load_signing_key(asking, served.secrets, served.settings.signing_secret)
    with (
        pytest.raises(UnauthenticatedError),
        served.database.transaction(other_tenant) as session,
    ):
        sessions.renew(session, moved, device=Device(), rules=TokenRules(key, "kontor", 900))
    assert renew(handler, token).status == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE kontor.refresh_tokens SET expires_at = now() - interval '1 second'",
        "UPDATE kontor.sessions SET expires_at = now() - interval '1 second'",
        "UPDATE kontor.users SET is_active = false",
        "UPDATE kontor.tenants SET is_active = false",
    ],
)
def test_refresh_token_past_its_time_or_of_a_switched_off_account_is_refused(
    handler: Handler, owner_url: str, admin: Principal, statement: str
) -> None:
    token = sign_in(handler).body["refresh_token"]
    with psycopg.connect(owner_url) as connection:
        connection.execute(statement.encode())
    assert renew(handler, token).status == 401


def test_logout_ends_this_session_only(handler: Handler, served: App, admin: Principal) -> None:
    phone, laptop = sign_in(handler).body, sign_in(handler).body
    caller = served.verifier.verify(phone["access_token"])
    assert call(handler, "POST", "/auth/logout", principal=caller).status == 204
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(phone["access_token"])
    assert renew(handler, phone["refresh_token"]).status == 401
    assert served.verifier.verify(laptop["access_token"])


def test_logout_everywhere_ends_all(handler: Handler, served: App, admin: Principal) -> None:
    phone, laptop = sign_in(handler).body, sign_in(handler).body
    caller = served.verifier.verify(phone["access_token"])
    assert call(handler, "POST", "/auth/logout-all", principal=caller).status == 204
    for one in (phone, laptop):
        with pytest.raises(UnauthenticatedError, match="signed out"):
            served.verifier.verify(one["access_token"])
        assert renew(handler, one["refresh_token"]).status == 401


def test_sessions_are_listed_and_one_is_ended_by_hand(
    handler: Handler, served: App, admin: Principal
) -> None:
    lost, kept = sign_in(handler, "lost phone").body, sign_in(handler, "laptop\n\x1b").body
    caller = served.verifier.verify(kept["access_token"])
    listed = call(handler, "GET", "/auth/sessions", principal=caller).body["items"]
    assert [(one["user_agent"], one["is_current"]) for one in listed] == [
        ("laptop  ", True),
        ("lost phone", False),
    ]
    assert listed[0]["address"] == "127.0.0.1"
    assert listed[0]["methods"] == ["password"]
    path = f"/auth/sessions/{lost['session_id']}"
    assert call(handler, "DELETE", path, principal=caller).status == 204
    assert call(handler, "DELETE", path, principal=caller).status == 404
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(lost["access_token"])
    listed = call(handler, "GET", "/auth/sessions", principal=caller).body["items"]
    assert [one["id"] for one in listed] == [kept["session_id"]]
    assert actions(served, admin.tenant_id)[0] == "session.ended"


def test_who_signed_in_long_ago_shows_who_they_are_before_ending_others(
    handler: Handler, served: App, admin: Principal, owner_url: str
) -> None:
    lost, kept = sign_in(handler, "lost phone").body, sign_in(handler).body
    caller = served.verifier.verify(kept["access_token"])
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.sessions SET created_at = now() - interval '11 minutes'")
    path = f"/auth/sessions/{lost['session_id']}"
    for method, address in (("DELETE", path), ("POST", "/auth/logout-all")):
        asked = call(handler, method, address, principal=caller)
        assert (asked.status, asked.body["fields"]) == (403, {"password": "needed"})
        assert asked.body["type"] == "urn:kontor:problem:proof-required"
        wrong = call(handler, method, address, body={"password": "wrong"}, principal=caller)
        assert wrong.status == 401
    assert served.verifier.verify(lost["access_token"])
    proof = {"password": PASSWORD}
    assert call(handler, "DELETE", path, body=proof, principal=caller).status == 204
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(lost["access_token"])
    own = f"/auth/sessions/{kept['session_id']}"
    assert call(handler, "DELETE", own, principal=caller).status == 204, "leaving needs no proof"


def test_nobody_ends_or_lists_the_sessions_of_another(
    handler: Handler, served: App, admin: Principal
) -> None:
    mine = sign_in(handler).body
    bea = {"email": "bea@acme.example", "display_name": "Bea", "password": "Bergsee bei Nacht 9"}
    assert call(handler, "POST", "/api/v1/users", body=bea, principal=admin).status == 201
    given = call(handler, "POST", "/auth/login", body={k: bea[k] for k in ("email", "password")})
    stranger = served.verifier.verify(given.body["access_token"])
    path = f"/auth/sessions/{mine['session_id']}"
    assert call(handler, "DELETE", path, principal=stranger).status == 404
    listed = call(handler, "GET", "/auth/sessions", principal=stranger).body["items"]
    assert [each["id"] for each in listed] == [given.body["session_id"]]
    assert served.verifier.verify(mine["access_token"])


def test_ended_session_takes_its_open_connections_along(
    handler: Handler, served: App, admin: Principal
) -> None:
    mine, other = sign_in(handler).body, sign_in(handler).body
    job = uuid4()
    with served.database.transaction(admin.tenant_id) as session:
        for name, one in (("mine", mine), ("other", other)):
            realtime.connect(
                session,
                connection_id=name,
                user_id=admin.user_id,
                session_id=UUID(one["session_id"]),
            )
            realtime.subscribe(session, name, f"job:{job}")
        assert sorted(realtime.list_listeners(session, str(job), None)) == ["mine", "other"]
    caller = served.verifier.verify(mine["access_token"])
    call(handler, "POST", "/auth/logout", principal=caller)
    with served.database.transaction(admin.tenant_id) as session:
        assert realtime.list_listeners(session, str(job), None) == ["other"]


def test_sessions_that_ended_long_ago_are_forgotten(
    handler: Handler, served: App, owner_url: str, admin: Principal
) -> None:
    token = sign_in(handler).body["access_token"]
    sign_in(handler)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.sessions SET expires_at = now() - interval '31 days' WHERE id = %s",
            (served.verifier.verify(token).session_id,),
        )
    with served.database.transaction(admin.tenant_id) as session:
        assert sessions.remove_ended(session) == 1
        assert sessions.remove_ended(session) == 0
