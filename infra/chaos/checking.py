"""What must hold after any faults: every upload ended once, every chunk and vector is there once.

The checks read the tables as the database's owner, so row-level security hides nothing from them.
Each is a query for what must not be there; what it finds is a violation, named by its first ids.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import psycopg

LOST, CHUNKS, VECTORS, STATISTICS, STORY = "lost", "chunks", "vectors", "statistics", "story"
_NAMED = 3  # violations named in a sentence; the rest is counted

# kind, what it means for a person, the query for what must not be there
_CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        LOST,
        "uploads were never taken in",
        "SELECT id FROM kontor.uploads WHERE state = 'waiting' AND id = ANY(%(known)s)",
    ),
    (
        LOST,
        "jobs never ended",
        """
        SELECT id FROM kontor.jobs
        WHERE stage NOT IN ('completed', 'failed') AND id = ANY(%(known)s)
        """,
    ),
    (
        LOST,
        "versions never ended",
        """
        SELECT id FROM kontor.versions
        WHERE stage NOT IN ('completed', 'failed') AND removed_at IS NULL
        """,
    ),
    (LOST, "announcements were never sent", "SELECT id FROM kontor.outbox WHERE sent_at IS NULL"),
    (
        LOST,
        "current versions lack chunks or vectors",
        """
        SELECT v.id
        FROM kontor.documents AS d
        JOIN kontor.versions AS v ON v.tenant_id = d.tenant_id AND v.id = d.current_version_id
        WHERE d.removed_at IS NULL AND (
            v.chunk_count = 0
            OR v.chunk_count > (
                SELECT count(DISTINCT c.ordinal) FROM kontor.chunks AS c
                WHERE c.tenant_id = v.tenant_id AND c.version_id = v.id)
            OR v.chunk_count > (
                SELECT count(DISTINCT e.chunk_id) FROM kontor.chunk_vectors AS e
                WHERE e.tenant_id = v.tenant_id AND e.version_id = v.id))
        """,
    ),
    (
        CHUNKS,
        "uploads became more than one version",
        "SELECT job_id FROM kontor.versions GROUP BY tenant_id, job_id HAVING count(*) > 1",
    ),
    (
        CHUNKS,
        "chunks are there more than once",
        """
        SELECT version_id FROM kontor.chunks
        GROUP BY tenant_id, version_id, ordinal HAVING count(*) > 1
        """,
    ),
    (
        CHUNKS,
        "versions have more chunks than were counted",
        """
        SELECT v.id
        FROM kontor.versions AS v
        JOIN kontor.chunks AS c ON c.tenant_id = v.tenant_id AND c.version_id = v.id
        GROUP BY v.tenant_id, v.id, v.chunk_count HAVING count(*) > v.chunk_count
        """,
    ),
    (
        CHUNKS,
        "chunks belong to no current version",
        """
        SELECT c.version_id
        FROM kontor.chunks AS c
        LEFT JOIN kontor.documents AS d
            ON d.tenant_id = c.tenant_id AND d.current_version_id = c.version_id
        WHERE d.id IS NULL OR d.removed_at IS NOT NULL
        GROUP BY c.version_id
        """,
    ),
    (
        VECTORS,
        "versions have more vectors of one model than chunks",
        """
        SELECT v.id
        FROM kontor.versions AS v
        JOIN kontor.chunk_vectors AS e ON e.tenant_id = v.tenant_id AND e.version_id = v.id
        GROUP BY v.tenant_id, v.id, v.chunk_count, e.model_id HAVING count(*) > v.chunk_count
        """,
    ),
    (
        VECTORS,
        "vectors belong to no chunk",
        """
        SELECT e.version_id
        FROM kontor.chunk_vectors AS e
        LEFT JOIN kontor.chunks AS c ON c.tenant_id = e.tenant_id AND c.id = e.chunk_id
        WHERE c.id IS NULL GROUP BY e.version_id
        """,
    ),
    (
        STATISTICS,
        "words are counted wrongly",
        """
        SELECT coalesce(s.lexeme, k.lexeme)
        FROM kontor.lexeme_statistics AS s
        FULL JOIN (
            SELECT c.tenant_id, c.language, l.lexeme, count(*) AS chunk_count
            FROM kontor.chunks AS c
            CROSS JOIN LATERAL unnest(tsvector_to_array(c.lexemes)) AS l (lexeme)
            GROUP BY c.tenant_id, c.language, l.lexeme
        ) AS k ON k.tenant_id = s.tenant_id AND k.language = s.language AND k.lexeme = s.lexeme
        WHERE s.chunk_count IS DISTINCT FROM k.chunk_count
        """,
    ),
    (
        STATISTICS,
        "corpora are counted wrongly",
        """
        SELECT coalesce(s.language, k.language)
        FROM kontor.corpus_statistics AS s
        FULL JOIN (
            SELECT tenant_id, language, count(*) AS chunk_count, sum(lexeme_count) AS lexeme_count
            FROM kontor.chunks GROUP BY tenant_id, language
        ) AS k ON k.tenant_id = s.tenant_id AND k.language = s.language
        WHERE s.chunk_count IS DISTINCT FROM k.chunk_count
            OR s.lexeme_count IS DISTINCT FROM k.lexeme_count
        """,
    ),
    (
        STORY,
        "jobs announced their end more than once",
        """
        SELECT job_id FROM kontor.job_events WHERE stage IN ('completed', 'failed')
        GROUP BY tenant_id, job_id HAVING count(*) > 1
        """,
    ),
    (
        STORY,
        "jobs tell another end than their version",
        """
        SELECT j.id
        FROM kontor.jobs AS j
        JOIN kontor.versions AS v ON v.tenant_id = j.tenant_id AND v.job_id = j.id
        WHERE j.stage <> v.stage AND v.removed_at IS NULL
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that does not hold: its kind, how often, and a sentence that names examples."""

    kind: str
    count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must become of uploads: ``good`` completed, ``poison`` failed, ``either`` just ended."""

    good: Collection[UUID]
    poison: Collection[UUID] = ()
    either: Collection[UUID] = ()


def find_violations(
    connection: psycopg.Connection[tuple[object, ...]], expected: Expectation
) -> list[Violation]:
    """Check everything; ``connection`` is the owner's. An empty list means: all is well.

    Only uploads that are expected must have ended: one that its client saw fail may wait for bytes
    that never come until it expires.
    """
    known = {"known": [*expected.good, *expected.poison, *expected.either]}
    found = []
    for kind, meaning, query in _CHECKS:
        rows = [str(row[0]) for row in connection.execute(query.encode(), known)]
        if rows:
            found.append(_violation(kind, meaning, rows))
    return found + _wrong_ends(connection, expected)


def count_unfinished(
    connection: psycopg.Connection[tuple[object, ...]], known: Collection[UUID]
) -> int:
    """Count known jobs under way and announcements not sent yet: zero means all is drained."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM kontor.jobs"
        " WHERE stage NOT IN ('completed', 'failed') AND id = ANY(%s))"
        " + (SELECT count(*) FROM kontor.outbox WHERE sent_at IS NULL)",
        (list(known),),
    ).fetchone()
    assert row is not None
    return int(str(row[0]))


def _wrong_ends(
    connection: psycopg.Connection[tuple[object, ...]], expected: Expectation
) -> list[Violation]:
    ends = {
        UUID(str(job_id)): (str(stage), str(detail))
        for job_id, stage, detail in connection.execute("SELECT id, stage, detail FROM kontor.jobs")
    }
    gone = [str(job) for job in (*expected.good, *expected.poison) if job not in ends]
    broken = [
        f"{job} ({ends[job][1]})"
        for job in expected.good
        if job in ends and ends[job][0] == "failed"
    ]
    accepted = [str(job) for job in expected.poison if job in ends and ends[job][0] == "completed"]
    return [
        _violation(LOST, meaning, names)
        for meaning, names in (
            ("uploads left no job", gone),
            ("good files failed", broken),
            ("poison was taken for good", accepted),
        )
        if names
    ]


def _violation(kind: str, meaning: str, names: list[str]) -> Violation:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return Violation(kind, len(names), f"{len(names)} {meaning}: {', '.join(names[:_NAMED])}{more}")
