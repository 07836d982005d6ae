"""`kontor cache`: what is cached for a tenant, and forgetting it."""

from __future__ import annotations

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

cache = typer.Typer(
    no_args_is_help=True, help="Show or clear what searches and answers have left in caches."
)
_PATH = "/api/v1/caches"


@cache.command()
def stats(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """Show how much is cached."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, plural, print_json, size

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get(_PATH)
    if as_json:
        print_json(found)
        return
    counts = {name: int(number_of(found, name)) for name in ("results", "answers", "vectors")}
    typer.echo(f"search results   {counts['results']} ({size(number_of(found, 'result_bytes'))})")
    if found.get("redis_results") is not None:
        typer.echo(f"  in Redis       {int(number_of(found, 'redis_results'))}")
    typer.echo(f"answers          {counts['answers']}")
    typer.echo(f"vectors          {plural(counts['vectors'], 'text')} not embedded twice")
    typer.echo(f"corpus version   {int(number_of(found, 'corpus_version'))}")


@cache.command()
def clear(*, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "") -> None:
    """Forget every cached result and answer, in every process."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.call("DELETE", _PATH, is_repeatable=True)
    typer.echo("Cleared.")
