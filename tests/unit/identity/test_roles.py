"""Roles as data: the templates, what wildcards cover, and what a token may do today."""

from __future__ import annotations

import psycopg
import pytest

from shared.adapters.database import Database
from shared.identity.model import PERMISSIONS, ROLES, Principal, allows, beyond
from shared.identity.service import TokenRules, Verifier, create_tenant
from shared.kernel.errors import InvalidError, RefusedError, UnauthenticatedError
from shared.kernel.ids import TenantId, UserId, new_id
from tests.unit.identity.conftest import PASSWORD, Home, sign_in

TEMPLATES = {
    "editorial": {"admin", "editor", "viewer"},
    "community": {"admin", "moderator", "user", "guest"},
    "research": {"admin", "analyst", "reader"},
}


def test_templates_hold_the_three_sets_and_only_permissions_there_are(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT template, name, permissions FROM kontor.role_templates"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for template, name, permissions in rows:
        found.setdefault(template, set()).add(name)
        for permission in permissions:
            resource, _, action = permission.partition(":")
            is_wild = permission == "*" or (
                action == "*" and any(p.startswith(f"{resource}:") for p in PERMISSIONS)
            )
            assert is_wild or permission in PERMISSIONS, permission
        if template == "editorial":
            assert frozenset(permissions) == ROLES[name]
    assert found == TEMPLATES


def test_a_tenant_begins_with_the_first_template_or_the_one_chosen(
    owner_url: str, owner: Database, home: Home
) -> None:
    names = "SELECT array_agg(name ORDER BY name) FROM kontor.roles WHERE tenant_id = %s"
    fresh = new_id()
    with owner.system_transaction() as session:
        lab, _ = create_tenant(
            session,
            slug="lab",
            name="Lab",
            admin_email="lou@lab.example",
            admin_password=PASSWORD,
            roles="research",
        )
    with pytest.raises(InvalidError), owner.system_transaction() as session:
        create_tenant(
            session, slug="x", name="X", admin_email="a@x.example", admin_password=PASSWORD,
            roles="none",
        )  # fmt: skip
    with psycopg.connect(owner_url) as connection:
        assert connection.execute(names, (lab.id,)).fetchone() == (["admin", "analyst", "reader"],)
        assert connection.execute(names, (home.tenant.id,)).fetchone() == (
            ["admin", "editor", "viewer"],
        )
        connection.execute(
            "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, 'club', 'Club')", (fresh,)
        )
        connection.execute("SELECT kontor.use_role_template(%s, 'community')", (fresh,))
        assert connection.execute(names, (fresh,)).fetchone() == (
            ["admin", "guest", "moderator", "user"],
        )
        with pytest.raises(psycopg.errors.InvalidParameterValue), connection.transaction():
            connection.execute("SELECT kontor.use_role_template(%s, 'none')", (fresh,))


@pytest.mark.parametrize(
    ("held", "wanted", "is_allowed"),
    [
        ({"*"}, "documents:erase", True),
        ({"documents:*"}, "documents:erase", True),
        ({"documents:*"}, "documents:*", True),
        ({"documents:*"}, "*", False),
        ({"documents:*"}, "search", False),
        ({"documents:read"}, "documents:*", False),
        ({"search:*"}, "search", True),
        (set(), "search", False),
    ],
)
def test_wildcards_cover_what_they_say(held: set[str], wanted: str, is_allowed: bool) -> None:
    assert allows(held, wanted) is is_allowed
    assert beyond(held, [wanted]) == ([] if is_allowed else [wanted])


def test_a_token_may_what_its_bearers_role_allows_today(
    database: Database, owner_url: str, home: Home, rules: TokenRules, verifier: Verifier
) -> None:
    token = sign_in(database, rules, "ada@acme.example").access_token
    assert verifier.verify(token).may("models:manage")
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.roles SET permissions = '{search}' WHERE tenant_id = %s",
            (home.tenant.id,),
        )
    assert verifier.verify(token).held == {"search"}
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET is_active = false")
    with pytest.raises(UnauthenticatedError):
        verifier.verify(token)


def test_a_visitor_looks_through_the_link_and_has_no_account() -> None:
    link = new_id()
    visitor = Principal(
        TenantId(new_id()), UserId(link), "", "visitor",
        permissions=frozenset({"documents:read"}), credential="link", session_id=link,
    )  # fmt: skip
    assert visitor.viewer == f"link:{link}"
    visitor.require("documents:read")
    with pytest.raises(RefusedError):
        visitor.require("search")
