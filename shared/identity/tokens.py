"""Access tokens: EdDSA JWTs after RFC 9068, short-lived, with every claim required.

The algorithm is pinned and the key is chosen by us, so ``alg: none``, HS256 over the public key
and keys sent inside the token are refused before any claim is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.identity.keys import SigningKey
from shared.kernel.clock import now
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
MAX_CHARACTERS = 4096
_REQUIRED = ["sub", "tenant_id", "role", "email", "epoch", "sid", "iat", "exp", "iss", "aud", "jti"]
_LEEWAY_S = 5  # clocks of two machines
_SIGN_IN_AGAIN = "Sign in again with POST /auth/login."


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about its bearer and session. Role and e-mail are those at sign-in."""

    tenant_id: TenantId
    user_id: UserId
    email: str
    role: str
    epoch: int
    session_id: UUID


def issue(claims: Claims, key: SigningKey, *, issuer: str, life_s: int) -> str:
    """Sign a token that is valid from now for ``life_s`` seconds."""
    moment = now()
    payload = {
        "sub": str(claims.user_id),
        "tenant_id": str(claims.tenant_id),
        "role": claims.role,
        "email": claims.email,
        "epoch": claims.epoch,
        "sid": str(claims.session_id),
        "iat": moment,
        "exp": moment + timedelta(seconds=life_s),
        "iss": issuer,
        "aud": issuer,
        "jti": str(uuid4()),
    }
    headers = {"kid": key.id, "typ": TYPE}
    return jwt.encode(payload, key.private_key, algorithm=ALGORITHM, headers=headers)


def key_id(token: str) -> str:
    """Read which key a token claims to be signed with, before anything of it is trusted.

    Raises UnauthenticatedError unless the header is that of our tokens.
    """
    if len(token) > MAX_CHARACTERS:
        raise _refused()
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _refused() from error
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or not isinstance(kid, str):
        raise _refused()
    return kid


def read(token: str, key: Ed25519PublicKey, *, issuer: str) -> Claims:
    """Check signature, life and claims; raises UnauthenticatedError for anything amiss."""
    try:
        payload = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=issuer,
            leeway=_LEEWAY_S,
            options={"require": _REQUIRED, "strict_aud": True},
        )
    except jwt.ExpiredSignatureError as error:
        raise UnauthenticatedError("The token has expired.", hint=_SIGN_IN_AGAIN) from error
    except jwt.PyJWTError as error:
        raise _refused() from error
    return _claims(payload)


def _claims(payload: dict[str, object]) -> Claims:
    epoch = payload["epoch"]
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise _refused()
    try:
        return Claims(
            tenant_id=TenantId(UUID(str(payload["tenant_id"]))),
            user_id=UserId(UUID(str(payload["sub"]))),
            email=str(payload["email"]),
            role=str(payload["role"]),
            epoch=epoch,
            session_id=UUID(str(payload["sid"])),
        )
    except ValueError as error:
        raise _refused() from error


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError("The token is not one of ours.", hint=_SIGN_IN_AGAIN)
