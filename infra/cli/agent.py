"""`kontor agent`: a task is worked on in steps; changes wait for a yes, questions for a reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

if TYPE_CHECKING:
    from rich.console import Console

    from infra.cli.client import Body, KontorClient

RUNS = "/api/v1/agents/runs"
agent = typer.Typer(
    name="agent",
    no_args_is_help=True,
    help="Tasks worked on in steps: documents, the web, arithmetic, changes.",
)


@agent.command("run")
def run(
    task: Annotated[list[str], typer.Argument(metavar="TASK…", help="In your own words.")],
    *,
    web: Annotated[bool, typer.Option("--web", "-w", help="Let it search the web.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm the change it asks for.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give an agent a task and watch its steps.

    It answers from your documents, reckons, and with --web looks further. What it would change
    is shown first and done only when you say yes.
    """
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json

    console = open_console()
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        body: Body = {"task": " ".join(task).strip(), "web": web}
        found = _begin(client, body, None if as_json else console)
        found = _follow(client, found, console, yes=yes, as_json=as_json)
    if as_json:
        print_json(found)
    else:
        _print_answer(console, found)


@agent.command("ls")
def ls(
    *,
    limit: Limit = 20,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List your runs, newest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, shorten, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all(RUNS, limit=limit))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No runs yet. Begin one: kontor agent run …")
    for each in found:
        when = local_time(each.get("created_at"))
        said = shorten(text_of(each, "task"), 60)
        console.print(f"{when}  {text_of(each, 'state'):<9}  {text_of(each, 'id')}  {said}")


@agent.command("show")
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Its id, from `kontor agent ls`.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Confirm what it proposes.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show a run with its steps, and go on with it where it waits for you."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, open_console, print_json

    console = open_console()
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get(path_of("agents", "runs", run_id))
        if not as_json:
            for step in list_of(found, "steps"):
                _print_step(console, step)
        found = _follow(client, found, console, yes=yes, as_json=as_json)
    if as_json:
        print_json(found)
    else:
        _print_answer(console, found)


def _begin(client: KontorClient, body: Body, console: Console | None) -> Body:
    """Begin a run, its steps printed as they come where the server streams."""
    from infra.cli.answers import read_events
    from infra.cli.client import path_of
    from infra.cli.problems import from_problem
    from infra.cli.terminal import list_of, text_of

    url = text_of(client.endpoints(), "stream_url")
    if not url or console is None:
        found = client.post(RUNS, body)
        if console is not None:
            for step in list_of(found, "steps"):
                _print_step(console, step)
        return found
    run_id = ""
    with client.stream(f"{url.rstrip('/')}/agents/runs", body) as lines:
        for event in read_events(lines):
            if event.kind == "error":
                raise from_problem(event.body)
            run_id = text_of(event.body, "run_id") or run_id
            if event.kind == "step":
                _print_step(console, event.body)
    return client.get(path_of("agents", "runs", run_id))


def _follow(
    client: KontorClient, found: Body, console: Console, *, yes: bool, as_json: bool
) -> Body:
    """Go on with a run until it ends or somebody is missing who could decide."""
    from infra.cli.client import path_of
    from infra.cli.terminal import list_of, text_of

    can_ask = console.is_terminal and not as_json
    while True:
        path = path_of("agents", "runs", text_of(found, "id"))
        state, shown = text_of(found, "state"), len(list_of(found, "steps"))
        if state == "running":
            found = client.post(f"{path}/continue", {})
        elif state == "waiting" and (yes or can_ask):
            found = client.post(f"{path}/confirm", _decision(found, yes=yes))
        elif state == "asking" and can_ask:
            reply = typer.prompt(text_of(found, "detail"))
            found = client.post(f"{path}/reply", {"text": reply})
        else:
            return found
        if not as_json:
            for step in list_of(found, "steps")[shown:]:
                _print_step(console, step)


def _decision(found: Body, *, yes: bool) -> Body:
    from infra.cli.terminal import list_of, text_of

    action = next(a for a in list_of(found, "actions") if text_of(a, "state") == "proposed")
    answer = "yes" if yes or typer.confirm(f"{text_of(action, 'title')}?") else "no"
    return {"action_id": action["id"], "answer": answer}


def _print_step(console: Console, step: Mapping[str, object]) -> None:
    from infra.cli.terminal import number_of, text_of

    console.print(
        f"{number_of(step, 'number'):>3.0f}  {text_of(step, 'title')}", style="dim", markup=False
    )


def _print_answer(console: Console, found: Body) -> None:
    from infra.cli.terminal import clean_lines, list_of, text_of

    state = text_of(found, "state")
    if state == "waiting":
        console.print(f"Proposed: {text_of(found, 'detail')}", markup=False)
        console.print(f"Say yes: kontor agent show {text_of(found, 'id')} --yes", style="dim")
        return
    if state == "asking":
        console.print(text_of(found, "detail"), markup=False)
        console.print(f"Reply: kontor agent show {text_of(found, 'id')}", style="dim")
        return
    said = clean_lines(str(found.get("answer") or "")) or text_of(found, "detail") or state
    console.print(f"\n{said}", markup=False)
    for citation in list_of(found, "citations"):
        console.print(_source(citation), markup=False)


def _source(citation: Mapping[str, object]) -> str:
    from infra.cli.ask import place_of
    from infra.cli.terminal import number_of, text_of

    place = place_of(citation)
    if text_of(citation, "kind") == "web":
        place = f"{text_of(citation, 'title') or 'Web'} (web: {text_of(citation, 'url')})"
    quote = " ".join(text_of(citation, "quote").split())
    return f"[{number_of(citation, 'number'):.0f}] {place}\n    “{quote}”"
