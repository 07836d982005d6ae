"""`kontor reprocess`: read, cut or embed documents anew, look at it, switch, go back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

reprocess = typer.Typer(
    no_args_is_help=True,
    help="Read, cut or embed documents anew while search answers from what it has.",
)
_LIST = "/api/v1/reprocessings"
_PAUSE_S = 1.0
_MOVING = frozenset({"switching", "reverting"})

Which = Annotated[str, typer.Argument(metavar="[ID]", help="Which one; the newest if not given.")]


@reprocess.command()
def start(
    *,
    reason: Annotated[
        str,
        typer.Option("--reason", help="parser: read files again; chunking: cut; model: embed."),
    ] = "parser",
    document: Annotated[
        str, typer.Option("--document", help="Only this one: its id or start of its title.")
    ] = "",
    folder: Annotated[str, typer.Option("--folder", help="Only this folder.")] = "",
    model: Annotated[str, typer.Option("--model", help="The new embedding model.")] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until all documents are done.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Begin; what is searched does not change before `kontor reprocess switch`."""
    from infra.cli.documents import find_document

    with _client(api, token, data) as client:
        body: dict[str, object] = {"reason": reason, "folder": folder, "model": model}
        if document:
            body["document_id"] = find_document(client, document)["id"]
        found = client.post(_LIST, body)
        while wait and found.get("state") == "running":
            time.sleep(_PAUSE_S)
            found = client.get(f"{_LIST}/{found['id']}")
        _print(found, as_json=as_json)


@reprocess.command()
def status(
    which: Which = "",
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show how far it is."""
    with _client(api, token, data) as client:
        _print(client.get(f"{_LIST}/{_id(client, which)}"), as_json=as_json)


@reprocess.command()
def gate(
    which: Which = "",
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Measure whether the switch would lose anything."""
    with _client(api, token, data) as client:
        found = client.post(f"{_LIST}/{_id(client, which)}/gate", {}, is_repeatable=True)
        _print(found, as_json=as_json)


@reprocess.command()
def switch(
    which: Which = "",
    *,
    force: Annotated[bool, typer.Option("--force", help="Even if the gate is shut.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Ask the gate, then let what was done anew be searched."""
    with _client(api, token, data) as client:
        path = f"{_LIST}/{_id(client, which)}"
        if not force and client.get(path).get("state") == "ready":
            client.post(f"{path}/gate", {}, is_repeatable=True)
        _print(_moved(client, f"{path}/switch", {"force": force}), as_json=as_json)


@reprocess.command()
def revert(
    which: Which = "",
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Go back to the readings that were searched before."""
    with _client(api, token, data) as client:
        path = f"{_LIST}/{_id(client, which)}/revert"
        _print(_moved(client, path, {}), as_json=as_json)


@reprocess.command()
def abandon(
    which: Which = "",
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give it up before the switch, and forget what was done."""
    with _client(api, token, data) as client:
        path = f"{_LIST}/{_id(client, which)}"
        client.post(f"{path}/abandon", {})
        _drop(client, path)
        _print(client.get(path), as_json=as_json)


@reprocess.command(name="drop-old")
def drop_old(
    which: Which = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Forget what was searched before the switch; there is no way back after it."""
    with _client(api, token, data) as client:
        path = f"{_LIST}/{_id(client, which)}"
        if not yes:
            typer.confirm("Forget what was searched before?", abort=True)
        _drop(client, path)
        _print(client.get(path), as_json=as_json)


def _client(api: str, token: str, data: Data) -> KontorClient:
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    return KontorClient(resolve(api=api, token=token, data=data))


def _id(client: KontorClient, which: str) -> str:
    """Return the reprocessing that is meant; an id's end is enough."""
    from infra.cli.terminal import list_of
    from shared.kernel.errors import NotFoundError

    wanted = which.strip().lower()
    for each in list_of(client.get(_LIST), "items"):
        if str(each["id"]).endswith(wanted):
            return str(each["id"])
    raise NotFoundError(
        f"No reprocessing is called {which!r}." if which else "Nothing was reprocessed yet.",
        hint="Begin one: kontor reprocess start.",
    )


def _moved(client: KontorClient, path: str, body: Mapping[str, object]) -> Body:
    """Repeat a call that does document after document until it is done."""
    found = client.post(path, body, is_repeatable=True)
    while found.get("state") in _MOVING:
        found = client.post(path, body, is_repeatable=True)
    return found


def _drop(client: KontorClient, path: str) -> None:
    while client.post(f"{path}/drop", {}, is_repeatable=True).get("left"):
        pass


def _print(found: Body, *, as_json: bool) -> None:
    from infra.cli.terminal import list_of, plural, print_json, text_of

    if as_json:
        print_json(found)
        return
    counts = found.get("counts")
    states = counts if isinstance(counts, dict) else {}
    scope = text_of(found, "folder") or text_of(found, "document_id") or "all documents"
    what = " ".join(filter(None, (text_of(found, "reason"), text_of(found, "model"))))
    typer.echo(f"{text_of(found, 'id')}  {what}, {scope}: {text_of(found, 'state')}")
    if states:
        total = sum(int(str(count)) for count in states.values())
        listed = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        typer.echo(f"  {plural(total, 'document')}: {listed}")
    gate = found.get("gate")
    if isinstance(gate, dict) and gate:
        typer.echo(f"  gate {'open' if gate.get('is_open') else 'shut'}: {_figures(gate)}")
    for failure in list_of(found, "failures"):
        typer.echo(f"  {text_of(failure, 'title')}: {text_of(failure, 'detail')}")
    if found.get("state") == "ready":
        typer.echo("  Next: kontor reprocess switch, or kontor reprocess abandon")


def _figures(gate: Mapping[str, object]) -> str:
    if gate.get("reason"):
        return str(gate["reason"])
    if "questions" not in gate:
        return f"{gate.get('documents')} documents keep their text"
    before, after, graph = (
        float(str(gate.get(name))) for name in ("found_before", "found_after", "graph_recall")
    )
    return (
        f"{gate['questions']} passages asked for, found before {before:.1%}, after {after:.1%}; "
        f"graph recall {graph:.1%}"
    )
