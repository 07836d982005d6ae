"""README's table of commands, written from the program itself so the two never differ."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from infra.cli.main import app

NAME = "cli"


def table() -> str:
    """Return the table as Markdown: each command with its arguments and its first sentence."""
    root = get_command(app)
    lines = ["| Command | What it does |", "|---|---|"]
    for words, command in _walk(root, ("kontor",)):
        usage = " ".join((*words, *_arguments(command))).replace("|", "\\|")
        sentence = (command.help or "").strip().split("\n\n")[0]
        meaning = " ".join(sentence.split()).replace("|", "\\|")
        lines.append(f"| `{usage}` | {meaning} |")
    return "\n".join(lines)


def _walk(
    command: object, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    """Yield the commands that do something, in the order the program lists them."""
    if isinstance(command, TyperCommand) and not command.hidden:
        yield words, command
    elif isinstance(command, TyperGroup) and not command.hidden:
        for name, child in command.commands.items():
            yield from _walk(child, (*words, name))


def _arguments(command: TyperCommand) -> Iterator[str]:
    context = typer.Context(command)
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            yield parameter.make_metavar(context)
