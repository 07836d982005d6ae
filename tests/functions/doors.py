"""Applications that verify tokens themselves: somebody signed in, and a real port to call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from infra.local.ports import take_port
from shared.adapters.database import Database
from shared.identity import store
from shared.identity.keys import SigningKey
from shared.identity.model import Principal
from shared.identity.service import TokenRules, create_tenant, recognise
from shared.wiring import App
from tests.entering import welcome

PASSWORD = "correct horse battery"


def sign_in(
    served: App,
    owner_url: str,
    *,
    slug: str = "mine",
    lasts_s: int = 900,
    key: SigningKey | None = None,
) -> tuple[Principal, str]:
    """Make a tenant and sign its administrator in; returns who that is, with the token.

    A ``key`` has been published; without one, one is.
    """
    if key is None:
        key = publish_key(owner_url)
    email = f"ada@{slug}.example"
    owner = Database(owner_url)
    with owner.system_transaction() as session:
        create_tenant(session, slug=slug, name=slug, admin_email=email, admin_password=PASSWORD)
    owner.close()
    account = recognise(served.database, email=email, password=PASSWORD)
    with served.database.transaction(account.tenant_id) as session:
        rules = TokenRules(key, "kontor", lasts_s)
        given = welcome(session, account, password=PASSWORD, rules=rules)
    return served.verifier.verify(given.access_token), given.access_token


def publish_key(owner_url: str) -> SigningKey:
    """Make a key that tokens are signed with, and publish it."""
    key = SigningKey.make()
    owner = Database(owner_url)
    with owner.system_transaction() as session:
        store.record_signing_key(session, kid=key.id, public_key=key.public_bytes)
    owner.close()
    return key


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port; gives its address without a path."""
    listening = take_port(0, purpose="a test")
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    host, port = listening.getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
        listening.close()
