"""The API's description of today, built once for all tests of a process: it takes a second."""

from __future__ import annotations

from functools import cache
from typing import Any

from infra.deploy.openapi import describe


@cache
def described() -> dict[str, Any]:
    """Return the description; whoever changes it copies it first."""
    return describe()
