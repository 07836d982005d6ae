"""Lambda entry point of functions/evaluation."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.evaluation.routes import router

app = make_app("evaluation")
app.include_router(router)
handler = lambda_handler(app)
