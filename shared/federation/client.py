"""The conversation with an OpenID provider: discovery, its keys, the code for the token.

Everything goes through the guarded way out (``adapters.egress``), so a provider cannot lead us
inside; addresses must be https unless the deployment names the place. Discovery and keys are kept
for ten minutes; an unknown key asks again at most once in thirty seconds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from shared.adapters.egress import Egress, Fetched
from shared.federation.id_tokens import OF_THE_SIGN_IN, Expected, read_id_token, refused
from shared.federation.key_sets import ProviderKey, read_key_set
from shared.federation.logout_tokens import Logout, disbelieved, read_logout_token
from shared.federation.model import Provider
from shared.federation.signed_tokens import Claims, UnknownKeyError
from shared.kernel.errors import InvalidError, UnauthenticatedError, UnavailableError

DISCOVERY: Final = "/.well-known/openid-configuration"
_KEEP_S: Final = 600.0
_ASK_AGAIN_S: Final = 30.0
_MOST_KEPT: Final = 200
_OK: Final = 200
_NO_KEY: Final = "its token is signed with a key that it does not publish"


Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    secret_goes_into_body: bool
    names_itself: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the token endpoint is asked with; its repr shows nothing of it."""

    code: str
    code_verifier: str
    nonce: str
    redirect_uri: str
    client_secret: str

    def __repr__(self) -> str:
        return "Exchange()"


class OidcClient:
    """Talks to providers; keeps what they publish."""

    def __init__(self, egress: Egress, *, inside: str = "") -> None:
        self._egress = egress
        self._inside = {place.strip() for place in inside.split(",") if place.strip()}
        self._metadata: dict[str, tuple[float, Metadata]] = {}
        self._keys: dict[str, tuple[float, list[ProviderKey]]] = {}

    def metadata(self, issuer: str) -> Metadata:
        """Return a provider's metadata, read at most once in ten minutes.

        Raises InvalidError for an issuer that is no address or does not answer as itself,
        RefusedError for one that may not be reached, UnavailableError when nobody answers.
        """
        kept = self._metadata.get(issuer)
        if kept is not None and time.monotonic() - kept[0] < _KEEP_S:
            return kept[1]
        self._check_address(issuer)
        body = _object(self._egress.get(issuer.rstrip("/") + DISCOVERY))
        if body.get("issuer") != issuer:
            raise InvalidError(
                "The provider calls itself by another name than the issuer given.",
                hint="Write the issuer exactly as its discovery document does.",
                fields={"issuer": "as in the discovery document"},
            )
        found = self._read_metadata(issuer, body)
        _make_room(self._metadata)
        self._metadata[issuer] = (time.monotonic(), found)
        return found

    def authorization_url(
        self, provider: Provider, *, state: str, nonce: str, code_verifier: str, redirect_uri: str
    ) -> str:
        """Return where the browser goes to sign in (authorization code with PKCE, S256)."""
        endpoint = self.metadata(provider.issuer).authorization_endpoint
        wishes: dict[str, str] = {}
        if provider.max_age_s is not None:
            wishes["max_age"] = str(provider.max_age_s)
        if provider.trusts_second_factor and provider.second_factor_acr:
            wishes["acr_values"] = " ".join(provider.second_factor_acr)
        query = urlencode(
            {
                **wishes,
                "response_type": "code",
                "client_id": provider.client_id,
                "redirect_uri": redirect_uri,
                "scope": " ".join(provider.scopes),
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge_of(code_verifier),
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def sign_out_url(self, provider: Provider, *, state: str, return_to: str) -> str:
        """Return where a browser signs out at a provider; empty where that is not published.

        OpenID Connect RP-Initiated Logout 1.0, section 2, without ``id_token_hint``: no ID token is
        kept. Where there is no ``return_to``, the provider says itself that it is done.

        Raises InvalidError for a place that is not reached by https, RefusedError for a host
        that is not on the list of those that may be reached.
        """
        endpoint = self.metadata(provider.issuer).end_session_endpoint
        if not endpoint:
            return ""
        self._check_address(endpoint)
        back = {"post_logout_redirect_uri": return_to, "state": state} if return_to else {}
        query = urlencode({"client_id": provider.client_id, **back})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def exchange(self, provider: Provider, asked: Exchange) -> Claims:
        """Trade a code for the claims of its verified ID token.

        Raises UnauthenticatedError when the provider refuses or its answer is not believed.
        """
        known = self.metadata(provider.issuer)
        answer = self._ask_for_tokens(provider, known, asked)
        token, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str) or not isinstance(access, str):
            raise refused("it sent no token")
        expected = Expected(
            provider.issuer, provider.client_id, asked.nonce, access, provider.max_age_s
        )
        try:
            claims = self._read(known, lambda keys: read_id_token(token, keys, expected))
        except UnknownKeyError:
            raise refused(_NO_KEY) from None
        if provider.claims["email"] not in claims and known.userinfo_endpoint:
            told = self._user_info(known, access, claims)
            kept = {name: told[name] for name in told.keys() - OF_THE_SIGN_IN}
            return {**kept, **claims}
        return claims

    def read_logout(self, provider: Provider, token: str) -> Logout:
        """Read what a provider's logout token says.

        Raises MalformedError for one that is not believed, UnavailableError when the provider's
        keys cannot be read, and what discovery raises.
        """
        known = self.metadata(provider.issuer)
        try:
            return self._read(known, lambda keys: read_logout_token(token, keys, provider))
        except UnknownKeyError:
            raise disbelieved(_NO_KEY) from None

    def _read(self, known: Metadata, read: Callable[[list[ProviderKey]], Said]) -> Said:
        """Read a token with the keys known, and with those of this moment where it names another.

        Raises UnknownKeyError when the provider publishes no such key.
        """
        try:
            return read(self._key_set(known))
        except UnknownKeyError:
            return read(self._key_set(known, is_doubtful=True))

    def _ask_for_tokens(
        self, provider: Provider, known: Metadata, asked: Exchange
    ) -> Mapping[str, object]:
        form = {
            "grant_type": "authorization_code",
            "code": asked.code,
            "redirect_uri": asked.redirect_uri,
            "code_verifier": asked.code_verifier,
        }
        headers: dict[str, str] = {}
        if not asked.client_secret:
            form["client_id"] = provider.client_id
        elif known.secret_goes_into_body:
            form |= {"client_id": provider.client_id, "client_secret": asked.client_secret}
        else:
            # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(provider.client_id, safe='')}:{quote(asked.client_secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = self._egress.post(
            known.token_endpoint,
            urlencode(form).encode(),
            media_type="application/x-www-form-urlencoded",
            headers=headers,
        )
        if answer.status >= 500:  # noqa: PLR2004
            raise UnavailableError("The identity provider fails.", hint="Try again in a moment.")
        if answer.status != _OK:
            raise refused("it does not accept the code")
        return _object(answer)

    def _user_info(self, known: Metadata, access_token: str, claims: Claims) -> Claims:
        headers = {"authorization": f"Bearer {access_token}"}
        body = _object(self._egress.get(known.userinfo_endpoint, headers=headers))
        if body.get("sub") != claims["sub"]:
            raise refused("it describes somebody else than its token")
        return body

    def _key_set(self, known: Metadata, *, is_doubtful: bool = False) -> list[ProviderKey]:
        kept = self._keys.get(known.jwks_uri)
        if kept is not None:
            age = time.monotonic() - kept[0]
            if age < (_ASK_AGAIN_S if is_doubtful else _KEEP_S):
                return kept[1]
        keys = read_key_set(_object(self._egress.get(known.jwks_uri)))
        _make_room(self._keys)
        self._keys[known.jwks_uri] = (time.monotonic(), keys)
        return keys

    def _read_metadata(self, issuer: str, body: Mapping[str, object]) -> Metadata:
        def address(name: str) -> str:
            value = body.get(name)
            if not isinstance(value, str):
                raise InvalidError(f"The provider's discovery document has no {name}.")
            self._check_address(value)
            return value

        end = body.get("end_session_endpoint")
        methods = body.get("token_endpoint_auth_methods_supported")
        listed = methods if isinstance(methods, list) else ["client_secret_basic"]
        return Metadata(
            issuer=issuer,
            authorization_endpoint=address("authorization_endpoint"),
            token_endpoint=address("token_endpoint"),
            jwks_uri=address("jwks_uri"),
            userinfo_endpoint=address("userinfo_endpoint") if "userinfo_endpoint" in body else "",
            # Looked at when somebody signs out: no sign-in shall fail because of it.
            end_session_endpoint=end if isinstance(end, str) else "",
            secret_goes_into_body="client_secret_basic" not in listed,
            names_itself=body.get("authorization_response_iss_parameter_supported") is True,
        )

    def _check_address(self, url: str) -> None:
        """Let only https out, and what the deployment names; the guard looks at the rest."""
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.netloc not in self._inside:
            raise InvalidError(
                "An identity provider must be reached by https.",
                hint="For one on this machine, name its host:port in OIDC_INSIDE.",
                fields={"issuer": "https://…"},
            )
        self._egress.check(url)


def challenge_of(code_verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _object(answer: Fetched) -> Mapping[str, object]:
    if answer.status != _OK:
        raise UnavailableError(
            f"The identity provider answers with {answer.status}.", hint="Check its address."
        )
    try:
        body = json.loads(answer.body)
    except ValueError as error:
        raise UnauthenticatedError("The identity provider's answer is not JSON.") from error
    if not isinstance(body, dict):
        raise UnauthenticatedError("The identity provider's answer is no JSON object.")
    return body


def _make_room(
    kept: dict[str, tuple[float, Metadata]] | dict[str, tuple[float, list[ProviderKey]]],
) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
