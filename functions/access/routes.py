"""Routes of access, by what they are about."""

from __future__ import annotations

from fastapi import APIRouter

from functions.access import (
    grant_routes,
    group_routes,
    people_routes,
    role_routes,
    share_routes,
    visit_routes,
)

router = APIRouter(tags=["access"])
for part in (role_routes, people_routes, group_routes, grant_routes, share_routes, visit_routes):
    router.include_router(part.router)
