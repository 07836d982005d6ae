"""Keeping order: versions, diff, get, trash, restore, erase, mv, set, tags, collections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")
AT = "2026-11-20T10:00:00+00:00"


@pytest.fixture
def lease(kontor: FakeKontor) -> str:
    return kontor.add_document("Lease")


def removed(kontor: FakeKontor, title: str) -> str:
    document_id = str(uuid4())
    row = {
        "id": document_id, "title": title, "folder": "old", "size_bytes": 9,
        "removed_at": AT, "erased_at": AT,
    }  # fmt: skip
    kontor.answers["GET", "/trash"] = {"items": [row], "next_cursor": None}
    return document_id


def sent(kontor: FakeKontor, method: str) -> list[tuple[str, dict[str, object]]]:
    return [(path, said) for verb, path, said in kontor.requests if verb == method]


def test_versions_show_which_one_is_searched(cli: Cli, kontor: FakeKontor, lease: str) -> None:
    rows = [
        {
            "number": n,
            "stage": "completed",
            "filename": "a.md",
            "sha256": "ab" * 32,
            "parser": "x 1",
        }
        for n in (2, 1)
    ]
    kontor.answers["GET", f"/documents/{lease}/versions"] = {"items": rows, "current": 1}
    done = cli("versions", "lease")
    assert "* 1" in done.out
    assert "* 2" not in done.out
    assert "abababab" in done.out


def test_a_difference_is_marked_word_by_word(cli: Cli, kontor: FakeKontor, lease: str) -> None:
    pieces = [
        {"kind": "equal", "text": "ends in "},
        {"kind": "removed", "text": "2026"},
        {"kind": "added", "text": "2031\x1b[31m"},
    ]
    change = {"kind": "changed", "heading_path": ["Lease", "Term"], "pieces": pieces}
    kontor.answers["GET", f"/documents/{lease}/diff"] = {
        "changes": [change], "changed": 1, "added": 0, "removed": 0, "words_added": 1,
        "words_removed": 1, "similarity": 0.9, "unified": "--- version 1\n+new\n",
    }  # fmt: skip
    done = cli("diff", lease, "1", "2")
    assert done.out.splitlines() == [
        "Lease › Term",
        "~ ends in [-2026-][+2031[31m+]",
        "1 changed, 0 added, 0 removed; 1 word added, 1 word removed; 90% the same",
    ]
    assert "+new" in cli("diff", lease, "1", "2", "--unified").out
    assert sent(kontor, "GET")[-1][1]["form"] == "unified"
    only_one = cli("diff", lease)
    assert only_one.code == 65
    assert "one version only" in only_one.err


def test_a_file_is_downloaded_under_its_own_name_and_never_over_another(
    cli: Cli, kontor: FakeKontor, lease: str, tmp_path: Path
) -> None:
    address = {"url": f"{kontor.url}/stored/x", "expires_in": 300}
    kontor.answers["GET", f"/documents/{lease}/download"] = address
    done = cli("get", lease, "--out", str(tmp_path), "--version", "2", "--as", "text")
    assert (tmp_path / "lease.md").read_bytes() == b"the file"
    assert "lease.md  8 B" in done.out
    assert sent(kontor, "GET")[-1][1] == {"version": "2", "form": "text"}
    again = cli("get", lease, "--out", str(tmp_path))
    assert again.code == 65
    assert "there already" in again.err
    assert cli("get", lease, "-o", str(tmp_path / "b.md"), "--json").code == 0


def test_the_trash_is_listed_and_restored_from(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers["GET", "/trash"] = {"items": [], "next_cursor": None}
    assert cli("trash").out == "The trash is empty.\n"
    document_id = removed(kontor, "Akte")
    assert "old/Akte" in cli("trash").out
    kontor.answers["POST", f"/trash/{document_id}/restore"] = {"stage": "uploaded"}
    assert cli("restore", "akte").out.startswith("Akte is on its way back")
    assert cli("restore", "nothing").code == 66


def test_a_version_is_gone_back_to(cli: Cli, kontor: FakeKontor, lease: str) -> None:
    kontor.answers["POST", f"/documents/{lease}/versions/1/restore"] = {"stage": "completed"}
    assert cli("restore", "lease", "1").out == "Lease, version 1 is the current version already.\n"


def test_erasing_asks_first_and_finds_what_is_in_the_trash(
    cli: Cli, kontor: FakeKontor, lease: str
) -> None:
    removed(kontor, "Akte")
    assert cli("erase", "lease", "akte").code == 65
    assert cli("erase", "lease", "nothing", "--yes").code == 66
    assert lease in kontor.documents
    assert cli("erase", "lease", "--yes").out == "erased Lease\n"
    assert lease not in kontor.documents


def test_documents_and_folders_are_moved_as_mv_does(
    cli: Cli, kontor: FakeKontor, lease: str
) -> None:
    folders = [{"id": "f1", "name": "a", "path": "a"}, {"id": "f2", "name": "b", "path": "b"}]
    kontor.answers["GET", "/folders"] = {"items": folders, "next_cursor": None}
    kontor.answers["PATCH", "/folders/f1"] = {"path": "moved"}
    cli("mv", "a", "archive/2026")
    cli("mv", "a/", "b")
    cli("mv", "a", "/")
    assert [said for _, said in sent(kontor, "PATCH")] == [
        {"path": "archive/2026"}, {"path": "b/a"}, {"path": "a"},
    ]  # fmt: skip
    assert cli("mv", "lease", "x/y").out == "moved to x/y/Lease\n"
    assert cli("mv", "lease").code == 65


def test_what_is_said_of_a_document_is_changed_in_part(
    cli: Cli, kontor: FakeKontor, lease: str
) -> None:
    done = cli("set", "lease", "--tag", "signed", "-m", "year=2026", "--unset", "who", "--json")
    assert json.loads(done.out)["id"] == lease
    changed = kontor.documents[lease]
    assert changed["add_tags"] == ["signed"]
    assert changed["metadata"] == {"year": "2026", "who": None}
    assert "remove_tags" not in changed
    assert cli("set", "lease").code == 65


def test_tags_are_listed(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers["GET", "/tags"] = {"items": [{"tag": "signed", "document_count": 2}]}
    assert cli("tags").out == "#signed  2 documents\n"


def test_collections_are_made_filled_listed_and_removed(
    cli: Cli, kontor: FakeKontor, lease: str
) -> None:
    board = {"id": "c1", "name": "Board", "description": "Papers", "document_count": 1}
    kontor.answers |= {
        ("POST", "/collections"): board,
        ("GET", "/collections"): {"items": [board], "next_cursor": None},
        ("POST", "/collections/c1/documents"): {"added": 1},
        ("DELETE", "/collections/c1"): {},
        ("DELETE", f"/collections/c1/documents/{lease}"): {},
    }
    assert cli("collection", "add", "Board").out.startswith("made Board")
    assert cli("collection", "ls").out == "Board  1 document  Papers\n"
    assert cli("collection", "put", "board", "lease").out == "put 1 document into Board\n"
    assert sent(kontor, "POST")[-1][1] == {"document_ids": [lease]}
    assert cli("collection", "take", "board", "lease").code == 0
    assert cli("collection", "rm", "Board").out == "removed Board; its documents stay\n"
    assert cli("collection", "rm", "Nothing").code == 66
    cli("search", "hedge", "--collection", "board", "--tag", "signed")
    assert kontor.bodies[-1]["filters"] == {"collection": "c1", "tags": ["signed"]}


def test_folders_are_removed_with_all_that_is_in_them(cli: Cli, kontor: FakeKontor) -> None:
    folder = {"id": "f1", "name": "a", "path": "a"}
    kontor.answers["GET", "/folders"] = {"items": [folder], "next_cursor": None}
    kontor.answers["DELETE", "/folders/f1"] = {"removed_documents": 3, "is_complete": True}
    assert cli("rm", "-r", "a/").code == 65
    assert cli("rm", "-r", "a/", "--yes").out == "removed a/ with 3 documents\n"
    assert sent(kontor, "DELETE") == [("/folders/f1", {"recursive": "true"})]
    assert cli("rm", "-r", "b", "--yes").code == 66


def test_a_put_may_replace_the_file_of_the_same_name(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("one")
    assert cli("put", str(tmp_path / "a.txt"), "--replace", "-m", "year=2026").code == 0
    assert kontor.bodies[-1]["on_conflict"] == "version"
