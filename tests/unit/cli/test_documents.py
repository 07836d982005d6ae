"""`kontor ls`, `show`, `rm` and `trace`: documents by id, by its end, by the start of a title."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.cli.trace import read_rows

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")


def hop(second: float, step: str, took: int | None, *, job: str = "j1") -> dict[str, object]:
    return {
        "at": f"2026-11-20T10:00:{second:06.3f}+00:00",
        "stage": "uploaded",
        "step": step,
        "detail": "",
        "duration_ms": took,
        "job_id": job,
    }


def test_a_list_of_many_pages_is_read_to_the_wanted_length(cli: Cli, kontor: FakeKontor) -> None:
    for number in range(450):
        kontor.add_document(f"Akte {number}")
    assert len(json.loads(cli("ls", "--json", "-n", "401").out)["items"]) == 401
    assert kontor.calls("GET", "/api/v1/documents") == 3
    assert "100 documents" in cli("ls").out


def test_a_list_shows_stage_and_the_reason_of_a_failure(cli: Cli, kontor: FakeKontor) -> None:
    kontor.add_document("Scan.pdf", folder="Alt", stage="failed", failure="Only images.")
    done = cli("ls", "--folder", "Alt")
    assert "Alt/Scan.pdf" in done.out
    assert "Only images." in done.out
    assert "\x1b" not in done.out


def test_an_empty_list_says_what_to_do(cli: Cli) -> None:
    assert cli("ls").out == "No documents yet. Put some in: kontor put FILE…\n"


def test_a_document_is_found_by_id_by_its_end_and_by_title(cli: Cli, kontor: FakeKontor) -> None:
    wanted = kontor.add_document("Mietvertrag Müllerstraße")
    kontor.add_document("Mietspiegel")
    for name in (wanted, wanted[-8:], "mietvertrag", "Mietvertrag Müllerstraße"):
        assert json.loads(cli("show", name, "--json").out)["id"] == wanted
    shown = cli("show", wanted).out
    assert "Mietvertrag Müllerstraße" in shown
    assert "version 1" in shown


def test_an_exact_title_wins_over_a_longer_one(cli: Cli, kontor: FakeKontor) -> None:
    wanted = kontor.add_document("Miete")
    kontor.add_document("Miete 2026")
    assert json.loads(cli("show", "miete", "--json").out)["id"] == wanted


def test_several_candidates_are_named(cli: Cli, kontor: FakeKontor) -> None:
    ids = [kontor.add_document(f"Miete {n}") for n in range(7)]
    done = cli("show", "miete")
    assert done.code == 65
    assert "7 documents are called 'miete'" in done.err
    assert ids[0] in done.err
    assert "and 2 more" in done.err


@pytest.mark.parametrize("name", ["Einhorn", "0192f0c0-0000-7000-8000-000000000000", "../etc"])
def test_what_is_not_there_is_not_found(cli: Cli, name: str) -> None:
    assert cli("show", name).code == 66


def test_text_is_printed_without_control_characters(cli: Cli, kontor: FakeKontor) -> None:
    document = kontor.add_document("a")
    assert cli("show", document, "--text").out == "Erste Zeile\nZweite [31mZeile\n"


def test_nothing_is_removed_without_a_yes(cli: Cli, kontor: FakeKontor) -> None:
    document = kontor.add_document("Akte")
    done = cli("rm", "Akte")
    assert done.code == 65
    assert "--yes" in done.err
    assert document in kontor.documents
    assert cli("rm", "Akte", "--yes").out == "removed Akte\n"
    assert document not in kontor.documents


def test_several_are_removed_only_if_all_are_found(cli: Cli, kontor: FakeKontor) -> None:
    kontor.add_document("Akte")
    assert cli("rm", "Akte", "Einhorn", "--yes").code == 66
    assert len(kontor.documents) == 1


def test_a_trace_measures_the_time_between_hops() -> None:
    hops = [hop(3, "parse", 500), hop(0, "intake", 20), hop(9, "sweep", None, job="j2")]
    rows = read_rows(hops)
    assert [row.step for row in rows] == ["intake", "parse", "sweep"]
    assert [row.since_s for row in rows] == [None, 3.0, None]
    assert rows[1].idle_s == 2.5


def test_a_trace_shows_every_hop_and_where_it_waited(cli: Cli, kontor: FakeKontor) -> None:
    kontor.add_document("Akte")
    kontor.hops = [hop(0, "intake", 20), hop(4, "parse", 500)]
    done = cli("trace", "akte")
    assert "waited 3.5 s" in done.out
    assert "2 hops in 4.0 s, of which 520 ms were work" in done.out
    assert json.loads(cli("trace", "akte", "--json").out)["hops"] == kontor.hops
