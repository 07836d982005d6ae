"""HTTP: sign in and out, who am I, the public keys, and the tenant's people."""
