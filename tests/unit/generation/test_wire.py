"""The wire: requests, pieces and errors survive it, and nonsense is refused."""

from __future__ import annotations

import pytest

from shared.generation.model import CallId, Ending, Piece, Request, TextPiece, ToolPiece
from shared.generation.wire import (
    pack_error,
    pack_piece,
    pack_request,
    read_piece,
    read_problem,
    read_request,
)
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    LimitedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from shared.kernel.ids import TenantId, new_id

REQUEST = Request(
    purpose="agent",
    messages=[{"role": "user", "content": "Größe?\n\u2028"}],
    max_tokens=7,
    options={"tools": [{"type": "function"}]},
    route="small",
)
ENDING = Ending(route="r", model="p/m", finish="stop", tokens_in=1, tokens_out=2, cost_nanousd=3)


def test_a_request_arrives_as_it_was_sent() -> None:
    tenant, call = TenantId(new_id()), CallId(new_id())
    assert read_request(pack_request(tenant, call, REQUEST)) == (tenant, call, REQUEST)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"purpose": "war"}'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidError):
        read_request(body)


@pytest.mark.parametrize("piece", [TextPiece("a\nö"), ToolPiece([{"id": "1"}]), ENDING])
def test_a_piece_is_one_line_and_arrives_as_it_was_sent(piece: Piece) -> None:
    line = pack_piece(piece)
    assert line.count(b"\n") == 1
    assert read_piece(line) == piece


@pytest.mark.parametrize("kind", [InvalidError, NotFoundError, RefusedError, UnavailableError])
def test_an_error_stays_what_it_is(kind: type[KontorError]) -> None:
    with pytest.raises(kind) as caught:
        read_piece(pack_error(kind("What is wrong.", hint="What to do.")))
    assert (caught.value.detail, caught.value.hint) == ("What is wrong.", "What to do.")


def test_other_errors_are_taken_for_passing_ones() -> None:
    assert isinstance(read_problem({"status": 429, "detail": "x"}), LimitedError)
    assert isinstance(read_problem({"status": 500}), UnavailableError)
    assert isinstance(read_problem({"status": "odd"}), UnavailableError)


@pytest.mark.parametrize("line", [b"", b"null", b"{", b'{"end": {"odd": 1}}', b'{"error": 5}'])
def test_nonsense_is_unavailable(line: bytes) -> None:
    with pytest.raises(UnavailableError):
        read_piece(line)
