"""Fixtures of the measurements' tests: where they start a server of their own, ours is lent."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest

from infra.bench import answering, chunking, recall, search_speed
from infra.local.postgres import EmbeddedPostgres
from tests.databases import TEMPLATE


class LentPostgres:
    """The worker's server as a measurement uses one: its databases are gone at the end.

    They come migrated; migrating them again finds nothing to do.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        while self._names:
            self._server.drop_database(self._names.popitem()[1])

    def create_database(self, name: str) -> None:
        self._names[name] = f"{name}_{uuid4().hex[:12]}"
        self._server.create_database(self._names[name], template=TEMPLATE)

    def dsn(self, database: str, *, user: str = "postgres") -> str:
        return self._server.dsn(self._names[database], user=user)


@pytest.fixture(autouse=True)
def lent_postgres(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the worker's server in place of those that measurements start."""

    def lend(_folder: Path, *, durable: bool) -> LentPostgres:
        assert not durable
        request.getfixturevalue("databases")  # with its template
        return LentPostgres(request.getfixturevalue("postgres"))

    for module in (answering, chunking, recall, search_speed):
        monkeypatch.setattr(module, "EmbeddedPostgres", lend)
