"""Agents over HTTP: begin a run, go on with it, answer what it asks, look at it."""
