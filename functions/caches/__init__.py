"""HTTP: shows and clears what is cached for a tenant."""
