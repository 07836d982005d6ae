"""Providers' key sets: what is taken, what is left out, and what makes the whole set refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.federation.id_tokens import Expected, left_half, read_id_token
from shared.federation.key_sets import choose_key, read_key_set
from shared.federation.signed_tokens import UnknownKeyError
from shared.kernel.errors import UnauthenticatedError

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
WIDE = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
NOBODY = Expected("https://issuer.example", "client", "nonce", "access")


def public(key: Any, **members: object) -> dict[str, object]:
    """Describe the public half as a JSON Web Key."""
    kinds = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    algorithm = next(found for kind, found in kinds.items() if isinstance(key, kind))
    described = algorithm.to_jwk(key.public_key(), as_dict=True)  # type: ignore[attr-defined]
    described.pop("key_ops", None)
    return {**described, **members}


def test_keys_are_chosen_by_name_and_algorithm() -> None:
    keys = read_key_set({"keys": [public(RSA, kid="a"), public(EC, kid="b"), public(ED, kid="c")]})
    assert [key.kid for key in keys] == ["a", "b", "c"]
    assert choose_key(keys, "a", "RS256") is not None
    assert choose_key(keys, "a", "PS512") is not None
    assert choose_key(keys, "a", "ES256") is None
    assert choose_key(keys, "b", "ES256") is not None
    assert choose_key(keys, "b", "ES384") is None
    assert choose_key(keys, "c", "EdDSA") is not None
    assert choose_key(keys, "d", "RS256") is None
    assert choose_key(keys, "", "RS256") is not None
    for algorithm in ("none", "HS256", ""):
        assert choose_key(keys, "a", algorithm) is None


def test_without_a_name_there_must_be_no_choice() -> None:
    keys = read_key_set({"keys": [public(RSA), public(RSA, kid="a")]})
    assert choose_key(keys, "", "RS256") is None


def test_what_is_not_for_signatures_is_left_out() -> None:
    usable = public(RSA, kid="a", alg="RS256")
    others = [
        public(RSA, kid="b", use="enc"),
        public(RSA, kid="c", key_ops=["encrypt"]),
        public(RSA, kid="d", alg="RSA-OAEP"),
        public(SMALL, kid="e"),
        {"kty": "new kind", "kid": "f"},
        {"kty": "RSA", "kid": "g", "n": "AA"},
        public(EC, kid="h", alg="ES384"),
        public(EC, kid=7),
    ]
    keys = read_key_set({"keys": [usable, *others]})
    assert [(key.kid, key.algorithms) for key in keys] == [("a", ("RS256",))]
    assert choose_key(read_key_set({"keys": [public(WIDE, kid="w")]}), "w", "ES384") is not None


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"keys": {}},
        {"keys": ["key"]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{**public(EC, kid="a"), "d": "AA"}]},
        {"keys": [public(EC, kid="a"), public(ED, kid="a")]},
        {"keys": [public(EC)] * 51},
    ],
)
def test_set_that_cannot_be_trusted_is_refused_whole(body: object) -> None:
    with pytest.raises(UnauthenticatedError):
        read_key_set(body)


def test_half_of_the_hash_is_that_of_the_specification() -> None:
    """The example of OpenID Connect Core 1.0, appendix A.3."""
    access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert left_half(access, "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_every_case_of_wycheproof_is_refused(pytestconfig: pytest.Config) -> None:
    """None of its tokens is an ID token of ours; its broken sets are not even read."""
    folder: Path | None = pytestconfig.getoption("--jose")
    if folder is None:
        pytest.skip("give the folder of Wycheproof's JSON Web Key vectors with --jose")
    text = (folder / "json_web_key_test.json").read_text("utf-8")
    cases = 0
    for group in json.loads(text)["testGroups"]:
        for case in group["tests"]:
            cases += 1
            for half in ("public", "private"):
                with pytest.raises((UnauthenticatedError, UnknownKeyError)):
                    read_id_token(case["jws"], read_key_set(group.get(half)), NOBODY)
    assert cases >= 26
