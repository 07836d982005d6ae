"""`kontor llm`: routes to language models, budgets, what was spent, a test call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

llm = typer.Typer(no_args_is_help=True, help="Language models: routes, budgets, usage, a test.")
routes = typer.Typer(no_args_is_help=True, help="Ways to models; lower tiers are asked first.")
budget = typer.Typer(no_args_is_help=True, help="What may be spent a day or month.")
llm.add_typer(routes, name="routes")
llm.add_typer(budget, name="budget")
_ROUTES, _BUDGETS = "/api/v1/llm/routes", "/api/v1/llm/budgets"

RouteName = Annotated[str, typer.Argument(metavar="NAME", help="What the route is called.")]
ScopeName = Annotated[str, typer.Argument(metavar="tenant|user", help="All together, or each.")]
PeriodName = Annotated[str, typer.Argument(metavar="day|month")]


@routes.command("list")
def list_routes(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List your routes and the deployment's."""
    with _client(api, token, data) as client:
        found = client.get(_ROUTES)
    if as_json:
        _print_json(found)
        return
    _print_table(
        ("name", "model", "for", "tier", "weight", "key", "state"),
        [
            (
                f"{each['name']}{' (deployment)' if each['is_deployments'] else ''}",
                each["model"],
                _purposes(each["purposes"]),
                each["tier"],
                each["weight"],
                "yes" if each["has_key"] else "no",
                f"rests: {each['problem']}" if each["rests_until"] else "ready",
            )
            for each in _items(found)
        ],
        empty="No route: answers are extracted. Add one: kontor llm routes set NAME --model …",
    )


@routes.command("set")
def set_route(
    name: RouteName,
    *,
    model: Annotated[str, typer.Option("--model", help="provider/model, as LiteLLM names it.")],
    api_base: Annotated[str, typer.Option("--api-base", help="Address of its API.")] = "",
    key: Annotated[
        bool, typer.Option("--key", help="Ask for the API key, or read it from a pipe.")
    ] = False,
    purpose: Annotated[
        list[str] | None,
        typer.Option("--for", help="chat, condense, title, rerank, agent, direct."),
    ] = None,
    tier: Annotated[int, typer.Option("--tier", help="0 is asked first.", min=0, max=9)] = 0,
    weight: Annotated[int, typer.Option("--weight", help="Share within its tier.", min=1)] = 1,
    timeout: Annotated[int, typer.Option("--timeout", help="Seconds for an answer.", min=1)] = 60,
    window: Annotated[int, typer.Option("--window", help="Context window in tokens.")] = 0,
    price_in: Annotated[float, typer.Option("--price-in", help="US$ a million tokens read.")] = -1,
    price_out: Annotated[
        float, typer.Option("--price-out", help="US$ a million tokens written.")
    ] = -1,
    direct: Annotated[
        bool, typer.Option("--direct", help="People may name it as a model of the OpenAI API.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Add or replace a route; the key goes into a secret and is not shown again."""
    body: dict[str, object] = {
        "model": model,
        "api_base": api_base,
        "tier": tier,
        "weight": weight,
        "timeout_s": timeout,
        "is_direct": direct,
        **({"purposes": purpose} if purpose else {}),
        **({"context_tokens": window} if window else {}),
        **({"price_in_usd": price_in} if price_in >= 0 else {}),
        **({"price_out_usd": price_out} if price_out >= 0 else {}),
        **({"api_key": _read_key()} if key else {}),
    }
    with _client(api, token, data) as client:
        kept = client.call("PUT", f"{_ROUTES}/{name}", json=body, is_repeatable=True)
    if as_json:
        _print_json(kept)
        return
    typer.echo(f"Route {name} leads to {model}. Try it: kontor llm test {name}")


@routes.command("remove")
def remove_route(
    name: RouteName, *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = ""
) -> None:
    """Remove one of your routes and its key."""
    with _client(api, token, data) as client:
        client.delete(f"{_ROUTES}/{name}")
    typer.echo(f"Route {name} is gone.")


@llm.command("test")
def try_route(
    route: Annotated[
        str, typer.Argument(metavar="[ROUTE]", help="The best for chat if not given.")
    ] = "",
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Make one short call and show what answered, how fast, and what it took."""
    from infra.cli.terminal import clean

    with _client(api, token, data) as client:
        found = client.post("/api/v1/llm/trials", {"route": route})
    if as_json:
        _print_json(found)
        return
    typer.echo(f"{found['route']} ({found['model']}) said: {clean(str(found['text']))}")
    typer.echo(
        f"first word {found['first_word_ms']} ms, whole {found['duration_ms']} ms, "
        f"{found['tokens_in']} tokens in, {found['tokens_out']} out, {_dollars(found['cost_usd'])}"
    )


@llm.command()
def usage(
    *,
    days: Annotated[int, typer.Option("--days", help="How far back.", min=1, max=366)] = 30,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show what was spent by day, person and model."""
    with _client(api, token, data) as client:
        found = client.get("/api/v1/llm/usage", days=days)
        people = {} if as_json else _people(client)
    if as_json:
        _print_json(found)
        return
    _print_table(
        ("day", "who", "model", "calls", "failed", "in", "out", "cost"),
        [
            (
                each["day"],
                people.get(str(each["user_id"]), str(each["user_id"] or "the system")),
                each["model"],
                each["calls"],
                each["failed"],
                each["tokens_in"],
                each["tokens_out"],
                _dollars(each["cost_usd"]),
            )
            for each in _items(found)
        ],
        empty="Nothing was spent.",
    )


@budget.command("list")
def list_budgets(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List budgets."""
    with _client(api, token, data) as client:
        found = client.get(_BUDGETS)
    if as_json:
        _print_json(found)
        return
    _print_table(
        ("who", "per", "tokens", "cost", "when used up"),
        [
            (
                each["scope"],
                each["period"],
                "any" if each["tokens"] is None else each["tokens"],
                "any" if each["cost_usd"] is None else _dollars(each["cost_usd"]),
                each["when_spent"],
            )
            for each in _items(found)
        ],
        empty="No budgets of your own.",
    )


@budget.command("set")
def set_budget(
    scope: ScopeName,
    period: PeriodName,
    *,
    tokens: Annotated[int, typer.Option("--tokens", help="At most so many tokens.")] = -1,
    cost: Annotated[float, typer.Option("--cost", help="At most so many US dollars.")] = -1,
    refuse: Annotated[
        bool, typer.Option("--refuse", help="Say so when used up, instead of extracting.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Set what all together (tenant) or each person (user) may spend a day or month."""
    body: dict[str, object] = {
        "tokens": tokens if tokens >= 0 else None,
        "cost_usd": cost if cost >= 0 else None,
        "when_spent": "refuse" if refuse else "extract",
    }
    with _client(api, token, data) as client:
        client.call("PUT", f"{_BUDGETS}/{scope}/{period}", json=body, is_repeatable=True)
    typer.echo(f"Budget per {scope} and {period} is set.")


@budget.command("remove")
def remove_budget(
    scope: ScopeName,
    period: PeriodName,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Lift a budget."""
    with _client(api, token, data) as client:
        client.delete(f"{_BUDGETS}/{scope}/{period}")
    typer.echo(f"Budget per {scope} and {period} is lifted.")


def _client(api: str, token: str, data: Data) -> KontorClient:
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    return KontorClient(resolve(api=api, token=token, data=data))


def _read_key() -> str:
    """Read the key without it being shown or ending up in the shell's history."""
    import sys

    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt("API key", hide_input=True)).strip()


def _people(client: KontorClient) -> dict[str, str]:
    return {
        str(each["id"]): str(each["email"]) for each in client.list_all("/api/v1/users", limit=2000)
    }


def _items(body: Mapping[str, object]) -> list[Body]:
    from infra.cli.terminal import list_of

    return [dict(each) for each in list_of(body, "items")]


def _purposes(given: object) -> str:
    from shared.generation.model import PURPOSES

    names = given if isinstance(given, list) else []
    return "everything" if len(names) == len(PURPOSES) else ", ".join(map(str, names))


def _dollars(amount: object) -> str:
    return f"${float(str(amount)):.4f}"


def _print_json(body: object) -> None:
    from infra.cli.terminal import print_json

    print_json(body)


def _print_table(names: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from infra.cli.terminal import clean, open_console

    console = open_console()
    if not rows:
        console.print(empty)
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(clean(str(cell)) for cell in row))
    console.print(table)
