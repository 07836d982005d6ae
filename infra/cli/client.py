"""The HTTP client of the command line: one login, our own errors, patience with a busy server."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, unquote, urlsplit

import httpx

from infra.cli.problems import cut_off, explain, no_answer, refuses_login
from infra.cli.target import LOOPBACK, Profile, Target, read_stored, renewing, write_profile
from shared.kernel.errors import (
    ConflictError,
    KontorError,
    UnauthenticatedError,
    UnavailableError,
)
from shared.kernel.ids import new_id

logger = logging.getLogger(__name__)

ATTEMPTS = 5
LONGEST_WAIT_S = 20.0
RENEW_BEFORE_S = 30.0
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
STREAM_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
UNAUTHENTICATED = 401
WAIT_AND_RETRY = frozenset({429, 503})

Body = dict[str, object]
Param = str | int | list[str]
AskCode = Callable[[Body], str]


class KontorClient:
    """Calls one server as one user; safe to use from several threads.

    Every call carries the same correlation id, so a command can be followed in the server's logs.
    A 401 renews the login once when the profile can; 503 and 429 are tried again.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._profile = target.profile
        self._renewal = threading.Lock()
        self.correlation_id = str(new_id())
        self._http = httpx.Client(
            base_url=target.profile.api,
            timeout=TIMEOUT,
            headers={"x-correlation-id": self.correlation_id, "user-agent": "kontor-cli"},
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
            # A proxy is for the world outside, never for this machine.
            trust_env=not _is_here(target.profile.api),
        )
        self._endpoints: Body | None = None
        self.recovery_codes: list[str] = []
        """Codes the last sign-in handed out because it set a second factor up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @property
    def profile(self) -> Profile:
        """The login in use, as last renewed."""
        return self._profile

    # -- calls ---------------------------------------------------------------------------------

    def get(self, path: str, **params: Param) -> Body:
        """Read something; empty parameters are left out."""
        given = {name: value for name, value in params.items() if value not in ("", [])}
        return self.call("GET", path, params=given, is_repeatable=True)

    def post(self, path: str, body: Mapping[str, object], *, is_repeatable: bool = False) -> Body:
        """Send JSON; say ``is_repeatable`` when a second try does no harm."""
        return self.call("POST", path, json=dict(body), is_repeatable=is_repeatable)

    def patch(self, path: str, body: Mapping[str, object]) -> Body:
        """Change something."""
        return self.call("PATCH", path, json=dict(body), is_repeatable=True)

    def delete(self, path: str, **params: Param) -> Body:
        """Remove something."""
        return self.call("DELETE", path, params=params, is_repeatable=True)

    def list_all(self, path: str, *, limit: int, **params: Param) -> Iterator[Body]:
        """Walk through a paged list, up to ``limit`` items."""
        cursor, left = "", limit
        while left > 0:
            page = self.get(path, **params, limit=min(left, 200), cursor=cursor)
            items = page.get("items")
            for item in items if isinstance(items, list) else []:
                if left > 0 and isinstance(item, dict):
                    left -= 1
                    yield item
            cursor = str(page.get("next_cursor") or "")
            if not cursor:
                return

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Param] | None = None,
        json: Body | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = False,
    ) -> Body:
        """Make one request as the signed-in user and return its JSON object.

        Raises the error of our tree that the server's problem names; UnavailableError when no
        server answers or it stays busy.
        """
        token = self.token()
        for attempt in range(1, ATTEMPTS + 1):
            response = self._send(
                self._http.build_request(
                    method,
                    path,
                    params=dict(params or {}),
                    json=json,
                    content=content,
                    headers={**(headers or {}), "authorization": f"Bearer {token}"},
                )
            )
            if response.is_success:
                return _object(response)
            error = explain(response)
            if refuses_login(response) and attempt == 1 and self._can_renew():
                token = self._renew(token)
                continue
            may_try_again = is_repeatable or "retry-after" in response.headers
            if response.status_code not in WAIT_AND_RETRY or not may_try_again:
                raise error
            if attempt == ATTEMPTS:
                raise error
            wait_s = _wait_before_next(response, attempt)
            logger.info("server is busy", extra={"path": path, "wait_s": wait_s})
            time.sleep(wait_s)
        raise UnavailableError("The server stays busy.", hint="Try again later.")

    def text(self, path: str, header: str, **params: Param) -> tuple[str, str]:
        """Read something that is no JSON object, and one of its headers (empty without it)."""
        given = {name: value for name, value in params.items() if value not in ("", [])}
        authorization = {"authorization": f"Bearer {self.token()}"}
        response = self._send(
            self._http.build_request("GET", path, params=given, headers=authorization)
        )
        if not response.is_success:
            raise explain(response)
        return response.text, response.headers.get(header, "")

    def post_form(self, url: str, fields: Mapping[str, str], name: str, stream: IO[bytes]) -> None:
        """Send a file to storage by a presigned POST; the access token stays out of it."""
        request = httpx.Request(
            "POST",
            url,
            data=dict(fields),
            files={"file": (name, stream, fields.get("Content-Type", "application/octet-stream"))},
            extensions={"timeout": STREAM_TIMEOUT.as_dict()},
        )
        response = self._send(request)
        if not response.is_success:
            raise explain(response)

    def fetch(self, url: str, target: Path) -> Path:
        """Download a presigned address to a file, or into a folder under the server's name for it.

        The access token stays out of it. Raises ConflictError when the file is there already.
        """
        with self._http.stream("GET", url, timeout=STREAM_TIMEOUT) as response:
            if not response.is_success:
                response.read()
                raise explain(response)
            path = target / _name_of(response) if target.is_dir() else target
            try:
                with path.open("xb") as file:
                    for block in response.iter_bytes(1 << 20):
                        file.write(block)
            except FileExistsError as error:
                raise ConflictError(
                    f"{path} is there already.", hint="Name another file with --out."
                ) from error
            except OSError as error:
                raise UnavailableError(f"{path} cannot be written: {error.strerror}.") from error
        return path

    @contextlib.contextmanager
    def stream(self, url: str, body: Mapping[str, object]) -> Iterator[Iterator[str]]:
        """Send a question and read the answer's lines as they come."""
        token = self.token()
        for attempt in (1, 2):
            headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
            try:
                with self._http.stream(
                    "POST", url, json=dict(body), headers=headers, timeout=STREAM_TIMEOUT
                ) as response:
                    if response.is_success:
                        yield response.iter_lines()
                        return
                    response.read()
            except httpx.ConnectError as error:
                raise no_answer(url) from error
            except (httpx.TransportError, httpx.StreamError) as error:
                raise cut_off(url, error) from error
            may_renew = refuses_login(response) and self._can_renew()
            if attempt == 1 and may_renew:
                token = self._renew(token)
                continue
            raise explain(response)

    def endpoints(self) -> Body:
        """Return the addresses of the stream and the WebSocket, asked for once."""
        if self._endpoints is None:
            self._endpoints = self.get("/api/v1/endpoints")
        return self._endpoints

    def me(self) -> Body:
        """Return who is signed in, and remember the tenant."""
        user = self.get("/auth/me")
        inner = user.get("user")
        found = inner if isinstance(inner, dict) else user
        if found.get("tenant_id"):
            self._profile = replace(
                self._profile,
                tenant_id=str(found["tenant_id"]),
                tenant=str(found.get("tenant") or self._profile.tenant),
                email=str(found.get("email") or self._profile.email),
            )
        return found

    # -- the login -----------------------------------------------------------------------------

    def token(self) -> str:
        """Return a token with some life left, renewed when the profile can."""
        profile = self._profile
        if not profile.token and not self._can_renew():
            raise _not_signed_in(profile)
        if (_is_old(profile) or not profile.token) and self._can_renew():
            return self._renew(profile.token)
        return profile.token

    def sign_in(
        self, *, email: str, password: str, tenant: str = "", ask_code: AskCode | None = None
    ) -> Profile:
        """Exchange a password for tokens and remember them.

        Where a code is asked for as well, ``ask_code`` is given the problem and returns the code.
        Raises UnauthenticatedError.
        """
        body = {"email": email, "password": password, **({"tenant": tenant} if tenant else {})}
        return self.enter("/auth/login", body, email=email, tenant=tenant, ask_code=ask_code)

    def enter(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        email: str = "",
        tenant: str = "",
        ask_code: AskCode | None = None,
    ) -> Profile:
        """Show a first factor, then a code where one is asked for, and remember the tokens.

        Raises UnauthenticatedError.
        """
        response = self._open(path, body)
        problem = _challenge(response)
        if problem is not None and ask_code is not None:
            shown = {"challenge": problem["challenge"], "code": ask_code(problem)}
            response = self._open("/auth/login/second-factor", shown)
        if not response.is_success:
            raise explain(response)
        answer = _object(response)
        codes = answer.get("recovery_codes")
        self.recovery_codes = [str(code) for code in codes] if isinstance(codes, list) else []
        return self.remember(answer, email=email, tenant=tenant)

    def post_openly(self, path: str, body: Mapping[str, object]) -> Body:
        """Post something that needs no login."""
        response = self._open(path, body)
        if not response.is_success:
            raise explain(response)
        return _object(response)

    def get_openly(self, path: str, **params: Param) -> Body:
        """Read something that needs no login."""
        response = self._send(self._http.build_request("GET", path, params=params))
        if not response.is_success:
            raise explain(response)
        return _object(response)

    def forget(self) -> None:
        """Forget the stored login of this server; nothing is asked of the server."""
        self._profile = replace(self._profile, token="", refresh="", expires_at=0.0)
        if self._target.store is not None:
            write_profile(self._target.store, self._profile)

    def _open(self, path: str, body: Mapping[str, object]) -> httpx.Response:
        return self._send(self._http.build_request("POST", path, json=dict(body)))

    def remember(self, answer: Body, *, email: str = "", tenant: str = "") -> Profile:
        """Take over the tokens of a sign-in, however it was made."""
        user = answer.get("user")
        known: Mapping[str, object] = user if isinstance(user, dict) else {}
        lifetime = answer.get("expires_in")
        self._profile = replace(
            self._profile,
            email=email or str(known.get("email") or ""),
            tenant=str(known.get("tenant") or tenant),
            tenant_id=str(known.get("tenant_id") or ""),
            token=str(answer.get("access_token") or ""),
            refresh=str(answer.get("refresh_token") or ""),
            expires_at=time.time() + (float(lifetime) if isinstance(lifetime, int | float) else 0),
        )
        if self._target.store is not None:
            write_profile(self._target.store, self._profile)
        return self._profile

    def _can_renew(self) -> bool:
        profile = self._profile
        return bool(profile.refresh or (profile.password and profile.email))

    def _renew(self, stale: str) -> str:
        """Renew the login; threads and processes that came late take the new token."""
        with self._renewal, renewing(self._target.store):
            if self._profile.token and self._profile.token != stale:
                return self._profile.token
            stored = read_stored(self._target)
            if stored is not None and stored.email == self._profile.email:
                self._profile = stored
                if stored.token and stored.token != stale and not _is_old(stored):
                    return stored.token
            return (self._refreshed() or self._signed_in_again()).token

    def _refreshed(self) -> Profile | None:
        """Use the refresh token up; ``None`` without one that counts."""
        profile = self._profile
        if not profile.refresh:
            return None
        response = self._open("/auth/refresh", {"refresh_token": profile.refresh})
        if response.is_success:
            return self.remember(_object(response), email=profile.email, tenant=profile.tenant)
        if response.status_code != UNAUTHENTICATED:
            raise explain(response)
        self._profile = replace(profile, refresh="", token="")
        return None

    def _signed_in_again(self) -> Profile:
        """Sign in with the stored password. Raises UnauthenticatedError without one."""
        profile = self._profile
        if not profile.password:
            self.forget()
            raise _not_signed_in(profile)
        return self.sign_in(email=profile.email, password=profile.password, tenant=profile.tenant)

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request)
        except httpx.ConnectError as error:
            raise no_answer(str(request.url)) from error
        except httpx.TimeoutException as error:
            raise UnavailableError(
                f"{request.url.host} took too long to answer.", hint="Try again."
            ) from error
        except httpx.TransportError as error:
            raise cut_off(str(request.url), error) from error


def path_of(*parts: str) -> str:
    """Build a path below ``/api/v1`` from parts that need quoting."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _name_of(response: httpx.Response) -> str:
    """Read the file name out of Content-Disposition: never a path, never hidden."""
    said = response.headers.get("content-disposition", "")
    found = re.search(r"filename\*=UTF-8''([^;\s]+)", said) or re.search(
        r'filename="([^"]+)"', said
    )
    name = Path(unquote(found[1])).name.lstrip(".") if found else ""
    return name or "download"


def _is_old(profile: Profile) -> bool:
    """Tell whether a token has so little life left that it had better be renewed."""
    return bool(profile.expires_at) and profile.expires_at < time.time() + RENEW_BEFORE_S


def _challenge(response: httpx.Response) -> Body | None:
    """Return the problem that asks for a second factor; ``None`` for any other answer."""
    if response.status_code != UNAUTHENTICATED:
        return None
    body = _object(response)
    return body if body.get("challenge") else None


def _is_here(url: str) -> bool:
    host = urlsplit(url).netloc
    return host.startswith(LOOPBACK)


def _object(response: httpx.Response) -> Body:
    if not response.content:
        return {}
    try:
        body = response.json()
    except ValueError as error:
        raise KontorError(
            f"{response.url.host} answered something that is not JSON.",
            hint="Is this the address of a Kontor server?",
        ) from error
    return body if isinstance(body, dict) else {"items": body}


def _wait_before_next(response: httpx.Response, attempt: int) -> float:
    given = response.headers.get("retry-after", "")
    wanted = float(given) if given.isdigit() else 0.25 * 2.0**attempt
    return float(min(wanted, LONGEST_WAIT_S))


def _not_signed_in(profile: Profile) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"You are not signed in to {profile.api}.",
        hint=f"Run `kontor login --api {profile.api} --email YOU`.",
    )
