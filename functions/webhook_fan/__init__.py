"""Webhook fan: what happened becomes a delivery for everybody who asked to hear of it."""
