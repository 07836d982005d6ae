"""An operator's own models: built from a folder, known to every process, never mixed up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from infra.deploy.added_model import Wish, add_model, examine, has_extra, name_of
from infra.deploy.prefixes import E5, NONE, Pair, best_prefixes, read_pairs
from shared.inference.cards import list_cards
from shared.inference.model import EmbeddingModel, Prefixes
from shared.inference.registry import find_model, open_embedder, open_tokenizer
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from tests.unit.inference.folders import WIDTH, write, write_folder

TEXTS = ["Wie lange ist die Frist?", "The lease of the garden.", "", "price " * 100]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "tiny-model")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_folder_becomes_a_model_that_opens_by_its_name(folder: Path, models: Path) -> None:
    card = add_model(folder, models, Wish())
    assert (card.model.name, card.model.dimension, card.model.max_tokens) == ("tiny-model", 16, 48)
    embedder = open_embedder(models, "tiny-model", threads=1)
    assert embedder.model == card.model == find_model(models, "tiny-model")
    vectors = embedder.embed(TEXTS)
    np.testing.assert_allclose((vectors**2).sum(1), 1, atol=1e-5)
    assert abs(float(vectors[0] @ vectors[1])) < 0.999
    assert open_tokenizer(models, "tiny-model").count_tokens("the lease ends") > 2
    assert [each.model for each in list_cards(models)] == [card.model]


def test_building_again_leaves_it_alone_and_other_weights_need_another_name(
    folder: Path, models: Path, tmp_path: Path
) -> None:
    first = add_model(folder, models, Wish())
    before = (first.folder / "model.onnx").stat().st_mtime_ns
    said: list[str] = []
    assert add_model(folder, models, Wish(), progress=said.append) == first
    assert (first.folder / "model.onnx").stat().st_mtime_ns == before
    assert said[-1] == "tiny-model was built before."
    other = write_folder(tmp_path / "other", seed=8)
    with pytest.raises(ConflictError, match="another model tiny-model"):
        add_model(other, models, Wish(name="tiny-model"))
    second = add_model(other, models, Wish(name="tiny-two"))
    assert second.model.revision != first.model.revision
    assert sorted(each.name for each in (models / "tiny-model").iterdir()) == [first.model.revision]


def test_first_token_pooling_and_a_dense_layer_change_the_vectors(
    folder: Path, models: Path, tmp_path: Path
) -> None:
    add_model(folder, models, Wish())
    by_cls = write_folder(tmp_path / "by-cls", pooling="pooling_mode_cls_token")
    dense = write_folder(tmp_path / "dense", dense=8)
    add_model(by_cls, models, Wish())
    assert add_model(dense, models, Wish()).model.dimension == 8
    plain, first, narrow = (
        open_embedder(models, name, threads=1).embed(TEXTS)
        for name in ("tiny-model", "by-cls", "dense")
    )
    assert narrow.shape == (4, 8)
    assert float((plain * first).sum(1)[0]) < 0.999


def test_weights_saved_inside_another_model_are_found(models: Path, tmp_path: Path) -> None:
    plain = write_folder(tmp_path / "plain")
    wrapped = write_folder(tmp_path / "wrapped", prefix="bert.")
    for each in (plain, wrapped):
        add_model(each, models, Wish())
    vectors = [open_embedder(models, n, threads=1).embed(TEXTS) for n in ("plain", "wrapped")]
    np.testing.assert_array_equal(*vectors)


def test_prompts_of_the_folder_are_put_before_questions_and_passages(
    models: Path, tmp_path: Path
) -> None:
    prompts = {"query": "query: ", "document": "passage: "}
    asking = write_folder(tmp_path / "asking", prompts=prompts)
    card = add_model(asking, models, Wish())
    assert (card.prefixes, card.facts["prefixes_by"]) == (E5, "folder")
    assert card.model.content_tokens == 48 - 2 - 2
    bare = write_folder(tmp_path / "bare")
    add_model(bare, models, Wish())
    with_prompts = open_embedder(models, "asking", threads=1)
    without = open_embedder(models, "bare", threads=1)
    np.testing.assert_array_equal(
        with_prompts.embed_question("wie lange"), without.embed_question("query: wie lange")
    )
    np.testing.assert_array_equal(
        with_prompts.embed(["die frist"]), without.embed(["passage: die frist"])
    )


def test_the_operator_and_an_e5_name_decide_prefixes_too(models: Path, tmp_path: Path) -> None:
    named = add_model(write_folder(tmp_path / "multilingual-e5-tiny"), models, Wish())
    assert (named.prefixes, named.facts["prefixes_by"]) == (E5, "name")
    given = Wish(name="mine", prefixes=Prefixes("was ", ""))
    card = add_model(write_folder(tmp_path / "x-e5"), models, given)
    assert (card.prefixes.query, card.facts["prefixes_by"]) == ("was ", "operator")


class Wanting:
    """A model that matches a question to its passage only behind the right prefixes."""

    model = EmbeddingModel("wanting", 64, "1", 64)

    def __init__(self, wanted: Prefixes) -> None:
        self._wanted = wanted

    def embed(self, texts: list[str]) -> np.ndarray:
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            is_known = text.startswith((self._wanted.query, self._wanted.passage))
            row[int(text.rsplit(" ", 1)[1]) if is_known else 63] = 1
        return rows


def test_prefixes_are_measured_on_pairs(tmp_path: Path) -> None:
    pairs = [Pair(f"question {n}", f"answer {n}") for n in range(30)]
    assert best_prefixes(Wanting(E5), pairs) == E5  # type: ignore[arg-type]
    assert best_prefixes(Wanting(NONE), pairs) == NONE  # type: ignore[arg-type]
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{pair.question}\t{pair.passage}\n" for pair in pairs))
    assert read_pairs(file) == pairs
    file.write_text('{"question": "a", "passage": "b"}\n' * 20)
    assert read_pairs(file)[0] == Pair("a", "b")
    file.write_text("only a question\n" * 20)
    with pytest.raises(InvalidError, match="line 1"):
        read_pairs(file)
    file.write_text("a\tb\n")
    with pytest.raises(InvalidError, match="1 pairs"):
        read_pairs(file)
    with pytest.raises(NotFoundError):
        read_pairs(tmp_path / "nowhere.tsv")


def test_what_cannot_be_built_is_named(models: Path, tmp_path: Path) -> None:
    cases = {
        "decoder": {"model_type": "llama"},
        "rotary": {"position_embedding_type": "rotary"},
        "silu": {"hidden_act": "silu"},
        "odd": {"num_attention_heads": 3},
    }
    for name, config in cases.items():
        with pytest.raises(InvalidError, match="model"):
            add_model(write_folder(tmp_path / name, **config), models, Wish())  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match="pools by"):
        pooled = write_folder(tmp_path / "max", pooling="pooling_mode_max_tokens")
        add_model(pooled, models, Wish())
    strange = write_folder(tmp_path / "strange")
    listed = json.loads((strange / "modules.json").read_text())
    listed.append({"idx": 3, "path": "3_CNN", "type": "sentence_transformers.models.CNN"})
    (strange / "modules.json").write_text(json.dumps(listed))
    with pytest.raises(InvalidError, match="'CNN'"):
        add_model(strange, models, Wish())
    assert list_cards(models) == []


def test_missing_and_damaged_files_are_named(models: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        add_model(tmp_path / "nowhere", models, Wish())
    without = write_folder(tmp_path / "without")
    (without / "tokenizer.json").unlink()
    with pytest.raises(InvalidError, match=r"no tokenizer\.json"):
        add_model(without, models, Wish())
    pickled = write_folder(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(UnavailableError) as caught:
        add_model(pickled, models, Wish())
    assert "safe serialization" in caught.value.hint
    torn = write_folder(tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InvalidError, match="cannot be read"):
        add_model(torn, models, Wish())
    broken = write_folder(tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][:] = np.nan
    save_file(weights, broken / "model.safetensors")
    with pytest.raises(InvalidError, match="not of length 1"):
        add_model(broken, models, Wish())
    assert [path for path in models.rglob("*") if path.is_file()] == []


def test_the_name_is_checked_and_the_built_in_one_is_kept(folder: Path, models: Path) -> None:
    with pytest.raises(ConflictError, match="comes with Kontor"):
        add_model(folder, models, Wish(name="all-MiniLM-L6-v2"))
    with pytest.raises(InvalidError, match="cannot name"):
        add_model(folder, models, Wish(name="../up"))
    snapshot = folder.parent / "models--intfloat--multilingual-e5-small" / "snapshots" / "ab12"
    assert name_of(snapshot) == "multilingual-e5-small"


def test_how_much_it_reads_can_be_chosen_within_its_positions(folder: Path, models: Path) -> None:
    assert add_model(folder, models, Wish(max_tokens=64)).model.max_tokens == 64
    with pytest.raises(InvalidError, match="16 to 64 tokens, not 65"):
        add_model(folder, models, Wish(name="more", max_tokens=65))


def test_a_known_name_is_read_from_its_card_once_it_was_built(models: Path, tmp_path: Path) -> None:
    name = "all-mpnet-base-v2"
    with pytest.raises(UnavailableError) as absent:
        open_embedder(models, name)
    assert "kontor model add" in absent.value.hint
    assert find_model(models, name).dimension == 768
    add_model(write_folder(tmp_path / name), models, Wish())
    assert open_embedder(models, name, threads=1).model.dimension == WIDTH


def test_two_builds_side_by_side_are_refused(folder: Path, models: Path) -> None:
    card = add_model(folder, models, Wish())
    shutil.copytree(card.folder, card.folder.parent / "older")
    with pytest.raises(InvalidError, match="holds 2 builds"):
        open_embedder(models, "tiny-model")


def test_a_check_notices_other_bytes_and_a_half_copied_file(folder: Path, models: Path) -> None:
    card = add_model(folder, models, Wish())
    assert examine(card) is None
    content = bytearray((card.folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (card.folder / "model.onnx").write_bytes(content)
    with pytest.raises(InvalidError, match="not those that were built"):
        examine(card)
    (card.folder / "model.onnx").write_bytes(content[:-1])
    with pytest.raises(UnavailableError, match="incomplete"):
        open_embedder(models, "tiny-model")


def test_without_the_extra_only_the_comparison_is_refused(
    folder: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.deploy.added_model.importlib.util.find_spec", lambda _name: None)
    card = add_model(folder, models, Wish())
    assert card.facts["parity"] is None
    with pytest.raises(UnavailableError) as caught:
        examine(card, folder)
    assert "kontor[sentence-transformers]" in caught.value.hint


def test_the_original_agrees(folder: Path, models: Path, tmp_path: Path) -> None:
    if not has_extra():
        pytest.skip("the extra kontor[sentence-transformers] is not installed")
    card = add_model(folder, models, Wish())
    assert float(str(card.facts["parity"])) > 0.9999
    with pytest.raises(InvalidError, match="differ from the original"):
        examine(card, write_folder(tmp_path / "other", seed=9))


def test_a_card_without_its_facts_is_damaged(folder: Path, models: Path) -> None:
    card = add_model(folder, models, Wish())
    write(card.folder / "model.json", {"name": "tiny-model"})
    with pytest.raises(InvalidError, match="damaged"):
        open_embedder(models, "tiny-model")
    assert list_cards(models) == []
