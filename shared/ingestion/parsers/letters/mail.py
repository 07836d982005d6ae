"""E-mail files (.eml): RFC 5322 and MIME, read by the standard library."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime

from shared.files.decoding import decode
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.letters.letter import Enclosure, Letter, write_letter
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_HEAD = ("From", "To", "Cc", "Bcc", "Reply-To", "Date")
_SEALED = {"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"}
_ENDINGS = {
    "text/calendar": "ics", "text/html": "html", "text/plain": "txt", "application/pdf": "pdf",
    "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "text/csv": "csv",
}  # fmt: skip
_MAX_PARTS = 5_000


class MailParser:
    """Reads e-mails; what is attached becomes documents of their own."""

    name = "mail"
    version = "1"
    media_types = frozenset({"message/rfc822"})

    def available(self) -> tuple[bool, str]:
        """Always: the standard library does it."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is no mail."""
        data = source.path.read_bytes()
        try:
            message = message_from_bytes(data, policy=policy.default)
            letter = letter_of(message)
        except (MessageError, ValueError, LookupError, TypeError, AttributeError, IndexError,
                KeyError) as error:  # fmt: skip
            # The header parser of the standard library trips over many broken heads.
            raise InvalidError(
                f"“{source.filename}” is damaged: it cannot be read as an e-mail.",
                hint="Save the message again.",
            ) from error
        source.progress(1, 2)
        draft = Draft()
        write_letter(letter, draft, source)
        source.progress(2, 2)
        return draft.finish(
            title=letter.subject,
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={
                "from": letter.head.get("From", ""),
                "to": letter.head.get("To", ""),
                "sent": _iso(letter.head.get("Date", "")),
                "message_id": _header(message, "Message-ID"),
            },
        )


def letter_of(message: Message) -> Letter:
    """Return a message's head, body and enclosures."""
    letter = Letter(subject=_header(message, "Subject"))
    letter.head = {name: value for name in _HEAD if (value := _header(message, name))}
    _take(message, letter, left=[_MAX_PARTS])
    return letter


def _take(part: Message, letter: Letter, *, left: list[int]) -> None:
    """Sort a part and those below it into body and enclosures."""
    left[0] -= 1
    if left[0] < 0:
        return
    kind = part.get_content_type()
    if kind in _SEALED and "signed" not in str(part.get_param("smime-type", "")):
        letter.warnings.append("The message is encrypted; only its head could be read.")
    if kind == "message/rfc822":
        inner = part.get_payload()
        message = inner[0] if isinstance(inner, list) and inner else None
        if isinstance(message, Message):
            name = f"{_header(message, 'Subject') or 'message'}.eml".replace("/", "-")
            letter.enclosures.append(Enclosure(name, _bytes_of(message), kind))
    elif part.is_multipart():
        payload = part.get_payload()
        for child in payload if isinstance(payload, list) else []:
            if isinstance(child, Message):
                _take(child, letter, left=left)
    else:
        _take_leaf(part, kind, letter)


def _take_leaf(part: Message, kind: str, letter: Letter) -> None:
    name = part.get_filename() or ""
    disposition = part.get_content_disposition() or ""
    is_body = disposition != "attachment" and not name
    if kind == "text/plain" and is_body:
        words = _words(part)
        letter.plain = f"{letter.plain}\n\n{words}" if letter.plain else words
    elif kind == "text/html" and is_body:
        letter.page = letter.page or _words(part)
    else:
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content:
            is_inline = disposition != "attachment" and part.get("Content-ID") is not None
            ending = _ENDINGS.get(kind, "bin")
            name = name or f"attachment {len(letter.enclosures) + 1}.{ending}"
            letter.enclosures.append(Enclosure(name, content, kind, is_inline))


def _words(part: Message) -> str:
    """Return a text part's characters: its declared charset, or what the bytes look like."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return str(data or "")
    charset = part.get_content_charset()
    if charset:
        try:
            return data.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)[0]


def _header(message: Message, name: str) -> str:
    """Return a header's words; a broken one is shown as it stands."""
    try:
        return str(message.get(name, "") or "")
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):
        raw = [value for key, value in message.raw_items() if key.lower() == name.lower()]
        return str(raw[0]) if raw else ""


def _bytes_of(message: Message) -> bytes:
    try:
        return message.as_bytes()
    except (UnicodeEncodeError, LookupError, KeyError):
        return message.as_bytes(policy=policy.compat32)


def _iso(date: str) -> str:
    try:
        return parsedate_to_datetime(date).isoformat()
    except (ValueError, TypeError):
        return date


def as_mail(letter: Letter) -> bytes:
    """Return a letter as an e-mail file, for a message found inside another format."""
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = " ".join(letter.subject.split())
    for name, value in letter.head.items():
        try:
            message[name] = " ".join(value.split())
        except ValueError:
            # An address that no mail could carry; the body still has its words.
            continue
    message.set_content(letter.plain or "")
    if letter.page:
        message.add_alternative(letter.page, subtype="html")
    for one in letter.enclosures:
        main, _, sub = (one.media_type or "application/octet-stream").partition("/")
        if main in {"text", "message", "multipart"} or not sub:
            main, sub = "application", "octet-stream"
        message.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    return message.as_bytes()
