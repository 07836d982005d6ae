"""`kontor model`: the embedding models of this installation, and how to add one of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from shared.inference.cards import Card
    from shared.inference.model import EmbeddingModel

model = typer.Typer(
    no_args_is_help=True,
    help="List, add and check embedding models; `kontor reprocess` switches to one.",
)


@model.command(name="list")
def list_models(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the models there are, and those that only need their files."""
    from infra.cli.terminal import print_json
    from shared.inference.cards import list_cards
    from shared.inference.registry import MODELS
    from shared.kernel.settings import settings

    top = model_dir(data)
    cards = {card.model.name: card for card in list_cards(top)}
    default = settings().embedding_model
    rows = [
        _row(name, cards.get(name), is_default=name == default)
        for name in dict.fromkeys([*MODELS, *sorted(cards)])
    ]
    if as_json:
        print_json({"model_dir": str(top), "models": rows})
        return
    for row in rows:
        mark = "*" if row["is_default"] else " "
        typer.echo(
            f"{mark} {row['name']:<40} {row['dimension']!s:>5}  {row['max_tokens']!s:>4} tokens  "
            f"{row['state']:<22} {row['languages']}"
        )
    typer.echo(f"* is this installation's default. Built models lie in {top}.")


@model.command()
def add(
    folder: Annotated[
        Path, typer.Argument(help="A sentence-transformers folder, copied here beforehand.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", help="Its name; the folder's if not given.")] = "",
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", help="Read more or fewer tokens than the folder says.")
    ] = 0,
    query_prefix: Annotated[
        str | None, typer.Option("--query-prefix", help="Put before every question.")
    ] = None,
    passage_prefix: Annotated[
        str | None, typer.Option("--passage-prefix", help="Put before every passage.")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", help="Questions, a tab, their passages: measure prefixes on them."),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Build a model from its folder and let every process know it. Nothing is downloaded."""
    from infra.cli.terminal import print_json
    from infra.deploy.added_model import Wish, add_model, has_extra
    from infra.deploy.prefixes import read_pairs
    from shared.inference.model import Prefixes

    given = None
    if query_prefix is not None or passage_prefix is not None:
        given = Prefixes(query_prefix or "", passage_prefix or "")
    wish = Wish(
        name=name,
        max_tokens=max_tokens,
        prefixes=given,
        pairs=read_pairs(pairs) if pairs else (),
    )
    say = (lambda _: None) if as_json else typer.echo
    card = add_model(folder, model_dir(data), wish, progress=say)
    is_registered = _register(card.model, data)
    if as_json:
        print_json({**_facts(card), "is_registered": is_registered})
        return
    _print(card)
    if card.facts.get("parity") is None and not has_extra():
        typer.echo(
            "Not held against the original: that needs kontor[sentence-transformers] "
            "(`kontor model check NAME --original FOLDER` does it later)."
        )
    if not is_registered:
        typer.echo("The database learns of it when the server starts.")
    typer.echo(f"Next: kontor reprocess start --reason model --model {card.model.name} --wait")


@model.command()
def show(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    *,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a built model."""
    from infra.cli.terminal import print_json

    card = _card(name, data)
    if as_json:
        print_json(_facts(card))
    else:
        _print(card)


@model.command()
def check(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    *,
    original: Annotated[
        Path | None,
        typer.Option(
            "--original",
            help="Its sentence-transformers folder; needs kontor[sentence-transformers].",
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Check a built model: its bytes, its vectors, and the original's where it is named."""
    from infra.cli.terminal import print_json
    from infra.deploy.added_model import examine

    card = _card(name, data)
    parity = examine(card, original)
    if as_json:
        print_json({"name": name, "is_whole": True, "parity": parity})
    elif parity is None:
        typer.echo(f"{name} is whole.")
    else:
        typer.echo(f"{name} is whole and agrees with the original: least cosine {parity:.6f}.")


def model_dir(data: Path) -> Path:
    """Return the folder of this installation's models, as the server uses it."""
    from infra.cli.local_server import MODEL_FOLDER
    from shared.kernel.settings import settings

    given = settings().model_dir
    return Path(given) if given else data / MODEL_FOLDER


def _register(added: EmbeddingModel, data: Path) -> bool:
    """Give the model its number and its graph, where a database can be reached now."""
    from infra.cli.owner import read_running
    from infra.deploy.registering import register_models
    from shared.kernel.settings import settings

    running = read_running(data)
    url = settings().database_url.get_secret_value() or (running.database_url if running else "")
    if not url:
        return False
    register_models(url, [added])
    return True


def _card(name: str, data: Path) -> Card:
    from shared.inference.cards import find_card
    from shared.kernel.errors import NotFoundError

    found = find_card(model_dir(data), name)
    if found is None:
        raise NotFoundError(
            f"No model {name!r} was built in {model_dir(data)}.",
            hint="See them: kontor model list. Build one: kontor model add FOLDER.",
        )
    return found


def _row(name: str, card: Card | None, *, is_default: bool) -> dict[str, object]:
    from infra.deploy.added_model import languages_of
    from shared.inference.registry import MODELS

    shape = card.model if card else MODELS[name].model
    waiting = (
        "built at first start" if name in MODELS and MODELS[name].wheel else "needs its folder"
    )
    return {
        "name": name,
        "dimension": shape.dimension,
        "max_tokens": shape.max_tokens,
        "revision": shape.revision,
        "languages": languages_of(name),
        "state": "ready" if card else waiting,
        "is_default": is_default,
    }


def _facts(card: Card) -> dict[str, object]:
    return {**card.facts, "folder": str(card.folder)}


def _print(card: Card) -> None:
    from infra.cli.terminal import size

    shown = {
        "name": card.model.name,
        "revision": card.model.revision,
        "dimension": card.model.dimension,
        "reads": f"{card.model.content_tokens} tokens of text",
        "before questions": repr(card.prefixes.query),
        "before passages": repr(card.prefixes.passage),
        "prefixes by": card.facts.get("prefixes_by", ""),
        "agreement": card.facts.get("parity") or "not measured",
        "size": size(sum(card.sizes.values())),
        "folder": card.folder,
    }
    for label, value in shown.items():
        typer.echo(f"{label:<17} {value}")
