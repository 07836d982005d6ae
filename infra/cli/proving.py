"""Asking for something that may need a proof: the password once more, and a code where one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from infra.cli.client import Body

Totp = Annotated[
    str,
    typer.Option("--totp", metavar="CODE", help="Code of your authenticator app; else asked for."),
]


def proving(send: Callable[[Body], Body], *, is_piped: bool, code: str) -> Body:
    """Ask without a proof first, and show the password and a code if one is wanted."""
    from infra.cli.login import read_password
    from shared.kernel.errors import ProofError

    try:
        return send({})
    except ProofError as wanted:
        proof: Body = {"password": read_password(is_piped=is_piped)}
        if "code" in wanted.fields:
            proof["code"] = code or str(typer.prompt("Code", err=True))
    return send(proof)
