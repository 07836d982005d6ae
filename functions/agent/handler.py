"""Lambda entry point of functions/agent."""

from __future__ import annotations

from functions.agent.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("agent")
app.include_router(router)
handler = lambda_handler(app)
