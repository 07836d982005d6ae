"""Model cards: what lies in a built model's folder, in a file that every process can read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.inference.embedding import MENDING_HINT, MODEL_FILE, TOKENIZER_FILE
from shared.inference.model import EmbeddingModel, Prefixes
from shared.kernel.errors import InvalidError, UnavailableError

CARD_FILE = "model.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Card:
    """A model that was built: who it is, where it lies, and what was found out about it.

    ``sizes`` are the files' bytes. ``facts`` are what only people read: digests, architecture,
    pooling, agreement with the original.
    """

    model: EmbeddingModel
    folder: Path
    prefixes: Prefixes
    sizes: Mapping[str, int]
    facts: Mapping[str, object] = field(default_factory=dict)


def check_name(name: str) -> None:
    """Raise InvalidError for what cannot name a model: it becomes a folder and part of keys."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot name a model.",
            hint="Use letters, digits, dots, hyphens and underscores, at most 100.",
        )


def read_card(folder: Path) -> Card:
    """Read a folder's card; raises InvalidError when it is damaged."""
    path = folder / CARD_FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return Card(
            model=EmbeddingModel(
                name=facts["name"],
                dimension=int(facts["dimension"]),
                revision=facts["revision"],
                max_tokens=int(facts["max_tokens"]),
                prefix_tokens=int(facts.get("prefix_tokens", 0)),
            ),
            folder=folder,
            prefixes=Prefixes(
                str(facts.get("query_prefix", "")), str(facts.get("passage_prefix", ""))
            ),
            sizes={name: int(entry["size_bytes"]) for name, entry in facts["files"].items()},
            facts=facts,
        )
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read.", hint=MENDING_HINT) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError(f"{path} is damaged.", hint=MENDING_HINT) from error


def check_card(card: Card) -> None:
    """Compare a folder's files with its card; raises UnavailableError when one is cut short."""
    for name in {MODEL_FILE, TOKENIZER_FILE, *card.sizes}:
        path = card.folder / name
        if not path.is_file() or path.stat().st_size != card.sizes.get(name):
            raise UnavailableError(f"{path} is incomplete.", hint=MENDING_HINT)


def find_card(model_dir: Path, name: str) -> Card | None:
    """Return the card of a built model, ``None`` when none of that name was built.

    Raises InvalidError when two builds of one name lie side by side: their vectors do not
    compare, and nothing says which is meant.
    """
    if not _NAME.fullmatch(name):
        return None
    folders = _builds(model_dir / name)
    if len(folders) > 1:
        raise InvalidError(
            f"{model_dir / name} holds {len(folders)} builds of {name}.",
            hint="Keep the one that your documents were embedded with, and remove the other.",
        )
    return read_card(folders[0]) if folders else None


def list_cards(model_dir: Path | str) -> list[Card]:
    """List every model that was built below a folder, by name; damaged ones are left out."""
    top = Path(model_dir)
    if not str(model_dir) or not top.is_dir():
        return []
    found: list[Card] = []
    for name in sorted(each.name for each in top.iterdir() if _NAME.fullmatch(each.name)):
        for folder in _builds(top / name):
            try:
                found.append(read_card(folder))
            except InvalidError:
                continue
    return found


def _builds(folder: Path) -> list[Path]:
    """List the folders that hold a card; those being built or thrown away begin with a dot."""
    if not folder.is_dir():
        return []
    return sorted(
        each
        for each in folder.iterdir()
        if not each.name.startswith(".") and (each / CARD_FILE).is_file()
    )
