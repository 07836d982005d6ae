"""Hostile texts in every text field of every operation: some always, a whole corpus when given.

A corpus of 500 texts alone in each of 460 fields would be 230,000 requests. So a request carries
its text in every free field at once; when that is refused each free field gets it alone, so that no
refusal of one field hides what another would have done. Fields that take no free text (ids, dates,
choices) get a sample.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.identity.model import Principal
from tests.security.api import Api, Field, Operation, Reply
from tests.security.judging import TEXTS, complaints

LONG = "a" * 1_000_000
CLOSED = frozenset({"format", "enum", "const", "pattern"})
MALFORMED, REFUSED = 400, 422
HARMLESS = "Guten Tag"
SAMPLE = 20
EVERY_S = 15.0


def test_every_field_of_every_operation_takes_hostile_texts(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    failures: list[str] = []
    sent = 0
    for operation in api.operations:
        sample = api.sample(operation)
        for each in api.fields(operation):
            if each.kind != "string":
                continue
            for text in TEXTS if each.part != "body" else [*TEXTS, LONG]:
                reply = api.call(operation, sample.put(each, text), principal)
                sent += 1
                failures += complaints(api, operation, reply, f"{each.path} = {text[:30]!a}")
    assert not failures, "\n".join(failures[:40])
    assert sent > 1000


@dataclass
class _Trial:
    """Sends a corpus to operations and counts what was tried."""

    api: Api
    principal: Principal
    texts: list[str]
    chance: random.Random
    sent: int = 0
    pairs: int = 0
    failures: list[str] = field(default_factory=list)

    def attack(self, operation: Operation) -> None:
        """Send every text to an operation's free fields, a sample to the others."""
        free, closed = self._fields(operation)
        for text in self.texts if free else ():
            together = self._send(operation, free, text)
            self.pairs += len(free)
            if len(free) > 1 and together.status in {MALFORMED, REFUSED}:
                for each in free:
                    self._send(operation, [each], text)
        for each in closed:
            for text in self.chance.sample(self.texts, min(SAMPLE, len(self.texts))):
                self._send(operation, [each], text)
                self.pairs += 1

    def _fields(self, operation: Operation) -> tuple[list[Field], list[Field]]:
        """Tell free fields from those that refuse even a harmless text."""
        free, closed = [], []
        for each, schema in self.api.described_fields(operation):
            if each.kind == "string":
                is_open = not CLOSED & set(schema) and self._takes(operation, each)
                (free if is_open else closed).append(each)
        return free, closed

    def _takes(self, operation: Operation, each: Field) -> bool:
        return self._send(operation, [each], HARMLESS).status not in {MALFORMED, REFUSED}

    def _send(self, operation: Operation, fields: list[Field], text: str) -> Reply:
        asked = self.api.sample(operation)
        for each in fields:
            asked = asked.put(each, text)
        reply = self.api.call(operation, asked, self.principal)
        self.sent += 1
        where = f"{', '.join('.'.join(map(str, each.path)) for each in fields)} = {text[:60]!a}"
        self.failures += complaints(self.api, operation, reply, where)
        return reply


@pytest.mark.timeout(3600)
def test_a_corpus_in_every_field(
    admin: tuple[Principal, Api],
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    principal, api = admin
    folder: Path | None = request.config.getoption("--hostile-text")
    few = TEXTS[-2:]  # without a corpus: enough to know that the way of sending works
    count: int = request.config.getoption("--hostile-count")
    chance = random.Random(request.config.getoption("--hostile-seed"))
    texts = few if folder is None else list(_corpus(folder))
    if 0 < count < len(texts):
        texts = chance.sample(texts, count)
    trial = _Trial(api, principal, texts, chance)
    begun = said = time.monotonic()
    for number, operation in enumerate(api.operations, 1):
        trial.attack(operation)
        if folder is not None and time.monotonic() - said > EVERY_S:
            said = time.monotonic()
            _say(capsys, f"{number} of {len(api.operations)} operations", trial, said - begun)
    if folder is not None:
        _say(capsys, f"all {len(api.operations)} operations", trial, time.monotonic() - begun)
    assert not trial.failures, "\n".join(trial.failures[:40])
    assert trial.pairs >= len(api.operations)


def _say(capsys: pytest.CaptureFixture[str], how_far: str, trial: _Trial, took_s: float) -> None:
    with capsys.disabled():
        sys.stdout.write(
            f"hostile texts: {how_far}, {trial.pairs:,} texts in fields, {trial.sent:,} requests, "
            f"{len(trial.failures)} failures, {took_s:,.0f} s\n"
        )
        sys.stdout.flush()


def _corpus(folder: Path) -> Iterator[str]:
    found = sorted(folder.glob("*.json"))
    assert found, f"{folder} holds no .json file"
    for path in found:
        yield from (text for text in json.loads(path.read_text("utf-8")) if isinstance(text, str))
