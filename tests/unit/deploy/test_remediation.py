"""Weak and old versions: found, listed with a date, late after their frame, silent feeds named."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from infra.deploy import remediation
from infra.deploy.remediation import Awaited, Weakness, is_newer, late, read_awaited, unlisted

TODAY = date(2026, 11, 28)
WEAK = Weakness("flask", "3.1.3", "CVE-2026-1")
PINNED = {"flask": {"3.1.3"}, "numpy": {"2.4.6", "2.5.5"}}
HEAD = "package,version,advisory,severity,found\n"
TOOL = """#!/bin/sh
here="$(dirname "$0")"
[ -f "$here/silent" ] && exit 1
case "$*" in
  *--no-deps*--exclude-newer*) cat "$here/then" ;;
  *--upgrade-package*)
    for part in "$@"; do
      case "$part" in --output-file=*) cat "$here/now" > "${part#*=}" ;; esac
    done ;;
  *) cat "$here/answer" ;;
esac
"""


@pytest.mark.parametrize(
    ("severity", "found", "complaint"),
    [
        ("critical", date(2026, 11, 21), ""),
        ("critical", date(2026, 11, 20), "by 2026-11-27"),
        ("high", date(2026, 10, 29), ""),
        ("high", date(2026, 10, 28), "by 2026-11-27"),
        ("other", date(2026, 8, 30), ""),
        ("other", date(2026, 8, 29), "by 2026-11-27"),
        ("other", date(2026, 11, 29), "future"),
    ],
)
def test_a_finding_may_wait_for_its_frame(severity: str, found: date, complaint: str) -> None:
    said = list(late([Awaited(WEAK, severity, found)], PINNED, today=TODAY))
    assert bool(said) == bool(complaint)
    assert complaint in "".join(said)


def test_a_line_about_what_is_pinned_no_more_is_to_be_taken_out() -> None:
    gone = Awaited(Weakness("flask", "3.1.2", "CVE-2026-1"), "other", TODAY)
    assert "take its line out" in next(late([gone], PINNED, today=TODAY))


def test_a_finding_that_is_on_no_list_is_bad_at_once() -> None:
    listed = [Awaited(WEAK, "high", TODAY)]
    assert not list(unlisted([WEAK], listed))
    assert "today's date" in next(unlisted([Weakness("flask", "3.1.3", "CVE-2026-2")], listed))


def test_the_list_is_read_and_wrong_lines_are_refused() -> None:
    (read,) = read_awaited(HEAD + "flask,3.1.3,CVE-2026-1,high,2026-11-01\n")
    assert (read.weakness, read.due) == (WEAK, date(2026, 12, 1))
    for line in ("flask,3.1.3,CVE-2026-1,urgent,2026-11-01", "flask,3.1.3,CVE-2026-1,high,soon"):
        with pytest.raises(ValueError, match=r"severity|Invalid isoformat"):
            read_awaited(f"{HEAD}{line}\n")


def test_what_is_pinned_today_is_in_time_and_the_list_is_about_it() -> None:
    """The product's own list, judged without any network."""
    awaited = read_awaited(remediation.KNOWN.read_text("utf-8"))
    pinned = remediation.pins(remediation.locks())
    assert len(pinned) > 100
    assert not list(late(awaited, pinned, today=remediation.now().date()))


def test_newer_means_newer_than_every_pin() -> None:
    assert is_newer({"2.10", "3.0"}, {"2.9"})
    assert is_newer({"2.10"}, {"2.9"})
    assert not is_newer({"2.5.5"}, PINNED["numpy"])
    assert not is_newer(set(), {"1"})


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that answer what the test has written for them."""
    for name in ("pip-audit", "uv"):
        (tmp_path / name).write_text(TOOL)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "known.csv").write_text(HEAD)
    (tmp_path / "lock.txt").write_text("flask==3.1.3 \\\n    --hash=x\nnumpy==2.5.5\n")
    monkeypatch.setattr(remediation, "TOOLS", tmp_path)
    monkeypatch.setattr(remediation, "KNOWN", tmp_path / "known.csv")
    monkeypatch.setattr(remediation, "LOCK", tmp_path / "lock.txt")
    monkeypatch.setattr(remediation, "ROOT", tmp_path)
    return tmp_path


def _answer(tools: Path, *advisories: str) -> None:
    said = [{"name": "flask", "version": "3.1.3", "vulns": [{"id": each} for each in advisories]},
            {"name": "gone", "skip_reason": "not found"}]  # fmt: skip
    (tools / "answer").write_text(json.dumps({"dependencies": said}))


def test_the_feed_is_asked_and_its_findings_are_held_to_the_list(tools: Path) -> None:
    _answer(tools)
    clean = remediation.known_vulnerabilities(today=TODAY)
    assert (clean.is_good, clean.said) == (True, "1 asked, 0 findings in time")
    _answer(tools, "CVE-2026-1")
    new = remediation.known_vulnerabilities(today=TODAY)
    assert new.is_good is False
    assert "CVE-2026-1" in new.said
    (tools / "known.csv").write_text(HEAD + "flask,3.1.3,CVE-2026-1,high,2026-11-01\n")
    assert remediation.known_vulnerabilities(today=TODAY).is_good
    assert remediation.known_vulnerabilities(today=date(2026, 12, 2)).is_good is False


def test_a_silent_feed_is_no_good_news_but_the_list_is_judged_all_the_same(tools: Path) -> None:
    (tools / "silent").touch()
    silent = remediation.known_vulnerabilities(today=TODAY)
    assert silent.is_good is None
    assert "did not answer" in silent.said
    assert remediation.renewal(today=TODAY).is_good is None
    assert remediation.main() == 1
    (tools / "known.csv").write_text(HEAD + "flask,3.1.3,CVE-2026-1,critical,2026-11-01\n")
    assert remediation.known_vulnerabilities(today=TODAY).is_good is False


@pytest.mark.parametrize(
    ("then", "now", "is_good"),
    [
        ("flask==3.1.3\nnumpy==2.5.5\n", "", True),  # nothing newer was there
        ("flask==3.2\n", "flask==3.2\n", False),  # it was, and only our pin holds it
        ("flask==3.2\n", "flask==3.1.3\n", True),  # something else holds it back
        ("flask==3.1\n", "", True),  # ours is newer than what was there
    ],
)
def test_a_pin_that_could_be_newer_for_long_is_found(
    tools: Path, then: str, now: str, is_good: bool
) -> None:
    (tools / "then").write_text(then)
    (tools / "now").write_text(now)
    outcome = remediation.renewal(today=TODAY)
    assert outcome.is_good is is_good
    assert ("flask" in outcome.said) is not is_good
