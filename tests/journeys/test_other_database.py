"""DATABASE_URL puts another Postgres in place of the embedded one; its data outlives the server."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import psycopg

from infra.local.postgres import EmbeddedPostgres
from tests.journeys.conftest import Server


def test_a_server_runs_on_the_database_it_is_given(
    make_server: Callable[[], Server], postgres: EmbeddedPostgres
) -> None:
    postgres.create_database("elsewhere")
    server = make_server()
    url = psycopg.conninfo.conninfo_to_dict(postgres.dsn("elsewhere"))
    place = f"postgresql://postgres@/elsewhere?host={quote(str(url['host']), safe='')}"
    server.environment["DATABASE_URL"] = place
    for _ in range(2):
        server.start()
        with server.client() as client:
            assert client.get("/health").json()["status"] == "ok"
            announced = {"filename": "a.txt", "size_bytes": 6}
            sent = client.post("/api/v1/assets", json=announced)
            assert sent.status_code == 201
        server.stop()
    assert not (server.data / "postgres").exists()
    with psycopg.connect(postgres.dsn("elsewhere")) as owner:
        row = owner.execute("SELECT count(*) FROM kontor.uploads").fetchone()
    assert row == (2,)
