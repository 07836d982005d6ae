"""What the deployment brings, read from settings; where tenants' own routes may lead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.generation.addresses import check_address, check_provider
from shared.generation.deployment import deployment_limits, deployment_routes
from shared.generation.model import Budget
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.settings import read_settings

ROUTES = [
    {"name": "big", "model": "bedrock/anthropic.claude", "purposes": ["chat"], "tier": 1},
    {"name": "small", "model": "openai/gpt-4o-mini", "key_secret": "kontor-dev-llm-openai"},
]


def test_nothing_is_set_and_nothing_is_there() -> None:
    assert deployment_routes(read_settings({})) == []
    assert deployment_limits(read_settings({})) == []


@pytest.mark.parametrize("is_file", [False, True])
def test_routes_are_read_from_text_or_a_file(tmp_path: Path, is_file: bool) -> None:
    text = json.dumps(ROUTES)
    path = tmp_path / "routes.json"
    path.write_text(text, "utf-8")
    found = deployment_routes(read_settings({"LLM_ROUTES": str(path) if is_file else text}))
    assert [route.name for route in found] == ["big", "small"]
    assert all(route.is_deployments for route in found)
    assert found[0].purposes == ["chat"]


def test_one_model_is_a_route_too_and_its_key_shows_nowhere() -> None:
    settings = read_settings({"LLM_MODEL": "ollama_chat/llama3", "LLM_API_KEY": "sk-hidden"})
    (route,) = deployment_routes(settings)
    assert (route.name, route.model) == ("default", "ollama_chat/llama3")
    assert "sk-hidden" not in repr(route) + repr(settings)


@pytest.mark.parametrize(
    "text",
    ["/no/such/file", "[1]", "[{]", '[{"name": "x"}]', '[{"name": "x", "model": "a/b", "key": 1}]',
     '[{"name": "X Y", "model": "a/b"}]', '[{"name": "x", "model": "nomodel"}]',
     '[{"name": 5, "model": "a/b"}]'],
)  # fmt: skip
def test_what_is_no_route_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        deployment_routes(read_settings({"LLM_ROUTES": text}))
    assert refused.value.detail


def test_limits_are_budgets() -> None:
    settings = read_settings(
        {"LLM_TENANT_TOKENS_PER_MONTH": "1000", "LLM_USER_TOKENS_PER_DAY": "10"}
    )
    assert deployment_limits(settings) == [
        Budget("tenant", "month", 1000, None),
        Budget("user", "day", 10, None),
    ]


@pytest.mark.parametrize(
    "address",
    ["https://93.184.215.14/v1", "http://127.0.0.1:11434", "https://[2606:2800:21f::1]/v1", ""],
)
def test_public_addresses_and_named_hosts_are_allowed(address: str) -> None:
    check_address(address, private_hosts=frozenset({"127.0.0.1"}))


@pytest.mark.parametrize(
    "address",
    ["http://93.184.215.14/v1", "https://127.0.0.1", "https://10.1.2.3", "https://192.168.0.1",
     "https://169.254.169.254/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://0.0.0.0",
     "https://[fd00::1]/", "https://100.64.0.1", "https://224.0.0.1", "https://localhost/",
     "https://2130706433/", "https://0x7f.1/", "https://u:p@93.184.215.14/", "ftp://93.184.215.14",
     "https://", "//93.184.215.14", "https://[::1", "https://93.184.215.14:99999/"],
)  # fmt: skip
def test_addresses_inside_are_refused(address: str) -> None:
    with pytest.raises((InvalidError, UnavailableError)):
        check_address(address, private_hosts=frozenset())


def test_providers_that_the_deployment_pays_are_the_operators() -> None:
    check_provider("openai")
    for provider in ("bedrock", "sagemaker", "vertex_ai", "custom"):
        with pytest.raises(InvalidError, match="operator"):
            check_provider(provider)
