"""Ids, hashes, pages and the context of the work in hand."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel import context, killpoints
from shared.kernel.errors import InvalidError
from shared.kernel.hashing import sha256_of, sha256_of_file
from shared.kernel.ids import new_id
from shared.kernel.paging import MAX_PAGE, clamp_limit, decode_cursor, encode_cursor


def test_new_ids_are_version_seven_distinct_and_in_order_of_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    moments = [one.int >> 80 for one in ids]
    assert moments == sorted(moments)


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_hash_does_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    assert sha256_of(pieces) == hashlib.sha256(b"".join(pieces)).digest()


def test_hash_of_a_file_is_the_hash_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"some bytes")
    assert sha256_of_file(path) == sha256_of([b"some ", b"bytes"])


@given(st.lists(st.text(max_size=40), max_size=4))
def test_cursor_gives_its_key_back(key: list[str]) -> None:
    assert decode_cursor(encode_cursor(*key), len(key)) == tuple(key)


@given(st.text(max_size=60))
def test_foreign_cursor_is_refused_or_a_key_never_a_crash(text: str) -> None:
    with suppress(InvalidError):
        assert len(decode_cursor(text, 1)) == 1


@pytest.mark.parametrize(
    "cursor", [encode_cursor("a", "b"), encode_cursor(), "e30", "MQ", "bnVsbA"]
)
def test_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(cursor, 1)


def test_page_sizes_stay_within_bounds() -> None:
    assert [clamp_limit(n) for n in (-5, 0, 1, 50, 10**9)] == [1, 1, 1, 50, MAX_PAGE]


def test_context_falls_off_after_the_work_even_when_it_fails() -> None:
    def failing_work() -> None:
        with context.working_on(correlation="c", tenant="t"):
            context.set_tenant("u")
            assert (context.correlation_id(), context.tenant_id()) == ("c", "u")
            raise InvalidError("the work failed")

    with pytest.raises(InvalidError):
        failing_work()
    assert (context.correlation_id(), context.tenant_id()) == ("", "")


def test_context_is_not_seen_by_other_threads() -> None:
    seen: list[str] = []
    with context.working_on(correlation="c"):
        thread = threading.Thread(target=lambda: seen.append(context.correlation_id()))
        thread.start()
        thread.join()
    assert seen == [""]


def test_kill_points_do_nothing_until_armed() -> None:
    reached: list[str] = []
    killpoints.reach("room.effect")
    killpoints.arm(reached.append)
    try:
        killpoints.reach("room.effect")
    finally:
        killpoints.arm(None)
    killpoints.reach("room.later")
    assert reached == ["room.effect"]
