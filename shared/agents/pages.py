"""A web page's words: what a reader would see of it, in paragraphs, and the best parts of it."""

from __future__ import annotations

from html.parser import HTMLParser

from shared.adapters.egress import Fetched
from shared.agents.model import Page
from shared.inference.embedding import Embedder
from shared.inference.extraction.model import Passage
from shared.inference.language import detect_language
from shared.inference.stemming import stems

LONGEST_PAGE = 60_000
_LONGEST_TITLE = 200
_PASSAGE_CHARS = 900
_CANDIDATES = 24
_UNREAD = {"script", "style", "noscript", "template", "svg", "iframe", "object", "nav",
           "footer", "form", "button", "select", "textarea", "aside", "dialog"}  # fmt: skip
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
         "track", "wbr"}  # fmt: skip
_BLOCKS = {"p", "div", "section", "article", "main", "li", "tr", "h1", "h2", "h3", "h4", "h5",
           "h6", "blockquote", "pre", "dt", "dd", "figcaption", "br", "table"}  # fmt: skip


def read_page(fetched: Fetched) -> Page:
    """Return what a reader sees of a page; scripts, menus and hidden parts are left out."""
    text = fetched.text()
    if fetched.media_type == "text/plain":
        return Page(fetched.url, "", text[:LONGEST_PAGE])
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return Page(fetched.url, reader.title[:_LONGEST_TITLE], reader.text[:LONGEST_PAGE])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._title: list[str] = []
        self._open: list[tuple[str, bool]] = []  # elements, and whether each hides its content
        self._is_title = False

    @property
    def title(self) -> str:
        return " ".join("".join(self._title).split())

    @property
    def text(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\n"))
        return "\n".join(filter(None, lines))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and not self._title:
            self._is_title = True
        if tag in _BLOCKS:
            self._parts.append("\n")
        elif tag in {"td", "th"}:
            self._parts.append(" | ")
        if tag not in _VOID:
            self._open.append((tag, tag in _UNREAD or _is_hidden(dict(attrs))))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._is_title = False
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                break
        if tag in _BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self._title.append(data)
        elif not any(is_hidden for _, is_hidden in self._open):
            self._parts.append(data)


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or any(each in style for each in ("display:none", "visibility:hidden", "font-size:0"))
    )


def page_passages(question: str, page: Page, *, number: int, embedder: Embedder) -> list[Passage]:
    """Cut a page into passages and score them against the question, best first.

    Ids are ``number:place``; the place is where the passage begins in ``page.text``.
    """
    language = detect_language(page.text[:2000])
    cut = _cut(page.text)
    asked = set(stems(question, language))
    ranked = sorted(cut, key=lambda each: -len(asked & set(stems(each[1], language))))
    chosen = ranked[:_CANDIDATES]
    if not chosen:
        return []
    vectors = embedder.embed([text for _, text in chosen])
    scores = vectors @ embedder.embed_question(question)
    passages = [
        Passage(f"{number}:{place}", text, float(score), language)
        for (place, text), score in zip(chosen, scores, strict=True)
    ]
    return sorted(passages, key=lambda passage: -passage.score)


def _cut(text: str) -> list[tuple[int, str]]:
    """Gather lines into passages of some sentences each, with the place each begins at."""
    found: list[tuple[int, str]] = []
    start = end = 0
    for line in text.splitlines(keepends=True):
        if end > start and end + len(line) - start > _PASSAGE_CHARS:
            found.append((start, text[start:end].rstrip("\n")))
            start = end
        end += len(line)
    found.append((start, text[start:end].rstrip("\n")))
    return [(place, passage) for place, passage in found if passage.strip()]
