"""Brave's Web Search API: a key is needed, an address only where the API is reached by proxy."""

from __future__ import annotations

from urllib.parse import urlencode

from shared.adapters.egress import Egress
from shared.adapters.websearch.port import (
    Provider,
    WebResult,
    ask_json,
    read_results,
    refuse,
)

NAME = "brave"
ADDRESS = "https://api.search.brave.com/res/v1/web/search"
_MOST = 20  # the API's own limit on count


def available(provider: Provider) -> str:
    """Return why it cannot be used as configured; empty when it can."""
    return "" if provider.key else "Set WEB_SEARCH_KEY to a key of api.search.brave.com."


class BraveSearch:
    """Asks ``/res/v1/web/search`` with the key in ``X-Subscription-Token``."""

    name = NAME

    def __init__(self, provider: Provider, egress: Egress) -> None:
        refuse(available(provider))
        self._address = provider.address or ADDRESS
        self._key = provider.key
        self._egress = egress

    def find(self, query: str, *, most: int, language: str) -> list[WebResult]:
        """Return up to ``most`` results, best first."""
        asked = {"q": query, "count": str(min(most, _MOST)), "text_decorations": "false"}
        if language:
            asked["search_lang"] = language
        body = ask_json(
            self._egress,
            f"{self._address}?{urlencode(asked)}",
            provider=NAME,
            headers={"x-subscription-token": self._key},
        )
        return read_results(
            body,
            provider=NAME,
            most=most,
            results="web.results",
            url="url",
            title="title",
            snippet="description",
        )
