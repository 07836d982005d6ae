"""The embedder's promises: unit length, right order, own padding, any text at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shared.inference.embedding import QUESTION_FILE, Embedder, Tokenizer, _runs
from shared.inference.registry import MODELS, open_embedder, open_tokenizer, wheel_folder
from shared.kernel.errors import InvalidError, UnavailableError

NAME = "all-MiniLM-L6-v2"
TEXTS = [
    "The contract ends on 31 December 2026.",
    "Die Kündigungsfrist beträgt drei Monate zum Ende eines Kalendermonats.",
    "A cat sleeps.",
    "word " * 400,
    "",
    "Cats are sleeping animals; they rest for up to sixteen hours a day.",
    "x",
    "Preise | 12,50 € | 19 % MwSt",
    "The agreement expires at the end of 2026.",
    "Ein Kater schläft.",
]


def test_rows_have_length_one_and_come_in_the_order_given(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for row, text in enumerate(TEXTS):
        assert float(vectors[row] @ embedder.embed([text])[0]) > 0.9999


def test_a_question_is_close_to_the_passage_of_the_same_words(embedder: Embedder) -> None:
    for text, passage in zip(TEXTS, embedder.embed(TEXTS), strict=True):
        asked = embedder.embed_question(text)
        assert asked.dtype == np.float32
        assert float(np.linalg.norm(asked)) == pytest.approx(1, abs=1e-5)
        assert float(asked @ passage) > (0.99 if len(text.split()) > 1 else 0.97)
        np.testing.assert_array_equal(asked, embedder.embed_question(text))


def test_meaning_beats_spelling(embedder: Embedder) -> None:
    ends, expires, cat = embedder.embed([TEXTS[0], TEXTS[8], TEXTS[2]])
    assert float(ends @ expires) > 0.7 > float(ends @ cat)


def test_neighbours_in_the_batch_do_not_change_a_vector(embedder: Embedder) -> None:
    alone = embedder.embed([TEXTS[1]])[0]
    for others in ([], TEXTS[:1], TEXTS[3:4] * 7, TEXTS * 3):
        together = embedder.embed([*others, TEXTS[1]])[-1]
        assert float(alone @ together) > 0.9999


@pytest.fixture(scope="module")
def coarse(model_dir: Path) -> Embedder:
    return open_embedder(model_dir, NAME, threads=1, arithmetic="int8")


def test_passages_in_int8_lie_beside_their_float32_vectors(
    coarse: Embedder, embedder: Embedder
) -> None:
    vectors, exact = coarse.embed(TEXTS), embedder.embed(TEXTS)
    cosines = (vectors * exact).sum(axis=1)
    assert cosines.min() > 0.97
    assert cosines.mean() > 0.985
    assert not np.array_equal(vectors, exact)  # it is another arithmetic that was used
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_neighbours_change_nothing_in_int8_either(coarse: Embedder) -> None:
    alone = coarse.embed([TEXTS[1]])[0]
    for others in (TEXTS[:1], TEXTS[3:4] * 7, TEXTS * 3):
        assert float(alone @ coarse.embed([*others, TEXTS[1]])[-1]) > 0.9999


def test_questions_are_the_same_whatever_passages_are_computed_in(
    coarse: Embedder, embedder: Embedder
) -> None:
    np.testing.assert_array_equal(
        coarse.embed_question(TEXTS[0]), embedder.embed_question(TEXTS[0])
    )


def test_a_model_that_was_not_built_for_int8_computes_in_float32(
    model_dir: Path, tmp_path: Path, embedder: Embedder
) -> None:
    folder = tmp_path / NAME / embedder.model.revision
    shutil.copytree(model_dir / NAME / embedder.model.revision, folder)
    (folder / QUESTION_FILE).unlink()
    card = json.loads((folder / "model.json").read_text())
    del card["files"][QUESTION_FILE]
    (folder / "model.json").write_text(json.dumps(card))
    plain = open_embedder(tmp_path, NAME, threads=1, arithmetic="int8")
    np.testing.assert_allclose(plain.embed(TEXTS[:3]), embedder.embed(TEXTS[:3]), atol=1e-5)


def test_threads_share_the_texts_and_change_no_vector(model_dir: Path, embedder: Embedder) -> None:
    texts = [f"{text} {number}" for number in range(9) for text in TEXTS]  # embedder has two
    alone = open_embedder(model_dir, NAME, threads=1)
    np.testing.assert_allclose(embedder.embed(texts), alone.embed(texts), atol=1e-6)
    pairs = zip(embedder.read_tokens(texts), alone.read_tokens(texts), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.spans, other.spans)
        np.testing.assert_allclose(one.tokens, other.tokens, atol=1e-6)


def test_texts_of_one_length_share_a_run() -> None:
    assert list(_runs([50, 200, 3, 50, 50, 50], 192)) == [[2, 0, 3], [4, 5], [1]]
    assert list(_runs([], 192)) == []


def test_nothing_to_embed_is_an_empty_matrix(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "\x00\x01",
        "\ud800 lone",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🦜🏳️‍🌈",
        "e\u0301" * 300,
        "א" * 5000,
        "a" * 200_000,
    ],
)
def test_any_text_gets_a_finite_vector(embedder: Embedder, text: str) -> None:
    vector = embedder.embed_question(text)
    assert np.isfinite(vector).all()
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-5)
    assert embedder.count_tokens(text) >= 0


def test_text_is_cut_at_256_tokens_and_not_at_the_files_128(embedder: Embedder) -> None:
    base = "word " * 200
    marked = base + "parrot " * 54
    assert embedder.count_tokens(marked) == embedder.model.content_tokens == 254
    assert float(embedder.embed_question(base) @ embedder.embed_question(marked)) < 0.99
    beyond = marked + "dragon " * 50
    assert float(embedder.embed_question(beyond) @ embedder.embed_question(marked)) > 0.99999


def test_own_cut_equals_the_vendors_truncation(model_dir: Path) -> None:
    from tokenizers import Tokenizer as Vendor

    path = wheel_folder(MODELS[NAME]) / "tokenizer.json"
    vendor = Vendor.from_file(str(path))
    vendor.enable_truncation(256)
    vendor.no_padding()
    ours = open_tokenizer(model_dir, NAME).encode(TEXTS, max_tokens=256)
    assert ours == [vendor.encode(text).ids for text in TEXTS]
    assert len(ours[3]) == 256


def test_tokens_are_counted_uncut_and_without_special_ones(model_dir: Path) -> None:
    tokenizer = open_tokenizer(model_dir, NAME)
    assert tokenizer.count_tokens("") == 0
    assert tokenizer.count_tokens("hello world") == 2
    assert tokenizer.count_tokens("word " * 1000) == 1000


def test_counting_tokens_loads_neither_runtime_nor_torch(model_dir: Path) -> None:
    script = (
        "import sys; from shared.inference.registry import open_tokenizer; "
        f"open_tokenizer({str(model_dir)!r}, {NAME!r}).count_tokens('hello'); "
        "print([m for m in ('onnxruntime', 'onnx', 'numpy', 'torch') if m in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_tokens_are_read_beside_the_text_and_stand_where_they_say(embedder: Embedder) -> None:
    texts = ["The pump was designed by Ingrid Solberg.", "Kündigungsfrist: drei Monate", ""]
    read = embedder.read_tokens(texts)
    wholes = np.array([each.whole for each in read[:2]])
    assert float((wholes * embedder.embed(texts[:2])).sum(axis=1).min()) > 0.99, "int8 is near"
    first = read[0]
    said = [texts[0][start:end] for start, end in first.spans]
    assert said == ["The", "pump", "was", "designed", "by", "Ingrid", "Sol", "berg", "."]
    assert first.tokens.shape == (9, 384)
    np.testing.assert_allclose(np.linalg.norm(first.tokens, axis=1), 1.0, atol=1e-5)
    assert "".join(texts[1][start:end] for start, end in read[1].spans) == texts[1].replace(" ", "")
    assert len(read[2].spans) == len(read[2].tokens) == 0
    # A word is nearest to what means the same.
    asked = embedder.read_tokens(["Who constructed the pump?"])[0].tokens[1]
    assert int((first.tokens @ asked).argmax()) == said.index("designed")


def test_tokens_of_a_long_text_end_where_the_model_stops_reading(embedder: Embedder) -> None:
    read = embedder.read_tokens(["word " * 300])[0]
    assert len(read.spans) == len(read.tokens) == embedder.model.content_tokens
    assert tuple(read.spans[-1]) == (253 * 5, 253 * 5 + 4)


def test_absent_and_broken_tokenizer_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="is not in"):
        Tokenizer(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidError, match="not a tokenizer file"):
        Tokenizer(tmp_path / "tokenizer.json")


def test_sentence_transformers_without_its_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(UnavailableError) as caught:
        open_embedder(tmp_path, NAME, backend="sentence-transformers")
    assert "kontor[sentence-transformers]" in caught.value.hint


def test_sentence_transformers_gives_the_same_vectors(model_dir: Path, embedder: Embedder) -> None:
    pytest.importorskip(
        "sentence_transformers", reason="the extra kontor[sentence-transformers] is not installed"
    )
    other = open_embedder(model_dir, NAME, backend="sentence-transformers")
    assert other.model == embedder.model
    ours, theirs = embedder.embed(TEXTS), other.embed(TEXTS)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=5e-4)
    assert (ours * theirs).sum(axis=1).min() > 0.9999
