"""Administrators who see and part others' accounts at providers, and where sessions were opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.cli.main import main
from shared.audit import service as audit
from shared.federation.client import challenge_of
from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId, new_id
from tests.functions.auth.conftest import Postman, SignIn
from tests.functions.auth.linking import PLACE, VERIFIER, add_person, ended, signed_in
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.http_events import Answer, call


def eve(site: Site, provider_id: str) -> Principal:
    answer = site.sign_in(provider_id, EVE)
    assert answer.status_code == 200, answer.text
    return site.app.verifier.verify(answer.json()["access_token"])


def listed(site: Site, by: Principal, whose: UserId) -> Answer:
    return call(site.handler, "GET", f"/api/v1/users/{whose}/identities", principal=by)


def part(site: Site, by: Principal, whose: UserId, subject: str = "eve-1") -> Answer:
    body = {"issuer": site.issuer, "subject": subject}
    path = f"/api/v1/users/{whose}/identities"
    return call(site.handler, "DELETE", path, body=body, principal=by)


def test_administrator_parts_somebody_and_their_sessions_there_end(
    mailing: Site, postman: Postman
) -> None:
    site = mailing
    provider = site.add_provider(makes_users=True)
    token = site.sign_in(provider["id"], EVE).json()["access_token"]
    person = site.app.verifier.verify(token)
    how = {"return_to": PLACE, "challenge": challenge_of(VERIFIER)}
    with site.browser() as browser:
        handed = ended(browser.get(site.leave(browser, provider["id"], **how)))
    (known,) = listed(site, site.admin, person.user_id).body["items"]
    assert (known["issuer"], known["subject"]) == (site.issuer, "eve-1")
    assert part(site, site.admin, person.user_id).status == 204
    with pytest.raises(UnauthenticatedError):
        site.app.verifier.verify(token)
    taken = {"code": handed["code"], "code_verifier": VERIFIER}
    assert call(site.handler, "POST", "/auth/oidc/token", body=taken).status == 401
    assert listed(site, site.admin, person.user_id).body["items"] == []
    assert part(site, site.admin, person.user_id).status == 404
    assert site.sign_in(provider["id"], EVE).status_code == 409
    mail = postman.deliver()[-1]
    told = (mail.to, mail.subject)
    assert told == ("eve@acme.example", "You can no longer sign in with “Acme's own”")
    with site.app.database.transaction(site.admin.tenant_id) as session:
        entries = audit.list_events(session).items
    (entry,) = [each for each in entries if each.action == "identity.parted"]
    assert (entry.actor_id, entry.subject) == (site.admin.user_id, f"user:{person.user_id}")


def test_only_who_may_manage_a_person_parts_them(mailing: Site, other_tenant: TenantId) -> None:
    site = mailing
    provider = site.add_provider(makes_users=True, default_role="admin")
    person = eve(site, provider["id"])
    editor = replace(site.admin, user_id=UserId(new_id()), role="editor", permissions=None)
    host = replace(editor, permissions=frozenset({"users:manage", "search"}))
    assert listed(site, editor, person.user_id).status == 403
    assert part(site, editor, person.user_id).status == 403
    assert part(site, host, person.user_id).status == 403
    stranger = replace(site.admin, tenant_id=other_tenant, user_id=UserId(new_id()))
    assert listed(site, stranger, person.user_id).status == 404
    assert part(site, stranger, person.user_id).status == 404
    own = replace(person, permissions=frozenset({"*"}))
    assert "your own" in part(site, own, person.user_id).body["detail"]
    # Somebody else's identity is not parted by naming another person.
    bea = add_person(site, "bea@acme.example")
    assert part(site, site.admin, bea.user_id).status == 404
    assert len(listed(site, site.admin, person.user_id).body["items"]) == 1


def test_sessions_say_at_which_provider_they_were_opened(mailing: Site) -> None:
    site = mailing
    there = eve(site, site.add_provider(makes_users=True)["id"])
    for caller, provider in ((there, "Acme's own"), (signed_in(site), None)):
        (found,) = call(site.handler, "GET", "/auth/sessions", principal=caller).body["items"]
        assert found["provider"] == provider


def test_terminal_lists_and_parts_for_somebody_else(
    mailing: Site,
    gate: str,
    sign_in: SignIn,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    site = mailing
    answer = site.sign_in(site.add_provider(makes_users=True)["id"], EVE)
    own = ["--api", gate, "--data", str(tmp_path), "--token", answer.json()["access_token"]]
    here = [*own[:-1], sign_in().body["access_token"]]
    of = ["--of", "eve@acme.example", *here]
    assert run(["sessions", "list", *own]) == 0
    assert run(["oidc", "identities", *of]) == 0
    assert run(["oidc", "unlink", *of]) == 0
    assert run(["oidc", "identities", *of]) == 0
    said = capfd.readouterr().out
    assert "oidc at Acme's own" in said
    assert f"{site.issuer}  eve@acme.example  eve-1" in said
    assert "eve@acme.example signs eve@acme.example in no more." in said
    assert "eve@acme.example is joined to no account." in said
    assert run(["oidc", "unlink", "--of", "nobody@acme.example", *here]) == 66


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as ended_with:
        main(words)
    return int(ended_with.value.code or 0)
