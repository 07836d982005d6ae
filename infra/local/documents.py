"""Documents: typed reading of YAML and JSON whose shape only their authors know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import yaml

from shared.kernel.errors import InvalidError, NotFoundError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class _CloudFormationLoader(yaml.CSafeLoader):
    """YAML with CloudFormation's short tags, read as their long forms (``!Ref X`` is a Ref).

    libyaml's parser, which every wheel of PyYAML brings, takes a tenth of the time.
    """


def _tagged(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> Json:
    value: Json
    if isinstance(node, yaml.ScalarNode):
        value = str(loader.construct_scalar(node))
    elif isinstance(node, yaml.SequenceNode):
        value = list(loader.construct_sequence(node, deep=True))
    else:
        assert isinstance(node, yaml.MappingNode)
        value = {str(k): v for k, v in loader.construct_mapping(node, deep=True).items()}
    if suffix == "Ref":
        return {"Ref": value}
    if suffix == "GetAtt" and isinstance(value, str):
        return {"Fn::GetAtt": list(value.split(".", 1))}
    return {f"Fn::{suffix}": value}


_CloudFormationLoader.add_multi_constructor("!", _tagged)


def read_document(path: Path) -> Json:
    """Read a YAML or JSON file.

    Raises NotFoundError when it is missing, InvalidError with the line when it does not parse.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"The file {path} does not exist.") from error
    try:
        if path.suffix == ".json":
            loaded: Json = json.loads(text)
            return loaded
        # A subclass of SafeLoader: it builds plain values only.
        return yaml.load(text, _CloudFormationLoader)  # type: ignore[no-any-return]  # noqa: S506  # nosec B506
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise InvalidError(f"{path} does not parse: {error}.") from error


def table(value: Json, where: str) -> dict[str, Json]:
    """Return ``value`` as a mapping; nothing counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidError(f"{where} must be a mapping, not {_kind(value)}.")
    return value


def items(value: Json, where: str) -> list[Json]:
    """Return ``value`` as a list; nothing counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidError(f"{where} must be a list, not {_kind(value)}.")
    return value


def one_or_many(value: Json) -> list[Json]:
    """Return a list as it is and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def text(value: Json, where: str) -> str:
    """Return ``value`` as text; numbers are written out."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidError(f"{where} must be text, not {_kind(value)}.")
    return str(value)


def number(value: Json, where: str) -> int:
    """Return ``value`` as a whole number; digits in quotation marks count."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    raise InvalidError(f"{where} must be a whole number, not {_kind(value)}.")


def compact(value: Json) -> str:
    """Write ``value`` as JSON in one canonical form, so equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _kind(value: Json) -> str:
    return "empty" if value is None else type(value).__name__
