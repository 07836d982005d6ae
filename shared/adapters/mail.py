"""Mail: one message out, over SMTP with encryption, or into a folder where no server is set up."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from shared.kernel.clock import now
from shared.kernel.errors import InvalidError, NotFoundError, UnavailableError
from shared.kernel.ids import new_id
from shared.kernel.settings import Settings

_TIMEOUT_S = 15.0
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Message:
    """A mail to one person, as plain text and as HTML that says the same."""

    to: str
    subject: str
    text: str
    html: str
    language: str = "en"


class Mailer(Protocol):
    """Sends mail."""

    def send(self, message: Message) -> None:
        """Hand a message over; raises UnavailableError when it may work later."""
        ...


class SmtpMailer:
    """An SMTP server: ``smtps://`` speaks TLS from the first byte, ``smtp://`` asks for it.

    ``smtp://…?tls=off`` is for a server on this machine only: a password and links that count
    never cross a network in the clear.
    """

    def __init__(self, url: str, *, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InvalidError(
                "SMTP_URL is no address of a mail server.",
                hint="Write smtps://user:password@host, or smtp:// for STARTTLS.",
            )
        self._is_wrapped = parts.scheme == "smtps"
        self._is_open = parts.query == "tls=off"
        if self._is_open and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise InvalidError(
                "Mail without encryption stays on this machine.", hint="Remove tls=off."
            )
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._sender = sender

    def send(self, message: Message) -> None:
        """Hand the message to the server.

        Raises InvalidError when it will never take it, UnavailableError for anything that passes.
        """
        composed = compose(message, sender=self._sender)
        try:
            with self._connected() as server:
                server.send_message(composed)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            if all(code >= 500 for code in codes):  # noqa: PLR2004 - RFC 5321, section 4.2.1
                raise InvalidError("The mail server refuses this address.") from error
            raise _away() from error
        except (smtplib.SMTPException, OSError) as error:
            raise _away() from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        trusted = ssl.create_default_context()
        if self._is_wrapped:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=_TIMEOUT_S, context=trusted
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
        with server:
            if not self._is_wrapped and not self._is_open:
                server.starttls(context=trusted)
            if self._login[0]:
                server.login(*self._login)
            yield server

    def __repr__(self) -> str:
        return f"SmtpMailer({self._host}:{self._port})"


class FolderMailer:
    """A folder of ``.eml`` files, for a server that runs on this machine."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, message: Message) -> None:
        """Write the message into a file of its own, readable by its owner only.

        Raises UnavailableError when the folder cannot be written.
        """
        composed = compose(message, sender=self._sender)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._folder / f"{new_id()}.eml"
            partial = path.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_bytes(composed.as_bytes(policy=SMTP_POLICY))
            partial.replace(path)
        except OSError as error:
            raise UnavailableError(f"{self._folder} cannot be written.") from error


class NoMailer:
    """What stands where no mail server is set up: it says so."""

    def send(self, message: Message) -> None:
        """Refuse; raises UnavailableError."""
        del message
        raise UnavailableError(
            "No mail server is set up.", hint="Set SMTP_URL, or SMTP_SECRET to a secret with it."
        )


def open_mailer(settings: Settings, read_secret: Callable[[str], str]) -> Mailer:
    """Return what sends mail here: an SMTP server, a folder on this machine, or nothing yet."""
    url = settings.smtp_url.get_secret_value()
    if not url and settings.mail_dir:
        return FolderMailer(Path(settings.mail_dir), sender=settings.mail_from)
    if not url and settings.smtp_secret:
        with contextlib.suppress(NotFoundError):
            url = read_secret(settings.smtp_secret)
    return SmtpMailer(url, sender=settings.mail_from) if url else NoMailer()


def compose(message: Message, *, sender: str) -> EmailMessage:
    """Build the mail: text first, HTML as its alternative, marked as written by a machine.

    Raises InvalidError for an address or a subject that would break into other headers.
    """
    composed = EmailMessage()
    try:
        composed["From"] = sender
        local, _, domain = message.to.rpartition("@")
        composed["To"] = Address(username=local, domain=domain)
        composed["Subject"] = message.subject
    except (ValueError, IndexError) as error:
        raise InvalidError("A mail cannot be sent to this address.") from error
    composed["Date"] = format_datetime(now())
    composed["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip("> ") or None)
    composed["Content-Language"] = message.language
    composed["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes in return
    composed.set_content(message.text)
    composed.add_alternative(message.html, subtype="html")
    return composed


def _away() -> UnavailableError:
    return UnavailableError("The mail server does not take mail now.", hint="It is tried again.")
