"""The program `kontor`: its commands in groups, and what any error becomes on a terminal."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from copy import copy
from typing import Annotated, Any

import typer

from infra.cli.account import accept, logout, mail, password, register, verify
from infra.cli.agent import agent
from infra.cli.ask import ask
from infra.cli.audit import audit
from infra.cli.bench import bench
from infra.cli.bench_answering import bench_answering
from infra.cli.bench_chunking import bench_chunking
from infra.cli.bench_parsing import bench_parsing
from infra.cli.bench_peers import bench_peers
from infra.cli.cache import cache
from infra.cli.chaos import chaos
from infra.cli.cite import cite
from infra.cli.collections import collection
from infra.cli.conversations import conversations
from infra.cli.describing import describe, mv, tags
from infra.cli.dlq import dlq
from infra.cli.doctor import doctor
from infra.cli.documents import ls, rm, show
from infra.cli.eval_feedback import evaluate
from infra.cli.export import export
from infra.cli.group import group
from infra.cli.invite import import_users, invitations, invite
from infra.cli.key import key
from infra.cli.limits import limits
from infra.cli.llm import llm
from infra.cli.login import login
from infra.cli.migrate import migrate
from infra.cli.model import model
from infra.cli.new import new
from infra.cli.oidc_identities import oidc
from infra.cli.package import package
from infra.cli.put import put
from infra.cli.read import read
from infra.cli.reprocess import reprocess
from infra.cli.role import role
from infra.cli.search import search
from infra.cli.searches import searches
from infra.cli.sessions import sessions, totp
from infra.cli.settings import settings
from infra.cli.share import link, share
from infra.cli.sift import sift
from infra.cli.signing_key import signing_key
from infra.cli.similar import similar
from infra.cli.sync import watch
from infra.cli.tenant_operating import tenant
from infra.cli.terminal import print_error
from infra.cli.trace import trace
from infra.cli.trash import erase, restore, trash
from infra.cli.up import up
from infra.cli.user import user
from infra.cli.versions import diff, get, versions
from infra.cli.webhook import webhook
from shared.kernel.errors import KontorError

USING, KEEPING = "Using it", "Keeping order"
ACCOUNT = "Accounts"
RUNNING, BUILDING = "Running it", "Working on it"

app = typer.Typer(
    name="kontor",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every command explains itself: kontor put --help",
)
app.command(rich_help_panel=USING)(put)
app.command(rich_help_panel=USING)(watch)
app.command(rich_help_panel=USING)(ask)
app.command(rich_help_panel=USING)(cite)
app.add_typer(conversations, name="conversations", rich_help_panel=USING)
app.add_typer(agent, name="agent", rich_help_panel=USING)
app.command(rich_help_panel=USING)(search)
app.command(rich_help_panel=USING)(similar)
app.add_typer(searches, name="searches", rich_help_panel=USING)
app.command(rich_help_panel=USING)(ls)
app.command(rich_help_panel=USING)(show)
app.command(rich_help_panel=USING)(get)
app.command("set", rich_help_panel=KEEPING)(describe)
app.command(rich_help_panel=KEEPING)(mv)
app.command(rich_help_panel=KEEPING)(tags)
app.add_typer(collection, name="collection", rich_help_panel=KEEPING)
app.command(rich_help_panel=KEEPING)(share)
app.add_typer(link, name="link", rich_help_panel=KEEPING)
app.add_typer(group, name="group", rich_help_panel=KEEPING)
app.add_typer(role, name="role", rich_help_panel=KEEPING)
app.add_typer(user, name="user", rich_help_panel=KEEPING)
app.command(rich_help_panel=KEEPING)(versions)
app.command(rich_help_panel=KEEPING)(diff)
app.command(rich_help_panel=KEEPING)(rm)
app.command(rich_help_panel=KEEPING)(trash)
app.command(rich_help_panel=KEEPING)(restore)
app.command(rich_help_panel=KEEPING)(erase)
app.command(rich_help_panel=USING)(trace)
app.command(rich_help_panel=USING)(read)
app.command(rich_help_panel=USING)(login)
app.command(rich_help_panel=ACCOUNT)(logout)
app.command(rich_help_panel=ACCOUNT)(register)
app.command(rich_help_panel=ACCOUNT)(verify)
app.command(rich_help_panel=ACCOUNT)(accept)
app.add_typer(password, name="password", rich_help_panel=ACCOUNT)
app.add_typer(sessions, name="sessions", rich_help_panel=ACCOUNT)
app.add_typer(totp, name="totp", rich_help_panel=ACCOUNT)
app.command(rich_help_panel=ACCOUNT)(invite)
app.add_typer(invitations, name="invitations", rich_help_panel=ACCOUNT)
app.command("import-users", rich_help_panel=ACCOUNT)(import_users)
app.command(rich_help_panel=RUNNING)(mail)
app.add_typer(key, name="key", rich_help_panel=USING)
app.command(rich_help_panel=RUNNING)(up)
app.command(rich_help_panel=RUNNING)(doctor)
app.command(rich_help_panel=RUNNING)(sift)
app.command(rich_help_panel=RUNNING)(migrate)
app.add_typer(dlq, name="dlq", rich_help_panel=RUNNING)
app.add_typer(llm, name="llm", rich_help_panel=RUNNING)
app.add_typer(oidc, name="oidc", rich_help_panel=RUNNING)
app.add_typer(signing_key, name="signing-key", rich_help_panel=RUNNING)
app.command(rich_help_panel=RUNNING)(limits)
app.add_typer(tenant, name="tenant", rich_help_panel=RUNNING)
app.add_typer(audit, name="audit", rich_help_panel=RUNNING)
app.add_typer(webhook, name="webhook", rich_help_panel=RUNNING)
app.command(rich_help_panel=RUNNING)(export)
app.command(rich_help_panel=RUNNING)(settings)
app.add_typer(cache, name="cache", rich_help_panel=RUNNING)
app.add_typer(model, name="model", rich_help_panel=RUNNING)
app.add_typer(reprocess, name="reprocess", rich_help_panel=RUNNING)
app.add_typer(new, name="new", rich_help_panel=BUILDING)
app.command(rich_help_panel=BUILDING)(package)
app.add_typer(evaluate, name="eval", rich_help_panel=RUNNING)
app.command(rich_help_panel=BUILDING)(bench)
app.command("bench-answering", rich_help_panel=BUILDING)(bench_answering)
app.command("bench-chunking", rich_help_panel=BUILDING)(bench_chunking)
app.command(rich_help_panel=BUILDING)(chaos)
app.command("bench-parsing", rich_help_panel=BUILDING)(bench_parsing)
app.command("bench-peers", rich_help_panel=BUILDING)(bench_peers)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"kontor {version('kontor')}")
        raise typer.Exit


@app.callback()
def kontor(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Documents in, cited answers out.

    Start the server with `kontor up` (or `make up`), then put files in and ask.
    """
    del version


@functools.cache
def _program(word: str) -> Callable[..., Any]:
    """Build the command or group of that name alone, all of them where it names none.

    Reading the options of every command takes longer than most commands do.
    """
    part = copy(app)
    part.registered_commands = [
        each
        for each in app.registered_commands
        if word == (each.name or getattr(each.callback, "__name__", "").replace("_", "-"))
    ]
    part.registered_groups = [each for each in app.registered_groups if each.name == word]
    is_known = bool(part.registered_commands or part.registered_groups)
    return typer.main.get_command(part if is_known else app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit: 0 good, 1 partly failed, 2 wrong usage, else the error's code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a sign gets "?" instead of a traceback.
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _program(words[0] if words else "")(args=words, prog_name="kontor")
    except KontorError as error:
        print_error(error)
        sys.exit(error.exit_code)
