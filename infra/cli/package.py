"""`kontor package`: what would be deployed, built from the files the local server runs from."""

from __future__ import annotations

from infra.cli.options import AsJson


def package(as_json: AsJson = False) -> None:
    """Package for AWS (needs Node): layers, template, lint; compare routing with the local one."""
    from dataclasses import asdict

    import typer

    from infra.cli.target import ROOT
    from infra.cli.terminal import plural, print_json, size
    from infra.deploy.package import GOLDEN, STAGE
    from infra.deploy.package import package as package_service
    from infra.local.model import differences, load_service, load_template
    from shared.kernel.errors import ConflictError

    done = package_service(lambda sentence: typer.echo(sentence, err=True))
    found = differences(load_service(ROOT, STAGE), load_template(GOLDEN))
    if found:
        raise ConflictError(
            f"The template routes differently from the local server: {'; '.join(found)}.",
            hint="serverless.yml says one thing; either osls or infra/local misreads it.",
        )
    if as_json:
        print_json(asdict(done))
        return
    for kind, sizes in (("layer", done.layers), ("function", done.functions)):
        for name, count in sorted(sizes.items()):
            typer.echo(f"{kind:<9} {name:<14} {size(count):>9}")
    typer.echo(
        f"{plural(done.resource_count, 'resource')}, routing equal to the local one, "
        f"0 lint errors, {plural(done.warnings, 'warning')}."
    )
