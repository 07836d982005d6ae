"""The web searches there are, by the name they have in WEB_SEARCH_PROVIDER."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.adapters.egress import Egress
from shared.adapters.websearch import brave, json_search, searxng
from shared.adapters.websearch.port import Provider, WebSearch
from shared.kernel.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of provider: why it cannot be used, and how it is opened."""

    available: Callable[[Provider], str]
    open: Callable[[Provider, Egress], WebSearch]


KINDS = {
    searxng.NAME: Kind(searxng.available, searxng.SearxngSearch),
    brave.NAME: Kind(brave.available, brave.BraveSearch),
    json_search.NAME: Kind(json_search.available, json_search.JsonSearch),
}


def available(name: str, provider: Provider) -> str:
    """Return why the web cannot be searched as configured; empty when it can."""
    if not name:
        return "Web search is off. Set WEB_SEARCH_PROVIDER to searxng, brave or json."
    if name not in KINDS:
        return f"There is no web search called {name}: searxng, brave or json."
    return KINDS[name].available(provider)


def open_web_search(name: str, provider: Provider, egress: Egress) -> WebSearch | None:
    """Open the configured web search; ``None`` when it is off, InvalidError when set up wrongly."""
    if not name:
        return None
    reason = available(name, provider)
    if reason:
        raise InvalidError("The web search is not set up.", hint=reason)
    return KINDS[name].open(provider, egress)
