"""A browser at the door of share links: asks for pages, keeps cookies, sends forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.functions.http_events import Answer, http_event, read_answer

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass
class Browser:
    """Speaks English unless told otherwise; ``site`` is what it says of where a form stands."""

    language: str = "en"
    site: str = "same-origin"
    is_encrypted: bool = False
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    def look(self, path: str) -> Answer:
        return self._send("GET", path, None)

    def fill(self, path: str, **typed: str) -> Answer:
        return self._send("POST", path, urlencode(typed))

    def follow(self, answer: Answer) -> Answer:
        assert answer.status == 303, answer.body
        return self.look(answer.headers["location"])

    def _send(self, method: str, path: str, form: str | None) -> Answer:
        from functions.access.handler import handler

        headers = {
            "accept": ACCEPT,
            "accept-language": self.language,
            "sec-fetch-site": self.site,
            "content-type": "application/x-www-form-urlencoded",
            **({"x-forwarded-proto": "https"} if self.is_encrypted else {}),
        }
        parts = urlsplit(path)
        event = http_event(method, parts.path, headers=headers)
        event["rawQueryString"] = parts.query
        event["body"] = form
        event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        answered: dict[str, Any] = handler(event, None)
        self.set_cookies = list(answered.get("cookies") or [])
        for line in self.set_cookies:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return read_answer(answered)


def links_in(answer: Answer) -> list[str]:
    """Return where a page's links lead, in order."""
    return re.findall(r'<a [^>]*href="([^"]+)"', answer.body)
