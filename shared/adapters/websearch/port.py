"""What a web search is asked and answers, and how a provider's JSON is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.adapters.egress import Egress, Fetched
from shared.kernel.errors import InvalidError, LimitedError, RefusedError, UnavailableError

_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500
_LONGEST_TITLE, _LONGEST_SNIPPET = 300, 1000


@dataclass(frozen=True, slots=True)
class WebResult:
    """One hit of a web search; all three are a stranger's words."""

    url: str
    title: str
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How a provider is reached: ``address`` and ``paths`` mean what its file says."""

    address: str = ""
    key: str = field(default="", repr=False)
    paths: str = ""


class WebSearch(Protocol):
    """Port: finds pages on the web."""

    @property
    def name(self) -> str:
        """What the provider is called in the settings."""
        ...

    def find(self, query: str, *, most: int, language: str) -> list[WebResult]:
        """Return up to ``most`` results, best first.

        ``language`` is ``de``, ``en`` or empty. Raises RefusedError for a wrong key, LimitedError
        for too many searches, UnavailableError when the provider is away or answers nonsense.
        """
        ...


def ask_json(
    egress: Egress, url: str, *, provider: str, headers: Mapping[str, str] | None = None
) -> object:
    """Fetch a provider's JSON; what it says in an error never reaches a reader."""
    answer = egress.get(url, accept=["application/json"], headers=headers)
    _check(answer, provider)
    try:
        body: object = json.loads(answer.body)
    except ValueError as error:
        raise _nonsense(provider) from error
    return body


def _check(answer: Fetched, provider: str) -> None:
    if answer.status == _OK:
        return
    if answer.status == _TOO_MANY:
        raise LimitedError(f"The web search {provider} has had enough questions.", retry_after_s=60)
    if answer.status in {401, 403, 422}:
        raise RefusedError(
            f"The web search {provider} did not accept the request (status {answer.status}).",
            hint="Check WEB_SEARCH_KEY; SearXNG must allow the format json.",
        )
    raise UnavailableError(
        f"The web search {provider} answered with status {answer.status}.",
        hint="Try again later." if answer.status >= _SERVER_ERROR else "Check WEB_SEARCH_URL.",
    )


def at_path(body: object, path: str) -> object:
    """Follow a dotted path ("web.results") into JSON; ``None`` where it leads nowhere."""
    for name in filter(None, path.split(".")):
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
        else:
            return None
    return body


def read_results(
    body: object, *, provider: str, most: int, results: str, url: str, title: str, snippet: str
) -> list[WebResult]:
    """Read results by their paths; entries without a web address are left out, doubles too."""
    listed = at_path(body, results)
    if not isinstance(listed, list):
        if listed is None and isinstance(body, dict):
            return []  # a provider that found nothing leaves the list out
        raise _nonsense(provider)
    found: dict[str, WebResult] = {}
    for entry in listed:
        address = at_path(entry, url)
        if isinstance(address, str) and address.startswith(("http://", "https://")):
            found.setdefault(
                address,
                WebResult(
                    address,
                    _text(at_path(entry, title), _LONGEST_TITLE),
                    _text(at_path(entry, snippet), _LONGEST_SNIPPET),
                ),
            )
    return list(found.values())[:most]


def _text(value: object, longest: int) -> str:
    return " ".join(value.split())[:longest] if isinstance(value, str) else ""


def _nonsense(provider: str) -> UnavailableError:
    return UnavailableError(
        f"The web search {provider} answered something that is not its JSON.",
        hint="Check WEB_SEARCH_URL.",
    )


def require_address(provider: Provider, example: str) -> str:
    """Return why a provider cannot be used without its address, empty when it has one."""
    if provider.address.startswith(("http://", "https://")):
        return ""
    return f"Set WEB_SEARCH_URL to its address, such as {example}."


def refuse(reason: str) -> None:
    """Raise InvalidError when there is a reason not to work."""
    if reason:
        raise InvalidError("The web search is not set up.", hint=reason)
