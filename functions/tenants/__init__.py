"""HTTP: a tenant's usage, exports and end; what is known of one person, and its erasure."""
