"""Any provider that answers a GET with JSON: an address with places to fill, and four paths."""

from __future__ import annotations

from urllib.parse import quote

from shared.adapters.egress import Egress
from shared.adapters.websearch.port import (
    Provider,
    WebResult,
    ask_json,
    read_results,
    refuse,
    require_address,
)

NAME = "json"
DEFAULT_PATHS = "results=results url=url title=title snippet=snippet"
_EXAMPLE = "https://api.example/search?q={query}&n={most}"


def available(provider: Provider) -> str:
    """Return why it cannot be used as configured; empty when it can."""
    reason = require_address(provider, _EXAMPLE)
    if not reason and "{query}" not in provider.address:
        reason = f"WEB_SEARCH_URL must say where the question goes: {_EXAMPLE}."
    unknown = set(_paths(provider.paths)) - set(_paths(DEFAULT_PATHS))
    if not reason and unknown:
        reason = f"WEB_SEARCH_PATHS knows results, url, title, snippet: not {sorted(unknown)[0]}."
    return reason


class JsonSearch:
    """Fills ``{query}``, ``{most}`` and ``{language}`` into the address; the key is a bearer."""

    name = NAME

    def __init__(self, provider: Provider, egress: Egress) -> None:
        refuse(available(provider))
        self._address = provider.address
        self._headers = {"authorization": f"Bearer {provider.key}"} if provider.key else {}
        self._paths = _paths(DEFAULT_PATHS) | _paths(provider.paths)
        self._egress = egress

    def find(self, query: str, *, most: int, language: str) -> list[WebResult]:
        """Return up to ``most`` results, best first."""
        url = self._address.replace("{most}", str(most)).replace("{language}", language)
        url = url.replace("{query}", quote(query, safe=""))
        body = ask_json(self._egress, url, provider=NAME, headers=self._headers)
        return read_results(body, provider=NAME, most=most, **self._paths)


def _paths(text: str) -> dict[str, str]:
    """Read "results=web.results url=link"; a name without a path is the answer itself."""
    return {name: path for name, _, path in (part.partition("=") for part in text.split())}
