"""Web search: every provider asks in its own way and answers in ours, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapters.egress import Egress
from shared.adapters.websearch.port import Provider, WebSearch
from shared.adapters.websearch.registry import KINDS, available, open_web_search
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    LimitedError,
    RefusedError,
    UnavailableError,
    UnsupportedError,
)
from tests.unit.adapters.web import Page, WebServer, web_server

FOUND = [
    {"url": "https://a.example/1", "title": "First  page", "content": "One\n<b>two</b>"},
    {"url": "javascript:alert(1)", "title": "Bad", "content": ""},
    {"url": "https://a.example/1", "title": "Double", "content": ""},
    {"url": "https://b.example/2", "title": None, "content": 7},
]


@dataclass
class Speech:
    """How one provider is set up, where it asks, and how it wraps its results."""

    provider: Provider
    path: str
    body: object


def speeches(base: str) -> dict[str, Speech]:
    described = [{**each, "description": each["content"]} for each in FOUND]
    linked = [{"link": e["url"], "t": e["title"], "about": {"text": e["content"]}} for e in FOUND]
    return {
        "searxng": Speech(Provider(address=f"{base}/"), "/search", {"results": FOUND}),
        "brave": Speech(
            Provider(address=f"{base}/b", key="k-1"), "/b", {"web": {"results": described}}
        ),
        "json": Speech(
            Provider(
                address=f"{base}/j?q={{query}}&n={{most}}&l={{language}}",
                key="k-1",
                paths="results=data.0.items url=link title=t snippet=about.text",
            ),
            "/j",
            {"data": [{"items": linked}]},
        ),
    }


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as serving:
        yield serving


def opened(server: WebServer, kind: str) -> tuple[WebSearch, Speech]:
    speech = speeches(server.url)[kind]
    search = open_web_search(kind, speech.provider, Egress(inside=server.place))
    assert search is not None
    return search, speech


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_provider_finds_pages(server: WebServer, kind: str) -> None:
    search, speech = opened(server, kind)
    server.pages[speech.path] = Page(json.dumps(speech.body).encode(), "application/json")
    found = search.find("Frist & Form?", most=5, language="de")
    assert [(each.url, each.title, each.snippet) for each in found] == [
        ("https://a.example/1", "First page", "One <b>two</b>"),
        ("https://b.example/2", "", ""),
    ]
    assert len(search.find("x", most=1, language="")) == 1
    asked = server.asked[0]
    assert parse_qs(urlsplit(asked.path).query)["q"] == ["Frist & Form?"]
    if speech.provider.key:
        assert any(each.endswith("k-1") for each in asked.headers.values())
        assert "k-1" not in asked.path
        assert "k-1" not in repr(speech.provider)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(
    ("page", "error"),
    [
        (Page(b"{}", "application/json", 401), RefusedError),
        (Page(b"{}", "application/json", 429), LimitedError),
        (Page(b"{}", "application/json", 500), UnavailableError),
        (Page(b"not json", "application/json"), UnavailableError),
        (Page(b"[1]", "application/json"), UnavailableError),
        (Page(b"<html>", "text/html"), UnsupportedError),
    ],
    ids=["key", "limit", "broken", "garbage", "other", "page"],
)
def test_what_goes_wrong_is_said_without_the_providers_words(
    server: WebServer, kind: str, page: Page, error: type[KontorError]
) -> None:
    search, speech = opened(server, kind)
    server.pages[speech.path] = page
    with pytest.raises(error) as caught:
        search.find("x", most=5, language="en")
    assert caught.value.detail


def test_nothing_found_is_an_empty_list(server: WebServer) -> None:
    search, speech = opened(server, "brave")
    server.pages[speech.path] = Page(b'{"type": "search"}', "application/json")
    assert search.find("x", most=5, language="") == []


def test_off_is_none_and_says_how_to_turn_it_on() -> None:
    assert open_web_search("", Provider(), Egress()) is None
    assert "WEB_SEARCH_PROVIDER" in available("", Provider())


@pytest.mark.parametrize(
    ("name", "provider", "reason"),
    [
        ("searxng", Provider(), "WEB_SEARCH_URL"),
        ("brave", Provider(), "WEB_SEARCH_KEY"),
        ("json", Provider(address="https://x.example/"), "{query}"),
        ("json", Provider(address="https://x.example/{query}", paths="href=x"), "href"),
        ("bing", Provider(), "no web search called bing"),
    ],
)
def test_a_provider_that_is_set_up_wrongly_says_why(
    name: str, provider: Provider, reason: str
) -> None:
    assert reason in available(name, provider)
    with pytest.raises(InvalidError) as caught:
        open_web_search(name, provider, Egress())
    assert reason in caught.value.hint
