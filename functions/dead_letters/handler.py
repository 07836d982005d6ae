"""The Lambda entry of dead letters."""

from __future__ import annotations

from functions.dead_letters.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("Dead letters")
app.include_router(router)
handler = lambda_handler(app)
