"""Why a hit ranks where it does, in a few lines that people read."""

from __future__ import annotations

from collections.abc import Mapping

MOST_TERMS = 6
KINDS = {
    "part": "part of {word}",
    "compound": "compound of {word}",
    "neighbour": "for {word}",
}


def lines_of(result: Mapping[str, object]) -> list[str]:
    """Write a hit's explanation: what meaning, words, letters, title and exact matches add.

    Each line says how much of the mix it is, how near the hit comes to the best candidate in it,
    and which place that is. Nothing is said about what adds nothing.
    """
    from infra.cli.terminal import names_of, number_of

    body = result.get("explanation")
    if not isinstance(body, dict):
        return []
    dense = number_of(body, "dense_weight")
    grams = number_of(body, "gram_weight")
    lines = [f"likely to help   {number_of(result, 'similarity'):.2f}"]
    lines += _arm("meaning", dense, body, "dense", f"cosine {_score(result, 'dense_score')}")
    words = (1 - dense) * (1 - grams)
    lines += _arm("words", words, body, "lexical", _terms(body))
    lines += _arm("letters", (1 - dense) * grams, body, "gram", "groups of four")
    if title := number_of(body, "title_share"):
        lines.append(f"of it in title   {title:.2f}")
    if exact := number_of(body, "exact_share"):
        named = ", ".join(names_of(body, "exact"))
        lines.append(f"exactly          1.00 × {exact:.2f}         {named}")
    return lines


def _arm(
    name: str, weight: float, body: Mapping[str, object], field: str, detail: str
) -> list[str]:
    from infra.cli.terminal import number_of

    share = number_of(body, f"{field}_share")
    if not weight or not share:
        return []
    place = f"#{number_of(body, f'{field}_rank'):.0f}"
    return [f"{name:<16} {weight:.2f} × {share:.2f}  {place:<6} {detail}".rstrip()]


def _terms(body: Mapping[str, object]) -> str:
    from infra.cli.terminal import list_of, number_of, text_of

    terms = list_of(body, "terms")
    said = []
    for term in terms[:MOST_TERMS]:
        often = number_of(term, "frequency")
        said.append(
            f"{text_of(term, 'lexeme')} {number_of(term, 'score'):.1f}"
            + (f" (×{often:.0f})" if often > 1 else "")
            + _kind(text_of(term, "kind"), text_of(term, "word"))
        )
    rest = len(terms) - MOST_TERMS
    return ", ".join(said) + (f", and {rest} more" if rest > 0 else "")


def _kind(kind: str, word: str) -> str:
    said = KINDS.get(kind)
    return f" [{said.format(word=word)}]" if said else ""


def _score(result: Mapping[str, object], name: str) -> str:
    from infra.cli.terminal import number_of

    return f"{number_of(result, name):.2f}"
