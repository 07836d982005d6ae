"""A run as JSON: what `kontor eval --save` writes, the database keeps and a later run reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import get_args

from shared.evaluation.model import Kind, Run
from shared.kernel.errors import InvalidError

FORMAT = 1


def run_to_json(run: Run) -> dict[str, object]:
    """Return the run as JSON values."""
    return {"format": FORMAT, **asdict(run)}


def run_from_json(body: object) -> Run:
    """Read a saved run. Raises InvalidError when it is none."""
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise InvalidError("This is not a saved run.", hint="Save one with --save.")
    measures = body.get("measures")
    kind: Kind | None = next((each for each in get_args(Kind) if each == body.get("kind")), None)
    if kind is None or not isinstance(measures, dict):
        raise InvalidError("The saved run is damaged.", hint="Save it again.")
    return Run(
        kind=kind,
        name=str(body.get("name") or ""),
        measures={str(name): _numbers(values) for name, values in measures.items()},
        circumstances=_mapping(body.get("circumstances")),
        latency_ms=_numbers(body.get("latency_ms")),
    )


def _mapping(body: object) -> Mapping[str, object]:
    return body if isinstance(body, dict) else {}


def _numbers(body: object) -> dict[str, float]:
    return {
        str(key): float(value)
        for key, value in _mapping(body).items()
        if isinstance(value, int | float)
    }
