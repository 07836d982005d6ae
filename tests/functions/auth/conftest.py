"""A tenant with an administrator and its secrets, behind the whole handler, and a postman."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from infra.local.gateway import application
from infra.local.invoker import Invoker
from infra.local.ports import take_port
from infra.local.serverless import load_service
from shared.adapters.database import Database
from shared.audit import service as audit
from shared.identity.keys import ensure_signing_key
from shared.identity.model import Principal
from shared.identity.sealing import ensure_seal
from shared.identity.service import create_tenant
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.auth.post import Carrier, Mail, read_mails
from tests.functions.auth.signing_in import ADA, Site
from tests.functions.doors import serving
from tests.functions.http_events import Answer, Handler, call
from tests.house.tree import ROOT
from tests.security.doorway import Functions

OPENID_PROVIDER = Path(__file__).with_name("openid_provider.py")
PASSWORD = "correct horse battery"
SignIn = Callable[..., Answer]


@pytest.fixture
def owner(owner_url: str) -> Iterator[Database]:
    opened = Database(owner_url)
    yield opened
    opened.close()


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.auth.handler import handler

    return handler


@pytest.fixture
def admin(served: App, owner: Database) -> Principal:
    ensure_seal(served.secrets, served.settings.identity_secret)
    with owner.system_transaction() as session:
        ensure_signing_key(session, served.secrets, served.settings.signing_secret)
        tenant, user = create_tenant(
            session,
            slug="acme",
            name="Acme",
            admin_email="ada@acme.example",
            admin_password=PASSWORD,
        )
    return Principal(tenant.id, user.id, user.email, user.role, permissions=frozenset({"*"}))


class Postman:
    """Delivers what was written, and hands out the mails."""

    def __init__(self, carrier: Carrier, folder: Path) -> None:
        self.carrier = carrier
        self._folder = folder
        self._seen = 0

    def deliver(self) -> list[Mail]:
        """Deliver everything and return the mails that came of it."""
        self.carrier.deliver()
        mails = read_mails(self._folder)
        new, self._seen = mails[self._seen :], len(mails)
        return new


@pytest.fixture
def postman(
    served: App, admin: Principal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Postman:
    """The functions auth and mail over one App, with a bus between them that delivers at will."""
    folder = tmp_path / "mail"
    name = served.settings.signing_secret + "-seal"
    served.settings = served.settings.model_copy(
        update={
            "mail_dir": str(folder),
            "identity_secret": name,
            "public_url": "https://kontor.example/",
            "registration": "open",
        }
    )
    ensure_seal(served.secrets, name)
    carrier = Carrier()
    served.__dict__["bus"] = carrier
    from functions.mail import handler as module

    monkeypatch.setattr(module, "app", served)
    return Postman(carrier, folder)


@pytest.fixture
def sign_in(handler: Handler) -> SignIn:
    def once(email: str = "ada@acme.example", password: str = PASSWORD, **more: str) -> Answer:
        body = {"email": email, "password": password, **more}
        return call(handler, "POST", "/auth/login", body=body)

    return once


@pytest.fixture
def actions(served: App) -> Callable[[TenantId], list[str]]:
    """What the trail of a tenant says, newest first."""

    def read(tenant_id: TenantId) -> list[str]:
        with served.database.transaction(tenant_id) as session:
            return [entry.action for entry in audit.list_events(session).items]

    return read


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider in a process of its own; its issuer."""
    command = [sys.executable, str(OPENID_PROVIDER)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    yield process.stdout.readline().decode().strip()
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def place(issuer: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the provider is, named in the environment before the App is made."""
    place = urlsplit(issuer).netloc
    monkeypatch.setenv("OIDC_INSIDE", place)
    return place


@pytest.fixture
def site(place: str, served: App, admin: Principal, issuer: str) -> Iterator[Site]:
    from functions.auth.handler import app, handler

    with serving(app) as url:
        site = Site(url, served, handler, admin, issuer)
        site.say_next(**ADA)
        yield site


@pytest.fixture
def mailing(site: Site, postman: Postman) -> Site:
    """A site that can seal secrets and write letters, at the address it is reached at."""
    settings = site.app.settings
    site.app.settings = settings.model_copy(update={"public_url": site.url})
    return site


@pytest.fixture
def gate(served: App, admin: Principal) -> Iterator[str]:
    """The whole HTTP API behind its authorizer, on a port; its address."""
    model = load_service(ROOT)
    keys = {function.logical_id: function.key for function in model.functions}
    with (
        closing(Invoker(Functions(), keys)) as invoker,  # type: ignore[arg-type]
        serving(application(model, invoker)) as url,
    ):
        yield url


@pytest.fixture(scope="module")
def independent() -> Iterator[str]:
    """The provider of the package oidc-provider-mock, built on Authlib."""
    with closing(take_port(0, purpose="a test")) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "--require-nonce"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=5)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the provider did not start"
            time.sleep(0.05)
    yield issuer
    process.terminate()
    process.wait(10)


@pytest.fixture
def its_place(independent: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OIDC_INSIDE", urlsplit(independent).netloc)
    return independent
