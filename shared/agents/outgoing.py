"""What may leave the house during a run; the one way its nodes have to the web.

Once words of the library have been in front of a model, a page or a passage could make it hide
them in a question or in an address. So no word goes out that the user did not write, and no
address that the user did not write or the search did not return, letter for letter. What is left
to a misled model is the choice among those: a few bits, bounded by the pages a run may read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.adapters.egress import Egress, Fetched
from shared.adapters.websearch.port import WebResult, WebSearch
from shared.agents.model import Memory
from shared.kernel.errors import InvalidError, RefusedError

MOST_RESULTS = 8
_MOST_WORDS = 24
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_URL = re.compile(r"https?://[^\s<>\"'„“”»«]+", re.IGNORECASE)
_READ = ("text/html", "application/xhtml+xml", "text/plain")


class Outgoing:
    """Searches the web and reads pages, within what ``memory`` allows."""

    def __init__(self, egress: Egress, search: WebSearch | None) -> None:
        self._egress = egress
        self._search = search

    @property
    def is_open(self) -> bool:
        """Whether the web may be used at all: an administrator has set up a search."""
        return self._search is not None

    def find(self, query: str, memory: Memory) -> list[WebResult]:
        """Search the web with those words of ``query`` that may leave.

        Raises RefusedError when the run may not search the web or no word is left.
        """
        if self._search is None or not memory.may_search_web:
            raise RefusedError(
                "This run may not search the web.", hint="Allow it when you begin the run."
            )
        asked = sayable(query, memory)
        return self._search.find(asked, most=MOST_RESULTS, language=memory.language)

    def read(self, url: str, memory: Memory) -> Fetched:
        """Fetch a page whose address the user wrote or the search returned; else RefusedError."""
        if not self.is_open:
            raise RefusedError(
                "The web is off here.", hint="Set WEB_SEARCH_PROVIDER to turn it on."
            )
        if url not in readable(memory):
            raise RefusedError(
                "Only pages that you name or that the search found are read.",
                hint="Write the page's whole address.",
            )
        return self._egress.get(url, accept=_READ)


def sayable(query: str, memory: Memory) -> str:
    """Return the words of a query that may leave: the user's own, each once, in their order.

    Before any word of the library was seen, words of public pages may be among them.
    """
    users = _words(memory.said_by_user)
    order = {word.casefold(): place for place, word in reversed(list(enumerate(users)))}
    if not memory.is_private:
        public = [f"{each.title} {each.snippet}" for each in memory.results]
        public += [f"{page.title} {page.text}" for page in memory.pages]
        for word in _words(" ".join(public)):
            order.setdefault(word.casefold(), len(order) + len(users))
    kept = {word.casefold(): word for word in _words(query) if word.casefold() in order}
    words = sorted(kept, key=lambda word: order[word])[:_MOST_WORDS]
    if not words:
        raise RefusedError("No word of this search may leave the house.")
    return " ".join(kept[word] for word in words)


def readable(memory: Memory) -> list[str]:
    """List the addresses a run may read: those the user wrote, then those the search returned."""
    return [*typed_urls(memory.said_by_user), *(each.url for each in memory.results)]


def typed_urls(text: str) -> list[str]:
    """List the web addresses in a text, without the points of the sentence around them."""
    found = [match.rstrip(".,;:!?)]}") for match in _URL.findall(text)]
    return list(dict.fromkeys(found))


def check_url(url: str, memory: Memory) -> str:
    """Return an address that may be read; raises InvalidError for any other."""
    if url not in readable(memory):
        raise InvalidError("The address is neither the user's nor a search result.")
    return url


def _words(text: str) -> Sequence[str]:
    return _WORD.findall(text)
