"""A tenant with people, a signing key kept by the emulator's Secrets Manager, and a verifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from moto import mock_aws

from shared.adapters import aws
from shared.adapters.database import Database
from shared.adapters.secrets import Secrets
from shared.identity import service
from shared.identity.keys import SigningKey, ensure_signing_key, load_signing_key
from shared.identity.model import Principal, Tenant, User
from shared.identity.service import TokenRules, Verifier
from tests.entering import welcome

SECRET = "test-signing-key"
ISSUER = "kontor"
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Home:
    """One tenant and its administrator."""

    tenant: Tenant
    admin: User

    @property
    def principal(self) -> Principal:
        return Principal(
            self.tenant.id,
            self.admin.id,
            self.admin.email,
            self.admin.role,
            permissions=frozenset({"*"}),
        )


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secrets]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        aws.client.cache_clear()
        yield Secrets(region="eu-central-1")
        aws.client.cache_clear()


@pytest.fixture
def owner(owner_url: str) -> Iterator[Database]:
    """The operator's connection: may make tenants and keys."""
    opened = Database(owner_url)
    yield opened
    opened.close()


@pytest.fixture
def signing_key(owner: Database, secrets: Secrets) -> SigningKey:
    with owner.system_transaction() as session:
        ensure_signing_key(session, secrets, SECRET)
        return load_signing_key(session, secrets, SECRET)


@pytest.fixture
def rules(signing_key: SigningKey) -> TokenRules:
    return TokenRules(key=signing_key, issuer=ISSUER, life_s=900)


@pytest.fixture
def verifier(database: Database) -> Verifier:
    return Verifier(database, issuer=ISSUER)


def settle(owner: Database, slug: str, email: str, password: str = PASSWORD) -> Home:
    with owner.system_transaction() as session:
        tenant, admin = service.create_tenant(
            session, slug=slug, name=slug.title(), admin_email=email, admin_password=password
        )
    return Home(tenant, admin)


@pytest.fixture
def home(owner: Database) -> Home:
    return settle(owner, "acme", "ada@acme.example")


def sign_in(
    database: Database, rules: TokenRules, email: str, password: str = PASSWORD
) -> service.Welcome:
    account = service.recognise(database, email=email, password=password)
    with database.transaction(account.tenant_id) as session:
        return welcome(session, account, password=password, rules=rules)
