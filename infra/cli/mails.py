"""Mails in the data folder: what a server without a mail server would have sent."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from infra.cli.terminal import clean

_LINK = re.compile(r"https?://\S+\?token=\S+")


def read_mails(folder: Path) -> list[dict[str, str]]:
    """Read every mail of a folder, oldest first: when, to whom, about what, with which link."""
    return [read_mail(path) for path in sorted(folder.glob("*.eml"))]


def read_mail(path: Path) -> dict[str, str]:
    """Read one mail."""
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(("plain",))
    link = _LINK.search(str(body.get_content())) if body is not None else None
    return {
        "at": clean(str(message["Date"])),
        "to": clean(str(message["To"])),
        "subject": clean(str(message["Subject"])),
        "link": link[0] if link else "",
    }


class MailFollower:
    """Tells of each mail that comes from now on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = set(folder.glob("*.eml"))

    def new_lines(self) -> list[str]:
        """Return a line for every mail since the last call."""
        new = sorted(set(self._folder.glob("*.eml")) - self._seen)
        self._seen |= set(new)
        mails = [read_mail(path) for path in new]
        return [f"mail to {m['to']}: {m['subject']} {m['link']}".rstrip() for m in mails]
