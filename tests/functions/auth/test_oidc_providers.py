"""How a tenant keeps its identity providers: by whom, what is refused, what is shown."""

from __future__ import annotations

from dataclasses import replace

import httpx
import psycopg
import pytest

from shared.access import groups
from shared.audit import service as audit
from shared.federation.client import OidcClient
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId, UserId, new_id
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.http_events import call

BAD_PROVIDERS: list[tuple[dict[str, object], int]] = [
    ({"name": "Not a name"}, 422),
    ({"title": " "}, 422),
    ({"scopes": ["a b"]}, 422),
    ({"claims": {"phone": "x"}}, 422),
    ({"allowed_domains": ["no domain"]}, 422),
    ({"trusted_domains": ["@acme.example"]}, 422),
    ({"default_role": "root"}, 422),
    ({"group_roles": {"g": "root"}}, 422),
    ({"surprise": 1}, 422),
    ({"issuer": "ftp://x.example"}, 422),
    ({"issuer": "http://public.example"}, 422),
    ({"issuer": "not an address"}, 422),
    ({"issuer": "https://169.254.169.254"}, 403),
    ({"issuer": "https://127.0.0.1"}, 403),
    ({"issuer": "https://localhost:9"}, 403),
]


def links(site: Site, tenant: str) -> list[dict[str, str]]:
    found = httpx.get(f"{site.url}/auth/oidc/providers", params={"tenant": tenant})
    assert found.status_code == 200
    return list(found.json()["items"])


def test_providers_are_told_by_the_tenants_slug_and_no_more_than_needed(
    site: Site, other_tenant: TenantId
) -> None:
    provider = site.add_provider()
    site.add_provider(name="off", is_active=False)
    (link,) = links(site, "acme")
    assert link == {
        "id": provider["id"],
        "name": "corporate",
        "title": "Acme's own",
        "start_url": f"/auth/oidc/{provider['id']}/start",
    }
    assert links(site, "globex") == links(site, "nobody") == []


def test_secret_is_kept_by_reference_and_never_shown(site: Site, owner_url: str) -> None:
    provider = site.add_provider()
    assert provider["has_secret"] is True
    assert "s3cret" not in str(provider)
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT t::text FROM kontor.oidc_providers AS t").fetchall()
        (name,) = connection.execute(
            "SELECT secret_name FROM kontor.oidc_providers"
        ).fetchone() or ("",)
    assert "s3cret" not in str(rows)
    assert site.app.secrets.read(name).startswith("s3cret")
    path = f"/api/v1/oidc/providers/{provider['id']}"
    assert call(site.handler, "DELETE", path, principal=site.admin).status == 204
    with pytest.raises(NotFoundError):
        site.app.secrets.read(name)


def test_secret_never_goes_to_a_place_it_was_not_given_for(site: Site) -> None:
    provider = site.add_provider()
    path = f"/api/v1/oidc/providers/{provider['id']}"
    same = {
        "name": "renamed",
        "title": "T",
        "issuer": site.issuer,
        "client_id": provider["client_id"],
    }
    kept = call(site.handler, "PUT", path, body=same, principal=site.admin)
    assert (kept.body["name"], kept.body["has_secret"]) == ("renamed", True)
    other = {**same, "client_id": "another"}
    moved = call(site.handler, "PUT", path, body=other, principal=site.admin)
    assert moved.body["has_secret"] is False


def test_bad_provider_is_refused(site: Site) -> None:
    path = "/api/v1/oidc/providers"
    for change, status in BAD_PROVIDERS:
        body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c", **change}
        answer = call(site.handler, "POST", path, body=body, principal=site.admin)
        assert answer.status == status, change
    listed = call(site.handler, "GET", "/api/v1/oidc/providers", principal=site.admin)
    assert listed.body["items"] == []


def test_issuer_must_call_itself_what_it_is_called(site: Site) -> None:
    site.say_next(fault="other name")
    body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c"}
    answer = call(site.handler, "POST", "/api/v1/oidc/providers", body=body, principal=site.admin)
    assert (answer.status, list(answer.body["fields"])) == (422, ["issuer"])


def test_only_who_manages_users_and_is_signed_in_keeps_providers(
    site: Site, other_tenant: TenantId
) -> None:
    provider = site.add_provider()
    body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c"}
    path = f"/api/v1/oidc/providers/{provider['id']}"
    everything = [
        ("GET", "/api/v1/oidc/providers", None),
        ("POST", "/api/v1/oidc/providers", body),
        ("GET", path, None),
        ("PUT", path, body),
        ("DELETE", path, None),
    ]
    viewer = replace(site.admin, role="viewer", permissions=None)
    program = replace(site.admin, credential="key")
    stranger = replace(site.admin, tenant_id=other_tenant)
    for method, where, given in everything:
        asked = call(site.handler, method, where, body=given, principal=viewer)
        assert asked.status == 403
        if method in {"POST", "PUT", "DELETE"}:
            asked = call(site.handler, method, where, body=given, principal=program)
            assert asked.status == 403
        if where == path:
            asked = call(site.handler, method, where, body=given, principal=stranger)
            assert asked.status == 404
    twice = {**body, "name": "corporate"}
    again = call(site.handler, "POST", "/api/v1/oidc/providers", body=twice, principal=site.admin)
    assert again.status == 409


def test_who_manages_users_lets_no_provider_do_what_they_may_not_do_by_hand(site: Site) -> None:
    provider = site.add_provider(trusted_domains=["acme.example"])
    with site.app.database.transaction(site.admin.tenant_id) as session:
        groups.add_group(session, site.admin, name="Board", description="")
    clerk = replace(
        site.admin,
        user_id=UserId(new_id()),
        permissions=frozenset({"documents:read", "search", "chat", "users:*", "groups:manage"}),
    )
    with site.app.database.transaction(site.admin.tenant_id) as session:
        groups.add_group(session, clerk, name="Clerks", description="")
    body = {"name": "own", "title": "Own", "issuer": site.issuer, "client_id": "c"}
    where = "/api/v1/oidc/providers"

    def asked(method: str, path: str, **more: object) -> int:
        given = {**body, **more}
        return call(site.handler, method, path, body=given, principal=clerk).status

    for name in ("board", "Nobody's yet"):
        assert asked("POST", where, group_groups={"x": name}) == 403
    assert asked("POST", where, group_groups={"x": "Clerks"}) == 201
    path = f"{where}/{provider['id']}"
    assert asked("PUT", path, name="corporate", group_roles={"x": "viewer"}) == 403


def test_every_act_is_in_the_trail_without_secrets(site: Site) -> None:
    provider = site.add_provider(makes_users=True, group_roles={"bosses": "admin"})
    site.sign_in(provider["id"], EVE)
    boss = {"sub": "eve-1", "claims": {**EVE["claims"], "groups": ["bosses"]}}  # type: ignore[dict-item]
    answer = site.sign_in(provider["id"], boss)
    with site.app.database.transaction(site.admin.tenant_id) as session:
        trail = audit.list_events(session).items
    assert [entry.action for entry in trail] == [
        "user.signed_in",
        "user.role_changed",
        "user.signed_in",
        "identity.joined",
        "user.added",
        "provider.added",
    ]
    assert "s3cret" not in str(trail)
    person = site.app.verifier.verify(answer.json()["access_token"])
    mine = call(site.handler, "GET", "/auth/identities", principal=person)
    assert [(each["issuer"], each["subject"]) for each in mine.body["items"]] == [
        (site.issuer, "eve-1")
    ]


def test_providers_on_this_machine_need_to_be_named(issuer: str) -> None:
    from shared.adapters.egress import Egress
    from shared.kernel.errors import KontorError

    with pytest.raises(KontorError, match="https"):
        OidcClient(Egress()).metadata(issuer)
