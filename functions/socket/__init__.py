"""Socket: connections come and go, and choose their topics."""
