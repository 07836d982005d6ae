"""Webhook delivery: one signed request to one receiver, tried until it is taken."""
