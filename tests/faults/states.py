"""The ingest state machine, interpreted as far as this product uses it, one task at a time.

A run is a generator: it yields a task to be delivered and is sent what came of it, so a test
decides when, how often and in which order tasks are delivered. Amazon States Language:
https://states-language.net/spec.html
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Shuffle = Callable[[list[Any]], None]


@dataclass(frozen=True, slots=True)
class Task:
    """An event for a function."""

    function: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the state machine sees it."""

    name: str
    cause: str


Run = Generator[Task, "dict[str, Any] | Failure", dict[str, Any]]


class ExecutionFailedError(Exception):
    """The execution ended in failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.name}: {failure.cause}")
        self.failure = failure


def run(machine: Mapping[str, Any], data: dict[str, Any], shuffle: Shuffle) -> Run:
    """Interpret a machine from its start; returns its output or raises ExecutionFailedError."""
    name: str | None = machine["StartAt"]
    while name is not None:
        state = machine["States"][name]
        try:
            data, name = yield from _state(state, data, shuffle)
        except ExecutionFailedError as error:
            catcher = _matching(state.get("Catch", []), error.failure.name)
            if catcher is None:
                raise
            caught = {"Error": error.failure.name, "Cause": error.failure.cause}
            data, name = _put(data, caught, catcher.get("ResultPath", "$")), catcher["Next"]
    return data


def _state(
    state: Mapping[str, Any], data: dict[str, Any], shuffle: Shuffle
) -> Generator[Task, dict[str, Any] | Failure, tuple[dict[str, Any], str | None]]:
    kind = state["Type"]
    if kind == "Choice":
        return data, _choose(state, data)
    if kind == "Fail":
        raise ExecutionFailedError(Failure(state.get("Error", ""), state.get("Cause", "")))
    result: Any = data
    if kind == "Task":
        result = yield from _task(state, data)
    elif kind == "Map":
        result = yield from _map(state, data, shuffle)
    elif kind == "Pass":
        result = state.get("Result", data)
    elif kind != "Succeed":
        raise NotImplementedError(f"the state type {kind}")
    following = None if state.get("End") or kind == "Succeed" else state["Next"]
    return _put(data, result, state.get("ResultPath", "$")), following


def _task(state: Mapping[str, Any], data: dict[str, Any]) -> Run:
    event = _fill(state["Parameters"], data, {}) if "Parameters" in state else data
    task = Task(_function(state["Resource"]), event)
    attempts: dict[int, int] = {}
    while True:
        outcome = yield task
        if not isinstance(outcome, Failure):
            return outcome
        retrier = _matching(state.get("Retry", []), outcome.name)
        used = attempts.get(id(retrier), 0)
        if retrier is None or used >= retrier.get("MaxAttempts", 3):
            raise ExecutionFailedError(outcome)
        attempts[id(retrier)] = used + 1


def _map(state: Mapping[str, Any], data: dict[str, Any], shuffle: Shuffle) -> Any:
    numbered = list(enumerate(_at(data, state["ItemsPath"])))
    shuffle(numbered)
    results: dict[int, Any] = {}
    for index, item in numbered:
        context = {"Map": {"Item": {"Index": index, "Value": item}}}
        given = _fill(state["ItemSelector"], data, context) if "ItemSelector" in state else item
        results[index] = yield from run(state["ItemProcessor"], given, shuffle)
    return [results[index] for index in sorted(results)]


def _function(resource: Any) -> str:
    logical = resource["Fn::GetAtt"][0].removesuffix("LambdaFunction")
    return str(logical).replace("Underscore", "_").lower()


def _matching(rules: Sequence[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((rule for rule in rules if {"States.ALL", name} & set(rule["ErrorEquals"])), None)


def _choose(state: Mapping[str, Any], data: dict[str, Any]) -> str:
    for choice in state["Choices"]:
        if _holds(choice, data):
            return str(choice["Next"])
    return str(state["Default"])


def _holds(rule: Mapping[str, Any], data: dict[str, Any]) -> bool:  # noqa: PLR0911 - one each
    if "And" in rule:
        return all(_holds(part, data) for part in rule["And"])
    if "Or" in rule:
        return any(_holds(part, data) for part in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], data)
    if "IsPresent" in rule:
        return _is_there(data, rule["Variable"]) is rule["IsPresent"]
    value = _at(data, rule["Variable"])
    for name in ("StringEquals", "BooleanEquals", "NumericEquals"):
        if name in rule:
            return bool(value == rule[name])
    if "StringMatches" in rule:
        return fnmatch.fnmatchcase(str(value), rule["StringMatches"])
    if "NumericGreaterThan" in rule:
        return bool(value > rule["NumericGreaterThan"])
    raise NotImplementedError(f"the choice {sorted(rule)}")


def _is_there(data: dict[str, Any], path: str) -> bool:
    try:
        _at(data, path)
    except KeyError:
        return False
    return True


def _at(data: Any, path: str) -> Any:
    for name in path.removeprefix("$").split(".")[1:]:
        data = data[name]
    return data


def _put(data: dict[str, Any], result: Any, path: str | None) -> dict[str, Any]:
    if path is None:
        return data
    if path == "$":
        return dict(result)
    names = path.removeprefix("$.").split(".")
    assert len(names) == 1, "deeper result paths are not used here"
    return {**data, names[0]: result}


def _fill(template: Any, data: dict[str, Any], context: dict[str, Any]) -> Any:
    if isinstance(template, dict):
        return {
            name.removesuffix(".$"): (
                _lookup(value, data, context)
                if name.endswith(".$")
                else _fill(value, data, context)
            )
            for name, value in template.items()
        }
    return template


def _lookup(path: str, data: dict[str, Any], context: dict[str, Any]) -> Any:
    return _at(context, path[1:]) if path.startswith("$$") else _at(data, path)


def lambda_failure(error: str, message: str) -> Failure:
    """Build what Step Functions makes of a function's error."""
    return Failure(error, json.dumps({"errorType": error, "errorMessage": message}))
