"""An OpenID provider as a program of its own: strict with its clients, and faulty when told to.

Run it and read its address from the first line it prints. ``POST /_next`` says who signs in next
and what goes wrong; everything else is OpenID Connect Core 1.0 with PKCE. Tokens are made with
joserfc, so that they do not come from the library that checks them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.ports import take_port

CLIENT, SECRET = "kontor at acme", "s3cret: with/odd signs"
KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig", "alg": "ES256"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig", "alg": "EdDSA"}),
}
EVENT = "http://schemas.openid.net/event/backchannel-logout"
RETURNS = ("https://app.acme.example/bye",)
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"})


class State:
    """What the provider knows: who signs in next, and the codes it has given."""

    issuer: ClassVar[str] = ""
    next: ClassVar[dict[str, Any]] = {}
    codes: ClassVar[dict[str, dict[str, Any]]] = {}
    tokens: ClassVar[dict[str, dict[str, Any]]] = {}
    asked: ClassVar[list[str]] = []


async def discovery(_: Request) -> Response:
    at = State.issuer
    body = {
        "issuer": at if State.next.get("fault") != "other name" else f"{at}/other",
        "authorization_endpoint": f"{at}/authorize",
        "token_endpoint": f"{at}/token",
        "jwks_uri": f"{at}/keys",
        "userinfo_endpoint": f"{at}/userinfo",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(KEYS),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": True,
    }
    fault = State.next.get("fault")
    ends = {
        "plain end": "http://public.example/end",
        "no address": "javascript:alert(1)",
        "null end": None,
    }
    if fault != "no end":
        body["end_session_endpoint"] = ends.get(str(fault), f"{at}/end?from=here")
    return JSONResponse(body)


async def end_session(request: Request) -> Response:
    """Sign out without an ID token: the client must be known, and where it wants to go to."""
    query = request.query_params
    back = query.get("post_logout_redirect_uri")
    if query.get("client_id") != CLIENT or back not in {None, *RETURNS}:
        return JSONResponse({"error": "invalid_request"}, 400)
    if back is None:
        return JSONResponse({"signed_out": True})
    return RedirectResponse(f"{back}?{urlencode({'state': query['state']})}", 302)


async def keys(_: Request) -> Response:
    State.asked.append("keys")
    return JSONResponse(KeySet(list(KEYS.values())).as_dict(private=False))


async def authorize(request: Request) -> Response:
    query = request.query_params
    known = State.next
    right = (
        query.get("response_type") == "code"
        and query.get("client_id") == CLIENT
        and query.get("code_challenge_method") == "S256"
        and len(query.get("code_challenge", "")) == 43
        and "openid" in query.get("scope", "").split()
    )
    if not right:
        return JSONResponse({"error": "invalid_request"}, 400)
    back = {"state": query["state"], "iss": known.get("sender", State.issuer)}
    if known.get("fault") == "denied":
        back |= {"error": "access_denied", "error_description": "<b>no</b>"}
    else:
        code = secrets.token_urlsafe(16)
        State.codes[code] = {**dict(query), **known}
        back["code"] = code
    return RedirectResponse(f"{query['redirect_uri']}?{urlencode(back)}", 302)


async def token(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode()))
    given = request.headers.get("authorization", "").removeprefix("Basic ")
    client, _, secret = base64.b64decode(given).decode().partition(":")
    if (unquote(client), unquote(secret)) != (CLIENT, SECRET):
        return JSONResponse({"error": "invalid_client"}, 401)
    flow = State.codes.pop(str(form.get("code")), None)
    digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if (
        flow is None
        or form.get("grant_type") != "authorization_code"
        or form.get("redirect_uri") != flow["redirect_uri"]
        or challenge != flow["code_challenge"]
    ):
        return JSONResponse({"error": "invalid_grant"}, 400)
    access = secrets.token_urlsafe(24)
    State.tokens[access] = flow
    body = {"access_token": access, "token_type": "Bearer", "id_token": make(flow, access)}
    return JSONResponse(body, headers={"cache-control": "no-store"})


async def userinfo(request: Request) -> Response:
    flow = State.tokens[request.headers["authorization"].removeprefix("Bearer ")]
    subject = "another" if flow.get("fault") == "other userinfo" else flow["sub"]
    return JSONResponse({"sub": subject, **flow.get("userinfo", {})})


def make(flow: dict[str, Any], access: str) -> str:
    """Make the ID token of a sign-in, with the fault that was asked for."""
    algorithm, fault = str(flow.get("algorithm", "RS256")), str(flow.get("fault", ""))
    now = int(time.time())
    hashed = hashlib.new("sha512" if algorithm == "EdDSA" else "sha256", access.encode()).digest()
    claims: dict[str, Any] = {
        "iss": State.issuer,
        "sub": flow["sub"],
        "aud": CLIENT,
        "iat": now,
        "exp": now + 300,
        "nonce": flow["nonce"],
        "at_hash": base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).decode().rstrip("="),
        **flow.get("claims", {}),
    }
    changes: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": "another"},
        "no nonce": {"nonce": None},
        "audience": {"aud": "somebody else"},
        "audiences": {"aud": [CLIENT, "somebody else"]},
        "party": {"azp": "somebody else"},
        "issuer": {"iss": f"{State.issuer}/other"},
        "expired": {"exp": now - 120},
        "old": {"iat": now - 3600},
        "future": {"iat": now + 3600},
        "no subject": {"sub": None},
        "empty subject": {"sub": ""},
        "number subject": {"sub": 7},
        "no life": {"exp": None},
        "at_hash": {"at_hash": "AAAA"},
    }
    claims.update(changes.get(fault, {}))
    claims = {name: value for name, value in claims.items() if value is not None}
    return sign(claims, algorithm, fault)


def make_logout(asked: dict[str, Any]) -> str:
    """Make a logout token (Back-Channel Logout 1.0), with the fault or the claims asked for."""
    now = int(time.time()) + int(asked.get("later_s", 0))
    claims: dict[str, Any] = {
        "iss": State.issuer,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(8),
        "events": {EVENT: {}},
        **asked.get("claims", {}),
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    fault, kind = str(asked.get("fault", "")), str(asked.get("kind", "logout+jwt"))
    return sign(claims, str(asked.get("algorithm", "RS256")), fault, kind)


def sign(claims: dict[str, Any], algorithm: str, fault: str, kind: str = "JWT") -> str:
    key: Any = KEYS[algorithm]
    header: dict[str, Any] = {"alg": algorithm, "kid": key.kid, "typ": kind}
    if fault == "alg none":
        return jwt.encode(
            {"alg": "none", "typ": "JWT"}, claims, OctKey.import_key("x" * 32), algorithms=["none"]
        )
    if fault == "hs256 over the public key":
        return sign_by_hand({**header, "alg": "HS256"}, claims, KEYS["RS256"].as_pem(private=False))
    if fault == "foreign key":
        key = STRANGER
    if fault == "unknown kid":
        header["kid"] = "nobody's"
    if fault == "embedded key":
        key = STRANGER
        header["jwk"] = STRANGER.as_dict(private=False)
    if fault == "type":
        header["typ"] = "at+jwt"
    made = jwt.encode(header, claims, key, algorithms=[algorithm])
    return made[:-8] if fault == "cut signature" else made


def sign_by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Sign with HMAC over what no library takes for a secret."""

    def packed(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    text = f"{packed(json.dumps(header).encode())}.{packed(json.dumps(claims).encode())}"
    return f"{text}.{packed(hmac.digest(secret, text.encode(), 'sha256'))}"


async def say_next(request: Request) -> Response:
    State.next = await request.json()
    State.asked.clear()
    return JSONResponse({})


async def say_logout(request: Request) -> Response:
    return PlainTextResponse(make_logout(await request.json()))


async def say_asked(_: Request) -> Response:
    return JSONResponse(State.asked)


def main() -> None:
    listening = take_port(0, purpose="a provider")
    State.issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
    routes = [
        Route("/.well-known/openid-configuration", discovery),
        Route("/keys", keys),
        Route("/authorize", authorize),
        Route("/token", token, methods=["POST"]),
        Route("/userinfo", userinfo),
        Route("/end", end_session),
        Route("/_next", say_next, methods=["POST"]),
        Route("/_asked", say_asked),
        Route("/_logout_token", say_logout, methods=["POST"]),
    ]
    print(State.issuer, flush=True)  # noqa: T201 - how whoever started it learns the address
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None))
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
