"""Tenant work: exports and erasures, gone on with until they are over."""
