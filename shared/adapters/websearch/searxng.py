"""SearXNG, the search engine one runs oneself: its JSON format must be allowed in settings.yml."""

from __future__ import annotations

from urllib.parse import urlencode

from shared.adapters.egress import Egress
from shared.adapters.websearch.port import (
    Provider,
    WebResult,
    ask_json,
    read_results,
    refuse,
    require_address,
)

NAME = "searxng"


def available(provider: Provider) -> str:
    """Return why it cannot be used as configured; empty when it can."""
    return require_address(provider, "https://search.example")


class SearxngSearch:
    """Asks ``<address>/search?format=json`` (docs.searxng.org, "Search API")."""

    name = NAME

    def __init__(self, provider: Provider, egress: Egress) -> None:
        refuse(available(provider))
        self._address = provider.address.rstrip("/")
        self._egress = egress

    def find(self, query: str, *, most: int, language: str) -> list[WebResult]:
        """Return up to ``most`` results, best first."""
        asked = {"q": query, "format": "json", "safesearch": "1"}
        if language:
            asked["language"] = language
        body = ask_json(self._egress, f"{self._address}/search?{urlencode(asked)}", provider=NAME)
        return read_results(
            body,
            provider=NAME,
            most=most,
            results="results",
            url="url",
            title="title",
            snippet="content",
        )
