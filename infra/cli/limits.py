"""`kontor limits`: what you may ask, store and spend, and what is left of it."""

from __future__ import annotations

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

_WHOSE = {"user": "you", "key": "this key", "link": "this link", "tenant": "your organisation"}


def limits(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """Show what you may ask, store and spend, what is left, and when it begins anew."""
    import typer

    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, number_of, print_json, size, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get("/api/v1/limits")
    if as_json:
        print_json(found)
        return
    typer.echo(f"plan       {text_of(found, 'plan')}")
    for each in list_of(found, "requests"):
        typer.echo(
            f"requests   {number_of(each, 'per_minute'):,.0f} a minute for "
            f"{_WHOSE[text_of(each, 'scope')]}, {number_of(each, 'remaining'):,.0f} left"
        )
    if not list_of(found, "requests"):
        typer.echo("requests   no limit")
    storage = found["storage"]
    assert isinstance(storage, dict)
    typer.echo(f"storage    {size(number_of(storage, 'used_bytes'))} used")
    for each in list_of(found, "models"):
        typer.echo(f"models     {_budget(each)}")
    if not list_of(found, "models"):
        typer.echo("models     no budget")


def _budget(each: dict[str, object]) -> str:
    from infra.cli.terminal import local_time, number_of, text_of

    parts = []
    if each["tokens"] is not None:
        parts.append(
            f"{number_of(each, 'used_tokens'):,.0f} of {number_of(each, 'tokens'):,.0f} tokens"
        )
    if each["cost_usd"] is not None:
        parts.append(
            f"${number_of(each, 'used_cost_usd'):.2f} of ${number_of(each, 'cost_usd'):.2f}"
        )
    whose = _WHOSE[text_of(each, "scope")]
    return (
        f"{' and '.join(parts)} this {text_of(each, 'period')} for {whose}, "
        f"anew {local_time(each['resets_at'])}"
    )
