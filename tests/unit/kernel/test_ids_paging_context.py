"""Ids sort by time, cursors read back, ids of the work in hand fall off afterwards."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from json import loads
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.queries import parse_queries
from shared.adapters.telemetry import JsonFormatter
from shared.kernel import context, killpoints
from shared.kernel.errors import InvalidError
from shared.kernel.events import Event
from shared.kernel.hashing import sha256_of
from shared.kernel.ids import TenantId, new_id
from shared.kernel.paging import clamp_limit, decode_cursor, encode_cursor


def test_new_ids_are_version_7_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(1_700_000_000_000_000_000, 1_700_000_001_000_000_000, 100_000_000))
    monkeypatch.setattr("time.time_ns", lambda: next(moments))
    made = [new_id() for _ in range(10)]
    assert made == sorted(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_ids_made_within_one_millisecond_keep_their_order() -> None:
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(set(made))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
def test_cursors_read_back(key: list[str]) -> None:
    assert decode_cursor(encode_cursor(*key), len(key)) == tuple(key)


@pytest.mark.parametrize("cursor", ["", "!", "bm9uc2Vuc2U", encode_cursor("a", "b"), "äöü"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(cursor, 1)


def test_page_sizes_stay_within_bounds() -> None:
    assert [clamp_limit(n) for n in (-5, 0, 1, 200, 999)] == [1, 1, 1, 200, 200]


def test_log_lines_carry_the_ids_of_the_work_in_hand_and_no_others() -> None:
    def line() -> dict[str, object]:
        record = logging.makeLogRecord({"msg": "file stored", "size_bytes": 3, "levelname": "INFO"})
        return dict(loads(JsonFormatter().format(record)))

    with context.working_on(correlation="c-1", tenant="t-1"):
        inside = line()
        context.set_tenant("t-2")
        renamed = line()
    assert (inside["correlation_id"], inside["tenant_id"]) == ("c-1", "t-1")
    assert (inside["message"], inside["size_bytes"]) == ("file stored", 3)
    assert renamed["tenant_id"] == "t-2"
    assert "correlation_id" not in line()


def test_a_log_entry_is_one_line_in_utc() -> None:
    text = 'a name\r\n{"level": "ERROR", "message": "made up"}\u2028'
    record = logging.makeLogRecord({"msg": text, "title": text, "levelname": "INFO"})
    written = JsonFormatter().format(record)
    assert len(written.splitlines()) == 1
    entry = loads(written)
    assert (entry["message"], entry["title"], entry["level"]) == (text, text, "INFO")
    assert str(entry["at"]).endswith("+00:00")


def test_log_lines_keep_the_tokens_of_links_to_themselves() -> None:
    token = "kontor_share_obP68Di-X-eEzP_D9FbIDX5hRRg_-wcUA-Qt29Ybd-Y"
    record = logging.makeLogRecord({"msg": f"GET /s/{token} 200", "path": f"/s/{token}/enter"})
    said = loads(JsonFormatter().format(record))
    assert (said["message"], said["path"]) == (
        "GET /s/kontor_share_… 200",
        "/s/kontor_share_…/enter",
    )


def test_events_become_json_values() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Rang(Event):
        bell: UUID

    tenant, bell = TenantId(UUID(int=1)), UUID(int=2)
    assert Rang(tenant_id=tenant, bell=bell).payload() == {
        "tenant_id": str(tenant),
        "bell": str(bell),
    }
    assert Rang.name() == "Rang"


def test_killpoints_do_nothing_unless_armed() -> None:
    reached: list[str] = []
    killpoints.reach("quiet")
    killpoints.arm(reached.append)
    killpoints.reach("loud")
    killpoints.arm(None)
    killpoints.reach("quiet")
    assert reached == ["loud"]


def test_hash_does_not_depend_on_the_cut() -> None:
    assert sha256_of([b"ab", b"c"]) == sha256_of([b"abc"]) != sha256_of([b"acb"])


def test_named_queries_are_parsed_and_doubles_refused() -> None:
    text = "-- :name find_x :one X\n-- Why.\nSELECT 1;\n\n-- :name drop_x :exec\nDELETE FROM x;\n"
    queries = parse_queries("room", text)
    assert queries["find_x"].sql == "SELECT 1"
    assert (queries["find_x"].rows, queries["find_x"].row_type) == ("one", "X")
    assert queries["drop_x"].rows == "exec"
    with pytest.raises(ValueError, match="twice"):
        parse_queries("room", text + text)
