"""Handlers that load the embedding model while they initialise: ``infra.bench.loaded.<function>``.

Functions load it at their first question. To measure both together as one cold start, the runtime
is given this module's attribute named like the function instead of the function's own handler.
"""

from __future__ import annotations

import importlib
import importlib.util


def __getattr__(name: str) -> object:
    """Import the function's handler, load its model, return the handler."""
    if name.startswith("__") or importlib.util.find_spec(f"functions.{name}") is None:
        raise AttributeError(name)  # the streaming runtime asks for ``app``, too
    module = importlib.import_module(f"functions.{name}.handler")
    from shared.wiring import app

    app().embedder  # noqa: B018 - the first access loads it
    return module.handler
