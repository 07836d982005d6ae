"""Structured data written so that people and searches find it: records, tables, nested fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.ingestion.drafting import CellText, Draft

Data = Mapping[str, "Data"] | Sequence["Data"] | str | int | float | bool | None
_MOST_COLUMNS = 40
_DEEPEST_HEADING = 4
_LONGEST_CELL = 300


def write_data(data: Data, draft: Draft, *, level: int = 1, path: str = "") -> None:
    """Write data: objects as “name: value” lines, lists of alike objects as tables.

    Lists and objects inside objects stand under headings of their names, four levels deep; what
    lies deeper is named by its path.
    """
    if isinstance(data, Mapping):
        _write_object(data, draft, level, path)
    elif isinstance(data, Sequence) and not isinstance(data, str):
        _write_list(data, draft, level, path)
    elif data is not None:
        draft.paragraph(f"{path}: {scalar(data)}" if path else scalar(data))


def _write_object(data: Mapping[str, Data], draft: Draft, level: int, path: str) -> None:
    lines: list[str] = []
    inner: list[tuple[str, Data]] = []
    for name, value in data.items():
        if is_scalar(value):
            lines.append(f"{_joined(path, name)}: {scalar(value)}" if value is not None else "")
        elif _is_short_list(value):
            lines.append(f"{_joined(path, name)}: {_listed(value)}")
        else:
            inner.append((name, value))
    draft.paragraph("\n".join(line for line in lines if line))
    for name, value in inner:
        if level <= _DEEPEST_HEADING:
            draft.heading(f"{name}", level=level)
            write_data(value, draft, level=level + 1)
        else:
            write_data(value, draft, level=level, path=_joined(path, name))


def _write_list(data: Sequence[Data], draft: Draft, level: int, path: str) -> None:
    columns = _columns(data)
    if columns:
        header = [CellText(0, n, name, is_header=True) for n, name in enumerate(columns)]
        rows = [
            CellText(row, column, scalar(value))
            for row, record in enumerate(data, 1)
            if isinstance(record, Mapping)
            for column, value in enumerate(record.get(name) for name in columns)
        ]
        draft.table(header + rows)
    elif all(is_scalar(one) for one in data):
        for one in data:
            draft.list_item(scalar(one))
    else:
        for number, one in enumerate(data, 1):
            if isinstance(one, Mapping) and level <= _DEEPEST_HEADING:
                draft.heading(_name_of(one, number), level=level)
                write_data(one, draft, level=level + 1)
            else:
                write_data(one, draft, level=level, path=_joined(path, str(number)))


def _columns(data: Sequence[Data]) -> list[str]:
    """Return the columns when every entry is a flat object of a common kind, else nothing."""
    names: dict[str, None] = {}
    for one in data:
        if not isinstance(one, Mapping) or not all(_is_cell(value) for value in one.values()):
            return []
        names.update(dict.fromkeys(one))
    filled = sum(len(one) for one in data if isinstance(one, Mapping))
    is_table = len(data) > 1 and 0 < len(names) <= _MOST_COLUMNS
    return list(names) if is_table and 2 * filled >= len(data) * len(names) else []


def _is_cell(value: Data) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_CELL
    return is_scalar(value) or _is_short_list(value)


def _is_short_list(value: Data) -> bool:
    """Whether a list is one of a few plain values that fit on a line."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(is_scalar(one) for one in value)
        and sum(len(scalar(one)) for one in value) <= _LONGEST_CELL
    )


def is_scalar(value: Data) -> bool:
    """Whether a value has no parts."""
    return value is None or isinstance(value, str | int | float | bool)


def scalar(value: Data) -> str:
    """Return a value as words."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _listed(value) if _is_short_list(value) else str(value)


def _listed(value: Data) -> str:
    return ", ".join(scalar(one) for one in value) if isinstance(value, Sequence) else ""


def _name_of(record: Mapping[str, Data], number: int) -> str:
    """Return what a record calls itself, else its number."""
    for key in ("title", "name", "label", "id", "key"):
        value = next((v for k, v in record.items() if k.lower() == key), None)
        if isinstance(value, str | int) and str(value).strip():
            return str(value)[:_LONGEST_CELL]
    return f"{number}"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
