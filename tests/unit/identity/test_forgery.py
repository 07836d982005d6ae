"""Forged tokens: every known trick against a signed token is refused as unauthenticated."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.postgres import EmbeddedPostgres
from shared.adapters.database import Database
from shared.identity import store, tokens
from shared.identity.keys import SigningKey
from shared.identity.service import TokenRules, Verifier
from shared.kernel.clock import now
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import new_id
from tests.databases import Databases
from tests.unit.identity.conftest import Home, settle, sign_in

REQUIRED = ["sub", "sid", "tenant_id", "role", "email", "epoch", "iat", "exp", "iss", "aud", "jti"]


def encoded(data: bytes | Mapping[str, object]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Scene:
    """One tenant whose administrator is signed in; nothing here changes it."""

    database: Database
    key: SigningKey
    home: Home
    token: str


@pytest.fixture(scope="module")
def scene(postgres: EmbeddedPostgres, databases: Databases) -> Iterator[Scene]:
    with databases.lend() as name:
        owner, database = (
            Database(postgres.dsn(name)),
            Database(postgres.dsn(name, user="kontor_app")),
        )
        key = SigningKey.make()
        with owner.system_transaction() as session:
            store.record_signing_key(session, kid=key.id, public_key=key.public_bytes)
        home = settle(owner, "acme", "ada@acme.example")
        rules = TokenRules(key=key, issuer="kontor", life_s=900)
        yield Scene(database, key, home, sign_in(database, rules, "ada@acme.example").access_token)
        owner.close()
        database.close()


@pytest.fixture
def verifier(scene: Scene) -> Verifier:
    return Verifier(scene.database, issuer="kontor")


@pytest.fixture
def signing_key(scene: Scene) -> SigningKey:
    return scene.key


@pytest.fixture
def token(scene: Scene) -> str:
    return scene.token


@pytest.fixture
def payload(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def signed(
    payload: Mapping[str, object], key: SigningKey, headers: Mapping[str, object] | None = None
) -> str:
    merged = {"kid": key.id, "typ": "at+jwt", **(headers or {})}
    return jwt.encode(dict(payload), key.private_key, algorithm="EdDSA", headers=merged)


def refuse(verifier: Verifier, forged: str) -> None:
    with pytest.raises(UnauthenticatedError):
        verifier.verify(forged)


def test_control_the_helper_signs_what_is_accepted(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object]
) -> None:
    assert verifier.verify(signed(payload, signing_key)).role == "admin"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "RS256", "ES256", ""])
def test_other_algorithm_in_the_header_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object], algorithm: str
) -> None:
    header = encoded({"alg": algorithm, "kid": signing_key.id, "typ": "at+jwt"})
    for signature in ("", encoded(b"x" * 64)):
        refuse(verifier, f"{header}.{encoded(payload)}.{signature}")


@pytest.mark.parametrize("form", ["raw", "pem"])
def test_hmac_with_the_public_key_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object], form: str
) -> None:
    public = signing_key.private_key.public_key()
    secret = (
        public.public_bytes_raw()
        if form == "raw"
        else public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    for algorithm in ("HS256", "EdDSA"):
        head = encoded({"alg": algorithm, "kid": signing_key.id, "typ": "at+jwt"})
        body = f"{head}.{encoded(payload)}"
        forged = hmac.new(secret, body.encode(), hashlib.sha256).digest()
        refuse(verifier, f"{body}.{encoded(forged)}")


def test_rsa_signature_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object]
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    headers = {"kid": signing_key.id, "typ": "at+jwt"}
    refuse(verifier, jwt.encode(payload, key, algorithm="RS256", headers=headers))


def test_key_inside_the_token_is_ignored(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object]
) -> None:
    mine = SigningKey.make()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(mine.public_bytes)}
    refuse(verifier, signed(payload, mine, {"jwk": jwk}))
    refuse(verifier, signed(payload, mine, {"jwk": jwk, "kid": signing_key.id}))
    refuse(verifier, signed(payload, mine, {"jku": "https://attacker.example/keys"}))


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR '1'='1", "", "unknown"])
def test_unknown_key_id_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object], kid: str
) -> None:
    refuse(verifier, signed(payload, signing_key, {"kid": kid}))


def test_unknown_key_ids_do_not_reach_the_database_each_time(
    scene: Scene,
    payload: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0
    transaction = Database.system_transaction

    def counting(database: Database) -> object:
        nonlocal asked
        asked += 1
        return transaction(database)

    monkeypatch.setattr(Database, "system_transaction", counting)
    verifier = Verifier(scene.database, issuer="kontor")
    for number in range(20):
        refuse(verifier, signed(payload, scene.key, {"kid": f"forged-{number}"}))
    assert asked == 1


@pytest.mark.parametrize("typ", ["JWT", "", None, "at+JWT2"])
def test_other_type_of_token_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object], typ: str | None
) -> None:
    refuse(verifier, signed(payload, signing_key, {"typ": typ}))


@pytest.mark.parametrize("claim", REQUIRED)
def test_missing_claim_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object], claim: str
) -> None:
    refuse(verifier, signed({k: v for k, v in payload.items() if k != claim}, signing_key))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "another issuer"),
        ("aud", "another audience"),
        ("aud", ["kontor", "another audience"]),
        ("sub", "not a uuid"),
        ("tenant_id", "not a uuid"),
        ("tenant_id", "' OR 1=1 --"),
        ("sid", "not a uuid"),
        ("sid", "00000000-0000-0000-0000-000000000000"),
        ("epoch", "0"),
        ("epoch", True),
        ("epoch", 0.0),
        ("epoch", -1),
        ("exp", "tomorrow"),
        ("exp", 0),
    ],
)
def test_wrong_claim_is_refused(
    verifier: Verifier,
    signing_key: SigningKey,
    payload: dict[str, object],
    claim: str,
    value: object,
) -> None:
    refuse(verifier, signed({**payload, claim: value}, signing_key))


def test_expired_token_says_so(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object]
) -> None:
    past = {"iat": now() - timedelta(hours=1), "exp": now() - timedelta(seconds=10)}
    with pytest.raises(UnauthenticatedError, match="expired"):
        verifier.verify(signed({**payload, **past}, signing_key))


def test_token_from_the_future_is_refused(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object]
) -> None:
    refuse(verifier, signed({**payload, "iat": now() + timedelta(minutes=5)}, signing_key))


@pytest.mark.parametrize("claim", ["tenant_id", "sub", "role", "epoch"])
def test_tampered_payload_is_refused(
    verifier: Verifier, token: str, payload: dict[str, object], claim: str
) -> None:
    head, _, signature = token.split(".")
    refuse(verifier, f"{head}.{encoded({**payload, claim: str(new_id())})}.{signature}")


def test_every_changed_byte_of_the_signature_is_refused(verifier: Verifier, token: str) -> None:
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        refuse(verifier, f"{head}.{body}.{encoded(changed)}")


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "x" * 5000, "e30.e30.", "ü.ü.ü", "\x00", "bearer"]
)
def test_text_that_is_no_token_is_refused(verifier: Verifier, text: str) -> None:
    refuse(verifier, text)


def test_user_of_another_tenant_is_nobody_here(
    verifier: Verifier, signing_key: SigningKey, payload: dict[str, object]
) -> None:
    refuse(verifier, signed({**payload, "tenant_id": str(new_id())}, signing_key))


def test_repeated_issue_gives_different_token_ids(scene: Scene, signing_key: SigningKey) -> None:
    home = scene.home
    claims = tokens.Claims(home.tenant.id, home.admin.id, "ada@acme.example", "admin", 0, new_id())
    made = {tokens.issue(claims, signing_key, issuer="kontor", life_s=60) for _ in range(3)}
    assert len(made) == 3
