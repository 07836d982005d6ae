"""XML files: e-invoices as facts, patents as articles, all else by its own structure."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.files.cleaning import one_line
from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.invoices.reading import read_invoice
from shared.ingestion.parsers.invoices.writing import write_invoice, write_notes
from shared.ingestion.parsers.originals import Originals
from shared.ingestion.parsers.packages import safe_xml_parser
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_PATENT = re.compile(rb"<!DOCTYPE\s+(?:us-patent|PATDOC|patent-application|pap-v)", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_DEEPEST = 200
_DEEPEST_HEADING = 4
_MOST_COLUMNS = 40
_LONGEST_CELL = 120
_NAMED = ("title", "name", "heading", "label", "head")


class XmlParser:
    """Reads XML; no entity is expanded and nothing it refers to is fetched."""

    name = "xml"
    version = "1"
    media_types = frozenset({"application/xml"})

    def available(self) -> tuple[bool, str]:
        """Whether lxml is installed."""
        return find_spec("lxml") is not None, "Install lxml."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is broken, nested absurdly or a trap."""
        data = source.path.read_bytes()
        draft = Draft()
        invoice = read_invoice(data)
        if invoice is not None:
            write_invoice(draft, invoice)
            write_notes(draft, invoice)
            title = f"{draft.first_heading} {invoice.number}"
        elif _PATENT.search(data[:4096]) and find_spec("docling"):
            TreeWriter(_patent(data, source.filename), draft, Originals(())).write()
            title = draft.first_heading
        else:
            root = _root(data, source.filename)
            title = _write(root, draft)
        source.progress(1, 1)
        return draft.finish(
            title=title or Path(source.filename).stem,
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
        )


def _patent(data: bytes, filename: str) -> Any:
    from docling.backend.xml.uspto_backend import PatentUsptoDocumentBackend
    from docling.datamodel.base_models import InputFormat

    return converted(
        data,
        filename=filename,
        input_format=InputFormat.XML_USPTO,
        backend=PatentUsptoDocumentBackend,
    )


def _root(data: bytes, filename: str) -> Any:
    from lxml import etree  # type: ignore[import-untyped]

    if _ENTITY.search(data[:65536]):
        raise InvalidError(
            f"“{filename}” defines XML entities, which are not expanded here because they are "
            "used to attack readers.",
            hint="Save it without a DOCTYPE that defines entities.",
        )
    try:
        root = etree.fromstring(data, safe_xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        place = getattr(error, "lineno", None)
        where = f" at line {place}" if place else ""
        raise InvalidError(
            f"“{filename}” is not well-formed XML{where}.", hint="Correct it there."
        ) from error
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise InvalidError(f"“{filename}” is nested too deeply to be read.", hint="Simplify it.")
    return root


def _write(root: Any, draft: Draft) -> str:
    """Write the tree; returns what it calls itself, if anything."""
    facts = _facts(root)
    if facts:
        draft.paragraph("\n".join(facts))
    _children(root, draft, level=1)
    title = next((c for c in _elements(root) if _name(c).lower() in {"title", "titel"}), None)
    return one_line("".join(title.itertext())) if title is not None else ""


def _children(element: Any, draft: Draft, *, level: int) -> None:
    """Write what is inside: running text as it stands, records as tables, fields as lines."""
    children = _elements(element)
    if (element.text or "").strip() and not children:
        draft.paragraph("".join(element.itertext()))
        return
    if _is_running(element, children):
        draft.paragraph(one_line("".join(element.itertext())))
        return
    rest = children
    while rest:
        alike = [c for c in rest if _name(c) == _name(rest[0])]
        run = rest[: next((n for n, c in enumerate(rest) if c not in alike), len(rest))]
        if len(run) > 1 and (columns := _columns(run)):
            if level <= _DEEPEST_HEADING:
                draft.heading(_words_of(_name(run[0])), level=level)
            _table(run, columns, draft)
            rest = rest[len(run) :]
            continue
        others = _fields(rest, draft)
        if len(others) == len(rest):
            _section(rest[0], draft, level)
            others = rest[1:]
        rest = others


def _fields(children: list[Any], draft: Draft) -> list[Any]:
    """Write leading children without children as “name: value” lines; returns the others."""
    lines: list[str] = []
    count = 0
    for child in children:
        if _elements(child):
            break
        count += 1
        words = one_line(child.text or "")
        facts = [words, *_facts(child)] if words else _facts(child)
        if facts:
            lines.append(f"{_words_of(_name(child))}: {', '.join(facts)}")
    draft.paragraph("\n".join(lines))
    return children[count:]


def _section(element: Any, draft: Draft, level: int) -> None:
    children = _elements(element)
    if _is_running(element, children):
        draft.paragraph(one_line("".join(element.itertext())))
        return
    named = next((c for c in children if _name(c).lower() in _NAMED and not _elements(c)), None)
    own = one_line(named.text or "") if named is not None else ""
    facts = _facts(element)
    if level <= _DEEPEST_HEADING:
        draft.heading(own or _words_of(_name(element)), level=level)
    if facts:
        draft.paragraph("\n".join(facts))
    _children(element, draft, level=level + 1)


def _columns(run: list[Any]) -> list[str]:
    """Return the columns when elements are records of plain fields, else nothing."""
    names: dict[str, None] = {}
    filled = 0
    for record in run:
        fields = _record(record)
        if fields is None:
            return []
        names.update(dict.fromkeys(fields))
        filled += len(fields)
    is_table = 1 < len(names) <= _MOST_COLUMNS and 2 * filled >= len(run) * len(names)
    return list(names) if is_table else []


def _record(element: Any) -> dict[str, str] | None:
    """Return an element's attributes and plain children; None when it is more than a record."""
    fields = {_local(name): one_line(value) for name, value in element.attrib.items()}
    for child in _elements(element):
        words = one_line(child.text or "")
        name = _name(child)
        if _elements(child) or name in fields or len(words) > _LONGEST_CELL:
            return None
        fields[name] = words or ", ".join(_facts(child))
    return None if (element.text or "").strip() and _elements(element) else fields


def _table(run: list[Any], columns: list[str], draft: Draft) -> None:
    cells = [CellText(0, n, _words_of(name), is_header=True) for n, name in enumerate(columns)]
    for row, element in enumerate(run, 1):
        fields = _record(element) or {}
        cells += [CellText(row, n, fields.get(name, "")) for n, name in enumerate(columns)]
    draft.table(cells)


def _is_running(element: Any, children: list[Any]) -> bool:
    """Whether words stand between the children: a paragraph with marked words in it."""
    around = [element.text or "", *(child.tail or "" for child in children)]
    return bool(children) and any(part.strip() for part in around)


def _facts(element: Any) -> list[str]:
    return [f"{_local(k)}: {one_line(v)}" for k, v in element.attrib.items()
            if v.strip() and "schemaLocation" not in k]  # fmt: skip


def _elements(element: Any) -> list[Any]:
    return [child for child in element if isinstance(child.tag, str)]


def _name(element: Any) -> str:
    return _local(element.tag)


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]


def _words_of(name: str) -> str:
    """Return a technical name as words: ``invoiceNumber`` and ``invoice_number`` alike."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.]+", " ", name).strip() or name
