"""Local routing is deployed routing: serverless.yml and the packaged template say the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from infra.deploy.package import GOLDEN, ROOT, SOURCES_HASH, STAGE, sources_hash
from infra.local.model import differences, load_service, load_template

STALE = "The golden template is older than its sources. Run make package (needs Node)."


def test_golden_template_was_made_from_these_sources() -> None:
    assert SOURCES_HASH.read_text("utf-8").strip() == sources_hash(), STALE


def test_routing_read_from_serverless_yml_equals_the_packaged_template() -> None:
    assert differences(load_service(ROOT, STAGE), load_template(GOLDEN)) == []


def test_a_changed_source_makes_the_golden_template_stale(tmp_path: Path) -> None:
    for name in ("serverless.yml", "functions", "layers", "infra"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, tmp_path / name)
    assert sources_hash(tmp_path) == sources_hash()
    manifest = tmp_path / "functions" / "upload" / "function.yml"
    manifest.write_text(manifest.read_text("utf-8") + "# changed\n", "utf-8")
    assert sources_hash(tmp_path) != sources_hash()


def test_a_route_missing_from_the_template_is_noticed(tmp_path: Path) -> None:
    template = json.loads(GOLDEN.read_text("utf-8"))
    resources = template["Resources"]
    route = next(k for k, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::Route")
    del resources[route]
    broken = tmp_path / "template.json"
    broken.write_text(json.dumps(template), "utf-8")
    assert differences(load_service(ROOT, STAGE), load_template(broken))


def test_every_function_has_a_role_of_its_own_without_wildcard_actions() -> None:
    resources = json.loads(GOLDEN.read_text("utf-8"))["Resources"]
    functions = {k: r for k, r in resources.items() if r["Type"] == "AWS::Lambda::Function"}
    roles = [json.dumps(r["Properties"]["Role"]) for r in functions.values()]
    assert len(set(roles)) == len(functions)
    for name, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                listed = actions if isinstance(actions, list) else [actions]
                assert not any("*" in action for action in listed), f"{name}: {listed}"
                assert statement["Resource"] != "*", f"{name}: {listed} on everything"
