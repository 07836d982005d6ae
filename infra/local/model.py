"""The routing model's front door: read it from serverless.yml or a packaged template, compare."""

from __future__ import annotations

from infra.local.cloudformation import load_template
from infra.local.parity import differences
from infra.local.routing import RoutingModel
from infra.local.serverless import load_service

__all__ = ["RoutingModel", "differences", "load_service", "load_template"]
