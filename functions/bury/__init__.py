"""Bury: what intake gave up on becomes a dead letter that its tenant's administrators see."""
