"""`kontor migrate`, `tenant` and `doctor` on a real database, and the start of the program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from infra.cli.checks import FAIL, OK, WARN, Place, check_disk, check_ports, examine
from infra.cli.local_server import as_role, of_this_machine, passed_on
from infra.cli.logs import LogFollower
from infra.cli.owner import Running, read_running, remove_running, write_running
from infra.local.ports import take_port
from infra.local.postgres import EmbeddedPostgres
from infra.local.serverless import load_service
from shared.kernel.errors import InvalidError
from shared.kernel.settings import read_settings
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

HEAVY = ("httpx", "rich", "pydantic", "websockets", "psycopg", "boto3", "moto", "fastapi", "numpy")


def test_help_starts_without_any_vendor() -> None:
    code = (
        "import sys; import infra.cli.main;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_help_names_every_command(cli: Cli) -> None:
    shown = cli("--help").out
    for name in ("put", "ask", "search", "ls", "show", "rm", "trace", "login", "up", "doctor"):
        assert f" {name} " in shown
    assert cli("--version").out.startswith("kontor ")


def test_migrate_brings_an_empty_database_up_to_date(cli: Cli, postgres: EmbeddedPostgres) -> None:
    postgres.create_database("cli_migrate")
    try:
        url = postgres.dsn("cli_migrate")
        before = cli("migrate", "--url", url, "--check")
        assert before.code == 1
        assert "0001_pre_create_tenancy" in before.out
        applied = json.loads(cli("migrate", "--url", url, "--json").out)["applied"]
        assert applied[0] == "0001_pre_create_tenancy"
        after = cli("migrate", "--url", url, "--check")
        assert (after.code, after.out) == (0, "Nothing is missing.\n")
    finally:
        postgres.drop_database("cli_migrate")


def test_migrate_without_a_database_says_how_to_get_one(cli: Cli) -> None:
    done = cli("migrate")
    assert done.code == 75
    assert "make up" in done.err


def test_a_database_elsewhere_is_not_migrated_in_the_clear(cli: Cli) -> None:
    done = cli("migrate", "--url", "postgresql://owner:hunter2@db.example/kontor?sslmode=disable")
    assert done.code != 0
    assert "sslmode=verify-full" in done.err
    assert "hunter2" not in done.out + done.err


def test_a_tenant_is_added_over_the_running_servers_database(
    cli: Cli, data: Path, owner_url: str
) -> None:
    import os

    data.mkdir()
    write_running(data, Running(os.getpid(), "http://127.0.0.1:1", owner_url))
    made = json.loads(cli("tenant", "add", "acme", "--email", "Ada@acme.example", "--json").out)
    assert made["slug"] == "acme"
    assert made["email"] == "ada@acme.example"
    assert len(made["password"]) >= 12
    again = cli("tenant", "add", "acme", "--email", "bob@acme.example")
    assert again.code == 65
    assert "acme already" in again.err
    (listed,) = json.loads(cli("tenant", "ls", "--json").out)["items"]
    assert (listed["slug"], listed["users"], listed["documents"]) == ("acme", 1, 0)


def test_operator_suspends_limits_exports_and_erases(cli: Cli, data: Path, owner_url: str) -> None:
    import os

    data.mkdir()
    write_running(data, Running(os.getpid(), "http://127.0.0.1:1", owner_url))
    cli("tenant", "add", "acme", "--email", "ada@acme.example")
    assert "suspended" in cli("tenant", "suspend", "acme", "--because", "unpaid").out
    assert not json.loads(cli("tenant", "ls", "--json").out)["items"][0]["is_active"]
    assert cli("tenant", "resume", "acme").code == 0
    limited = cli("tenant", "quota", "acme", "--storage", "1.5G", "--documents", "7").out
    assert limited == "acme: storage 1,610,612,736 bytes, documents 7.\n"
    assert cli("tenant", "quota", "acme", "--storage", "much").code == 65
    assert "exports/" in cli("tenant", "export", "acme").out
    assert "not confirmed" in cli("tenant", "erase", "acme").err
    assert "in 7 days" in cli("tenant", "erase", "acme", "--confirm", "acme").out
    assert cli("tenant", "erase", "acme", "--cancel").code == 0
    assert cli("tenant", "erase", "acme", "--cancel").code == 66
    assert cli("tenant", "suspend", "nobody").code == 66
    with psycopg.connect(owner_url) as owner:
        acts = owner.execute(
            "SELECT action FROM kontor.audit_events WHERE action LIKE 'tenant%' ORDER BY id"
        ).fetchall()
    assert [act for (act,) in acts] == [
        "tenant.made",
        "tenant.suspended",
        "tenant.resumed",
        "tenant.quota_set",
        "tenant_task.made",
        "tenant_erasure.made",
        "tenant_erasure.removed",
    ]


def test_a_dead_servers_note_is_not_believed(data: Path) -> None:
    import os

    data.mkdir()
    write_running(data, Running(os.getpid(), "http://x", "postgresql://y"))
    assert read_running(data) is not None
    assert (data / "running.json").stat().st_mode & 0o077 == 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_running(data, Running(gone.pid, "http://x", "postgresql://y"))
    assert read_running(data) is None
    remove_running(data)
    assert read_running(data) is None


def test_the_doctor_names_what_is_taken_and_how_to_mend_it(data: Path) -> None:
    with take_port(0, purpose="test") as taken:
        port = int(taken.getsockname()[1])
        found = check_ports(Place(data, (port,)))
    assert found.state == FAIL
    assert str(port) in found.detail
    assert "--port" in found.mend


def test_the_doctor_finds_this_machine_fit(cli: Cli, data: Path) -> None:
    findings = {finding.name: finding for finding in examine(Place(data, ()))}
    assert findings["python"].state == OK
    assert findings["packages"].state == OK
    assert findings["postgres"].state == OK
    assert check_disk(Place(data / "deep" / "down", ())).state in {OK, WARN}
    done = cli("doctor", "--json", "--port", "1")
    checks = {check["name"]: check for check in json.loads(done.out)["checks"]}
    assert {"python", "disk", "ports", "model"} <= checks.keys()


def test_the_doctor_refuses_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    findings = {f.name: f for f in examine(Place(tmp_path / "file" / "data", ()))}
    assert findings["data folder"].state == FAIL


def test_settings_that_were_given_are_passed_on_with_their_secrets() -> None:
    settings = read_settings(
        {"LLM_MODEL": "m", "LLM_API_KEY": "geheim", "DATABASE_URL": "x", "CHUNK_TOKENS": "64"}
    )
    assert passed_on(settings) == {"LLM_MODEL": "m", "LLM_API_KEY": "geheim", "CHUNK_TOKENS": "64"}


def test_what_a_deployment_closes_is_open_on_this_machine() -> None:
    settings = read_settings({"EGRESS_ALLOW": "api.example.org"})
    assert of_this_machine(settings)["EGRESS_ALLOW"] == "api.example.org"
    assert of_this_machine(read_settings({}))["EGRESS_ALLOW"] == ""
    deployed = load_service(ROOT).functions[0].environment["EGRESS_ALLOW"]
    assert deployed == "none"


def test_the_functions_role_replaces_the_owner_in_a_url() -> None:
    url = as_role("postgresql://owner:p%40ss@db.example:6432/kontor?sslmode=require", "app", "a/b")
    assert url == "postgresql://app:a%2Fb@db.example:6432/kontor?sslmode=require"
    with pytest.raises(InvalidError):
        as_role("host=db dbname=kontor", "app", "x")


def test_new_log_lines_are_shown_once_and_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "parse.log"
    log.write_text("old\n")
    follower = LogFollower(tmp_path)
    with log.open("a") as stream:
        stream.write("neu \x1b[31m\nhalb")
    follower.print_new()
    assert capsys.readouterr().out == "parse | neu [31m\n"
    with log.open("a") as stream:
        stream.write(" ganz\n")
    follower.print_new()
    assert capsys.readouterr().out == "parse | halb ganz\n"
    log.write_text("cut\n")
    follower.print_new()
    assert capsys.readouterr().out == "parse | cut\n"


def test_no_default_of_a_deployment_reaches_this_machine() -> None:
    text = (ROOT / "serverless.yml").read_text("utf-8")
    deployed = dict(re.findall(r"^    ([A-Z_]+): \$\{env:\1, '(.*)'\}$", text, re.MULTILINE))
    assert {"REGISTRATION", "SECOND_FACTOR", "EGRESS_ALLOW"} <= set(deployed)
    usual = read_settings({})
    kept = of_this_machine(usual)
    wrong = {
        name: default
        for name, default in deployed.items()
        if name not in kept and default != str(getattr(usual, name.lower()))
    }
    assert not wrong, "of_this_machine must name them"
