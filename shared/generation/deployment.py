"""What the deployment brings for tenants without routes of their own, read from the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from shared.adapters.function_urls import FunctionUrl
from shared.adapters.transport import check_address, named_hosts
from shared.generation.model import Budget, Route, check_route
from shared.kernel.errors import InvalidError
from shared.kernel.settings import Settings

DEFAULT = "default"
"""The route that LLM_MODEL makes; its key is LLM_API_KEY."""
_ON_THE_WAY_S = 5.0
_FIELDS = {field.name for field in fields(Route)} - {"is_deployments"}


def deployment_routes(config: Settings) -> list[Route]:
    """Return the routes in LLM_ROUTES and the one in LLM_MODEL.

    Raises InvalidError for one that is wrong or would send prompts in the clear.
    """
    routes = [_route(entry) for entry in _entries(config.llm_routes)]
    unencrypted = named_hosts(config.unencrypted_hosts)
    for route in routes:
        check_address("LLM_ROUTES", route.api_base, unencrypted=unencrypted)
    if config.llm_model:
        routes.append(
            Route(
                name=DEFAULT,
                model=config.llm_model,
                api_base=config.llm_api_base,
                timeout_s=config.llm_timeout_s,
                is_direct=True,
                is_deployments=True,
            )
        )
    return routes


def deployment_limits(config: Settings) -> list[Budget]:
    """Return the budgets nobody may exceed, whatever a tenant allows itself."""
    limits = []
    if config.llm_tenant_tokens_per_month:
        limits.append(Budget("tenant", "month", config.llm_tenant_tokens_per_month, None))
    if config.llm_user_tokens_per_day:
        limits.append(Budget("user", "day", config.llm_user_tokens_per_day, None))
    return limits


def deployment_url(config: Settings) -> FunctionUrl:
    """Return the address of the function that speaks to language models."""
    return FunctionUrl(
        config.llm_url,
        region=config.storage_region,
        # A little more than the function gives itself: its own words are the better ones.
        first_line_s=config.llm_first_word_s + _ON_THE_WAY_S,
        next_line_s=config.llm_timeout_s,
    )


def _entries(given: str) -> list[Mapping[str, object]]:
    if not given.strip():
        return []
    try:
        text = given if given.lstrip().startswith("[") else Path(given).read_text("utf-8")
        entries = json.loads(text)
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise ValueError("not a list of objects")  # noqa: TRY301 - one sentence for all of it
    except (OSError, ValueError) as error:
        raise InvalidError(
            "LLM_ROUTES is neither a JSON list of routes nor the path of a file with one.",
            hint='Write [{"name": "small", "model": "openai/gpt-4o-mini"}].',
        ) from error
    return entries


def _route(entry: Mapping[str, object]) -> Route:
    unknown = sorted(set(entry) - _FIELDS)
    if unknown or not {"name", "model"} <= set(entry):
        raise InvalidError(
            f"A route in LLM_ROUTES lacks name or model, or has unknown fields: {unknown}.",
            hint=f"Use {', '.join(sorted(_FIELDS))}.",
        )
    try:
        route = Route(**entry, is_deployments=True)  # type: ignore[arg-type]
        check_route(route)
    except (TypeError, AttributeError) as error:
        raise InvalidError("A route in LLM_ROUTES has a field of the wrong type.") from error
    return route
