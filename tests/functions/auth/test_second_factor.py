"""Second factors end to end: set up, asked for, replayed, lost, recovered, demanded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest

from shared.identity import second_factor
from shared.identity.model import Principal
from shared.identity.second_factor import STEP_S, code_at
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.http_events import Answer, Handler, call

NOW_S = 1_800_000_000.0


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server's clock stand still, so that no test waits for the next code."""
    monkeypatch.setattr(second_factor, "time", SimpleNamespace(time=lambda: NOW_S))


class Authenticator:
    """An authenticator app; it never shows a code twice."""

    def __init__(self, secret: str) -> None:
        self._secret = base64.b32decode(secret)
        self._step = int(NOW_S) // STEP_S - 2

    def next_code(self) -> str:
        """A code that was not shown before: of the step before, this or the next one."""
        self._step += 1
        assert self._step <= int(NOW_S) // STEP_S + 1, "three codes a test"
        return code_at(self._secret, self._step)


def caller_of(served: App, answer: Answer) -> Principal:
    assert answer.status == 200, answer.body
    return served.verifier.verify(answer.body["access_token"])


def set_up(handler: Handler, caller: Principal) -> tuple[Authenticator, list[str]]:
    body = {"password": PASSWORD}
    begun = call(handler, "POST", "/auth/totp", body=body, principal=caller)
    assert begun.status == 200
    app = Authenticator(begun.body["secret"])
    confirm = {"code": app.next_code()}
    done = call(handler, "POST", "/auth/totp/confirm", body=confirm, principal=caller)
    assert done.status == 200
    return app, done.body["recovery_codes"]


def answer_with(handler: Handler, challenge: str, code: str) -> Answer:
    body = {"challenge": challenge, "code": code}
    return call(handler, "POST", "/auth/login/second-factor", body=body)


def test_sign_in_asks_for_a_code_and_takes_each_once(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn
) -> None:
    app, _ = set_up(handler, caller_of(served, sign_in()))
    asked = sign_in()
    assert asked.status == 401
    assert asked.body["type"] == "urn:kontor:problem:second-factor-required"
    assert "access_token" not in asked.body
    code = app.next_code()
    done = answer_with(handler, asked.body["challenge"], code)
    assert (done.status, done.body["recovery_codes"]) == (200, [])
    caller = caller_of(served, done)
    listed = call(handler, "GET", "/auth/sessions", principal=caller).body["items"]
    assert listed[0]["methods"] == ["password", "totp"]
    assert answer_with(handler, asked.body["challenge"], app.next_code()).status == 422
    replayed = answer_with(handler, sign_in().body["challenge"], code)
    assert replayed.status == 401
    assert [mail.subject for mail in postman.deliver()] == ["Your sign-in asks for a code now"]


def test_recovery_code_counts_once_in_place_of_the_app(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn
) -> None:
    caller = caller_of(served, sign_in())
    _, codes = set_up(handler, caller)
    assert len(set(codes)) == 10
    typed = codes[3].upper().replace("-", " ")
    assert answer_with(handler, sign_in().body["challenge"], typed).status == 200
    assert answer_with(handler, sign_in().body["challenge"], codes[3]).status == 401
    state = call(handler, "GET", "/auth/totp", principal=caller).body
    assert state == {"is_on": True, "is_required": False, "recovery_codes_left": 9}


def test_wrong_codes_are_counted_across_challenges_and_on_record(
    handler: Handler,
    served: App,
    postman: Postman,
    sign_in: SignIn,
    actions: Callable[[TenantId], list[str]],
) -> None:
    caller = caller_of(served, sign_in())
    app, _ = set_up(handler, caller)
    statuses = [
        answer_with(handler, sign_in().body["challenge"], "000000").status for _ in range(3)
    ]
    challenge = sign_in().body["challenge"]
    statuses += [answer_with(handler, challenge, f"00000{n}").status for n in range(3)]
    assert statuses == [401] * 5 + [429]
    assert answer_with(handler, challenge, app.next_code()).status == 429
    assert actions(caller.tenant_id)[:5] == ["user.second_factor_failed"] * 5


def test_secret_lies_sealed_and_cannot_be_moved_to_another_person(
    handler: Handler, served: App, postman: Postman, owner_url: str, sign_in: SignIn
) -> None:
    caller = caller_of(served, sign_in())
    begun = call(handler, "POST", "/auth/totp", body={"password": PASSWORD}, principal=caller).body
    assert begun["uri"].startswith("otpauth://totp/Kontor%3Aada%40acme.example?secret=")
    assert begun["qr_svg"].startswith("<svg")
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT sealed_secret FROM kontor.second_factors").fetchone()
    assert row is not None
    sealed, raw = bytes(row[0]), base64.b32decode(begun["secret"])
    assert raw not in sealed
    seal = served.mailroom.seal
    about = f"totp:{caller.tenant_id}:{caller.user_id}"
    assert seal.open(sealed, about=about) == raw
    from shared.kernel.errors import UnavailableError

    with pytest.raises(UnavailableError):
        seal.open(sealed, about=f"totp:{caller.tenant_id}:{caller.tenant_id}")


def test_second_factor_in_use_is_not_replaced_and_goes_with_password_and_code(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn
) -> None:
    caller = caller_of(served, sign_in())
    app, codes = set_up(handler, caller)
    again = call(handler, "POST", "/auth/totp", body={"password": PASSWORD}, principal=caller)
    assert again.status == 409
    path = "/auth/totp/disable"
    for bad in (
        {"password": "not the password", "code": codes[0]},
        {"password": PASSWORD, "code": "000000"},
    ):
        assert call(handler, "POST", path, body=bad, principal=caller).status == 401
    proof = {"password": PASSWORD, "code": app.next_code()}
    renewed = call(handler, "POST", "/auth/totp/recovery-codes", body=proof, principal=caller)
    assert renewed.status == 200
    stale = {"password": PASSWORD, "code": codes[0]}
    assert call(handler, "POST", path, body=stale, principal=caller).status == 401
    proof = {"password": PASSWORD, "code": renewed.body["recovery_codes"][0]}
    assert call(handler, "POST", path, body=proof, principal=caller).status == 204
    assert sign_in().status == 200


def test_tenant_that_demands_codes_has_them_set_up_at_the_next_sign_in(
    handler: Handler, served: App, postman: Postman, admin: Principal, sign_in: SignIn
) -> None:
    path, body = "/api/v1/sign-in-policy", {"requires_second_factor": True}
    viewer = replace(admin, role="viewer", permissions=None)
    assert call(handler, "PUT", path, body=body, principal=viewer).status == 403
    assert call(handler, "PUT", path, body=body, principal=admin).body == body
    asked = sign_in()
    assert asked.body["type"] == "urn:kontor:problem:second-factor-enrolment-required"
    challenge = {"challenge": asked.body["challenge"]}
    begun = call(handler, "POST", "/auth/login/enrol", body=challenge)
    assert begun.status == 200
    app = Authenticator(begun.body["secret"])
    done = answer_with(handler, asked.body["challenge"], app.next_code())
    assert len(done.body["recovery_codes"]) == 10
    assert caller_of(served, done)
    next_time = sign_in()
    assert next_time.body["type"] == "urn:kontor:problem:second-factor-required"
    assert (
        call(
            handler, "POST", "/auth/login/enrol", body={"challenge": next_time.body["challenge"]}
        ).status
        == 422
    )


def test_administrator_frees_somebody_who_lost_the_app(
    handler: Handler, served: App, postman: Postman, admin: Principal, sign_in: SignIn
) -> None:
    mine = sign_in()
    set_up(handler, caller_of(served, mine))
    postman.deliver()
    path = f"/api/v1/users/{admin.user_id}/second-factor"
    assert (
        call(
            handler, "DELETE", path, principal=replace(admin, role="editor", permissions=None)
        ).status
        == 403
    )
    assert call(handler, "DELETE", path, principal=admin).status == 204
    assert call(handler, "DELETE", path, principal=admin).status == 404
    with pytest.raises(UnauthenticatedError, match="signed out"):
        served.verifier.verify(mine.body["access_token"])
    assert sign_in().status == 200
    assert [m.subject for m in postman.deliver()] == ["Your sign-in asks for no code any more"]


@pytest.mark.parametrize("challenge", ["x", "kontor_ch_" + "A" * 64, "kontor_rt_" + "A" * 64])
def test_challenge_that_is_none_is_refused(
    handler: Handler, postman: Postman, challenge: str
) -> None:
    assert answer_with(handler, challenge, "123456").status == 422


def test_expired_challenge_is_refused(
    handler: Handler, served: App, postman: Postman, owner_url: str, sign_in: SignIn
) -> None:
    app, _ = set_up(handler, caller_of(served, sign_in()))
    challenge = sign_in().body["challenge"]
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.one_time_tokens SET expires_at = now()")
    assert answer_with(handler, challenge, app.next_code()).status == 422


def test_server_that_asks_everybody_leaves_no_tenant_out(
    handler: Handler, served: App, postman: Postman, admin: Principal, sign_in: SignIn
) -> None:
    served.settings = served.settings.model_copy(update={"second_factor": "everybody"})
    asked = sign_in()
    assert asked.body["type"] == "urn:kontor:problem:second-factor-enrolment-required"
    path = "/api/v1/sign-in-policy"
    assert call(handler, "GET", path, principal=admin).body == {"requires_second_factor": True}
    off = {"requires_second_factor": False}
    refused = call(handler, "PUT", path, body=off, principal=admin)
    assert (refused.status, "SECOND_FACTOR" in refused.body["hint"]) == (403, True)
    on = {"requires_second_factor": True}
    assert call(handler, "PUT", path, body=on, principal=admin).body == on
