"""Secrets show nowhere: not in a repr, an error, a log line or an answer."""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import functions
import shared
from functions.auth.handler import handler as auth
from functions.llm_admin.handler import handler as llm_admin
from infra.local.serverless import load_service
from shared.adapters.database import Database
from shared.identity.keys import ensure_signing_key
from shared.kernel.errors import InvalidError
from shared.kernel.settings import Settings, read_settings
from shared.wiring import App
from tests.functions.doors import sign_in
from tests.functions.http_events import call
from tests.house.tree import ROOT

MARK = "hunter2-marked"
SECRET = re.compile(
    r"^(secret|password|pepper|token|ticket|pem|authorization|fields|headers)$"
    r"|(^|_)(password|password_hash|secret|api_key|default_key|access_token|refresh_token"
    r"|id_token|client_secret|private_key)$"
)
# Named alike and no secret, and why.
NO_SECRET = {
    "shared.generation.model.Route.key_secret": "the name of the secret",
    "shared.generation.switchboard.Switchboard.read_secret": "a function",
    "shared.generation.switchboard.Switchboard.forget_secret": "a function",
}
# Settings that name a secret and hold none.
NAMES_OF_SECRETS = {"database_secret", "signing_secret", "identity_secret", "smtp_secret"}


class Anything:
    """Stands for every field that is no secret."""

    def __getattr__(self, _name: str) -> Anything:
        return self

    def __repr__(self) -> str:
        return "…"

    def __call__(self, *_: Any) -> Anything:
        return self


def _dataclasses() -> Iterator[type]:
    for package in (shared, functions):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith((".handler", ".torch_embedding", ".docling_tree")):
                continue  # built for one function's layer, or for a vendor that is optional
            if ".parsers." in module.name:
                continue  # they read documents; loading their vendors takes seconds
            for found in vars(importlib.import_module(module.name)).values():
                is_own = isinstance(found, type) and found.__module__ == module.name
                if is_own and dataclasses.is_dataclass(found):
                    yield found


def shown(made: type) -> list[str]:
    """Complain of fields called like a secret whose value an instance's repr shows."""
    complaints = []
    for field in dataclasses.fields(made):
        name = f"{made.__module__}.{made.__qualname__}.{field.name}"
        is_text = any(kind in str(field.type) for kind in ("str", "bytes"))
        if not (is_text and SECRET.search(field.name)) or name in NO_SECRET:
            continue
        instance = object.__new__(made)
        for each in dataclasses.fields(made):
            object.__setattr__(instance, each.name, MARK if each is field else Anything())
        if MARK in repr(instance):
            complaints.append(f"{name}: field(repr=False)")
    return complaints


def test_no_dataclass_shows_a_secret() -> None:
    found = list(_dataclasses())
    assert len(found) > 100
    assert not [complaint for made in found for complaint in shown(made)]


def test_a_dataclass_that_shows_its_secret_is_noticed() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Loose:
        name: str
        client_secret: str

    @dataclasses.dataclass(frozen=True, slots=True)
    class Tight:
        name: str
        client_secret: str = dataclasses.field(repr=False)

    assert shown(Loose)
    assert not shown(Tight)


def test_settings_that_hold_secrets_are_typed_so() -> None:
    loose = [
        name
        for name, field in Settings.model_fields.items()
        if SECRET.search(name) and field.annotation is not SecretStr
    ]
    assert set(loose) == NAMES_OF_SECRETS & set(Settings.model_fields)


def test_marked_settings_show_nowhere() -> None:
    marked = {
        name.upper(): f"{MARK}-{name}"
        for name, field in Settings.model_fields.items()
        if field.annotation is SecretStr
    }
    assert len(marked) >= 4
    settings = read_settings(marked)
    shown_everywhere = f"{settings!r} {settings} {settings.model_dump()} {vars(settings)}"
    assert MARK not in shown_everywhere
    assert MARK not in settings.model_dump_json()
    with pytest.raises(InvalidError) as error:
        read_settings({**marked, "CHUNK_TOKENS": MARK})
    assert MARK not in f"{error.value!r} {error.value.problem()} {error.value.__cause__}"


def test_no_secret_stands_in_the_template() -> None:
    for function in load_service(ROOT).functions:
        named = {name for name in function.environment if SECRET.search(name.lower())}
        assert named <= {name.upper() for name in NAMES_OF_SECRETS}, function.key


def test_a_journey_with_marked_secrets_leaves_none_in_its_logs(
    served: App, owner_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    principal, token = sign_in(served, owner_url)
    owner = Database(owner_url)
    with owner.system_transaction() as session:
        ensure_signing_key(session, served.secrets, served.settings.signing_secret)
    owner.close()
    login = {"email": "ada@mine.example", "password": "correct horse battery"}
    given = call(auth, "POST", "/auth/login", body=login)
    assert given.status == 200
    for body in (
        {**login, "password": MARK},
        {**login, "password": [MARK]},
        {**login, "email": MARK, "password": "\0" + MARK},
        {"email": "ada@mine.example", "passwort": MARK},
    ):
        refused = call(auth, "POST", "/auth/login", body=body)
        assert refused.status in {401, 422, 429}
        assert MARK not in json.dumps(refused.body.get("fields", {}).get("password", ""))
    route = {"model": "openai/x", "api_base": "http://127.0.0.1:1/v1", "api_key": MARK}
    kept = call(llm_admin, "PUT", "/api/v1/llm/routes/mine", principal=principal, body=route)
    assert kept.status == 200, kept.body
    assert MARK not in json.dumps(kept.body)
    listed = call(llm_admin, "GET", "/api/v1/llm/routes", principal=principal)
    assert MARK not in json.dumps(listed.body)
    bearer = {"authorization": f"Bearer {token}"}
    call(auth, "GET", "/auth/me", principal=principal, headers=bearer)

    written = "".join(capfd.readouterr())
    ours = [each for each in caplog.records if each.name.startswith(("functions", "shared"))]
    logged = " ".join(json.dumps(vars(each), default=repr) for each in ours) + written
    secrets = {MARK, token, "correct horse battery", given.body["access_token"]}
    assert not [each for each in secrets if each in logged]
    with served.database.transaction(principal.tenant_id) as session:
        trail = session.connection.execute("SELECT e::text FROM kontor.audit_events AS e")
        assert not [row for (row,) in trail if any(each in row for each in secrets)]


# -- the repository ---------------------------------------------------------------------------

TELLTALES = re.compile(
    r"AKIA[0-9A-Z]{16}|-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\n[A-Za-z0-9+/]{40}"
    r"|xox[bp]-[0-9A-Za-z-]{20}|ghp_[0-9A-Za-z]{36}|sk-[A-Za-z0-9]{40}"
)


def leaked(root: Path, names: list[str]) -> list[str]:
    """Complain of files that hold what looks like a real key."""
    complaints = []
    for name in names:
        path = root / name
        if not path.is_file() or path.stat().st_size > 1_000_000:
            continue
        if TELLTALES.search(path.read_bytes().decode("utf-8", "ignore")):
            complaints.append(f"{name}: holds a key")
    return complaints


def test_the_repository_holds_no_key(tmp_path: Path) -> None:
    from tests.house.test_layout import tracked

    assert not leaked(ROOT, tracked(ROOT))
    (tmp_path / "x.py").write_text("key = 'AKIA" + "A" * 16 + "'")
    assert leaked(tmp_path, ["x.py"])
