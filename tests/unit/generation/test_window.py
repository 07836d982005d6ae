"""The context window: what stays, what goes first, and when nothing helps."""

from __future__ import annotations

import pytest

from shared.generation.window import count_roughly, estimate_tokens, fit, may_exceed
from shared.kernel.errors import InvalidError

SYSTEM = {"role": "system", "content": "Regeln."}
ASK = {"role": "user", "content": "Frage?"}


def turn(role: str, size: int, **fields: object) -> dict[str, object]:
    return {"role": role, "content": "x" * size, **fields}


def test_what_fits_stays_as_it_is() -> None:
    messages = [SYSTEM, turn("user", 40), turn("assistant", 40), ASK]
    assert fit(messages, 1000, count=count_roughly) == messages


def test_the_oldest_turns_go_first_question_and_answer_together() -> None:
    messages = [SYSTEM, turn("user", 400), turn("assistant", 400), turn("user", 40),
                turn("assistant", 40), ASK]  # fmt: skip
    kept = fit(messages, 100, count=count_roughly)
    assert kept == [SYSTEM, *messages[3:]]


def test_a_tools_answer_stays_with_the_call_it_answers() -> None:
    call = turn("assistant", 0, tool_calls=[{"id": "1", "function": {"name": "x" * 200}}])
    last = [ASK, call, {"role": "tool", "tool_call_id": "1", "content": "18 Grad"}]
    messages = [SYSTEM, turn("user", 900), turn("assistant", 900), *last]
    assert fit(messages, 200, count=count_roughly) == [SYSTEM, *last]


def test_then_the_last_passages_go_and_the_question_stays() -> None:
    passages = [f'<passage number="{n}" from="a">\n{"x" * 200}\n</passage>' for n in (1, 2, 3)]
    asked = {"role": "user", "content": "Passages:\n" + "\n".join(passages) + "\n\nQuestion: ?"}
    (_, kept) = fit([SYSTEM, asked], 120, count=count_roughly)
    assert 'number="1"' in str(kept["content"])
    assert 'number="2"' not in str(kept["content"])
    assert str(kept["content"]).endswith("Question: ?")


def test_a_question_that_alone_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidError, match="longer than the 50 tokens"):
        fit([SYSTEM, turn("user", 9000)], 50, count=count_roughly)


def test_counting_exactly_is_only_worth_it_near_the_limit() -> None:
    assert not may_exceed([turn("user", 100)], 60)
    assert may_exceed([turn("user", 200)], 60)


def test_estimates_lie_near_a_real_tokenizer() -> None:
    from shared.generation.providers import load_litellm
    from tests.unit.answering.library import HANDBOOK, LEASE

    for text in (LEASE, HANDBOOK):
        exact = load_litellm().token_counter(model="gpt-4o-mini", text=text)
        assert 0.7 < estimate_tokens(text) / exact < 1.4
        assert estimate_tokens(text, chars_per_token=2.0) > exact
