"""Lambda entry point of functions/parse_legacy."""

from __future__ import annotations

from functions.edge.reading import reading_handler

handler = reading_handler()
