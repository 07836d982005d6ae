"""`kontor bench-parsing`: goals, failures and scorers, on a data folder made here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.bench.invoices import Fact, facts_of, found_shares
from infra.bench.measurement import Measurement
from infra.cli.main import main
from shared.ingestion.drafting import Draft
from shared.ingestion.model import FormField

DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"
Cli = Callable[..., tuple[int, str, str]]
SCORER = """
def score(gold, pred):
    return {"text_similarity": 1.0 if gold.split()[0] in pred else 0.0}
"""
INVOICE = """<rsm:Invoice xmlns:rsm="r" xmlns:ram="a" xmlns:udt="u">
<rsm:ExchangedDocument><ram:ID>R-7</ram:ID>
<ram:IssueDateTime>
<udt:DateTimeString format="102">20180605</udt:DateTimeString>
</ram:IssueDateTime>
</rsm:ExchangedDocument>
<ram:SellerTradeParty><ram:Name>Lieferant GmbH</ram:Name></ram:SellerTradeParty>
<ram:SpecifiedTradeSettlementHeaderMonetarySummation>
<ram:GrandTotalAmount>1234.50</ram:GrandTotalAmount>
</ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</rsm:Invoice>"""


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["bench-parsing", *arguments])
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one law as Word file, its reference, and a scorer beside it."""
    laws = tmp_path / "data" / "docs" / "gesetze-generated"
    laws.mkdir(parents=True)
    shutil.copy(DOCUMENTS / "rental-agreement.docx", laws / "rent.docx")
    (laws / "rent.gt.md").write_text("Mietvertrag", encoding="utf-8")
    (tmp_path / "scorers").mkdir()
    (tmp_path / "scorers" / "markdown.py").write_text(SCORER, encoding="utf-8")
    return tmp_path / "data"


def test_a_measured_share_stands_beside_its_goal(cli: Cli, data: Path) -> None:
    code, out, _ = cli(str(data), "laws", "--each")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("laws: docx")]
    assert line.split()[2:6] == ["1.000", "≥", "0.99", "met"]
    assert "rent.docx" in out
    assert out.endswith("1 of 1 goals met.\n")


def test_a_file_that_cannot_be_read_counts_as_nothing_found(cli: Cli, data: Path) -> None:
    (data / "docs" / "gesetze-generated" / "rent.docx").write_bytes(b"PK\x03\x04broken")
    _, out, _ = cli(str(data), "laws", "--json")
    (law,) = json.loads(out)["measurements"]
    assert (law["value"], law["verdict"]) == (0.0, "missed")
    assert "not read: rent.docx" in law["note"]


def test_missing_folders_and_scorers_are_named(cli: Cli, data: Path) -> None:
    assert "There is no folder" in cli(str(data / "none"), "laws")[2]
    assert "--scorers" in cli(str(data), "laws", "--scorers", str(data))[2]


def test_a_goal_is_met_from_either_side() -> None:
    assert Measurement("a", 0.5, "", at_least=0.5).verdict == "met"
    assert Measurement("a", 0.49, "", at_least=0.5).verdict == "missed"
    assert Measurement("a", 0.49, "", at_most=0.3).verdict == "missed"
    assert Measurement("a", 0.49, "").verdict == ""


def test_facts_of_an_invoice_are_found_as_people_print_them(tmp_path: Path) -> None:
    path = tmp_path / "invoice.xml"
    path.write_text(INVOICE, encoding="utf-8")
    facts = facts_of(path)
    assert [fact.name for fact in facts] == [
        "number", "date", "SellerTradeParty", "GrandTotalAmount",
    ]  # fmt: skip
    draft = Draft()
    draft.paragraph("Rechnung R-7 vom 05.06.2018, Summe 1.234,50 Euro")
    draft.fields.append(FormField("total.grand", "1234.50"))
    document = draft.finish(title="", filename="a", parser="t", parser_version="1")
    assert found_shares(facts, document) == (4, 1, 3, 0)
    assert found_shares([Fact("x", ("234,50",))], document) == (1, 0, 0, 0)
    assert found_shares(facts, None) == (4, 0, 0, 0)
