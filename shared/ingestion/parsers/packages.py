"""What office packages (zip archives) say about themselves: properties, macros."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

from shared.kernel.errors import InvalidError

MACROS_IGNORED = "The file holds macros; they were ignored."
_CORE = "docProps/core.xml"
_META = "meta.xml"
_TYPES = "[Content_Types].xml"
_WORD_TYPES = re.compile(
    rb"application/vnd\.(?:ms-word|openxmlformats-officedocument\.wordprocessingml)"
    rb"\.(?:document|template)(?:\.macroEnabled(?:Template)?)?\.main\+xml"
)
_SLIDE_TYPES = re.compile(
    rb"application/vnd\.(?:ms-powerpoint|openxmlformats-officedocument\.presentationml)"
    rb"\.(?:presentation|template|slideshow)(?:\.macroEnabled)?\.main\+xml"
)
_WORD = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_SLIDES = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
_MANIFEST = "META-INF/manifest.xml"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_KEPT = {
    "title": "title", "creator": "author", "initial-creator": "author", "subject": "subject",
    "keywords": "keywords", "keyword": "keywords", "created": "created",
    "creation-date": "created", "modified": "modified", "date": "modified",
    "publisher": "publisher", "language": "language",
}  # fmt: skip
_SCRIPTS = (".xml", ".py", ".js", ".bsh")
_LARGEST_PROPERTIES = 1 << 20


def opened_package(path: Path, filename: str) -> zipfile.ZipFile:
    """Open an office package; raises InvalidError when it is none or has a password."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        with path.open("rb") as stream:
            if stream.read(len(_OLE)) == _OLE:
                # Office wraps an encrypted package into an OLE file ([MS-OFFCRYPTO] 1.3).
                raise _protected(filename) from error
        raise damaged(filename) from error
    try:
        _check_open(archive, filename)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        archive.close()
        raise damaged(filename) from error
    except InvalidError:
        archive.close()
        raise
    return archive


def _check_open(archive: zipfile.ZipFile, filename: str) -> None:
    """Refuse OpenDocument files with a password and books with a digital lock."""
    names = archive.NameToInfo
    if _MANIFEST in names:
        with archive.open(_MANIFEST) as part:
            if b"encryption-data" in part.read(_LARGEST_PROPERTIES):
                raise _protected(filename)
    if "META-INF/rights.xml" in names or "META-INF/sinf.xml" in names:
        raise InvalidError(
            f"“{filename}” is locked by its seller (DRM) and cannot be read.",
            hint="Put in an edition without a lock.",
        )


def _protected(filename: str) -> InvalidError:
    return InvalidError(
        f"“{filename}” is protected by a password.", hint="Save it without one and try again."
    )


def damaged(filename: str) -> InvalidError:
    """Return the error for a package whose parts cannot be read."""
    return InvalidError(
        f"“{filename}” is damaged: its structure cannot be read.",
        hint="Open it in its own program, save it again and put that in.",
    )


def as_plain(path: Path, archive: zipfile.ZipFile) -> bytes:
    """Return a Word or PowerPoint package as a plain document, without macros.

    Templates, slide shows and files with macros hold the same parts; they only announce them by
    other types (ECMA-376 part 2, section 10.1.2), which the libraries that read them refuse.
    """
    with archive.open(_TYPES) as part:
        types = part.read(_LARGEST_PROPERTIES)
    plain = _SLIDE_TYPES.sub(_SLIDES, _WORD_TYPES.sub(_WORD, types))
    if plain == types:
        return path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for member in archive.infolist():
            if member.filename == _TYPES:
                copy.writestr(member.filename, plain)
            elif not member.filename.lower().endswith("vbaproject.bin"):
                with archive.open(member) as source, copy.open(member.filename, "w") as target:
                    shutil.copyfileobj(source, target)
    return buffer.getvalue()


def package_properties(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return core properties (ECMA-376 part 2, section 11; OpenDocument 1.3 part 3, section 4.3).

    Properties are an extra: a document with broken ones is still a document.
    """
    names = archive.namelist()
    part_name = next((name for name in (_CORE, _META) if name in names), "")
    if not part_name:
        return {}
    with archive.open(part_name) as part:
        return properties_of(part.read(_LARGEST_PROPERTIES))


def properties_of(data: bytes) -> dict[str, str]:
    """Return the properties in a piece of XML by their plain names."""
    from lxml import etree  # type: ignore[import-untyped]

    try:
        root = etree.fromstring(data, safe_xml_parser())
    except (etree.XMLSyntaxError, ValueError):
        return {}
    found: dict[str, str] = {}
    for element in root.iter():
        name = element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""
        if name in _KEPT and (element.text or "").strip():
            found.setdefault(_KEPT[name], str(element.text))
    return found


def safe_xml_parser() -> Any:
    """Return an XML parser that expands no entity and fetches nothing."""
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def package_warnings(archive: zipfile.ZipFile) -> list[str]:
    """Return what a person should know: macros that were not run."""
    names = [name.lower() for name in archive.namelist()]
    has_macros = any(
        name.endswith("vbaproject.bin")
        or (
            (name.startswith(("basic/", "scripts/")) and name.endswith(_SCRIPTS))
            and not name.endswith(("script-lc.xml", "script-lb.xml"))
        )
        for name in names
    )
    return [MACROS_IGNORED] if has_macros else []
