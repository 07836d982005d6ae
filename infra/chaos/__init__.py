"""Chaos: breaks a running system on purpose and checks that nothing is lost and nothing doubled."""
