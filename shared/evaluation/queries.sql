-- :name find_answer :one AnswerRow
-- An answer that was given to the user; nobody judges somebody else's.
SELECT m.id
FROM kontor.messages AS m
JOIN kontor.conversations AS v ON v.tenant_id = %(tenant_id)s AND v.id = m.conversation_id
WHERE m.tenant_id = %(tenant_id)s AND m.id = %(message_id)s AND m.role = 'assistant'
    AND v.user_id = %(user_id)s;

-- :name find_place :one PlaceRow
-- A document that is there, and whether the version is one of its own.
SELECT d.id AS document_id, (
    d.current_version_id = %(version_id)s::uuid OR EXISTS (
        SELECT 1 FROM kontor.versions AS v
        WHERE v.tenant_id = %(tenant_id)s AND v.id = %(version_id)s::uuid
            AND v.document_id = d.id
    )
) IS TRUE AS is_its_version
FROM kontor.documents AS d
WHERE d.tenant_id = %(tenant_id)s AND d.id = %(document_id)s AND d.removed_at IS NULL;

-- :name record_feedback :exec
-- One opinion per person and answer: the last one holds.
INSERT INTO kontor.message_feedback AS f (
    tenant_id, message_id, user_id, verdict, reason, comment, document_id, version_id, span_start,
    span_end
)
VALUES (
    %(tenant_id)s, %(message_id)s, %(user_id)s, %(verdict)s, %(reason)s, %(comment)s,
    %(document_id)s, %(version_id)s, %(span_start)s, %(span_end)s
)
ON CONFLICT (tenant_id, message_id, user_id) DO UPDATE SET
    verdict = excluded.verdict, reason = excluded.reason, comment = excluded.comment,
    document_id = excluded.document_id, version_id = excluded.version_id,
    span_start = excluded.span_start, span_end = excluded.span_end, updated_at = now();

-- :name remove_feedback :exec
-- The person takes it back.
DELETE FROM kontor.message_feedback
WHERE tenant_id = %(tenant_id)s AND message_id = %(message_id)s AND user_id = %(user_id)s;

-- :name list_feedback :many Feedback
-- The last opinions first, each with what was asked and answered; an answer that rests on what the
-- reader of the list may not see keeps its words back.
SELECT f.message_id, f.user_id, f.verdict, f.reason, f.comment, f.document_id, f.version_id,
    f.span_start, f.span_end, q.content AS question,
    CASE WHEN (SELECT kontor.sees_all()) OR NOT kontor.cites_hidden(m.id)
        THEN m.content ELSE '' END AS answer, f.updated_at
FROM kontor.message_feedback AS f
JOIN kontor.messages AS m ON m.tenant_id = %(tenant_id)s AND m.id = f.message_id
CROSS JOIN LATERAL (
    SELECT p.content
    FROM kontor.messages AS p
    WHERE p.tenant_id = %(tenant_id)s AND p.id = m.parent_id AND p.role = 'user'
    LIMIT 1
) AS q
WHERE f.tenant_id = %(tenant_id)s
    AND (%(verdict)s::text IS NULL OR f.verdict = %(verdict)s::text)
    AND (
        %(before)s::timestamptz IS NULL
        OR (f.updated_at, f.message_id, f.user_id)
            < (%(before)s::timestamptz, %(before_message)s::uuid, %(before_user)s::uuid)
    )
ORDER BY f.updated_at DESC, f.message_id DESC, f.user_id DESC
LIMIT %(limit)s;

-- :name list_golds :many GoldRow
-- The sources that confirmed answers cite and the places that corrections name, one row each, of
-- the last opinions; documents that are gone, or in the trash, can no longer be found and are out.
WITH judged AS (
    SELECT f.message_id, f.user_id, f.verdict, f.document_id, f.version_id, f.span_start,
        f.span_end, f.updated_at
    FROM kontor.message_feedback AS f
    WHERE f.tenant_id = %(tenant_id)s AND (f.document_id IS NOT NULL OR f.verdict = 'up')
    ORDER BY f.updated_at DESC, f.message_id DESC, f.user_id DESC
    LIMIT %(limit)s
),
golds AS (
    SELECT j.message_id, j.user_id, j.verdict, j.updated_at, j.document_id, j.version_id,
        j.span_start, j.span_end
    FROM judged AS j
    WHERE j.document_id IS NOT NULL
    UNION ALL
    SELECT j.message_id, j.user_id, j.verdict, j.updated_at, c.document_id, c.version_id,
        c.span_start, c.span_end
    FROM judged AS j
    JOIN kontor.citations AS c ON c.tenant_id = %(tenant_id)s AND c.message_id = j.message_id
    WHERE j.document_id IS NULL AND c.quote <> ''
)
SELECT g.message_id, g.user_id, g.verdict, q.content AS question, g.document_id, g.version_id,
    g.span_start, g.span_end
FROM golds AS g
JOIN kontor.messages AS m ON m.tenant_id = %(tenant_id)s AND m.id = g.message_id
JOIN kontor.documents AS d ON d.tenant_id = %(tenant_id)s AND d.id = g.document_id
    AND d.removed_at IS NULL
CROSS JOIN LATERAL (
    SELECT p.content
    FROM kontor.messages AS p
    WHERE p.tenant_id = %(tenant_id)s AND p.id = m.parent_id AND p.role = 'user'
    LIMIT 1
) AS q
ORDER BY g.updated_at DESC, g.message_id DESC, g.user_id DESC, g.span_start
LIMIT 20000;

-- :name record_run :exec
-- A run as it was saved.
INSERT INTO kontor.evaluation_runs (tenant_id, id, kind, name, run, created_by)
VALUES (%(tenant_id)s, %(id)s, %(kind)s, %(name)s, %(run)s::jsonb, %(created_by)s);

-- :name list_runs :many KeptRun
-- The last runs first; ids are in the order of time.
SELECT id, kind, name, run, created_by, created_at
FROM kontor.evaluation_runs
WHERE tenant_id = %(tenant_id)s AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s;

-- :name find_run :one KeptRun
-- One run with the values of every question.
SELECT id, kind, name, run, created_by, created_at
FROM kontor.evaluation_runs
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s;

-- :name remove_old_runs :exec
-- Only so many runs are kept, the last ones.
DELETE FROM kontor.evaluation_runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id <= (
    SELECT k.id FROM kontor.evaluation_runs AS k
    WHERE k.tenant_id = %(tenant_id)s
    ORDER BY k.id DESC
    OFFSET %(kept)s
    LIMIT 1
);
