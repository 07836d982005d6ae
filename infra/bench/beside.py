"""Tenants whose rows lie in the same partition: what a small one has of a giant beside it."""

from __future__ import annotations

from itertools import count

import psycopg

from shared.kernel.ids import TenantId, new_id

PARTITIONS = 8
"""Of each table that holds chunks or their vectors; a tenant's part has one number in all."""


def tenant_beside(owner: str, slug: str) -> TenantId:
    """Add a tenant whose rows share their partition with every other one made here."""
    with psycopg.connect(owner) as connection:
        for tenant in (TenantId(new_id()) for _ in count()):
            row = connection.execute(
                "SELECT satisfies_hash_partition('kontor.chunks'::regclass, %s, 3, %s::uuid)",
                (PARTITIONS, tenant),
            ).fetchone()
            if row and row[0]:
                connection.execute(
                    "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, %s, %s)",
                    (tenant, slug, slug),
                )
                return tenant
    raise AssertionError("a hash that never falls into a partition")
