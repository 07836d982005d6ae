"""Lambda entry point of functions/query."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.query import discovery_routes, routes, saved_routes

app = make_app("query")
app.include_router(routes.router)
app.include_router(discovery_routes.router)
app.include_router(saved_routes.router)
handler = lambda_handler(app)
