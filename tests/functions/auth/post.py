"""The post in tests: what the bus carries is brought to the mail function, mails are read back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from shared.adapters.bus import Fact


@dataclass
class Carrier:
    """A bus whose facts are delivered at once, as EventBridge would deliver them a moment later."""

    facts: list[Fact] = field(default_factory=list)

    def publish(self, facts: list[Fact]) -> None:
        self.facts += facts

    def deliver(self) -> int:
        """Bring every fact to the mail function, and those it causes; returns how many."""
        from functions.mail.handler import handler

        delivered = 0
        while self.facts:
            fact = self.facts.pop(0)
            event: dict[str, Any] = {
                "detail-type": fact.name,
                "detail": json.loads(json.dumps(fact.detail)),
            }
            handler(event, None)
            delivered += 1
        return delivered


@dataclass(frozen=True)
class Mail:
    """A mail as its reader sees it."""

    to: str
    subject: str
    text: str
    html: str
    language: str

    @property
    def token(self) -> str:
        """The token of the one link in it."""
        links = re.findall(r"\?token=([\w-]+)", self.text)
        assert len(links) == 1
        assert self.html.count(links[0]) == 2
        return str(links[0])


def read_mails(folder: Path) -> list[Mail]:
    """Read every mail of a folder, oldest first."""
    return [_read(path) for path in sorted(folder.glob("*.eml"))]


def _read(path: Path) -> Mail:
    message = cast(EmailMessage, message_from_bytes(path.read_bytes(), policy=default))
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return Mail(
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=text.get_content(),
        html=html.get_content(),
        language=str(message["Content-Language"]),
    )
