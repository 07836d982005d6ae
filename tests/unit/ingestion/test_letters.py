"""Mail keeps its head and its words; what is attached is taken out under safe names."""

from __future__ import annotations

import io
import struct
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from PIL import Image

from shared.files.formats import MSG
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.attachments import safe_name, size_in_words
from shared.ingestion.parsers.legacy.rich_text import uncompressed
from shared.kernel.errors import InvalidError
from tests.unit.ingestion.old_office import message_tree, outlook_message

EML = "message/rfc822"


def letter(**headers: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Subject"], message["From"] = "Kündigung zum Mai", "Eva <eva@example.org>"
    message["To"], message["Date"] = "a@example.org", "Tue, 27 Feb 2024 10:00:00 +0100"
    for name, value in headers.items():
        message[name] = value
    return message


def words(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


def names(document: ParsedDocument) -> list[str]:
    return [attachment.name for attachment in document.attachments]


def test_a_mail_is_its_subject_its_head_and_its_body(read) -> None:
    message = letter(Cc="b@example.org")
    message.set_content("Hallo,\n\nich kündige.\n\n> Was sagst\n> du?\n")
    document = read(message.as_bytes(), EML, "a.eml")
    assert words(document) == [
        ("heading", "Kündigung zum Mai"),
        (
            "paragraph",
            "From: Eva <eva@example.org>\nTo: a@example.org\nCc: b@example.org\n"
            "Date: Tue, 27 Feb 2024 10:00:00 +0100",
        ),
        ("paragraph", "Hallo,"),
        ("paragraph", "ich kündige."),
        ("quote", "Was sagst\ndu?"),
    ]
    assert document.title == "Kündigung zum Mai"
    assert document.metadata["sent"] == "2024-02-27T10:00:00+01:00"
    assert {f.name: f.value for f in document.fields}["From"] == "Eva <eva@example.org>"


def test_a_page_with_structure_is_read_instead_of_its_plain_copy(read) -> None:
    message = letter()
    message.set_content("Posten Betrag Miete 780")
    message.add_alternative(
        "<html><body><p>Die Rechnung:</p><table><tr><th>Posten</th><th>Betrag</th></tr>"
        "<tr><td>Miete</td><td>780</td></tr></table></body></html>", subtype="html",
    )  # fmt: skip
    document = read(message.as_bytes(), EML, "a.eml")
    assert words(document)[2:] == [
        ("paragraph", "Die Rechnung:"),
        ("table", "Posten | Betrag\nMiete | 780"),
    ]


def test_attachments_are_taken_out_and_listed(read, tmp_path) -> None:
    message = letter()
    message.set_content("Anbei.")
    for name in ("../../etc/passwd", "plan.txt", "plan.txt", ""):
        message.add_attachment(
            b"x" * 1500, maintype="application", subtype="octet-stream", filename=name or None
        )
    document = read(message.as_bytes(), EML, "a.eml")
    assert names(document) == ["etc/passwd", "plan.txt", "plan (2).txt", "attachment 4.bin"]
    assert ("list_item", "- plan (2).txt (1.5 KB)") in words(document)
    assert (tmp_path / "files" / document.attachments[1].file).read_bytes() == b"x" * 1500
    assert document.attachments[1].media_type == "application/octet-stream"


def test_a_picture_in_the_body_is_a_picture_and_no_attachment(read) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 40)).save(buffer, "PNG")
    message = letter()
    message.set_content("Mit Logo.")
    message.add_attachment(
        buffer.getvalue(), maintype="image", subtype="png", cid="<logo>", disposition="inline",
        filename="logo.png",
    )  # fmt: skip
    document = read(message.as_bytes(), EML, "a.eml")
    assert (names(document), len(document.figures)) == ([], 1)


def test_a_message_in_a_message_is_an_attachment_of_its_own(read, tmp_path) -> None:
    inner = letter()
    inner.replace_header("Subject", "Frage/Antwort")
    inner.set_content("Innen.")
    message = letter()
    message.set_content("Zur Kenntnis.")
    message.add_attachment(inner)
    document = read(message.as_bytes(), EML, "a.eml")
    assert names(document) == ["Frage-Antwort.eml"]
    again = read((tmp_path / "files" / document.attachments[0].file).read_bytes(), EML, "b.eml")
    assert words(again)[-1] == ("paragraph", "Innen.")


def test_an_encrypted_mail_says_that_only_its_head_could_be_read(read) -> None:
    data = (
        b"Subject: Geheim\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data;"
        b' name="smime.p7m"\nContent-Transfer-Encoding: base64\n\nAAAA\n'
    )
    document = read(data, EML, "a.eml")
    assert document.warnings == ("The message is encrypted; only its head could be read.",)


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "unknown-8bit", "nonsense"])
def test_a_body_reads_the_same_in_any_charset(read, charset: str) -> None:
    head = f"Subject: x\nContent-Type: text/plain; charset={charset}\n"
    head += "Content-Transfer-Encoding: 8bit\n\n"
    document = read(head.encode() + "Grüße aus Köln".encode("latin-1"), EML, "a.eml")
    assert words(document)[-1] == ("paragraph", "Grüße aus Köln")


def test_heads_that_trip_the_standard_library_are_survived(read) -> None:
    data = b"Subject: =?utf-8?q?=FF=FE?= \nFrom: <<@\nTo: \xff\xfe,,;;\nDate: gestern\n\nText."
    document = read(data, EML, "a.eml")
    assert words(document)[-1] == ("paragraph", "Text.")


def test_an_outlook_message_keeps_sender_recipients_and_attachments(read, tmp_path) -> None:
    data = outlook_message(
        "Kündigung", "Ich kündige.", files=[("plan.txt", b"Der Plan.")],
        inner=message_tree("Innen", "Ganz innen.", files=[("tief.txt", b"Tief.")]),
    )  # fmt: skip
    document = read(data, MSG, "a.msg")
    assert words(document)[:3] == [
        ("heading", "Kündigung"),
        (
            "paragraph",
            "From: Eva <eva@example.org>\nTo: Adam <adam@example.org>\n"
            "Date: 2024-02-29T01:50:00+00:00",
        ),
        ("paragraph", "Ich kündige."),
    ]
    assert names(document) == ["plan.txt", "Innen.eml"]
    inner = read((tmp_path / "files" / document.attachments[1].file).read_bytes(), EML, "b.eml")
    assert ("paragraph", "Ganz innen.") in words(inner)
    assert names(inner) == ["tief.txt"]


def test_an_outlook_message_cut_short_is_damaged(read) -> None:
    with pytest.raises(InvalidError, match="damaged"):
        read(outlook_message("a", "b")[:700], MSG, "a.msg")


def test_packed_rich_text_is_unpacked_as_the_specification_shows() -> None:
    # [MS-OXRTFCP], section 3.1.1, “Example 1: Simple Compressed RTF”.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c09002062770"
        "5b06c647d0a800fa0"
    )
    expected = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert uncompressed(packed) == expected
    assert uncompressed(packed[:40]) == expected[: len(uncompressed(packed[:40]))]
    plain = struct.pack("<IIII", 20, 8, 0x414C454D, 0) + b"{\\rtf1 }"
    assert uncompressed(plain) == b"{\\rtf1 }"
    assert uncompressed(b"") == b""


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        ("../../a.txt", "a.txt"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\temp\\a.txt", "C_/temp/a.txt"),
        ("a\0b\n.txt", "ab .txt"),
        ("...", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_names_inside_stay_inside(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_sizes_are_told_in_words() -> None:
    assert [size_in_words(n) for n in (12, 1500, 2_500_000, 3_000_000_000)] == [
        "12 bytes", "1.5 KB", "2.5 MB", "3.0 GB",
    ]  # fmt: skip
