"""Outlook messages (.msg): properties in an OLE file, per [MS-OXMSG] and [MS-OXPROPS]."""

from __future__ import annotations

import datetime as dt
import struct
from importlib.util import find_spec
from typing import Any

from shared.files.decoding import decode
from shared.files.formats import MSG
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.legacy.rich_text import plain_words, uncompressed
from shared.ingestion.parsers.letters.letter import Enclosure, Letter, write_letter
from shared.ingestion.parsers.letters.mail import as_mail
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_SUBJECT, _BODY, _HTML, _RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_SENT, _DELIVERED, _CODEPAGE, _MESSAGE_ID = 0x0039, 0x0E06, 0x3FFD, 0x1035
_NAME, _ADDRESS, _SMTP, _RECIPIENT_TYPE = 0x3001, 0x3003, 0x39FE, 0x0C15
_LONG_NAME, _SHORT_NAME, _MIME, _DATA, _HIDDEN, _CONTENT_ID = (
    0x3707, 0x3704, 0x370E, 0x3701, 0x7FFE, 0x3712,
)  # fmt: skip
_RECIPIENTS = {1: "To", 2: "Cc", 3: "Bcc"}
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
_DEEPEST = 5
_MAX_PARTS = 2_000


class OutlookParser:
    """Reads Outlook messages; what is attached becomes documents of their own."""

    name = "outlook"
    version = "1"
    media_types = frozenset({MSG})

    def available(self) -> tuple[bool, str]:
        """Whether olefile is installed."""
        return find_spec("olefile") is not None, "Install olefile."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged."""
        import olefile

        try:
            with olefile.OleFileIO(source.path) as ole:
                store = _Store(ole)
                letter = store.letter(())
                message_id = store.text((), _MESSAGE_ID)
        except (OSError, ValueError, struct.error, IndexError, KeyError, TypeError) as error:
            raise InvalidError(
                f"“{source.filename}” is damaged: it cannot be read as an Outlook message.",
                hint="Save the message again from Outlook.",
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
                "sent": letter.head.get("Date", ""),
                "message_id": message_id,
            },
        )


class _Store:
    """The property streams of an OLE file, addressed by storage path and property number."""

    def __init__(self, ole: Any) -> None:
        self._ole = ole
        self._streams = {
            tuple(part.lower() for part in path): path for path in ole.listdir(streams=True)
        }
        self._storages = [
            tuple(part.lower() for part in path)
            for path in ole.listdir(streams=False, storages=True)
        ]

    def letter(self, place: tuple[str, ...], depth: int = 0) -> Letter:
        """Return the message in a storage."""
        letter = Letter(subject=self.text(place, _SUBJECT))
        sender = _person(
            self.text(place, _SENDER_NAME),
            self.text(place, _SENDER_SMTP) or self.text(place, _SENDER_ADDRESS),
        )
        letter.head = {"From": sender, **self._recipients(place)}
        sent = self._time(place, depth)
        letter.head["Date"] = sent.isoformat() if sent else ""
        letter.head = {name: value for name, value in letter.head.items() if value}
        letter.plain = self.text(place, _BODY)
        letter.page = self._page(place)
        if not letter.plain.strip() and not letter.page.strip():
            packed = self._stream(place, _RTF, "0102")
            letter.plain = plain_words(uncompressed(packed)) if packed else ""
        for storage in self._below(place, "__attach_version1.0_"):
            self._enclose(storage, letter, depth)
        return letter

    def text(self, place: tuple[str, ...], number: int) -> str:
        """Return a text property; empty when it is not there."""
        wide = self._stream(place, number, "001f")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(place, number, "001e")
        return decode(narrow)[0].rstrip("\0") if narrow else ""

    def _page(self, place: tuple[str, ...]) -> str:
        data = self._stream(place, _HTML, "0102")
        if not data:
            return self.text(place, _HTML)
        codepage = self._number(place, _CODEPAGE)
        try:
            return data.decode(f"cp{codepage}" if codepage not in {None, 65001} else "utf-8")
        except (LookupError, UnicodeDecodeError):
            return decode(data)[0]

    def _recipients(self, place: tuple[str, ...]) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for storage in self._below(place, "__recip_version1.0_"):
            kind = _RECIPIENTS.get(self._number(storage, _RECIPIENT_TYPE) or 1, "To")
            address = self.text(storage, _SMTP) or self.text(storage, _ADDRESS)
            found.setdefault(kind, []).append(_person(self.text(storage, _NAME), address))
        return {kind: ", ".join(people) for kind, people in found.items()}

    def _enclose(self, storage: tuple[str, ...], letter: Letter, depth: int) -> None:
        inner = (*storage, f"__substg1.0_{_DATA:04x}000d")
        name = self.text(storage, _LONG_NAME) or self.text(storage, _SHORT_NAME)
        if inner in self._storages:
            if depth < _DEEPEST:
                message = self.letter(inner, depth + 1)
                title = message.subject or name or "message"
                content = as_mail(message)
                letter.enclosures.append(
                    Enclosure(f"{title.replace('/', '-')}.eml", content, "message/rfc822")
                )
            return
        content = self._stream(storage, _DATA, "0102")
        if content:
            media_type = self.text(storage, _MIME)
            is_inline = bool(self._number(storage, _HIDDEN) or self.text(storage, _CONTENT_ID))
            name = name or f"attachment {len(letter.enclosures) + 1}.bin"
            letter.enclosures.append(Enclosure(name, content, media_type, is_inline))

    def _below(self, place: tuple[str, ...], start: str) -> list[tuple[str, ...]]:
        return sorted(
            path
            for path in self._storages
            if path[:-1] == place and path[-1].startswith(start.lower())
        )[:_MAX_PARTS]

    def _stream(self, place: tuple[str, ...], number: int, kind: str) -> bytes:
        path = self._streams.get((*place, f"__substg1.0_{number:04x}{kind}"))
        return bytes(self._ole.openstream(path).read()) if path else b""

    def _number(self, place: tuple[str, ...], number: int) -> int | None:
        value = self._fixed(place, number)
        return None if value is None else int.from_bytes(value[:4], "little")

    def _time(self, place: tuple[str, ...], depth: int) -> dt.datetime | None:
        value = self._fixed(place, _SENT) or self._fixed(place, _DELIVERED)
        if value is None:
            return None
        ticks = int.from_bytes(value, "little")
        try:
            return _EPOCH + dt.timedelta(microseconds=ticks // 10)
        except OverflowError:
            return None

    def _fixed(self, place: tuple[str, ...], number: int) -> bytes | None:
        """Return a value of fixed length: 16-byte entries behind a header ([MS-OXMSG] 2.4)."""
        path = self._streams.get((*place, "__properties_version1.0"))
        if path is None:
            return None
        data = bytes(self._ole.openstream(path).read())
        is_part = bool(place) and place[-1].startswith(("__recip", "__attach"))
        header = 8 if is_part else 24 if place else 32
        for start in range(header, len(data) - 15, 16):
            tag = int.from_bytes(data[start : start + 4], "little")
            if tag >> 16 == number:
                return data[start + 8 : start + 16]
        return None


def _person(name: str, address: str) -> str:
    if address and "@" in address and address != name:
        return f"{name} <{address}>" if name else address
    return name or address
